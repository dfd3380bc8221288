"""Open a database and run use cases in transactions, the same way on both engines.

A use case is a plain function `fn(tx) -> result`; `await store.transact(fn)` runs it in a
transaction and returns its result after the commit is durable. A plain function cannot await the
network, so no transaction is ever open while somebody outside is waited for.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Connection,
    Delete,
    Dialect,
    Executable,
    Insert,
    Select,
    TextClause,
    Update,
    update,
)
from sqlalchemy.sql.compiler import SQLCompiler

from sampan.clock import Clock
from sampan.storage import schema

Result = TypeVar("Result")
Row = Sequence[Any]
Params = Mapping[str, Any]
Buildable = Select[Any] | Insert | Update | Delete | TextClause

ID_BLOCK: Final = 4096
"""Ids a process takes at a time; what a process does not use up is lost, which harms nobody."""
ID_LOW_WATER: Final = 1024
"""No transaction starts with fewer ids in hand: more than any use case needs."""
ID_FIRST: Final = 1_000_000_001


class Conflict(Exception):  # noqa: N818 - what happened; nobody erred
    """A row with this key exists already; the transaction has been rolled back."""


class Statement:
    """A statement of SQLAlchemy Core, compiled once for each engine and run as text.

    Building and compiling costs several times what SQLite needs to run it (docs/decisions/0002), so
    the hot path does neither. Only fixed shapes: no `IN` over a list of changing length.
    """

    def __init__(self, build: Buildable | Callable[[str], Buildable]) -> None:
        self._build = build
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def run(self, conn: Connection, params: Params) -> Any:  # noqa: ANN401 - a CursorResult, untyped on purpose: rows are converted by their noun
        """Execute on a connection with named parameters."""
        sql, order, fixed = self._compiled.get(conn.dialect.name) or self._compile(conn.dialect)
        if order is None:
            return conn.exec_driver_sql(sql, {**fixed, **params})
        if fixed:
            params = {**fixed, **params}
        return conn.exec_driver_sql(sql, tuple([params[name] for name in order]))

    def _compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        built = self._build(dialect.name) if callable(self._build) else self._build
        compiled = built.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - our bug, not the caller's
        order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
        fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        entry = (str(compiled), order, fixed)
        assert "POSTCOMPILE" not in entry[0], entry[0]  # noqa: S101 - a list in a fixed statement
        self._compiled[dialect.name] = entry
        return entry


class Ids:
    """Hands out ids from a block that this process owns. Never the same id twice."""

    def __init__(self) -> None:
        self._next = 0
        self._end = 0

    @property
    def left(self) -> int:
        """How many ids are left in the block."""
        return self._end - self._next

    def refill(self, start: int) -> None:
        """Own the block that begins at `start`."""
        self._next, self._end = start, start + ID_BLOCK

    def take(self) -> int:
        """Return the next id."""
        assert self._next < self._end, "the store reserves ids before each transaction"  # noqa: S101 - our bug
        self._next += 1
        return self._next - 1


_TAKE_BLOCK = Statement(
    update(schema.id_blocks)
    .where(schema.id_blocks.c.name == "main")
    .values(next=schema.id_blocks.c.next + ID_BLOCK)
    .returning(schema.id_blocks.c.next)
)


def take_block(conn: Connection) -> int:
    """Take the next block of ids in its own transaction's name; return its first id."""
    return int(_TAKE_BLOCK.run(conn, {}).fetchone()[0]) - ID_BLOCK


class Tx:
    """One database transaction, as a use case sees it."""

    __slots__ = ("_conn", "_ids", "woken")

    def __init__(self, conn: Connection, ids: Ids) -> None:
        self._conn = conn
        self._ids = ids
        self.woken: set[str] = set()

    def new_id(self) -> int:
        """Return a new id, unique over all tables and processes, below 2^53."""
        return self._ids.take()

    def wake(self, kind: str) -> None:
        """Tell the workers of this kind of task, after the commit, that there is work."""
        self.woken.add(kind)

    def one(self, statement: Statement, params: Params) -> Row | None:
        """Return the only row, or None."""
        row: Row | None = statement.run(self._conn, params).fetchone()
        return row

    def all(self, statement: Statement, params: Params) -> Sequence[Row]:
        """Return every row."""
        rows: Sequence[Row] = statement.run(self._conn, params).fetchall()
        return rows

    def run(self, statement: Statement, params: Params) -> int:
        """Execute and return the number of rows changed."""
        return int(statement.run(self._conn, params).rowcount)

    def query(self, statement: Executable) -> Sequence[Row]:
        """Run a statement built at run time (lists with filters); slower than a `Statement`."""
        return self._conn.execute(statement).fetchall()


class Store(ABC):
    """An open database. One for each process; safe to use from one event loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._listeners: list[Callable[[str], None]] = []

    def on_wake(self, listener: Callable[[str], None]) -> None:
        """Call `listener(kind)` on the event loop after each commit that left work of a kind."""
        self._listeners.append(listener)

    def _wake(self, kinds: Iterable[str]) -> None:
        for kind in kinds:
            for listener in self._listeners:
                listener(kind)

    @abstractmethod
    async def transact(self, fn: Callable[[Tx], Result]) -> Result:
        """Run `fn` in a transaction; return its result once the commit is durable.

        An exception of `fn` rolls its own changes back and is raised here; nobody else's work is
        touched. `fn` may be run again from the start after a deadlock, so it must not have effects
        outside the database. Raises `Unavailable` when the database cannot be reached.
        """

    @abstractmethod
    async def read(self, fn: Callable[[Tx], Result]) -> Result:
        """Run a function that only reads, on a snapshot that sees every finished `transact`."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what waits, then close every connection."""
