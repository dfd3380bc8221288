"""What a list of payments is asked for in the query of its address: read, said in words, rewritten.

Everything is in the address, so a list can be kept, sent to a colleague and opened again. Days are
those of Hong Kong; amounts are typed in dollars.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import urlencode

from sampan import money
from sampan.codecs.emv_reader import EPOCH, HONG_KONG
from sampan.domain.statuses import FINAL, Origin, PaymentStatus
from sampan.domain.texts import project_number
from sampan.storage.payment_lists import Filter
from sampan.web.i18n import mark, moment

Pairs = Sequence[tuple[str, str]]

TEXT_CHARS_MAX: Final = 255
VALUES_MAX: Final = 100
"""So many values one address may carry; no form of ours makes more."""
DAY: Final = timedelta(days=1)

GROUPS: Final[Mapping[str, tuple[PaymentStatus, ...]]] = {
    "waiting": tuple(status for status in PaymentStatus if status not in FINAL),
}
"""Values of `status` that stand for several; a filter that was kept knows new ones by itself."""
DAYS: Final[Mapping[str, tuple[str, int, int]]] = {
    "today": (mark("Today"), 0, 1),
    "yesterday": (mark("Yesterday"), -1, 0),
    "7days": (mark("Last 7 days"), -6, 1),
}
"""Value of `days` → its name, and the days from today's midnight at which it begins and ends."""
MANY: Final = ("project", "status")
AMOUNTS: Final = ("amount_from", "amount_to")
DATES: Final = ("created_from", "created_to", "updated_from", "updated_to")
SINGLE: Final = ("currency", *AMOUNTS, "days", *DATES, "origin", "customer", "held")
NAMES: Final[Mapping[str, str]] = {
    "project": mark("Project"),
    "status": mark("Status"),
    "currency": mark("Currency"),
    "amount_from": mark("Amount from"),
    "amount_to": mark("Amount to"),
    "days": mark("Created"),
    "created_from": mark("Created from"),
    "created_to": mark("Created until"),
    "updated_from": mark("Changed from"),
    "updated_to": mark("Changed until"),
    "origin": mark("Came by"),
    "customer": mark("Customer id"),
    "held": mark("Held money"),
}
"""Name in the address → what people call it."""

NO_AMOUNT: Final = mark("This is no amount. Write it like 1234.50.")
NO_DATE: Final = mark("This is no date.")
NO_VALUE: Final = mark("This value is not known.")
TOO_LONG: Final = mark("This is too long.")
TURNED: Final = mark("The end lies before the beginning.")

_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}))?", re.ASCII)


class Chip(NamedTuple):
    """A part of a filter that is on: its name and value, and the query of the list without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it is meant: `given` in one spelling, `wanted` for the store, and its faults.

    `faults` maps names to sentences. While there are any, `wanted` must not be used: it would show
    something else than what was asked for.
    """

    given: Pairs
    wanted: Filter
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The query of the list's address."""
        return urlencode(self.given)

    def value(self, name: str) -> str:
        """Return the value of a name, "" without one."""
        return next((value for key, value in self.given if key == name), "")

    def values(self, name: str) -> list[str]:
        """Return all values of a name."""
        return [value for key, value in self.given if key == name]

    def changed(self, *gone: str, to: Pairs = ()) -> str:
        """Return the query without the names in `gone`, and with the pairs `to`."""
        return urlencode([*(pair for pair in self.given if pair[0] not in gone), *to])

    def chips(self) -> list[Chip]:
        """Return every part of the filter, in the order of `NAMES`."""
        ordered = sorted(self.given, key=lambda pair: list(NAMES).index(pair[0]))
        return [
            Chip(name, value, urlencode([pair for pair in self.given if pair != (name, value)]))
            for name, value in ordered
        ]


class Range(NamedTuple):
    """Two bounds of one thing, None where there is none; the upper one is not part of it."""

    begin: int | None
    end: int | None


