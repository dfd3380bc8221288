"""What tables are made of: the kinds of columns that mean the same on both engines."""

from typing import TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import SchemaItem

T = TypeVar("T")

Int = BigInteger().with_variant(Integer(), "sqlite")
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def in_(column: str, values: tuple[str, ...] | list[str]) -> str:
    """Return the condition that a column has one of these values."""
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def table(name: str, *items: SchemaItem) -> Table:
    """Return a table of the house; on SQLite it keeps to its types."""
    return Table(name, metadata, *items, sqlite_strict=True)


def id_() -> Column[int]:
    """Return the column of ids that we give out."""
    return Column("id", Int, primary_key=True, autoincrement=False)


def int_(name: str, *rest: SchemaItem, null: bool = False) -> Column[int]:
    """Return a column of integers: money in minor units, time in microseconds, counts."""
    return Column(name, Int, *rest, nullable=null)


def text_(name: str, *, null: bool = False) -> Column[str]:
    """Return a column of text."""
    return Column(name, Text, nullable=null)


class _Unindexed(ColumnElement[T]):
    inherit_cache = False

    def __init__(self, column: ColumnElement[T]) -> None:
        self.column = column
        self.type = column.type


@compiles(_Unindexed, "sqlite")
def _with_a_plus(element: _Unindexed[object], compiler: SQLCompiler, **given: object) -> str:
    return f"+{compiler.process(element.column, **given)}"


@compiles(_Unindexed)
def _as_it_is(element: _Unindexed[object], compiler: SQLCompiler, **given: object) -> str:
    return compiler.process(element.column, **given)


def unindexed(column: ColumnElement[T]) -> ColumnElement[T]:
    """Return a column through whose index SQLite does not walk.

    Without figures about the rows it would walk through all that an index of this column finds,
    whatever the period. https://sqlite.org/optoverview.html, "unary +".
    """
    return _Unindexed(column)
