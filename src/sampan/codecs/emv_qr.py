"""Payment QR payloads of the Hong Kong Faster Payment System: the strict writer.

Wire facts: EMVCo QRCPS-MPM 1.1 for the envelope; HKMA Common QR Code Specification for
Retail Payments in Hong Kong and real payloads of banks for the FPS template. The tolerant
reader is `sampan.codecs.emv_reader`; its public names are offered here as well.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sampan.codecs.emv_reader import (
    EPOCH,
    FPS_GUID,
    HONG_KONG,
    Decoded,
    FpsView,
    QrWarning,
    WarningCode,
    decode,
)
from sampan.codecs.emv_tlv import CRC_HEADER, QrError, QrSyntaxError, crc, write_object

__all__ = [
    "AMOUNT_MINOR_MAX",
    "Decoded",
    "FpsQr",
    "FpsView",
    "QrError",
    "QrSyntaxError",
    "QrWarning",
    "WarningCode",
    "decode",
    "encode",
]

AMOUNT_MINOR_MAX = 999_999_999_999
"""Largest amount, in cents: tag 54 has 13 characters, three of them the dot and the decimals."""

NAME_CHARS_MAX = 25
CITY_CHARS_MAX = 15
EMAIL_CHARS_MAX = 34

_CURRENCY_NUMBERS = {"HKD": "344", "CNY": "156"}
_FPS_ID = re.compile(r"[0-9]{7,9}")
_MOBILE = re.compile(r"\+(852-[0-9]{8}|(?!852-)[1-9][0-9]{0,2}-[0-9]{6,12})")
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_CLEARING_CODE = re.compile(r"[0-9]{3}")
_MCC = re.compile(r"[0-9]{4}")
_PRINTABLE_ASCII = re.compile(r"[ -~]+")
_BMP_MAX = "\uffff"

# Two year digits reach from 2000-01-01 to 2099-12-31 in Hong Kong.
_TIMEOUT_US_MIN = 946_656_000 * 1_000_000
_TIMEOUT_US_END = 4_102_416_000 * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FpsQr:
    """What a payment QR code shall say. Checked by `encode`, not when made.

    Exactly one of `fps_id` (7 to 9 digits), `mobile` (`+852-91234567`) and `email` names the
    payee. `clearing_code` (3 digits) picks another than the payee's default bank and goes
    with a mobile number or an email address only. `amount_minor` is in cents; without it the
    payer types the amount. `amount_editable` lets the payer change a given amount.
    `timeout_us`, microseconds UTC since the epoch, is written in whole seconds, rounded down.
    `one_off` is false for a reusable code; an amount in one is the same for everybody, and
    readers may remark on it. `merchant_name_zh` has at most 25 characters of the Basic
    Multilingual Plane. The four references have at most 25 printable ASCII characters each and
    at most 99 together with their headers.
    """

    fps_id: str | None = None
    mobile: str | None = None
    email: str | None = None
    clearing_code: str | None = None
    currency: Literal["HKD", "CNY"] = "HKD"
    amount_minor: int | None = None
    amount_editable: bool = False
    timeout_us: int | None = None
    one_off: bool = True
    mcc: str = "0000"
    merchant_name: str = "NA"
    merchant_city: str = "HK"
    merchant_name_zh: str | None = None
    bill_number: str | None = None
    store_label: str | None = None
    reference_label: str | None = None
    terminal_label: str | None = None


def encode(qr: FpsQr) -> str:
    """Return the payload of `qr`: tags ascending, the checksum last, at most 512 characters.

    The same value always gives the same text. Raises `QrError` naming the first field that
    is not permitted. No check of the whole length is needed: all parts at their longest
    make less than the 512 characters that EMVCo advises.
    """
    if qr.currency not in _CURRENCY_NUMBERS:
        raise QrError("currency", "must be HKD or CNY")
    objects = [
        write_object("00", "01", field="payload"),
        write_object("01", _point_of_initiation(qr), field="one_off"),
        write_object("26", _fps_template(qr), field="fps_id"),
        write_object(
            "52", _matched(_MCC, qr.mcc, field="mcc", reason="must be 4 digits"), field="mcc"
        ),
        write_object("53", _CURRENCY_NUMBERS[qr.currency], field="currency"),
    ]
    if qr.amount_minor is not None:
        objects.append(write_object("54", _amount(qr.amount_minor), field="amount_minor"))
    name = _ascii(qr.merchant_name, field="merchant_name", chars_max=NAME_CHARS_MAX)
    city = _ascii(qr.merchant_city, field="merchant_city", chars_max=CITY_CHARS_MAX)
    objects += [
        write_object("58", "HK", field="country"),
        write_object("59", name, field="merchant_name"),
        write_object("60", city, field="merchant_city"),
    ]
    if additional := _additional_data(qr):
        objects.append(write_object("62", additional, field="additional_data"))
    if qr.merchant_name_zh is not None:
        chinese = write_object("00", "ZH", field="merchant_name_zh")
        chinese += write_object("01", _chinese(qr.merchant_name_zh), field="merchant_name_zh")
        objects.append(write_object("64", chinese, field="merchant_name_zh"))
    payload = "".join(objects) + CRC_HEADER
    return payload + crc(payload)


def _point_of_initiation(qr: FpsQr) -> str:
    return "12" if _flag(qr.one_off, "one_off") else "11"


def _fps_template(qr: FpsQr) -> str:
    parts = [write_object("00", FPS_GUID, field="fps_id")]
    tag, proxy = _proxy(qr)
    if qr.clearing_code is not None:
        if qr.fps_id is not None:
            raise QrError("clearing_code", "goes with a mobile number or an email address only")
        code = _matched(
            _CLEARING_CODE, qr.clearing_code, field="clearing_code", reason="must be 3 digits"
        )
        parts.append(write_object("01", code, field="clearing_code"))
    parts.append(write_object(tag, proxy, field="fps_id"))
    if qr.timeout_us is not None:
        parts.append(write_object("05", _timeout(qr.timeout_us), field="timeout_us"))
    if _flag(qr.amount_editable, "amount_editable"):
        if qr.amount_minor is None:
            raise QrError("amount_editable", "needs an amount to edit")
        parts.append(write_object("06", "1", field="amount_editable"))
    return "".join(parts)


def _proxy(qr: FpsQr) -> tuple[str, str]:
    given = [name for name in ("fps_id", "mobile", "email") if getattr(qr, name) is not None]
    if len(given) != 1:
        field = given[1] if given else "fps_id"
        raise QrError(field, "exactly one of fps_id, mobile and email must be given")
    if qr.fps_id is not None:
        return "02", _matched(_FPS_ID, qr.fps_id, field="fps_id", reason="must be 7 to 9 digits")
    if qr.mobile is not None:
        return "03", _matched(
            _MOBILE, qr.mobile, field="mobile", reason="must look like +852-91234567"
        )
    email = _matched(_EMAIL, qr.email, field="email", reason="must be an email address in ASCII")
    if len(email) > EMAIL_CHARS_MAX:
        raise QrError("email", f"must have at most {EMAIL_CHARS_MAX} characters")
    return "04", email


def _amount(amount_minor: object) -> str:
    # `type` and not `isinstance`: True is an int and would be written as one cent.
    if type(amount_minor) is not int:
        raise QrError("amount_minor", "must be an integer number of cents")
    if not 1 <= amount_minor <= AMOUNT_MINOR_MAX:
        raise QrError("amount_minor", f"must be between 1 and {AMOUNT_MINOR_MAX} cents")
    return f"{amount_minor // 100}.{amount_minor % 100:02}"


def _timeout(timeout_us: object) -> str:
    if type(timeout_us) is not int:
        raise QrError("timeout_us", "must be an integer number of microseconds")
    if not _TIMEOUT_US_MIN <= timeout_us < _TIMEOUT_US_END:
        raise QrError("timeout_us", "must lie between the years 2000 and 2099 in Hong Kong")
    moment = EPOCH + timedelta(microseconds=timeout_us)
    return f"{moment.astimezone(HONG_KONG):%y%m%d%H%M%S}"


def _additional_data(qr: FpsQr) -> str:
    parts = []
    for tag, field in (
        ("01", "bill_number"),
        ("03", "store_label"),
        ("05", "reference_label"),
        ("07", "terminal_label"),
    ):
        value = getattr(qr, field)
        if value is None:
            continue
        text = _ascii(value, field=field, chars_max=NAME_CHARS_MAX)
        if text == "***":
            raise QrError(field, "three asterisks would make the payer's app ask for a value")
        parts.append(write_object(tag, text, field=field))
    return "".join(parts)


def _flag(value: object, field: str) -> bool:
    if type(value) is not bool:
        raise QrError(field, "must be true or false")
    return value


def _matched(form: re.Pattern[str], value: object, *, field: str, reason: str) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise QrError(field, reason)
    return value


def _ascii(value: object, *, field: str, chars_max: int) -> str:
    text = _matched(
        _PRINTABLE_ASCII, value, field=field, reason="must be printable ASCII and not empty"
    )
    return _bounded(text, field=field, chars_max=chars_max)


def _chinese(value: object) -> str:
    field = "merchant_name_zh"
    # `isprintable` is false for control characters, lone surrogates and unassigned ones.
    if not isinstance(value, str) or not value or not value.isprintable():
        raise QrError(field, "must be printable text and not empty")
    if max(value) > _BMP_MAX:
        raise QrError(field, "must stay within the Basic Multilingual Plane")
    return _bounded(value, field=field, chars_max=NAME_CHARS_MAX)


def _bounded(text: str, *, field: str, chars_max: int) -> str:
    if len(text) > chars_max:
        raise QrError(field, f"must have at most {chars_max} characters")
    if text != text.strip():
        raise QrError(field, "must not begin or end with a blank")
    return text