def read(pairs: Pairs, *, now_us: int) -> Query:
    """Read the parameters of an address; those with other names are left out."""
    given = _canonical(pairs)
    faults: dict[str, str] = {}
    if len(given) > VALUES_MAX:
        given, faults["project"] = given[:VALUES_MAX], TOO_LONG
    for name, value in given:
        fault = _fault(name, value)
        if fault:
            faults[name] = fault
    if faults:
        return Query(given, Filter(), faults)
    bare = Query(given, Filter())
    amounts, created, updated = _amounts(bare), _created(bare, now_us), _dates(bare, "updated")
    for name, span in (("amount_to", amounts), ("created_to", created), ("updated_to", updated)):
        if span.begin is not None and span.end is not None and span.begin >= span.end:
            faults[name] = TURNED
    wanted = Filter(
        project_ids=tuple(int(value) for value in bare.values("project")) or None,
        statuses=_statuses(bare) or None,
        currencies=(bare.value("currency"),) if bare.value("currency") else None,
        amount_min_minor=amounts.begin,
        amount_max_minor=None if amounts.end is None else amounts.end - 1,
        created_from_us=created.begin,
        created_to_us=created.end,
        updated_from_us=updated.begin,
        updated_to_us=updated.end,
        origin=Origin(bare.value("origin")) if bare.value("origin") else None,
        held=bool(bare.value("held")),
        customer_id=bare.value("customer") or None,
    )
    return Query(given, wanted, faults)


def _canonical(pairs: Pairs) -> list[tuple[str, str]]:
    """Return what we know of a query: no blanks, nothing empty, nothing twice, dates in one."""
    first = {name: value.strip() for name, value in reversed(pairs)}
    found = [(name, value.strip()) for name, value in pairs if name in MANY]
    for name in SINGLE:
        value = first.get(name, "")
        if name in DATES and value and "T" not in value and first.get(f"{name}_time"):
            value += f"T{first[f'{name}_time']}"
        found.append((name, value))
    return list(dict.fromkeys(pair for pair in found if pair[1]))


def _fault(name: str, value: str) -> str:
    """Return what is wrong with one value, "" when nothing is."""
    if len(value) > TEXT_CHARS_MAX:
        return TOO_LONG
    if name in AMOUNTS:
        return NO_AMOUNT if _minor(value) is None else ""
    if name in DATES:
        return NO_DATE if _bound(value, ends=name.endswith("_to")) is None else ""
    known = {
        "project": project_number(value) is not None,
        "status": value in GROUPS or value in set(PaymentStatus),
        "currency": value in money.DECIMALS,
        "days": value in DAYS,
        "origin": value in set(Origin),
        "held": value == "1",
    }
    return "" if known.get(name, True) else NO_VALUE


def _minor(value: str) -> int | None:
    """Read dollars as people type them, with or without grouping; None for anything else."""
    try:
        # All currencies of the method have the same decimals.
        return money.from_text(value.replace(",", ""), "HKD")
    except ValueError:
        return None


def _bound(value: str, *, ends: bool) -> int | None:
    """Read a date or moment of Hong Kong as microseconds; None for anything else.

    A date as an end takes its whole day in; a moment as an end is not part of the range.
    """
    found = _DATE.fullmatch(value)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(value).replace(tzinfo=HONG_KONG)
        if ends and found[2] is None:
            at += DAY
        return (at - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def moment_us(text: str) -> int | None:
    """Read `YYYY-MM-DDTHH:MM` of Hong Kong as microseconds; None for anything else."""
    return _bound(text, ends=False)


def _statuses(query: Query) -> tuple[PaymentStatus, ...]:
    """Return the statuses that are asked for, each once and in the order of the enumeration."""
    chosen = {one for value in query.values("status") for one in GROUPS.get(value, ())}
    chosen |= {PaymentStatus(value) for value in query.values("status") if value not in GROUPS}
    return tuple(status for status in PaymentStatus if status in chosen)


def _amounts(query: Query) -> Range:
    low, high = (query.value(name) for name in AMOUNTS)
    end = _minor(high) if high else None
    return Range(_minor(low) if low else None, None if end is None else end + 1)


def _dates(query: Query, what: str) -> Range:
    begin, end = query.value(f"{what}_from"), query.value(f"{what}_to")
    return Range(
        _bound(begin, ends=False) if begin else None, _bound(end, ends=True) if end else None
    )


def _created(query: Query, now_us: int) -> Range:
    """Return when payments were made: named days, cut to the dates that stand beside them."""
    dates = _dates(query, "created")
    if not query.value("days"):
        return dates
    _, begin, end = DAYS[query.value("days")]
    midnight = moment(now_us).replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = ((midnight + n * DAY - EPOCH) // timedelta(microseconds=1) for n in (begin, end))
    return Range(
        first if dates.begin is None else max(first, dates.begin),
        last if dates.end is None else min(last, dates.end),
    )
