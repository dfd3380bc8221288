"""The fields of MT940 and MT942, each read by itself (SWIFT Standards MT, category 9)."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Final, NamedTuple

import msgspec

from sampan.codecs.mt940_text import read_information
from sampan.codecs.statement import (
    HONG_KONG,
    Balance,
    BalanceKind,
    EntryStatus,
    FaultCode,
    ReferenceText,
    Source,
    StatementEntry,
    StatementFault,
)
from sampan.codecs.statement_values import bank_reference, clean, instant, minor, shown

_CENTURY_TURNS: Final = 80
"""SWIFT reads years from 80 on as of the century before."""

_BALANCE: Final = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]+)(?:,([0-9]*))?")
_ENTRY: Final = re.compile(
    r"([0-9]{6})([0-9]{4})?"  # value date, entry date without its year
    r"(R[CD]|E[CD]|[CD])([A-Z])?"  # which way; third letter of the currency
    r"([0-9]+)(?:,([0-9]*))?"  # amount
    r"(?:[A-Z][A-Z0-9]{3}(.*))?"  # kind; reference for the owner // reference of the bank
)
_SUMS: Final = re.compile(r"([0-9]{1,5})([A-Z]{3})([0-9]+)(?:,([0-9]*))?")
_FLOOR: Final = re.compile(r"([A-Z]{3})[CD]?[0-9]+(?:,[0-9]*)?")
_CREATED: Final = re.compile(r"([0-9]{6})([0-9]{4})(?:([+-])([0-9]{2})([0-9]{2}))?")
_PAGE: Final = re.compile(r"([0-9]{1,5})(?:/([0-9]{1,5}))?")
_KINDS: Final = {"60": BalanceKind.OPENING, "62": BalanceKind.CLOSING}


class Field(NamedTuple):
    """A field: its tag (`60F`), its lines, and the number of the first."""

    tag: str
    lines: list[str]
    number: int

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"line {self.number}"

    @property
    def text(self) -> str:
        """The first line."""
        return self.lines[0].strip()


class Sums(NamedTuple):
    """What field 90C or 90D says: how many entries of one direction, and their sum."""

    entries_count: int
    amount_minor: int


def _matched(pattern: re.Pattern[str], field: Field) -> re.Match[str]:
    found = pattern.fullmatch(field.text)
    if found is None:
        message = f"field {field.tag} reads {shown(field.text)}"
        raise StatementFault(FaultCode.MALFORMED, message)
    return found


def read_balance(field: Field) -> Balance:
    """Read fields 60, 62, 64 and 65."""
    found = _matched(_BALANCE, field)
    amount_minor = minor(found[4], found[5] or "", code=found[3])
    return Balance(
        kind=_KINDS.get(field.tag[:2], BalanceKind.OTHER),
        code=field.tag,
        amount_minor=amount_minor if found[1] == "C" else -amount_minor,
        currency=found[3],
        on=_day(found[2]),
    )


def read_floor(field: Field) -> str:
    """Read field 34F, which names the currency of an interim report."""
    return _matched(_FLOOR, field)[1]


def read_sums(field: Field) -> Sums:
    """Read fields 90C and 90D."""
    found = _matched(_SUMS, field)
    return Sums(int(found[1]), minor(found[3], found[4] or "", code=found[2]))


def read_page(field: Field) -> tuple[str, int]:
    """Read field 28C as the statement's number and the page, 0 where there is none."""
    found = _matched(_PAGE, field)
    return found[1], int(found[2] or 0)


def read_created(field: Field) -> int:
    """Read field 13D as microseconds UTC; without a difference to UTC it is Hong Kong time."""
    found = _matched(_CREATED, field)
    zone = HONG_KONG
    if found[3]:
        away = timedelta(hours=int(found[4]), minutes=int(found[5]) % 60)
        zone = timezone(away if found[3] == "+" else -away)
    on, clock = _day(found[1]), found[2]
    try:
        at = datetime(on.year, on.month, on.day, int(clock[:2]), int(clock[2:]), tzinfo=zone)
    except ValueError:
        raise StatementFault(FaultCode.DATE, f"not a time: {shown(clock)}") from None
    return instant(at)[1]


def read_entry(field: Field, currency: str) -> StatementEntry:
    """Read field 61; account and statement are missing."""
    found = _matched(_ENTRY, field)
    mark, amount_minor = found[3], minor(found[5], found[6] or "", code=currency)
    if found[4] and found[4] != currency[2]:
        message = f"an entry in another currency than {currency}: {shown(field.text)}"
        raise StatementFault(FaultCode.CURRENCY, message)
    value_on = _day(found[1])
    owner, _, bank = (found[7] or "").partition("//")
    texts = (
        (Source.OWNER_REFERENCE, bank_reference(owner)),
        (Source.DESCRIPTION, clean(" ".join(field.lines[1:]))),
    )
    return StatementEntry(
        account="",
        currency=currency,
        # The reversal of a credit takes money away, and the reversal of a debit brings it back.
        amount_minor=amount_minor if mark in {"C", "EC", "RD"} else -amount_minor,
        status=EntryStatus.PENDING if mark[0] == "E" else EntryStatus.BOOKED,
        status_text=mark,
        reversal=mark[0] == "R",
        booked_on=_entry_day(found[2], value_on) if found[2] else value_on,
        value_on=value_on,
        bank_ref=bank_reference(bank),
        end_to_end=bank_reference(owner),
        references=tuple(ReferenceText(source, text) for source, text in texts if text),
        description=texts[1][1],
        place=field.place,
    )


def with_information(entry: StatementEntry, lines: Sequence[str]) -> StatementEntry:
    """Return an entry with what the field 86 behind it tells."""
    told = read_information(lines)
    texts = ((Source.REMITTANCE, told.remittance), (Source.DESCRIPTION, told.description))
    known = {text.text for text in entry.references}
    added = dict.fromkeys(told for told in texts if told[1] and told[1] not in known)
    if told.remittance == told.description:
        added.pop((Source.DESCRIPTION, told.description), None)
    return msgspec.structs.replace(
        entry,
        references=entry.references + tuple(ReferenceText(*pair) for pair in added),
        description=clean(f"{entry.description} {told.description}"),
        **_other_side(entry, told.name, account=told.account, bank=told.bank),
    )


def _other_side(entry: StatementEntry, name: str, *, account: str, bank: str) -> dict[str, str]:
    if entry.amount_minor >= 0:
        return {"payer_name": name, "payer_account": account, "payer_bank": bank}
    return {"payee_name": name, "payee_account": account}


def _day(text: str) -> date:
    year = int(text[:2])
    century = 1900 if year >= _CENTURY_TURNS else 2000
    try:
        return date(century + year, int(text[2:4]), int(text[4:]))
    except ValueError:
        raise StatementFault(FaultCode.DATE, f"not a date: {shown(text)}") from None


def _entry_day(text: str, value_on: date) -> date:
    """Return the day of entry, whose year is not written: the one nearest to the value date."""
    days = []
    for year in (value_on.year - 1, value_on.year, value_on.year + 1):
        try:
            days.append(date(year, int(text[:2]), int(text[2:])))
        except ValueError:
            continue
    if not days:
        raise StatementFault(FaultCode.DATE, f"not a day of the year: {shown(text)}")
    return min(days, key=lambda on: abs(on - value_on))
