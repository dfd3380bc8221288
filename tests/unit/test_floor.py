"""The floor that every room stands on: money, clock, errors, log, settings of the process."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from sampan import clock as clocks
from sampan import log as logs
from sampan.clock import Clock, ManualClock, SystemClock
from sampan.errors import FieldFault, Refusal
from sampan.money import from_text, to_display, to_text
from sampan.settings import Settings
from tests.support.logs import plain

currencies = st.sampled_from(["HKD", "CNY"])


@given(st.integers(0, 10**13), currencies)
def test_amounts_survive_text(amount_minor: int, currency: str) -> None:
    """An amount written and read again is the same integer."""
    assert from_text(to_text(amount_minor, currency), currency) == amount_minor


@pytest.mark.parametrize(
    ("amount_minor", "text"),
    [(10_050, "100.50"), (0, "0.00"), (7, "0.07"), (-7, "-0.07"), (-10_050, "-100.50")],
)
def test_amount_as_text(amount_minor: int, text: str) -> None:
    """Minor units become a plain decimal; a sum that went back has a sign."""
    assert to_text(amount_minor, "HKD") == text


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (1_234_500, "HKD", "HK$12,345.00"),
        (99, "CNY", "CN¥0.99"),
        (-1_234_500, "HKD", "-HK$12,345.00"),
    ],
)
def test_amount_for_people(amount_minor: int, currency: str, text: str) -> None:
    """People see a symbol and groups of three."""
    assert to_display(amount_minor, currency) == text


@pytest.mark.parametrize(("text", "amount_minor"), [("1", 100), ("1.5", 150), ("1.", 100)])
def test_short_amounts(text: str, amount_minor: int) -> None:
    """Decimals may be left out."""
    assert from_text(text, "HKD") == amount_minor


@pytest.mark.parametrize("text", ["", ".5", "-1", "+1", "1e3", "1,000", "1.005", "\uff11", "1.2.3"])
def test_what_is_no_amount(text: str) -> None:
    """Signs, groups, exponents, third decimals and other digits are refused, never rounded."""
    with pytest.raises(ValueError, match="not an amount in HKD"):
        from_text(text, "HKD")


def test_an_unknown_currency() -> None:
    """Money of a currency that is not the method's is nobody's."""
    with pytest.raises(KeyError):
        to_text(1, "USD")


def test_units_of_time() -> None:
    """Larger units are counted in microseconds."""
    assert (clocks.SECOND_US, clocks.MINUTE_US) == (1_000_000, 60_000_000)
    assert (clocks.HOUR_US, clocks.DAY_US) == (3_600_000_000, 86_400_000_000)


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_a_clock_has_time_and_chance(clock: Clock) -> None:
    """Both clocks tell times that do not run back, tokens of the asked size, and a jitter."""
    assert clock.now_us() > 1_700_000_000_000_000
    assert clock.monotonic_us() <= clock.monotonic_us()
    assert len(bytes.fromhex(clock.token(20))) == 20
    assert clock.token(20) != clock.token(20)
    assert 0 <= clock.jitter() < 1


def test_a_manual_clock_stands_still() -> None:
    """Nothing but `advance` moves it, forward or back."""
    clock = ManualClock(1000)
    assert clock.now_us() == clock.monotonic_us() == 1000
    clock.advance(5)
    clock.advance(-2)
    assert clock.now_us() == clock.monotonic_us() == 1003


def test_chance_can_be_repeated() -> None:
    """The same seed, the same tokens."""
    one, two, other = ManualClock(seed=7), ManualClock(seed=7), ManualClock(seed=8)
    assert one.token(8) == two.token(8) != other.token(8)
    assert one.jitter() == two.jitter()


def test_a_refusal_says_all() -> None:
    """A refusal carries what a door answers; without more it is a bad request."""
    fault = FieldFault("2004", "Required field not provided", "payment.amount", "required")
    refusal = Refusal("2004", "Required field not provided", faults=(fault,))
    assert str(refusal) == "2004 Required field not provided"
    assert (refusal.code, refusal.http_status, refusal.faults) == ("2004", 400, (fault,))


@pytest.fixture
def fresh_logs() -> Iterator[None]:
    """Put logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    plain()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("fresh_logs")
