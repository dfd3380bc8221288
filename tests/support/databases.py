"""Stores for tests, the same way on both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
