"""Parameters of the Payment Page at their edges, and the form that they come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from sampan.clock import DAY_US
from sampan.domain.codes import Code
from sampan.domain.payment import Targets
from sampan.errors import Refusal
from sampan.flow.page import PageRequest
from sampan.money import AMOUNT_MINOR_MAX
from sampan.page import params
from sampan.page.requests import FIELDS_MAX, _fields
from tests.support.page_examples import NOW_US, PROJECT, SECOND_US, SHOP, project_with

FIELDS: Final = {
    "payment_id": "p-1",
    "payment_amount": "1000",
    "payment_currency": "HKD",
    "customer_id": "c",
}


def read(**more: str) -> PageRequest:
    """Read the required parameters and these."""
    return params.read(FIELDS | more, PROJECT, check_url=lambda _: None, now_us=NOW_US)


def refused(fields: Mapping[str, str]) -> Refusal:
    """Read parameters that must be refused."""
    with pytest.raises(Refusal) as caught:
        params.read(fields, PROJECT, check_url=lambda _: None, now_us=NOW_US)
    return caught.value


def test_required_parameters_are_enough() -> None:
    """What is not given has no effect."""
    asked = read()
    assert (asked.payment_id, asked.amount_minor, asked.currency) == ("p-1", 1_000, "HKD")
    assert (asked.customer.id, asked.customer.email) == ("c", "")
    assert (asked.description, asked.merchant_data, asked.targets) == ("", "", Targets())
    assert (asked.returns, asked.best_before_us, asked.language) == ({}, None, "")
    assert (asked.style, asked.forced) == (0, False)


def test_everything_that_matters_is_read() -> None:
    """Customer, texts and callback addresses come as they were sent."""
    asked = read(
        customer_first_name="大文",
        customer_last_name="陳",
        customer_email="tai.man@tea.example",
        customer_phone="85291234567",
        payment_description="茶; tea",
        merchant_data='{"cart": [1, 2]}',
        merchant_callback_url=f"{SHOP}/1",
        merchant_success_callback_url=f"{SHOP}/2",
        merchant_decline_callback_url=f"{SHOP}/3",
        force_payment_method="hk-qr",
        mode="purchase",
        hide="card,bank-transfer-hk",
    )
    customer = asked.customer
    assert (customer.first_name, customer.last_name, customer.phone) == (
        "大文",
        "陳",
        "85291234567",
    )
    assert customer.email == "tai.man@tea.example"
    assert (asked.description, asked.merchant_data) == ("茶; tea", '{"cart": [1, 2]}')
    assert asked.targets == Targets(
        callback_url=f"{SHOP}/1",
        success_callback_url=f"{SHOP}/2",
        decline_callback_url=f"{SHOP}/3",
    )
    assert asked.forced


def test_faults_are_named() -> None:
    """A refusal names every field that is missing, and its code."""
    error = refused({"payment_id": "p-1", "payment_amount": ""})
    assert error.code == Code.REQUIRED_FIELD_MISSING
    names = [fault.field for fault in error.faults]
    assert names == ["payment_amount", "payment_currency", "customer_id"]


def test_strict_projects_ask_for_more() -> None:
    """Where the project is strict the customer's names and address are required too."""
    project = project_with(strict_customer=True)
    with pytest.raises(Refusal) as caught:
        params.read(FIELDS, project, check_url=lambda _: None, now_us=NOW_US)
    names = [fault.field for fault in caught.value.faults]
    assert names == ["customer_first_name", "customer_last_name", "customer_email"]


