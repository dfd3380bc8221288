"""How soon payments are found among many: list pages, filters, search and totals, on both engines.

The rows are written in bulk, so they have what lists read and nothing of their lives. Each question
is asked many times of an open store, then each page of a running Dashboard by a person, and the
95th percentile counts; the same questions of a small database beforehand show how much of it grows
with the rows.
"""

import asyncio
import itertools
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from sqlalchemy import Connection, Index, insert

from sampan.clock import SystemClock
from sampan.dashboard.payments import COUNTED_MAX
from sampan.domain.statuses import FINAL, Origin, PaymentStatus
from sampan.storage import list_cursors, schema
from sampan.storage import open as opening
from sampan.storage import payment_lists as lists
from sampan.storage.engine import Store, Tx
from sampan.storage.payment_lists import Filter
from tests.bench import world
from tests.support.platform import running
from tests.support.staff import Staff

COUNT_VARIABLE: Final = "SAMPAN_BENCH_PAYMENTS"
COUNT: Final = 200_000
COUNT_MAX: Final = 1_000_000
SMALL_COUNT: Final = 10_000
CHUNK: Final = 10_000
PROJECTS: Final = 20
FIRST_KEY: Final = 1_000_000
BEGUN_US: Final = 1_750_000_000_000_000
STEP_US: Final = 3_000_000
DAY_US: Final = 86_400_000_000
PAGE_ROWS: Final = 50
TOTALS_ROWS: Final = COUNTED_MAX
ASKED: Final = 60
SLOW_ASKED: Final = 12
P95: Final = 0.95

QUESTIONS: Final = {
    "list": "the newest page of all payments",
    "list_deep": "a page from the middle of the list",
    "list_project": "the newest page of a project",
    "list_projects": "the newest page of six projects",
    "filter_open": "payments that are open",
    "filter_processing": "a project's payments in a status that none is in",
    "filter_decline": "a project's declined payments",
    "filter_error": "a project's failed requests, which are few",
    "filter_currency": "a project's payments in the rarer currency",
    "filter_amount": "a project's large payments",
    "filter_amount_none": "a project's payments of an amount that none has",
    "filter_created": "payments of the oldest day",
    "filter_updated": "payments that changed on the last day",
    "filter_updated_to": "payments that never changed after the first day",
    "filter_origin": "payments from the Payment Page",
    "filter_held": "payments with money that waits, in two projects",
    "filter_customer": "a customer's payments in three projects",
    "filter_guest": "a project's payments of a customer id that a tenth share",
    "search_payment": "search by payment id",
    "search_operation": "search by operation id",
    "search_request": "search by request id",
    "search_provider": "search by the bank's reference, in six projects",
    "search_customer": "search by customer id, in six projects",
    "search_guest": "search by a customer id that a tenth share",
    "search_nothing": "search for what is not there",
    "totals_day": "totals of the last day",
    "totals_project": "totals of a project",
    "totals_held": "totals of payments with money that waits",
    "totals_all": "totals of all, which are too many to be counted",
}
LIST: Final = "/payments"
FILTERS: Final = {
    "waiting": ("what waits", "status=waiting"),
    "status": ("a status", "status=decline"),
    "two": ("two of a project's statuses", "status=decline&status=error&project=3"),
    "currency": ("a currency", "currency=CNY"),
    "amount": ("large amounts", "amount_from=4900"),
    "amount_none": ("amounts that none has", "amount_from=6000"),
    "created": ("the first days", "created_from=2025-06-15&created_to=2025-06-16"),
    "updated": ("what changed early", "updated_to=2025-06-16"),
    "origin": ("the Payment Page", "origin=page"),
    "origin_none": ("payment links, of which there are none", "origin=link"),
    "held": ("money that waits", "held=1"),
    "project": ("a project", "project=3"),
    "customer": ("a customer", "customer=customer-7"),
    "guest": ("a customer id that a tenth share", "customer=guest"),
    "guest_none": ("such, and amounts that none has", "customer=guest&amount_from=6000"),
}
"""What the Dashboard's list is filtered by: name → what it is, and the query."""
PAGES: Final = {
    "page_list": ("the Dashboard's list", LIST),
    **{f"page_{name}": (f"… of {words}", f"{LIST}?{q}") for name, (words, q) in FILTERS.items()},
    "page_search": ("the Dashboard's search by customer id", "/search?q=customer-7"),
    "page_search_nothing": ("… for what is not there", "/search?q=nothing"),
    "page_card": ("a payment's card", f"{LIST}/{FIRST_KEY + 5_000}"),
}
"""Name → what it is, and the path of its page below `/dashboard`."""
NEWEST: Final = {"page_newest": "a sale through Gate, until it heads the Dashboard's list"}
SHOWN: Final = {name: told for name, (told, _) in PAGES.items()} | NEWEST
MEANINGS: Final = {
    f"dashboard_{engine}_{name}_{what}": told
    for engine in ("sqlite", "postgres")
    for name, words in {**QUESTIONS, **SHOWN}.items()
    for what, told in (
        ("p95_ms", f"{words}, 95th percentile"),
        ("growth", "… against the same among 10,000"),
    )
}
Figures = dict[str, float | None]
Question = Callable[[Tx], object]


