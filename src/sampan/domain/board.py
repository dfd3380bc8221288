"""A person's board of figures: its panels, and what can be done with them.

Every change takes the panels in their order and returns them as they are then. A panel that is not
there any more (somebody took it off in another window) changes nothing.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from sampan.domain.analytics import Dataset
from sampan.domain.analytics_spec import Spec

PANELS_MAX: Final = 24
TITLE_CHARS_MAX: Final = 80
WIDTHS: Final = (1, 2)
"""Columns that a panel takes where there is room for two."""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """A chart on a board, which `number` names; without a title it is called by what it shows."""

    number: int
    title: str = ""
    width: int = 1
    spec: Spec


Panels = Sequence[Panel]
Change = Callable[[Panels], Panels]

READY: Final[Panels] = (
    Panel(number=1, spec=Spec(dataset=Dataset.CONVERSION)),
    Panel(number=2, spec=Spec(dataset=Dataset.OPERATIONS)),
    Panel(number=3, spec=Spec(dataset=Dataset.TURNOVER), width=2),
    Panel(number=4, spec=Spec(dataset=Dataset.DECLINES), width=2),
)
"""What everybody begins with, each of the last seven days: the ready templates of the platform
whose protocol Sampan speaks that make sense for one method, and why payments fail.
"""


def moved(panels: Panels, number: int, *, by: int) -> Panels:
    """Move a panel so many places; it stops at the ends."""
    rest = removed(panels, number)
    for place, one in enumerate(panels):
        if one.number == number:
            return [*rest[: max(0, place + by)], one, *rest[max(0, place + by) :]]
    return panels


def changed(panels: Panels, number: int, **to: object) -> Panels:
    """Give a panel another `title` or `width`."""
    return [msgspec.structs.replace(one, **to) if one.number == number else one for one in panels]


def removed(panels: Panels, number: int) -> Panels:
    """Take a panel off."""
    return [one for one in panels if one.number != number]
