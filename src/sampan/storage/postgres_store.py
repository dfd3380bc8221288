"""PostgreSQL: functions that wait together share a transaction; a few connections, a few threads.

What costs is the waiting: at every round trip a thread gives the interpreter lock away and has to
win it back from a busy event loop. Therefore statements are pipelined (`storage.postgres_line`) and
functions that wait at the same time go through one connection with one COMMIT for all. That is the
quick way and no promise: when the database objects to anything in it, a lock held elsewhere
included, all of it is undone and each function runs again in a transaction of its own
(docs/decisions/0004 has the figures).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock, local
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from sampan.clock import Clock
from sampan.errors import Unavailable
from sampan.storage.engine import (
    ID_LOW_WATER,
    TAKE_BLOCK,
    Conflict,
    Result,
    Store,
    Tx,
    block_start,
)
from sampan.storage.postgres_line import BEGIN, BEGIN_READ, Line, Outcome

LANES_MAX: Final = 2
"""Connections on which functions share transactions."""
ALONE_MAX: Final = 4
"""Connections for functions that have to run alone; waiting for locks, they delay nobody else."""
READS_MAX: Final = 4
LANE_FULL: Final = 8
"""So many functions waiting start another lane; fewer are quicker on one that is running."""
BATCH_MAX: Final = 64
WAITING_MAX: Final = 20_000
TRIES_MAX: Final = 5
_RETRY_STATES: Final = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the server rolled back and asks for another try."""


@dataclass(slots=True, eq=False)
class _Waiting:
    fn: Callable[[Tx], Any]
    future: asyncio.Future[Any]


def make_engine(url: str) -> Engine:
    """Return an engine for migrations and for the address; a store keeps its own connections."""
    return create_engine(url, poolclass=NullPool)


class PostgresStore(Store):
    """A PostgreSQL database, opened by `storage.open.open_store`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(clock)
        self._engine = engine
        self._shared = ThreadPoolExecutor(LANES_MAX, thread_name_prefix="shared")
        self._single = ThreadPoolExecutor(ALONE_MAX, thread_name_prefix="alone")
        self._readers = ThreadPoolExecutor(READS_MAX, thread_name_prefix="read")
        self._mine = local()
        self._lines: set[Line] = set()
        self._lock = Lock()
        self._waiting: list[_Waiting] = []
        self._lanes: set[asyncio.Task[None]] = set()
        self._undone: set[asyncio.Task[None]] = set()
        self._closed = False

    async def transact(self, fn: Callable[[Tx], Result]) -> Result:
        """See `Store.transact`."""
        if self._closed or len(self._waiting) >= WAITING_MAX:
            raise Unavailable("the database takes no more work")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(fn, loop.create_future())
        self._waiting.append(waiting)
        if not self._lanes or (len(self._waiting) >= LANE_FULL and len(self._lanes) < LANES_MAX):
            self._lanes.add(loop.create_task(self._lane()))
        result: Result = await waiting.future
        return result

    async def read(self, fn: Callable[[Tx], Result]) -> Result:
        """See `Store.read`."""
        loop = asyncio.get_running_loop()
        outcome = await loop.run_in_executor(self._readers, self._alone, fn, BEGIN_READ)
        if outcome.error is not None:
            raise outcome.error
        result: Result = outcome.result
        return result

    async def close(self) -> None:
        """See `Store.close`."""
        self._closed = True
        while self._lanes or self._undone:
            await asyncio.wait(self._lanes | self._undone)
        loop = asyncio.get_running_loop()
        for pool in (self._shared, self._single, self._readers):
            await loop.run_in_executor(None, pool.shutdown)
        for line in self._lines:
            line.raw.close()
        self._engine.dispose()

    async def _lane(self) -> None:
        """Run batch after batch until nobody waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                await self._one_batch(batch)
        finally:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a lane is a task
            self._lanes.discard(task)

    async def _one_batch(self, batch: Sequence[_Waiting]) -> None:
        """Run a batch together; what that leaves undone runs alone while the lane goes on."""
        loop = asyncio.get_running_loop()
        functions = [waiting.fn for waiting in batch]
        done = await loop.run_in_executor(self._shared, self._together, functions)
        for waiting, outcome in zip(batch, done, strict=False):
            self._answer(waiting, outcome)
        for waiting in batch[len(done) :]:
            task = loop.create_task(self._one_alone(waiting))
            self._undone.add(task)
            task.add_done_callback(self._undone.discard)

    async def _one_alone(self, waiting: _Waiting) -> None:
        loop = asyncio.get_running_loop()
        outcome = await loop.run_in_executor(self._single, self._alone, waiting.fn, BEGIN)
        self._answer(waiting, outcome)

    def _answer(self, waiting: _Waiting, outcome: Outcome) -> None:
        if not waiting.future.done():
            if outcome.error is not None:
                waiting.future.set_exception(outcome.error)
            else:
                waiting.future.set_result(outcome.result)
        self._wake(outcome.woken)

    def _together(self, functions: Sequence[Callable[[Tx], Any]]) -> Sequence[Outcome]:
        """Return an outcome for each function that was run; none when all was undone."""
        line = None
        try:
            line = self._with_ids()
            return line.together(functions)
        except psycopg.Error as error:
            if line is None or not isinstance(error, psycopg.OperationalError):
                return ()
            if not (line.commit_sent and line.lost):
                return ()
            # Nobody knows whether that COMMIT counted, so nothing may be repeated.
            return [Outcome(error=_told(error)) for _ in functions]

    def _alone(self, fn: Callable[[Tx], Any], begin: Sequence[bytes]) -> Outcome:
        """Run `fn` in a transaction of its own and return how it ended."""
        try:
            line = self._line() if begin is BEGIN_READ else self._with_ids()
            return self._attempt(line, fn, begin=begin)
        except psycopg.Error as error:
            return Outcome(error=_told(error))
        except Exception as error:  # noqa: BLE001 - belongs to the caller
            return Outcome(error=error)

    def _attempt(self, line: Line, fn: Callable[[Tx], Any], *, begin: Sequence[bytes]) -> Outcome:
        """Run `fn`, again from the start when the server asks for it or went away before COMMIT."""
        number = 0
        while True:
            number += 1
            try:
                return line.alone(fn, begin=begin)
            except psycopg.OperationalError as error:
                again = error.sqlstate in _RETRY_STATES or (line.lost and not line.commit_sent)
                if not again or number >= TRIES_MAX:
                    raise
            line = self._line()

    def _with_ids(self) -> Line:
        """Return this thread's connection with enough ids in hand for any use case."""
        line = self._line()
        if line.ids.left < ID_LOW_WATER:
            taken = self._attempt(line, lambda tx: block_start(tx.one(TAKE_BLOCK, {})), begin=BEGIN)
            line = self._line()
            line.ids.refill(taken.result)
        return line

    def _line(self) -> Line:
        """Return this thread's connection, a new one when it has none that works."""
        line: Line | None = getattr(self._mine, "line", None)
        if line is not None and line.usable():
            return line
        made = Line(self._engine)
        if line is not None:
            made.ids = line.ids
            line.raw.close()
        with self._lock:
            self._lines = {one for one in self._lines if one is not line}
            self._lines.add(made)
        self._mine.line = made
        return made


def _told(error: psycopg.Error) -> Exception:
    """Return what a caller is told of an error of the database."""
    told: Exception
    match error:
        case psycopg.IntegrityError():
            told = Conflict(str(error))
        case psycopg.OperationalError():
            told = Unavailable(f"the database does not answer: {error}")
        case _:
            return error
    told.__cause__ = error
    return told
