"""Periods of analytics, and how cells become an answer."""

from __future__ import annotations

from typing import Final

import pytest

from sampan.clock import DAY_US, HOUR_US
from sampan.domain import analytics
from sampan.domain.analytics import (
    Answer,
    Cell,
    Dataset,
    Granularity,
    Question,
    Sums,
)
from sampan.domain.days import Zone

HK: Final = Zone.HONG_KONG


def question(
    first: str, last: str, granularity: Granularity = Granularity.DAY, zone: Zone = HK
) -> Question:
    """Ask about days, both included."""
    return Question.of_days(Dataset.OPERATIONS, (first, last), zone=zone, granularity=granularity)


def texts(asked: Question) -> list[str]:
    """Return the days on which an answer's periods begin."""
    return [analytics.day_text(at_us, asked.zone) for at_us in analytics.periods(asked)]


@pytest.mark.parametrize(
    ("granularity", "days", "begins"),
    [
        (Granularity.DAY, ("2026-02-27", "2026-03-01"), ["2026-02-27", "2026-02-28", "2026-03-01"]),
        (Granularity.WEEK, ("2026-11-22", "2026-11-23"), ["2026-11-16", "2026-11-23"]),
        (
            Granularity.MONTH,
            ("2026-11-30", "2027-01-01"),
            ["2026-11-01", "2026-12-01", "2027-01-01"],
        ),
    ],
)
@pytest.mark.parametrize("zone", list(Zone))
def test_periods(
    granularity: Granularity, days: tuple[str, str], begins: list[str], zone: Zone
) -> None:
    """Weeks begin on Monday, months on their first; each period once, in order, in either zone."""
    assert texts(question(*days, granularity=granularity, zone=zone)) == begins


def test_hours() -> None:
    """A day has twenty-four hours and begins at midnight of its zone: in Hong Kong at 16:00 UTC."""
    asked = question("2026-11-24", "2026-11-24", Granularity.HOUR)
    begins = analytics.periods(asked)
    assert len(begins) == 24
    assert begins[0] == asked.start_us == analytics.day_us("2026-11-23", Zone.UTC) + 16 * HOUR_US
    assert begins[-1] + HOUR_US == asked.end_us


@pytest.mark.parametrize(
    ("first", "last", "granularity", "said"),
    [
        ("2026-11-25", "2026-11-24", Granularity.DAY, "ends before"),
        ("2024-01-01", "2026-01-03", Granularity.DAY, "at most 732"),
        ("2026-11-01", "2026-11-15", Granularity.HOUR, "at most 14"),
        ("2026-11-1", "2026-11-15", Granularity.DAY, "not a date"),
        ("2026-02-30", "2026-03-15", Granularity.DAY, "day is out of range"),
        ("x", "2026-03-15", Granularity.DAY, "does not match"),
    ],
)
def test_periods_that_are_none(first: str, last: str, granularity: Granularity, said: str) -> None:
    """What is no period is refused, and what is wrong with it is said."""
    with pytest.raises(ValueError, match=said):
        question(first, last, granularity)


def some_answer() -> Answer:
    """Two series over three days; on the second nothing happened."""
    asked = question("2026-11-23", "2026-11-25")
    begin = asked.start_us
    cells = [
        Cell(at_us=begin, of=("sale", "success"), sums=Sums(count=2, amount_minor=30)),
        Cell(at_us=begin + 2 * DAY_US, of=("sale", "success"), sums=Sums(count=1)),
        Cell(at_us=begin, of=("sale", "success"), sums=Sums(count=3, time_ms=9)),
        Cell(at_us=begin, of=("refund", "decline"), sums=Sums(count=1)),
    ]
    return analytics.answer(asked, cells)


def test_answer() -> None:
    """Cells of one step belong together; each series has a value for each period."""
    found = some_answer()
    assert found.series == (("refund", "decline"), ("sale", "success"))
    assert [one.count for one in found.of("sale", "success")] == [5, 0, 1]
    assert [one.count for one in found.of("refund", "decline")] == [1, 0, 0]
    assert [one.count for one in found.of("sale", "decline")] == [0, 0, 0]
    assert found.total("sale", "success") == Sums(count=6, amount_minor=30, time_ms=9)
    assert found.every.count == 7


def test_answer_by_one_dimension() -> None:
    """Series that agree in one of their values are added up."""
    found = some_answer().by(0)
    assert found.series == (("refund",), ("sale",))
    assert [one.count for one in found.of("sale")] == [5, 0, 1]
    merged = Answer(
        question=found.question,
        periods=found.periods,
        series=(("a", 1), ("b", 1)),
        sums=((Sums(count=1),) * 3, (Sums(count=2),) * 3),
    ).by(1)
    assert [one.count for one in merged.of(1)] == [3, 3, 3]


def test_days_of_a_week() -> None:
    """A week or a month is added up from its days."""
    asked = question("2026-11-24", "2026-11-30", Granularity.WEEK)
    cells = [
        Cell(at_us=asked.start_us + n * DAY_US, of=("x",), sums=Sums(count=1)) for n in range(7)
    ]
    found = analytics.answer(asked, cells)
    assert [one.count for one in found.of("x")] == [6, 1]


@pytest.mark.parametrize(
    ("paid", "declined", "per_mille"),
    [(0, 0, None), (0, 1, 0), (1, 0, 1000), (1, 2, 333), (2, 1, 666), (9999, 1, 999)],
)
def test_conversion(paid: int, declined: int, per_mille: int | None) -> None:
    """Only what has an end is asked; a thousand means all of them."""
    assert analytics.conversion_per_mille(paid, declined) == per_mille


@pytest.mark.parametrize(
    ("counts", "slot"),
    [([], None), ([0, 0], None), ([1], 0), ([1, 1], 0), ([1, 0, 2], 2), ([0, 5, 5], 1)],
)
def test_median(counts: list[int], slot: int | None) -> None:
    """Half of all are in this slot or before it."""
    assert analytics.median_slot(counts) == slot


def test_mean() -> None:
    """A mean needs something to be the mean of."""
    assert analytics.mean_ms(Sums()) is None
    assert analytics.mean_ms(Sums(count=3, time_ms=10)) == 3
