"""Bank statements in SWIFT's older form: MT940 (statement) and MT942 (interim report).

The fields are 20, 21, 25, 28C, 60F/M, 61, 86, 62F/M, 64, 65 and for interim reports 34F, 13D and
90C/D; others are passed over. The messages may stand in SWIFT's blocks (`{4:` … `-}`) or bare,
several in one file. A MT940 must add up: opening balance, entries and closing balance prove each
other, so one that breaks off does not pass.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from sampan.codecs.mt940_fields import (
    Field,
    Sums,
    read_balance,
    read_created,
    read_entry,
    read_floor,
    read_page,
    read_sums,
    with_information,
)
from sampan.codecs.statement import (
    Balance,
    EntryStatus,
    FaultCode,
    Item,
    Items,
    Limits,
    Occurrences,
    Readable,
    Statement,
    StatementEntry,
    StatementFault,
)
from sampan.codecs.statement_lines import lines
from sampan.codecs.statement_values import clean

_FIELD: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):(.*)")
_TEXT_BLOCK: Final = "{4:"
_FIELD_LINES_MAX: Final = 100
_END: Final = Field("end", [""], 0)
"""Stands for the mark that ends a message (`-` or `-}`)."""


def read(stream: Readable, *, encoding: str = "utf-8", limits: Limits | None = None) -> Items:
    """Yield the entries of a file as they stand in it, and each statement behind its entries.

    Raises `StatementFault` with the number of the line at the first thing that is not as it must
    be, and at the end when the file breaks off or holds no statement. A file that breaks off
    between two messages cannot be told from a whole one: nothing in it says how many there are.
    """
    bounds = limits or Limits()
    file = _File(bounds)
    for field in _fields(stream, encoding, limits=bounds):
        try:
            yield from file.take(field)
        except StatementFault as fault:
            raise fault.at(field.place) from None
    yield from file.end()


def _fields(stream: Readable, encoding: str, *, limits: Limits) -> Iterator[Field]:
    """Yield the fields of all messages, and `_END` with its line where a message ends."""
    field: Field | None = None
    in_block = False
    number = 0
    for number, raw in lines(stream, encoding, limits=limits):
        _, block, line = raw.rpartition(_TEXT_BLOCK) if field is None else ("", "", raw)
        in_block = in_block or bool(block)
        found = _FIELD.match(line)
        ends = line.strip() == "-" or line.startswith("-}")
        if (found or ends) and field is not None:
            yield field
            field = None
        if ends:
            yield _END._replace(number=number)
            in_block = _TEXT_BLOCK in line
        elif found:
            field = Field(found[1], [found[2]], number)
        elif field is not None and line.strip():
            field.lines.append(line)
            if len(field.lines) > _FIELD_LINES_MAX:
                message = f"field {field.tag} has more than {_FIELD_LINES_MAX} lines"
                raise StatementFault(FaultCode.TOO_LONG, message, place=f"line {number}")
    if in_block:
        raise StatementFault(FaultCode.TRUNCATED, "a block is not closed", place=f"line {number}")
    if field is not None:
        yield field


class _File:
    """The messages of a file, one at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._occurrences = Occurrences()
        self._message: _Message | None = None
        self._entries_count = 0
        self._statements_count = 0
        self._last: Field = _END

    def take(self, field: Field) -> Iterator[Item]:
        """Take a field in, and yield what it shows to be complete."""
        self._last = field
        self._entries_count += field.tag == "61"
        if self._entries_count > self._limits.entries_max:
            message = f"more than {self._limits.entries_max} entries"
            raise StatementFault(FaultCode.TOO_MANY, message)
        if field.tag in {"20", _END.tag}:
            yield from self._close()
        if field.tag == "20":
            self._message = _Message(field, self._occurrences)
        elif self._message is not None:
            yield from self._message.take(field)
        elif field.tag != _END.tag:
            raise StatementFault(FaultCode.MISPLACED, f"field {field.tag} before field 20")

    def end(self) -> Iterator[Item]:
        """Yield what is left at the end of the file."""
        if self._message is not None and not self._message.is_whole:
            raise StatementFault(FaultCode.TRUNCATED, "the file breaks off", place=self._last.place)
        try:
            yield from self._close()
        except StatementFault as fault:
            raise fault.at(self._last.place) from None
        if not self._statements_count:
            message = "there is no MT940 or MT942 message in it"
            raise StatementFault(FaultCode.NOT_STATEMENT, message)

    def _close(self) -> Iterator[Item]:
        message, self._message = self._message, None
        if message is not None:
            self._statements_count += 1
            yield from message.end()


