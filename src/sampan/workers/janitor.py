"""What is due by the clock alone: payments whose time has passed, tasks of a clock set back."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from sampan.clock import Clock, SetBack
from sampan.errors import Unavailable
from sampan.flow.expiry import BATCH_MAX, expire_due
from sampan.flow.notification import FindProject
from sampan.storage import outbox
from sampan.storage.engine import Store

PAUSE_S: Final = 0.5
log = structlog.get_logger(__name__)


class Janitor:
    """Declines payments in time, by the shortest way: an index of the open ones."""

    def __init__(self, store: Store, clock: Clock, *, find_project: FindProject) -> None:
        self._store = store
        self._clock = clock
        self._find_project = find_project
        self._set_back = SetBack(clock)

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

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep again and again until `stop` is set."""
        while not stop.is_set():
            try:
                if self._set_back.seen():
                    await self._store.transact(
                        lambda tx: outbox.hurry(tx, now_us=self._clock.now_us())
                    )
                await self.sweep()
            except Unavailable as error:
                log.warning("no sweep", why=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_S)
