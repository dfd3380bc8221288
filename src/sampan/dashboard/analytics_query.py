"""What a page of analytics is asked for in its address: read, and written.

Everything is in the address, so a page can be kept, sent to a colleague and opened again. Days
that are named stay named: the same address shows other days tomorrow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec

from sampan.domain.analytics import DAYS_MAX, Dataset, Granularity
from sampan.domain.analytics_spec import DRAWINGS, Apart, Drawing, Measure, Period, Spec, length
from sampan.domain.days import Zone
from sampan.domain.texts import project_number
from sampan.money import DECIMALS
from sampan.web.i18n import mark

Pairs = Sequence[tuple[str, str]]
Known = TypeVar("Known", bound=StrEnum)

PATH: Final = "/analytics"
PROJECTS_MAX: Final = 50
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2199, 12, 31)
DATE_CHARS: Final = 10

NO_DATE: Final = mark("This is no date.")
NO_VALUE: Final = mark("This value is not known.")
TURNED: Final = mark("The end lies before the beginning.")
BOTH_DAYS: Final = mark("Give the first and the last day.")
TOO_LONG_PERIOD: Final = mark("A period has at most two years.")
TOO_MANY_PROJECTS: Final = mark("At most 50 projects can be chosen; choose none for all of them.")

PERIODS: Final[Mapping[Period, str]] = {
    Period.TODAY: mark("Today"),
    Period.YESTERDAY: mark("Yesterday"),
    Period.DAYS_7: mark("Last 7 days"),
    Period.DAYS_30: mark("Last 30 days"),
    Period.DAYS_90: mark("Last 90 days"),
    Period.THIS_MONTH: mark("This month"),
    Period.LAST_MONTH: mark("Last month"),
    Period.THIS_YEAR: mark("This year"),
}
GRANULARITIES: Final[Mapping[Granularity, str]] = {
    Granularity.HOUR: mark("By hour"),
    Granularity.DAY: mark("By day"),
    Granularity.WEEK: mark("By week"),
    Granularity.MONTH: mark("By month"),
}
ZONES: Final[Mapping[Zone, str]] = {
    Zone.HONG_KONG: mark("Hong Kong"),
    Zone.UTC: mark("UTC"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for. With faults (name → sentence) `spec` is not what was meant."""

    spec: Spec
    faults: Mapping[str, str] = field(default_factory=dict)
    days: tuple[str, str] = ("", "")


def read(dataset: Dataset, pairs: Pairs) -> Asked:
    """Read the parameters of an address; those with other names are left out."""
    first = {name: value.strip() for name, value in reversed(pairs)}
    faults: dict[str, str] = {}

    def one_of(name: str, kinds: type[Known]) -> Known | None:
        value = first.get(name, "")
        if value in set(kinds):
            return kinds(value)
        if value:
            faults[name] = NO_VALUE
        return None

    days = (first.get("from", ""), first.get("to", ""))
    faults |= _wrong_days(days)
    currency = first.get("currency", "")
    if currency and currency not in DECIMALS:
        faults["currency"] = NO_VALUE
    period = one_of("period", Period)
    drawing = one_of("drawing", Drawing)
    if drawing is not None and drawing not in DRAWINGS[dataset]:
        faults["drawing"] = NO_VALUE
    projects = _projects([value for name, value in pairs if name == "project"], faults)
    spec = Spec(
        dataset=dataset,
        period=period or Period.DAYS_7,
        days=days if any(days) and not faults else None,
        projects=projects,
        currency=currency if currency in DECIMALS else "",
        by=one_of("by", Granularity),
        zone=one_of("zone", Zone) or Zone.HONG_KONG,
        apart=one_of("apart", Apart) or Apart.TYPE,
        measure=one_of("measure", Measure) or Measure.COUNT,
        drawing=drawing,
    )
    return Asked(spec=spec, faults=faults, days=days)


def _projects(values: Sequence[str], faults: dict[str, str]) -> tuple[int, ...]:
    numbers = [project_number(value.strip()) for value in values if value.strip()]
    if None in numbers:
        faults["project"] = NO_VALUE
    known = tuple(dict.fromkeys(number for number in numbers if number is not None))
    if len(known) > PROJECTS_MAX:
        faults["project"] = TOO_MANY_PROJECTS
    return known[:PROJECTS_MAX]


def _wrong_days(days: tuple[str, str]) -> dict[str, str]:
    if not any(days):
        return {}
    wrong = {
        name: NO_DATE if day else BOTH_DAYS
        for name, day in zip(("from", "to"), days, strict=True)
        if _no_day(day)
    }
    if wrong:
        return wrong
    count = length(days)
    if count < 1:
        return {"to": TURNED}
    return {"to": TOO_LONG_PERIOD} if count > DAYS_MAX else {}


def _no_day(text: str) -> bool:
    try:
        return len(text) != DATE_CHARS or not FIRST_DAY <= date.fromisoformat(text) <= LAST_DAY
    except ValueError:
        return True


def query(spec: Spec) -> str:
    """Return the query of a spec's page, without what is so anyway."""
    plain = Spec(dataset=spec.dataset)
    first, last = spec.days or ("", "")
    given = [
        ("period", "" if spec.days else spec.period.value),
        ("from", first),
        ("to", last),
        *(("project", str(number)) for number in spec.projects),
        ("currency", spec.currency),
        ("by", spec.by.value if spec.by else ""),
        *(
            (name, getattr(spec, name).value)
            for name in ("zone", "apart", "measure")
            if getattr(spec, name) is not getattr(plain, name)
        ),
    ]
    return urlencode([pair for pair in given if pair[1]])


def path(spec: Spec, **changed: object) -> str:
    """Return the address of a spec's page, some of it changed."""
    other = msgspec.structs.replace(spec, **changed)
    return f"/dashboard{PATH}/{other.dataset.value}?{query(other)}"
