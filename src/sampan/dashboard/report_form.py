"""The form of a report: what a person typed, what it means, and what is wrong with it.

The same names stand in the address of the empty form, so other pages lead to a form that is filled
in already.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, Protocol, TypeVar

import msgspec
from starlette.datastructures import UploadFile

from sampan import money
from sampan.dashboard import report_words as said
from sampan.domain import report_spec
from sampan.domain.days import Zone, local, midnight_us
from sampan.domain.report_spec import Clue, Flaw, Period, ReportType, Spec, Wrong
from sampan.domain.texts import project_number
from sampan.flow.reports import NAME_CHARS_MAX
from sampan.reports import words as names
from sampan.web.i18n import mark

OWN_DATES: Final = "dates"
"""The period that is told by two days."""
TICKS_MAX: Final = 24
"""With more projects than these their numbers are typed: a form has a hundred fields."""
VALUES_MAX: Final = 100
TEXT_CHARS_MAX: Final = 4_000
USUAL_PERIOD: Final = Period.THIS_MONTH
USUAL_PLANNED: Final = Period.YESTERDAY
NO_VALUE: Final = mark("This value is not known.")
NO_DATE: Final = mark("This is no date.")
DATES_BESIDE: Final = mark("Choose “From day to day” to use these dates, or remove them.")
TO_COME: Final = mark("This day is still to come.")
TURNED: Final = mark("The end lies before the beginning.")
NAMED_TWICE: Final = mark("One of these is named twice.")
NO_PROJECT: Final = mark("There is no such project. Write numbers with commas between them.")
NO_NAME: Final = mark("A name has at most 60 characters in one line.")
Known = TypeVar("Known", Period, Zone, Clue)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998

_FIELDS: Final[Mapping[str, str]] = {
    "from_us": "from",
    "to_us": "to",
    "project_ids": "project",
    "statuses": "status",
    "kinds": "kind",
    "currencies": "currency",
    "columns": "column",
}
"""Field of a report → that of the form, where they differ."""
_OWN_WORDS: Final[Mapping[Wrong, str]] = {Wrong.UNKNOWN: NO_VALUE, Wrong.DOUBLED: NAMED_TWICE}
"""In place of sentences that repeat what somebody typed."""


class Source(Protocol):
    """A form, or the query of an address."""

    def get(self, key: str, /) -> Any:  # noqa: ANN401 - a text or a file
        """Return the last value of a name."""
        ...

    def getlist(self, key: str, /) -> Sequence[Any]:
        """Return every value of a name."""
        ...


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """A form as it was typed; every value may be anything."""

    type: str = ReportType.PAYMENTS
    title: str = ""
    period: str = USUAL_PERIOD
    first: str = ""
    last: str = ""
    by: str = ""
    zone: str = Zone.HONG_KONG
    projects: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    separator: str = "comma"
    decimal: str = "point"
    bom: bool = True
    heads: str = ""

    @property
    def kind(self) -> ReportType:
        """The type, the first of all for an unknown one."""
        known = self.type in set(ReportType)
        return ReportType(self.type) if known else ReportType.PAYMENTS


def read(source: Source, *, is_form: bool, usual: Period = USUAL_PERIOD) -> Typed:
    """Read a form, or the query of an address, in which what is left out is the usual."""

    def text(name: str, default: str = "") -> str:
        value = source.get(name)
        if value is None or isinstance(value, UploadFile):
            return default
        return str(value).strip()[:TEXT_CHARS_MAX]

    def texts(name: str) -> tuple[str, ...]:
        values = source.getlist(name)[:VALUES_MAX]
        return tuple(str(one) for one in values if one and not isinstance(one, UploadFile))

    typed_numbers = text("projects").replace(",", " ").replace("、", " ").replace("，", " ")
    return Typed(
        type=text("type", ReportType.PAYMENTS),
        title=text("title"),
        period=text("period", OWN_DATES if text("from") else usual),
        first=text("from"),
        last=text("to"),
        by=text("by"),
        zone=text("zone", Zone.HONG_KONG),
        projects=(*texts("project"), *typed_numbers.split()),
        statuses=texts("status"),
        kinds=texts("kind"),
        currencies=texts("currency"),
        columns=texts("column"),
        separator=text("separator", "comma"),
        decimal=text("decimal", "point"),
        bom=not is_form or text("bom") == "1",
        heads=text("heads"),
    )


def typed_of(spec: Spec, *, title: str = "") -> Typed:
    """Return the form that asks for a report like one; moments become the days they are in."""
    first = last = ""
    if spec.from_us is not None and spec.to_us is not None:
        first = f"{local(spec.from_us, spec.zone).date()}"
        last = f"{local(max(spec.from_us, spec.to_us - 1), spec.zone).date()}"
    return Typed(
        type=spec.type,
        title=title,
        period=spec.period or OWN_DATES,
        first=first,
        last=last,
        by=spec.by or "",
        zone=spec.zone,
        projects=tuple(map(str, spec.project_ids)),
        statuses=spec.statuses,
        kinds=spec.kinds,
        currencies=spec.currencies,
        columns=spec.columns,
        separator=_key(said.SEPARATORS, spec.separator),
        decimal=_key(said.DECIMALS, spec.decimal),
        bom=spec.bom,
        heads=spec.heads,
    )


def spec_of(
    typed: Typed, *, projects: Collection[int], now_us: int
) -> tuple[Spec | None, dict[str, str]]:
    """Return what a form asks for, or None and what is wrong: name of a field → sentence."""
    errors: dict[str, str] = {}
    kind = typed.kind
    if typed.type != kind:
        errors["type"] = NO_VALUE
    by = _one_of(typed.by or report_spec.CLUES[kind][0], Clue, name="by", errors=errors)
    zone = _one_of(typed.zone, Zone, name="zone", errors=errors) or Zone.HONG_KONG
    for name, value, known in (
        ("separator", typed.separator, said.SEPARATORS),
        ("decimal", typed.decimal, said.DECIMALS),
    ):
        if value not in known:
            errors[name] = NO_VALUE
    numbers = tuple(project_number(one) for one in dict.fromkeys(typed.projects))
    ids = tuple(one for one in numbers if one in projects and one is not None)
    if len(ids) < len(numbers):
        errors["project"] = NO_PROJECT
    if not is_name(typed.title):
        errors["title"] = NO_NAME
    spec = Spec(
        type=kind,
        by=by,
        zone=zone,
        project_ids=ids,
        statuses=typed.statuses,
        kinds=typed.kinds,
        currencies=typed.currencies,
        # The usual ones are told by none: later ones are then in it by themselves.
        columns=() if typed.columns == report_spec.USUAL[kind] else typed.columns,
        separator=said.SEPARATORS.get(typed.separator, (",", ""))[0],
        decimal=said.DECIMALS.get(typed.decimal, (".", ""))[0],
        bom=typed.bom,
        heads=typed.heads,
    )
    spec = _with_period(spec, typed, errors=errors, now_us=now_us)
    for flaw in report_spec.flaws(spec):
        errors.setdefault(_FIELDS.get(flaw.field, flaw.field), _sentence(flaw))
    return (None if errors else spec), errors


def is_name(text: str) -> bool:
    """Whether a text can be a title or a name; "" can."""
    return len(text) <= NAME_CHARS_MAX and text.isprintable()


def arranged(typed: Typed, columns: Sequence[str]) -> Typed:
    """Return a form with other columns."""
    return msgspec.structs.replace(typed, columns=tuple(columns))


def movable(typed: Typed) -> Typed:
    """Return a form whose period moves with the days, as a schedule needs."""
    if typed.period != OWN_DATES:
        return typed
    return msgspec.structs.replace(typed, period=USUAL_PLANNED, first="", last="")


def zone_of(typed: Typed) -> Zone:
    """Return the zone of a form, that of Hong Kong for an unknown one."""
    return Zone(typed.zone) if typed.zone in {one.value for one in Zone} else Zone.HONG_KONG


def preset(kind: ReportType, name: str) -> Sequence[str]:
    """Return the columns of a name: `all`, and for anything else the usual ones."""
    if name == "all":
        return report_spec.columns_of(kind)
    return report_spec.USUAL[kind]


def moved(columns: Sequence[str], name: str, *, by: int) -> list[str]:
    """Return columns with one of them so many places further on."""
    found = list(columns)
    if name in found:
        at = found.index(name)
        found.insert(max(0, at + by), found.pop(at))
    return found


def choices(typed: Typed, *, projects: Mapping[int, str], is_planned: bool) -> dict[str, Any]:
    """Return what the form offers, for its template."""
    kind = typed.kind
    every = report_spec.columns_of(kind)
    ticked = [one for one in dict.fromkeys(typed.columns) if one in every]
    ticked = ticked or list(report_spec.USUAL[kind])
    statuses = said.ROW_STATUSES[kind]
    shown = [statuses[one][0] for one in report_spec.STATUSES[kind]]
    periods = [(one.value, name) for one, name in names.PERIODS.items()]
    kinds_name, kinds = said.ROW_KINDS[kind]
    return {
        "typed": typed,
        "kind": kind.value,
        "about": said.ABOUT[kind],
        "types": [(one.value, name) for one, name in names.TYPES.items()],
        "periods": periods if is_planned else [*periods, (OWN_DATES, mark("From day to day"))],
        "own_dates": OWN_DATES,
        "clues": [(one.value, names.CLUES[one]) for one in report_spec.CLUES[kind]],
        "zones": [(one.value, name) for one, name in names.ZONES.items()],
        # Two statuses of one name are told apart by their words on the wire.
        "statuses": [
            (one, statuses[one][0], shown.count(statuses[one][0]) > 1)
            for one in report_spec.STATUSES[kind]
        ],
        "kinds_name": kinds_name,
        "kinds": [(one, kinds[one]) for one in report_spec.KINDS[kind]],
        "currencies": () if kind is ReportType.CALLBACKS else tuple(money.DECIMALS),
        "columns": [(one, names.COLUMNS[one], True) for one in ticked]
        + [(one, names.COLUMNS[one], False) for one in every if one not in ticked],
        "ticked_count": len(ticked),
        "usual": report_spec.USUAL[kind],
        "separators": [(key, name) for key, (_, name) in said.SEPARATORS.items()],
        "decimals": [(key, name) for key, (_, name) in said.DECIMALS.items()],
        "heads": list(said.HEADS.items()),
        "projects": projects,
        "ticks_projects": len(projects) <= TICKS_MAX,
    }


def _with_period(spec: Spec, typed: Typed, *, errors: dict[str, str], now_us: int) -> Spec:
    """Return a report with the period that was typed; what is wrong with it goes to `errors`."""
    if typed.period != OWN_DATES:
        period = _one_of(typed.period, Period, name="period", errors=errors) or USUAL_PERIOD
        if typed.first or typed.last:
            errors["period"] = DATES_BESIDE
        return msgspec.structs.replace(spec, period=period)
    today = local(now_us, spec.zone).date()
    first, last = _day(typed.first), _day(typed.last)
    for name, text, day in (("from", typed.first, first), ("to", typed.last, last)):
        if text and day is None:
            errors[name] = NO_DATE
    if first is not None and first > today:
        errors["from"] = TO_COME
    if first is not None and last is not None and last < first:
        errors["to"] = TURNED
    return msgspec.structs.replace(
        spec,
        from_us=None if first is None else midnight_us(first, spec.zone),
        to_us=None if last is None else midnight_us(last + timedelta(days=1), spec.zone),
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def _one_of(value: str, known: type[Known], *, name: str, errors: dict[str, str]) -> Known | None:
    if value in {one.value for one in known}:
        return known(value)
    errors[name] = NO_VALUE
    return None


def _key(table: Mapping[str, tuple[str, str]], value: str) -> str:
    return next(key for key, (known, _) in table.items() if known == value)


def _sentence(flaw: Flaw) -> str:
    return _OWN_WORDS.get(flaw.wrong) or names.sentence(flaw)
