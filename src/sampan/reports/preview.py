"""The first lines of a file, for a look at it before it is fetched."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

BYTES_MAX: Final = 65_536
"""So much of a file is read; what stands there of a line that is not whole is left out."""


class Preview(NamedTuple):
    """The heads of a file, and its first rows."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def preview(path: Path, *, separator: str, most: int) -> Preview:
    """Read the first rows of a whole file of ours, at most `most`. Raises `OSError`."""
    with path.open("rb") as file:
        data = file.read(BYTES_MAX)
    text = data.decode("utf-8-sig", "replace")
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    if len(data) == BYTES_MAX:
        lines = lines[:-1]
    return Preview(lines[0] if lines else [], lines[1 : most + 1])
