"""What every reader of bank statements yields, whatever the file's format.

A reader is an iterator of `StatementEntry` and, behind the entries of each statement, one
`Statement`. It raises `StatementFault` before its end unless the file is whole, so a caller that
wants all or nothing collects first, or does its work in one transaction.
"""

from collections.abc import Iterator
from datetime import date, timedelta, timezone
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

import msgspec

# Hong Kong has kept UTC+8 without summer time since 1979, so no zone data is needed.
HONG_KONG = timezone(timedelta(hours=8), "Hong Kong")


class FaultCode(StrEnum):
    """Stable names of everything that makes a reader refuse a file."""

    AMOUNT = "amount"
    BALANCE = "balance"
    CURRENCY = "currency"
    DATE = "date"
    DTD = "dtd"
    EMPTY = "empty"
    ENCODING = "encoding"
    MALFORMED = "malformed"
    MAPPING = "mapping"
    MISPLACED = "misplaced"
    MISSING = "missing"
    NOT_STATEMENT = "not_statement"
    REPEATED = "repeated"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    TRUNCATED = "truncated"
    VALUE = "value"
    VERSION = "version"


class StatementFault(Exception):  # noqa: N818 - the house's word, like Refusal
    """A file, or a row of it, that cannot be taken: a stable code, a sentence, and the place.

    `place` is written for people ("line 12", "row 7") and empty where no place is to blame. The
    sentence repeats at most 40 characters of the file.
    """

    def __init__(self, code: FaultCode, message: str, *, place: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.code = code
        self.message = message
        self.place = place

    def at(self, place: str) -> "StatementFault":
        """Return the same fault with a place, unless it has one already."""
        return self if self.place else StatementFault(self.code, self.message, place=place)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of what is read. The defaults hold a year of a busy shop and no bomb."""

    bytes_max: int = 256 * 1024 * 1024
    depth_max: int = 40
    """Levels of XML; the ISO structure itself needs 17."""
    text_chars_max: int = 4_096
    """Characters of one text that is kept, and of one line."""
    token_bytes_max: int = 1024 * 1024
    """Bytes of one tag, comment or the like of XML."""
    entries_max: int = 500_000
    parts_max: int = 10_000
    """Transactions in one batch entry, and values of one repeated field."""


class Readable(Protocol):
    """A binary stream, as `open(path, "rb")` returns it."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...


class EntryStatus(StrEnum):
    """How sure the bank is. Only what is booked is money."""

    BOOKED = "booked"
    PENDING = "pending"
    INFORMATION = "information"
    OTHER = "other"
    """A word of the bank's own, or one that came after us: shown, never money."""


class Source(StrEnum):
    """The field in which a text stood that may carry our reference."""

    CREDITOR_REFERENCE = "creditor reference"
    REMITTANCE = "remittance"
    END_TO_END = "end-to-end id"
    INSTRUCTION = "instruction id"
    TRANSACTION = "transaction id"
    OWNER_REFERENCE = "reference for the account owner"
    DESCRIPTION = "description"


class ReferenceText(msgspec.Struct, frozen=True):
    """A text that may carry our reference, and where it stood."""

    source: Source
    text: str


class StatementEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One movement on an account as the bank tells it; empty texts where it tells nothing.

    `amount_minor` is what the account gains (positive) or loses (negative) in minor units of
    `currency`, as ISO 4217 has them. `reversal` marks what undoes an earlier movement or comes
    back. `collective` marks one sum for several payments that the file does not tell apart.

    `booked_us` is known only where the bank tells the time of day; `booked_on` and `value_on` are
    days in Hong Kong. `bank_ref` is the bank's own reference, unique inside the account as far as
    the bank keeps to that; `occurrence` counts entries of a statement that are otherwise equal.
    `place` says where in the file it stood.
    """

    account: str
    currency: str
    amount_minor: int
    status: EntryStatus
    status_text: str = ""
    reversal: bool = False
    collective: bool = False
    booked_on: date | None = None
    booked_us: int | None = None
    value_on: date | None = None
    bank_ref: str = ""
    end_to_end: str = ""
    references: tuple[ReferenceText, ...] = ()
    payer_name: str = ""
    payer_account: str = ""
    payer_bank: str = ""
    payee_name: str = ""
    payee_account: str = ""
    payee_proxy: str = ""
    description: str = ""
    statement_id: str = ""
    occurrence: int = 1
    place: str = ""

    @property
    def is_income(self) -> bool:
        """Whether it is money that arrived: booked, positive, and nothing that comes back."""
        return self.status is EntryStatus.BOOKED and self.amount_minor > 0 and not self.reversal


class BalanceKind(StrEnum):
    """Which balance it is, as far as books can be proved with it."""

    OPENING = "opening"
    CLOSING = "closing"
    OTHER = "other"


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """A balance of an account; `code` is the bank's word (`OPBD`, `62F`)."""

    kind: BalanceKind
    code: str
    amount_minor: int
    currency: str
    on: date | None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a statement when all its entries have been read.

    `entries_count` counts what the reader yielded for it and `booked_minor` sums the booked ones
    per currency. `page` is 0 where the bank does not number pages; `last_page` then is true.
    `declared_count` is how many entries the bank says there are, or None.
    """

    format: str
    id: str
    account: str
    balances: tuple[Balance, ...]
    entries_count: int
    booked_minor: dict[str, int]
    created_us: int | None = None
    page: int = 0
    last_page: bool = True
    declared_count: int | None = None

    def balance(self, kind: BalanceKind) -> Balance | None:
        """Return the one balance of a kind; None where there is none, or more than one."""
        found = [balance for balance in self.balances if balance.kind is kind]
        return found[0] if len(found) == 1 else None

    @property
    def adds_up(self) -> bool | None:
        """Whether opening balance and booked entries give the closing one; None: cannot be told."""
        opening, closing = self.balance(BalanceKind.OPENING), self.balance(BalanceKind.CLOSING)
        if opening is None or closing is None or opening.currency != closing.currency:
            return None
        moved = self.booked_minor.get(opening.currency, 0)
        return opening.amount_minor + moved == closing.amount_minor


Item = StatementEntry | Statement
Items = Iterator[Item]

_REF_CHARS_MAX = 64


def _name(entry: StatementEntry) -> str:
    """Return what equal entries share: the bank's reference, else a digest; and the sum."""
    if entry.bank_ref and len(entry.bank_ref) <= _REF_CHARS_MAX:
        name = entry.bank_ref
    else:
        day = entry.booked_on or entry.value_on
        told = (
            (entry.account, entry.bank_ref)
            if entry.bank_ref
            else (
                entry.account,
                "" if day is None else day.isoformat(),
                "" if entry.booked_us is None else str(entry.booked_us),
                entry.end_to_end,
                entry.payer_account,
                entry.payer_name,
                entry.payee_account,
                entry.payee_name,
                *(reference.text for reference in entry.references),
            )
        )
        name = "~" + sha256("\x1f".join(told).encode()).hexdigest()[:32]
    return movement_name(name, entry.amount_minor, currency=entry.currency)


def movement_name(bank_ref: str, gained_minor: int, *, currency: str) -> str:
    """Return what every door calls the movement that the bank calls so; a loss is negative."""
    return f"{bank_ref}/{gained_minor:+d}{currency}"


def identity(entry: StatementEntry) -> str:
    """Return a text that is the same for the same movement in every file of an account.

    It is the bank's reference where there is one, else (after a `~`) a digest of day, time, payer
    and texts; then the signed sum, because banks are seen to give a payment and its reversal one
    reference, and losing money is worse than showing a sum twice; then, from the second on, which
    of several equal ones of the statement it is, so that two equal payments stay two and the same
    statement read again adds none.

    What cannot be told: without a reference and without a time of day, two equal payments that
    come in two files, each with a part of the day, look like one repeated. Take whole days there.
    """
    name = _name(entry)
    return name if entry.occurrence == 1 else f"{name}/{entry.occurrence}"


class Occurrences:
    """Numbers equal entries within one statement, its pages together.

    Counting begins anew with each statement, because reports of one day repeat what earlier ones
    of that day told. Pending and booked ones are counted apart: one becomes the other.
    """

    def __init__(self) -> None:
        self._statement: tuple[str, str] | None = None
        self._seen: dict[bytes, int] = {}

    def begin(self, account: str, statement_id: str) -> None:
        """Begin a statement, or go on with the one before where it is another page of it."""
        if self._statement != (account, statement_id):
            self._statement = (account, statement_id)
            self._seen.clear()

    def numbered(self, entry: StatementEntry) -> StatementEntry:
        """Return the entry with its occurrence number."""
        key = sha256(f"{entry.status}/{_name(entry)}".encode()).digest()[:12]
        number = self._seen[key] = self._seen.get(key, 0) + 1
        return entry if number == 1 else msgspec.structs.replace(entry, occurrence=number)
