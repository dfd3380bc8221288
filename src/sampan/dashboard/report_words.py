"""What reports are called on pages: titles, periods, filters and rules in words."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from sampan.dashboard import words
from sampan.domain import report_schedule
from sampan.domain.days import Zone, local
from sampan.domain.report_schedule import Cron, Daily, Monthly, Rule, Weekly
from sampan.domain.report_spec import ReportType, Spec, chosen, clue
from sampan.reports import words as names
from sampan.storage.reports import Report
from sampan.web.i18n import day_time_text, mark, translate

TONES: Final[Mapping[str, str]] = {
    "waiting": "busy",
    "running": "busy",
    "ready": "good",
    "failed": "bad",
    "cancelled": "idle",
    "gone": "idle",
}
STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    status: (name, TONES[status]) for status, name in names.STATUSES.items()
}
ABOUT: Final[Mapping[ReportType, str]] = {
    ReportType.PAYMENTS: mark("One row for each payment: what was asked for, what was paid."),
    ReportType.OPERATIONS: mark("One row for each step of a payment: sales, links, decisions."),
    ReportType.CREDITS: mark("One row for each amount that the bank said has arrived."),
    ReportType.CALLBACKS: mark("One row for each message to your server, with its last answer."),
}
ROW_STATUSES: Final[Mapping[ReportType, Mapping[str, tuple[str, str]]]] = {
    ReportType.PAYMENTS: words.STATUSES,
    ReportType.OPERATIONS: words.STATUSES,
    ReportType.CREDITS: words.CREDIT_STATUSES,
    ReportType.CALLBACKS: words.CALLBACK_STATUSES,
}
ROW_KINDS: Final[Mapping[ReportType, tuple[str, Mapping[str, str]]]] = {
    ReportType.PAYMENTS: (mark("Came by"), words.ORIGINS),
    ReportType.OPERATIONS: (mark("Operation"), words.OPERATIONS),
    ReportType.CREDITS: ("", {}),
    ReportType.CALLBACKS: (mark("Tells of"), words.CALLBACK_KINDS),
}
"""Type → what its kinds are called, and each of them."""
SEPARATORS: Final[Mapping[str, tuple[str, str]]] = {
    "comma": (",", mark("Comma ,")),
    "semicolon": (";", mark("Semicolon ;")),
    "tab": ("\t", mark("Tab")),
}
DECIMALS: Final[Mapping[str, tuple[str, str]]] = {
    "point": (".", mark("Point: 1234.50")),
    "comma": (",", mark("Comma: 1234,50")),
}
HEADS: Final[Mapping[str, str]] = {
    "": mark("Short names for programs"),
    "en": "English",
    "zh-hant": "繁體中文",
    "zh": "简体中文",
}
WEEK: Final = (
    mark("Monday"),
    mark("Tuesday"),
    mark("Wednesday"),
    mark("Thursday"),
    mark("Friday"),
    mark("Saturday"),
    mark("Sunday"),
)
EACH_WEEK: Final = (
    mark("Every Monday at %(time)s"),
    mark("Every Tuesday at %(time)s"),
    mark("Every Wednesday at %(time)s"),
    mark("Every Thursday at %(time)s"),
    mark("Every Friday at %(time)s"),
    mark("Every Saturday at %(time)s"),
    mark("Every Sunday at %(time)s"),
)
EACH_DAY: Final = mark("Every day at %(time)s")
EACH_MONTH: Final = mark("Every month on day %(day)s at %(time)s")
BY_CRON: Final = mark("By the cron line %(line)s")
MOMENTS_SHOWN: Final = 5
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_UNIT: Final = 1000


def type_name(code: str, kind: ReportType) -> str:
    """Return what the rows of a type are called."""
    return translate(code, names.TYPES[kind])


def title_of(code: str, report: Report) -> str:
    """Return the title that a report was given, else one of its type and period."""
    return report.title or f"{type_name(code, report.type)}, {period_text(code, report.spec)}"


def period_text(code: str, spec: Spec) -> str:
    """Write the period of a report: a named one, or its days, its moments where it has to."""
    if spec.period is not None:
        return translate(code, names.PERIODS[spec.period])
    assert spec.from_us is not None, spec  # noqa: S101 - it was looked at
    assert spec.to_us is not None, spec  # noqa: S101 - it was looked at
    begin, end = local(spec.from_us, spec.zone), local(spec.to_us, spec.zone)
    if begin.time() == end.time() == begin.time().min and end > begin:
        first, last = begin.date(), (end - timedelta(days=1)).date()
        told = f"{first}" if first == last else f"{first} – {last}"
    else:
        told = f"{begin:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M}"
    return f"{told} UTC" if spec.zone is Zone.UTC else told


def told(code: str, spec: Spec, *, projects: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Give what a report holds as pairs of a name and a text, translated."""
    kinds_name, kinds = ROW_KINDS[spec.type]
    statuses = ROW_STATUSES[spec.type]

    def said(text: str) -> str:
        return translate(code, text)

    yield said(mark("What the rows are")), type_name(code, spec.type)
    yield said(mark("Period")), period_text(code, spec)
    yield said(mark("Counted by")), said(names.CLUES[clue(spec)])
    yield said(mark("Time zone")), said(names.ZONES[spec.zone])
    filters = (
        (mark("Projects"), [f"{projects.get(one, '')} ({one})" for one in spec.project_ids]),
        (mark("Status"), [said(statuses[one][0]) for one in spec.statuses]),
        (kinds_name, [said(kinds[one]) for one in spec.kinds]),
        (mark("Currency"), spec.currencies),
    )
    for name, values in filters:
        if values:
            yield said(name), joined(code, dict.fromkeys(values))
    if not any(values for _, values in filters):
        yield said(mark("Filter")), said(mark("None: all rows of the period"))
    yield (
        said(mark("Columns")),
        joined(code, [said(names.COLUMNS[one]) for one in chosen(spec)]),
    )
    yield said(mark("CSV file")), " · ".join(map(said, _manner(spec)))


