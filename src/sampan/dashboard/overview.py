"""The first page: how today and the last days went, and what waits for somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from sampan.clock import DAY_US
from sampan.dashboard.asked import day_text
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.analytics import Answer, Dataset, Question, answer
from sampan.domain.days import Zone
from sampan.domain.figures import Figures, total
from sampan.domain.rights import Right
from sampan.domain.statuses import WAITING, PaymentStatus
from sampan.flow.delivery import FAILING_AFTER
from sampan.storage import (
    callback_lists,
    credits,  # noqa: A004
    decisions,
    payment_lists,
    projects,
    reversals,
    rollups,
)
from sampan.storage.engine import Tx
from sampan.storage.payment_lists import Filter
from sampan.web import charts
from sampan.web.charts import Across, Chart
from sampan.web.i18n import mark, money_text, translate
from sampan.web.render import language_of

DAYS: Final = 7
WAITING_MAX: Final = 10_000
ASIDE_MAX: Final = 1_000
MINOR: Final = 100
_CURRENCIES: Final = ("HKD", "CNY")


@dataclass(frozen=True, slots=True)
class Day:
    """A day of Hong Kong, and the figures of the payments made on it."""

    text: str
    figures: Figures


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
    week = total(day.figures for day in seen.days)
    currencies = [one for one in _CURRENCIES if week.paid_minor.get(one)] or ["HKD"]
    context = {
        "seen": seen,
        "today": seen.days[-1],
        "week": week,
        "currencies": currencies,
        "turnover": {one: _turnover(seen.days, one) for one in currencies},
        "outcomes": _outcomes(seen.days, language_of(visit.request)),
        "waiting_statuses": sorted(status.value for status in WAITING),
        "most": WAITING_MAX,
        "may_make_projects": Right.PROJECT_SETTINGS in visit.rights,
        "may_see_credits": Right.CREDITS in visit.rights,
        "may_make_links": Right.PAYMENT_LINKS in visit.rights,
        "may_analyse": Right.ANALYTICS in visit.rights,
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
    first, last = (day_text(now_us - number * DAY_US) for number in (DAYS - 1, 0))
    asked = Question.of_days(Dataset.PAYMENTS, (first, last), zone=Zone.HONG_KONG)
    found = answer(asked, rollups.cells(tx, asked))
    return [Day(day_text(begin), _figures(found, n)) for n, begin in enumerate(found.periods)]


def _figures(found: Answer, number: int) -> Figures:
    """Return the figures of one period."""
    return total(
        Figures.of(
            PaymentStatus(str(status)),
            str(currency),
            count=sums[number].count,
            paid_minor=sums[number].paid_minor,
        )
        for (currency, status), sums in zip(found.series, found.sums, strict=True)
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
    values = [day.figures.paid_minor.get(currency, 0) for day in days]
    told = [
        f"{day.text}: {money_text(value, currency)}"
        for day, value in zip(days, values, strict=True)
    ]
    return charts.columns(
        [values], _across(days, told), text=lambda v: f"{v // MINOR:,}", unit=MINOR
    )


def _outcomes(days: Sequence[Day], language: str) -> Chart:
    figures = [day.figures for day in days]
    paid, declined = [one.paid_count for one in figures], [one.declined_count for one in figures]
    names = [translate(language, name) for name in (mark("Paid"), mark("Declined"))]
    told = [
        f"{day.text}: {names[0]} {good:,}, {names[1]} {bad:,}"
        for day, good, bad in zip(days, paid, declined, strict=True)
    ]
    return charts.columns([paid, declined], _across(days, told))


def _across(days: Sequence[Day], told: Sequence[str]) -> Across:
    return Across(names=[_short(day) for day in days], told=told)


def _short(day: Day) -> str:
    _, month, number = day.text.split("-")
    return f"{int(number)}/{int(month)}"


WAYS: Final = (Way("GET", "/", overview, Right.VIEW_PAYMENTS),)
