"""News of payments for the pages that show them.

What this process settles is known at once, after its commit. What another process settles is found
by asking the database about all payments on show together, a few times a second.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import structlog

from sampan.errors import Unavailable
from sampan.flow.settle import NEWS
from sampan.storage import payments
from sampan.storage.engine import Store

LOOK_S: Final = 0.4
"""How long news of another process may stay unseen."""
TROUBLE_S: Final = 1.0
KEYS_MAX: Final = 500

log = structlog.get_logger(__name__)


class Watch:
    """Wakes whoever watches a payment when it has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watchers: dict[int, set[asyncio.Event]] = {}
        self._seen: dict[int, int] = {}
        self._looking: asyncio.Task[None] | None = None
        self.closed = False
        store.on_wake(self._on_wake)

    @contextmanager
    def watching(self, payment: int) -> Iterator[asyncio.Event]:
        """Yield an event that is set whenever the payment has changed.

        Clear it before looking at the payment, so that no news falls between.
        """
        news = asyncio.Event()
        self._watchers.setdefault(payment, set()).add(news)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())
        try:
            yield news
        finally:
            left = self._watchers[payment]
            left.discard(news)
            if not left:
                del self._watchers[payment]
                self._seen.pop(payment, None)

    def saw(self, payment: int, updated_us: int) -> None:
        """Note when a payment last changed, as somebody has read it; wake those who do not know."""
        if payment not in self._watchers:
            return
        before = self._seen.get(payment)
        self._seen[payment] = updated_us
        if before is not None and before != updated_us:
            self._tell(payment)

    def close(self) -> None:
        """Wake everybody and let every stream end: the process is about to stop."""
        self.closed = True
        for payment in list(self._watchers):
            self._tell(payment)

    def _on_wake(self, kind: str) -> None:
        if kind.startswith(NEWS):
            self._tell(int(kind.removeprefix(NEWS)))

    def _tell(self, payment: int) -> None:
        for news in self._watchers.get(payment, ()):
            news.set()

    async def _look(self) -> None:
        """Look at every payment on show until there is none; a fault of the moment ends nothing."""
        try:
            while self._watchers and not self.closed:
                await asyncio.sleep(LOOK_S)
                try:
                    await self._look_once()
                except Unavailable as error:
                    log.warning("payments on show not looked at", why=str(error))
                except Exception:
                    log.exception("looking at payments on show failed")
                    await asyncio.sleep(TROUBLE_S)
        finally:
            self._looking = None

    async def _look_once(self) -> None:
        keys = list(self._watchers)
        for start in range(0, len(keys), KEYS_MAX):
            some = keys[start : start + KEYS_MAX]
            found = await self._store.read(partial(payments.changes, keys=some))
            for payment, updated_us in found.items():
                self.saw(payment, updated_us)
