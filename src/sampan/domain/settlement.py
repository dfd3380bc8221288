"""Settlement: what payments of a day say was paid, beside what the bank said arrived that day.

Every amount that is applied belongs to one payment that was paid, and both come to the same. So a
day differs only by payments that ended on another day than their money arrived: staff took it
later. Days are those of Hong Kong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

DAYS_MAX: Final = 92
"""Days that are looked at together."""


class Key(NamedTuple):
    """A day (days since the epoch), a project (None: money of no payment) and a currency."""

    day: int
    project_id: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class Paid:
    """Payments that were paid and ended on a day; `other_count` with another sum than asked."""

    key: Key
    count: int
    paid_minor: int
    other_count: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """Credits that arrived on a day and have a status now.

    `same_minor` belongs to payments that ended on this day, `shifted_minor` was booked by the bank
    on another day than it told of it.
    """

    key: Key
    status: str
    count: int
    amount_minor: int
    same_minor: int
    shifted_minor: int


@dataclass(frozen=True, slots=True)
class Repaid:
    """Refunds of payments' money that were paid on a day."""

    key: Key
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one day, project and currency come to; sums of lines are added by `+`.

    `gross_minor` of `paid_count` payments; `received_minor` of `received_count` credits, which are
    `applied_minor`, `waiting_minor` (unapplied, held or being refunded) and `returned_minor`.
    `refunded_minor` was paid back of payments' money, whenever that came.
    """

    key: Key
    paid_count: int = 0
    gross_minor: int = 0
    other_count: int = 0
    received_count: int = 0
    received_minor: int = 0
    applied_minor: int = 0
    waiting_minor: int = 0
    returned_minor: int = 0
    same_minor: int = 0
    shifted_minor: int = 0
    refunded_minor: int = 0

    @property
    def difference_minor(self) -> int:
        """What was applied beyond what payments say was paid; negative where it is less."""
        return self.applied_minor - self.gross_minor

    @property
    def elsewhere_minor(self) -> int:
        """What arrived on this day and belongs to payments that ended on another."""
        return self.applied_minor - self.same_minor

    @property
    def from_elsewhere_minor(self) -> int:
        """What was paid by money that arrived on another day."""
        return self.gross_minor - self.same_minor

    def __add__(self, other: "Line") -> "Line":
        """Return both together, with the key of the first."""
        return Line(
            key=self.key,
            paid_count=self.paid_count + other.paid_count,
            gross_minor=self.gross_minor + other.gross_minor,
            other_count=self.other_count + other.other_count,
            received_count=self.received_count + other.received_count,
            received_minor=self.received_minor + other.received_minor,
            applied_minor=self.applied_minor + other.applied_minor,
            waiting_minor=self.waiting_minor + other.waiting_minor,
            returned_minor=self.returned_minor + other.returned_minor,
            same_minor=self.same_minor + other.same_minor,
            shifted_minor=self.shifted_minor + other.shifted_minor,
            refunded_minor=self.refunded_minor + other.refunded_minor,
        )


def lines(
    paid: Iterable[Paid], arrived: Iterable[Arrived], *, repaid: Iterable[Repaid] = ()
) -> Sequence[Line]:
    """Return a line for each day, project and currency with anything in it, newest day first.

    Within a day by project, what belongs to none at its end, then by currency.
    """
    found: dict[Key, Line] = {}
    of_refunds = (Line(key=one.key, refunded_minor=one.amount_minor) for one in repaid)
    for line in (*map(_of_paid, paid), *map(_of_arrived, arrived), *of_refunds):
        found[line.key] = found[line.key] + line if line.key in found else line
    return sorted(found.values(), key=_order)


def totals(every: Iterable[Line]) -> Sequence[Line]:
    """Return the sums of lines by currency; their keys have day 0 and no project."""
    found: dict[str, Line] = {}
    for line in every:
        currency = line.key.currency
        before = found.get(currency, Line(key=Key(0, None, currency)))
        found[currency] = before + line
    return [found[currency] for currency in sorted(found, reverse=True)]


def _of_paid(one: Paid) -> Line:
    return Line(
        key=one.key,
        paid_count=one.count,
        gross_minor=one.paid_minor,
        other_count=one.other_count,
    )


def _of_arrived(one: Arrived) -> Line:
    return Line(
        key=one.key,
        received_count=one.count,
        received_minor=one.amount_minor,
        applied_minor=one.amount_minor if one.status == "applied" else 0,
        waiting_minor=one.amount_minor if one.status in {"unapplied", "held", "refunding"} else 0,
        returned_minor=one.amount_minor if one.status == "returned" else 0,
        same_minor=one.same_minor,
        shifted_minor=one.shifted_minor,
    )


def _order(line: Line) -> tuple[int, bool, int, str]:
    project_id = line.key.project_id
    return -line.key.day, project_id is None, project_id or 0, line.key.currency
