"""CSV out that harms no spreadsheet, in UTF-8."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection)."""
BOM: Final = "\ufeff"
"""Excel needs it at the beginning of a file with Chinese."""


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: with an apostrophe before it."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as lines of CSV (RFC 4180) in UTF-8."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows([safe_cell(text) for text in row] for row in rows)
    return written.getvalue().encode("utf-8", "replace")


def csv_file(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as a whole file, with the mark that Excel needs."""
    return BOM.encode() + csv_lines(rows)
