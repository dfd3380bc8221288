"""PostgreSQL: one transaction for each function, several at a time on a small pool.

The server groups the commits of its connections by itself, so nothing is batched here.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import Final

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from sampan.clock import Clock
from sampan.errors import Unavailable
from sampan.storage.engine import ID_LOW_WATER, Conflict, Ids, Result, Store, Tx, take_block

CONNECTIONS: Final = 8
TRIES_MAX: Final = 5
_RETRY_STATES: Final = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the server rolled back and asks for another try."""


def make_engine(url: str) -> Engine:
    """Return an engine with a pool of `CONNECTIONS` that checks a connection before use."""
    return create_engine(
        url, pool_size=CONNECTIONS, max_overflow=2, pool_timeout=10, pool_pre_ping=False
    )


class PostgresStore(Store):
    """A PostgreSQL database, opened by `storage.open.open_store`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(clock)
        self._engine = engine
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="tx")
        self._ids: dict[int, Ids] = {}

    async def transact(self, fn: Callable[[Tx], Result]) -> Result:
        """See `Store.transact`."""
        loop = asyncio.get_running_loop()
        result, woken = await loop.run_in_executor(self._threads, self._transact_now, fn)
        self._wake(woken)
        return result

    async def read(self, fn: Callable[[Tx], Result]) -> Result:
        """See `Store.read`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._read_now, fn)

    async def close(self) -> None:
        """See `Store.close`."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._engine.dispose()

    def _transact_now(self, fn: Callable[[Tx], Result]) -> tuple[Result, set[str]]:
        for number in range(1, TRIES_MAX + 1):
            try:
                ids = self._reserve()
                with self._engine.begin() as conn:
                    tx = Tx(conn, ids)
                    result = fn(tx)
            except IntegrityError as error:
                raise Conflict(str(error.orig)) from error
            except DBAPIError as error:
                again = getattr(error.orig, "sqlstate", None) in _RETRY_STATES
                if again and number < TRIES_MAX:
                    continue
                if again or error.connection_invalidated or isinstance(error, OperationalError):
                    raise Unavailable(f"the database does not answer: {error.orig}") from error
                raise
            return result, tx.woken
        raise AssertionError

    def _read_now(self, fn: Callable[[Tx], Result]) -> Result:
        try:
            with self._engine.connect() as conn:
                return fn(Tx(conn, Ids()))
        except OperationalError as error:
            raise Unavailable(f"the database does not answer: {error.orig}") from error

    def _reserve(self) -> Ids:
        """Return this thread's ids, filled up before the transaction starts."""
        ids = self._ids.setdefault(get_ident(), Ids())
        if ids.left < ID_LOW_WATER:
            with self._engine.begin() as conn:
                ids.refill(take_block(conn))
        return ids
