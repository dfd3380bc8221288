"""Bank statements as CSV: every bank's own columns, read by a mapping that is kept per account.

`csv_sniff.sniff` proposes a mapping, `examine` shows what it gives row by row, `read` takes it or
raises. CSV has no mark of its end and no sums, so a file that lacks rows cannot be told from a
whole one: compare the number of rows.
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sampan.codecs.csv_values import check_pattern, currency_named, dated, signed_amount
from sampan.codecs.statement import (
    EntryStatus,
    FaultCode,
    Item,
    Items,
    Limits,
    Occurrences,
    Readable,
    ReferenceText,
    Source,
    Statement,
    StatementEntry,
    StatementFault,
)
from sampan.codecs.statement_lines import lines
from sampan.codecs.statement_values import bank_reference, clean, currency, shown

Column = Annotated[str, Meta(min_length=1, max_length=100)] | Annotated[int, Meta(ge=1, le=500)]
"""A column by its name in the header, or by its number from 1."""

Encoding = Literal["utf-8", "utf-16", "utf-16-le", "utf-16-be", "big5hkscs", "gb18030"]

_CREDIT_WORDS: Final = frozenset(
    {"C", "CR", "CREDIT", "CRDT", "IN", "+", "存入", "收入", "貸", "贷"}
)
_DEBIT_WORDS: Final = frozenset({"D", "DR", "DEBIT", "DBIT", "OUT", "-", "支出", "提取", "借"})


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the rows of an account's CSV statements are read.

    Money stands in `amount` (with a sign, or a word in `direction`), or in `credit` and `debit`.
    Where there is no `currency` column, `fixed_currency` holds for all rows. `header_row` counts
    from 1 and is 0 without a header; `skip_rows` are passed over behind it, `skip_last_rows` at
    the end. `date_pattern` is made of YYYY, YY, MM, MMM, DD, HH, mm, ss and A (am, pm); a `time`
    column is read with `time_pattern`.
    """

    account: Annotated[str, Meta(min_length=1, max_length=100)]
    date: Column
    amount: Column | None = None
    credit: Column | None = None
    debit: Column | None = None
    direction: Column | None = None
    debits_are_positive: bool = False
    currency: Column | None = None
    fixed_currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")] = "HKD"
    time: Column | None = None
    value_date: Column | None = None
    references: Annotated[tuple[Column, ...], Meta(max_length=20)] = ()
    payer_name: Column | None = None
    payer_account: Column | None = None
    description: Column | None = None
    bank_ref: Column | None = None
    date_pattern: Annotated[str, Meta(min_length=1, max_length=60)] = "DD/MM/YYYY"
    time_pattern: Annotated[str, Meta(min_length=1, max_length=60)] = "HH:mm:ss"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ","
    encoding: Encoding = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    header_row: Annotated[int, Meta(ge=0, le=1_000)] = 1
    skip_rows: Annotated[int, Meta(ge=0, le=1_000)] = 0
    skip_last_rows: Annotated[int, Meta(ge=0, le=100)] = 0


_SINGLE: Final = (
    "date",
    "amount",
    "credit",
    "debit",
    "direction",
    "currency",
    "time",
    "value_date",
    "payer_name",
    "payer_account",
    "description",
    "bank_ref",
)


def check(mapping: Mapping) -> None:
    """Raise `StatementFault` where a mapping contradicts itself."""
    sums = mapping.credit is not None or mapping.debit is not None
    if (mapping.amount is not None) == sums:
        raise _amiss("name either an amount column, or credit and debit columns")
    if mapping.direction is not None and sums:
        raise _amiss("a direction column goes with an amount column")
    if mapping.decimal == mapping.thousands:
        raise _amiss("decimal mark and thousands separator are the same")
    named = [getattr(mapping, field) for field in _SINGLE] + list(mapping.references)
    if not mapping.header_row and any(isinstance(column, str) for column in named):
        raise _amiss("without a header row, columns go by their numbers")
    check_pattern(mapping.date_pattern)
    if mapping.time is not None:
        check_pattern(_timed_pattern(mapping))


def read(stream: Readable, mapping: Mapping, *, limits: Limits | None = None) -> Items:
    """Yield the entries of a file, and one statement at its end; raises at the first bad row."""
    for item in examine(stream, mapping, limits=limits):
        if isinstance(item, StatementFault):
            raise item
        yield item


def examine(
    stream: Readable, mapping: Mapping, *, limits: Limits | None = None
) -> Iterator[Item | StatementFault]:
    """Yield what `read` does, with the fault of a bad row in its place: for a look beforehand.

    Raises `StatementFault` for what concerns the whole file: the mapping, the encoding, the size,
    quotes that do not close, a header that lacks a column, no row at all.
    """
    check(mapping)
    bounds = limits or Limits()
    occurrences = Occurrences()
    occurrences.begin(mapping.account, "")
    columns: _Columns | None = None
    entries_count, booked_minor = 0, dict[str, int]()
    for number, row in _rows(stream, mapping, limits=bounds):
        if columns is None:
            columns = _Columns(mapping, row if mapping.header_row else None)
            if mapping.header_row:
                continue
        if entries_count >= bounds.entries_max:
            message = f"more than {bounds.entries_max} entries"
            raise StatementFault(FaultCode.TOO_MANY, message, place=f"row {number}")
        entries_count += 1
        try:
            entry = occurrences.numbered(_entry(mapping, columns.cells(row), place=f"row {number}"))
        except StatementFault as fault:
            yield fault.at(f"row {number}")
            continue
        known = booked_minor.get(entry.currency, 0)
        booked_minor[entry.currency] = known + entry.amount_minor
        yield entry
    if columns is None:
        raise StatementFault(FaultCode.EMPTY, "there is no row in it")
    yield Statement(
        format="CSV",
        id="",
        account=mapping.account,
        balances=(),
        entries_count=entries_count,
        booked_minor=booked_minor,
    )


