"""What people type for a payment link, in a form or in a line of a file: read, or what is wrong.

Amounts are in dollars with decimals, times without a zone are Hong Kong time.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

import msgspec

from sampan import money
from sampan.domain import reference
from sampan.domain.days import DAY_US, HOUR_US
from sampan.domain.texts import TEXT_CHARS_MAX, is_email, is_payment_id

OPEN_DAYS_MAX: Final = 30
REQUIRED: Final = ("amount", "currency", "expires")
OPTIONAL: Final = (
    "payment_id",
    "description",
    "customer_id",
    "customer_name",
    "customer_email",
    "customer_phone",
    "language",
    "send_email",
)
COLUMNS: Final = ("payment_id", *REQUIRED, *OPTIONAL[1:])
"""What may be said of a link, in the order in which it is shown."""
LANGUAGES: Final = ("en", "zh-hant", "zh")
TODAY: Final = "today"

HONG_KONG: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ID_CHARS: Final = 8
_SPAN: Final = re.compile(r"([1-9][0-9]{0,2})(h|d|)")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_PHONE: Final = re.compile(r"[0-9]{4,24}")
_PHONE_FILLING: Final = str.maketrans("", "", "+ -()")
_FINE: Final = frozenset("\u00a0\u200c\u200d\u3000")
"""Blanks of Chinese and French texts, and what joins emoji: no print of their own, and harmless."""
_YES: Final = frozenset({"1", "yes", "true", "y"})
_NO: Final = frozenset({"", "0", "no", "false", "n"})


class Wrong(StrEnum):
    """What may be wrong with a link that somebody asks for; doors have a sentence for each."""

    MISSING = "missing"
    TOO_LONG = "too long"
    UNREADABLE = "unreadable"
    PAYMENT_ID = "payment id"
    DOUBLED = "doubled"
    USED = "used"
    AMOUNT = "amount"
    AMOUNT_ZERO = "amount zero"
    AMOUNT_LOW = "amount low"
    AMOUNT_HIGH = "amount high"
    CURRENCY = "currency"
    CURRENCY_OFF = "currency off"
    EXPIRES = "expires"
    EXPIRES_OVER = "expires over"
    EXPIRES_FAR = "expires far"
    EMAIL = "email"
    EMAIL_MISSING = "email missing"
    PHONE = "phone"
    LANGUAGE = "language"
    SEND_EMAIL = "send email"
    MAIL_OFF = "mail off"
    PROJECT_OFF = "project off"
    CELLS = "cells"
    FAILED = "failed"


class Flaw(msgspec.Struct, frozen=True, array_like=True):
    """Something wrong at a field, "" for the whole; `detail` stands in the sentence."""

    field: str
    wrong: Wrong
    detail: str = ""


class LinkForm(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was asked for rightly; minor units, microseconds UTC.

    `payment_id` and `customer_id` are "" where one is to be made up. `name` is whole: nobody can
    tell which part of it is the family's.
    """

    payment_id: str
    amount_minor: int
    currency: str
    best_before_us: int
    description: str
    customer_id: str
    name: str
    email: str
    phone: str
    language: str
    send_email: bool


def read(given: Mapping[str, str], *, now_us: int, mail_on: bool) -> LinkForm | tuple[Flaw, ...]:
    """Return the link that texts ask for, else everything that is wrong with them.

    `given` is by the names of `COLUMNS`; one that is not there is empty. `mail_on`: whether mail
    can be sent at all. What depends on the project is not looked at.
    """
    texts = {name: given.get(name, "").strip() for name in COLUMNS}
    flaws = [Flaw(name, Wrong.MISSING) for name in REQUIRED if not texts[name]]
    for name in COLUMNS:
        if len(texts[name]) > TEXT_CHARS_MAX:
            flaws.append(Flaw(name, Wrong.TOO_LONG))
        elif not _is_plain(texts[name]):
            flaws.append(Flaw(name, Wrong.UNREADABLE))
    known = {flaw.field for flaw in flaws}
    currency = texts["currency"].upper()
    checks = (
        _of_payment_id(texts["payment_id"]),
        _of_currency(currency),
        _of_amount(texts["amount"], currency),
        _of_expires(texts["expires"], now_us=now_us),
        *_of_customer(texts),
        *_of_mail(texts, mail_on=mail_on),
    )
    flaws.extend(flaw for flaw in checks if flaw is not None and flaw.field not in known)
    if flaws:
        return tuple(sorted(flaws, key=lambda flaw: COLUMNS.index(flaw.field)))
    until_us = expires_us(texts["expires"], now_us=now_us)
    assert until_us is not None  # noqa: S101 - it was looked at
    return LinkForm(
        payment_id=texts["payment_id"],
        amount_minor=money.from_text(texts["amount"], currency),
        currency=currency,
        best_before_us=until_us,
        description=texts["description"],
        customer_id=texts["customer_id"],
        name=texts["customer_name"],
        email=texts["customer_email"],
        phone=texts["customer_phone"].translate(_PHONE_FILLING),
        language=texts["language"].lower(),
        send_email=texts["send_email"].lower() in _YES,
    )


