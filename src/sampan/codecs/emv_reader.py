"""Payment QR payloads of EMVCo and the Hong Kong Faster Payment System: the tolerant reader.

Reads everything that is well formed and tells by warnings what is unusual. Wire facts:
EMVCo QRCPS-MPM 1.1 and payloads seen in the wild.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Literal

from sampan.codecs.emv_tlv import (
    CRC_HEADER,
    CRC_OBJECT_CHARS,
    CRC_TAG,
    DataObject,
    QrSyntaxError,
    crc,
    read_objects,
)

TEXT_CHARS_MAX = 4_296
"""Longest text read: no QR symbol holds more characters than these letters and digits."""

PAYLOAD_CHARS_MAX = 512
"""Longest payload that EMVCo advises; longer ones are read with a warning."""

FPS_GUID = "hk.com.hkicl"
"""What marks a template as FPS, written in lower case, compared without case."""

# Hong Kong has kept UTC+8 without summer time since 1979, so no zone data is needed.
HONG_KONG = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STRICT_TEMPLATES = frozenset({*map(str, range(26, 52)), "62", "64"})
_FREE_TEMPLATES = frozenset(map(str, range(80, 100)))
_CURRENCIES: dict[str, Literal["HKD", "CNY"]] = {"344": "HKD", "156": "CNY"}
_PROXIES: tuple[tuple[str, Literal["fps_id", "mobile", "email"]], ...] = (
    ("02", "fps_id"),
    ("03", "mobile"),
    ("04", "email"),
)
_FPS_ID = re.compile(r"[0-9]{7,9}")
_MOBILE = re.compile(r"\+[0-9]{1,3}-[0-9]{4,14}")
_CLEARING_CODE = re.compile(r"[0-9]{3}")
_TIMEOUT = re.compile(r"[0-9]{12}")
_AMOUNT = re.compile(r"([0-9]{1,13})(?:\.([0-9]{0,2}))?")
_AMOUNT_WRITTEN = re.compile(r"[0-9]+(\.[0-9]{2})?")
_AMOUNT_CHARS_MAX = 13


class WarningCode(StrEnum):
    """Stable names of everything unusual that the reader tells.

    The first seven say why a strict writer of Hong Kong codes would not have made this one.
    """

    STATIC_WITH_AMOUNT = "static_with_amount"
    FPS_ID_FORM = "fps_id_form"
    GUID_CASE = "guid_case"
    COUNTRY = "country"
    EMPTY_OBJECT = "empty_object"
    AMOUNT_FORM = "amount_form"
    CLEARING_CODE_FORM = "clearing_code_form"
    AMOUNT_UNREADABLE = "amount_unreadable"
    CLEARING_CODE_WITH_FPS_ID = "clearing_code_with_fps_id"
    CRC_LOWER_CASE = "crc_lower_case"
    CRC_MISSING = "crc_missing"
    CRC_NOT_LAST = "crc_not_last"
    CRC_WRONG = "crc_wrong"
    CURRENCY_UNKNOWN = "currency_unknown"
    FORMAT_INDICATOR = "format_indicator"
    MOBILE_FORM = "mobile_form"
    OUTSIDE_BMP = "outside_bmp"
    PROXY_COUNT = "proxy_count"
    SEVERAL_FPS_TEMPLATES = "several_fps_templates"
    TEMPLATE_UNREADABLE = "template_unreadable"
    TIMEOUT_UNREADABLE = "timeout_unreadable"
    TOO_LONG = "too_long"


_WRITER_CODES = frozenset(list(WarningCode)[:7])


@dataclass(frozen=True, slots=True)
class QrWarning:
    """Something unusual: a stable code, a sentence, and the index of the character."""

    code: WarningCode
    message: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FpsView:
    """The FPS payee and payment of a code, under their own names.

    `amount_minor` is in cents, `None` when there is no amount or it cannot be read; the text
    as found is `amount_text`. `timeout` is as found (Hong Kong time), `timeout_us` is
    microseconds UTC since the epoch or `None`. `one_off` is `None` when the code does not say.
    """

    proxy_type: Literal["fps_id", "mobile", "email"] | None
    proxy: str | None
    clearing_code: str | None
    timeout: str | None
    timeout_us: int | None
    amount_editable: bool
    amount_minor: int | None
    amount_text: str | None
    currency: Literal["HKD", "CNY"] | None
    one_off: bool | None
    mcc: str | None
    merchant_name: str | None
    merchant_city: str | None
    merchant_name_zh: str | None
    bill_number: str | None
    store_label: str | None
    reference_label: str | None
    terminal_label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A payload as read. `fields` keeps the order found; templates are dicts of their own.

    `crc_expected` is what the checksum should be, `crc_found` what the code says; `crc_ok`
    also asks for upper case and the last place. `fps` is `None` without an FPS template.
    """

    fields: dict[str, str | dict[str, str]]
    crc_expected: str
    crc_found: str | None
    crc_ok: bool
    warnings: tuple[QrWarning, ...]
    fps: FpsView | None

    @property
    def writer_would_not_emit(self) -> frozenset[WarningCode]:
        """The warnings for which a strict writer of Hong Kong codes would refuse this one."""
        return _WRITER_CODES.intersection(warning.code for warning in self.warnings)