def test_json_logs_hold_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is JSON with level, time and ids; values of secret keys are left out."""
    logs.set_up("info", "json")
    log = structlog.get_logger("json")
    log.debug("not shown")
    log.info("項目", project=7, secret="hush", signature="abc", master_key="k")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["project"]) == ("項目", "info", 7)
    assert told["secret"] == told["signature"] == told["master_key"] == "…"
    assert told["timestamp"].endswith("Z")


def fail(name: str, password: str) -> None:
    """Fail while a secret is at hand, and log it."""
    try:
        int(f"{name} is no number")
    except ValueError:
        structlog.get_logger(name).exception("failed", password=password)


@pytest.mark.usefixtures("fresh_logs")
def test_json_logs_hold_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception stands in its line."""
    logs.set_up("error", "json")
    fail("trace", "hush")
    assert "ValueError: invalid literal" in json.loads(capsys.readouterr().err)["exception"]


@pytest.mark.usefixtures("fresh_logs")
def test_text_logs_print_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback for people shows the lines of code, never the values in them."""
    logs.set_up("info", "text")
    fail("text", "hush")
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "hush" not in told


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings, and no settings in the environment."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SAMPAN_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("bare")
def test_safe_defaults() -> None:
    """Out of the box nothing listens to the world and no callback goes to a private address."""
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert not settings.allow_private_callbacks
    assert not settings.allow_http_callbacks
    assert settings.public_url == settings.own_url == "http://127.0.0.1:8700"


def test_environment_wins_over_file(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sampan.toml` sets what the environment does not."""
    (bare / "sampan.toml").write_text('port = 1234\nlog_level = "debug"\n')
    monkeypatch.setenv("SAMPAN_PORT", "4321")
    settings = Settings()
    assert (settings.port, settings.log_level) == (4321, "debug")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("host", "own_url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8700"),
        ("::", "http://127.0.0.1:8700"),
        ("::1", "http://[::1]:8700"),
        ("10.0.0.5", "http://10.0.0.5:8700"),
    ],
)
def test_own_address(host: str, own_url: str) -> None:
    """The server reaches itself wherever it listens."""
    assert Settings(host=host).own_url == own_url


@pytest.mark.usefixtures("bare")
def test_public_address_has_no_slash_at_its_end() -> None:
    """Paths are joined to it."""
    assert Settings(base_url="https://pay.example/").public_url == "https://pay.example"


@pytest.mark.usefixtures("bare")
def test_a_port_out_of_range() -> None:
    """A port that cannot be is refused at the start."""
    with pytest.raises(ValidationError, match="port"):
        Settings(port=65_536)


@pytest.mark.parametrize(
    ("mail_from", "sender"),
    [
        ("", ("", "")),
        ("shop@tea.example", ("", "shop@tea.example")),
        ("<shop@tea.example>", ("", "shop@tea.example")),
        ("Tea House <shop@tea.example>", ("Tea House", "shop@tea.example")),
        ('"Tea, House" <shop@tea.example>', ("Tea, House", "shop@tea.example")),
        ("陳記茶舍 <shop@茶.example>", ("陳記茶舍", "shop@茶.example")),
    ],
)
def test_sender_of_mail(mail_from: str, sender: tuple[str, str]) -> None:
    """A sender is an address, or a name with one."""
    assert Settings(mail_from=mail_from).mail_sender == sender


@pytest.mark.parametrize(
    "mail_from",
    [
        "Tea House",
        "shop@tea.example>",
        "Tea <shop@tea.example",
        "a@b.example, c@d.example",
        "a@b\n",
    ],
)
def test_no_sender_of_mail(mail_from: str) -> None:
    """Half a sender, or two, is refused at start."""
    with pytest.raises(ValidationError, match="mail_from"):
        Settings(mail_from=mail_from)


def test_password_of_mail_is_not_shown() -> None:
    """Neither settings nor what is said about wrong ones show the password."""
    settings = Settings(smtp_password=SecretStr("correct-horse"))
    assert "correct-horse" not in f"{settings!r} {settings}"
    with pytest.raises(ValidationError) as caught:
        Settings(smtp_security="none", smtp_password=SecretStr("correct-horse"))
    assert "correct-horse" not in f"{caught.value!r} {caught.value}"
