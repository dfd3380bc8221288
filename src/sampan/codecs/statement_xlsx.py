"""Bank statements as XLSX: the first sheet's rows, written as CSV, which the mapping then reads.

A workbook is a ZIP of XML, so its size is bounded before and after unpacking, and entities are
refused. Cells are written as the mapping expects them: days by its patterns, numbers with its
decimal mark and no more digits than a sum has.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import IO, Any, Final

import msgspec
import openpyxl
from defusedxml import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from sampan.codecs.statement import FaultCode, Limits, StatementFault
from sampan.codecs.statement_csv import Mapping

UNPACKED_BYTES_MAX: Final = 64 * 1024 * 1024
MEMBERS_MAX: Final = 1_000
ROWS_MAX: Final = 200_000
COLUMNS_MAX: Final = 500
_DIGITS: Final = Decimal("0.000001")
_PATTERN: Final = re.compile("YYYY|YY|MMM|MM|DD|HH|mm|ss|A")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_BROKEN: Final = (
    zipfile.BadZipFile,
    InvalidFileException,
    DefusedXmlException,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    SyntaxError,
)
"""What a library raises about a file that only looks like a workbook."""


def as_csv(stream: IO[bytes], mapping: Mapping | None, *, limits: Limits) -> tuple[bytes, Mapping]:
    """Return the rows of the first sheet as CSV, and the mapping that reads it.

    Row numbers are kept. Without a mapping days are written as `2026-11-22`. Raises
    `StatementFault` for what is no workbook, or too large.
    """
    plain = mapping or Mapping(account="unnamed", date=1, amount=2, date_pattern="YYYY-MM-DD")
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=",", lineterminator="\n")
    for cells in _rows(stream, limits=limits):
        writer.writerow([_text(cell, plain) for cell in cells])
        if written.tell() > UNPACKED_BYTES_MAX:
            raise _too_large()
    read_by = msgspec.structs.replace(plain, encoding="utf-8", delimiter=",")
    return written.getvalue().encode(), read_by


def _rows(stream: IO[bytes], *, limits: Limits) -> Iterator[tuple[Any, ...]]:
    try:
        _bound(stream, limits=limits)
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            # What a sheet says of its own size may be wrong; rows that are there count.
            sheet.reset_dimensions()
            for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                if number > ROWS_MAX or len(cells) > COLUMNS_MAX:
                    raise _too_large()
                yield cells
        finally:
            book.close()
    except _BROKEN as error:
        message = f"not a workbook: {type(error).__name__}"
        raise StatementFault(FaultCode.MALFORMED, message) from None


def _bound(stream: IO[bytes], *, limits: Limits) -> None:
    """Refuse a workbook that is too large, or would be unpacked."""
    stream.seek(0, io.SEEK_END)
    if stream.tell() > limits.bytes_max:
        raise _too_large()
    stream.seek(0)
    with zipfile.ZipFile(stream) as packed:
        members = packed.infolist()
        size_bytes = sum(member.file_size for member in members)
        if len(members) > MEMBERS_MAX or size_bytes > UNPACKED_BYTES_MAX:
            raise _too_large()
    stream.seek(0)


def _too_large() -> StatementFault:
    message = f"more than {UNPACKED_BYTES_MAX // 1024**2} MiB, {ROWS_MAX} rows or too many cells"
    return StatementFault(FaultCode.TOO_LARGE, message)


def _text(cell: object, mapping: Mapping) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, datetime):
        return _dated(cell, mapping.date_pattern)
    if isinstance(cell, time):
        return _dated(datetime.combine(date(2000, 1, 1), cell), mapping.time_pattern)
    if isinstance(cell, int | float):
        return _number(cell, mapping.decimal)
    return str(cell)


def _number(cell: float, decimal: str) -> str:
    """Write a number as a sum: 388.1 is kept as 388.10000000000002 at times."""
    try:
        plain = Decimal(repr(cell)).quantize(_DIGITS).normalize()
    except InvalidOperation:
        return str(cell)
    return f"{plain:f}".replace(".", decimal)


def _dated(at: datetime, pattern: str) -> str:
    half = "AM" if at.hour < 12 else "PM"  # noqa: PLR2004 - noon
    hour = at.hour if "A" not in pattern else (at.hour % 12 or 12)
    parts = {
        "YYYY": f"{at.year:04}",
        "YY": f"{at.year % 100:02}",
        "MMM": _MONTHS[at.month - 1],
        "MM": f"{at.month:02}",
        "DD": f"{at.day:02}",
        "HH": f"{hour:02}",
        "mm": f"{at.minute:02}",
        "ss": f"{at.second:02}",
        "A": half,
    }
    return _PATTERN.sub(lambda found: parts[found[0]], pattern)