@pytest.mark.parametrize(
    ("text", "amount_minor"),
    [
        ("1", 1),
        ("1000.0", 1_000),
        ("1000.000", 1_000),
        ("0001000", 1_000),
        (str(AMOUNT_MINOR_MAX), AMOUNT_MINOR_MAX),
    ],
)
def test_amount(text: str, amount_minor: int) -> None:
    """Minor units, also from libraries that know fractions alone."""
    assert read(payment_amount=text).amount_minor == amount_minor


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0.0",
        "1000.",
        ".0",
        "1000.01",
        "+5",
        " 5",
        "5\n",
        "1_000",
        "٣",
        "²",
        str(AMOUNT_MINOR_MAX + 1),
        "1" * 15,
    ],
)
def test_what_is_no_amount(text: str) -> None:
    """A sum is never guessed."""
    error = refused(FIELDS | {"payment_amount": text})
    assert (error.code, error.faults[0].field) == (Code.MALFORMED_REQUEST, "payment_amount")


@pytest.mark.parametrize(
    ("text", "moment_us"),
    [
        # 12:00 in Hong Kong is 04:00 UTC, NOW_US is 04:04:18
        ("2026-01-31T12:30:00+08:00", NOW_US + 1_542 * SECOND_US),
        ("2026-01-31T12:30:00+0800", NOW_US + 1_542 * SECOND_US),
        ("2026-01-31T12:30:00+08", NOW_US + 1_542 * SECOND_US),
        ("2026-01-31T04:30:00+00:00", NOW_US + 1_542 * SECOND_US),
        ("2026-01-31T04:30:00Z", NOW_US + 1_542 * SECOND_US),
        ("2026-01-31T04:30:00", NOW_US + 1_542 * SECOND_US),
        ("2026-01-31T01:00:00-03:30", NOW_US + 1_542 * SECOND_US),
        # a part of a second is no time to pay in
        ("2026-01-31T04:30:00.999999", NOW_US + 1_542 * SECOND_US),
        ("2026-01-31T12:30:00.5+08:00", NOW_US + 1_542 * SECOND_US),
        ("2026-01-31T04:04:18Z", NOW_US),
        # Hong Kong's clocks do not change in summer
        ("2026-03-02T12:04:18+08", NOW_US + 30 * DAY_US),
        ("2026-03-02T04:04:19Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("", None),
    ],
)
def test_best_before(text: str, moment_us: int | None) -> None:
    """With a zone or, as one library writes it, in UTC; further off than 30 days is no limit."""
    assert read(best_before=text).best_before_us == moment_us


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z"])
def test_best_before_long_ago(text: str) -> None:
    """A moment long ago is one that is over."""
    until_us = read(best_before=text).best_before_us
    assert until_us is not None
    assert until_us < 0


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 12:30:00",
        "2026-02-30T12:30:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:30",
        "2026-01-31T12:30:00+25",
        "2026-01-31T12:30:00.1234567Z",
        "2026-01-31T12:30:00z",
        "2026-W05-6T12:30:00",
        "20260131T123000Z",
        "1769833800",
        "2026-01-31T12:30:00Z\n",
        "２０２６-01-31T12:30:00Z",  # noqa: RUF001 - digits that look alike
    ],
)
def test_what_is_no_best_before(text: str) -> None:
    """A time that could be misread is refused: the page must not end too early or too late."""
    error = refused(FIELDS | {"best_before": text})
    assert (error.code, error.faults[0].field) == (Code.MALFORMED_REQUEST, "best_before")


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("7", 7),
        ("007", 7),
        ("999999999", 999_999_999),
        ("", 0),
        ("-1", 0),
        ("1.0", 0),
        ("9" * 10, 0),
        ("dark", 0),
        ("٣", 0),
    ],
)
def test_style(text: str, style: int) -> None:
    """A style that cannot be one is the default: looks are no reason to refuse a payment."""
    assert read(style_id=text).style == style


@pytest.mark.parametrize(("text", "language"), [("ZH-Hant", "zh-hant"), ("fr", "fr"), ("", "")])
def test_language(text: str, language: str) -> None:
    """A language is kept in lower case, known or not."""
    assert read(language_code=text).language == language


def test_language_is_bounded() -> None:
    """A language is no place for a book."""
    assert refused(FIELDS | {"language_code": "x" * 256}).faults[0].field == "language_code"


