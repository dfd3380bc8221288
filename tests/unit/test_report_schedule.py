"""When periodic reports are due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from sampan.domain import report_schedule as schedule
from sampan.domain.days import Zone
from sampan.domain.report_schedule import Cron, Daily, Monthly, Rule, Weekly

EIGHT: Final = 8 * 60
HK: Final = Zone.HONG_KONG


def us(text: str) -> int:
    """Return a moment as microseconds."""
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def told(moment_us: int, zone: Zone) -> str:
    """Return a moment as the zone writes it."""
    at = datetime.fromtimestamp(moment_us // 1_000_000, UTC).astimezone(zone.info)
    return f"{at:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("rule", "zone", "after", "due"),
    [
        (Daily(minute=EIGHT), HK, "2030-01-31T07:59+08:00", "2030-01-31 08:00"),
        (Daily(minute=EIGHT), HK, "2030-01-31T08:00+08:00", "2030-02-01 08:00"),
        (Daily(minute=0), Zone.UTC, "2030-01-31T08:00+08:00", "2030-02-01 00:00"),
        (Daily(minute=1439), HK, "2030-12-31T23:59+08:00", "2031-01-01 23:59"),
        # 31 January 2030 is a Thursday.
        (Weekly(day=1, minute=EIGHT), HK, "2030-01-31T09:00+08:00", "2030-02-04 08:00"),
        (Weekly(day=7, minute=EIGHT), HK, "2030-01-31T09:00+08:00", "2030-02-03 08:00"),
        (Weekly(day=4, minute=EIGHT), HK, "2030-01-31T08:00+08:00", "2030-02-07 08:00"),
        (Monthly(day=31, minute=0), HK, "2030-01-31T09:00+08:00", "2030-02-28 00:00"),
        (Monthly(day=31, minute=0), HK, "2032-01-31T09:00+08:00", "2032-02-29 00:00"),
        (Monthly(day=30, minute=0), HK, "2030-04-01T00:00+08:00", "2030-04-30 00:00"),
        (Monthly(day=1, minute=0), Zone.UTC, "2030-01-01T00:00+08:00", "2030-01-01 00:00"),
        (Cron(line="5 * * * *"), HK, "2030-01-31T08:05+08:00", "2030-01-31 09:05"),
        (Cron(line="0 8-18/2 * * *"), HK, "2030-01-31T16:30+08:00", "2030-01-31 18:00"),
        (Cron(line="0 8-18/2 * * *"), HK, "2030-01-31T18:00+08:00", "2030-02-01 08:00"),
        (Cron(line="30 6 * * 1-5"), HK, "2030-02-01T06:30+08:00", "2030-02-04 06:30"),
        (Cron(line="0 0 * * 0"), HK, "2030-01-31T00:00+08:00", "2030-02-03 00:00"),
        (Cron(line="0 0 * * 7"), HK, "2030-01-31T00:00+08:00", "2030-02-03 00:00"),
        (Cron(line="0 0 1,15 * *"), HK, "2030-01-31T00:00+08:00", "2030-02-01 00:00"),
        # Either day will do where both are told.
        (Cron(line="0 0 15 * 6"), HK, "2030-02-09T00:00+08:00", "2030-02-15 00:00"),
        (Cron(line="0 0 15 * 6"), HK, "2030-02-15T00:00+08:00", "2030-02-16 00:00"),
        (Cron(line="0 12 29 2 *"), HK, "2096-02-29T12:00+08:00", "2104-02-29 12:00"),
        (Cron(line="0 */6 1 */3 *"), Zone.UTC, "2030-01-01T18:00+00:00", "2030-04-01 00:00"),
        (Cron(line="0 20/2 * * *"), HK, "2030-01-31T20:00+08:00", "2030-01-31 22:00"),
    ],
)
def test_next_moment(rule: Rule, zone: Zone, after: str, due: str) -> None:
    """The next moment lies behind the one that is told, on the days of the zone."""
    schedule.check(rule)
    assert told(schedule.next_us(rule, zone, after_us=us(after)), zone) == due
    assert schedule.from_json(schedule.to_json(rule)) == rule


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Daily(minute=1440), "23:59"),
        (Daily(minute=-1), "00:00"),
        (Weekly(day=0, minute=0), "day of the week"),
        (Weekly(day=8, minute=0), "day of the week"),
        (Monthly(day=32, minute=0), "day of the month"),
        (Cron(line=""), "five fields"),
        (Cron(line="0 0 * *"), "five fields"),
        (Cron(line="0 0 * * " + "1," * 100 + "1"), "five fields"),
        (Cron(line="* * * * *"), "once an hour"),
        (Cron(line="0,30 8 * * *"), "once an hour"),
        (Cron(line="60 0 * * *"), "minute: '60' is not within 0 to 59"),
        (Cron(line="0 24 * * *"), "hour: '24'"),
        (Cron(line="0 0 0 * *"), "day of month: '0'"),
        (Cron(line="0 0 * JAN *"), "month: 'JAN' is neither"),
        (Cron(line="0 0 * * 8"), "day of week: '8'"),
        (Cron(line="0 5-1 * * *"), "hour: '5-1'"),
        (Cron(line="0 */0 * * *"), "hour"),
        (Cron(line="0 */ * * *"), "hour: '\\*/' is neither"),
        (Cron(line="0 , * * *"), "hour: '' is neither"),
        (Cron(line="0 ² * * *"), "hour: '²' is neither"),
        (Cron(line="0 0 31 2 *"), "no day of any year"),
    ],
)
def test_what_is_no_rule_is_said(rule: Rule, why: str) -> None:
    """A rule that cannot be kept is refused with a sentence that names the place."""
    with pytest.raises(ValueError, match=why):
        schedule.check(rule)
    with pytest.raises(ValueError, match=why):
        schedule.from_json(schedule.to_json(rule))


def test_only_the_last_of_missed_moments_counts() -> None:
    """Of the moments that passed since the one that was due, the last is told."""
    rule = Cron(line="0 * * * *")
    due = us("2030-01-31T09:00+08:00")
    assert schedule.last_us(rule, HK, from_us=due, now_us=due) == due
    late = schedule.last_us(rule, HK, from_us=due, now_us=us("2030-02-02T11:59+08:00"))
    assert told(late, HK) == "2030-02-02 11:00"
