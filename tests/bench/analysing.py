"""How soon analytics answer among many operations, on both engines, and what keeping sums costs.

The rows are those of `listing`, spread over a year, with a callback and an attempt for each. Every
dataset is asked of an open store: while nothing is kept, and when all that is over is kept; then
over a quarter and for a project. The 95th percentile counts.
"""

import asyncio
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from sampan.clock import DAY_US, ManualClock
from sampan.domain.analytics import (
    Dataset,
    Granularity,
    Question,
    answer,
    day_text,
)
from sampan.domain.days import Zone
from sampan.storage import open as opening
from sampan.storage import rollups
from sampan.storage.engine import Store, Tx
from sampan.workers import adding
from sampan.workers.adding import AddUp
from tests.bench import listing, world

DAYS: Final = 364
ENGINES: Final = {"sqlite": world.sqlite, "postgres": world.postgres}
ASKED: Final[dict[str, str]] = {
    "year": "by day, a year",
    "months": "by month, a year",
    "quarter": "by day, the last 90 days",
    "project": "by week, a year of one project",
    "hours": "by hour, the last 7 days",
}
MEANINGS: Final = {
    f"analytics_{engine}_{name}_p95_ms": text
    for engine in ENGINES
    for name, text in {
        "unkept": "slowest dataset by day, a year, nothing kept",
        **{
            f"{dataset.value}_{asked}": f"{dataset.value} {told}"
            for dataset in Dataset
            for asked, told in ASKED.items()
        },
    }.items()
} | {
    f"analytics_{engine}_{name}": text
    for engine in ENGINES
    for name, text in (
        ("rows_a_sum", "rows of a source that one kept sum stands for"),
        ("kept_per_s", "rows added up and kept, a second"),
    )
}
Figures = dict[str, float | None]


def _attempts(count: int) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Return a final callback and its first attempt for each payment."""
    draw = random.Random(11)
    step_us = DAYS * DAY_US // count
    for begin in range(0, count, listing.CHUNK):
        callbacks, attempts = [], []
        for number in range(begin, min(begin + listing.CHUNK, count)):
            at_us = listing.BEGUN_US + number * step_us
            key = listing.FIRST_KEY + 2 * listing.COUNT_MAX + number
            callbacks.append(
                {
                    "id": key,
                    "project_id": 1 if draw.random() < 0.5 else draw.randint(2, listing.PROJECTS),
                    "payment": listing.FIRST_KEY + number,
                    "operation": listing.FIRST_KEY + listing.COUNT_MAX + number,
                    "kind": "final",
                    "status": "delivered",
                    "url": "https://shop.example/callbacks",
                    "body": "{}",
                    "note": "",
                    "attempts_count": 1,
                    "created_us": at_us,
                    "finished_us": at_us,
                }
            )
            attempts.append(
                {
                    "id": key + listing.COUNT_MAX,
                    "callback": key,
                    "number": 1,
                    "at_us": at_us,
                    "url": "https://shop.example/callbacks",
                    "http_status": draw.choice((200, 200, 200, 200, 500, None)),
                    "duration_ms": draw.randrange(900),
                    "answer": "",
                    "error": "",
                }
            )
        yield callbacks, attempts


def _fill(url: str, count: int) -> None:
    begun = time.perf_counter()
    opening.prepare(url)
    listing.fill(url, count, step_us=DAYS * DAY_US // count)
    engine = opening.make_engine(url)
    with engine.begin() as conn:
        for callbacks, attempts in _attempts(count):
            listing.copy(conn, "callbacks", callbacks)
            listing.copy(conn, "attempts", attempts)
    listing.settle(engine)
    engine.dispose()
    print(f"filled {count:,} in {time.perf_counter() - begun:.0f} s", file=sys.stderr)


def _questions() -> dict[str, Question]:
    """Return what is asked, by the names of `MEANINGS`."""
    found = {}
    for dataset, asked in itertools.product(Dataset, ASKED):
        found[f"{dataset.value}_{asked}"] = _question(dataset, asked)
    return found


def _question(dataset: Dataset, asked: str) -> Question:
    days = {"quarter": 90, "hours": 7}.get(asked, DAYS)
    end_us = listing.BEGUN_US + DAYS * DAY_US
    first = day_text(end_us - days * DAY_US, Zone.HONG_KONG)
    granularity = {
        "months": Granularity.MONTH,
        "project": Granularity.WEEK,
        "hours": Granularity.HOUR,
    }.get(asked, Granularity.DAY)
    return Question.of_days(
        dataset,
        (first, day_text(end_us, Zone.HONG_KONG)),
        zone=Zone.HONG_KONG,
        granularity=granularity,
        project_ids=(3,) if asked == "project" else None,
    )


def _asking(question: Question) -> Callable[[Tx], object]:
    return lambda tx: answer(question, rollups.cells(tx, question))


async def _p95_ms(store: Store, question: Question) -> float:
    return await listing.p95_ms(store, _asking(question))


async def _measure(url: str, name: str, count: int) -> Figures:
    # Long after all of it, so that every hour is over.
    clock = ManualClock(listing.BEGUN_US + (DAYS + 2) * DAY_US)
    store = await opening.open_store(url, clock, migrated=True)
    try:
        unkept = [await _p95_ms(store, _question(dataset, "year")) for dataset in Dataset]
        figures: Figures = {"unkept_p95_ms": max(unkept)}
        worker = AddUp(store, clock)
        await worker.sweep()
        clock.advance(adding.NOTED_US)
        begun = time.perf_counter()
        await worker.sweep()
        figures["kept_per_s"] = 4 * count / (time.perf_counter() - begun)
        sums = await store.read(rollups.kept_count)
        figures["rows_a_sum"] = 8 * count / sums
        for asked, question in _questions().items():
            figures[f"{asked}_p95_ms"] = await _p95_ms(store, question)
        return {f"analytics_{name}_{one}": value for one, value in figures.items()}
    finally:
        await store.close()


def _engine(name: str, database: Callable[[], AbstractContextManager[str]], count: int) -> Figures:
    with database() as url:
        _fill(url, count)
        return asyncio.run(_measure(url, name, count))


def both() -> Figures:
    """Times of answers on both engines."""
    figures: Figures = {}
    count = listing.count_asked()
    for name, database in ENGINES.items():
        try:
            figures |= _engine(name, database, count)
        except ImportError as error:
            print(f"analytics_{name}: {error}", file=sys.stderr)
    return figures
