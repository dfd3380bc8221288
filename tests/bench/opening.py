"""How many Payment Pages a second are opened, and how soon the QR is there, against a bare server.

An opened page is durable: its session is on the disk before the answer, which is packed and signed
for anew each time. The bare server answers as many bytes that were packed once.
"""

import asyncio
import statistics
import time

from sampan.domain.project import ProjectSettings
from tests.bench import load, world
from tests.bench.selling import Ratios, in_turns

QR_COUNT = 200
FLOOD_COUNT = 600


async def _each_ms(port: int, requests: list[bytes]) -> float:
    """Send requests one after another; return the median of their times."""
    times = []
    for request in requests:
        begun = time.perf_counter()
        outcome = await load.send(port, [request], connections=1)
        times.append((time.perf_counter() - begun) * 1000)
        assert set(outcome.statuses) == {200}, outcome.statuses
    return statistics.median(times)


async def _measure(database: str) -> Ratios:
    confirmed = ProjectSettings(page_confirm=True)
    async with world.constant() as bare:
        async with world.platform(database, workers=False, settings=confirmed) as port:
            rates = await in_turns({"bare": (bare, world.pages), "page": (port, world.pages)})
        with world.sqlite() as fresh:
            async with world.platform(fresh, workers=True) as port:
                await load.send(port, world.pages(50, "warm"))
                qr_ms = await _each_ms(port, world.pages(QR_COUNT, "qr"))
                flood = (await load.send(port, world.pages(FLOOD_COUNT, "flood"))).per_s
        bare_ms = await _each_ms(bare, world.pages(QR_COUNT, "bare"))
    return {
        "page_open": rates["page"] / rates["bare"],
        "page_open_per_s": rates["page"],
        "page_bare_per_s": rates["bare"],
        "page_qr_vs_bare": qr_ms / bare_ms,
        "page_qr_ms": qr_ms,
        "page_with_qr_per_s": flood,
    }


def sqlite() -> Ratios:
    """Opened pages and the time to the QR on SQLite against the bare server."""
    with world.sqlite() as database:
        return asyncio.run(_measure(database))
