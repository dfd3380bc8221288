"""Amounts, days and times of bank statements, exactly: integers in, integers out, no fractions."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sampan.codecs.statement import HONG_KONG, FaultCode, StatementFault

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"
DECIMALS: Final = (
    dict.fromkeys(_NO_DECIMALS.split(), 0)
    | dict.fromkeys(_THREE_DECIMALS.split(), 3)
    | dict.fromkeys(_FOUR_DECIMALS.split(), 4)
)
"""Currencies whose minor unit has not two decimals (ISO 4217)."""

MINOR_MAX: Final = 10**18
"""Largest sum read: more does not fit into what storage holds."""

_PLACEHOLDERS: Final = frozenset({"NOTPROVIDED", "NOT PROVIDED", "NONREF", "NONE", "N/A"})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURRENCY = re.compile(r"[A-Z]{3}")
_DECIMAL = re.compile(r"\+?([0-9]*)(?:\.([0-9]*))?")
_ZONE = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})" + _ZONE)
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?" + _ZONE
)


def clean(text: str) -> str:
    """Return a text with single blanks between its words and none around it."""
    return " ".join(text.split())


def bank_reference(text: str) -> str:
    """Return an id of a bank; empty where the text only says that there is none."""
    bare = clean(text)
    return "" if bare.upper() in _PLACEHOLDERS or not bare.strip("0") else bare


def shown(text: str) -> str:
    """Return at most 40 characters of a stranger's text, fit for a message."""
    return repr(text[:40])


def currency(text: str) -> str:
    """Return a currency code as it is, or raise: three upper-case letters."""
    if not _CURRENCY.fullmatch(text):
        raise StatementFault(FaultCode.CURRENCY, f"not a currency: {shown(text)}")
    return text


def minor(whole: str, part: str, *, code: str) -> int:
    """Return digits before and behind the decimal mark as minor units of a currency.

    Zeros behind the currency's decimals are dropped, other digits there refused, never rounded.
    """
    decimals = DECIMALS.get(code, 2)
    kept, rest = part[:decimals], part[decimals:]
    if not whole + part or rest.strip("0"):
        raise StatementFault(FaultCode.AMOUNT, f"not an amount in {code}: {whole}.{part}"[:60])
    digits = (whole + kept.ljust(decimals, "0")).lstrip("0")
    if len(digits) >= len(str(MINOR_MAX)):
        raise StatementFault(FaultCode.AMOUNT, "the amount is too large")
    return int(digits or "0")


def plain_amount(text: str, code: str) -> int:
    """Read an amount as XML writes it (`388`, `388.00`, `388.00000`), without a minus sign."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise StatementFault(FaultCode.AMOUNT, f"not an amount in {code}: {shown(text)}")
    return minor(found[1], found[2] or "", code=code)


def day(text: str) -> date:
    """Read `2026-11-22`; a zone behind it, which XML allows, says nothing about a day."""
    found = _DAY.fullmatch(text)
    if found:
        try:
            return date.fromisoformat(found[1])
        except ValueError:
            pass
    raise StatementFault(FaultCode.DATE, f"not a date: {shown(text)}")


def moment(text: str) -> tuple[date, int]:
    """Read `2026-11-22T15:04:06+08:00` as its day in Hong Kong and microseconds UTC.

    A time without a zone is Hong Kong's. Digits behind the microseconds are dropped.
    """
    found = _MOMENT.fullmatch(text)
    if found:
        micros = (found[2] or "")[:6].ljust(6, "0")
        try:
            return instant(datetime.fromisoformat(f"{found[1]}.{micros}{found[3] or '+08:00'}"))
        except (ValueError, OverflowError):
            pass
    raise StatementFault(FaultCode.DATE, f"not a date and time: {shown(text)}")


def instant(at: datetime) -> tuple[date, int]:
    """Return a time with a zone as its day in Hong Kong and microseconds UTC since the epoch."""
    return at.astimezone(HONG_KONG).date(), (at - _EPOCH) // timedelta(microseconds=1)
