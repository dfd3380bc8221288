"""The task `link_batch`: make the payment links of a file, a few in each transaction."""

from typing import Final, NamedTuple

import structlog

from sampan.domain.project import Project
from sampan.errors import Unavailable
from sampan.flow import link_batches as flow
from sampan.flow.links import Office
from sampan.flow.notification import FindProject
from sampan.flow.sale import new_request_id
from sampan.flow.settle import Step
from sampan.storage import link_batches, outbox
from sampan.storage.engine import Store, Tx
from sampan.storage.link_batches import Batch
from sampan.storage.outbox import Task
from sampan.workers.loop import Work

log = structlog.get_logger(__name__)
LEASE_US: Final = 30_000_000
AT_ONCE_MAX: Final = 1
"""Files of one project at work at once: the second is not done sooner beside the first."""


class Underway(NamedTuple):
    """A file at work, and whose links it has."""

    batch: Batch
    project: Project


class MakeLinks:
    """Makes the links of files. Each claim is good for a few lines; then others have their turn."""

    def __init__(self, store: Store, *, find_project: FindProject, office: Office) -> None:
        self._store = store
        self._clock = store.clock
        self._find_project = find_project
        self._office = office

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
        batch = link_batches.find(tx, task.subject)
        project = None if batch is None else self._find_project(tx, batch.project_id)
        if batch is None or project is None or batch.status != "running":
            outbox.done(tx, task)
            return None
        return Underway(batch, project)

    async def _act(self, task: Task, underway: Underway) -> None:
        for count in (flow.LINES_AT_ONCE, 1):
            try:
                await self._some(task, underway, count=count)
            except Unavailable:
                raise
            except Exception:
                # A fault of ours in one line must not hold up the rest of the file.
                log.exception("links not made", batch=underway.batch.id, count=count)
            else:
                return

        def leave_out(tx: Tx) -> int | None:
            held = outbox.put_back(tx, task, due_us=self._clock.now_us())
            return flow.give_up(tx, underway.batch) if held else None

        line = await self._store.transact(leave_out)
        log.error("line given up", batch=underway.batch.id, line=line)

    async def _some(self, task: Task, underway: Underway, *, count: int) -> None:
        batch, project = underway
        now_us = self._clock.now_us()
        steps = [
            Step(now_us, batch.by, new_request_id(self._clock, project.id)) for _ in range(count)
        ]

        def some(tx: Tx) -> None:
            # Due again at once, so that whoever works next goes on, also when we are gone.
            if outbox.put_back(tx, task, due_us=now_us):
                flow.work(tx, project, batch, office=self._office, steps=steps)

        await self._store.transact(some)
