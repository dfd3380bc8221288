"""What an FPS account may say, and which account of a project a payment is paid to."""

from __future__ import annotations

from typing import Any

import pytest

from sampan.codecs.emv_qr import FpsQr, decode, encode
from sampan.domain.days import Zone, begun_us
from sampan.domain.fps_account import (
    Attached,
    FpsAccount,
    ProxyKind,
    account_of,
    changed,
    choose,
    differences,
    id_of_key,
    order_options,
    qr_fields,
)
from sampan.domain.project import AccountRule, ReferenceMode

HOUR_US = 3_600_000_000
PLAIN: dict[str, object] = {
    "id": 7,
    "name": "Main",
    "proxy_kind": "fps_id",
    "proxy": "1029384",
    "payee_name": "HARBOUR TEA HOUSE",
}
MOBILE: dict[str, object] = {"proxy_kind": "mobile", "proxy": "+852-91234567"}
EMAIL: dict[str, object] = {"proxy_kind": "email", "proxy": "Pay@Tea.example"}

GOOD: list[dict[str, object]] = [
    {},
    {"proxy": "166069526"},
    MOBILE,
    {"proxy_kind": "mobile", "proxy": "+86-13800138000"},
    EMAIL,
    {"proxy_kind": "email", "proxy": "a" * 26 + "@tea.hk1"},
    MOBILE | {"clearing_code": "004"},
    {"clearing_code": "004", "bank_account": "004-123-456789-001"},
    {"payee_name_zh": "海港茶舍" * 6 + "茶", "payee_name": "T" * 25, "city": "H" * 15},
    {"mcc": "5499", "currencies": "HKD,CNY", "reference_mode": "both"},
    {"name": "X1"},
]
BAD: list[tuple[dict[str, object], str]] = [
    ({"proxy": "123456"}, "7 to 9 digits"),
    ({"proxy": "1234567890"}, "7 to 9 digits"),
    ({"proxy": "١٢٣٤٥٦٧"}, "7 to 9 digits"),
    ({"proxy": "1029384\n"}, "7 to 9 digits"),
    ({"proxy_kind": "mobile", "proxy": "91234567"}, r"\+852-91234567"),
    ({"proxy_kind": "mobile", "proxy": "+85291234567"}, r"\+852-91234567"),
    ({"proxy_kind": "mobile", "proxy": "+852-9123456"}, r"\+852-91234567"),
    ({"proxy_kind": "email", "proxy": "tea"}, "34 characters"),
    ({"proxy_kind": "email", "proxy": "a;b@tea.hk"}, "34 characters"),
    ({"proxy_kind": "email", "proxy": "a" * 27 + "@tea.hk1"}, "34 characters"),
    ({"proxy_kind": "email", "proxy": "茶@tea.hk"}, "34 characters"),
    ({"proxy_kind": "hkid"}, "proxy_kind"),
    ({"clearing_code": "04"}, "clearing_code"),
    ({"bank_account": "1 2"}, "bank_account"),
    ({"payee_name": ""}, "payee_name"),
    ({"payee_name": " A"}, "payee_name"),
    ({"payee_name": "A;B"}, "payee_name"),
    ({"payee_name": "茶"}, "payee_name"),
    ({"payee_name": "T" * 26}, "payee_name"),
    ({"payee_name_zh": "茶" * 26}, "payee_name_zh"),
    ({"payee_name_zh": "茶\n"}, "payee_name_zh"),
    ({"payee_name_zh": " 茶"}, "payee_name_zh"),
    ({"payee_name_zh": "𠮷"}, "payee_name_zh"),
    ({"payee_name_zh": "茶;茶"}, "payee_name_zh"),
    ({"city": ""}, "city"),
    ({"mcc": "12"}, "mcc"),
    ({"currencies": "USD"}, "currencies"),
    ({"currencies": "CNY,HKD"}, "currencies"),
    ({"reference_mode": "always"}, "reference_mode"),
    ({"amount_lock": "perhaps"}, "amount_lock"),
    ({"off_max_minor": "101"}, "off_max_minor"),
    ({"off_max_minor": -1}, "off_max_minor"),
    ({"name": ""}, "name"),
    ({"name": "12"}, "name"),
    ({"name": " Main"}, "name"),
    ({"shoe_size": 1}, "shoe_size"),
]


def account(**values: object) -> FpsAccount:
    """An account with these values."""
    return account_of(PLAIN | values)


def test_cautious_where_nothing_is_said() -> None:
    """An ordinary account takes HKD and no reference; its amount is locked and nothing is off."""
    made = account()
    assert (made.currencies, made.reference_mode) == ("HKD", ReferenceMode.NONE)
    assert (made.amount_lock, made.timeout_in_qr, made.is_on) == (True, True, True)
    assert (made.off_max_minor, made.key) == (0, "fps:7")


