"""Adds up spans of time that are over, so that analytics need not look at every row again."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from sampan.clock import DAY_US, HOUR_US, MINUTE_US, Clock
from sampan.domain.analytics import Source
from sampan.errors import Unavailable
from sampan.storage import rollups
from sampan.storage.engine import Store
from sampan.storage.rollups import Span

PAUSE_S: Final = 60.0
OVER_US: Final = 30 * MINUTE_US
"""So long after its end an hour is noted: most payments made in it have ended by then."""
NOTED_US: Final = MINUTE_US
"""So long after it is noted a span is added up: longer than any transaction lasts that may have
begun before the database counted its changes."""
HOURS_KEPT_US: Final = 31 * DAY_US
"""Single hours are kept for so long. A merchant with few payments has hardly more rows than sums of
hours, and older periods are asked for by the day."""
OPEN_MAX: Final = 500
DUE_MAX: Final = 100
log = structlog.get_logger(__name__)


class AddUp:
    """Adds up; several processes may, and harm nothing."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def sweep(self) -> int:
        """Note and add up every span that is due; return how many were added up.

        One span at a time, so that nobody else waits long for the database.
        """
        for source in Source:
            while await self._open(source) == OPEN_MAX:
                pass
        added = 0
        while due := await self._due():
            kept = [await self._add_up(span) for span in due]
            added += sum(kept)
            # A span that changes while it is added up has its turn again next time.
            if len(due) < DUE_MAX or not any(kept):
                break
        while await self._forget() == DUE_MAX:
            pass
        return added

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep again and again until `stop` is set."""
        while not stop.is_set():
            try:
                await self.sweep()
            except Unavailable as error:
                log.warning("nothing added up", why=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_S)

    async def _open(self, source: Source) -> int:
        now_us = self._clock.now_us()
        end_us = (now_us - OVER_US) // HOUR_US * HOUR_US
        return await self._store.transact(
            lambda tx: rollups.open_spans(tx, source, end_us=end_us, now_us=now_us, most=OPEN_MAX)
        )

    async def _due(self) -> list[Span]:
        now_us = self._clock.now_us()
        return await self._store.read(
            lambda tx: rollups.due(
                tx,
                opened_to_us=now_us - NOTED_US,
                hours_from_us=now_us - HOURS_KEPT_US,
                most=DUE_MAX,
            )
        )

    async def _forget(self) -> int:
        before_us = self._clock.now_us() - HOURS_KEPT_US
        return await self._store.transact(
            lambda tx: rollups.forget_hours(tx, before_us=before_us, most=DUE_MAX)
        )

    async def _add_up(self, span: Span) -> bool:
        sums = await self._store.read(lambda tx: rollups.gather(tx, span))
        return await self._store.transact(lambda tx: rollups.keep(tx, span, sums))
