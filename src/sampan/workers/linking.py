"""The task `link_batch`: make the payment links of a file, a few in each transaction."""

from collections.abc import Callable
from typing import Final, NamedTuple

from sampan.domain.project import Project
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
from sampan.workers.pieces import Pieces, take_some

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
        batch, project = underway

        def work(count: int, now_us: int) -> Callable[[Tx], object]:
            steps = [
                Step(now_us, batch.by, new_request_id(self._clock, project.id))
                for _ in range(count)
            ]
            return lambda tx: flow.work(tx, project, batch, office=self._office, steps=steps)

        file = Pieces(
            name=flow.TASK,
            key=batch.id,
            count=flow.LINES_AT_ONCE,
            work=work,
            give_up=lambda tx: flow.give_up(tx, batch),
        )
        await take_some(self._store, task, file=file)
