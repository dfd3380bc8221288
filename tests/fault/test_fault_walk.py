"""The fault walk: the platform is killed at every single step of a payment's life and restarted.

A step is a point where something becomes durable or leaves the process (`victim.py`). A first life
that nobody cuts short finds the steps; then each of them kills one life on a fresh database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.fault import real_bank
from tests.fault.audit import WAITING, books_faults, payment_faults
from tests.fault.lives import OPEN, Databases, Shop, World, living, until, world
from tests.fault.stories import (
    DELIVERED,
    EXPIRED,
    LINKED,
    PAID,
    REFUSED,
    TOLD_BY_FILE,
    TOLD_BY_NOTICE,
    Story,
    live,
)
from tests.fault.victim import MERCHANT
from tests.support.merchant import Merchant

pytestmark = pytest.mark.slow

TAKEN = {
    "ran Gate.sale#1",
    "answering /v2/payment/banks/hk-qr/sale#1",
    "committed Worker._claim[ask_provider]#1",
    "answer to POST /bank/v1/orders#1",
    "committed AskProvider._act#1",
    f"{DELIVERED}#1",
    f"sending POST {MERCHANT}#2",
    "ran DeliverCallbacks._act#2",
}
NOTED = {"ran Bank.act#1", "committed Notifications.post#1", "answering /notifications/sandbox#1"}
LINK_TAKEN = {
    "ran Gate.create_link#1",
    "answering /v2/payment/invoice/create#1",
    "ran Pages.start#1",
    "answering /payment/s/…/start#1",
    "committed AskProvider._act#1",
}
BY_ITSELF = TAKEN - {"answer to POST /bank/v1/orders#1"}
"""What is left of `TAKEN` where no bank is asked for the QR."""
MILESTONES = {
    "pay": TAKEN | NOTED,
    "refuse": TAKEN | NOTED,
    "": TAKEN | {"ran Janitor.sweep#1"},
    "link": LINK_TAKEN | NOTED,
    "notice": BY_ITSELF
    | {"ran Notifications.post#1", "committed Notifications.post#1"}
    | {"answering /notifications/fps/…#1"},
    "file": BY_ITSELF
    | {"ran take_file#1", "committed keep#1", "committed start#1"}
    | {"answering /notifications/fps/…/statements#1"}
    | {"ran _take#1", "committed _take#1", "ran _take#2", "committed _take#2"},
}
"""Steps that every life of a kind has, by what the customer does or how the bank tells of it."""
AT_ONCE = 2
"""Lives lived at once."""


async def steps_of(shared: World, story: Story) -> list[str]:
    """Live once without dying; return the steps."""
    async with living(shared) as shop:
        await live(shop, story, "whole")
        last = {f"{DELIVERED}#2"} | ({"committed Courier._deliver#1"} if story.action else set())
        await until(lambda: last <= {*shop.home.steps()}, "the last steps")
        assert not await payment_faults(
            shop, "whole", story.status, project=story.project, link=story.link
        )
        steps = shop.home.steps()
    # Should a wrapped point move away one day, the walk must not quietly get shorter.
    kind = "link" if story.link else story.told or story.action
    assert MILESTONES[kind] <= {*steps}, MILESTONES[kind] - {*steps}
    starts = [at for at, step in enumerate(steps) if step.startswith(story.start)]
    ends = [at for at, step in enumerate(steps, 1) if story.end and step.startswith(story.end)]
    return steps[starts[0] : ends[0] if ends else None]


def repeated(shop: Shop, payment_id: str, status: str, *, killed_steps: list[str]) -> list[str]:
    """Say which callbacks were repeated though the kill did not cut their delivery short."""
    sent = Counter(step.split("#")[0] for step in killed_steps)
    cut = sent[f"sending POST {MERCHANT}"] - sent[DELIVERED]
    arrived = [len(shop.inbox.told(payment_id, one)) for one in (WAITING, OPEN, status)]
    if sum(number - 1 for number in arrived if number) > cut:
        return [f"callbacks arrived {arrived} times, {cut} deliveries were cut short"]
    return []


async def die_once(shared: World, story: Story, number: int, *, step: str) -> list[str]:
    """Live once, dying at a step; return what was wrong afterwards."""
    payment_id = f"step-{number}"
    async with living(shared) as shop:
        try:
            await live(shop, story, payment_id, die_at=step)
        except AssertionError as error:
            left = shop.books.unsettled()
            return [f"died at {step}: {error}; unsettled: {left}; steps: {shop.home.steps()}"]
        faults = await payment_faults(
            shop, payment_id, story.status, project=story.project, link=story.link
        )
        if story.told:
            faults += await real_bank.faults_of(shop, by=story.told)
        else:
            faults += await books_faults(shop)
        steps = shop.home.steps()
        faults += repeated(
            shop, payment_id, story.status, killed_steps=steps[: steps.index(step) + 1]
        )
        return [f"died at {step}: {fault}" for fault in faults]


async def walk(
    databases: Databases, merchant: Merchant, folder: Path, *, story: Story
) -> list[str]:
    """Die at each step of a story; return all that was wrong."""
    async with world(databases, merchant, folder) as shared:
        steps = await steps_of(shared, story)
        print(f"{databases.engine}, {story.status}: {len(steps)} steps")  # noqa: T201 - how much was tried
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, step: str) -> list[str]:
            async with places:
                return await die_once(shared, story, number, step=step)

        found = await asyncio.gather(*(one(*numbered) for numbered in enumerate(steps, 1)))
        return [fault for faults in found for fault in faults]


def test_a_paid_payment_survives_a_kill_at_every_step(
    databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """One final status, one set of books, every callback delivered, wherever the process dies."""
    faults = asyncio.run(walk(databases, merchant, tmp_path, story=PAID))
    assert not faults, "\n".join(faults)


def test_a_refused_payment_survives_a_kill_at_every_step(
    databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """From the customer's refusal on: one decline and its callback, wherever the process dies."""
    faults = asyncio.run(walk(databases, merchant, tmp_path, story=REFUSED))
    assert not faults, "\n".join(faults)


def test_an_expired_payment_survives_a_kill_at_every_step(
    databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """From the shown QR on: one decline and its callback, wherever the process dies."""
    faults = asyncio.run(walk(databases, merchant, tmp_path, story=EXPIRED))
    assert not faults, "\n".join(faults)


def test_a_payment_link_survives_a_kill_at_every_step(
    databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """One link, one sale, one final status, every callback delivered, wherever it dies."""
    faults = asyncio.run(walk(databases, merchant, tmp_path, story=LINKED))
    assert not faults, "\n".join(faults)


def test_a_credit_notice_survives_a_kill_at_every_step(
    databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """From the notice of a real account's bank to the final callback: the money counts once."""
    faults = asyncio.run(walk(databases, merchant, tmp_path, story=TOLD_BY_NOTICE))
    assert not faults, "\n".join(faults)


def test_a_bank_file_survives_a_kill_at_every_step(
    databases: Databases, merchant: Merchant, tmp_path: Path
) -> None:
    """From the file of a real account's bank on: every entry counts once, wherever it dies."""
    faults = asyncio.run(walk(databases, merchant, tmp_path, story=TOLD_BY_FILE))
    assert not faults, "\n".join(faults)
