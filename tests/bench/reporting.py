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
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, NamedTuple

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
        "core_rows_per_s": "… a second of its core, whatever else the machine does",
        "beside_sales_rows_per_s": "… a second while sales go on",
        "memory_mib": "most memory of the program that makes it, above idle, MiB",
        "sales_beside": "sales accepted beside a report, against sales alone,",
        "sales_alone_per_s": "… sales alone, a second",
    }.items()
}


class _Made(NamedTuple):
    """A run of the program from its first byte on, and the memory above what it had before."""

    seconds: float
    core_seconds: float
    memory_bytes: int
    rows: int = 0


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
    made = await asyncio.to_thread(_run, report.id, settings, folder)
    done = await store.read(lambda tx: reports.find(tx, report.id))
    assert done is not None
    assert done.status == "ready", done
    return made._replace(rows=done.rows_done)


def _run(report_id: int, settings: Settings, folder: Path) -> _Made:
    command = [sys.executable, "-m", "sampan", "report", "make", str(report_id)]
    part = folder / f"{report_id}.csv.part"
    begun, core_begun, core, idle, most = 0.0, 0.0, 0.0, 0, 0
    with subprocess.Popen(command, env={**os.environ, **as_environment(settings)}) as child:
        seen = psutil.Process(child.pid)
        while child.poll() is None:
            with suppress(psutil.Error):
                most = max(most, seen.memory_info().rss)
                core = sum(seen.cpu_times()[:2])
            if not begun and part.exists() and part.stat().st_size:
                begun, core_begun = time.perf_counter(), core
            elif not begun:
                idle = most
            time.sleep(LOOK_S)
    ended = time.perf_counter()
    if child.returncode:
        raise RuntimeError("the report was not made")
    (folder / f"{report_id}.csv").unlink()
    return _Made(ended - begun, max(core - core_begun, LOOK_S), most - idle)


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
        made = await making
        rows.append(made.rows / made.seconds)
    return rows


async def _measure(database: str, folder: Path) -> tuple[_Made, tuple[float, float, float]]:
    store = await opening.open_store(database, SystemClock(), migrated=True)
    try:
        made = [await _make(store, database, folder) for _ in range(ROUNDS)]
        middle = sorted(made, key=lambda each: each.rows / each.seconds)[len(made) // 2]
        return middle, await _beside(store, database, folder)
    finally:
        await store.close()


def _engine(name: str, database: Callable[[], AbstractContextManager[str]]) -> Figures:
    count = listing.count_asked()
    with database() as url, tempfile.TemporaryDirectory(prefix="sampan-bench-") as folder:
        opening.prepare(url)
        listing.fill(url, count)
        alone, (sales, beside, rows) = asyncio.run(_measure(url, Path(folder)))
    return {
        f"reports_{name}_rows_per_s": alone.rows / alone.seconds,
        f"reports_{name}_core_rows_per_s": alone.rows / alone.core_seconds,
        f"reports_{name}_beside_sales_rows_per_s": rows,
        f"reports_{name}_memory_mib": alone.memory_bytes / MIB,
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
