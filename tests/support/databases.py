"""Stores for tests, the same way on both engines."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sampan.clock import Clock, SystemClock
from sampan.storage import open as opening
from sampan.storage.engine import Store


@asynccontextmanager
async def open_store(url: str, clock: Clock | None = None) -> AsyncIterator[Store]:
    """Open the store of a `database_url`, which is migrated already; close it after the block."""
    store = await opening.open_store(url, clock or SystemClock(), migrated=True)
    try:
        yield store
    finally:
        await store.close()


def sqlite_in(folder: Path) -> str:
    """Make a SQLite database in a folder, migrated and empty; return its `database_url`."""
    path = folder / "sampan.db"
    path.write_bytes(migrated_sqlite())
    return f"sqlite:///{path}"


@functools.cache
def migrated_sqlite() -> bytes:
    """Return the file of a migrated, empty SQLite database; made once, since it takes a while."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        opening.prepare(f"sqlite:///{path}")
        return path.read_bytes()
