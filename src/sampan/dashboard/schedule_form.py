"""The form of a schedule: when a report is made again and again, and to whom it is told."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from starlette.datastructures import UploadFile

from sampan.dashboard import report_words as said
from sampan.dashboard.report_form import NO_NAME, NO_VALUE, Source, is_name
from sampan.domain import report_schedule
from sampan.domain.report_schedule import CRON_CHARS_MAX, Cron, Daily, Monthly, Rule, Weekly
from sampan.storage.report_plans import Schedule
from sampan.web.i18n import mark

EACH: Final[Mapping[str, str]] = {
    "day": mark("Every day"),
    "week": mark("Every week"),
    "month": mark("Every month"),
    "cron": mark("By a cron line"),
}
NO_TIME: Final = mark("This is no time of day. Write it like 08:30.")
NO_DAY: Final = mark("A day of the month is 1 to 31.")
NO_CRON: Final = mark(
    "This is no cron line. It has five fields: minute, hour, day of month, month, day of week; "
    "the minute is one number, since a report is made once an hour at most."
)
NAMELESS: Final = mark("Give the schedule a name.")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::[0-9]{2})?")
_DAYS_OF_WEEK: Final = 7
_DAYS_OF_MONTH: Final = 31
_CHARS_MAX: Final = 255


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed about when and to whom; every value may be anything."""

    name: str = ""
    each: str = "day"
    at: str = "08:00"
    weekday: str = "1"
    monthday: str = "1"
    line: str = "0 8 * * 1-5"
    mail_to: str = ""


def read(form: Source) -> Timed:
    """Read the part of a form that is about the schedule."""

    def text(name: str) -> str:
        value = form.get(name)
        if value is None or isinstance(value, UploadFile):
            return ""
        return str(value).strip()[:_CHARS_MAX]

    return Timed(
        name=text("name"),
        each=text("each"),
        at=text("at"),
        weekday=text("weekday"),
        monthday=text("monthday"),
        line=text("line"),
        mail_to=text("mail_to"),
    )


def timed_of(schedule: Schedule) -> Timed:
    """Return the form in which a schedule stands."""
    changes: dict[str, str]
    match schedule.rule:
        case Daily(minute=minute):
            changes = {"each": "day", "at": said.minute_text(minute)}
        case Weekly(day=day, minute=minute):
            changes = {"each": "week", "at": said.minute_text(minute), "weekday": str(day)}
        case Monthly(day=day, minute=minute):
            changes = {"each": "month", "at": said.minute_text(minute), "monthday": str(day)}
        case Cron(line=line):
            changes = {"each": "cron", "line": line}
    return Timed(name=schedule.name, mail_to=schedule.mail_to, **changes)


def rule_of(timed: Timed, *, people: Collection[str]) -> tuple[Rule | None, dict[str, str]]:
    """Return when a report is due, or None, and what is wrong: name of a field → sentence.

    `people` are the addresses that may be told.
    """
    errors: dict[str, str] = {}
    if not timed.name:
        errors["name"] = NAMELESS
    elif not is_name(timed.name):
        errors["name"] = NO_NAME
    if timed.mail_to and timed.mail_to not in people:
        errors["mail_to"] = NO_VALUE
    return _rule(timed, errors=errors), errors


def choices(timed: Timed) -> dict[str, Any]:
    """Return what the form offers, for its template."""
    return {
        "timed": timed,
        "each": list(EACH.items()),
        "weekdays": [(str(day), name) for day, name in enumerate(said.WEEK, 1)],
        "monthdays": [str(day) for day in range(1, _DAYS_OF_MONTH + 1)],
        "cron_chars_max": CRON_CHARS_MAX,
    }


def _rule(timed: Timed, *, errors: dict[str, str]) -> Rule | None:
    if timed.each == "cron":
        return _cron(timed.line, errors=errors)
    found = _TIME.fullmatch(timed.at)
    if found is None:
        errors["at"] = NO_TIME
        return None
    minute = int(found[1]) * 60 + int(found[2])
    match timed.each:
        case "day":
            return Daily(minute=minute)
        case "week":
            day = _number(timed.weekday, most=_DAYS_OF_WEEK)
            if day:
                return Weekly(day=day, minute=minute)
            errors["weekday"] = NO_VALUE
        case "month":
            day = _number(timed.monthday, most=_DAYS_OF_MONTH)
            if day:
                return Monthly(day=day, minute=minute)
            errors["monthday"] = NO_DAY
        case _:
            errors["each"] = NO_VALUE
    return None


def _cron(line: str, *, errors: dict[str, str]) -> Rule | None:
    rule = Cron(line=line)
    try:
        report_schedule.check(rule)
    except ValueError:
        errors["line"] = NO_CRON
        return None
    return rule


def _number(text: str, *, most: int) -> int:
    """Read a number from 1 to `most`; 0 for anything else."""
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    return int(text) if plain and int(text) <= most else 0