def _manner(spec: Spec) -> Iterator[str]:
    yield next(name for value, name in SEPARATORS.values() if value == spec.separator)
    yield next(name for value, name in DECIMALS.values() if value == spec.decimal)
    yield HEADS[spec.heads]


def joined(code: str, values: Iterator[str] | Sequence[str] | Mapping[str, object]) -> str:
    """Join texts as the language does."""
    return (", " if code == "en" else "、").join(values)


def rule_text(code: str, rule: Rule) -> str:
    """Write when a report is made again and again."""
    match rule:
        case Daily(minute=minute):
            return translate(code, EACH_DAY) % {"time": minute_text(minute)}
        case Weekly(day=day, minute=minute):
            return translate(code, EACH_WEEK[day - 1]) % {"time": minute_text(minute)}
        case Monthly(day=day, minute=minute):
            return translate(code, EACH_MONTH) % {"day": day, "time": minute_text(minute)}
        case Cron(line=line):
            return translate(code, BY_CRON) % {"line": " ".join(line.split())}


def minute_text(minute: int) -> str:
    """Write the minute of a day as a time of day."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def moments(code: str, rule: Rule, *, zone: Zone, now_us: int) -> list[str]:
    """Return the next moments at which a rule is due, in words."""
    found, after_us = [], now_us
    for _ in range(MOMENTS_SHOWN):
        after_us = report_schedule.next_us(rule, zone, after_us=after_us)
        found.append(moment_text(code, after_us, zone=zone))
    return found


def moment_text(code: str, us: int, *, zone: Zone) -> str:
    """Write a moment of a schedule with its day of the week, in its own zone."""
    text = day_time_text(code, local(us, zone))
    return f"{text} UTC" if zone is Zone.UTC else text


def size_text(size_bytes: int) -> str:
    """Write the size of a file in units of a thousand."""
    unit, value = 0, float(size_bytes)
    while value >= _UNIT and unit < len(_UNITS) - 1:
        value, unit = value / _UNIT, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{size_bytes} {_UNITS[0]}"
