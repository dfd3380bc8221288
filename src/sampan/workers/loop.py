"""Claim tasks of one kind lane by lane, and run them side by side.

A lane is what must not wait for another lane: the address of a merchant, the name of a provider.
Each lane has its own bound of tasks under way, so a dead merchant fills only the own one.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import structlog

from sampan.clock import Clock
from sampan.errors import Unavailable
from sampan.storage import outbox
from sampan.storage.engine import Store, Tx
from sampan.storage.outbox import Task

POLL_S: Final = 0.2
"""How long work put by another process, or due later, may wait to be seen."""
TROUBLE_S: Final = 1.0
"""Pause after the database did not answer."""
STOP_GRACE_S: Final = 3.0
"""What is under way at a stop gets this long; then it is left to whoever works next."""
LANE_MAX: Final = 32
KIND_MAX: Final = 192
"""Fewer than the connections of `sampan.outbound`: who is claimed finds one free."""
ROOM_SHARE: Final = 6
"""A lane gets this part of the room that is left, so many dead lanes still leave some to others."""

Prepared = TypeVar("Prepared")
log = structlog.get_logger(__name__)


class Work(Generic[Prepared]):
    """One kind of task: how to prepare it in the claiming transaction and how to carry it out.

    `prepare` returns None when there is nothing to do outside; it has then put the task back or
    finished it. `act` runs outside any transaction, never raises for an expected outcome, and
    settles the task itself. `lane_bound` says how many of a lane may be under way at once.
    """

    def __init__(
        self,
        kind: str,
        *,
        lease_us: int,
        prepare: Callable[[Tx, Task, int], Prepared | None],
        act: Callable[[Task, Prepared], Awaitable[None]],
        lane_bound: Callable[[Tx, str], int] = lambda _tx, _lane: LANE_MAX,
    ) -> None:
        self.kind = kind
        self.lease_us = lease_us
        self.prepare = prepare
        self.act = act
        self.lane_bound = lane_bound


class Worker(Generic[Prepared]):
    """Runs one kind of task until it is told to stop."""

    def __init__(self, work: Work[Prepared], store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._work = work
        self._awake = asyncio.Event()
        self._under_way: Counter[str] = Counter()
        self._tasks: dict[asyncio.Task[None], Task] = {}
        store.on_wake(self._on_wake)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then wait `STOP_GRACE_S` for what is under way.

        What has not ended by then is cut short and due again at once, for the next who works.
        """
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._awake.clear()
                claimed = await self._claim_safely()
                for task, prepared in claimed:
                    self._start(task, prepared)
                if not claimed:
                    await self._sleep(stopping)
        finally:
            stopping.cancel()
            await self._end()

    async def drain(self) -> int:
        """Carry out everything that is due now and return how many tasks there were: for tests."""
        done = 0
        while claimed := await self._store.transact(self._claim):
            for task, prepared in claimed:
                self._start(task, prepared)
            await asyncio.wait(self._tasks)
            done += len(claimed)
        return done

    async def _end(self) -> None:
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=STOP_GRACE_S)
        left = [self._tasks[running] for running in late]
        for running in late:
            running.cancel()
        await asyncio.gather(*late, return_exceptions=True)

        def give_back(tx: Tx) -> None:
            now_us = self._clock.now_us()
            for task in left:
                outbox.put_back(tx, task, due_us=now_us)

        if left:
            # Without the database the lease runs out: later, but nothing is lost.
            with suppress(Unavailable):
                await self._store.transact(give_back)

    def _on_wake(self, kind: str) -> None:
        if kind == self._work.kind:
            self._awake.set()

    async def _sleep(self, stopping: asyncio.Task[Any]) -> None:
        waking: asyncio.Task[Any] = asyncio.create_task(self._awake.wait())
        await asyncio.wait({waking, stopping}, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()

    async def _claim_safely(self) -> Sequence[tuple[Task, Prepared]]:
        try:
            return await self._store.transact(self._claim)
        except Unavailable as error:
            log.warning("tasks not claimed", kind=self._work.kind, why=str(error))
            await asyncio.sleep(TROUBLE_S)
            return []

    def _claim(self, tx: Tx) -> Sequence[tuple[Task, Prepared]]:
        now_us = self._clock.now_us()
        claimed: list[tuple[Task, Prepared]] = []
        room = KIND_MAX - self._under_way.total()
        if room <= 0:
            return claimed
        for lane in outbox.lanes_due(tx, self._work.kind, now_us=now_us):
            bound = min(self._work.lane_bound(tx, lane), max(1, room // ROOM_SHARE))
            free = min(room, bound - self._under_way[lane])
            if free <= 0:
                continue
            for task in outbox.claim(
                tx,
                self._work.kind,
                lane=lane,
                now_us=now_us,
                lease_until_us=now_us + self._work.lease_us,
                most=free,
            ):
                prepared = self._work.prepare(tx, task, now_us)
                if prepared is not None:
                    claimed.append((task, prepared))
                    room -= 1
        return claimed

    def _start(self, task: Task, prepared: Prepared) -> None:
        self._under_way[task.lane] += 1
        running = asyncio.get_running_loop().create_task(self._act(task, prepared))
        self._tasks[running] = task
        running.add_done_callback(lambda ended: self._tasks.pop(ended, None))

    async def _act(self, task: Task, prepared: Prepared) -> None:
        try:
            await self._work.act(task, prepared)
        except Unavailable as error:
            # The lease runs out and the task is claimed again: nothing is lost.
            log.warning("task not settled", kind=task.kind, task=task.id, why=str(error))
        except Exception:
            log.exception("task failed", kind=task.kind, task=task.id)
        finally:
            self._under_way[task.lane] -= 1
            if not self._under_way[task.lane]:
                del self._under_way[task.lane]
            self._awake.set()
