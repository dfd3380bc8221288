"""What is wanted of the figures: days by name, steps, currencies, boards, shares and ranks."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from sampan.clock import DAY_US
from sampan.domain import analytics_spec as specs
from sampan.domain import board
from sampan.domain.analytics import (
    DAYS_MAX,
    Answer,
    Cell,
    Dataset,
    Granularity,
    Question,
    Sums,
    answer,
    day_us,
)
from sampan.domain.analytics_figures import by_period, per_mille, ranked, within
from sampan.domain.analytics_spec import DRAWINGS, OF_DRAWING, Drawing, Measure, Period, Spec
from sampan.domain.board import READY, Panel
from sampan.domain.days import Zone

TODAY: Final = "2026-03-01"


@pytest.mark.parametrize(
    ("period", "days"),
    [
        (Period.TODAY, ("2026-03-01", "2026-03-01")),
        (Period.YESTERDAY, ("2026-02-28", "2026-02-28")),
        (Period.DAYS_7, ("2026-02-23", "2026-03-01")),
        (Period.DAYS_30, ("2026-01-31", "2026-03-01")),
        (Period.DAYS_90, ("2025-12-02", "2026-03-01")),
        (Period.THIS_MONTH, ("2026-03-01", "2026-03-01")),
        (Period.LAST_MONTH, ("2026-02-01", "2026-02-28")),
        (Period.THIS_YEAR, ("2026-01-01", "2026-03-01")),
    ],
)
def test_named_days(period: Period, days: tuple[str, str]) -> None:
    """A name stands for whole days up to today, over the ends of months and years."""
    assert specs.days_of(period, TODAY) == days


@pytest.mark.parametrize(
    ("wished", "days", "by"),
    [
        (None, 1, Granularity.HOUR),
        (None, 2, Granularity.HOUR),
        (None, 3, Granularity.DAY),
        (None, 45, Granularity.DAY),
        (None, 46, Granularity.WEEK),
        (None, 371, Granularity.WEEK),
        (None, 372, Granularity.MONTH),
        (Granularity.HOUR, 14, Granularity.HOUR),
        (Granularity.HOUR, 15, Granularity.DAY),
        (Granularity.DAY, 186, Granularity.DAY),
        (Granularity.DAY, 187, Granularity.WEEK),
        (Granularity.MONTH, 1, Granularity.MONTH),
        (Granularity.WEEK, DAYS_MAX, Granularity.WEEK),
    ],
)
def test_steps(wished: Granularity | None, days: int, by: Granularity) -> None:
    """A wish that would be too many columns gives way to what is usual for so many days."""
    assert specs.fitting(wished, days) is by


def test_every_name_makes_a_question() -> None:
    """Whatever is asked of a named period of any day can be answered: no step is ever too small."""
    for dataset in Dataset:
        for period in Period:
            for by in (None, *Granularity):
                spec = Spec(dataset=dataset, period=period, by=by)
                for today in (TODAY, "2024-12-31", "2024-02-29"):
                    assert spec.question(today).dataset is dataset


def test_own_days_go_first() -> None:
    """Two dates are asked for as they are, in the zone that is wanted, in one project."""
    spec = Spec(
        dataset=Dataset.TURNOVER,
        days=("2026-01-05", "2026-01-06"),
        zone=Zone.UTC,
        projects=(7,),
        currency="CNY",
    )
    start_us = day_us("2026-01-05", Zone.UTC)
    assert spec.question(TODAY) == Question(
        dataset=Dataset.TURNOVER,
        start_us=start_us,
        end_us=start_us + 2 * DAY_US,
        granularity=Granularity.HOUR,
        zone=Zone.UTC,
        project_ids=(7,),
        currency="CNY",
    )


def test_currencies() -> None:
    """Amounts of operations are of one currency, HKD unless told; callbacks have none."""
    operations = Spec(dataset=Dataset.OPERATIONS)
    assert operations.one_currency == ""
    amounts = msgspec.structs.replace(operations, measure=Measure.AMOUNT)
    assert amounts.one_currency == "HKD"
    assert msgspec.structs.replace(amounts, currency="CNY").one_currency == "CNY"
    assert Spec(dataset=Dataset.CALLBACKS, currency="CNY").question(TODAY).currency is None


def test_same_cells() -> None:
    """Questions by day, week and month are answered from the same cells; by the hour not."""
    asked = {
        by: specs.fetched(Spec(dataset=Dataset.PAYMENTS, by=by).question(TODAY))
        for by in Granularity
    }
    days = {asked[by] for by in (Granularity.DAY, Granularity.WEEK, Granularity.MONTH)}
    assert len(days) == 1
    assert asked[Granularity.HOUR] not in days


def test_every_dataset_is_drawn() -> None:
    """Each dataset has a first chart, and each chart exactly one dataset."""
    assert set(DRAWINGS) == set(Dataset)
    assert set(OF_DRAWING) == set(Drawing)
    assert Spec(dataset=Dataset.CONVERSION).drawn is Drawing.OUTCOMES
    rate = Spec(dataset=Dataset.CONVERSION, drawing=Drawing.RATE)
    assert rate.drawn is Drawing.RATE
    assert msgspec.json.decode(msgspec.json.encode(rate), type=Spec) == rate


# --- boards ---------------------------------------------------------------------------------


def numbers(panels: board.Panels) -> list[int]:
    """Return the numbers of panels in their order."""
    return [one.number for one in panels]


@pytest.mark.parametrize(
    ("number", "by", "order"),
    [
        (1, 1, [2, 1, 3, 4]),
        (4, -1, [1, 2, 4, 3]),
        (1, -1, [1, 2, 3, 4]),
        (4, 1, [1, 2, 3, 4]),
        (9, 1, [1, 2, 3, 4]),
    ],
)
def test_moving(number: int, by: int, order: list[int]) -> None:
    """A panel changes places with its neighbour and stops at the ends; a lost one moves nobody."""
    assert numbers(board.moved(READY, number, by=by)) == order


def test_changing_and_removing() -> None:
    """One panel gets a title or a width, or goes; all others stay as they were."""
    after = board.changed(READY, 2, title="Tea", width=2)
    assert after[1] == Panel(number=2, title="Tea", width=2, spec=READY[1].spec)
    assert [one for one in after if one.number != 2] == [one for one in READY if one.number != 2]
    assert numbers(board.removed(READY, 3)) == [1, 2, 4]
    assert numbers(board.removed(READY, 9)) == [1, 2, 3, 4]


# --- figures --------------------------------------------------------------------------------


def answered(dataset: Dataset, *cells: tuple[int, str | int, int]) -> Answer:
    """Return an answer of three days from (day, value, count)."""
    asked = Question.of_days(dataset, ("2026-03-01", "2026-03-03"), zone=Zone.UTC)
    return answer(
        asked,
        [
            Cell(at_us=asked.start_us + day * DAY_US, of=(value,), sums=Sums(count=count))
            for day, value, count in cells
        ],
    )


def test_by_period() -> None:
    """All series together, and zeros of an answer without any."""
    found = answered(Dataset.DECLINES, (0, "a", 2), (0, "b", 3), (2, "a", 4))
    assert [one.count for one in by_period(found)] == [5, 0, 4]
    assert by_period(answered(Dataset.DECLINES)) == [Sums()] * 3


def test_within() -> None:
    """A minute takes in all slots up to the one that ends with it."""
    found = answered(Dataset.TIME_TO_PAY, (0, 0, 1), (0, 4, 2), (0, 5, 4), (1, 9, 8))
    assert [one.count for one in within(found, 60)] == [3, 0, 0]
    assert [one.count for one in within(found, 120)] == [7, 0, 0]


def test_ranks() -> None:
    """The most frequent come first, equal ones by name; what is left is added up."""
    found = answered(
        Dataset.DECLINES, (0, "b", 2), (1, "a", 2), (2, "c", 5), (0, "d", 1), (1, "e", 1)
    )
    ranks = ranked(found, most=3)
    assert list(ranks.first) == [("c", 5), ("a", 2), ("b", 2)]
    assert (ranks.others_count, ranks.others_sum) == (2, 2)
    assert ranked(answered(Dataset.DECLINES), most=3).first == []


def test_per_mille() -> None:
    """Shares are cut, so that a whole is only all of it; of nothing there is none."""
    assert per_mille(2, 3) == 666
    assert per_mille(3, 3) == 1000
    assert per_mille(0, 0) is None
