"""What is added up: for each source its rows, its time and the columns of its figures.

Rows themselves and the sums that are kept of them have the same shape here, so one statement adds
up either, and both give the same.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Label,
    Select,
    and_,
    case,
    func,
    literal,
    select,
    text,
)

from sampan.clock import DAY_US, HOUR_US, SECOND_US
from sampan.domain.analytics import NO_SLOT, SLOTS_S, Answered, Dimension, Line, Source
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.storage import schema
from sampan.storage.columns import unindexed

_p, _o, _a, _c, _r = (
    schema.payments,
    schema.operations,
    schema.attempts,
    schema.callbacks,
    schema.rollups,
)
_MS: Final = 1000
_NONE: Final = literal("")
_ZERO: Final = literal(0)
_COUNT: Final = func.count()
_NO_SLOT: Final = literal(NO_SLOT)
SUMS: Final = ("count", "amount_minor", "paid_minor", "time_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a source. `which` is said in the words of an index, so that it is used."""

    frm: FromClause
    at: Column[int]
    which: Any
    project: ColumnElement[int]
    kind: ColumnElement[str]
    status: ColumnElement[str]
    currency: ColumnElement[str] = _NONE
    code: ColumnElement[str] = _NONE
    slot: ColumnElement[int] = _NO_SLOT
    count: ColumnElement[int] = _COUNT
    amount_minor: ColumnElement[int] = _ZERO
    paid_minor: ColumnElement[int] = _ZERO
    time_ms: ColumnElement[int] = _ZERO

    def of(self, dimension: Dimension) -> ColumnElement[Any]:
        """Return the column of a dimension."""
        column: ColumnElement[Any] = getattr(self, dimension.value)
        return column


_TOOK_US: Final = _o.c.updated_us - _o.c.created_us
_PAID: Final = and_(
    _o.c.type == OperationType.SALE.value, _o.c.status == PaymentStatus.SUCCESS.value
)
_SLOT: Final = case(
    (~_PAID, NO_SLOT),
    *((seconds * SECOND_US >= _TOOK_US, number) for number, seconds in enumerate(SLOTS_S)),
    else_=len(SLOTS_S),
)
_ANSWERED: Final = case(
    (_a.c.http_status.is_(None), Answered.NOTHING.value),
    *(
        (_a.c.http_status.between(first, first + 99), name.value)
        for first, name in (
            (200, Answered.OK),
            (300, Answered.REDIRECT),
            (400, Answered.REFUSED),
            (500, Answered.BROKEN),
        )
    ),
    else_=Answered.OTHER.value,
)
_ALL: Final = text("1 = 1")

_MADE: Final = Rows(
    frm=_p,
    at=_p.c.created_us,
    which=_ALL,
    project=_p.c.project_id,
    kind=_p.c.origin,
    status=_p.c.status,
    currency=_p.c.currency,
    amount_minor=func.sum(_p.c.amount_minor),
    paid_minor=func.sum(_p.c.paid_minor),
)

ROWS: Final[dict[Source, Rows]] = {
    Source.PAYMENTS_MADE: _MADE,
    Source.PAYMENTS_ENDED: replace(_MADE, at=_p.c.finished_us, which=_p.c.finished_us.is_not(None)),
    Source.OPERATIONS: Rows(
        frm=_o,
        at=_o.c.updated_us,
        which=text(f"operations.{schema.ENDED}"),
        project=_o.c.project_id,
        kind=_o.c.type,
        status=_o.c.status,
        currency=_o.c.currency,
        code=_o.c.code,
        slot=_SLOT,
        amount_minor=func.sum(_o.c.amount_minor),
        # A clock that was put back makes nobody pay before the QR was asked for.
        time_ms=func.sum(case((and_(_PAID, _TOOK_US > 0), _TOOK_US // _MS), else_=0)),
    ),
    Source.ATTEMPTS: Rows(
        frm=_a.join(_c, _a.c.callback == _c.c.id),
        at=_a.c.at_us,
        which=_ALL,
        project=_c.c.project_id,
        kind=_c.c.kind,
        status=_ANSWERED,
        time_ms=func.sum(_a.c.duration_ms),
    ),
}
"""Each source's own rows. Attempts are not told apart by currency."""


def kept(source: Source, hours: int) -> Rows:
    """Return the sums that are kept of a source, by spans of so many hours, as rows of it."""
    return Rows(
        frm=_r,
        at=_r.c.start_us,
        which=(_r.c.source == source.value) & (_r.c.hours == hours),
        project=_r.c.project_id,
        kind=_r.c.kind,
        status=_r.c.status,
        currency=_r.c.currency,
        code=_r.c.code,
        slot=_r.c.slot,
        **{name: func.sum(_r.c[name]) for name in SUMS},
    )


def added(
    rows: Rows, line: Line, *, within: tuple[int, int], step: Label[int] | None = None
) -> Select[Any]:
    """Return the statement that adds up from one moment on and before another.

    Columns: `step` where it is given, each dimension of the line, and `SUMS`.
    """
    groups: list[ColumnElement[Any]] = [rows.of(one).label(one.value) for one in line.by]
    if step is not None:
        groups.insert(0, step)
    sums = [getattr(rows, name).label(name) for name in SUMS]
    chosen = select(*groups, *sums).select_from(rows.frm)
    start_us, end_us = within
    chosen = chosen.where(rows.which, rows.at >= start_us, rows.at < end_us)
    for column, values in ((rows.kind, line.kinds), (rows.status, line.statuses)):
        if values is not None:
            # The way is by time; an index of this column would lead through rows of all times.
            chosen = chosen.where(unindexed(column).in_(values))
    return chosen.group_by(*groups)


def step_of(rows: Rows, *, step_us: int, offset_us: int) -> Label[int]:
    """Return the column of when the step of a row begins: hours, or days of a zone."""
    if step_us == HOUR_US:
        return (rows.at // HOUR_US * HOUR_US).label("at")
    return ((rows.at + offset_us) // DAY_US * DAY_US - offset_us).label("at")