def count_asked() -> int:
    """Return how many payments to fill in. Raises `ValueError` for a number out of range."""
    count = int(os.environ.get(COUNT_VARIABLE, COUNT))
    if not SMALL_COUNT <= count <= COUNT_MAX:
        raise ValueError(f"{COUNT_VARIABLE} is {SMALL_COUNT} to {COUNT_MAX}")
    return count


# --- filling --------------------------------------------------------------------------------


def _payment(number: int, count: int, draw: random.Random) -> dict[str, Any]:
    """Return a payment as a busy year leaves it: the newest few hundred are open, some hold money.

    Half of all belong to project 1; every tenth has the one customer id that guests share.
    """
    status = draw.choices(
        (PaymentStatus.SUCCESS, PaymentStatus.DECLINE, PaymentStatus.ERROR), (78, 20, 2)
    )[0]
    if number > count - 300:
        status = PaymentStatus.AWAITING_CUSTOMER_ACTION
    amount = draw.randint(100, 500_000)
    created = BEGUN_US + number * STEP_US
    guest = draw.random() < 0.1
    return {
        "id": FIRST_KEY + number,
        "project_id": 1 if draw.random() < 0.5 else draw.randint(2, PROJECTS),
        "payment_id": f"Order-{number}",
        "payment_id_folded": f"order-{number}",
        "status": status.value,
        "currency": "HKD" if draw.random() < 0.9 else "CNY",
        "amount_minor": amount,
        "paid_minor": amount if status is PaymentStatus.SUCCESS else 0,
        "description": "Two coffees and a pineapple bun",
        "customer_id": "guest" if guest else f"customer-{draw.randrange(count // 4)}",
        "customer": '{"id":"customer-1","ip_address":"192.0.2.7","first_name":"Tai Man"}',
        "targets": "{}",
        "display": '{"payload":"' + "0" * 160 + '","expires_us":1,"lifetime_s":600}',
        "faults": "[]",
        "held_count": 1 if status is PaymentStatus.DECLINE and number % 500 == 0 else 0,
        "created_us": created,
        "updated_us": created + draw.randint(1, 600_000_000),
        "decline_us": created + 600_000_000,
        "finished_us": created + 600_000_000 if status in FINAL else None,
        "origin": "page" if draw.random() < 0.3 else "gate",
        "merchant_data": "",
        "best_before_us": None,
        "attempts_count": 1,
        "retry_until_us": None,
    }


def _operation(payment: dict[str, Any], number: int) -> dict[str, Any]:
    shared = ("project_id", "status", "amount_minor", "currency", "created_us", "updated_us")
    return {name: payment[name] for name in shared} | {
        "id": FIRST_KEY + COUNT_MAX + number,
        "payment": payment["id"],
        "type": "sale",
        "request_id": f"{number:040x}",
        "request_digest": f"{number:064x}",
        "merchant_refund_id": None,
        "code": "0",
        "message": "Success",
        "provider_id": 1,
        "provider_ref": f"FPS{number:012}",
    }


