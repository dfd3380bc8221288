"""Add up rows by time: from sums that are kept of whole hours, and from the rows of all others.

An answer is exact at every moment. What is kept only makes it quick: an hour that is not kept, or
was forgotten because a row of it changed, is added up from its rows (docs/decisions/0009).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Insert, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.clock import HOUR_US
from sampan.domain.analytics import (
    DATASETS,
    OFFSETS_US,
    Cell,
    Dimension,
    Line,
    Question,
    Source,
    Sums,
)
from sampan.storage import schema
from sampan.storage.columns import unindexed
from sampan.storage.engine import Row, Statement, Tx
from sampan.storage.rollup_sources import ROWS, SUMS, added, kept, step_of

_h, _r = schema.rollup_hours, schema.rollups
_ALL_LINE: Final = {source: Line(source, tuple(Dimension)) for source in Source}
_KEY: Final = ("project_id", *(one.value for one in Dimension if one is not Dimension.PROJECT))


class Hour(msgspec.Struct, frozen=True):
    """An hour of a source that is over; `changes_count` tells whether it changed since."""

    source: Source
    start_us: int
    changes_count: int


# --- asking ---------------------------------------------------------------------------------


def cells(tx: Tx, question: Question) -> list[Cell]:
    """Return what a question is answered from, see `domain.analytics.answer`.

    The period has to begin and end at the hour. A step of it may come in several cells: their
    figures belong together.
    """
    line, within = DATASETS[question.dataset], (question.start_us, question.end_us)
    parts = [(kept(line.source), within)]
    parts += [(ROWS[line.source], span) for span in _not_kept(tx, line.source, within)]
    found: list[Cell] = []
    for rows, span in parts:
        offset_us = OFFSETS_US[question.zone]
        step = step_of(rows, step_us=question.step_us, offset_us=offset_us)
        chosen = added(rows, line, within=span, step=step)
        if question.project_ids is not None:
            chosen = chosen.where(unindexed(rows.project).in_(question.project_ids))
        # Attempts are not told apart by currency.
        if question.currency is not None and line.source is not Source.ATTEMPTS:
            chosen = chosen.where(rows.currency == question.currency)
        found += (_cell(row, len(line.by)) for row in tx.query(chosen))
    return found


def _cell(row: Row, dimensions: int) -> Cell:
    at_us, *rest = row
    # PostgreSQL adds up integers to decimals.
    sums = {name: int(value) for name, value in zip(SUMS, rest[dimensions:], strict=True)}
    return Cell(at_us=int(at_us), of=tuple(rest[:dimensions]), sums=Sums(**sums))


def _not_kept(tx: Tx, source: Source, within: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the spans whose hours are not kept, oldest first."""
    start_us, end_us = within
    chosen = select(_h.c.start_us).where(
        _h.c.source == source.value,
        _h.c.is_built == 1,
        _h.c.start_us >= start_us,
        _h.c.start_us < end_us,
    )
    spans: list[tuple[int, int]] = []
    for (hour_us,) in [*tx.query(chosen.order_by(_h.c.start_us)), (end_us,)]:
        if hour_us > start_us:
            spans.append((start_us, hour_us))
        start_us = hour_us + HOUR_US
    return spans


# --- keeping --------------------------------------------------------------------------------


def _open(dialect: str) -> Insert:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_h).on_conflict_do_nothing()


_OPEN = Statement(_open)
_NEWEST = Statement(select(func.max(_h.c.start_us)).where(_h.c.source == bindparam("of_source")))
_DUE = Statement(
    select(_h.c.source, _h.c.start_us, _h.c.changes_count)
    .where(_h.c.is_built == 0, _h.c.opened_us <= bindparam("opened_to_us"))
    .order_by(_h.c.start_us.desc(), _h.c.source)
    .limit(bindparam("most"))
)
_BUILD = Statement(
    update(_h)
    .where(
        _h.c.source == bindparam("of_source"),
        _h.c.start_us == bindparam("of_start_us"),
        _h.c.changes_count == bindparam("counted"),
        _h.c.is_built == 0,
    )
    .values(is_built=1)
)
_INSERT = Statement(insert(_r))


def open_hours(tx: Tx, source: Source, *, end_us: int, now_us: int, most: int) -> int:
    """Note the hours of a source that are over at `end_us`, at most `most`; return how many.

    The first is that of the source's oldest row. From then on the database counts their changes.
    """
    newest = tx.one(_NEWEST, {"of_source": source.value})
    assert newest is not None  # noqa: S101 - a maximum has a row
    if newest[0] is not None:
        start_us = int(newest[0]) + HOUR_US
    else:
        rows = ROWS[source]
        oldest = tx.query(select(func.min(rows.at)).where(rows.which))[0][0]
        if oldest is None:
            return 0
        start_us = int(oldest) // HOUR_US * HOUR_US
    starts = range(start_us, end_us - HOUR_US + 1, HOUR_US)[:most]
    for at_us in starts:
        tx.run(
            _OPEN,
            {
                "source": source.value,
                "start_us": at_us,
                "opened_us": now_us,
                "changes_count": 0,
                "is_built": 0,
            },
        )
    return len(starts)


def due(tx: Tx, *, opened_to_us: int, most: int) -> list[Hour]:
    """Return hours that are not kept and were noted at `opened_to_us` or before, newest first."""
    rows = tx.all(_DUE, {"opened_to_us": opened_to_us, "most": most})
    return [Hour(Source(source), start_us, changes) for source, start_us, changes in rows]


def gather(tx: Tx, hour: Hour) -> Sequence[Row]:
    """Add up an hour from its rows."""
    within = (hour.start_us, hour.start_us + HOUR_US)
    return tx.query(added(ROWS[hour.source], _ALL_LINE[hour.source], within=within))


def keep(tx: Tx, hour: Hour, sums: Iterable[Row]) -> bool:
    """Keep what an hour adds up to; False when a row of it has changed since `hour` was read."""
    named: dict[str, Any] = {"of_source": hour.source.value, "of_start_us": hour.start_us}
    if not tx.run(_BUILD, named | {"counted": hour.changes_count}):
        return False
    for row in sums:
        key = {"source": hour.source.value, "start_us": hour.start_us}
        values = dict(zip((*_KEY, *SUMS), row, strict=True))
        tx.do(_INSERT, key | {name: _plain(value) for name, value in values.items()})
    return True


def _plain(value: Any) -> str | int:  # noqa: ANN401 - PostgreSQL adds up integers to decimals
    return value if isinstance(value, str) else int(value)
