"""Make the file of a report: rows from the database, cells, bytes, a checkpoint now and then."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from sampan.codecs.safe_csv import BOM
from sampan.domain.report_spec import Spec, chosen
from sampan.reports import words
from sampan.reports.columns import COLUMNS, fields_of
from sampan.reports.hand import Hand
from sampan.storage.report_rows import Place, RowReader
from sampan.storage.reports import NO_PLACE, Progress
from sampan.web.i18n import translate

WHOLE_ROWS: Final = 50_000
"""Rows between two checkpoints, which are also the rows of one snapshot: about a second's."""
_HEAD_BYTES: Final = 2
"""A row is its time and id, before its fields."""


class Sink(Protocol):
    """Takes the bytes of a file in their order."""

    def write(self, data: bytes) -> int:
        """Take some; return how many bytes that was."""
        ...

    def sync(self) -> None:
        """Return once all of them are safe."""
        ...


class Writer:
    """Writes rows as lines of CSV (RFC 4180) in UTF-8, column by column.

    Cell by cell would take several times as long.
    """

    def __init__(self, spec: Spec, names: Mapping[int, str]) -> None:
        self._spec = spec
        self.columns = chosen(spec)
        self.fields = fields_of(spec.type, self.columns)
        hand = Hand(spec, names)
        table = COLUMNS[spec.type]
        places = {field: place + _HEAD_BYTES for place, field in enumerate(self.fields)}
        self._hand = hand
        self._cells = [
            (table[name].write, [places[field] for field in table[name].fields])
            for name in self.columns
        ]

    def heads(self) -> bytes:
        """Return the first line, with the mark before it that Excel needs for Chinese."""
        language = self._spec.heads
        told = [translate(language, words.COLUMNS[n]) if language else n for n in self.columns]
        return (BOM.encode() if self._spec.bom else b"") + self._lines([told])

    def lines(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """Return the lines of some rows, at least one."""
        vectors = list(zip(*rows, strict=True))
        cells = [
            write(self._hand, *[vectors[place] for place in places])
            for write, places in self._cells
        ]
        return self._lines(zip(*cells, strict=True))

    def _lines(self, rows: Any) -> bytes:  # noqa: ANN401 - rows of texts, lists or tuples
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=self._spec.separator).writerows(rows)
        return written.getvalue().encode("utf-8", "replace")


def make(
    reader: RowReader,
    spec: Spec,
    *,
    sink: Sink,
    done: Progress,
    tell: Callable[[int], None] = lambda _rows: None,
) -> Iterator[Progress]:
    """Write a report from where it is done; give a checkpoint whenever more of it is safe.

    The last one is that of the whole file. `spec` is fixed. `tell` hears how many rows there are,
    several times a second. The order of rows is that of their time and id, so whoever goes on from
    a checkpoint writes no row twice and leaves none out.
    """
    writer = Writer(spec, reader.names())
    if not done.bytes:
        done = Progress(bytes=sink.write(writer.heads()))
    while True:
        before = done
        after = _place(done.place)
        for part in reader.stream(spec, writer.fields, after=after, most=WHOLE_ROWS):
            done = Progress(
                rows=done.rows + len(part),
                bytes=done.bytes + sink.write(writer.lines(part)),
                place=f"{part[-1][0]}/{part[-1][1]}",
            )
            tell(done.rows)
        sink.sync()
        yield done
        if done.rows - before.rows < WHOLE_ROWS:
            return


def _place(text: str) -> Place | None:
    """Read the place of a checkpoint. Raises `ValueError` for a broken one."""
    if text == NO_PLACE:
        return None
    at_us, _, key = text.partition("/")
    return int(at_us), int(key)
