"""How fast reports stream, how much memory they take, and what they cost the sales beside them.

Operations are written in bulk, as for the lists. A report of all of them is made by the program
that the worker starts, alone first, then again and again while a server without workers takes
sales; those are compared with sales that nobody disturbs, in turns. Memory is the most that the
program had above what it has before its first row.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import psutil

from sampan.clock import SystemClock
from sampan.domain.report_spec import ReportType, Spec
from sampan.flow import reports as flow
from sampan.flow.reports import LANE, TASK, Wish
from sampan.flow.team import Act
from sampan.settings import Settings, as_environment
from sampan.storage import open as opening
from sampan.storage import outbox, reports
from sampan.storage.engine import Store, Tx
from sampan.storage.reports import Report
from tests.bench import listing, load, world

SALES_COUNT: Final = 3_000
ROUNDS: Final = 3
LOOK_S: Final = 0.02
MIB: Final = 1 << 20

Figures = dict[str, float | None]

MEANINGS: Final = {
    f"reports_{engine}_{name}": f"{text} on {title}"
    for engine, title in (("sqlite", "SQLite"), ("postgres", "PostgreSQL"))
    for name, text in {
        "rows_per_s": "rows of a report of all operations, a second",
        "beside_sales_rows_per_s": "… while sales go on",
        "memory_mib": "most memory of the program that makes it, above idle, MiB",
        "sales_beside": "sales accepted beside a report, against sales alone,",
        "sales_alone_per_s": "… sales alone, a second",
    }.items()
}


class _Made:
    """A run of the program: how long its rows took, how many they were, the memory above idle."""

    def __init__(self, seconds: float, rows: int, memory_bytes: int) -> None:
        self.per_s = rows / seconds
        self.memory_mib = memory_bytes / MIB


def _order(tx: Tx, now_us: int) -> Report:
    """Ask for a report of all operations that no worker gets."""
    spec = Spec(type=ReportType.OPERATIONS, from_us=0, to_us=now_us)
    made = flow.order(tx, Wish(spec=spec), act=Act(now_us, "bench"))
    outbox.drop(tx, TASK, lane=LANE, subject=made.id)
    return made


async def _make(store: Store, database: str, folder: Path) -> _Made:
    """Have a report made by a process of its own and look at it all the time."""
    now_us = store.clock.now_us()
    report = await store.transact(lambda tx: _order(tx, now_us))
    settings = Settings(
        database_url=database, master_key=world.MASTER_KEY, reports_folder=str(folder)
    )
    command = [sys.executable, "-m", "sampan", "report", "make", str(report.id)]
    part = folder / f"{report.id}.csv.part"
    begun, idle, most = 0.0, 0, 0
    with subprocess.Popen(command, env={**os.environ, **as_environment(settings)}) as child:
        seen = psutil.Process(child.pid)
        while child.poll() is None:
            resident = _resident(seen)
            if not begun and await asyncio.to_thread(_has_bytes, part):
                begun = time.perf_counter()
            elif not begun:
                idle = max(idle, resident)
            most = max(most, resident)
            await asyncio.sleep(LOOK_S)
    ended = time.perf_counter()
    if child.returncode:
        raise RuntimeError("the report was not made")
    done = await store.read(lambda tx: reports.find(tx, report.id))
    assert done is not None
    assert done.status == "ready", done
    (folder / f"{report.id}.csv").unlink()
    return _Made(ended - begun, done.rows_done, most - idle)


def _has_bytes(part: Path) -> bool:
    return part.exists() and part.stat().st_size > 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


async def _beside(store: Store, database: str, folder: Path) -> tuple[float, float, float]:
    """Return the rate of sales alone and beside reports, and the rows a second of these."""
    alone: list[float] = []
    beside: list[float] = []
    rows: list[float] = []
    async with world.platform(database, workers=False) as port:
        await load.send(port, world.sales(SALES_COUNT, "warm"))
        for number in range(ROUNDS):
            sent = await load.send(port, world.sales(SALES_COUNT, f"alone-{number}"))
            alone.append(sent.per_s)
            making = asyncio.create_task(_again_and_again(store, database, folder))
            await asyncio.sleep(1.5)
            sent = await load.send(port, world.sales(SALES_COUNT, f"beside-{number}"))
            beside.append(sent.per_s)
            making.cancel()
            rows += await making
    return statistics.median(alone), statistics.median(beside), statistics.median(rows or [0.0])


async def _again_and_again(store: Store, database: str, folder: Path) -> list[float]:
    """Make reports until it is cancelled; the one at work then is finished."""
    rows: list[float] = []
    wanted = True
    while wanted:
        making = asyncio.ensure_future(_make(store, database, folder))
        try:
            await asyncio.shield(making)
        except asyncio.CancelledError:
            wanted = False
        rows.append((await making).per_s)
    return rows


async def _measure(database: str, folder: Path) -> tuple[_Made, tuple[float, float, float]]:
    store = await opening.open_store(database, SystemClock(), migrated=True)
    try:
        made = [await _make(store, database, folder) for _ in range(ROUNDS)]
        best = sorted(made, key=lambda each: each.per_s)[len(made) // 2]
        return best, await _beside(store, database, folder)
    finally:
        await store.close()


def _engine(name: str, database: Callable[[], AbstractContextManager[str]]) -> Figures:
    count = listing.count()
    with database() as url, tempfile.TemporaryDirectory(prefix="sampan-bench-") as folder:
        opening.prepare(url)
        listing.fill(url, count)
        alone, (sales, beside, rows) = asyncio.run(_measure(url, Path(folder)))
    return {
        f"reports_{name}_rows_per_s": alone.per_s,
        f"reports_{name}_beside_sales_rows_per_s": rows,
        f"reports_{name}_memory_mib": alone.memory_mib,
        f"reports_{name}_sales_beside": beside / sales,
        f"reports_{name}_sales_alone_per_s": sales,
    }


def both() -> Figures:
    """Speed, memory and cost of reports on both engines."""
    figures = _engine("sqlite", world.sqlite)
    try:
        return figures | _engine("postgres", world.postgres)
    except ImportError as error:
        print(f"reports_postgres: {error}", file=sys.stderr)
        return figures
