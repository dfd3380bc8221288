"""The task `statement`: take the entries of a bank file in, a few in each transaction."""

from typing import Final, NamedTuple

from sampan.flow import imports as flow
from sampan.flow.finding import FindProject, Where
from sampan.storage import imports, outbox
from sampan.storage.engine import Store, Tx
from sampan.storage.imports import Import
from sampan.storage.outbox import Task
from sampan.workers.loop import Work
from sampan.workers.pieces import Pieces, take_some

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
        kept, where = underway
        file = Pieces(
            name=flow.TASK,
            key=kept.id,
            count=flow.ENTRIES_AT_ONCE,
            work=lambda count, now_us: (
                lambda tx: flow.work(tx, kept, where, now_us=now_us, most=count)
            ),
            give_up=lambda tx: flow.give_up(tx, kept),
        )
        await take_some(self._store, task, file=file)