@pytest.mark.parametrize("values", GOOD)
def test_what_an_account_may_say_stands_in_its_qr(values: dict[str, object]) -> None:
    """Whatever is accepted makes a QR that reads back without a remark and holds no semicolon."""
    fields: dict[str, Any] = {**qr_fields(account(**values))}
    payload = encode(FpsQr(**fields, amount_minor=1))
    read = decode(payload)
    assert read.warnings == ()
    assert read.fps is not None
    assert read.fps.proxy == account(**values).proxy
    assert ";" not in payload


@pytest.mark.parametrize(("values", "told"), BAD)
def test_what_no_account_may_say(values: dict[str, object], told: str) -> None:
    """What does not fit is named."""
    with pytest.raises(ValueError, match=told):
        account(**values)


def test_bank_stands_only_beside_what_may_move() -> None:
    """An FPS ID belongs to one bank; a mobile number in the QR names the bank that is meant."""
    assert "clearing_code" not in qr_fields(account(clearing_code="004"))
    assert qr_fields(account(**MOBILE, clearing_code="004"))["clearing_code"] == "004"


def test_provider_is_told_in_texts() -> None:
    """Options of an order are texts, and an empty one is left out."""
    told = order_options(account(**EMAIL, amount_lock=False))
    assert told == {
        "email": "Pay@Tea.example",
        "merchant_name": "HARBOUR TEA HOUSE",
        "merchant_city": "HK",
        "mcc": "0000",
        "reference_mode": "none",
        "amount_lock": "false",
        "timeout_in_qr": "true",
    }


def test_change_keeps_the_id_and_is_told() -> None:
    """Texts become values; what differs is told, and nothing where nothing does."""
    before = account()
    after = changed(before, {"id": "8", "is_on": "false", "payee_name_zh": "茶", "mcc": "0000"})
    assert (after.id, after.is_on, after.payee_name_zh) == (7, False, "茶")
    assert differences(before, after) == ["payee_name_zh=empty → 茶", "is_on=true → false"]
    assert differences(after, after) == []


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("fps:7", 7),
        ("fps:9007199254740991", 2**53 - 1),
        ("fps:", None),
        ("fps:7x", None),
        ("fps:" + "9" * 17, None),
        ("fps:\u0667", None),
        ("7", None),
        ("sandbox:7", None),
    ],
)
def test_key_names_an_id(key: str, found: int | None) -> None:
    """A key is `fps:` and an id, and nothing else is one."""
    assert id_of_key(key) == found


A = Attached(account=account(id=1), position=1, chosen_us=5, today_minor=30)
B = Attached(account=account(id=2, currencies="HKD,CNY"), position=2, chosen_us=4, today_minor=30)
C = Attached(account=account(id=3), position=3, chosen_us=6, today_minor=20)
OFF = Attached(account=account(id=4, is_on=False), position=0)


@pytest.mark.parametrize(
    ("rule", "currency", "attached", "chosen"),
    [
        (AccountRule.FIRST, "HKD", (C, OFF, B, A), A),
        (AccountRule.FIRST, "CNY", (A, B, C), B),
        (AccountRule.TURNS, "HKD", (A, B, C, OFF), B),
        (AccountRule.LEAST_TODAY, "HKD", (A, B, C, OFF), C),
        (AccountRule.LEAST_TODAY, "HKD", (B, A), A),
        (AccountRule.LEAST_TODAY, "CNY", (A, B, C), B),
        *((rule, "HKD", (OFF,), None) for rule in AccountRule),
        *((rule, "USD", (A, B, C), None) for rule in AccountRule),
        *((rule, "HKD", (), None) for rule in AccountRule),
    ],
)
def test_which_account(
    rule: AccountRule, currency: str, attached: tuple[Attached, ...], chosen: Attached | None
) -> None:
    """Of those that can: the first, the one that waits longest, the one asked for the least."""
    assert choose(attached, rule, currency=currency) is chosen


@pytest.mark.parametrize(
    ("now_us", "began_us"),
    [
        (0, -8 * HOUR_US),
        (16 * HOUR_US - 1, -8 * HOUR_US),
        (16 * HOUR_US, 16 * HOUR_US),
        (40 * HOUR_US + 5, 40 * HOUR_US),
    ],
)
def test_day_begins_in_hong_kong(now_us: int, began_us: int) -> None:
    """Midnight is 16:00 UTC of the day before."""
    assert begun_us(now_us, Zone.HONG_KONG) == began_us


def test_every_kind_has_a_form() -> None:
    """No kind of proxy goes unchecked."""
    assert {kind.value for kind in ProxyKind} == {"fps_id", "mobile", "email"}
