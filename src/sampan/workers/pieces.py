"""Work on a file a few lines at a time, so that no fault of one line holds up the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from sampan.errors import Unavailable
from sampan.storage import outbox
from sampan.storage.engine import Store, Tx
from sampan.storage.outbox import Task

log = structlog.get_logger(__name__)
ALONE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A file at work.

    `work(count, now_us)` returns what takes up to `count` lines in a transaction; with a fault
    of ours they are tried one by one. `give_up` leaves out the line that is next and returns its
    number.
    """

    name: str
    key: int
    count: int
    work: Callable[[int, int], Callable[[Tx], object]]
    give_up: Callable[[Tx], int | None]


async def take_some(store: Store, task: Task, *, file: Pieces) -> None:
    """Take some lines of a file; one that fails by itself is given up. The task is due again."""
    for count in (file.count, ALONE):
        try:
            await _take(store, task, file=file, count=count)
        except Unavailable:
            raise
        except Exception:
            # A fault of ours in one line must not hold up the rest of the file.
            log.exception("lines not taken", kind=file.name, file=file.key, count=count)
        else:
            return

    def leave_out(tx: Tx) -> int | None:
        held = outbox.put_back(tx, task, due_us=store.clock.now_us())
        return file.give_up(tx) if held else None

    line = await store.transact(leave_out)
    log.error("line given up", kind=file.name, file=file.key, line=line)


async def _take(store: Store, task: Task, *, file: Pieces, count: int) -> None:
    now_us = store.clock.now_us()
    work = file.work(count, now_us)

    def some(tx: Tx) -> None:
        # Due again at once, so that whoever works next goes on, also when we are gone.
        if outbox.put_back(tx, task, due_us=now_us):
            work(tx)

    await store.transact(some)
