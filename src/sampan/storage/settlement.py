"""What was paid and what arrived, by day of Hong Kong, project and currency.

Found by the indexes of when payments ended and when credits were received, so a period costs what
lies in it. Sums are those of the very rows that lists show.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    case,
    cast,
    func,
    literal_column,
    select,
)

from sampan.domain.days import DAY_US, Zone
from sampan.domain.settlement import Arrived, Key, Paid, Repaid
from sampan.storage import schema
from sampan.storage.columns import unindexed
from sampan.storage.engine import Tx

ROWS_MAX: Final = 1000
OFFSET_US: Final = Zone.HONG_KONG.offset_us

COUNTED: Final = ("applied", "held", "refunding", "returned", "unapplied")
"""Parts stand for a credit that was split; what is the same money as another, or no payment by the
word of people, is no part of a settlement."""

_p = schema.payments
_c = schema.credits
_r = schema.refunds
Number = ColumnElement[int]


class PaidRow(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that was paid; `arrived_us` is set where a part of it arrived on another day."""

    key: int
    payment_id: str
    asked_minor: int
    paid_minor: int
    ended_us: int
    arrived_us: int | None


class CreditRow(msgspec.Struct, frozen=True, kw_only=True):
    """A credit with its payment, None where it belongs to none."""

    id: int
    status: str
    amount_minor: int
    reference: str
    payer_name: str
    bank_txn_id: str
    received_us: int
    booked_us: int
    payment: int | None
    payment_id: str | None
    ended_us: int | None


def day_of(us: int) -> int:
    """Return the day of Hong Kong that a moment is in, counted from the epoch."""
    return (us + OFFSET_US) // DAY_US


def begin_us(day: int) -> int:
    """Return when a day of Hong Kong begins."""
    return day * DAY_US - OFFSET_US


def paid(tx: Tx, *, first: int, last: int) -> Sequence[Paid]:
    """Return what was paid by payments that ended from one day to another, both included."""
    day = _day(_p.c.finished_us)
    other = case((_p.c.paid_minor != _p.c.amount_minor, 1), else_=0)
    groups = (day, _p.c.project_id, _p.c.currency)
    rows = tx.query(
        select(*groups, func.count(), _sum(_p.c.paid_minor), _sum(other))
        .where(*_paid_within(first, last))
        .group_by(*groups)
    )
    return [Paid(Key(*row[:3]), *row[3:]) for row in rows]


def arrived(tx: Tx, *, first: int, last: int) -> Sequence[Arrived]:
    """Return what was received from one day to another, both included, by its status now."""
    day = _day(_c.c.received_us)
    is_same = (_c.c.status == "applied") & (_day(_p.c.finished_us) == day)
    same = case((is_same, _c.c.amount_minor), else_=0)
    shifted = case((_day(_c.c.booked_us) != day, _c.c.amount_minor), else_=0)
    groups = (day, _p.c.project_id, _c.c.currency, _c.c.status)
    rows = tx.query(
        select(*groups, func.count(), _sum(_c.c.amount_minor), _sum(same), _sum(shifted))
        .select_from(_c.outerjoin(_p, _c.c.payment == _p.c.id))
        .where(*_received_within(first, last))
        .group_by(*groups)
    )
    return [Arrived(Key(*row[:3]), *row[3:]) for row in rows]


def repaid(tx: Tx, *, first: int, last: int) -> Sequence[Repaid]:
    """Return what was refunded of payments from one day to another, both included."""
    at = _r.c.updated_us
    groups = (_day(at), _r.c.project_id, _r.c.currency)
    rows = tx.query(
        select(*groups, _sum(_r.c.amount_minor))
        .where(at >= begin_us(first), at < begin_us(last + 1))
        .where(_r.c.status == "confirmed", _r.c.payment.is_not(None))
        .group_by(*groups)
    )
    return [Repaid(Key(*row[:3]), row[3]) for row in rows]