def expires_us(text: str, *, now_us: int) -> int | None:
    """Return until when a link is good; None for a text that does not say so.

    Days (`7`, `7d`), hours (`1h`), `today`, a date to whose end it is good, or a date and time.
    """
    span = _SPAN.fullmatch(text.lower())
    if span:
        return now_us + int(span[1]) * (HOUR_US if span[2] == "h" else DAY_US)
    now = (_EPOCH + timedelta(microseconds=now_us)).astimezone(HONG_KONG)
    written = now.date().isoformat() if text.lower() == TODAY else text
    if not _MOMENT.fullmatch(written):
        return None
    try:
        at = datetime.fromisoformat(written)
        at = at if at.tzinfo else at.replace(tzinfo=HONG_KONG)
        whole_day = len(written) == len("2030-01-31")
        # The last second of a day is still of that day, on whatever it is printed.
        at = at + timedelta(days=1, seconds=-1) if whole_day else at
        return (at - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def doubled(ids: Sequence[tuple[int, str]]) -> Mapping[int, Flaw]:
    """Return, of lines and their payment ids, those that have the id of an earlier line."""
    first: dict[str, int] = {}
    found: dict[int, Flaw] = {}
    for line, payment_id in ids:
        before = first.setdefault(payment_id.casefold(), line)
        if payment_id and before != line:
            found[line] = Flaw("payment_id", Wrong.DOUBLED, str(before))
    return found


def drawn_id(seed: str) -> str:
    """Return a payment id to read out, `LINK-7KQ2M4XD`: the same for the same seed."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
    digits = (reference.ALPHABET[number >> 5 * place & 31] for place in range(_ID_CHARS))
    return f"LINK-{''.join(digits)}"


def digest_of(given: Mapping[str, str], seed: str) -> str:
    """Return what marks a form as sent once: the same for the same texts and seed."""
    said = msgspec.json.encode([seed, *(given.get(name, "") for name in COLUMNS)])
    return hashlib.sha256(said).hexdigest()


def _is_plain(text: str) -> bool:
    """Whether every database and every page can hold a text: no controls, no half characters."""
    return all(char.isprintable() or char in _FINE for char in text)


def _of_payment_id(text: str) -> Flaw | None:
    return None if not text or is_payment_id(text) else Flaw("payment_id", Wrong.PAYMENT_ID)


def _of_currency(currency: str) -> Flaw | None:
    return None if currency in money.DECIMALS else Flaw("currency", Wrong.CURRENCY)


def _of_amount(text: str, currency: str) -> Flaw | None:
    try:
        amount_minor = money.from_text(text, currency if currency in money.DECIMALS else "HKD")
    except ValueError:
        return Flaw("amount", Wrong.AMOUNT)
    if amount_minor > money.AMOUNT_MINOR_MAX:
        return Flaw("amount", Wrong.AMOUNT)
    return None if amount_minor else Flaw("amount", Wrong.AMOUNT_ZERO)


def _of_expires(text: str, *, now_us: int) -> Flaw | None:
    until_us = expires_us(text, now_us=now_us)
    if until_us is None:
        return Flaw("expires", Wrong.EXPIRES)
    if until_us <= now_us:
        return Flaw("expires", Wrong.EXPIRES_OVER)
    far = until_us > now_us + OPEN_DAYS_MAX * DAY_US
    return Flaw("expires", Wrong.EXPIRES_FAR) if far else None


def _of_customer(texts: Mapping[str, str]) -> tuple[Flaw | None, ...]:
    email, phone = texts["customer_email"], texts["customer_phone"]
    language = texts["language"].lower()
    phone_fits = not phone or _PHONE.fullmatch(phone.translate(_PHONE_FILLING))
    return (
        Flaw("customer_email", Wrong.EMAIL) if email and not is_email(email) else None,
        None if phone_fits else Flaw("customer_phone", Wrong.PHONE),
        Flaw("language", Wrong.LANGUAGE) if language and language not in LANGUAGES else None,
    )


def _of_mail(texts: Mapping[str, str], *, mail_on: bool) -> tuple[Flaw | None, ...]:
    wish = texts["send_email"].lower()
    if wish in _NO:
        return ()
    if wish not in _YES:
        return (Flaw("send_email", Wrong.SEND_EMAIL),)
    if not mail_on:
        return (Flaw("send_email", Wrong.MAIL_OFF),)
    return () if texts["customer_email"] else (Flaw("customer_email", Wrong.EMAIL_MISSING),)
