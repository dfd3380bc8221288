"""Deliver the bank's notices, and make the payments that the bank makes by itself.

A notice is claimed with a lease, posted outside any transaction, and finished or put back. Who dies
in between leaves it to be delivered again: a notice may come twice and never gets lost.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from sampan.bank import scenarios
from sampan.clock import SECOND_US, Clock, SetBack
from sampan.errors import Unavailable
from sampan.outbound import Outbound, OutboundError, TargetRefused
from sampan.providers.marks import mark
from sampan.storage import bank as rows
from sampan.storage.engine import Store, Tx

LEASE_US: Final = 30 * SECOND_US
DELIVERY_TIMEOUT_S: Final = 10.0
DELIVERIES_MAX: Final = 32
"""Notices on their way at the same time."""
CLAIM_MAX: Final = 64
"""Notices in hand at most: two rounds of deliveries, which end within the lease."""
BACKOFF_S_MAX: Final = 60
_BACKOFF_DOUBLINGS_MAX: Final = 6
AUTOPAYS_MAX: Final = 50
POLL_S: Final = 0.5
STOP_GRACE_S: Final = 2.0


class Courier:
    """One for each process; several on one database share the work."""

    def __init__(
        self, store: Store, clock: Clock, *, secret: str, notify_url: str, http: Outbound
    ) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._notify_url = notify_url
        self._http = http
        self._set_back = SetBack(clock)
        self._news = asyncio.Event()
        self._places = asyncio.Semaphore(DELIVERIES_MAX)
        self._under_way: set[asyncio.Task[None]] = set()
        store.on_wake(self._on_wake)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver and pay what is due until `stop` is set.

        Wakes at once for what this process wrote, within half a second for what others did. A
        database that is away is waited for. Deliveries under way get two seconds to end; what is
        cut short is delivered again after its lease.
        """
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._news.set())
        try:
            while not stop.is_set():
                self._news.clear()
                wait_s = POLL_S
                # Claim when half of what is in hand is done: few, large claims.
                if len(self._under_way) <= CLAIM_MAX // 2:
                    with suppress(Unavailable):
                        wait_s = await self._round()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), wait_s)
        finally:
            stopping.cancel()
            await self._end()

    async def _round(self) -> float:
        """Start what is due; return the seconds until something else will be, or may be."""
        if self._set_back.seen():
            await self._store.transact(
                lambda tx: rows.hurry_notices(tx, now_us=self._clock.now_us())
            )
        claimed, next_us = await self._store.transact(self._claim)
        for notice in claimed:
            task = asyncio.create_task(self._deliver(notice))
            self._under_way.add(task)
            task.add_done_callback(self._on_end)
        if next_us is None:
            return POLL_S
        return min(POLL_S, max(0.0, (next_us - self._clock.now_us()) / SECOND_US))

    def _claim(self, tx: Tx) -> tuple[Sequence[rows.Notice], int | None]:
        now_us = self._clock.now_us()
        # The bank itself is no app: it pays after expiry too, which makes late money.
        for order in rows.take_autopays(tx, now_us=now_us, most=AUTOPAYS_MAX):
            scenarios.carry_out(tx, order, done=scenarios.deed(order), now_us=now_us)
        claimed = rows.claim_notices(
            tx,
            now_us=now_us,
            lease_until_us=now_us + LEASE_US,
            most=CLAIM_MAX - len(self._under_way),
        )
        return claimed, rows.next_due_us(tx)

    async def _deliver(self, notice: rows.Notice) -> None:
        """Say a notice once and write down how it went."""
        async with self._places:
            taken = await self._say(notice.body.encode())
            now_us = self._clock.now_us()
            copies_count, next_us = notice.copies_count - 1, now_us
            if not taken:
                doublings = min(notice.attempts_count - 1, _BACKOFF_DOUBLINGS_MAX)
                copies_count = notice.copies_count
                next_us = now_us + min(BACKOFF_S_MAX, 2**doublings) * SECOND_US
            # A database that is away costs a second delivery after the lease, no more.
            with suppress(Unavailable):
                await self._store.transact(
                    lambda tx: rows.finish_notice(
                        tx, notice, copies_count=copies_count, next_us=next_us
                    )
                )
        if copies_count:
            self._news.set()

    async def _say(self, body: bytes) -> bool:
        """Post a body, marked anew at every try; True when it was taken with a 2xx."""
        headers = mark(self._secret, body, now_us=self._clock.now_us())
        try:
            answer = await self._http.post(
                self._notify_url, body, headers=headers, timeout_s=DELIVERY_TIMEOUT_S
            )
        except (OutboundError, TargetRefused):
            return False
        return 200 <= answer.status < 300  # noqa: PLR2004 - the family of HTTP successes

    async def _end(self) -> None:
        if not self._under_way:
            return
        _, left = await asyncio.wait(self._under_way, timeout=STOP_GRACE_S)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _on_wake(self, kind: str) -> None:
        if kind == rows.WAKE:
            self._news.set()

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if len(self._under_way) == CLAIM_MAX // 2:
            self._news.set()
