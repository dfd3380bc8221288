"""Days of the zones that people choose, as microseconds UTC since the epoch."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3600 * SECOND_US
DAY_US: Final = 24 * HOUR_US
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Zone(StrEnum):
    """Where a day begins. Both keep one offset, of whole hours, all year: no summer time."""

    HONG_KONG = "Asia/Hong_Kong"
    UTC = "UTC"

    @property
    def offset_us(self) -> int:
        """How far the zone is ahead of UTC."""
        return 8 * HOUR_US if self is Zone.HONG_KONG else 0

    @property
    def info(self) -> timezone:
        """The zone as the standard library knows it."""
        return timezone(timedelta(microseconds=self.offset_us))


def midnight_us(day: date, zone: Zone) -> int:
    """Return when a day begins."""
    return (datetime.combine(day, time(), zone.info) - _EPOCH) // _MICROSECOND


def begun_us(at_us: int, zone: Zone) -> int:
    """Return when the day of a moment began."""
    return at_us - (at_us + zone.offset_us) % DAY_US


def local(at_us: int, zone: Zone) -> datetime:
    """Return a moment as clocks of the zone show it."""
    return (_EPOCH + at_us * _MICROSECOND).astimezone(zone.info)