def paid_rows(tx: Tx, key: Key, *, is_odd: bool, most: int) -> Sequence[PaidRow]:
    """Return the payments of a line, the newest first; `is_odd`: only those from elsewhere."""
    assert 1 <= most <= ROWS_MAX, most  # noqa: S101 - our bug
    elsewhere = _elsewhere(key.day)
    chosen = (
        select(
            _p.c.id,
            _p.c.payment_id,
            _p.c.amount_minor,
            _p.c.paid_minor,
            _p.c.finished_us,
            elsewhere.label("arrived_us"),
        )
        .where(*_paid_within(key.day, key.day), *_paid_of(key))
        .order_by(_p.c.finished_us.desc(), _p.c.id.desc())
        .limit(most)
    )
    if is_odd:
        chosen = chosen.where(elsewhere.is_not(None))
    return [PaidRow(**_named(PaidRow, row)) for row in tx.query(chosen)]


def credit_rows(tx: Tx, key: Key, *, is_odd: bool, most: int) -> Sequence[CreditRow]:
    """Return the credits of a line, the newest first; `is_odd`: only those applied elsewhere."""
    assert 1 <= most <= ROWS_MAX, most  # noqa: S101 - our bug
    chosen = _credits(
        _c.c.id,
        _c.c.status,
        _c.c.amount_minor,
        _c.c.reference,
        _c.c.payer_name,
        _c.c.bank_txn_id,
        _c.c.received_us,
        _c.c.booked_us,
        _c.c.payment,
        _p.c.payment_id,
        _p.c.finished_us,
        key=key,
    )
    if is_odd:
        chosen = chosen.where(_c.c.status == "applied", _day(_p.c.finished_us) != key.day)
    newest = chosen.order_by(_c.c.received_us.desc(), _c.c.id.desc()).limit(most)
    return [CreditRow(**_named(CreditRow, row)) for row in tx.query(newest)]


def from_elsewhere_minor(tx: Tx, key: Key) -> int:
    """Return what payments of a line were paid by money that arrived on other days.

    Added up from the credits themselves: with it a difference can be proved.
    """
    # Not in the condition: SQLite would walk through all applied credits instead.
    strayed = case((_is_strayed(key.day), _c.c.amount_minor), else_=0)
    rows = tx.query(
        select(func.coalesce(_sum(strayed), 0))
        .join_from(_p, _c, _c.c.payment == _p.c.id)
        .where(*_paid_within(key.day, key.day), *_paid_of(key))
    )
    return int(rows[0][0])


def _credits(*columns: Any, key: Key) -> Select[Any]:  # noqa: ANN401 - columns of any type
    project_id = key.project_id
    is_own = _p.c.project_id.is_(None) if project_id is None else _p.c.project_id == project_id
    return (
        select(*columns)
        .select_from(_c.outerjoin(_p, _c.c.payment == _p.c.id))
        .where(*_received_within(key.day, key.day), _c.c.currency == key.currency, is_own)
    )


def _elsewhere(day: int) -> Number:
    """Return when the last part of a payment's money arrived that did not on a day, or NULL."""
    latest = func.max(case((_is_strayed(day), _c.c.received_us)))
    return select(latest).where(_c.c.payment == _p.c.id).correlate(_p).scalar_subquery()


def _is_strayed(day: int) -> ColumnElement[bool]:
    return (_c.c.status == "applied") & (_day(_c.c.received_us) != day)


def _paid_within(first: int, last: int) -> tuple[ColumnElement[bool], ...]:
    ended = _p.c.finished_us
    return ended >= begin_us(first), ended < begin_us(last + 1), _p.c.status == "success"


def _paid_of(key: Key) -> tuple[ColumnElement[bool], ...]:
    return unindexed(_p.c.project_id) == key.project_id, _p.c.currency == key.currency


def _received_within(first: int, last: int) -> tuple[ColumnElement[bool], ...]:
    received = _c.c.received_us
    # The way is by time: the index of the status leads through credits of all times.
    counted = unindexed(_c.c.status).in_(COUNTED)
    return received >= begin_us(first), received < begin_us(last + 1), counted


def _day(column: Any) -> Number:  # noqa: ANN401 - a column of a time
    # Written into the text: bound twice, PostgreSQL would not know it again in GROUP BY.
    since: Number = column + literal_column(str(OFFSET_US))
    return since // literal_column(str(DAY_US))


def _sum(column: Any) -> Number:  # noqa: ANN401 - a column or a case
    # PostgreSQL sums bigints as numeric; both engines shall give an integer.
    return cast(func.sum(column), BigInteger)


def _named(kind: Any, row: Any) -> dict[str, Any]:  # noqa: ANN401 - a struct and a row
    return dict(zip(kind.__struct_fields__, row, strict=True))
