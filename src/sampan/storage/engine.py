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
ID_LOW_WATER: Final = 2048
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
        self._compiled: dict[str, _Compiled] = {}

    def run(self, conn: Connection, params: Params) -> Any:  # noqa: ANN401 - each noun reads rows
        """Execute on a connection with named parameters."""
        return conn.exec_driver_sql(*self.bound(conn.dialect, params))

    def bound(self, dialect: Dialect, params: Params) -> tuple[str, Any]:
        """Return the text for a dialect and the parameters in the form that its driver takes."""
        sql, order, fixed = self._compiled.get(dialect.name) or self._compile(dialect)
        if fixed:
            params = {**fixed, **params}
        return sql, params if order is None else tuple([params[name] for name in order])

    def _compile(self, dialect: Dialect) -> "_Compiled":
        built = self._build(dialect.name) if callable(self._build) else self._build
        compiled = built.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - our bug, not the caller's
        order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
        fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        entry = (str(compiled), order, fixed)
        assert "POSTCOMPILE" not in entry[0], entry[0]  # noqa: S101 - a list in a fixed statement
        self._compiled[dialect.name] = entry
        return entry


_Compiled = tuple[str, tuple[str, ...] | None, dict[str, Any]]
"""Text, the order of positional parameters, and parameters that never change."""


def _executor(conn: Connection) -> Callable[[str, Any], Any]:
    """Return what runs a text on a connection and gives a cursor.

    On SQLite that is the driver itself: the layer above it costs three times the statement, and
    converts nothing in a text. A server's errors are told apart by that layer, so it stays there.
    """
    raw: Any = conn.connection.driver_connection
    return raw.execute if conn.dialect.name == "sqlite" else conn.exec_driver_sql


class Ids:
    """Hands out ids from a block that this process owns. Never the same id twice."""

    def __init__(self) -> None:
        self._next = 0
        self._end = 0

    @property
    def block(self) -> int:
        """Where the block ends, which no other block does; 0 before the first."""
        return self._end

    @property
    def left(self) -> int:
        """How many ids are left in the block."""
        return self._end - self._next

    def refill(self, start: int) -> None:
        """Own the block that begins at `start`."""
        self._next, self._end = start, start + ID_BLOCK

    def take(self) -> int:
        """Return the next id."""
        assert self._next < self._end  # noqa: S101 - ids are reserved before each transaction
        self._next += 1
        return self._next - 1


TAKE_BLOCK = Statement(
    update(schema.id_blocks)
    .where(schema.id_blocks.c.name == "main")
    .values(next=schema.id_blocks.c.next + ID_BLOCK)
    .returning(schema.id_blocks.c.next)
)


def take_block(conn: Connection) -> int:
    """Take the next block of ids in its own transaction's name; return its first id."""
    return block_start(TAKE_BLOCK.run(conn, {}).fetchone())


def block_start(row: Row | None) -> int:
    """Return the first id of the block that a row of `TAKE_BLOCK` gives."""
    assert row is not None, "the first schema step writes the row"  # noqa: S101 - our bug
    return int(row[0]) - ID_BLOCK


class Tx:
    """One database transaction, as a use case sees it."""

    __slots__ = ("_conn", "_execute", "_ids", "woken")

    def __init__(self, conn: Connection, ids: Ids) -> None:
        self._conn = conn
        self._execute = _executor(conn)
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
        row: Row | None = self._ran(statement, params).fetchone()
        return row

    def all(self, statement: Statement, params: Params) -> Sequence[Row]:
        """Return every row."""
        rows: Sequence[Row] = self._ran(statement, params).fetchall()
        return rows

    def run(self, statement: Statement, params: Params) -> int:
        """Execute and return the number of rows changed."""
        return int(self._ran(statement, params).rowcount)

    def do(self, statement: Statement, params: Params) -> None:
        """Execute where nobody asks how many rows changed.

        A server need not be waited for: what goes wrong may be raised as late as the commit, so a
        use case cannot catch it.
        """
        self.run(statement, params)

    def query(self, statement: Executable) -> Sequence[Row]:
        """Run a statement built at run time (lists with filters); slower than a `Statement`."""
        return self._conn.execute(statement).fetchall()

    def _ran(self, statement: Statement, params: Params) -> Any:  # noqa: ANN401 - any cursor
        return self._execute(*statement.bound(self._conn.dialect, params))


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
        touched. `fn` may be run again from the start, after a deadlock or because another function
        of its batch failed, so it must not have effects outside the database. Raises `Unavailable`
        when the database cannot be reached.
        """

    @abstractmethod
    async def read(self, fn: Callable[[Tx], Result]) -> Result:
        """Run a function that only reads, on a snapshot that sees every finished `transact`."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what waits, then close every connection."""
