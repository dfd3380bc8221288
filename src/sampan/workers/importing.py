"""The task `statement`: take the entries of a bank file in, a few in each transaction."""

from typing import Final, NamedTuple

import structlog

from sampan.errors import Unavailable
from sampan.flow import imports as flow
from sampan.flow.finding import FindProject, Where
from sampan.storage import imports, outbox
from sampan.storage.engine import Store, Tx
from sampan.storage.imports import Import
from sampan.storage.outbox import Task
from sampan.workers.loop import Work

log = structlog.get_logger(__name__)
LEASE_US: Final = 30_000_000
AT_ONCE_MAX: Final = 1
"""Files of one account at work at once: entries of an account keep the order of its files."""


class Underway(NamedTuple):
    """A file at work, and its account."""

    kept: Import
    where: Where


class TakeStatements:
    """Takes bank files in. Each claim is good for a few entries; then others have their turn."""

    def __init__(self, store: Store, *, find_project: FindProject) -> None:
        self._store = store
        self._clock = store.clock
        self._find_project = find_project

    def work(self) -> Work[Underway]:
        """Return what the worker needs to know about this kind of task."""
        return Work(
            flow.TASK,
            lease_us=LEASE_US,
            prepare=self._prepare,
            act=self._act,
            lane_bound=lambda _tx, _lane: AT_ONCE_MAX,
        )

    def _prepare(self, tx: Tx, task: Task, _now_us: int) -> Underway | None:
        kept = imports.find(tx, task.subject)
        if kept is None or kept.status != "running":
            outbox.done(tx, task)
            return None
        return Underway(kept, Where(kept.provider, kept.account, self._find_project))

    async def _act(self, task: Task, underway: Underway) -> None:
        for count in (flow.ENTRIES_AT_ONCE, 1):
            try:
                await self._some(task, underway, count=count)
            except Unavailable:
                raise
            except Exception:
                # A fault of ours in one entry must not hold up the rest of the file.
                log.exception("entries not taken", file=underway.kept.id, count=count)
            else:
                return

        def leave_out(tx: Tx) -> int | None:
            held = outbox.put_back(tx, task, due_us=self._clock.now_us())
            return flow.give_up(tx, underway.kept) if held else None

        number = await self._store.transact(leave_out)
        log.error("entry given up", file=underway.kept.id, entry=number)

    async def _some(self, task: Task, underway: Underway, *, count: int) -> None:
        kept, where = underway
        now_us = self._clock.now_us()

        def some(tx: Tx) -> None:
            # Due again at once, so that whoever works next goes on, also when we are gone.
            if outbox.put_back(tx, task, due_us=now_us):
                flow.work(tx, kept, where, now_us=now_us, most=count)

        await self._store.transact(some)
