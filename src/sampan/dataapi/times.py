"""Times of the Data API: periods as they are asked for, moments as they are told (docs, 7.5)."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from sampan.clock import SECOND_US
from sampan.codecs.emv_reader import EPOCH, HONG_KONG

DEFAULT_ZONE: Final[tzinfo] = HONG_KONG
"""The account's own zone where the request names none: that of the Dashboard."""
ZONE_CHARS_MAX: Final = 64
_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def zone(text: str) -> tzinfo:
    """Return a time zone by its name in the IANA database, or by an offset as `+10:30`.

    Raises `ValueError` for anything else.
    """
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        sign = -1 if offset[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    if len(text) > ZONE_CHARS_MAX or not _NAME.fullmatch(text):
        raise ValueError("not a time zone")
    if text == "UTC":
        return UTC
    try:
        return ZoneInfo(text)
    except (KeyError, OSError, ValueError) as error:
        # A folder of the database is an OSError, a file in it that is no zone a ValueError.
        raise ValueError("not a time zone") from error


def moment_us(text: str, within: tzinfo) -> int:
    """Return microseconds UTC of `YYYY-MM-DD hh:mm:ss`, with a blank or a `T` in the middle.

    A moment may carry its own offset, as those in our answers do; that wins over the zone. Of a
    time that a clock shows twice it is the first. Raises `ValueError` for anything else.
    """
    if not _MOMENT.fullmatch(text):
        raise ValueError("not a moment")
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        read = read.replace(tzinfo=within)
    return (read - EPOCH) // timedelta(microseconds=1)


def written(us: int, within: tzinfo) -> str:
    """Write a moment as `YYYY-MM-DDThh:mm:ss±hh:mm`, its fraction of a second left out."""
    at = EPOCH + timedelta(microseconds=us - us % SECOND_US)
    return at.astimezone(within).isoformat(timespec="seconds")