class _Notes:
    """Collects warnings and remembers where each object stood (`26` or `26.02`)."""

    def __init__(self) -> None:
        self.warnings: list[QrWarning] = []
        self.places: dict[str, int] = {}

    def add(self, code: WarningCode, message: str, *, at: str | int) -> None:
        position = at if isinstance(at, int) else self.places[at]
        self.warnings.append(QrWarning(code, message, position))


def decode(text: str) -> Decoded:
    """Read a payload of any EMVCo scheme, telling what is unusual by warnings.

    A wrong checksum is a warning, not an error. Raises `QrSyntaxError` with the index of the
    character when the text is not made of well formed objects or is longer than
    `TEXT_CHARS_MAX`.
    """
    _check_characters(text)
    notes = _Notes()
    objects = read_objects(text, start=0, end=len(text))
    if objects[0].tag != "00" or objects[0].value != "01":
        notes.add(WarningCode.FORMAT_INDICATOR, "does not start with 000201", at=0)
    if len(text) > PAYLOAD_CHARS_MAX:
        message = f"longer than {PAYLOAD_CHARS_MAX} characters"
        notes.add(WarningCode.TOO_LONG, message, at=PAYLOAD_CHARS_MAX)
    if max(text) > "\uffff":
        position = next(i for i, character in enumerate(text) if character > "\uffff")
        notes.add(WarningCode.OUTSIDE_BMP, "libraries disagree on the length here", at=position)
    fields = {item.tag: _value(text, item, notes=notes) for item in objects}
    expected, found, ok = _checksum(text, objects, notes=notes)
    return Decoded(
        fields=fields,
        crc_expected=expected,
        crc_found=found,
        crc_ok=ok,
        fps=_fps(fields, notes),
        warnings=tuple(notes.warnings),
    )


