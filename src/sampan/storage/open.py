"""Open a store by its address, bringing its schema up to date."""

import asyncio
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError

from sampan.clock import Clock
from sampan.errors import SetupError
from sampan.storage import migrate, postgres_store, sqlite_store
from sampan.storage.engine import Store

_POSTGRES: Final = {"postgres", "postgresql", "postgresql+psycopg"}


def make_engine(address: str) -> Engine:
    """Return an engine for `sqlite:///file.db` or `postgresql://user@host/name`.

    Raises `SetupError` for an address that is neither.
    """
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise SetupError(f"not a database address: {address!r}") from error
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:":
            raise SetupError("a database in memory forgets payments; name a file")
        return sqlite_store.make_engine(address)
    if url.drivername in _POSTGRES:
        return postgres_store.make_engine(
            url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        )
    raise SetupError(f"unknown kind of database {url.drivername!r}: sqlite or postgresql")


def prepare(address: str) -> None:
    """Create or migrate the schema. Repeating it, or doing it twice at once, changes nothing."""
    engine = make_engine(address)
    try:
        migrate.upgrade(engine)
    except OperationalError as error:
        raise SetupError(f"the database does not answer: {error.orig}") from error
    finally:
        engine.dispose()


def revisions(address: str) -> tuple[str | None, str]:
    """Return the schema revision of a database (None: no tables yet) and the newest one.

    Changes nothing, and makes no SQLite file. Raises `SetupError` when it does not answer.
    """
    engine = make_engine(address)
    file = database_file(address)
    try:
        if file is not None and not file.exists():
            return None, migrate.newest()
        return migrate.current(engine), migrate.newest()
    except OperationalError as error:
        raise SetupError(f"the database does not answer: {error.orig}") from error
    finally:
        engine.dispose()


async def open_store(address: str, clock: Clock, *, migrated: bool = False) -> Store:
    """Open the store at `address`, after migrating it unless that has been done.

    Raises `SetupError` when it cannot be reached or its schema is newer than this program.
    """
    if not migrated:
        await asyncio.to_thread(prepare, address)
    engine = make_engine(address)
    if engine.dialect.name == "sqlite":
        return sqlite_store.SqliteStore(engine, clock)
    return postgres_store.PostgresStore(engine, clock)


def database_file(address: str) -> Path | None:
    """Return the file of a SQLite address, None for PostgreSQL."""
    url = make_url(address)
    return Path(url.database) if url.drivername == "sqlite" and url.database else None


async def ping(store: Store) -> None:
    """Raise `Unavailable` when the database does not answer."""
    await store.read(lambda tx: tx.query(text("SELECT 1")))
