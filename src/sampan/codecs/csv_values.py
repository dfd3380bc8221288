"""Amounts and days as banks' CSV statements write them, for people and in every way."""

import re
import unicodedata
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from sampan.codecs.statement import HONG_KONG, FaultCode, StatementFault
from sampan.codecs.statement_values import clean, instant, minor, shown

_SIGNS: Final = {"HK$": "HKD", "CN¥": "CNY", "RMB": "CNY", "CNH": "CNY", "US$": "USD", "€": "EUR"}
_ANY_CURRENCY: Final = frozenset({"$", "¥"})
"""Signs of several currencies: they say nothing that the row does not."""

_AMOUNT: Final = re.compile(
    r"(?P<open>\()?\s*(?P<sign>[+-]?)\s*(?P<before>[A-Z]{3}|[A-Z]{0,2}[$¥€])?\s*(?P<inner>[+-]?)\s*"
    r"(?P<number>[0-9](?:[0-9.,' ]*[0-9.])?|[.,][0-9]+)\s*"
    r"(?P<after>(?!CR\b|DR\b)[A-Z]{3}|[A-Z]{0,2}[$¥€])?\s*(?P<close>\))?\s*"
    r"(?P<trailing>[+-]?|CR|DR)\.?",
    re.IGNORECASE,
)
_MINUS: Final = dict.fromkeys((0x2010, 0x2013, 0x2212), "-")
"""Hyphens, dashes and the minus sign of typographers."""

_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_TOKENS: Final = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "YY": r"(?P<short_year>[0-9]{2})",
    "MMM": r"(?P<name>[A-Za-z]{3,9})",
    "MM": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{1,2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
    "A": r"(?P<half>[AaPp]\.?[Mm]\.?)",
}
_TOKEN: Final = re.compile("|".join(_TOKENS))
_NEEDED: Final = ({"year", "short_year"}, {"month", "name"}, {"day"})
_NOON: Final = 12


def currency_named(text: str) -> str:
    """Return the code for a currency as banks write it (`HK$`, `RMB`, `hkd`)."""
    bare = unicodedata.normalize("NFKC", text).strip().upper()
    return _SIGNS.get(bare, bare)


def signed_amount(text: str, currency: str, *, decimal: str, thousands: str) -> int:
    """Read an amount with everything that may stand around it, as signed minor units.

    `HK$1,234.50`, `(12.00)`, `12.00 CR`, `12.00-` and full-width digits are read. Raises for
    another currency than the row's and for digits grouped otherwise than by thousands.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_MINUS).strip()
    found = _AMOUNT.fullmatch(plain)
    if found is None or bool(found["open"]) != bool(found["close"]):
        raise StatementFault(FaultCode.AMOUNT, f"not an amount: {shown(text)}")
    for named in filter(None, (found["before"], found["after"])):
        if named not in _ANY_CURRENCY and currency_named(named) != currency:
            message = f"an amount in another currency than {currency}: {shown(text)}"
            raise StatementFault(FaultCode.CURRENCY, message)
    signs = [found["sign"], found["inner"], found["trailing"].upper()]
    told = [sign for sign in signs if sign] + (["-"] if found["open"] else [])
    if len(told) > 1:
        raise StatementFault(FaultCode.AMOUNT, f"an amount with two signs: {shown(text)}")
    negative = told in (["-"], ["DR"])
    amount_minor = _digits(found["number"], currency, decimal=decimal, thousands=thousands)
    return -amount_minor if negative else amount_minor


def _digits(number: str, currency: str, *, decimal: str, thousands: str) -> int:
    whole, mark, part = number.partition(decimal)
    if thousands and thousands in whole:
        first, *groups = whole.split(thousands)
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):  # noqa: PLR2004
            raise StatementFault(FaultCode.AMOUNT, f"digits are grouped oddly: {shown(number)}")
        whole = whole.replace(thousands, "")
    if not (whole + part).isdigit() or (mark and not part and not whole):
        raise StatementFault(FaultCode.AMOUNT, f"not an amount: {shown(number)}")
    return minor(whole, part, code=currency)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return the expression of a pattern like `DD/MM/YYYY`, or raise where it names no day."""
    parts, end = [], 0
    for token in _TOKEN.finditer(pattern):
        parts += [re.escape(pattern[end : token.start()]), _TOKENS[token[0]]]
        end = token.end()
    try:
        compiled = re.compile("".join(parts) + re.escape(pattern[end:]))
    except re.error:
        message = f"a part stands twice in the date pattern {shown(pattern)}"
        raise StatementFault(FaultCode.MAPPING, message) from None
    if not all(needed & set(compiled.groupindex) for needed in _NEEDED):
        message = f"year, month or day is missing in the date pattern {shown(pattern)}"
        raise StatementFault(FaultCode.MAPPING, message)
    return compiled


def check_pattern(pattern: str) -> None:
    """Raise where a date pattern cannot be used."""
    _compiled(pattern)


def dated(text: str, pattern: str) -> tuple[date, int | None]:
    """Read a day by a pattern of YYYY, YY, MM, MMM, DD and HH, mm, ss, A: the day, and the time.

    MM and DD also take one digit. The time is microseconds UTC, None where the pattern has no
    hour; it is Hong Kong's. Raises for what does not fit and for days that are none.
    """
    found = _compiled(pattern).fullmatch(clean(unicodedata.normalize("NFKC", text)))
    parts = found.groupdict() if found else {}
    try:
        year = int(parts.get("year") or f"20{parts['short_year']}")
        month = int(parts["month"]) if "month" in parts else _month(parts["name"])
        on = date(year, month, int(parts["day"]))
        if "hour" not in parts:
            return on, None
        hour, minute = _hour(int(parts["hour"]), parts.get("half", "")), int(parts.get("minute", 0))
        second = int(parts.get("second", 0))
        at = datetime(on.year, on.month, on.day, hour, minute, second, tzinfo=HONG_KONG)
    except (KeyError, ValueError):
        message = f"not a date like {pattern}: {shown(text)}"
        raise StatementFault(FaultCode.DATE, message) from None
    return instant(at)


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].upper()) + 1


def _hour(hour: int, half: str) -> int:
    if not half:
        return hour
    if not 1 <= hour <= _NOON:
        raise ValueError("no hour of a clock with two halves")
    return hour % _NOON + (_NOON if half[0] in "Pp" else 0)
