"""Many payments at once while the platform is killed again and again, and stopped in good order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fault.audit import books_faults, payment_faults
from tests.fault.lives import KILLED, Databases, Shop, living, until, world
from tests.support.merchant import Act, Merchant

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("SAMPAN_FAULT_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
CONNECTIONS = 32
KILLS = 50
STEPS_MAX = 1_500
"""Steps that a life may take before it is killed: some die at once, some see much."""
STOP_S_MAX = 5.0


async def buy(shop: Shop, buyer: int, *, enough: asyncio.Event, paid: list[str]) -> None:
    """Buy one thing after another until it is enough; note every payment once it is paid."""
    number = 0
    while not enough.is_set():
        number += 1
        payment_id = f"b{buyer}-{number}"
        await shop.sell(payment_id)
        await shop.act(await shop.shown(payment_id))
        paid.append(payment_id)


async def audit(shop: Shop, paid: list[str]) -> list[str]:
    """Wait for calm and return everything that is wrong with the payments and the books."""
    try:
        await shop.settled()
    except AssertionError as error:
        return [f"stuck: {error} {shop.books.unsettled()}"]
    faults = await books_faults(shop)
    for payment_id in paid:
        # A final callback may overtake an intermediate one that a crash held up, and drop it.
        faults += await payment_faults(shop, payment_id, "success")
    return faults


async def storm(shop: Shop, kills: int, chance: random.Random) -> list[str]:
    """Let buyers buy while the platform is killed `kills` times; return what they paid."""
    home, enough, paid = shop.home, asyncio.Event(), list[str]()

    def next_death() -> dict[str, Any]:
        if len(home.ends) >= kills:
            enough.set()
            return {}
        return {"die_after": chance.randint(1, STEPS_MAX)}

    home.restarts = next_death
    await home.start(**next_death())
    async with asyncio.TaskGroup() as group:
        for buyer in range(CONNECTIONS):
            group.create_task(buy(shop, buyer, enough=enough, paid=paid))
    assert home.ends == [KILLED] * kills
    return paid


async def killed(
    databases: Databases, merchant: Merchant, folder: Path, *, kills: int
) -> list[str]:
    """Live through a storm; return what is wrong afterwards."""
    async with world(databases, merchant, folder) as shared, living(shared) as shop:
        paid = await storm(shop, kills, random.Random(SEED))
        print(f"{kills} kills, {len(paid)} payments")  # noqa: T201 - how much was tried
        assert len(paid) >= CONNECTIONS
        return await audit(shop, paid)


async def stopped(databases: Databases, merchant: Merchant, folder: Path) -> list[str]:
    """Stop `sampan serve` while much goes on, start it again; return what is wrong afterwards."""
    shared_world = world(databases, merchant, folder)
    async with shared_world as shared, living(shared, command=True) as shop:
        home, enough, paid = shop.home, asyncio.Event(), list[str]()
        await home.start()
        async with asyncio.TaskGroup() as group:
            for buyer in range(CONNECTIONS):
                group.create_task(buy(shop, buyer, enough=enough, paid=paid))
            await until(lambda: len(paid) > CONNECTIONS, "the load has begun")
            await stop(shop)
            before = len(paid)
            await until(lambda: len(paid) > before + CONNECTIONS, "the load goes on")
            enough.set()
        return await audit(shop, paid)


async def stop(shop: Shop) -> None:
    """Send SIGTERM and check that the process ends well and soon."""
    began_s = time.monotonic()
    os.kill(shop.home.pid, signal.SIGTERM)
    await until(lambda: shop.home.ends, "the end after SIGTERM")
    assert shop.home.ends == [0]
    assert time.monotonic() - began_s < STOP_S_MAX


async def stopped_while_hanging(
    databases: Databases, merchant: Merchant, folder: Path
) -> list[str]:
    """Stop while a merchant takes a callback and says nothing; return what is wrong afterwards."""
    shared_world = world(databases, merchant, folder)
    async with shared_world as shared, living(shared, command=True) as shop:
        merchant.answer(Act.HANG)
        await shop.home.start()
        await shop.sell("hanging")
        payload = await shop.shown("hanging")
        await stop(shop)
        await shop.act(payload)
        return await audit(shop, ["hanging"])


def test_kills_under_load_lose_and_double_nothing(
    sqlite_databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """Every paid payment succeeds once, is told of, and stands in our books as in the bank's."""
    print(f"SAMPAN_FAULT_SEED={SEED}")  # noqa: T201 - makes the same storm again
    faults = asyncio.run(killed(sqlite_databases, merchant, tmp_path, kills=KILLS))
    assert not faults, "\n".join([f"SAMPAN_FAULT_SEED={SEED}", *faults])


def test_a_stop_under_load_loses_nothing(
    sqlite_databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """SIGTERM ends `sampan serve` with 0 within seconds; the next start continues at once."""
    faults = asyncio.run(stopped(sqlite_databases, merchant, tmp_path))
    assert not faults, "\n".join(faults)


def test_a_stop_does_not_wait_for_a_merchant_who_says_nothing(
    sqlite_databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """A callback that hangs is given up at the stop, and told again after the next start."""
    faults = asyncio.run(stopped_while_hanging(sqlite_databases, merchant, tmp_path))
    assert not faults, "\n".join(faults)
