"""The clock of the machine is set while payments are under way: nothing waits for the old time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from sampan.clock import DAY_US, HOUR_US, SECOND_US
from tests.fault.audit import books_faults, payment_faults
from tests.fault.lives import Databases, World, living, world
from tests.fault.stories import PAID, Story, live
from tests.support.merchant import Merchant

pytestmark = pytest.mark.slow

AT_ONCE = 2
BACK_US = -8 * HOUR_US
FORWARD_US = 2 * DAY_US
MIDNIGHT_MARGIN_US = SECOND_US // 5
LEFT = Story("", "decline")
"""The customer does nothing, and the payment's time is over as soon as the clock says so."""

PUT_STEPS = (
    "committed Gate.sale#1",
    "committed Worker._claim[ask_provider]#1",
    "committed AskProvider._act#1",
    "committed Worker._claim[callback]#1",
    "committed Bank.act#1",
    "committed Courier._claim#1",
    "committed Notifications.post#1",
    "committed Worker._claim[callback]#2",
)
"""Moments when a time that lies ahead has just been written down: a due time or a lease."""


async def jump(shared: World, story: Story, step: str, *, jump_us: int, dying: bool) -> list[str]:
    """Let the clock jump at a step, of a process that lives on or dies; return what is wrong."""
    name = f"{step}, {'dying' if dying else 'living on'}"
    payment_id = name.replace(" ", "-")
    how = {"jump_at": step, "jump_us": jump_us, "die_at": step if dying else ""}
    async with living(shared) as shop:
        try:
            await live(shop, story, payment_id, **how)
        except AssertionError as error:
            return [f"{name}: {error}; {shop.books.unsettled()}"]
        faults = await payment_faults(shop, payment_id, story.status, shown=story is PAID)
        return [f"{name}: {fault}" for fault in faults + await books_faults(shop)]


async def jump_everywhere(
    databases: Databases, merchant: Merchant, folder: Path, *, jump_us: int
) -> list[str]:
    """Let the clock jump at each moment, with and without a kill; return all that was wrong."""
    story = PAID if jump_us < 0 else LEFT
    steps = PUT_STEPS if jump_us < 0 else PUT_STEPS[:4]
    places = asyncio.Semaphore(AT_ONCE)
    async with world(databases, merchant, folder) as shared:

        async def one(step: str, dying: bool) -> list[str]:  # noqa: FBT001 - one of two cases
            async with places:
                return await jump(shared, story, step, jump_us=jump_us, dying=dying)

        found = await asyncio.gather(
            *(one(step, dying) for step in steps for dying in (False, True))
        )
    return [fault for faults in found for fault in faults]


async def cross_midnight(
    databases: Databases, merchant: Merchant, folder: Path, *, zone_us: int
) -> list[str]:
    """Live through a payment while a day ends; return what is wrong."""
    async with world(databases, merchant, folder) as shared:
        left_us = DAY_US - (time.time_ns() // 1000 + zone_us) % DAY_US
        async with living(shared, shift_us=left_us - MIDNIGHT_MARGIN_US) as shop:
            await live(shop, PAID, f"midnight{zone_us}")
            faults = await payment_faults(shop, f"midnight{zone_us}", "success")
            return faults + await books_faults(shop)


def test_a_clock_set_back_delays_no_payment(
    databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """Eight hours back, wherever a payment stands: it is paid and told of within seconds."""
    faults = asyncio.run(jump_everywhere(databases, merchant, tmp_path, jump_us=BACK_US))
    assert not faults, "\n".join(faults)


def test_a_clock_set_forward_ends_payments_in_order(
    databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """Two days ahead: what nobody has paid is declined once, and told of."""
    faults = asyncio.run(jump_everywhere(databases, merchant, tmp_path, jump_us=FORWARD_US))
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("zone_us", [0, 8 * HOUR_US], ids=["UTC", "Hong Kong"])
def test_a_payment_lives_through_midnight(
    sqlite_databases: Databases, merchant: Merchant, tmp_path: Path, zone_us: int
) -> None:
    """A payment that begins before midnight and ends after it is like any other."""
    faults = asyncio.run(cross_midnight(sqlite_databases, merchant, tmp_path, zone_us=zone_us))
    assert not faults, "\n".join(faults)
