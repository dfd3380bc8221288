"""Files of payment links: CSV in, as spreadsheets save it.

UTF-8 with or without a byte order mark, parted by commas or semicolons, the names of the columns in
the first line in any order.
"""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from sampan.codecs.safe_csv import BOM

FILE_BYTES_MAX: Final = 2 * 1024 * 1024
LINES_MAX: Final = 5_000
_NAMES_MAX: Final = 10
_NAME_CHARS_MAX: Final = 40


class Unfit(StrEnum):
    """What may be wrong with a file as a whole; doors have a sentence for each."""

    EMPTY = "empty"
    TOO_LONG = "too long"
    TOO_MANY_LINES = "too many lines"
    ENCODING = "encoding"
    FORMAT = "format"
    COLUMNS_DOUBLED = "columns doubled"
    COLUMNS_MISSING = "columns missing"
    COLUMNS_UNKNOWN = "columns unknown"


class LinkFileError(ValueError):
    """A file that cannot be read; `detail` stands in the sentence, `line` counts from 1."""

    def __init__(self, unfit: Unfit, *, detail: str = "", line: int = 0) -> None:
        super().__init__(f"{unfit.value} {detail}".strip())
        self.unfit = unfit
        self.detail = detail
        self.line = line


class Line(NamedTuple):
    """A line by its number in the file, the header being 1; no cells where their number is wrong.

    A line whose cells have line breaks is named by its first.
    """

    number: int
    cells: Mapping[str, str] | None


def read(data: bytes, *, known: Collection[str], required: Collection[str]) -> list[Line]:
    """Return the lines of a file; empty ones are left out. Raises `LinkFileError`.

    `known` are the columns that there may be, `required` those that there must be.
    """
    if len(data) > FILE_BYTES_MAX:
        raise LinkFileError(Unfit.TOO_LONG)
    try:
        text = data.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LinkFileError(Unfit.ENCODING, line=line) from error
    if not text.strip():
        raise LinkFileError(Unfit.EMPTY)
    rows = _rows(text)
    _, header = next(rows, (1, []))
    if not header:
        raise LinkFileError(Unfit.EMPTY)
    names = [name.strip().lower() for name in header]
    _check_columns(names, known=known, required=required)
    lines: list[Line] = []
    for number, row in rows:
        if len(lines) == LINES_MAX:
            raise LinkFileError(Unfit.TOO_MANY_LINES, detail=str(LINES_MAX), line=number)
        whole = len(row) == len(names)
        lines.append(Line(number, dict(zip(names, row, strict=True)) if whole else None))
    if not lines:
        raise LinkFileError(Unfit.EMPTY)
    return lines


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the rows that are not empty with the numbers of their first lines."""
    head = text.lstrip().partition("\n")[0]
    parted_by = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=parted_by, strict=True)
    number = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        raise LinkFileError(Unfit.FORMAT, line=number) from error


def _check_columns(
    names: Sequence[str], *, known: Collection[str], required: Collection[str]
) -> None:
    # Counted in one walk: a file may consist of nothing but commas.
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    for unfit, found in (
        (Unfit.COLUMNS_DOUBLED, twice),
        (Unfit.COLUMNS_UNKNOWN, [name for name in names if name not in known]),
        (Unfit.COLUMNS_MISSING, [name for name in required if name not in names]),
    ):
        if found:
            listed = (name[:_NAME_CHARS_MAX] or "?" for name in found[:_NAMES_MAX])
            raise LinkFileError(unfit, detail=", ".join(listed), line=1)
