"""What somebody wants to see of the figures: a dataset, days, filters, and how it is drawn.

A `Spec` says days by a name (`Period`), so it is as fresh tomorrow as today, or by two dates. It
becomes a `Question` on a given day. A person's board keeps specs; an address carries one.
"""

from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from sampan.domain.analytics import (
    HOURLY_DAYS_MAX,
    Dataset,
    Granularity,
    Question,
)
from sampan.domain.days import Zone

Days = tuple[str, str]
"""The first and the last day, both included, as YYYY-MM-DD."""

DAILY_DAYS_MAX: Final = 186
"""Beyond half a year a chart by the day has more columns than anybody can read."""
DEFAULT_CURRENCY: Final = "HKD"


class Period(StrEnum):
    """Days that are told by today. None of them has a day that is still to come."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    DAYS_7 = "7days"
    DAYS_30 = "30days"
    DAYS_90 = "90days"
    THIS_MONTH = "this-month"
    LAST_MONTH = "last-month"
    THIS_YEAR = "this-year"


class Apart(StrEnum):
    """What operations are told apart by."""

    TYPE = "type"
    STATUS = "status"


class Measure(StrEnum):
    """What is added up of operations."""

    COUNT = "count"
    AMOUNT = "amount"


class Drawing(StrEnum):
    """A chart that there is."""

    MADE = "made"
    OUTCOMES = "outcomes"
    RATE = "rate"
    TURNOVER = "turnover"
    OPERATIONS = "operations"
    CODES = "codes"
    DECLINES = "declines"
    SLOTS = "slots"
    WITHIN_MINUTE = "within-minute"
    ANSWERS = "answers"
    DELIVERED = "delivered"


DRAWINGS: Final[dict[Dataset, tuple[Drawing, ...]]] = {
    Dataset.CONVERSION: (Drawing.OUTCOMES, Drawing.RATE),
    Dataset.TURNOVER: (Drawing.TURNOVER,),
    Dataset.PAYMENTS: (Drawing.MADE,),
    Dataset.OPERATIONS: (Drawing.OPERATIONS,),
    Dataset.DECLINES: (Drawing.CODES, Drawing.DECLINES),
    Dataset.TIME_TO_PAY: (Drawing.SLOTS, Drawing.WITHIN_MINUTE),
    Dataset.CALLBACKS: (Drawing.ANSWERS, Drawing.DELIVERED),
}
"""Dataset → its charts, the most telling one first; in the order in which pages offer them."""

OF_DRAWING: Final = {one: dataset for dataset, drawn in DRAWINGS.items() for one in drawn}
"""Chart → the dataset that it is drawn from."""

_USUAL: Final = (
    (2, Granularity.HOUR),
    (45, Granularity.DAY),
    (371, Granularity.WEEK),
)
_DAYS_MAX: Final = {Granularity.HOUR: HOURLY_DAYS_MAX, Granularity.DAY: DAILY_DAYS_MAX}


class Spec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wanted. `days` go before `period`; no projects are all of them.

    `by` is a wish: days that it does not fit are shown by what is usual for their number.
    """

    dataset: Dataset
    period: Period = Period.DAYS_7
    days: Days | None = None
    projects: tuple[int, ...] = ()
    currency: str = ""
    by: Granularity | None = None
    zone: Zone = Zone.HONG_KONG
    apart: Apart = Apart.TYPE
    measure: Measure = Measure.COUNT
    drawing: Drawing | None = None

    @property
    def drawn(self) -> Drawing:
        """The chart that is shown where there is room for one."""
        return self.drawing or DRAWINGS[self.dataset][0]

    @property
    def one_currency(self) -> str:
        """The currency that figures are of; "" for all. Sums of several make no sense."""
        if self.dataset is Dataset.CALLBACKS:
            return ""
        is_sum = self.dataset is Dataset.OPERATIONS and self.measure is Measure.AMOUNT
        return self.currency or (DEFAULT_CURRENCY if is_sum else "")

    def days_on(self, today: str) -> Days:
        """Return the days on a given one."""
        return self.days or days_of(self.period, today)

    def question(self, today: str) -> Question:
        """Return what is asked on a day. Raises ValueError as `Question.of_days` does."""
        days = self.days_on(today)
        return Question.of_days(
            self.dataset,
            days,
            zone=self.zone,
            granularity=fitting(self.by, length(days)),
            project_ids=self.projects or None,
            currency=self.one_currency or None,
        )


def days_of(period: Period, today: str) -> Days:
    """Return the days that a name stands for on a given day."""
    now = date.fromisoformat(today)
    month = now.replace(day=1)
    before = month - timedelta(days=1)
    spans = {
        Period.TODAY: (now, now),
        Period.YESTERDAY: (now - timedelta(days=1),) * 2,
        Period.DAYS_7: (now - timedelta(days=6), now),
        Period.DAYS_30: (now - timedelta(days=29), now),
        Period.DAYS_90: (now - timedelta(days=89), now),
        Period.THIS_MONTH: (month, now),
        Period.LAST_MONTH: (before.replace(day=1), before),
        Period.THIS_YEAR: (now.replace(month=1, day=1), now),
    }
    first, last = spans[period]
    return first.isoformat(), last.isoformat()


def length(days: Days) -> int:
    """Return how many days they are. Raises ValueError for what is no date."""
    first, last = (date.fromisoformat(day) for day in days)
    return (last - first).days + 1


def fitting(wished: Granularity | None, days_count: int) -> Granularity:
    """Return a wish that fits so many days, else what is usual for them."""
    if wished is not None and days_count <= _DAYS_MAX.get(wished, days_count):
        return wished
    return next((one for most, one in _USUAL if days_count <= most), Granularity.MONTH)


def fetched(question: Question) -> Question:
    """Return the question whose cells answer this one too: weeks and months are made of days."""
    hourly = question.granularity is Granularity.HOUR
    return replace(question, granularity=Granularity.HOUR if hourly else Granularity.DAY)
