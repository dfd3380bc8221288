"""What a form for settings of a project is made of: fields, sections and tabs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sampan.web.i18n import mark

Options = Sequence[tuple[str, str]]


class Kind(StrEnum):
    """How a setting is typed."""

    TEXT = "text"
    URL = "url"
    TICK = "tick"
    CHOICE = "choice"
    MONEY = "money"
    NUMBER = "number"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    FRAMES = "frames"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A setting in a form. `fault` is said of a text that does not fit.

    `of_project` is for what is a part of the project itself, not of its settings.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    fault: str = ""
    options: Callable[[], Options] | None = None
    currency: str = ""
    of_project: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Fields under one heading."""

    title: str
    fields: tuple[Field, ...]
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of a project; `path` is the end of its address, "" for the first one."""

    path: str
    name: str
    sections: tuple[Section, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every field of the tab."""
        return tuple(field for section in self.sections for field in section.fields)


UNITS: Final[Mapping[Kind, Options]] = {
    Kind.SECONDS: (
        ("1", mark("seconds")),
        ("60", mark("minutes")),
        ("3600", mark("hours")),
        ("86400", mark("days")),
    ),
    Kind.MILLISECONDS: (
        ("1", mark("milliseconds")),
        ("1000", mark("seconds")),
        ("60000", mark("minutes")),
    ),
}
"""Kind → factors with their names, smallest first."""
