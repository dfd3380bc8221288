"""Read a bank file of whatever format to its end, before anything of it is taken."""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final, Protocol

import msgspec

from sampan.codecs import iso20022, mt940, statement_csv
from sampan.codecs.statement import (
    FaultCode,
    Items,
    Limits,
    Statement,
    StatementEntry,
    StatementFault,
)
from sampan.codecs.statement_csv import Mapping

LIMITS: Final = Limits()
_HEAD_BYTES: Final = 4_096
_MT: Final = re.compile(rb"\A\s*(\{1:|:20:|\{4:)")
_ALIKE_CHARS_MIN: Final = 6
"""Fewer characters of an account's number say nothing."""


class Seekable(Protocol):
    """A binary stream that can be read again from its beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...

    def seek(self, offset: int, /) -> int:
        """Go to a place."""
        ...


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole file says of itself.

    `accounts` are the numbers by which it names accounts, in their order; none where it names none.
    `notes` are what people should know: statements whose sums do not add up, or lack entries.
    """

    format: str
    sha256: str
    entries_count: int
    accounts: tuple[str, ...]
    notes: tuple[str, ...]


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
    if kind == "csv":
        return statement_csv.read(stream, mapping, limits=LIMITS)
    raise StatementFault(FaultCode.NOT_STATEMENT, "XLSX is not read: save it as CSV")


def look(stream: Seekable, *, mapping: Mapping | None) -> Looked:
    """Read a file to its end; raises `StatementFault` where it is not whole and right."""
    count, accounts, notes, formats = 0, dict[str, None](), list[str](), dict[str, None]()
    names_accounts = format_of(stream) in {"camt", "mt940"}
    for item in items(stream, mapping=mapping):
        if isinstance(item, StatementEntry):
            count += 1
            continue
        formats[item.format] = None
        if names_accounts:
            accounts[item.account] = None
        notes += _doubts(item)
    return Looked(
        format=" ".join(formats),
        sha256=digest_of(stream),
        entries_count=count,
        accounts=tuple(accounts),
        notes=tuple(notes),
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
