"""What is due by the clock alone: payments whose time has passed, tasks of a clock set back."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from sampan.clock import DAY_US, MINUTE_US, Clock, SetBack
from sampan.errors import Unavailable
from sampan.flow.expiry import BATCH_MAX, expire_due
from sampan.flow.notification import FindProject
from sampan.flow.sign_in import IDLE_US
from sampan.storage import file_drafts, imports, outbox, page_sessions, reversals, users
from sampan.storage.engine import Store, Tx

PAUSE_S: Final = 0.5
PAGE_KEPT_US: Final = 32 * DAY_US
"""Pages that never started a payment are forgotten: none can be valid for so long."""
UNREAD_KEPT_US: Final = DAY_US
ANNOUNCED_KEPT_US: Final = 32 * DAY_US
FORGET_EVERY_US: Final = 10 * MINUTE_US
log = structlog.get_logger(__name__)


class Janitor:
    """Declines payments in time, by the shortest way: an index of the open ones."""

    def __init__(self, store: Store, clock: Clock, *, find_project: FindProject) -> None:
        self._store = store
        self._clock = clock
        self._find_project = find_project
        self._set_back = SetBack(clock)
        self._forgotten_us = 0

    async def sweep(self) -> int:
        """Decline everything whose time has passed; return how many payments were looked at."""
        seen = 0
        while True:
            now_us = self._clock.now_us()
            looked = await self._store.transact(
                lambda tx, now_us=now_us: expire_due(  # type: ignore[misc]
                    tx, find_project=self._find_project, now_us=now_us
                )
            )
            seen += looked
            if looked < BATCH_MAX:
                return seen

    async def forget(self) -> None:
        """Forget now and then: ended sessions, and some old pages without a payment."""
        now_us = self._clock.now_us()
        if abs(now_us - self._forgotten_us) < FORGET_EVERY_US:
            return
        self._forgotten_us = now_us
        await self._store.transact(
            lambda tx: page_sessions.forget(tx, before_us=now_us - PAGE_KEPT_US)
        )
        await self._store.transact(
            lambda tx: users.forget_sessions(tx, now_us=now_us, idle_us=now_us - IDLE_US)
        )
        await self._store.transact(lambda tx: _forget_money(tx, now_us=now_us))

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep again and again until `stop` is set."""
        while not stop.is_set():
            try:
                if self._set_back.seen():
                    await self._store.transact(
                        lambda tx: outbox.hurry(tx, now_us=self._clock.now_us())
                    )
                await self.sweep()
                await self.forget()
            except Unavailable as error:
                log.warning("no sweep", why=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_S)


def _forget_money(tx: Tx, *, now_us: int) -> None:
    """Forget bank files that were never read to their end, and announced money never booked."""
    file_drafts.forget(tx, before_us=now_us - UNREAD_KEPT_US)
    for one in imports.unread(tx, before_us=now_us - UNREAD_KEPT_US):
        imports.drop(tx, one.id)
    reversals.forget_old(tx, before_us=now_us - ANNOUNCED_KEPT_US)
