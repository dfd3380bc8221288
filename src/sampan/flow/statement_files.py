"""Read a bank file of whatever format to its end, before anything of it is taken."""

import re
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from itertools import islice
from typing import IO, Final

import msgspec

from sampan.codecs import iso20022, mt940, statement_csv
from sampan.codecs.csv_sniff import SAMPLE_BYTES_MAX, Proposal, sniff
from sampan.codecs.statement import (
    Balance,
    BalanceKind,
    FaultCode,
    Items,
    Limits,
    Readable,
    Statement,
    StatementEntry,
    StatementFault,
)
from sampan.codecs.statement_csv import Mapping

LIMITS: Final = Limits()
_HEAD_BYTES: Final = 4_096
_MT: Final = re.compile(rb"\A\s*(\{1:|:20:|\{4:)")
_BALANCES_MAX: Final = 400
"""A year of days has an opening and a closing balance each, in one currency; more are left out."""
_ALIKE_CHARS_MIN: Final = 6
"""Fewer characters of an account's number say nothing."""


Seekable = IO[bytes]
"""A binary stream that can be read again from its beginning."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole file says of itself.

    `accounts` are the numbers by which it names accounts, in their order; none where it names none.
    `notes` are what people should know: statements whose sums do not add up, or lack entries.
    `balances` are the opening and closing ones of its statements.
    """

    format: str
    sha256: str
    entries_count: int
    accounts: tuple[str, ...]
    notes: tuple[str, ...]
    balances: tuple[Balance, ...] = ()


def format_of(stream: Seekable) -> str:
    """Tell a file's format by its beginning: camt, mt940, xlsx or csv. Leaves it at its start."""
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    bare = head.removeprefix(b"\xef\xbb\xbf")
    if _MT.match(bare):
        return "mt940"
    # UTF-16 has a zero in each of its first two characters.
    return "camt" if bare.replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n").startswith(b"<") else "csv"


def items(stream: Seekable, *, mapping: Mapping | None) -> Items:
    """Yield entries and statements of a file from its beginning; raises `StatementFault`."""
    kind = format_of(stream)
    if kind == "camt":
        return iso20022.read(stream, limits=LIMITS)
    if kind == "mt940":
        return mt940.read(stream, limits=LIMITS)
    if mapping is None:
        message = "a file of rows is read by the mapping of its account, which has none yet"
        raise StatementFault(FaultCode.MAPPING, message)
    rows, read_by = _rows(stream, kind, mapping=mapping)
    return statement_csv.read(rows, read_by, limits=LIMITS)


def propose(stream: Seekable, *, account: str) -> Proposal:
    """Propose how a file of rows is read, for a person to confirm; raises `StatementFault`."""
    kind = format_of(stream)
    if kind == "xlsx":
        content, _ = _as_csv(stream, None)
        return sniff(content, account=account)
    return sniff(stream.read(SAMPLE_BYTES_MAX + 1), account=account)


def preview(
    stream: Seekable, mapping: Mapping, *, most: int = 20
) -> list[StatementEntry | StatementFault]:
    """Return the first entries that a mapping gives, with the fault of each bad row in its place.

    Raises `StatementFault` for what concerns the whole file.
    """
    rows, read_by = _rows(stream, format_of(stream), mapping=mapping)
    examined = statement_csv.examine(rows, read_by, limits=LIMITS)
    shown = (item for item in examined if not isinstance(item, Statement))
    return list(islice(shown, most))


def _rows(stream: Seekable, kind: str, *, mapping: Mapping) -> tuple[Readable, Mapping]:
    if kind != "xlsx":
        return stream, mapping
    content, read_by = _as_csv(stream, mapping)
    return BytesIO(content), read_by


def _as_csv(stream: Seekable, mapping: Mapping | None) -> tuple[bytes, Mapping]:
    # Few need it, and it takes a while to import.
    from sampan.codecs import statement_xlsx  # noqa: PLC0415

    return statement_xlsx.as_csv(stream, mapping, limits=LIMITS)


def look(stream: Seekable, *, mapping: Mapping | None) -> Looked:
    """Read a file to its end; raises `StatementFault` where it is not whole and right."""
    count, accounts, notes, formats = 0, dict[str, None](), list[str](), dict[str, None]()
    balances: list[Balance] = []
    names_accounts = format_of(stream) in {"camt", "mt940"}
    for item in items(stream, mapping=mapping):
        if isinstance(item, StatementEntry):
            count += 1
            continue
        formats[item.format] = None
        if names_accounts:
            accounts[item.account] = None
        notes += _doubts(item)
        balances += [one for one in item.balances if one.kind is not BalanceKind.OTHER]
    return Looked(
        format=" ".join(formats),
        sha256=digest_of(stream),
        entries_count=count,
        accounts=tuple(accounts),
        notes=tuple(notes),
        balances=tuple(balances[:_BALANCES_MAX]),
    )


def entries(stream: Seekable, *, mapping: Mapping | None) -> Iterator[StatementEntry]:
    """Yield the entries of a file from its beginning."""
    for item in items(stream, mapping=mapping):
        if isinstance(item, StatementEntry):
            yield item


def same_account(one: str, other: str) -> bool:
    """Whether two numbers name one account: banks write it with marks, and with or without a code.

    One of fewer than six characters must be written alike.
    """
    plain = sorted((re.sub(r"[^0-9A-Z]", "", text.upper()) for text in (one, other)), key=len)
    if len(plain[0]) < _ALIKE_CHARS_MIN:
        return plain[0] == plain[1]
    return plain[1].endswith(plain[0])


def _doubts(statement: Statement) -> list[str]:
    told = []
    if statement.adds_up is False:
        told.append(f"{statement.id}: opening balance and entries do not give the closing one")
    declared = statement.declared_count
    if declared is not None and declared != statement.entries_count:
        told.append(f"{statement.id}: {declared} entries declared, {statement.entries_count} found")
    return told


def digest_of(stream: Seekable) -> str:
    """Return the SHA-256 of a whole file, in hexadecimal."""
    stream.seek(0)
    made = sha256()
    while chunk := stream.read(1 << 20):
        made.update(chunk)
    stream.seek(0)
    return made.hexdigest()
