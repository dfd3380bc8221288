"""A connection to PostgreSQL that one thread owns, and transactions on it in pipeline mode.

Only statements whose result is read wait for the server; the others, and BEGIN and COMMIT, travel
with them.
"""

import select
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import psycopg
from sqlalchemy import ClauseElement, Engine, Executable

from sampan.storage.engine import ID_LOW_WATER, Ids, Params, Result, Row, Statement, Tx

CONNECT_WAIT_S: Final = 5
LOCK_WAIT_MS: Final = 50
"""How long functions that share a transaction wait for a row that another process has locked."""
LOCK_WAIT_ALONE_MS: Final = 10_000
"""How long a function with a transaction of its own does."""
BEGIN: Final = (b"BEGIN", b"SET LOCAL lock_timeout = %d" % LOCK_WAIT_ALONE_MS)
BEGIN_READ: Final = (b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",)
BEGIN_SHARED: Final = (b"BEGIN", b"SET LOCAL lock_timeout = %d" % LOCK_WAIT_MS)


@dataclass(slots=True)
class Outcome:
    """How a function ended: its result, or the exception that it raised."""

    result: Any = None
    error: Exception | None = None
    woken: frozenset[str] = frozenset()


class Line:
    """A connection in autocommit mode and the ids of the thread that owns it."""

    def __init__(self, engine: Engine) -> None:
        cargs, cparams = engine.dialect.create_connect_args(engine.url)
        options = {"connect_timeout": CONNECT_WAIT_S, **cparams, "autocommit": True}
        self.raw: psycopg.Connection[Any] = psycopg.connect(*cargs, **options)
        self.dialect = engine.dialect
        self.ids = Ids()
        self.commit_sent = False
        """Whether the last transaction got as far as COMMIT: then it may count, whatever came."""
        self._poll = select.poll()
        self._poll.register(self.raw.fileno(), select.POLLIN)

    def usable(self) -> bool:
        """Tell whether the server is still there, without asking it.

        On an idle connection a server says only that it hangs up, or that a setting has changed,
        which costs us a needless reconnection.
        """
        return not self.lost and not self._poll.poll(0)

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        return self.raw.closed or self.raw.broken

    def alone(self, fn: Callable[[Tx], Any], *, begin: Sequence[bytes]) -> Outcome:
        """Run `fn` in a transaction of its own. Raises what `fn` or the database raises."""
        return self._transaction(partial(self._plain, fn), begin)

    def together(self, functions: Sequence[Callable[[Tx], Any]]) -> list[Outcome]:
        """Run functions in one transaction and commit once.

        What a function raises by itself undoes that function alone: few do, so the batch runs
        without savepoints, which cost a third, and again with one for each when it must. An error
        of the database undoes all of them and is raised. Ends early when ids run low: fewer
        outcomes, the rest not begun.
        """
        try:
            return self._transaction(partial(self._each, functions, self._plain), BEGIN_SHARED)
        except psycopg.Error:
            raise
        except Exception:  # noqa: BLE001 - raised again, and kept, by the second run
            kept = partial(self._each, functions, self._in_savepoint)
            return self._transaction(kept, BEGIN_SHARED)

    def _each(
        self,
        functions: Sequence[Callable[[Tx], Any]],
        run: Callable[[Callable[[Tx], Any]], Outcome],
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for fn in functions:
            if self.ids.left < ID_LOW_WATER:
                break
            outcomes.append(run(fn))
        return outcomes

    def _plain(self, fn: Callable[[Tx], Any]) -> Outcome:
        tx = PipelineTx(self)
        return Outcome(fn(tx), woken=frozenset(tx.woken))

    def _in_savepoint(self, fn: Callable[[Tx], Any]) -> Outcome:
        tx = PipelineTx(self)
        self.raw.execute(b"SAVEPOINT one")
        try:
            outcome = Outcome(fn(tx), woken=frozenset(tx.woken))
        except psycopg.Error:
            raise
        except Exception as error:  # noqa: BLE001 - belongs to the caller of this one function
            self.raw.execute(b"ROLLBACK TO one")
            outcome = Outcome(error=error)
        self.raw.execute(b"RELEASE one")
        return outcome

    def _transaction(self, run: Callable[[], Result], begin: Sequence[bytes]) -> Result:
        self.commit_sent = False
        try:
            with self.raw.pipeline() as pipeline:
                for statement in begin:
                    self.raw.execute(statement)
                result = run()
                self.commit_sent = True
                self.raw.execute(b"COMMIT")
                pipeline.sync()
        except BaseException:
            self._clean_up()
            raise
        return result

    def _clean_up(self) -> None:
        """End what a failure left open; a connection that cannot even do that is closed."""
        with suppress(psycopg.Error):
            self.raw.rollback()
        if self.raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self.raw.close()


class _Cursor(psycopg.Cursor[Any]):
    """A cursor that can wait for the answer to a statement that returns no rows."""

    def wait(self) -> None:
        """Wait for the answer, which `rowcount` does not; raises what went wrong in it."""
        self._fetch_pipeline()


class PipelineTx(Tx):
    """A transaction whose statements wait for the server only where a result is read."""

    __slots__ = ("_line",)

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ids = line.ids
        self.woken = set()

    def run(self, statement: Statement, params: Params) -> int:
        """See `Tx.run`."""
        cursor = self._ran(statement, params)
        cursor.wait()
        return int(cursor.rowcount)

    def do(self, statement: Statement, params: Params) -> None:
        """See `Tx.do`: an error shows at the next result or at the commit."""
        self._ran(statement, params)

    def query(self, statement: Executable) -> Sequence[Row]:
        """See `Tx.query`."""
        assert isinstance(statement, ClauseElement)  # noqa: S101 - our bug
        compiled = statement.compile(
            dialect=self._line.dialect, compile_kwargs={"render_postcompile": True}
        )
        cursor = _Cursor(self._line.raw)
        cursor.execute(str(compiled).encode(), compiled.params)
        return cursor.fetchall()

    def _ran(self, statement: Statement, params: Params) -> _Cursor:
        sql, bound = statement.bound(self._line.dialect, params)
        cursor = _Cursor(self._line.raw)
        cursor.execute(sql.encode(), bound)
        return cursor
