"""Read the rows of a report: in the order of their time, in parts, from any place on.

Each stream is one snapshot and ends after so many rows; who goes on takes a new one. So no report,
however long, keeps a database from cleaning up behind the sales that go on, and one that was cut
short goes on in the very way in which it would have gone on anyway. A row is in a report once at
most, because the time that puts it there lies before the report was asked for: a row that changes
meanwhile leaves the period or keeps its place.
"""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, Final

import psycopg
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.exc import OperationalError

from sampan.domain.report_spec import KINDS, STATUSES, Clue, ReportType, Spec, clue
from sampan.domain.statuses import FINAL
from sampan.errors import Unavailable
from sampan.storage import operation_ways, schema
from sampan.storage.columns import unindexed
from sampan.storage.engine import Row
from sampan.storage.open import make_engine
from sampan.storage.report_fields import ATTEMPT, FIELDS, PAYMENT, Field

PART_ROWS: Final = 2000
"""Rows that are in memory at once."""
CACHE_KIB: Final = 16_384

_p = schema.payments
_o = schema.operations
_cr = schema.credits
_c = schema.callbacks
_a = schema.attempts
Condition = ColumnElement[bool]
Place = tuple[int, int]
"""Where a row stands: its time, and its id."""
Part = Sequence[Row]

_TABLES: Final = {
    ReportType.PAYMENTS: _p,
    ReportType.OPERATIONS: _o,
    ReportType.CREDITS: _cr,
    ReportType.CALLBACKS: _c,
}
_TIMES: Final = {
    (ReportType.PAYMENTS, Clue.CREATED): _p.c.created_us,
    (ReportType.PAYMENTS, Clue.FINISHED): _p.c.finished_us,
    (ReportType.OPERATIONS, Clue.UPDATED): _o.c.updated_us,
    (ReportType.CREDITS, Clue.RECEIVED): _cr.c.received_us,
    (ReportType.CALLBACKS, Clue.CREATED): _c.c.created_us,
}
_KINDS: Final = {
    ReportType.PAYMENTS: _p.c.origin,
    ReportType.OPERATIONS: _o.c.type,
    ReportType.CALLBACKS: _c.c.kind,
}
_FINALS: Final = frozenset(status.value for status in FINAL)


