"""Lists of callbacks find what a plain model finds, by every filter and page, on both engines."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, Final, TypeVar

import pytest
from sqlalchemy import insert, text

from sampan.clock import SystemClock
from sampan.storage import callback_lists as lists
from sampan.storage import callbacks, schema
from sampan.storage import open as opening
from sampan.storage.callback_lists import Filter
from sampan.storage.callbacks import Callback
from sampan.storage.engine import Store, Tx
from sampan.testing.storage_rows_suite import add_payment

Result = TypeVar("Result")
ROWS: Final = 160
PROJECT: Final = 123
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "project_id": (None, PROJECT, 5, 2**80),
    "status": (None, *lists.STATUSES, "lost\0"),
    "kind": (None, "final", "refund", "\ud800"),
    "payment_id": (None, "ORDER-1", "order-7", "none", "\0", "\ud800"),
    "created_from_us": (None, 10, -5),
    "created_to_us": (None, 20),
    "failing": (False, True),
}
"""Values of every filter: usual ones, edges, and such as no row has."""


class Database:
    """An open store with a project in it; each function runs in a transaction of its own."""

    def __init__(self, runner: asyncio.Runner, store: Store) -> None:
        self._runner = runner
        self.store = store

    def do(self, fn: Callable[[Tx], Result]) -> Result:
        """Run a function in a transaction."""
        return self._runner.run(self.store.transact(fn))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with a project, on each engine."""
    engine = opening.make_engine(database_url)
    row = {"id": PROJECT, "name": "", "callback_url": "", "secret_sealed": "", "settings": "{}"}
    with engine.begin() as conn:
        conn.execute(insert(schema.projects), [row | {"created_us": 1, "updated_us": 1}])
    engine.dispose()
    with asyncio.Runner() as runner:
        store = runner.run(opening.open_store(database_url, SystemClock(), migrated=True))
        yield Database(runner, store)
        runner.run(store.close())


def fill(tx: Tx, draw: random.Random) -> list[tuple[Callback, str]]:
    """Write callbacks of some payments, drawn by lot; return them with their payments' ids."""
    keys = [add_payment(tx, f"Order-{n}", project_id=PROJECT).key for n in range(8)]
    made = []
    for _ in range(ROWS):
        number = draw.randrange(8)
        one = Callback(
            id=tx.new_id(),
            project_id=PROJECT,
            payment=keys[number],
            operation=1,
            kind=draw.choice(["intermediate", "final", "error", "refund"]),
            status=draw.choice(list(lists.STATUSES)),
            url="",
            body="{}",
            note="",
            attempts_count=draw.randrange(3),
            created_us=draw.randrange(30),
            finished_us=None,
        )
        callbacks.insert_callback(tx, one)
        made.append((one, f"order-{number}"))
    return made


def fits(one: Callback, payment_id: str, wanted: Filter) -> bool:
    """Whether a callback is listed, said plainly."""
    tried = one.status == "pending" and one.attempts_count > 0
    return (
        wanted.project_id in {None, one.project_id}
        and wanted.status in {None, one.status}
        and wanted.kind in {None, one.kind}
        and (wanted.payment_id is None or wanted.payment_id.casefold() == payment_id)
        and (wanted.created_from_us is None or one.created_us >= wanted.created_from_us)
        and (wanted.created_to_us is None or one.created_us < wanted.created_to_us)
        and (not wanted.failing or tried or one.status == "exhausted")
    )


def filters(draw: random.Random) -> list[Filter]:
    """Each value alone, and combinations drawn by lot."""
    alone = [Filter(**{name: value}) for name, values in VALUES.items() for value in values]
    every = list(product(*VALUES.values()))
    mixed = [Filter(**dict(zip(VALUES, one, strict=True))) for one in draw.sample(every, 150)]
    return alone + mixed


def listed(tx: Tx, wanted: Filter) -> tuple[list[int], int]:
    """Go through all pages; return what they show, and the number of it up to 50."""
    found: list[int] = []
    page = lists.page(tx, wanted, most=37)
    found += [row.id for row in page.rows]
    while page.next is not None:
        page = lists.page(tx, wanted, after=page.next, most=37)
        found += [row.id for row in page.rows]
    return found, lists.count(tx, wanted, most=50)


def test_every_filter(database: Database) -> None:
    """Rows, their order and their number are those of the model, page by page."""
    draw = random.Random(11)
    made = database.do(lambda tx: fill(tx, draw))
    newest = sorted(made, key=lambda pair: (pair[0].created_us, pair[0].id), reverse=True)
    for wanted in filters(draw):
        expected = [one.id for one, of in newest if fits(one, of, wanted)]
        found, count = database.do(partial(listed, wanted=wanted))
        assert found == expected, wanted
        assert count == min(50, len(expected)), wanted


def test_bounds(database: Database) -> None:
    """Pages and counts that are too large are refused."""
    for most in (0, lists.PAGE_MAX + 1):
        with pytest.raises(ValueError, match="rows"):
            database.do(partial(lists.page, wanted=Filter(), most=most))
    with pytest.raises(ValueError, match="rows"):
        database.do(lambda tx: lists.count(tx, Filter(), most=lists.COUNT_MAX + 1))


def test_people_are_found_by_their_index(sqlite_url: str) -> None:
    """SQLite walks the index of people: it does so only for a condition in the very same words."""
    engine = opening.make_engine(sqlite_url)
    with engine.connect() as conn:
        asked = (
            f"EXPLAIN QUERY PLAN SELECT why FROM journal WHERE ({schema.JOURNAL_INDEXED})"  # noqa: S608
            " ORDER BY at_us DESC, id DESC LIMIT 9"
        )
        plan = [row[-1] for row in conn.execute(text(asked))]
    engine.dispose()
    assert plan == ["SCAN journal USING INDEX ix_journal_people"]
