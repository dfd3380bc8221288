"""What customers do, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sampan.storage import schema
from tests.fault import real_bank
from tests.fault.lives import HASTY, KILLED, PROJECT, Shop, until

DELIVERED: Final = "committed DeliverCallbacks._act"


@dataclass(frozen=True)
class Story:
    """What a customer does, and how the payment ends; `start` names the first step to die at.

    `link`: the customer comes by a payment link. `told`: the account is a real one, whose bank
    tells of the money by `notice` or by `file`; the customer does nothing here. `end` names the
    last step to die at, where other stories tell the rest.
    """

    action: str
    status: str
    project: int = PROJECT
    start: str = ""
    end: str = ""
    link: bool = False
    told: str = ""


PAID = Story("pay", "success")
REFUSED = Story("refuse", "decline", start="before Bank.act")
LINKED = Story("pay", "success", end="answering /payment/s/…/start", link=True)
EXPIRED = Story("", "decline", HASTY, start=f"{DELIVERED}#1")
TOLD_BY_NOTICE: Final = Story("", "success", start="before Notifications.post", told="notice")
TOLD_BY_FILE: Final = Story(
    "", "success", start="before take_file", end="committed _take#2", told="file"
)


async def live(shop: Shop, story: Story, payment_id: str, **how: Any) -> None:  # noqa: ANN401 - fields of Life
    """Live through a story as `how` says; every wait ends when the fact is there."""
    home, die_at = shop.home, how.get("die_at")
    if story.told:
        await real_bank.open_account(home.url)
    await home.start(**how)
    if story.link:
        best_before = datetime.now(UTC) + timedelta(days=7)
        link = await shop.link(payment_id, best_before=f"{best_before:%Y-%m-%dT%H:%M:%SZ}")
    else:
        await shop.sell(payment_id, project=story.project)
    if story.action or story.told:
        payload = "" if story.link else await shop.shown(payment_id)
        # One thing after the other, so that every life has the same steps.
        await until(lambda: _delivered(shop) == 1, "the first callback is recorded")
        if story.link:
            payload = await shop.confirm(payment_id, link)
        if story.told:
            await real_bank.tell(shop, payload, by=story.told)
        else:
            await shop.act(payload, action=story.action)
    await until(lambda: shop.inbox.told(payment_id, story.status), "the final callback came")
    await shop.settled()
    if die_at:
        await until(lambda: home.ends == [KILLED], f"the death at {die_at}")
        await shop.settled()


def _delivered(shop: Shop) -> int:
    table = schema.callbacks
    return shop.books.count(table, table.c.status == "delivered")
