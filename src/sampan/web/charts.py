"""Charts: where their columns, lines and texts stand. Templates draw them as SVG.

Across, places are per cent of the drawing, so a chart is as wide as its card and its texts stay as
large as they are; upward, places are pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

HEIGHT: Final = 210
TOP: Final = 10
BOTTOM: Final = 26
DIGIT_WIDTH: Final = 7
"""About as wide as a digit of 12 px is, with a little to spare."""
STEPS_MAX: Final = 4
FILLED: Final = 0.66
"""So much of its place a column takes."""
NARROW: Final = 310
WIDE: Final = 620
"""Widths of a whole chart in pixels: on a phone, and from which more names are shown."""
WHOLE: Final = 1000
"""All of it, in the thousandths that rates are counted in."""
HOUR_STEPS: Final = (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 96, 120, 168)
"""Every so many hours: names under them come again at the same hours of each day."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a column: which series it belongs to, and from where to where it reaches."""

    series: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A place of the chart: `told` is all that stands there in words, `x` where it begins.

    `bars` stand from `bar_x`, `bar_width` wide. `dot` is the height of a point in the middle.
    """

    told: str
    x: float
    width: float
    bar_x: float = 0
    bar_width: float = 0
    bars: Sequence[Bar] = ()
    dot: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the scale, with its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A text under the middle of a column; whether it is shown on narrow and on wide charts."""

    at: float
    text: str
    narrow: bool
    wide: bool


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line between two points."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing `HEIGHT` high, with a scale of `left` pixels at its side."""

    columns: Sequence[Column]
    lines: Sequence[Mark]
    names: Sequence[Name]
    left: int
    strokes: Sequence[Stroke] = ()
    height: int = HEIGHT
    base: int = HEIGHT - BOTTOM


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """What stands side by side: a name and a text in words for each place.

    `steps` are the distances at which names may stand when not all of them fit; any, without.
    """

    names: Sequence[str]
    told: Sequence[str]
    steps: Sequence[int] = ()


def columns(
    series: Sequence[Sequence[int]],
    across: Across,
    *,
    text: Callable[[int], str] = "{:,}".format,
    unit: int = 1,
) -> Chart:
    """Return a chart with a column for each name, the values of all series on top of each other.

    Values are not negative; each series has one for each name. A value that is not 0 is drawn at
    least one pixel high.
    """
    values = list(zip(*series, strict=True)) or [()] * len(across.names)
    marks = scale(max(map(sum, values), default=0), unit=unit)
    base = HEIGHT - BOTTOM
    per_value = (base - TOP) / marks[-1]
    place = 100 / max(1, len(values))
    made = [
        Column(
            told,
            x=round(place * number, 3),
            width=round(place, 3),
            bar_x=round(place * (number + (1 - FILLED) / 2), 3),
            bar_width=round(place * FILLED, 3),
            bars=_stacked(column, base=base, per_value=per_value),
        )
        for number, (column, told) in enumerate(zip(values, across.told, strict=True))
    ]
    lines = [Mark(round(base - one * per_value, 1), text(one)) for one in marks]
    return _framed(made, lines, across=across)


def rate(values: Sequence[int | None], across: Across) -> Chart:
    """Return a chart with a line through thousandths of a whole; nothing is drawn of None."""
    base = HEIGHT - BOTTOM
    per_value = (base - TOP) / WHOLE
    place = 100 / max(1, len(values))
    heights = [None if one is None else round(base - one * per_value, 1) for one in values]
    made = [
        Column(told, x=round(place * number, 3), width=round(place, 3), dot=high)
        for number, (high, told) in enumerate(zip(heights, across.told, strict=True))
    ]
    strokes = [
        Stroke(_middle(one), one.dot, _middle(next_), next_.dot)
        for one, next_ in pairwise(made)
        if one.dot is not None and next_.dot is not None
    ]
    quarters = range(0, WHOLE + 1, WHOLE // STEPS_MAX)
    lines = [Mark(round(base - one * per_value, 1), f"{one // 10}%") for one in quarters]
    return _framed(made, lines, across=across, strokes=strokes)


def _stacked(column: Sequence[int], *, base: int, per_value: float) -> list[Bar]:
    bars: list[Bar] = []
    foot = float(base)
    for index, value in enumerate(column):
        if value:
            high = max(1.0, value * per_value)
            bars.append(Bar(index, round(foot - high, 1), round(high, 1)))
            foot -= high
    return bars


def _framed(
    made: Sequence[Column],
    lines: Sequence[Mark],
    *,
    across: Across,
    strokes: Sequence[Stroke] = (),
) -> Chart:
    left = DIGIT_WIDTH * max(len(line.text) for line in lines) + 14
    narrow = _step(across, NARROW - left)
    wide = _step(across, WIDE - left)
    return Chart(
        columns=made,
        lines=lines,
        names=[
            Name(_middle(column), name, narrow=number % narrow == 0, wide=number % wide == 0)
            for number, (column, name) in enumerate(zip(made, across.names, strict=True))
            if number % narrow == 0 or number % wide == 0
        ],
        left=left,
        strokes=strokes,
    )


def _step(across: Across, width: int) -> int:
    """Return the distance at which names stand, so that they do not touch each other."""
    longest = max(map(_text_width, across.names), default=0)
    fitting = max(1, width // (longest + 4))
    least = max(1, -(-len(across.names) // fitting))
    return next((step for step in across.steps if step >= least), least)


def _text_width(text: str) -> int:
    """Return about how many pixels a text of digits, strokes and an `m` takes."""
    return DIGIT_WIDTH * len(text) + 3 * text.count("m")


def _middle(column: Column) -> float:
    return round(column.x + column.width / 2, 3)