@pytest.mark.parametrize("name", params.RETURN_URLS)
def test_return_addresses(name: str) -> None:
    """Each of the six addresses is kept as it came, and bounded."""
    url = f"{SHOP}/back?order=1&a=%E8%8C%B6"
    assert read(**{name: url}).returns == {name: url}
    assert read(**{name: ""}).returns == {}
    assert refused(FIELDS | {name: f"{SHOP}/{'x' * 2048}"}).faults[0].field == name
    assert refused(FIELDS | {name: "https://["}).faults[0].field == name


@pytest.mark.parametrize("name", params.RETURN_ENABLED)
@pytest.mark.parametrize("value", ["0", "1", "2", "", "3", "true", "02"])
def test_return_enabled(name: str, value: str) -> None:
    """A rule that does not exist is as good as none."""
    kept = {name: value} if value in {"0", "1", "2"} else {}
    assert read(**{name: value}).returns == kept


@pytest.mark.parametrize("name", params.RETURN_MODES)
@pytest.mark.parametrize("value", ["iframe", "parent_page", "blank_page", "", "popup", "IFRAME"])
def test_return_modes(name: str, value: str) -> None:
    """A mode that does not exist is as good as none."""
    kept = {name: value} if value in params.MODES else {}
    assert read(**{name: value}).returns == kept


def test_return_of_other_methods_is_ignored() -> None:
    """What leads back after other actions is not kept."""
    assert read(redirect_tokenize_url=SHOP, redirect_tokenize_mode="iframe").returns == {}


def test_callback_address_is_checked() -> None:
    """An address to which no callback may go is refused before anything is registered."""
    seen: list[str] = []

    def check(url: str) -> None:
        seen.append(url)
        raise ValueError("private")

    fields = FIELDS | {"merchant_decline_callback_url": "http://10.0.0.1/"}
    with pytest.raises(Refusal) as caught:
        params.read(fields, PROJECT, check_url=check, now_us=NOW_US)
    assert caught.value.faults[0].field == "merchant_decline_callback_url"
    assert seen == ["http://10.0.0.1/"]


# --- the form -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=+b%20c", {"a": " b c"}),
        (b"a=1%2B1%3D2%26", {"a": "1+1=2&"}),
        (b"a=%E8%8C%B6&%E8%8C%B6=b", {"a": "茶", "茶": "b"}),
        (b"a=&b", {"a": "", "b": ""}),
        (b"&&a=1&", {"a": "1"}),
        (b"a=1&_b=2;3", {"a": "1", "_b": "2;3"}),
        (b"a=b:c", {"a": "b:c"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=%zz", {"a": "%zz"}),
        (b"a=1&A=2", {"a": "1", "A": "2"}),
    ],
)
def test_form(query: bytes, fields: dict[str, str]) -> None:
    """A form is read as browsers write it: the very texts that were signed."""
    assert _fields(query) == fields


@pytest.mark.parametrize(
    "query",
    [
        b"a=1&a=1",
        b"a=1&%61=2",
        b"a=%ff",
        b"%ff=a",
        b"a=\xe8\x8c\xb6",
        b"a=%00",
        b"a%00=1",
        b"a=%ED%A0%80",
        b"a=1;b=2",
        b"a=1%3Bb:2",
        b"a;b=1",
        b"a%3Ab=1",
    ],
)
def test_unreadable_form(query: bytes) -> None:
    """What could be read in two ways, or not at all, is refused."""
    with pytest.raises(Refusal) as caught:
        _fields(query)
    assert caught.value.code == Code.MALFORMED_REQUEST


def test_form_is_bounded() -> None:
    """A form has so many fields and no more."""
    names = [f"{n}=" for n in range(FIELDS_MAX + 1)]
    assert len(_fields("&".join(names[:-1]).encode())) == FIELDS_MAX
    with pytest.raises(Refusal):
        _fields("&".join(names).encode())