class _Message:
    """A message that is being read, field by field."""

    def __init__(self, first: Field, occurrences: Occurrences) -> None:
        self._occurrences = occurrences
        self._statement = Statement(
            format="MT942",
            id=first.text,
            account="",
            balances=(),
            entries_count=0,
            booked_minor={},
        )
        self._currency = ""
        self._waiting: StatementEntry | None = None
        self._balances: list[Balance] = []
        self._sums: dict[str, Sums] = {}
        self._read = {"90C": Sums(0, 0), "90D": Sums(0, 0)}
        self._reversals = False
        self._began = False

    @property
    def is_whole(self) -> bool:
        """Whether it may end without a mark: a statement with its closing balance, or sums."""
        return self._closed or (self._statement.format == "MT942" and bool(self._sums))

    @property
    def _closed(self) -> bool:
        return any(balance.code.startswith("62") for balance in self._balances)

    def take(self, field: Field) -> Iterator[Item]:
        """Take a field in, and yield the entry that it shows to be complete."""
        if field.tag == "86":
            if self._waiting is not None:
                self._waiting = with_information(self._waiting, field.lines)
                yield from self._release()
            return
        yield from self._release()
        match field.tag[:2]:
            case "25":
                self._set(account=clean(field.text))
            case "28":
                number, page = read_page(field)
                self._set(id=number, page=page)
            case "13":
                self._set(created_us=read_created(field))
            case "34":
                self._currency = read_floor(field)
            case "60" | "62" | "64" | "65":
                self._take_balance(field)
            case "61":
                self._take_entry(field)
            case "90":
                self._sums[field.tag] = read_sums(field)
            case _:
                pass

    def end(self) -> Iterator[Item]:
        """Yield what is left, and the statement; raises where something is missing or amiss."""
        yield from self._release()
        self._need_account()
        if self._statement.format == "MT940" and not self._closed:
            raise StatementFault(FaultCode.MISSING, "there is no closing balance (field 62)")
        statement = msgspec.structs.replace(self._statement, balances=tuple(self._balances))
        if statement.adds_up is False:
            message = "opening balance and entries do not give the closing balance"
            raise StatementFault(FaultCode.BALANCE, message)
        for tag, sums in self._sums.items():
            # Banks count what is reversed on either side.
            if self._read.get(tag) != sums and not self._reversals:
                message = f"the entries are not those that field {tag} counts"
                raise StatementFault(FaultCode.BALANCE, message)
        yield statement

    def _set(self, **changes: object) -> None:
        self._statement = msgspec.structs.replace(self._statement, **changes)

    def _need_account(self) -> None:
        if not self._statement.account:
            raise StatementFault(FaultCode.MISSING, "there is no account (field 25)")

    def _take_balance(self, field: Field) -> None:
        balance = read_balance(field)
        kept = {known.code[:2] for known in self._balances}
        if field.tag[:2] in kept & {"60", "62"}:
            raise StatementFault(FaultCode.REPEATED, f"field {field.tag} stands twice")
        self._balances.append(balance)
        if field.tag.startswith("60"):
            self._currency = balance.currency
            self._set(format="MT940")
        elif field.tag == "62M":
            self._set(last_page=False)

    def _take_entry(self, field: Field) -> None:
        self._need_account()
        if not self._currency:
            message = "there is no currency (field 60F or 34F) before the first entry"
            raise StatementFault(FaultCode.MISSING, message)
        if self._closed:
            raise StatementFault(FaultCode.MISPLACED, "an entry behind the closing balance")
        if not self._began:
            self._began = True
            self._occurrences.begin(self._statement.account, self._statement.id)
        self._waiting = msgspec.structs.replace(
            read_entry(field, self._currency),
            account=self._statement.account,
            statement_id=self._statement.id,
        )

    def _release(self) -> Iterator[Item]:
        """Yield the entry that waited for its field 86."""
        entry, self._waiting = self._waiting, None
        if entry is None:
            return
        tag = "90C" if entry.amount_minor >= 0 else "90D"
        self._reversals |= entry.reversal
        count, amount_minor = self._read[tag]
        self._read[tag] = Sums(count + 1, amount_minor + abs(entry.amount_minor))
        booked = self._statement.booked_minor
        if entry.status is EntryStatus.BOOKED:
            booked[entry.currency] = booked.get(entry.currency, 0) + entry.amount_minor
        self._set(entries_count=self._statement.entries_count + 1)
        yield self._occurrences.numbered(entry)
