"""What is asked of the figures: datasets, periods and how answers are put together.

A dataset is a line of the closed table `DATASETS`. Its figures come as cells (`Cell`): what some
rows of a period come to, told apart by the dataset's dimensions. Everything here is arithmetic on
cells, so pages, CSV files and tests ask the same thing and get the same answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from sampan.domain.days import DAY_US, HOUR_US, Zone, local, midnight_us
from sampan.domain.statuses import OperationType, PaymentStatus

PER_MILLE: Final = 1000
DAYS_MAX: Final = 732
"""The longest period that is asked for: two years, one of them a leap year."""
HOURLY_DAYS_MAX: Final = 14
"""Beyond that a chart by the hour has more columns than anybody can read."""


class Source(StrEnum):
    """Which rows are counted, and by which of their times."""

    ATTEMPTS = "attempts"
    OPERATIONS = "operations"
    PAYMENTS_ENDED = "payments ended"
    PAYMENTS_MADE = "payments made"


class Dimension(StrEnum):
    """What rows can be told apart by; each source has some, and the others are empty there.

    `kind`: an operation's type, a payment's origin, a callback's kind. `status`: of the operation
    or payment, or how an attempt was answered. `slot`: index into `SLOTS_S` of the seconds from
    asking for a QR to the money, for sales that were paid; -1 for all else.
    """

    PROJECT = "project"
    KIND = "kind"
    STATUS = "status"
    CURRENCY = "currency"
    CODE = "code"
    SLOT = "slot"


class Answered(StrEnum):
    """How an attempt to deliver a callback was answered."""

    OK = "2xx"
    REDIRECT = "3xx"
    REFUSED = "4xx"
    BROKEN = "5xx"
    OTHER = "other"
    NOTHING = "no answer"


SLOTS_S: Final = (5, 10, 20, 30, 60, 120, 300, 600, 900)
"""Upper bounds, in seconds and included; what takes longer is in one more slot behind them."""
NO_SLOT: Final = -1


class Granularity(StrEnum):
    """How long a period of a chart is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Dataset(StrEnum):
    """A question that can be asked of any period."""

    PAYMENTS = "payments"
    CONVERSION = "conversion"
    TURNOVER = "turnover"
    OPERATIONS = "operations"
    DECLINES = "declines"
    TIME_TO_PAY = "time-to-pay"
    CALLBACKS = "callbacks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What some rows come to. Sums of several are added by `+`."""

    count: int = 0
    amount_minor: int = 0
    paid_minor: int = 0
    time_ms: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        """Return both together."""
        return Sums(
            count=self.count + other.count,
            amount_minor=self.amount_minor + other.amount_minor,
            paid_minor=self.paid_minor + other.paid_minor,
            time_ms=self.time_ms + other.time_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What rows of one step of time come to: `at_us` is when the step begins.

    `of` has a value for each dimension that was asked for, in that order.
    """

    at_us: int
    of: tuple[str | int, ...]
    sums: Sums


@dataclass(frozen=True, slots=True)
class Line:
    """What a dataset is made of: the rows, which of them, and what tells them apart."""

    source: Source
    by: tuple[Dimension, ...]
    kinds: tuple[str, ...] | None = None
    statuses: tuple[str, ...] | None = None


_SALES: Final = (OperationType.SALE.value,)
_PAID: Final = (PaymentStatus.SUCCESS.value,)
_DECIDED: Final = (PaymentStatus.SUCCESS.value, PaymentStatus.DECLINE.value)

DATASETS: Final[dict[Dataset, Line]] = {
    Dataset.PAYMENTS: Line(Source.PAYMENTS_MADE, (Dimension.CURRENCY, Dimension.STATUS)),
    Dataset.CONVERSION: Line(Source.PAYMENTS_ENDED, (Dimension.STATUS,), statuses=_DECIDED),
    Dataset.TURNOVER: Line(
        Source.PAYMENTS_ENDED, (Dimension.CURRENCY, Dimension.KIND), statuses=_PAID
    ),
    Dataset.OPERATIONS: Line(Source.OPERATIONS, (Dimension.KIND, Dimension.STATUS)),
    Dataset.DECLINES: Line(
        Source.OPERATIONS, (Dimension.CODE,), kinds=_SALES, statuses=(PaymentStatus.DECLINE.value,)
    ),
    Dataset.TIME_TO_PAY: Line(Source.OPERATIONS, (Dimension.SLOT,), kinds=_SALES, statuses=_PAID),
    Dataset.CALLBACKS: Line(Source.ATTEMPTS, (Dimension.STATUS,)),
}
"""Payments: all that were made, by when that was, by currency and status. Conversion: payments
that were paid or declined, by when that was. Turnover: what was really paid, by when the payment
ended, by currency and origin. Operations: all that ended, by type and status. Declines: sales that
failed, by response code; a payment tried twice counts twice. Time to pay: from the QR being asked
for to the money. Callbacks: attempts to deliver, by how they were answered.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A dataset over some days. `end_us` does not belong to them; None is no condition."""

    dataset: Dataset
    start_us: int
    end_us: int
    granularity: Granularity = Granularity.DAY
    zone: Zone = Zone.HONG_KONG
    project_ids: tuple[int, ...] | None = None
    currency: str | None = None

    @classmethod
    def of_days(
        cls,
        dataset: Dataset,
        days: tuple[str, str],
        *,
        zone: Zone,
        **more: Any,  # noqa: ANN401 - other fields of a question, of several types
    ) -> Self:
        """Return a question about the days from one to another, both included.

        Raises ValueError for what is no date, a period that ends before it begins, one longer than
        `DAYS_MAX`, and one by the hour longer than `HOURLY_DAYS_MAX`.
        """
        start_us, end_us = day_us(days[0], zone), day_us(days[1], zone) + DAY_US
        made = cls(dataset=dataset, start_us=start_us, end_us=end_us, zone=zone, **more)
        length = (end_us - start_us) // DAY_US
        if length < 1:
            raise ValueError("the period ends before it begins")
        if length > DAYS_MAX:
            raise ValueError(f"a period has at most {DAYS_MAX} days")
        if made.granularity is Granularity.HOUR and length > HOURLY_DAYS_MAX:
            raise ValueError(f"by the hour a period has at most {HOURLY_DAYS_MAX} days")
        return made

    @property
    def step_us(self) -> int:
        """How long the steps are in which figures are fetched: days make weeks and months."""
        return HOUR_US if self.granularity is Granularity.HOUR else DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Sums by period and by series.

    `periods` are the moments at which periods begin, oldest first and without a gap; `series` the
    values of the dimensions that were met, sorted; `sums` one list for each series, one value
    for each period.
    """

    question: Question
    periods: tuple[int, ...]
    series: tuple[tuple[str | int, ...], ...] = ()
    sums: tuple[tuple[Sums, ...], ...] = ()

    def of(self, *values: str | int) -> tuple[Sums, ...]:
        """Return the figures of one series by period; zeros where nothing was met."""
        if values in self.series:
            return self.sums[self.series.index(values)]
        return (Sums(),) * len(self.periods)

    def total(self, *values: str | int) -> Sums:
        """Return the figures of one series, all periods together."""
        return added(self.of(*values))

    def by(self, place: int) -> "Answer":
        """Return the same with series told apart by one of their values alone."""
        found: dict[tuple[str | int, ...], list[Sums]] = {}
        for values, sums in zip(self.series, self.sums, strict=True):
            key = (values[place],)
            before = found.get(key, [Sums()] * len(self.periods))
            found[key] = [one + more for one, more in zip(before, sums, strict=True)]
        keys = tuple(sorted(found))
        return Answer(
            question=self.question,
            periods=self.periods,
            series=keys,
            sums=tuple(tuple(found[key]) for key in keys),
        )

    @property
    def every(self) -> Sums:
        """All series and periods together."""
        return added(added(one) for one in self.sums)


def added(parts: Iterable[Sums]) -> Sums:
    """Return all of them together."""
    return sum(parts, start=Sums())


# --- periods --------------------------------------------------------------------------------


def day_us(text: str, zone: Zone) -> int:
    """Return when a day begins, given as YYYY-MM-DD. Raises ValueError for anything else."""
    day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    if len(text) != len("YYYY-MM-DD"):
        raise ValueError(f"not a date: {text[:40]!r}")
    return midnight_us(day, zone)


def day_text(at_us: int, zone: Zone) -> str:
    """Return the day of a moment as YYYY-MM-DD."""
    return local(at_us, zone).date().isoformat()


def period_of(at_us: int, *, granularity: Granularity, zone: Zone) -> int:
    """Return when the period of a moment begins; weeks begin on Monday."""
    if granularity is Granularity.HOUR:
        return at_us - at_us % HOUR_US
    day = local(at_us, zone).date()
    if granularity is Granularity.WEEK:
        day -= timedelta(days=day.weekday())
    elif granularity is Granularity.MONTH:
        day = day.replace(day=1)
    return midnight_us(day, zone)


def periods(question: Question) -> tuple[int, ...]:
    """Return when each period begins that a question touches, oldest first.

    The first of weeks or months may begin before the question does; only what is asked for is in
    it.
    """
    found: list[int] = []
    at_us = question.start_us
    while at_us < question.end_us:
        begin = period_of(at_us, granularity=question.granularity, zone=question.zone)
        if not found or found[-1] != begin:
            found.append(begin)
        at_us += question.step_us
    return tuple(found)


def answer(question: Question, cells: Iterable[Cell]) -> Answer:
    """Put cells together, in whatever order they come."""
    begins = periods(question)
    number = {begin: place for place, begin in enumerate(begins)}
    places: dict[int, int] = {}
    found: dict[tuple[str | int, ...], list[Sums]] = {}
    for cell in cells:
        if cell.at_us not in places:
            begin = period_of(cell.at_us, granularity=question.granularity, zone=question.zone)
            places[cell.at_us] = number[begin]
        row = found.setdefault(cell.of, [Sums()] * len(begins))
        row[places[cell.at_us]] += cell.sums
    keys = tuple(sorted(found))
    return Answer(
        question=question,
        periods=begins,
        series=keys,
        sums=tuple(tuple(found[key]) for key in keys),
    )


# --- figures made of figures ----------------------------------------------------------------


def conversion_per_mille(paid_count: int, declined_count: int) -> int | None:
    """How many of 1000 that were paid or declined were paid; None when none was.

    Cut, not rounded: 1000 means that all of them were paid.
    """
    finished = paid_count + declined_count
    return paid_count * PER_MILLE // finished if finished else None


def median_slot(counts: Sequence[int]) -> int | None:
    """Return the slot in which the middle one stands, None when there is none."""
    whole, seen = sum(counts), 0
    for slot, count in enumerate(counts):
        seen += count
        if count and seen * 2 >= whole:
            return slot
    return None


def mean_ms(sums: Sums) -> int | None:
    """Return how long one took on average, None when there is none."""
    return sums.time_ms // sums.count if sums.count else None
