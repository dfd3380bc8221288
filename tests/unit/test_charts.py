"""Charts: the scale is round and reaches the largest value, and columns stand where they must."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.web import charts

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


@given(VALUES, VALUES)
def test_columns_stand_on_each_other(lower: list[int], upper: list[int]) -> None:
    """Bars stay in the drawing, in their own place, the second series on top of the first."""
    count = min(len(lower), len(upper))
    lower, upper = lower[:count], upper[:count]
    chart = charts.columns([lower, upper], [f"{n}" for n in range(count)])
    assert len(chart.bars) == sum(map(bool, lower + upper))
    for bar in chart.bars:
        assert bar.x >= chart.left - 0.1
        assert bar.x + bar.width <= chart.right + 0.2
        assert bar.y + bar.height <= chart.base + 0.2
        assert bar.y >= charts.TOP - 2.2
        assert bar.height >= 1
    names = [name.at for name in chart.names]
    assert names == sorted(names)


def test_heights_are_to_scale() -> None:
    """A value twice as large is drawn twice as high, and nothing is drawn of nothing."""
    chart = charts.columns([[100, 50, 0]], ["a", "b", "c"])
    high, half = chart.bars
    assert high.height == pytest.approx(2 * half.height, abs=0.2)
    assert high.y == charts.TOP
    assert [line.text for line in chart.lines] == ["0", "50", "100"]


def test_empty_chart() -> None:
    """Days without anything make a scale and no bars."""
    chart = charts.columns([[0, 0]], ["a", "b"])
    assert not chart.bars
    assert [line.text for line in chart.lines] == ["0", "1"]
    assert charts.columns([[]], []).names == []
