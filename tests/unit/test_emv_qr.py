"""The payment QR payload: strict when written, tolerant when read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.codecs.emv_qr import (
    AMOUNT_MINOR_MAX,
    FpsQr,
    FpsView,
    QrError,
    QrSyntaxError,
    WarningCode,
    decode,
    encode,
)
from sampan.codecs.emv_reader import PAYLOAD_CHARS_MAX, TEXT_CHARS_MAX
from sampan.codecs.emv_tlv import crc

FILE = Path(__file__).resolve().parents[1] / "vectors/hkqr.json"
RECORDED = json.loads(FILE.read_text(encoding="utf-8"))
VECTORS = {vector["id"]: vector for vector in RECORDED["vectors"]}
READABLE = [vector for vector in VECTORS.values() if vector["tlv_well_formed"]]
BROKEN = [vector for vector in VECTORS.values() if not vector["tlv_well_formed"]]
WITH_FPS = [vector for vector in READABLE if vector["fps"]]

REASONS = {
    "static (11) with an amount": WarningCode.STATIC_WITH_AMOUNT,
    "FPS ID is not 7-9 digits": WarningCode.FPS_ID_FORM,
    "GUID not lower case": WarningCode.GUID_CASE,
    "country is not HK": WarningCode.COUNTRY,
    "empty data object": WarningCode.EMPTY_OBJECT,
    "amount not integer or two decimals": WarningCode.AMOUNT_FORM,
    "clearing code is not 3 digits": WarningCode.CLEARING_CODE_FORM,
}

PLAIN = FpsQr(fps_id="1234567")
NOON_US = 1_795_060_800_000_000  # 2026-11-19 12:00:00 in Hong Kong

digits = st.sampled_from("0123456789")
ascii_text = (
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=25)
    .map(str.strip)
    .filter(lambda text: text not in {"", "***"})
)
chinese_text = st.text(st.sampled_from("海港茶行香有限公司麵飽鷄蛋仔é A1"), min_size=1, max_size=25)
proxies = st.one_of(
    st.fixed_dictionaries({"fps_id": st.text(digits, min_size=7, max_size=9)}),
    st.fixed_dictionaries(
        {"mobile": st.text(digits, min_size=8, max_size=8).map("+852-{}".format)},
        optional={"clearing_code": st.text(digits, min_size=3, max_size=3)},
    ),
    st.fixed_dictionaries(
        {"email": st.from_regex(r"[a-zA-Z0-9._]{1,15}@[a-z0-9.]{1,18}", fullmatch=True)},
        optional={"clearing_code": st.text(digits, min_size=3, max_size=3)},
    ),
)
amounts = st.one_of(
    st.fixed_dictionaries(
        {"amount_minor": st.integers(1, AMOUNT_MINOR_MAX)},
        optional={"amount_editable": st.booleans()},
    ),
    st.fixed_dictionaries({}, optional={"one_off": st.booleans()}),
)
others = st.fixed_dictionaries(
    {},
    optional={
        "currency": st.sampled_from(["HKD", "CNY"]),
        "timeout_us": st.integers(946_656_000, 4_102_415_999).map(lambda s: s * 1_000_000),
        "mcc": st.text(digits, min_size=4, max_size=4),
        "merchant_name": ascii_text,
        "merchant_city": ascii_text.filter(lambda text: len(text) <= 15),
        "merchant_name_zh": chinese_text.filter(lambda text: text == text.strip()),
        "bill_number": ascii_text,
        "reference_label": ascii_text,
        "terminal_label": ascii_text,
    },
)


@st.composite
def codes(draw: st.DrawFn) -> FpsQr:
    """Any code that the writer permits."""
    values: dict[str, Any] = {**draw(proxies), **draw(amounts), **draw(others)}
    return FpsQr(**values)


def view_of(payload: str) -> FpsView:
    """The FPS part of a payload that has one."""
    view = decode(payload).fps
    assert view is not None
    return view


def warned(payload: str) -> set[WarningCode]:
    """The codes of all warnings about a payload."""
    return {warning.code for warning in decode(payload).warnings}


def signed(*objects: str) -> str:
    """A payload of these objects between the format indicator and a right checksum."""
    body = "000201" + "".join(objects) + "6304"
    return body + crc(body)


def fps(*parts: str, tag: str = "26", guid: str = "hk.com.hkicl") -> str:
    """An FPS template of these sub-objects."""
    value = f"00{len(guid):02}{guid}" + "".join(parts)
    return f"{tag}{len(value):02}{value}"


# ---- recorded payloads


def test_every_recorded_payload_is_covered() -> None:
    """The file holds 25 payloads, one of them not well formed."""
    assert (len(READABLE), len(BROKEN)) == (24, 1)


@pytest.mark.parametrize("vector", READABLE, ids=lambda vector: vector["id"])
def test_recorded_fields(vector: dict[str, Any]) -> None:
    """A payload reads into the recorded tree, in the order of its objects."""
    fields = decode(vector["payload"]).fields
    assert (fields, list(fields)) == (vector["decoded"], vector["tag_order"])


@pytest.mark.parametrize("vector", READABLE, ids=lambda vector: vector["id"])
def test_recorded_checksum(vector: dict[str, Any]) -> None:
    """The checksum found, the right one and the verdict are those recorded."""
    found = decode(vector["payload"])
    recorded = (vector["crc_in_payload"], vector["crc_computed_utf8"], vector["crc_valid"])
    assert (found.crc_found, found.crc_expected, found.crc_ok) == recorded


@pytest.mark.parametrize("vector", READABLE, ids=lambda vector: vector["id"])
def test_recorded_fps_view(vector: dict[str, Any]) -> None:
    """The FPS view says what is recorded, and is absent without an FPS template."""
    view = decode(vector["payload"]).fps
    seen = view and {
        "proxy_type": view.proxy_type,
        "proxy": view.proxy,
        "clearing_code": view.clearing_code,
        "timeout": view.timeout,
        "amount_editable": "1" if view.amount_editable else None,
        "amount": view.amount_text,
        "currency": view.currency,
        "bill_number": view.bill_number,
        "reference_label": view.reference_label,
    }
    recorded = vector["fps"] and dict(vector["fps"])
    if recorded:
        del recorded["writer_would_not_emit_because"]
    assert seen == recorded


@pytest.mark.parametrize("vector", WITH_FPS, ids=lambda vector: vector["id"])
def test_recorded_reasons_of_a_strict_writer(vector: dict[str, Any]) -> None:
    """The reasons why our writer would not have made a payload are those recorded."""
    recorded = {REASONS[reason] for reason in vector["fps"]["writer_would_not_emit_because"]}
    assert decode(vector["payload"]).writer_would_not_emit == recorded


@pytest.mark.parametrize("vector", BROKEN, ids=lambda vector: vector["id"])
def test_recorded_syntax_error(vector: dict[str, Any]) -> None:
    """A broken payload is refused at the recorded character."""
    with pytest.raises(QrSyntaxError) as caught:
        decode(vector["payload"])
    assert caught.value.position == int(vector["parse_error"].rsplit(" ", 1)[1])


def test_checksum_check_value() -> None:
    """The checksum of 123456789 is the published check value."""
    recorded = RECORDED["crc_check_value"]
    assert crc(recorded["input"]) == recorded["crc"]


# ---- the writer


def test_written_payload_to_the_letter() -> None:
    """All parts stand in ascending order, lengths in characters, the checksum last."""
    code = FpsQr(
        mobile="+852-91234567",
        clearing_code="004",
        currency="CNY",
        amount_minor=38_805,
        amount_editable=True,
        timeout_us=NOON_US,
        mcc="5499",
        merchant_name="Harbour Tea",
        merchant_name_zh="海港茶行",
        bill_number="B1",
        store_label="S1",
        reference_label="R1",
        terminal_label="T1",
    )
    body = (
        "000201010212"
        "2661" + "0012hk.com.hkicl" + "0103004" + "0313+852-91234567" + "0512261119120000" + "06011"
        "52045499" + "5303156" + "5406388.05" + "5802HK" + "5911Harbour Tea" + "6002HK"
        "6224"
        + "0102B1"
        + "0302S1"
        + "0502R1"
        + "0702T1"
        + "6414"
        + "0002ZH"
        + "0104海港茶行"
        + "6304"
    )
    assert encode(code) == body + crc(body)


@given(codes())
def test_reading_gives_back_what_was_written(code: FpsQr) -> None:
    """Every permitted value survives writing and reading."""
    view = view_of(encode(code))
    names = [name for name in FpsQr.__dataclass_fields__ if name in FpsView.__dataclass_fields__]
    assert {name: getattr(view, name) for name in names} == {
        name: getattr(code, name) for name in names
    }
    assert view.proxy == (code.fps_id or code.mobile or code.email)


@given(codes())
def test_written_payloads_raise_no_warning(code: FpsQr) -> None:
    """The reader finds nothing unusual in what the writer makes."""
    found = decode(encode(code))
    assert (found.crc_ok, found.warnings) == (True, ())


@given(codes())
def test_tags_ascend_with_the_checksum_last(code: FpsQr) -> None:
    """Root tags are written in ascending order, only the checksum stands last."""
    *tags, last = decode(encode(code)).fields
    assert (tags, last) == (sorted(tags), "63")


@given(st.integers(1, AMOUNT_MINOR_MAX))
def test_amounts_have_two_decimals(amount_minor: int) -> None:
    """An amount is written with two decimals, in no more than 13 characters."""
    amount = view_of(encode(replace(PLAIN, amount_minor=amount_minor))).amount_text
    assert amount is not None
    assert re.fullmatch(r"(0|[1-9][0-9]*)\.[0-9]{2}", amount)
    assert len(amount) <= 13
    assert int(amount.replace(".", "")) == amount_minor


@given(codes(), st.data())
def test_one_changed_character_is_noticed(code: FpsQr, data: st.DataObject) -> None:
    """Another ASCII character in place of one is a syntax error or breaks the checksum.

    Chinese characters are left out: three changed bytes exceed what 16 bits can promise.
    """
    payload = encode(code)
    places = [i for i, character in enumerate(payload) if character.isascii()]
    place = data.draw(st.sampled_from(places))
    others = [chr(i) for i in range(0x20, 0x7F) if chr(i) != payload[place]]
    changed = payload[:place] + data.draw(st.sampled_from(others)) + payload[place + 1 :]
    try:
        found = decode(changed)
    except QrSyntaxError:
        return
    assert not found.crc_ok


def test_longest_payload_stays_within_the_advice() -> None:
    """With every part at its longest a payload has fewer than 512 characters."""
    code = FpsQr(
        email="a" * 32 + "@b",
        clearing_code="004",
        amount_minor=AMOUNT_MINOR_MAX,
        amount_editable=True,
        timeout_us=NOON_US,
        merchant_name="N" * 25,
        merchant_city="C" * 15,
        merchant_name_zh="海" * 25,
        bill_number="B" * 25,
        store_label="S" * 25,
        reference_label="R" * 25,
        terminal_label="T" * 8,
    )
    assert len(encode(code)) < PAYLOAD_CHARS_MAX


def test_reusable_code_with_an_amount_is_written_and_remarked_on() -> None:
    """A price for everybody, as on tax bills: point of initiation 11 beside an amount."""
    payload = encode(FpsQr(fps_id="1029384", one_off=False, amount_minor=1880))
    view = view_of(payload)
    assert (view.one_off, view.amount_minor) == (False, 1880)
    assert warned(payload) == {WarningCode.STATIC_WITH_AMOUNT}


def test_timeout_is_rounded_down_to_a_second() -> None:
    """A code never claims to live longer than asked."""
    view = view_of(encode(replace(PLAIN, timeout_us=NOON_US + 999_999)))
    assert (view.timeout, view.timeout_us) == ("261119120000", NOON_US)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("fps_id", {"fps_id": None}),
        ("mobile", {"mobile": "+852-91234567"}),
        ("email", {"email": "a@b.hk"}),
        *(("fps_id", {"fps_id": bad}) for bad in ("123456", "1234567890", "12345a7", "", 1234567)),
        ("fps_id", {"fps_id": "\u0661234567"}),
        ("clearing_code", {"clearing_code": "004"}),
        ("currency", {"currency": "USD"}),
        ("currency", {"currency": None}),
        *(("amount_minor", {"amount_minor": bad}) for bad in (0, -1, True, 1.0, "1", 10**12)),
        ("amount_editable", {"amount_editable": True}),
        ("amount_editable", {"amount_editable": 1, "amount_minor": 1}),
        ("one_off", {"one_off": 0}),
        *(("timeout_us", {"timeout_us": bad}) for bad in (0, 4_102_416_000_000_000, True, 1.5e15)),
        *(("mcc", {"mcc": bad}) for bad in ("", "123", "12345", "abcd", 5499)),
        *(
            ("merchant_name", {"merchant_name": bad})
            for bad in ("", " ", "a ", "茶", "a\n", "N" * 26, None)
        ),
        *(("merchant_city", {"merchant_city": bad}) for bad in ("", "C" * 16, "香港")),
        *(
            ("merchant_name_zh", {"merchant_name_zh": bad})
            for bad in ("", "茶" * 26, "茶\n", " 茶", "𠮷", "\ud800", 5)
        ),
        *(
            (field, {field: bad})
            for field in ("bill_number", "store_label", "reference_label", "terminal_label")
            for bad in ("", "é", "x" * 26, "***", 7)
        ),
        (
            "additional_data",
            {
                "bill_number": "x" * 25,
                "store_label": "x" * 25,
                "reference_label": "x" * 25,
                "terminal_label": "x" * 25,
            },
        ),
    ],
)
def test_refused_values(field: str, change: dict[str, Any]) -> None:
    """A value that is not permitted is refused under the name of its field."""
    with pytest.raises(QrError) as caught:
        encode(replace(PLAIN, **change))
    assert (caught.value.field, str(caught.value)) == (field, f"{field}: {caught.value.reason}")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        *(
            ("mobile", {"mobile": bad})
            for bad in (
                "+85291234567",
                "91234567",
                "+852-1234567",
                "+852-123456789",
                "+0-123456789",
            )
        ),
        *(
            ("email", {"email": bad})
            for bad in ("a", "@b", "a@", "a b@c", "a@b@c", "é@b", "a" * 33 + "@b")
        ),
        *(
            ("clearing_code", {"mobile": "+852-91234567", "clearing_code": bad})
            for bad in ("4", "0004", "abc", 4)
        ),
    ],
)
def test_refused_proxies(field: str, change: dict[str, Any]) -> None:
    """A mobile number, email address or clearing code of another form is refused."""
    with pytest.raises(QrError) as caught:
        encode(FpsQr(**change))
    assert caught.value.field == field


def test_mobile_number_abroad() -> None:
    """A number of another country is written with its own country code."""
    assert view_of(encode(FpsQr(mobile="+86-13912345678"))).proxy == "+86-13912345678"


# ---- the reader


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("hello", 0),
        ("00020", 0),
        ("00020101", 6),
        ("000201²102", 6),
        ("0002010002", 6),
        ("00020101021", 6),
        ("000201000201", 6),
        ("000201260600021", 6),
        ("0002012606000912", 10),
        ("000201620401x1", 10),
        ("00020126100001a0001b", 15),
        ("0002015901\ud800", 10),
        ("x" * (TEXT_CHARS_MAX + 1), TEXT_CHARS_MAX),
    ],
)
def test_syntax_errors_name_the_character(text: str, position: int) -> None:
    """What is not well formed is refused with the index where reading stopped."""
    with pytest.raises(QrSyntaxError) as caught:
        decode(text)
    assert caught.value.position == position
    assert str(caught.value) == f"at character {position}: {caught.value.reason}"


def test_guid_and_not_the_tag_makes_it_fps() -> None:
    """An FPS template is recognised under another tag as well."""
    assert view_of(signed(fps("02071234567", tag="31"))).proxy == "1234567"


def test_guid_with_a_foreign_letter_is_not_fps() -> None:
    """A character that only becomes a letter of the GUID in lower case does not count."""
    assert decode(signed(fps("02071234567", guid="h\u212a.com.hkicl"))).fps is None


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (signed(fps("02071234567")).replace("000201", "000202"), WarningCode.FORMAT_INDICATOR),
        (signed(fps("02071234567"))[6:], WarningCode.FORMAT_INDICATOR),
        (signed("5901" + "𠮷"), WarningCode.OUTSIDE_BMP),
        (signed(*(f"{tag}99" + "x" * 99 for tag in range(65, 71))), WarningCode.TOO_LONG),
        (signed("8004abcd"), WarningCode.TEMPLATE_UNREADABLE),
        (signed(fps("02071234567", "0500")), WarningCode.EMPTY_OBJECT),
        ("000201", WarningCode.CRC_MISSING),
        (signed() + "5802HK", WarningCode.CRC_NOT_LAST),
        ("00020163040000", WarningCode.CRC_WRONG),
        ("000201" + "6303ABC", WarningCode.CRC_WRONG),
        (
            signed(fps("02071234567"), fps("02071234568", tag="27")),
            WarningCode.SEVERAL_FPS_TEMPLATES,
        ),
        (signed(fps()), WarningCode.PROXY_COUNT),
        (signed(fps("02071234567", "0313+852-91234567")), WarningCode.PROXY_COUNT),
        (signed(fps("0103004", "02071234567")), WarningCode.CLEARING_CODE_WITH_FPS_ID),
        (signed(fps("0312+85291234567")), WarningCode.MOBILE_FORM),
        (signed(fps("02071234567", "0512261319120000")), WarningCode.TIMEOUT_UNREADABLE),
        (signed(fps("02071234567", "051420261119120000")), WarningCode.TIMEOUT_UNREADABLE),
        (signed(fps("02071234567"), "5303702"), WarningCode.CURRENCY_UNKNOWN),
    ],
)
def test_unusual_payloads_are_read_with_a_warning(payload: str, code: WarningCode) -> None:
    """What is well formed but unusual is read, and told under a stable code."""
    assert code in warned(payload)


def test_position_of_a_warning() -> None:
    """A warning points at the object that it is about."""
    payload = signed(fps("0206123456"))
    (position,) = (w.position for w in decode(payload).warnings if w.code == "fps_id_form")
    assert payload[position:].startswith("0206123456")


def test_lower_case_checksum() -> None:
    """A right checksum in small letters is not in order, and told as such."""
    payload = signed("5802HK", "5901b")
    lower = payload[:-4] + payload[-4:].lower()
    assert lower != payload
    assert WarningCode.CRC_LOWER_CASE in warned(lower)
    assert not decode(lower).crc_ok


def test_missing_checksum_says_what_it_should_be() -> None:
    """The expected checksum of a payload without one completes it."""
    found = decode("0002015802HK")
    whole = decode(f"0002015802HK6304{found.crc_expected}")
    assert (found.crc_found, found.crc_ok, whole.crc_ok) == (None, False, True)


@pytest.mark.parametrize(
    ("text", "amount_minor"),
    [("98.", 9800), ("98", 9800), ("98.5", 9850), ("98.05", 9805), ("007", 700)],
)
def test_amounts_that_are_read(text: str, amount_minor: int) -> None:
    """Amounts with fewer than two decimals are read as cents."""
    view = view_of(signed(fps("02071234567"), f"54{len(text):02}{text}"))
    assert (view.amount_minor, view.amount_text) == (amount_minor, text)


@pytest.mark.parametrize(
    "text", ["0", "0.00", "-1", "1,000.00", "1.005", ".5", "1e3", "\u0661", "12345678901.00", ""]
)
def test_amounts_that_are_not_read(text: str) -> None:
    """What is not an amount stays text, with a warning, and is never guessed."""
    payload = signed(fps("02071234567"), f"54{len(text):02}{text}")
    view = view_of(payload)
    assert (view.amount_minor, view.amount_text) == (None, text)
    assert WarningCode.AMOUNT_UNREADABLE in warned(payload)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Reading raises nothing but the documented error."""
    position = 0
    try:
        decode(text)
    except QrSyntaxError as error:
        position = error.position
    assert 0 <= position <= len(text)