class RowReader:
    """A connection of its own that reads the rows of reports; for one thread."""

    def __init__(self, address: str) -> None:
        self._engine = make_engine(address)
        self._conn = self._connected()

    def names(self) -> dict[int, str]:
        """Return project → name."""
        chosen = select(schema.projects.c.id, schema.projects.c.name)
        return {row[0]: row[1] for row in self._all(chosen)}

    def count(self, spec: Spec) -> int:
        """Return how many rows a report has now."""
        ways = _ways(spec)
        if not ways:
            return 0
        keys = [_way(spec, [], way=way, after=None) for way in ways]
        found = (union_all(*keys) if len(keys) > 1 else keys[0]).subquery()
        (row,) = self._all(select(func.count()).select_from(found))
        return int(row[0])

    def stream(
        self, spec: Spec, names: Sequence[str], *, after: Place | None, most: int
    ) -> Iterator[Part]:
        """Give at most `most` rows behind a place, the oldest first, in parts of one snapshot.

        A row is its time and id, then the fields of `report_fields.FIELDS` with these names. Raises
        `Unavailable` when the database does not answer.
        """
        fields = [FIELDS[spec.type][name] for name in names]
        ways = [_way(spec, fields, way=way, after=after) for way in _ways(spec)]
        if not ways:
            return
        # Each way is a cursor of its own, and they are merged here: of their union PostgreSQL sorts
        # the whole period first. It must not be told how many rows are wanted either, because it
        # plans for a cursor's first rows, but for all rows of a limit.
        ordered = [way.order_by(text("at_us"), text("row_id")) for way in ways]
        with self._snapshot():
            cursors = [self._opened(way, number) for number, way in enumerate(ordered)]
            # No two rows have one time and one id, so nothing behind these is compared.
            merged = islice(heapq.merge(*(self._rows(cursor) for cursor in cursors)), most)
            while part := list(islice(merged, PART_ROWS)):
                yield part

    def close(self) -> None:
        """Close the connection."""
        self._conn.close()
        self._engine.dispose()

    def _connected(self) -> Connection:
        try:
            conn = self._engine.connect()
        except OperationalError as error:
            raise Unavailable(f"the database does not answer: {error.orig}") from error
        if conn.dialect.name == "sqlite":
            # What is read once need not be kept, nor be counted as memory of ours.
            for pragma in ("mmap_size=0", f"cache_size=-{CACHE_KIB}", "query_only=ON"):
                conn.exec_driver_sql(f"PRAGMA {pragma}").close()
        else:
            conn = conn.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            # The first rows count, and a plan that sorts all of them has none for a long time.
            conn.exec_driver_sql("SET cursor_tuple_fraction = 0.001").close()
            conn.exec_driver_sql("SET jit = off").close()
        conn.commit()
        return conn

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Let all that is read be of one moment."""
        conn = self._conn
        try:
            if conn.dialect.name == "sqlite":
                conn.exec_driver_sql("BEGIN").close()
            yield
        except (sqlite3.OperationalError, psycopg.OperationalError) as error:
            raise Unavailable(f"the database does not answer: {error}") from error
        finally:
            conn.rollback()

    def _opened(self, statement: Select[Any], number: int = 0) -> Any:  # noqa: ANN401
        """Return a cursor of a statement, straight from the driver.

        The layer above costs more than all of the writing.
        """
        conn = self._conn
        compiled: Any = statement.compile(
            dialect=conn.dialect, compile_kwargs={"render_postcompile": True}
        )
        raw: Any = conn.connection.driver_connection
        if conn.dialect.name == "sqlite":
            given = tuple([compiled.params[name] for name in compiled.positiontup])
            return raw.execute(str(compiled), given)
        cursor = raw.cursor(name=f"report_{number}")
        cursor.execute(str(compiled), compiled.params)
        return cursor

    def _rows(self, cursor: Any) -> Iterator[Any]:  # noqa: ANN401 - of either driver
        with closing(cursor):
            while part := cursor.fetchmany(PART_ROWS):
                yield from part

    def _all(self, statement: Select[Any]) -> list[Row]:
        with self._snapshot():
            return list(self._rows(self._opened(statement)))


def _ways(spec: Spec) -> list[list[Any]]:
    """Return the conditions of each way on which rows are found; no row is found by two."""
    if spec.type is ReportType.OPERATIONS:
        wanted = frozenset(spec.statuses or STATUSES[spec.type])
        ways = [[*operation_ways.ENDED]] if wanted & _FINALS else []
        if wanted - _FINALS:
            ways += [[*each] for each in operation_ways.OPEN]
        return ways
    if spec.type is ReportType.CALLBACKS:
        # As `storage.callback_lists` does: the index has status and kind before the time.
        return [
            [_c.c.status == status, _c.c.kind == kind]
            for status in spec.statuses or STATUSES[spec.type]
            for kind in spec.kinds or KINDS[spec.type]
        ]
    return [[]]


def _way(
    spec: Spec, fields: Sequence[Field], *, way: Sequence[Any], after: Place | None
) -> Select[Any]:
    table, at = _TABLES[spec.type], _TIMES[spec.type, clue(spec)]
    needed = {field.table for field in fields}
    source: Any = table
    if PAYMENT in needed or (spec.type is ReportType.CREDITS and spec.project_ids):
        # Outer joins: the order is that of the table on the left.
        key = _cr.c.payment if table is _cr else table.c.payment
        source = source.outerjoin(_p, _p.c.id == key)
    if ATTEMPT in needed:
        newest = and_(_a.c.callback == _c.c.id, _a.c.number == _c.c.attempts_count)
        source = source.outerjoin(_a, newest)
    values = [field.value.label(f"f{number}") for number, field in enumerate(fields)]
    return (
        select(at.label("at_us"), table.c.id.label("row_id"), *values)
        .select_from(source)
        .where(*way, *_conditions(spec, at=at, after=after))
    )


def _conditions(spec: Spec, *, at: Column[int], after: Place | None) -> list[Condition]:
    table = _TABLES[spec.type]
    found: list[Condition] = [at < spec.to_us]
    # The place alone where there is one: both would leave it to the planner which bound it takes.
    found.append(at >= spec.from_us if after is None else tuple_(at, table.c.id) > after)
    if spec.project_ids:
        found.append(_of_projects(spec))
    if spec.statuses and spec.type is not ReportType.CALLBACKS:
        found.append(table.c.status.in_(spec.statuses))
    if spec.currencies:
        found.append(table.c.currency.in_(spec.currencies))
    if spec.kinds and spec.type is not ReportType.CALLBACKS:
        found.append(_KINDS[spec.type].in_(spec.kinds))
    return found


def _of_projects(spec: Spec) -> Condition:
    """Return the condition on the project, by which SQLite must not walk."""
    column: Column[int] = (
        _p if spec.type is ReportType.CREDITS else _TABLES[spec.type]
    ).c.project_id
    return unindexed(column).in_(spec.project_ids)
