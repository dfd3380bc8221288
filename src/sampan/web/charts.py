"""Columns of a chart: where its bars, lines and texts stand. Templates draw them as SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 380
HEIGHT: Final = 210
TOP: Final = 10
BOTTOM: Final = 26
RIGHT: Final = 6
DIGIT_WIDTH: Final = 7
"""About as wide as a digit of 12 px is, with a little to spare."""
STEPS_MAX: Final = 4
FILLED: Final = 0.62
"""So much of its place a column takes."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle: which series it belongs to, and where it stands."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the scale or the middle of a column, with its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of `WIDTH` by `HEIGHT`: `lines` at heights, `names` under the columns."""

    bars: Sequence[Bar]
    lines: Sequence[Mark]
    names: Sequence[Mark]
    left: float
    width: int = WIDTH
    height: int = HEIGHT
    right: float = WIDTH - RIGHT
    base: float = HEIGHT - BOTTOM


def scale(largest: int, *, unit: int = 1) -> list[int]:
    """Return where lines of a scale stand, from 0 to the first that is not below `largest`.

    Steps are 1, 2 or 5 times a power of ten of `unit`, the least step; at most `STEPS_MAX` of
    them, and at least one.
    """
    step, at = unit, 0
    while step * STEPS_MAX < largest:
        at += 1
        step = unit * (1, 2, 5)[at % 3] * 10 ** (at // 3)
    count = max(1, -(-largest // step))
    return [step * number for number in range(count + 1)]


def columns(
    series: Sequence[Sequence[int]],
    names: Sequence[str],
    *,
    text: Callable[[int], str] = "{:,}".format,
    unit: int = 1,
) -> Chart:
    """Return a chart with a column for each name, the values of all series on top of each other.

    Values are not negative; each series has one for each name. A value that is not 0 is drawn at
    least one pixel high.
    """
    values = list(zip(*series, strict=True))
    marks = scale(max(map(sum, values), default=0), unit=unit)
    left = DIGIT_WIDTH * max(len(text(one)) for one in marks) + 8
    base = HEIGHT - BOTTOM
    per_value = (base - TOP) / marks[-1]
    place = (WIDTH - RIGHT - left) / max(1, len(names))
    bars: list[Bar] = []
    for number, column in enumerate(values):
        foot = float(base)
        for index, value in enumerate(column):
            if not value:
                continue
            high = max(1.0, value * per_value)
            x = left + place * (number + (1 - FILLED) / 2)
            bars.append(
                Bar(
                    index,
                    round(x, 1),
                    round(foot - high, 1),
                    round(place * FILLED, 1),
                    round(high, 1),
                )
            )
            foot -= high
    return Chart(
        bars=bars,
        lines=[Mark(round(base - one * per_value, 1), text(one)) for one in marks],
        names=[
            Mark(round(left + place * (number + 0.5), 1), name) for number, name in enumerate(names)
        ],
        left=left,
    )
