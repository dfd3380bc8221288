"""Payment Page URLs of the public packages: they verify, and each has ways of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import pytest

from sampan.codecs.signature import verify_form
from tests.support.page_urls import npm_url, npm_urls, python_url

Fields = dict[str, object]

BASE_URL: Final = "http://127.0.0.1:8080/payment"
SECRET: Final = "page-secret-密鑰"
UNSIGNED: Final = frozenset({"signature", "frame_mode"})
PACKAGES: Final = ("python", "npm")
MAKERS: Final = {"python": python_url, "npm": npm_url}

LEAST: Final[Fields] = {
    "project_id": 42,
    "payment_id": "order-1001",
    "payment_amount": 1000,
    "payment_currency": "HKD",
}
CASES: Final[dict[str, Fields]] = {
    "least": LEAST,
    "usual": {
        **LEAST,
        "customer_id": "cust_7",
        "language_code": "en",
        "force_payment_method": "hk-qr",
        "payment_description": "Coffee",
    },
    "chinese": {**LEAST, "payment_description": "奶茶兩杯，少甜", "customer_first_name": "大文"},
    "emoji": {**LEAST, "payment_description": "🧋 2️⃣ 👩‍👩‍👧", "customer_id": "🀄"},
    "spaces": {**LEAST, "payment_description": "  two  blanks\tand a tab\n", "payment_id": "a b"},
    "separators": {**LEAST, "payment_description": "a&b=c+d/e:f;g?h#i%20j%", "payment_id": "1/2:3"},
    "quotes": {**LEAST, "payment_description": 'it\'s "5*3" (or ~<b>!) \\ `x` |{}[]^'},
    "addresses": {
        **LEAST,
        "merchant_success_url": "https://shop.example/done?order=1&lang=zh-HK#top",
        "merchant_fail_url": "https://shop.example/失敗?next=https%3A%2F%2Fshop.example%2F+a",
        "merchant_callback_url": "http://127.0.0.1:9000/callback?a=1&a=2",
    },
    "booleans": {**LEAST, "redirect": True, "redirect_on_mobile": False, "recurring_register": 1},
    "json": {
        **LEAST,
        "interface_type": '{"id": 24, "v":[1,2]}',
        "recurring": '{"register":true,"type":"C"}',
        "payment_methods_options": '{"hk-qr": {"名": "值 + & ;"}}',
    },
    "empty": {**LEAST, "customer_id": "", "payment_description": "", "region_code": "HK"},
    "dates": {**LEAST, "best_before": datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)},
    "unsigned": {**LEAST, "frame_mode": "iframe", "_plugin_version": "1.2.3"},
}

each_package = pytest.mark.parametrize("package", PACKAGES)
each_case = pytest.mark.parametrize("case", CASES)


@cache
def urls(package: str) -> dict[str, str]:
    """The URL of every case by one package."""
    if package == "npm":
        return dict(zip(CASES, npm_urls(BASE_URL, SECRET, list(CASES.values())), strict=True))
    return {name: python_url(BASE_URL, SECRET, fields) for name, fields in CASES.items()}


def decoded(url: str) -> dict[str, str]:
    """The fields that a server reads from a URL."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    fields = dict(pairs)
    assert len(fields) == len(pairs)
    return fields


def fits(fields: dict[str, str], secret: str = SECRET) -> bool:
    """Whether the signature among the fields fits the others."""
    return verify_form([secret], fields, signature=fields["signature"])


def made(package: str, **more: object) -> dict[str, str]:
    """The decoded fields of a URL with some more than the least of them."""
    return decoded(MAKERS[package](BASE_URL, SECRET, {**LEAST, **more}))


@each_package
@each_case
def test_a_url_verifies(package: str, case: str) -> None:
    """What a shop signs with a public package verifies under its secret."""
    assert fits(decoded(urls(package)[case]))


@each_package
@each_case
def test_a_changed_value_does_not_verify(package: str, case: str) -> None:
    """No signed value can be another one."""
    fields = decoded(urls(package)[case])
    signed = fields.keys() - UNSIGNED
    assert [name for name in signed if fits({**fields, name: fields[name] + "0"})] == []


@each_package
@each_case
def test_a_dropped_field_does_not_verify(package: str, case: str) -> None:
    """No signed field can be taken out."""
    fields = decoded(urls(package)[case])
    less = {name: {n: fields[n] for n in fields if n != name} for name in fields.keys() - UNSIGNED}
    assert [name for name, rest in less.items() if fits(rest)] == []