def _check_characters(text: str) -> None:
    if not text:
        raise QrSyntaxError(0, "there is nothing to read")
    if len(text) > TEXT_CHARS_MAX:
        raise QrSyntaxError(TEXT_CHARS_MAX, f"longer than {TEXT_CHARS_MAX} characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QrSyntaxError(error.start, "half of a character stands here") from None


def _value(text: str, item: DataObject, *, notes: _Notes) -> str | dict[str, str]:
    notes.places[item.tag] = item.position
    if not item.value:
        notes.add(WarningCode.EMPTY_OBJECT, f"object {item.tag} is empty", at=item.tag)
    if item.tag not in _STRICT_TEMPLATES | _FREE_TEMPLATES:
        return item.value
    start = item.position + 4
    try:
        inner = read_objects(text, start=start, end=start + len(item.value))
    except QrSyntaxError as error:
        if item.tag in _STRICT_TEMPLATES:
            raise
        # Not ours to judge: these belong to whoever made the code.
        notes.add(WarningCode.TEMPLATE_UNREADABLE, error.reason, at=error.position)
        return item.value
    for part in inner:
        place = f"{item.tag}.{part.tag}"
        notes.places[place] = part.position
        if not part.value:
            notes.add(WarningCode.EMPTY_OBJECT, f"object {place} is empty", at=place)
    return {part.tag: part.value for part in inner}


def _checksum(
    text: str, objects: list[DataObject], *, notes: _Notes
) -> tuple[str, str | None, bool]:
    item = next((item for item in objects if item.tag == CRC_TAG), None)
    if item is None:
        notes.add(WarningCode.CRC_MISSING, "there is no checksum", at=len(text))
        return crc(text + CRC_HEADER), None, False
    expected = crc(text[: item.position] + CRC_HEADER)
    last = item.position == len(text) - CRC_OBJECT_CHARS
    if item is not objects[-1]:
        notes.add(WarningCode.CRC_NOT_LAST, "the checksum is not the last object", at=CRC_TAG)
    if item.value != expected:
        lower = item.value.upper() == expected
        code = WarningCode.CRC_LOWER_CASE if lower else WarningCode.CRC_WRONG
        notes.add(code, f"the checksum should be {expected}", at=CRC_TAG)
    return expected, item.value, last and item.value == expected


def _fps(fields: dict[str, str | dict[str, str]], notes: _Notes) -> FpsView | None:
    # By GUID and never by tag: other schemes use tag 26 too.
    tags = [tag for tag, value in fields.items() if isinstance(value, dict) and _is_fps(value)]
    if not tags:
        return None
    if len(tags) > 1:
        notes.add(WarningCode.SEVERAL_FPS_TEMPLATES, "the first one counts", at=tags[1])
    tag = tags[0]
    template = _template(fields, tag)
    if template["00"] != FPS_GUID:
        notes.add(WarningCode.GUID_CASE, f"the GUID should read {FPS_GUID}", at=f"{tag}.00")
    root = {key: value for key, value in fields.items() if isinstance(value, str)}
    if root.get("58") != "HK":
        notes.add(WarningCode.COUNTRY, "the country should be HK", at=notes.places.get("58", 0))
    proxy_type, proxy = _proxy(template, tag, notes=notes)
    additional = _template(fields, "62")
    return FpsView(
        proxy_type=proxy_type,
        proxy=proxy,
        clearing_code=template.get("01"),
        timeout=template.get("05"),
        timeout_us=_timeout_us(template.get("05"), f"{tag}.05", notes=notes),
        amount_editable=template.get("06") == "1",
        amount_minor=_amount_minor(root, notes),
        amount_text=root.get("54"),
        currency=_currency(root, notes),
        one_off={"11": False, "12": True}.get(root.get("01", "")),
        mcc=root.get("52"),
        merchant_name=root.get("59"),
        merchant_city=root.get("60"),
        merchant_name_zh=_template(fields, "64").get("01"),
        bill_number=additional.get("01"),
        store_label=additional.get("03"),
        reference_label=additional.get("05"),
        terminal_label=additional.get("07"),
    )


def _is_fps(template: dict[str, str]) -> bool:
    guid = template.get("00", "")
    # The Kelvin sign becomes a k in lower case, hence ASCII only.
    return guid.isascii() and guid.lower() == FPS_GUID


def _template(fields: dict[str, str | dict[str, str]], tag: str) -> dict[str, str]:
    value = fields.get(tag)
    return value if isinstance(value, dict) else {}


def _proxy(
    template: dict[str, str], tag: str, *, notes: _Notes
) -> tuple[Literal["fps_id", "mobile", "email"] | None, str | None]:
    given = [(part, name) for part, name in _PROXIES if part in template]
    if len(given) != 1:
        message = f"{len(given)} proxies where one belongs"
        notes.add(WarningCode.PROXY_COUNT, message, at=tag)
    if "01" in template:
        place = f"{tag}.01"
        if not _CLEARING_CODE.fullmatch(template["01"]):
            message = "the clearing code should be 3 digits"
            notes.add(WarningCode.CLEARING_CODE_FORM, message, at=place)
        if "02" in template:
            message = "an FPS ID already says which bank"
            notes.add(WarningCode.CLEARING_CODE_WITH_FPS_ID, message, at=place)
    if not given:
        return None, None
    part, name = given[0]
    proxy = template[part]
    if name == "fps_id" and not _FPS_ID.fullmatch(proxy):
        message = "the FPS ID should be 7 to 9 digits"
        notes.add(WarningCode.FPS_ID_FORM, message, at=f"{tag}.{part}")
    if name == "mobile" and not _MOBILE.fullmatch(proxy):
        message = "the mobile number should look like +852-91234567"
        notes.add(WarningCode.MOBILE_FORM, message, at=f"{tag}.{part}")
    return name, proxy


def _timeout_us(timeout: str | None, place: str, *, notes: _Notes) -> int | None:
    if timeout is None:
        return None
    if _TIMEOUT.fullmatch(timeout):
        pairs = [int(timeout[i : i + 2]) for i in range(0, 12, 2)]
        year, month, day, hour, minute, second = pairs
        try:
            moment = datetime(2000 + year, month, day, hour, minute, second, tzinfo=HONG_KONG)
        except ValueError:
            pass
        else:
            return (moment - EPOCH) // timedelta(microseconds=1)
    message = "the time-out should be YYMMDDhhmmss"
    notes.add(WarningCode.TIMEOUT_UNREADABLE, message, at=place)
    return None


def _amount_minor(root: dict[str, str], notes: _Notes) -> int | None:
    text = root.get("54")
    if text is None:
        return None
    if root.get("01") == "11":
        message = "a reusable code should carry no amount"
        notes.add(WarningCode.STATIC_WITH_AMOUNT, message, at="54")
    if not _AMOUNT_WRITTEN.fullmatch(text):
        message = "the amount should be whole or have two decimals"
        notes.add(WarningCode.AMOUNT_FORM, message, at="54")
    match = _AMOUNT.fullmatch(text)
    if match and len(text) <= _AMOUNT_CHARS_MAX:
        minor = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
        if minor:
            return minor
    notes.add(WarningCode.AMOUNT_UNREADABLE, "this is not an amount of money", at="54")
    return None


def _currency(root: dict[str, str], notes: _Notes) -> Literal["HKD", "CNY"] | None:
    currency = _CURRENCIES.get(root.get("53", ""))
    if currency is None:
        message = "the currency should be 344 (HKD) or 156 (CNY)"
        notes.add(WarningCode.CURRENCY_UNKNOWN, message, at=notes.places.get("53", 0))
    return currency
