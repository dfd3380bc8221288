"""Sums of a day of an account: of its credits, of what the bank took back, of payments."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, func, or_, select

from sampan.clock import DAY_US
from sampan.domain.statuses import PaymentStatus
from sampan.storage import schema
from sampan.storage.engine import Tx

_c = schema.credits
_p = schema.payments
_r = schema.reversals
LOOKED_BACK_US: Final = 400 * DAY_US
"""Money that came longer ago makes no payment paid any more, as far as a day's sums go."""
OPEN_US_MAX: Final = 62 * DAY_US
"""No payment is begun so long before it is paid, unless people decide late."""


class OfDay(NamedTuple):
    """An account, and when a day begins and ends."""

    provider: str
    account: str
    begin_us: int
    end_us: int


class Group(NamedTuple):
    """How many of a kind and currency, and their sum in minor units."""

    kind: str
    currency: str
    rows_count: int
    amount_minor: int


class PaidRow(NamedTuple):
    """A payment that became paid on a day by money that was booked on another one."""

    key: int
    id: str
    currency: str
    paid_minor: int
    finished_us: int
    booked_us: int
    credit: int


def credits(tx: Tx, day: OfDay) -> Sequence[tuple[str, bool, Group]]:  # noqa: A001 - they are
    """Return (status, whether paid as asked, sums) of what was booked in on a day.

    A credit that was split counts by its parts.
    """
    as_asked = case((_p.c.paid_minor == _p.c.amount_minor, 1), else_=0)
    rows = tx.query(
        select(_c.c.status, as_asked, _c.c.currency, func.count(), _sum(_c.c.amount_minor))
        .select_from(_c.outerjoin(_p, _p.c.id == _c.c.payment))
        .where(*_booked(day), _c.c.status != "split")
        .group_by(_c.c.status, as_asked, _c.c.currency)
    )
    return [(row[0], bool(row[1]), Group(row[0], *row[2:])) for row in rows]


def taken_back(tx: Tx, day: OfDay) -> Sequence[Group]:
    """Return what the bank took back on a day."""
    rows = tx.query(
        select(_r.c.currency, func.count(), _sum(_r.c.amount_minor))
        .where(
            _r.c.provider == day.provider,
            _r.c.account == day.account,
            _r.c.booked_us >= day.begin_us,
            _r.c.booked_us < day.end_us,
        )
        .group_by(_r.c.currency)
    )
    return [Group("taken back", *row) for row in rows]


def paid(tx: Tx, day: OfDay) -> Sequence[Group]:
    """Return by what payments became paid on a day: money of the `same day`, or `other day`."""
    same = and_(_c.c.booked_us >= day.begin_us, _c.c.booked_us < day.end_us)
    kind = case((same, "same day"), else_="other day")
    rows = tx.query(
        select(kind, _c.c.currency, func.count(), _sum(_c.c.amount_minor))
        .join_from(_c, _p, _p.c.id == _c.c.payment)
        .where(*_finished(day))
        .group_by(kind, _c.c.currency)
    )
    return [Group(*row) for row in rows]


def of_other_days(tx: Tx, day: OfDay, *, most: int) -> Sequence[PaidRow]:
    """Return payments that became paid on a day by money of another one."""
    other = or_(_c.c.booked_us < day.begin_us, _c.c.booked_us >= day.end_us)
    rows = tx.query(
        select(
            _p.c.id,
            _p.c.payment_id,
            _c.c.currency,
            _c.c.amount_minor,
            _p.c.finished_us,
            _c.c.booked_us,
            _c.c.id,
        )
        .join_from(_c, _p, _p.c.id == _c.c.payment)
        .where(*_finished(day), other)
        .order_by(_p.c.finished_us, _c.c.id)
        .limit(most)
    )
    return [PaidRow(*row) for row in rows]


def without_money(tx: Tx, project_ids: Sequence[int], day: OfDay) -> Sequence[Group]:
    """Return what payments of projects became paid with on a day though no credit is theirs."""
    rows = tx.query(
        select(_p.c.currency, func.count(), _sum(_p.c.paid_minor))
        .where(
            _p.c.project_id.in_(project_ids),
            _p.c.status == PaymentStatus.SUCCESS.value,
            _p.c.created_us >= day.begin_us - OPEN_US_MAX,
            _p.c.created_us < day.end_us,
            _p.c.finished_us >= day.begin_us,
            _p.c.finished_us < day.end_us,
            ~select(_c.c.id).where(_c.c.payment == _p.c.id, _c.c.status == "applied").exists(),
        )
        .group_by(_p.c.currency)
    )
    return [Group("no money", *row) for row in rows]


def unpaid(tx: Tx, project_ids: Sequence[int], day: OfDay) -> Sequence[Group]:
    """Return payments of projects that were begun on a day and for which no money came."""
    rows = tx.query(
        select(_p.c.currency, func.count(), _sum(_p.c.amount_minor))
        .where(
            _p.c.project_id.in_(project_ids),
            _p.c.created_us >= day.begin_us,
            _p.c.created_us < day.end_us,
            _p.c.status.not_in([PaymentStatus.SUCCESS.value, PaymentStatus.ERROR.value]),
            ~select(_c.c.id).where(_c.c.payment == _p.c.id).exists(),
        )
        .group_by(_p.c.currency)
    )
    return [Group("unpaid", *row) for row in rows]


def _booked(day: OfDay) -> tuple[ColumnElement[bool], ...]:
    return (
        _c.c.provider == day.provider,
        _c.c.account == day.account,
        _c.c.booked_us >= day.begin_us,
        _c.c.booked_us < day.end_us,
    )


def _finished(day: OfDay) -> tuple[ColumnElement[bool], ...]:
    """Return what holds of credits of an account that made payments paid on a day."""
    return (
        _c.c.status == "applied",
        _c.c.received_us >= day.begin_us - LOOKED_BACK_US,
        _c.c.received_us < day.end_us,
        _c.c.provider == day.provider,
        _c.c.account == day.account,
        _p.c.finished_us >= day.begin_us,
        _p.c.finished_us < day.end_us,
    )


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    # PostgreSQL sums bigints as numeric; both engines shall give an integer.
    return cast(func.sum(column), BigInteger)
