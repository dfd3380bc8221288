"""Add up rows by time: from sums that are kept of spans that are over, and from all other rows.

An answer is exact at every moment. What is kept only makes it quick: a span that is not kept, or
was forgotten because a row of it changed, is added up from its rows (docs/decisions/0009).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Insert, bindparam, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.clock import HOUR_US
from sampan.domain.analytics import (
    DATASETS,
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
from sampan.storage.rollup_sources import ROWS, SUMS, Rows, added, kept, step_of
from sampan.storage.schema_rollups import EIGHT_US, HOURS

_s, _r = schema.rollup_spans, schema.rollups
_ALL_LINE: Final = {source: Line(source, tuple(Dimension)) for source in Source}
_KEY: Final = ("project_id", *(one.value for one in Dimension if one is not Dimension.PROJECT))


class Span(msgspec.Struct, frozen=True):
    """A span of a source that is over; `changes_count` tells whether it changed since."""

    source: Source
    hours: int
    start_us: int
    changes_count: int

    @property
    def within(self) -> tuple[int, int]:
        """The first moment and the first one behind the last."""
        return self.start_us, self.start_us + self.hours * HOUR_US


# --- asking ---------------------------------------------------------------------------------


def cells(tx: Tx, question: Question) -> list[Cell]:
    """Return what a question is answered from, see `domain.analytics.answer`.

    The period has to begin and end at the hour. A step of it may come in several cells: their
    figures belong together.
    """
    line, within = DATASETS[question.dataset], (question.start_us, question.end_us)
    parts: list[tuple[Rows, tuple[int, int]]] = []
    left = [within]
    for hours in sorted(HOURS, reverse=True):
        if hours * HOUR_US <= question.step_us:
            parts += [(kept(line.source, hours), one) for one in left]
            left = [
                gap for one in left for gap in _not_kept(tx, line.source, hours=hours, within=one)
            ]
    parts += [(ROWS[line.source], one) for one in left]
    found: list[Cell] = []
    for rows, span in parts:
        offset_us = question.zone.offset_us
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


def _not_kept(
    tx: Tx, source: Source, *, hours: int, within: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return what no span of so many hours is kept of, oldest first."""
    start_us, end_us = within
    chosen = select(_s.c.start_us).where(
        _s.c.source == source.value,
        _s.c.hours == hours,
        _s.c.is_built == 1,
        _s.c.start_us >= start_us,
        _s.c.start_us < end_us,
    )
    found: list[tuple[int, int]] = []
    for (at_us,) in [*tx.query(chosen.order_by(_s.c.start_us)), (end_us,)]:
        if at_us > start_us:
            found.append((start_us, at_us))
        start_us = at_us + hours * HOUR_US
    return found


# --- keeping --------------------------------------------------------------------------------


def _open(dialect: str) -> Insert:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_s).on_conflict_do_nothing()


_OPEN = Statement(_open)
_NOTED = Statement(
    select(func.min(_s.c.start_us), func.max(_s.c.start_us)).where(
        _s.c.source == bindparam("of_source"), _s.c.hours == bindparam("of_hours")
    )
)
_DUE = Statement(
    select(_s.c.source, _s.c.hours, _s.c.start_us, _s.c.changes_count)
    .where(
        _s.c.is_built == 0,
        _s.c.opened_us <= bindparam("opened_to_us"),
        or_(_s.c.hours > 1, _s.c.start_us >= bindparam("hours_from_us")),
    )
    .order_by(_s.c.start_us.desc(), _s.c.source, _s.c.hours)
    .limit(bindparam("most"))
)
_BUILD = Statement(
    update(_s)
    .where(
        _s.c.source == bindparam("of_source"),
        _s.c.hours == bindparam("of_hours"),
        _s.c.start_us == bindparam("of_start_us"),
        _s.c.changes_count == bindparam("counted"),
        _s.c.is_built == 0,
    )
    .values(is_built=1)
)
_OLD: Final = (
    select(_s.c.source, _s.c.hours, _s.c.start_us)
    .where(_s.c.hours == 1, _s.c.is_built == 1, _s.c.start_us < bindparam("before_us"))
    .order_by(_s.c.start_us)
    .limit(bindparam("most"))
)
_FORGET = Statement(
    update(_s).where(tuple_(_s.c.source, _s.c.hours, _s.c.start_us).in_(_OLD)).values(is_built=0)
)
_INSERT = Statement(insert(_r))


