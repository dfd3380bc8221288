"""The steps of the schema lead to the tables that the code knows, on both engines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from sampan.errors import SetupError
from sampan.storage import open as opening
from sampan.storage import schema

STARTERS = 4


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Connect to a database; what is written is committed at the end."""
    engine = opening.make_engine(url)
    try:
        with engine.begin() as conn:
            yield conn
    finally:
        engine.dispose()


def described(conn: Connection) -> dict[str, Any]:
    """Return all that the database itself says about its tables, but Alembic's."""
    if conn.dialect.name == "sqlite":
        rows = conn.execute(text("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
        texts = {row[0]: " ".join(sorted(row[1].replace(",", " ").split())) for row in rows}
        return {name: sql for name, sql in texts.items() if name != "alembic_version"}
    seen = inspect(conn)
    found: dict[str, Any] = {}
    for name in sorted(set(seen.get_table_names()) - {"alembic_version"}):
        found[name] = [
            [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)],
            seen.get_pk_constraint(name),
            sorted(map(str, seen.get_unique_constraints(name))),
            sorted(map(str, seen.get_check_constraints(name))),
            sorted(map(str, seen.get_foreign_keys(name))),
            sorted(map(str, seen.get_indexes(name))),
        ]
    return found


def test_steps_make_the_schema(database_url: str) -> None:
    """Alembic sees no difference between the migrated database and the tables of the code."""
    with connected(database_url) as conn:
        assert compare_metadata(MigrationContext.configure(conn), schema.metadata) == []


def test_steps_make_every_constraint(database_url: str, empty_database_url: str) -> None:
    """Columns, keys, checks and partial indexes are those that the tables of the code create."""
    if database_url.split(":", maxsplit=1)[0] != empty_database_url.split(":", maxsplit=1)[0]:
        return
    with connected(empty_database_url) as conn:
        schema.metadata.create_all(conn)
        made = described(conn)
    with connected(database_url) as conn:
        assert described(conn) == made
    assert len(made) >= len(schema.metadata.tables)


def test_repeat_changes_nothing(empty_database_url: str) -> None:
    """Migrating a migrated database is nothing."""
    opening.prepare(empty_database_url)
    with connected(empty_database_url) as conn:
        before = described(conn)
    opening.prepare(empty_database_url)
    with connected(empty_database_url) as conn:
        assert described(conn) == before
        assert conn.execute(text("SELECT count(*) FROM id_blocks")).scalar_one() == 1


def test_started_at_once(empty_database_url: str) -> None:
    """Processes that start at once on an empty database all succeed, and migrate it once."""
    code = "import sys; from sampan.storage.open import prepare; prepare(sys.argv[1])"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_database_url], stderr=subprocess.PIPE, text=True
        )
        for _ in range(STARTERS)
    ]
    faults = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * STARTERS, faults
    with connected(empty_database_url) as conn:
        assert conn.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_newer_schema(database_url: str) -> None:
    """A database of a newer Sampan is refused, and left as it is."""
    with connected(database_url) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match="newer"):
        opening.prepare(database_url)
    with connected(database_url) as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_unreachable() -> None:
    """A server that does not answer is a `SetupError`."""
    with pytest.raises(SetupError, match="does not answer"):
        opening.prepare("postgresql://nobody@127.0.0.1:1/none")
