"""When a periodic report is due: by day, week or month, or by a cron line.

Both zones of reports are without summer time, so each hour of each day comes once, and a cron line
is five sets of numbers.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import msgspec

from sampan.domain.days import Zone

SCHEDULE_DAYS_MAX: Final = 366 * 8
"""So far ahead the next day of any line lies: 29 February may be missing for eight years."""
CRON_CHARS_MAX: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY_MINUTES: Final = 24 * 60
_DAYS_OF_WEEK: Final = 7
_DAYS_OF_MONTH: Final = 31


class Daily(msgspec.Struct, frozen=True, kw_only=True, tag_field="each", tag="day"):
    """Every day, so many minutes after midnight."""

    minute: int


class Weekly(msgspec.Struct, frozen=True, kw_only=True, tag_field="each", tag="week"):
    """Every week on a day, 1 is Monday and 7 Sunday."""

    day: int
    minute: int


class Monthly(msgspec.Struct, frozen=True, kw_only=True, tag_field="each", tag="month"):
    """Every month on a day; a month that is too short has it on its last."""

    day: int
    minute: int


class Cron(msgspec.Struct, frozen=True, kw_only=True, tag_field="each", tag="cron"):
    """Whenever a line of five fields says: minute, hour, day of month, month, day of week.

    A field is `*` or a list of numbers and ranges, each with a step or without: `0,30`, `8-18/2`,
    `*/3`. Days of the week are 0 to 7, Sunday is 0 or 7. Where both days are told, either will do.
    """

    line: str


Rule = Daily | Weekly | Monthly | Cron

_FIELDS: Final = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)


class _Line(msgspec.Struct, frozen=True):
    """A cron line, read; a day that is not told is None."""

    minutes: tuple[int, ...]
    days: frozenset[int] | None
    months: frozenset[int]
    week: frozenset[int] | None

    def has(self, day: date) -> bool:
        """Whether a day is one of the line's."""
        if day.month not in self.months:
            return False
        by_month = self.days is not None and day.day in self.days
        by_week = self.week is not None and day.isoweekday() % 7 in self.week
        return by_month or by_week or (self.days is None and self.week is None)


def check(rule: Rule) -> None:
    """Raise `ValueError`, with a sentence for people, for a rule that cannot be kept.

    A line may be due once an hour and not more often.
    """
    if isinstance(rule, Cron):
        line = _read(rule.line)
        if len({minute % 60 for minute in line.minutes}) > 1:
            raise ValueError("minute: name one minute; a report is made once an hour at most")
        if next(_moments(rule, line, after=_EPOCH, zone=Zone.UTC), None) is None:
            raise ValueError("no day of any year fits")
        return
    if not 0 <= rule.minute < _DAY_MINUTES:
        raise ValueError("the time is between 00:00 and 23:59")
    if isinstance(rule, Weekly) and not 1 <= rule.day <= _DAYS_OF_WEEK:
        raise ValueError("the day of the week is 1 (Monday) to 7 (Sunday)")
    if isinstance(rule, Monthly) and not 1 <= rule.day <= _DAYS_OF_MONTH:
        raise ValueError("the day of the month is 1 to 31")


def next_us(rule: Rule, zone: Zone, *, after_us: int) -> int:
    """Return the first moment behind `after_us` at which a rule is due, microseconds UTC."""
    line = _read(rule.line) if isinstance(rule, Cron) else None
    after = _EPOCH + after_us * _MICROSECOND
    return (next(_moments(rule, line, after=after, zone=zone)) - _EPOCH) // _MICROSECOND


def last_us(rule: Rule, zone: Zone, *, from_us: int, now_us: int) -> int:
    """Return the last moment up to now at which a rule is due, where it is due at `from_us`."""
    found = from_us
    while (following := next_us(rule, zone, after_us=found)) <= now_us:
        found = following
    return found


def to_json(rule: Rule) -> str:
    """Write a rule as it is kept."""
    return msgspec.json.encode(rule).decode()


def from_json(text: str) -> Rule:
    """Read what `to_json` wrote. Raises `ValueError` for anything else."""
    rule: Rule = msgspec.json.decode(text, type=Rule)
    check(rule)
    return rule


def _moments(rule: Rule, line: _Line | None, *, after: datetime, zone: Zone) -> Iterator[datetime]:
    """Give the moments of a rule behind one, in their order."""
    local = after.astimezone(zone.info)
    for ahead in range(SCHEDULE_DAYS_MAX + 1):
        day = local.date() + timedelta(days=ahead)
        for minute in _minutes(rule, line, day=day):
            at = datetime.combine(day, time(), zone.info) + timedelta(minutes=minute)
            if at > after:
                yield at


def _minutes(rule: Rule, line: _Line | None, *, day: date) -> tuple[int, ...]:
    """Return the minutes of a day at which a rule is due."""
    if line is not None:
        return line.minutes if line.has(day) else ()
    assert not isinstance(rule, Cron)  # noqa: S101 - it has a line
    length = calendar.monthrange(day.year, day.month)[1]
    fits = (
        isinstance(rule, Daily)
        or (isinstance(rule, Weekly) and day.isoweekday() == rule.day)
        or (isinstance(rule, Monthly) and day.day == min(rule.day, length))
    )
    return (rule.minute,) if fits else ()


def _read(text: str) -> _Line:
    parts = text.split() if len(text) <= CRON_CHARS_MAX else []
    if len(parts) != len(_FIELDS):
        raise ValueError("five fields: minute, hour, day of month, month, day of week")
    fields = zip(_FIELDS, parts, strict=True)
    minutes, hours, days, months, week = (_numbers(field, part) for field, part in fields)
    return _Line(
        minutes=tuple(hour * 60 + minute for hour in sorted(hours) for minute in sorted(minutes)),
        days=None if parts[2] == "*" else days,
        months=months,
        week=None if parts[4] == "*" else frozenset(day % _DAYS_OF_WEEK for day in week),
    )


def _numbers(field: tuple[str, int, int], text: str) -> frozenset[int]:
    """Read a field of a name and bounds. Raises `ValueError` that names it."""
    name, low, high = field
    found: set[int] = set()
    for part in text.split(","):
        span, has_step, step = part.partition("/")
        first, is_range, last = span.partition("-")
        if span == "*":
            first, last = str(low), str(high)
        elif not is_range:
            # `5/15` is what starts at 5 and goes on to the end.
            last = str(high) if has_step else first
        numbers = (first, last, step or "1")
        if (has_step and not step) or not all(one.isascii() and one.isdigit() for one in numbers):
            raise ValueError(f"{name}: {part!r} is neither *, a number nor a range")
        start, end, by = map(int, numbers)
        if not low <= start <= end <= high or not 1 <= by <= high:
            raise ValueError(f"{name}: {part!r} is not within {low} to {high}")
        found.update(range(start, end + 1, by))
    return frozenset(found)