def _rows(
    stream: Readable, mapping: Mapping, *, limits: Limits
) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the header row, if there is one, and the rows that count; empty rows do not."""
    text = (f"{line}\n" for _, line in lines(stream, mapping.encoding, limits=limits))
    reader = csv.reader(text, delimiter=mapping.delimiter, strict=True)
    first = mapping.header_row + mapping.skip_rows + 1
    last: deque[tuple[int, list[str]]] = deque()
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            if number == mapping.header_row:
                yield number, row
            elif number >= first and any(map(str.strip, row)):
                last.append((number, row))
                if len(last) > mapping.skip_last_rows:
                    yield last.popleft()
    except csv.Error as error:
        message = f"not CSV: {error}"
        raise StatementFault(FaultCode.MALFORMED, message, place=f"row {number + 1}") from None


class _Columns:
    """Where the mapped columns stand in a row."""

    def __init__(self, mapping: Mapping, header: Sequence[str] | None) -> None:
        self._names = [clean(name).casefold() for name in header or ()]
        self._places: dict[str, int] = {}
        for field in _SINGLE:
            column = getattr(mapping, field)
            if column is not None:
                self._places[field] = self._place(column)
        self._references = [self._place(column) for column in mapping.references]

    def cells(self, row: Sequence[str]) -> dict[str, Any]:
        """Return the cells of a row by field, and under `references` those that may carry ours."""
        places = (*self._places.values(), *self._references)
        if max(places) >= len(row):
            message = f"{len(row)} columns where {max(places) + 1} are needed"
            raise StatementFault(FaultCode.MISSING, message)
        cells: dict[str, Any] = {field: clean(row[place]) for field, place in self._places.items()}
        return cells | {"references": [clean(row[place]) for place in self._references]}

    def _place(self, column: Column) -> int:
        if isinstance(column, int):
            return column - 1
        name = clean(column).casefold()
        found = self._names.count(name)
        if found != 1:
            how = "is not in the header" if not found else "stands twice; give its number"
            raise _amiss(f"the column {shown(column)} {how}")
        return self._names.index(name)


def _entry(mapping: Mapping, cells: dict[str, Any], *, place: str) -> StatementEntry:
    code = currency(currency_named(cells["currency"])) if mapping.currency else ""
    code = code or mapping.fixed_currency
    pattern, text = mapping.date_pattern, cells["date"]
    if mapping.time is not None:
        pattern, text = _timed_pattern(mapping), f"{text} {cells['time']}"
    booked_on, booked_us = dated(text, pattern)
    value = cells.get("value_date", "")
    description = cells.get("description", "")
    texts = [(Source.REMITTANCE, text) for text in cells["references"]]
    texts.append((Source.DESCRIPTION, description))
    return StatementEntry(
        account=mapping.account,
        currency=code,
        amount_minor=_amount(mapping, cells, code=code),
        status=EntryStatus.BOOKED,
        booked_on=booked_on,
        booked_us=booked_us,
        value_on=dated(value, mapping.date_pattern)[0] if value else None,
        bank_ref=bank_reference(cells.get("bank_ref", "")),
        references=tuple(ReferenceText(source, text) for source, text in texts if text),
        payer_name=cells.get("payer_name", ""),
        payer_account=cells.get("payer_account", ""),
        description=description,
        place=place,
    )


def _amount(mapping: Mapping, cells: dict[str, Any], *, code: str) -> int:
    if mapping.amount is not None:
        amount_minor = _cell(mapping, cells["amount"], code=code)
        if mapping.direction is not None:
            return abs(amount_minor) * _sign(cells["direction"])
        return -amount_minor if mapping.debits_are_positive else amount_minor
    credit = _sum(mapping, cells.get("credit", ""), code=code)
    debit = _sum(mapping, cells.get("debit", ""), code=code)
    if bool(credit) == bool(debit):
        message = "both credit and debit" if credit else "neither credit nor debit"
        raise StatementFault(FaultCode.AMOUNT, f"{message} in one row")
    # Some banks write what was taken as negative in its own column, others do not.
    return credit - abs(debit)


def _sum(mapping: Mapping, text: str, *, code: str) -> int:
    return 0 if text in {"", "-"} else _cell(mapping, text, code=code)


def _cell(mapping: Mapping, text: str, *, code: str) -> int:
    if not text:
        raise StatementFault(FaultCode.MISSING, "there is no amount")
    return signed_amount(text, code, decimal=mapping.decimal, thousands=mapping.thousands)


def _sign(text: str) -> int:
    word = text.upper()
    if word not in _CREDIT_WORDS | _DEBIT_WORDS:
        raise StatementFault(FaultCode.VALUE, f"neither credit nor debit: {shown(text)}")
    return 1 if word in _CREDIT_WORDS else -1


def _timed_pattern(mapping: Mapping) -> str:
    return f"{mapping.date_pattern} {mapping.time_pattern}"


def _amiss(message: str) -> StatementFault:
    return StatementFault(FaultCode.MAPPING, message)
