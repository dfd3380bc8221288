"""The first page: how today and the last days went, and what waits for somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from sampan.clock import DAY_US
from sampan.dashboard.asked import day_text, day_us
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.figures import Figures, total
from sampan.domain.rights import Right
from sampan.domain.statuses import WAITING
from sampan.flow.delivery import FAILING_AFTER
from sampan.storage import (
    callback_lists,
    credits,  # noqa: A004
    decisions,
    payment_lists,
    projects,
    reversals,
)
from sampan.storage.engine import Tx
from sampan.storage.payment_lists import Filter
from sampan.web import charts
from sampan.web.charts import Chart

DAYS: Final = 7
DAY_ROWS_MAX: Final = 100_000
"""Payments of one day that are added up; with more, the page says so and shows no sums."""
WAITING_MAX: Final = 10_000
ASIDE_MAX: Final = 1_000
MINOR: Final = 100
_CURRENCIES: Final = ("HKD", "CNY")


@dataclass(frozen=True, slots=True)
class Day:
    """A day of Hong Kong, and its payments' figures; None: too many to be added up."""

    text: str
    begins_us: int
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What waits for somebody. Counts stop at `WAITING_MAX`."""

    held_count: int
    unapplied: Sequence[tuple[str, int, int]]
    failing_count: int
    given_up_count: int
    proposals_count: int = 0
    reversals_count: int = 0

    @property
    def is_none(self) -> bool:
        """Whether nothing is amiss."""
        counts = (
            self.held_count,
            self.failing_count,
            self.given_up_count,
            self.proposals_count,
            self.reversals_count,
        )
        return not (self.unapplied or any(counts))


@dataclass(frozen=True, slots=True)
class Seen:
    """All that the page shows."""

    days: Sequence[Day]
    trouble: Trouble
    waiting_count: int
    has_projects: bool
    has_payments: bool


async def overview(visit: Visit) -> Response:
    """Show the figures of the last days, charts of them, and alarms."""
    seen = await visit.desk.store.read(lambda tx: _seen(visit, tx))
    figures = [day.figures for day in seen.days if day.figures is not None]
    week = total(figures) if len(figures) == DAYS else None
    shown = week or total(figures)
    currencies = [one for one in _CURRENCIES if shown.paid_minor.get(one)] or ["HKD"]
    context = {
        "seen": seen,
        "today": seen.days[-1],
        "week": week,
        "currencies": currencies,
        "turnover": {one: _turnover(seen.days, one) for one in currencies},
        "outcomes": _outcomes(seen.days),
        "waiting_statuses": sorted(status.value for status in WAITING),
        "most": WAITING_MAX,
        "may_make_projects": Right.PROJECT_SETTINGS in visit.rights,
        "may_see_credits": Right.CREDITS in visit.rights,
        "may_make_links": Right.PAYMENT_LINKS in visit.rights,
    }
    return visit.page("overview.html", context)


def _seen(visit: Visit, tx: Tx) -> Seen:
    return Seen(
        days=_days(tx, visit.now_us),
        trouble=_trouble(visit, tx),
        waiting_count=_count(tx, Filter(statuses=tuple(WAITING))),
        has_projects=bool(projects.every(tx, vault=visit.desk.vault, now_us=visit.now_us)),
        has_payments=bool(payment_lists.page(tx, Filter(), most=1).rows),
    )


def _days(tx: Tx, now_us: int) -> list[Day]:
    today_us = day_us(day_text(now_us))
    assert today_us is not None  # noqa: S101 - our own text
    begins = [today_us - number * DAY_US for number in reversed(range(DAYS))]
    return [Day(day_text(begin), begin, _figures(tx, begin)) for begin in begins]


def _figures(tx: Tx, begin_us: int) -> Figures | None:
    wanted = Filter(created_from_us=begin_us, created_to_us=begin_us + DAY_US)
    found = payment_lists.totals(tx, wanted, most=DAY_ROWS_MAX)
    if found.counts_capped:
        return None
    return total(
        Figures.of(one.status, one.currency, count=one.count, paid_minor=one.paid_minor)
        for one in found.groups
    )


def _trouble(visit: Visit, tx: Tx) -> Trouble:
    given_up = callback_lists.Filter(status="exhausted")
    # Whoever may not see credits is not led to them.
    sees = Right.CREDITS in visit.rights
    return Trouble(
        held_count=_count(tx, Filter(held=True)),
        unapplied=credits.unapplied(tx, most=WAITING_MAX),
        failing_count=len(callback_lists.endpoints(tx, failures_min=FAILING_AFTER)),
        given_up_count=callback_lists.count(tx, given_up, most=WAITING_MAX),
        proposals_count=len(decisions.page(tx, status="proposed", most=ASIDE_MAX)) if sees else 0,
        reversals_count=len(reversals.listing(tx, most=ASIDE_MAX)) if sees else 0,
    )


def _count(tx: Tx, wanted: Filter) -> int:
    found = payment_lists.totals(tx, wanted, most=WAITING_MAX)
    return WAITING_MAX if found.counts_capped else sum(one.count for one in found.groups)


def _turnover(days: Sequence[Day], currency: str) -> Chart:
    values = [(day.figures or Figures()).paid_minor.get(currency, 0) for day in days]
    return charts.columns(
        [values], [_short(day) for day in days], text=lambda v: f"{v // MINOR:,}", unit=MINOR
    )


def _outcomes(days: Sequence[Day]) -> Chart:
    figures = [day.figures or Figures() for day in days]
    paid, declined = [one.paid_count for one in figures], [one.declined_count for one in figures]
    return charts.columns([paid, declined], [_short(day) for day in days])


def _short(day: Day) -> str:
    _, month, number = day.text.split("-")
    return f"{int(number)}/{int(month)}"


WAYS: Final = (Way("GET", "/", overview, Right.VIEW_PAYMENTS),)
