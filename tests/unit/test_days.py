"""Days of the zones that people choose."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from sampan.domain.days import DAY_US, HOUR_US, Zone, begun_us, local, midnight_us

DAY = date(2026, 11, 24)
MIDNIGHT_UTC_US = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(("zone", "ahead_us"), [(Zone.HONG_KONG, 8 * HOUR_US), (Zone.UTC, 0)])
def test_a_day_from_its_first_moment_to_its_last(zone: Zone, ahead_us: int) -> None:
    """Every moment of a day is shown as that day, and its midnight is found from each."""
    begin_us = midnight_us(DAY, zone)
    assert begin_us == MIDNIGHT_UTC_US - ahead_us
    for at_us in (begin_us, begin_us + 1, begin_us + DAY_US - 1):
        assert begun_us(at_us, zone) == begin_us
        assert local(at_us, zone).date() == DAY
    assert local(begin_us - 1, zone).date() < DAY < local(begin_us + DAY_US, zone).date()