def _chunks(count: int) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    draw = random.Random(7)
    for begin in range(0, count, CHUNK):
        numbers = range(begin, min(begin + CHUNK, count))
        made = [_payment(number, count, draw) for number in numbers]
        yield made, [_operation(each, n) for each, n in zip(made, numbers, strict=True)]


def _copy(conn: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    """Write rows as fast as the engine takes them."""
    target = schema.metadata.tables[table]
    if conn.dialect.name == "sqlite":
        conn.execute(insert(target), rows)
        return
    names = list(rows[0])
    raw: Any = conn.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({','.join(names)}) FROM STDIN") as to:
        for row in rows:
            to.write_row([row[name] for name in names])


def _indexes(table: str) -> list[Index]:
    return sorted(schema.metadata.tables[table].indexes, key=lambda index: str(index.name))


def fill(url: str, count: int) -> None:
    """Write projects, payments and their operations into an empty, migrated database."""
    engine = opening.make_engine(url)
    projects = [
        {
            "id": number,
            "name": f"Shop {number}",
            "callback_url": "",
            "secret_sealed": "",
            "settings": "{}",
            "created_us": 1,
            "updated_us": 1,
        }
        for number in range(1, PROJECTS + 1)
    ]
    with engine.begin() as conn:
        conn.execute(insert(schema.projects), projects)
        indexes = [each for name in ("payments", "operations") for each in _indexes(name)]
        # Made anew from all rows at once, which is many times faster.
        for index in indexes:
            index.drop(conn)
        for payments, operations in _chunks(count):
            _copy(conn, "payments", payments)
            _copy(conn, "operations", operations)
        for index in indexes:
            index.create(conn)
    if engine.dialect.name == "postgresql":
        # A server that runs does so by itself, some time after the rows have come.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


# --- asking ---------------------------------------------------------------------------------


def _page(**wanted: Any) -> Question:  # noqa: ANN401 - values of every filter
    chosen = Filter(**wanted)
    return lambda tx: lists.page(tx, chosen, most=PAGE_ROWS)


def _totals(**wanted: Any) -> Question:  # noqa: ANN401 - values of every filter
    chosen = Filter(**wanted)
    return lambda tx: lists.totals(tx, chosen, most=TOTALS_ROWS)


def _search(text: str, project_ids: tuple[int, ...] | None = None) -> Question:
    return lambda tx: lists.search(tx, text, project_ids)


def _deep(tx: Tx, count: int) -> str | None:
    """Return the cursor of a page in the middle of the list."""
    middle = Filter(created_to_us=BEGUN_US + count // 2 * STEP_US)
    found = lists.page(tx, middle, most=1).rows[0]
    return list_cursors.cursor((found.created_us, found.key), Filter())


async def _questions(store: Store, count: int) -> dict[str, Question]:
    """Return what is asked, by name."""
    end_us = BEGUN_US + count * STEP_US
    deep = await store.read(lambda tx: _deep(tx, count))
    some = tuple(range(2, 8))
    status = PaymentStatus
    number = count // 3
    return {
        "list": _page(),
        "list_deep": lambda tx: lists.page(tx, Filter(), after=deep, most=PAGE_ROWS),
        "list_project": _page(project_ids=(3,)),
        "list_projects": _page(project_ids=some),
        "filter_open": _page(statuses=(status.AWAITING_CUSTOMER_ACTION, status.PROCESSING)),
        "filter_processing": _page(statuses=(status.PROCESSING,), project_ids=(3,)),
        "filter_decline": _page(statuses=(status.DECLINE,), project_ids=(3,)),
        "filter_error": _page(statuses=(status.ERROR,), project_ids=(3,)),
        "filter_currency": _page(currencies=("CNY",), project_ids=(3,)),
        "filter_amount": _page(amount_min_minor=490_000, project_ids=(3,)),
        "filter_amount_none": _page(amount_min_minor=600_000, project_ids=(3,)),
        "filter_created": _page(created_from_us=BEGUN_US, created_to_us=BEGUN_US + DAY_US),
        "filter_updated": _page(updated_from_us=end_us - DAY_US),
        "filter_updated_to": _page(updated_to_us=BEGUN_US + DAY_US),
        "filter_origin": _page(origin=Origin.PAGE),
        "filter_held": _page(held=True, project_ids=(1, 2)),
        "filter_customer": _page(customer_id="customer-7", project_ids=(1, 2, 3)),
        "filter_guest": _page(customer_id="guest", project_ids=(3,)),
        "search_payment": _search(f"ORDER-{number}"),
        "search_operation": _search(str(FIRST_KEY + COUNT_MAX + number)),
        "search_request": _search(f"{number:040x}"),
        "search_provider": _search(f"FPS{number:012}", some),
        "search_customer": _search("customer-7", some),
        "search_guest": _search("guest"),
        "search_nothing": _search("nothing"),
        "totals_day": _totals(created_from_us=end_us - DAY_US),
        "totals_project": _totals(project_ids=(3,)),
        "totals_held": _totals(held=True),
        "totals_all": _totals(),
    }


async def _p95_ms(store: Store, question: Question) -> float:
    """Return the 95th percentile; what takes long is asked less often."""
    times: list[float] = []
    await store.read(question)
    asked = ASKED
    while len(times) < asked:
        begun = time.perf_counter()
        await store.read(question)
        times.append((time.perf_counter() - begun) * 1000)
        asked = SLOW_ASKED if sum(times) > 1000 else ASKED
    return sorted(times)[int(len(times) * P95)]


@asynccontextmanager
async def _filled(url: str, count: int) -> AsyncIterator[Store]:
    opening.prepare(url)
    begun = time.perf_counter()
    fill(url, count)
    print(f"filled {count:,} in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    store = await opening.open_store(url, SystemClock(), migrated=True)
    try:
        yield store
    finally:
        await store.close()


async def _measure(url: str, count: int) -> dict[str, float]:
    async with _filled(url, count) as store:
        questions = await _questions(store, count)
        return {name: await _p95_ms(store, each) for name, each in questions.items()}


def _pages(url: str) -> dict[str, float]:
    """Return the 95th percentile of each page of a running Dashboard."""
    # What was filled in is open for ever: no worker may end it.
    with running(url, run_workers=False) as platform:
        member, project = Staff(platform).member(), platform.add_numbered(PROJECTS + 1)
        numbers = itertools.count()

        def opened(path: str) -> None:
            answer = member.get(path)
            assert answer.status == HTTPStatus.OK, (path, answer.status)

        def newest() -> None:
            payment_id = f"newest-{next(numbers)}"
            project.sell(payment_id)
            page = member.get(LIST).raw.decode()
            assert payment_id in page, "the newest payment is not on the list"

        figures = {}
        for name, (_, path) in PAGES.items():
            # A query in another spelling is led to the one that is linked everywhere.
            spelled = member.get(path).headers.get("location", path).removeprefix("/dashboard")
            figures[name] = _p95_of(partial(opened, spelled))
        return figures | {"page_newest": _p95_of(newest)}


def _p95_of(ask: Callable[[], None]) -> float:
    times: list[float] = []
    ask()
    while len(times) < ASKED:
        begun = time.perf_counter()
        ask()
        times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)[int(len(times) * P95)]


def _engine(name: str, database: Callable[[], AbstractContextManager[str]], count: int) -> Figures:
    found = []
    for size in (SMALL_COUNT, count):
        with database() as url:
            found.append(asyncio.run(_measure(url, size)) | _pages(url))
    few, many = found
    figures: Figures = {}
    for question, ms in many.items():
        figures[f"dashboard_{name}_{question}_p95_ms"] = ms
        figures[f"dashboard_{name}_{question}_growth"] = ms / few[question]
    return figures


def both() -> Figures:
    """Times of finding on both engines, and how they grow from 10,000 payments."""
    count = count_asked()
    figures = _engine("sqlite", world.sqlite, count)
    try:
        return figures | _engine("postgres", world.postgres, count)
    except ImportError as error:
        print(f"dashboard_postgres: {error}", file=sys.stderr)
        return figures