def open_spans(tx: Tx, source: Source, *, end_us: int, now_us: int, most: int) -> int:
    """Note spans of a source that are over at `end_us`, at most `most` hours; return how many.

    The first is that of the source's oldest row. From then on the database counts their changes.
    """
    hours = _hours_to_note(tx, source, end_us=end_us)[:most]
    for at_us in hours:
        _note(tx, source, hours=1, start_us=at_us, now_us=now_us)
    if hours:
        first_us, last_us = _noted(tx, source, hours=1)
        _, before_us = _noted(tx, source, hours=8)
        # An eight needs all of its hours: they tell it of changes.
        start_us = -(-first_us // EIGHT_US) * EIGHT_US
        start_us = start_us if before_us is None else before_us + EIGHT_US
        for at_us in range(start_us, last_us + HOUR_US - EIGHT_US + 1, EIGHT_US):
            _note(tx, source, hours=8, start_us=at_us, now_us=now_us)
    return len(hours)


def _hours_to_note(tx: Tx, source: Source, *, end_us: int) -> Sequence[int]:
    """Return when the hours begin that are over and not noted."""
    _, newest_us = _noted(tx, source, hours=1)
    if newest_us is not None:
        return range(newest_us + HOUR_US, end_us - HOUR_US + 1, HOUR_US)
    rows = ROWS[source]
    oldest_us = tx.query(select(func.min(rows.at)).select_from(rows.frm).where(rows.which))[0][0]
    if oldest_us is None:
        return ()
    return range(int(oldest_us) // HOUR_US * HOUR_US, end_us - HOUR_US + 1, HOUR_US)


def _noted(tx: Tx, source: Source, *, hours: int) -> Row:
    """Return when the first and the last span begin that are noted, None without any."""
    found = tx.one(_NOTED, {"of_source": source.value, "of_hours": hours})
    assert found is not None  # noqa: S101 - a maximum has a row
    return found


def _note(tx: Tx, source: Source, *, hours: int, start_us: int, now_us: int) -> None:
    named = {"source": source.value, "hours": hours, "start_us": start_us}
    tx.run(_OPEN, named | {"opened_us": now_us, "changes_count": 0, "is_built": 0})


def due(tx: Tx, *, opened_to_us: int, hours_from_us: int, most: int) -> list[Span]:
    """Return spans that are not kept and were noted at `opened_to_us` or before, newest first.

    Single hours before `hours_from_us` are not: eights answer for them.
    """
    asked = {"opened_to_us": opened_to_us, "hours_from_us": hours_from_us, "most": most}
    rows = tx.all(_DUE, asked)
    return [Span(Source(source), *rest) for source, *rest in rows]


def gather(tx: Tx, span: Span) -> Sequence[Row]:
    """Add up a span from its rows."""
    return tx.query(added(ROWS[span.source], _ALL_LINE[span.source], within=span.within))


def keep(tx: Tx, span: Span, sums: Iterable[Row]) -> bool:
    """Keep what a span adds up to; False when a row of it has changed since `span` was read."""
    named: dict[str, Any] = {
        "of_source": span.source.value,
        "of_hours": span.hours,
        "of_start_us": span.start_us,
        "counted": span.changes_count,
    }
    if not tx.run(_BUILD, named):
        return False
    key = {"source": span.source.value, "hours": span.hours, "start_us": span.start_us}
    for row in sums:
        values = dict(zip((*_KEY, *SUMS), row, strict=True))
        tx.do(_INSERT, key | {name: _plain(value) for name, value in values.items()})
    return True


def forget_hours(tx: Tx, *, before_us: int, most: int) -> int:
    """Keep no longer what single hours before a moment add up to; return how many there were."""
    return tx.run(_FORGET, {"before_us": before_us, "most": most})


def _plain(value: Any) -> str | int:  # noqa: ANN401 - PostgreSQL adds up integers to decimals
    return value if isinstance(value, str) else int(value)


def kept_count(tx: Tx) -> int:
    """Return how many sums are kept."""
    return int(tx.query(select(func.count()).select_from(_r))[0][0])
