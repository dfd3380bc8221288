"""Charts: the scale is round and reaches the largest value, and columns stand where they must."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.web import charts
from sampan.web.charts import Across

VALUES = st.lists(st.integers(0, 10**14), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("largest", "unit", "lines"),
    [
        (0, 1, [0, 1]),
        (1, 1, [0, 1]),
        (3, 1, [0, 1, 2, 3]),
        (5, 1, [0, 2, 4, 6]),
        (20, 1, [0, 5, 10, 15, 20]),
        (21, 1, [0, 10, 20, 30]),
        (52_416_00, 100, [0, 20_000_00, 40_000_00, 60_000_00]),
        (30, 100, [0, 100]),
    ],
)
def test_scale(largest: int, unit: int, lines: list[int]) -> None:
    """Steps are 1, 2 or 5 times a power of ten, and never smaller than the unit."""
    assert charts.scale(largest, unit=unit) == lines


@given(st.integers(0, 10**15), st.sampled_from([1, 100]))
def test_every_scale(largest: int, unit: int) -> None:
    """A scale has few even steps, reaches the largest value, and not a step further."""
    lines = charts.scale(largest, unit=unit)
    step = lines[1]
    assert lines == [step * n for n in range(len(lines))]
    assert 2 <= len(lines) <= charts.STEPS_MAX + 1
    assert lines[-1] >= largest
    assert lines[-1] - step < max(largest, 1)
    assert str(step // unit).rstrip("0") in {"1", "2", "5"}


def across(count: int, name: str = "9/9", steps: tuple[int, ...] = ()) -> Across:
    """Return so many names."""
    return Across(names=[name] * count, told=[f"t{n}" for n in range(count)], steps=steps)


@given(VALUES, VALUES)
def test_columns_stand_on_each_other(lower: list[int], upper: list[int]) -> None:
    """Bars stay in the drawing, in their own place, the second series on top of the first."""
    count = min(len(lower), len(upper))
    lower, upper = lower[:count], upper[:count]
    chart = charts.columns([lower, upper], across(count))
    assert len(chart.columns) == count
    bars = [bar for column in chart.columns for bar in column.bars]
    assert len(bars) == sum(map(bool, lower + upper))
    for bar in bars:
        assert bar.y + bar.height <= chart.base + 0.2
        assert bar.y >= charts.TOP - 2.2
        assert bar.height >= 1
    for column in chart.columns:
        assert column.x <= column.bar_x
        assert column.bar_x + column.bar_width <= column.x + column.width + 0.01
        if len(column.bars) == 2:
            below, above = column.bars
            assert above.y + above.height == pytest.approx(below.y, abs=0.2)
    assert chart.columns[-1].x + chart.columns[-1].width == pytest.approx(100, abs=0.1)


def test_heights_are_to_scale() -> None:
    """A value twice as large is drawn twice as high, and nothing is drawn of nothing."""
    chart = charts.columns([[100, 50, 0]], across(3))
    (high,), (half,), nothing = (column.bars for column in chart.columns)
    assert high.height == pytest.approx(2 * half.height, abs=0.2)
    assert high.y == charts.TOP
    assert nothing == []
    assert [column.told for column in chart.columns] == ["t0", "t1", "t2"]
    assert [line.text for line in chart.lines] == ["0", "50", "100"]


def test_empty_chart() -> None:
    """Days without anything make a scale and no bars."""
    chart = charts.columns([[0, 0]], across(2))
    assert not any(column.bars for column in chart.columns)
    assert [line.text for line in chart.lines] == ["0", "1"]
    assert charts.columns([[]], across(0)).names == []
    assert len(charts.columns([], across(3)).columns) == 3


def test_a_line_has_gaps() -> None:
    """Points stand at the height of their share; nothing leads over a period without any."""
    chart = charts.rate([1000, 500, None, 0, 250], across(5))
    assert [column.dot for column in chart.columns] == [10, 97, None, 184, 140.5]
    assert [(one.x1, one.y1, one.x2, one.y2) for one in chart.strokes] == [
        (10, 10, 30, 97),
        (70, 184, 90, 140.5),
    ]
    assert [line.text for line in chart.lines] == ["0%", "25%", "50%", "75%", "100%"]
    assert charts.rate([], across(0)).columns == []


@given(
    st.integers(1, 400),
    st.sampled_from(["9/9", "31/12", "12/2026", "23:00"]),
    st.sampled_from([(), charts.HOUR_STEPS]),
)
def test_names_do_not_touch(count: int, name: str, steps: tuple[int, ...]) -> None:
    """Of many columns only so many are named as have room, evenly, on narrow and wide charts."""
    chart = charts.columns([[1] * count], across(count, name, steps))
    for width, kind in ((charts.NARROW, "narrow"), (charts.WIDE, "wide")):
        places = [one.at / 100 * (width - chart.left) for one in chart.names if getattr(one, kind)]
        gaps = [after - before for before, after in pairwise(places)]
        assert places
        assert not gaps or min(gaps) >= charts.DIGIT_WIDTH * len(name)
        assert not gaps or max(gaps) - min(gaps) < 0.1
    assert len([one for one in chart.names if one.wide]) >= len(
        [one for one in chart.names if one.narrow]
    )


def test_hours_are_named_at_the_same_hours() -> None:
    """Names of several days stand at hours that divide a day."""
    chart = charts.columns([[1] * 48], across(48, "23:00", charts.HOUR_STEPS))
    places = [one.at for one in chart.names if one.narrow]
    step = round((places[1] - places[0]) / 100 * 48)
    assert step in {6, 8, 12}
