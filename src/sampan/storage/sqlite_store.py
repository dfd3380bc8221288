"""SQLite: group commit on one connection.

A durable commit costs far more than the statements of a use case, so the functions that wait are
run one after another in one transaction and answered together after one commit; when one of them
fails, all are run again, each inside its own savepoint. The statements run on the event loop's
thread, since they take microseconds and a second thread would have to fight it for the interpreter
lock at every one of them; the commit, which waits for the disk, runs on a thread of its own while
the loop goes on reading requests (docs/decisions/0004 has the figures).
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from sampan.clock import Clock
from sampan.errors import Unavailable
from sampan.storage.engine import ID_LOW_WATER, Conflict, Ids, Result, Store, Tx, take_block

BATCH_MAX: Final = 256
"""Functions in one commit; bounds how long the first of them waits for its answer."""
WAITING_MAX: Final = 20_000
BUSY_WAIT_S: Final = 0.002
BUSY_TRIES_MAX: Final = 5_000
"""About 10 s for another process to end its write transaction."""


@dataclass(slots=True, eq=False)
class _Waiting:
    fn: Callable[[Tx], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    woken: frozenset[str] = frozenset()


def make_engine(url: str) -> Engine:
    """Return an engine whose connections leave transactions to us and sync every commit."""
    engine = create_engine(
        url, poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": 10.0}
    )

    @event.listens_for(engine, "connect")
    def _prepare(raw: sqlite3.Connection, _: object) -> None:
        raw.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-65536",
            "mmap_size=268435456",
            # What a savepoint may need again goes there, and nothing else of ours.
            "temp_store=MEMORY",
            "journal_size_limit=67108864",
            # Four times the default: the same pages are written again and again, and only their
            # last state need go from the log into the file. 16 MiB are read back in no time.
            "wal_autocheckpoint=4000",
        ):
            raw.execute(f"PRAGMA {pragma}").close()

    return engine


class SqliteStore(Store):
    """A SQLite file, opened by `storage.open.open_store`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(clock)
        self._engine = engine
        self._writer = engine.connect()
        self._writer.exec_driver_sql("PRAGMA busy_timeout=0").close()
        self._writer.commit()
        self._raw: Any = self._writer.connection.driver_connection
        self._reader = engine.connect()
        self._ids = Ids()
        self._waiting: list[_Waiting] = []
        self._flusher: asyncio.Task[None] | None = None
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._closed = False

    async def transact(self, fn: Callable[[Tx], Result]) -> Result:
        """See `Store.transact`."""
        if self._closed or len(self._waiting) >= WAITING_MAX:
            raise Unavailable("the database takes no more work")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(fn, loop.create_future())
        self._waiting.append(waiting)
        if self._flusher is None:
            self._flusher = loop.create_task(self._flush())
        result: Result = await waiting.future
        return result

    async def read(self, fn: Callable[[Tx], Result]) -> Result:
        """See `Store.read`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read_now, fn)

    async def close(self) -> None:
        """See `Store.close`."""
        self._closed = True
        while self._flusher is not None:
            await asyncio.shield(self._flusher)
        self._committer.shutdown()
        self._readers.shutdown()
        self._writer.close()
        self._reader.close()
        self._engine.dispose()

    def _read_now(self, fn: Callable[[Tx], Result]) -> Result:
        conn = self._reader
        conn.exec_driver_sql("BEGIN")
        try:
            return fn(Tx(conn, self._ids))
        finally:
            conn.rollback()

    async def _flush(self) -> None:
        """Run batch after batch until nobody waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                await self._one_batch(batch)
                # Who was just answered asks again: let those in before the next commit.
                await asyncio.sleep(0)
        finally:
            self._flusher = None

    async def _one_batch(self, batch: list[_Waiting]) -> None:
        conn = self._writer
        try:
            await self._begin(conn)
            if not self._run_together(conn, batch):
                await self._begin(conn)
                for waiting in batch:
                    self._run_apart(conn, waiting)
            await asyncio.get_running_loop().run_in_executor(self._committer, conn.commit)
        except BaseException as error:  # noqa: BLE001 - all who wait must hear of it
            self._give_up(conn, batch, error=error)
            return
        for waiting in batch:
            self._answer(waiting)

    async def _begin(self, conn: Connection) -> None:
        """Begin a write transaction; while another process writes, let the loop go on."""
        for _ in range(BUSY_TRIES_MAX):
            try:
                conn.exec_driver_sql("BEGIN IMMEDIATE")
            except DatabaseError as error:
                conn.rollback()
                if "locked" not in str(error.orig) and "busy" not in str(error.orig):
                    raise
                await asyncio.sleep(BUSY_WAIT_S)
                continue
            return
        raise Unavailable("the database is locked by another process")

    def _run_together(self, conn: Connection, batch: list[_Waiting]) -> bool:
        """Run a batch without savepoints, which cost a third of a use case; False rolls it back.

        Few functions fail. When one does, the whole batch is run again with a savepoint each.
        """
        block = self._ids.block
        for waiting in batch:
            tx = self._tx(conn)
            try:
                waiting.result = waiting.fn(tx)
            except Exception:  # noqa: BLE001 - it is raised again, and kept, by the second run
                conn.rollback()
                if self._ids.block != block:
                    # Its taking was rolled back too: another process may be given the same ids.
                    self._ids = Ids()
                return False
            waiting.woken = frozenset(tx.woken)
        return True

    def _run_apart(self, conn: Connection, waiting: _Waiting) -> None:
        """Run one function inside a savepoint, so that its failure is its own."""
        tx = self._tx(conn)
        self._raw.execute("SAVEPOINT one")
        try:
            waiting.result = waiting.fn(tx)
        except sqlite3.IntegrityError as error:
            waiting.error = Conflict(str(error))
            waiting.error.__cause__ = error
        except Exception as error:  # noqa: BLE001 - belongs to the caller of this one function
            waiting.error = error
        waiting.woken = frozenset()
        if waiting.error is not None:
            self._raw.execute("ROLLBACK TO one")
        else:
            waiting.woken = frozenset(tx.woken)
        self._raw.execute("RELEASE one")

    def _tx(self, conn: Connection) -> Tx:
        if self._ids.left < ID_LOW_WATER:
            self._ids.refill(take_block(conn))
        return Tx(conn, self._ids)

    def _answer(self, waiting: _Waiting) -> None:
        if not waiting.future.cancelled():
            if waiting.error is not None:
                waiting.future.set_exception(waiting.error)
            else:
                waiting.future.set_result(waiting.result)
        self._wake(waiting.woken)

    def _give_up(self, conn: Connection, batch: list[_Waiting], *, error: BaseException) -> None:
        """Nothing of this batch is durable: say so to everybody, never to only some."""
        conn.rollback()
        self._ids = Ids()
        for waiting in batch:
            if not waiting.future.done():
                told = Unavailable(f"the database did not commit: {error}")
                told.__cause__ = error
                waiting.future.set_exception(told)