@each_package
@each_case
def test_an_added_field_does_not_verify(package: str, case: str) -> None:
    """No field that could have an effect can be put in, not even an empty one."""
    assert not fits({**decoded(urls(package)[case]), "customer_city": ""})


@each_package
@each_case
def test_another_secret_does_not_verify(package: str, case: str) -> None:
    """A URL belongs to the project whose secret signed it."""
    assert not fits(decoded(urls(package)[case]), SECRET + " ")


@each_package
@each_case
def test_texts_and_integers_arrive_as_they_were_given(package: str, case: str) -> None:
    """A URL carries every text to the last character, and integers in decimal."""
    fields = decoded(urls(package)[case])
    given = {name: value for name, value in CASES[case].items() if type(value) in {str, int}}
    assert {name: fields[name] for name in given} == {n: str(v) for n, v in given.items()}


@each_package
@each_case
def test_a_url_leads_to_the_page_in_ascii(package: str, case: str) -> None:
    """A URL is the address of the page and an ASCII query that any carrier leaves alone."""
    url = urls(package)[case]
    assert url.startswith(f"{BASE_URL}?project_id=42&interface_type=")
    assert url.isascii()
    assert not set(' \t\n"<>#') & set(url)


@pytest.mark.parametrize(("package", "written"), [("python", "a+b%2Bc"), ("npm", "a%20b%2Bc")])
def test_how_a_space_is_written(package: str, written: str) -> None:
    """Python writes a space as `+`, npm as `%20`; a plus sign is `%2B` in both."""
    url = MAKERS[package](BASE_URL, SECRET, {**LEAST, "payment_description": "a b+c"})
    assert f"&payment_description={written}&" in url


@pytest.mark.parametrize(
    ("package", "written"), [("python", ["True", "False"]), ("npm", ["true", "false"])]
)
def test_how_a_boolean_is_written(package: str, written: list[str]) -> None:
    """Each package writes booleans in its language's way, and signs `1` or `0`."""
    fields = decoded(urls(package)["booleans"])
    assert [fields["redirect"], fields["redirect_on_mobile"]] == written
    assert fits({**fields, "redirect": "1", "redirect_on_mobile": "0"})


@pytest.mark.parametrize(("package", "written"), [("python", '{"id": 24}'), ("npm", '{"id":22}')])
def test_how_a_package_names_itself(package: str, written: str) -> None:
    """The JSON text that each package adds differs in its spaces, and is signed as it stands."""
    assert decoded(urls(package)["least"])["interface_type"] == written


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC), "2031-02-03T04:05:06+00:00"),
        (datetime(2031, 2, 3, 4, 5, 6, 70, tzinfo=UTC), "2031-02-03T04:05:06.000070+00:00"),
        (datetime(2031, 2, 3, 4, 5, 6), "2031-02-03T04:05:06"),  # noqa: DTZ001 - what shops pass
    ],
)
def test_how_python_writes_a_date(moment: datetime, written: str) -> None:
    """Python writes `best_before` with the zone and the fraction that the date has, or without."""
    assert made("python", best_before=moment)["best_before"] == written


@pytest.mark.parametrize(
    ("package", "written", "verifies"), [("python", "None", True), ("npm", "null", False)]
)
def test_how_a_null_is_written(package: str, written: str, *, verifies: bool) -> None:
    """Python sends and signs the word `None`; npm sends `null` and signs nothing, in vain."""
    fields = made(package, customer_id=None)
    assert fields["customer_id"] == written
    assert fits(fields) is verifies


@each_package
def test_a_list_does_not_verify(package: str) -> None:
    """Both packages sign a list's items but send another text, so such a request is refused."""
    assert not fits(made(package, payment_description=["a", "b"]))


def test_npm_writes_some_lists_and_objects_as_text() -> None:
    """Two fields have setters of their own in npm, which make one text: these verify."""
    fields = made("npm", cashier_predefined_amounts=[5, 10], cash_voucher_data={"名": 1})
    assert fields["cashier_predefined_amounts"] == "5,10"
    assert fields["cash_voucher_data"] == "eyLlkI0iOjF9"
    assert fits(fields)


@each_package
def test_a_whole_fraction_verifies(package: str) -> None:
    """Python writes 10.0 as `10.0` and npm as `10`; each signs what it sends."""
    fields = made(package, payment_amount=10.0)
    assert fields["payment_amount"] == {"python": "10.0", "npm": "10"}[package]
    assert fits(fields)
