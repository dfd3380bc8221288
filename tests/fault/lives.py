"""Start, kill and restart a victim, buy from it as a merchant does, and audit what is left.

Nothing here looks behind a door of the living platform but `Books`, which reads the database.
"""

import asyncio
import atexit
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from sqlalchemy import Select, func, select

from sampan.app import Platform
from sampan.domain.project import Project, ProjectSettings
from sampan.settings import Settings
from sampan.storage import open as opening
from sampan.storage import projects, schema
from tests.fault.victim import MASTER_KEY, Event, Life, set_clock
from tests.support.client import signed
from tests.support.merchant import Merchant, Received
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer

ROOT: Final = Path(__file__).resolve().parents[2]
LIMIT_S: Final = 30.0
"""The longest that anything is waited for; what works takes a second or two."""
PAUSE_S: Final = 0.01
SECRET: Final = "merchant-secret"
PROJECT: Final = 1234
HASTY: Final = 1235
"""A project whose payments are declined after a second."""
AMOUNT: Final = 10_000
FPS_ID: Final = ProjectSettings().payee_fps_id
REST_US: Final = 46_000_000
"""Time that seems to pass between a death and the next life: longer than any lease."""
KILLED: Final = -signal.SIGKILL
OPEN: Final = "awaiting payment"


class Lost(Exception):  # noqa: N818 - what happened to a request, nobody erred
    """The server died before it answered; nobody knows what it did."""


async def until(fits: Callable[[], object], what: str, *, limit_s: float = LIMIT_S) -> None:
    """Return as soon as `fits()` is true; fails with `what` after `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            while not fits():  # noqa: ASYNC110 - what is waited for happens in another process
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise AssertionError(f"not within {limit_s:g} s: {what}") from None


class Databases:
    """Makes databases with the two projects in them, all alike, on one engine."""

    def __init__(self, folder: Path, server: PostgresServer | None, template: Path) -> None:
        self._folder = folder
        self._server = server
        self._template = template
        self._made = 0

    @property
    def engine(self) -> str:
        """`sqlite` or `postgres`."""
        return "postgres" if self._server else "sqlite"

    def fresh(self) -> AbstractContextManager[str]:
        """Return a block that lends the address of a migrated, empty database."""
        return self._server.database() if self._server else self._file()

    @contextmanager
    def _file(self) -> Iterator[str]:
        self._made += 1
        path = self._folder / f"sampan{self._made}.db"
        shutil.copyfile(self._template, path)
        yield f"sqlite:///{path}"
        for left in self._folder.glob(f"{path.name}*"):
            left.unlink()


async def add_projects(url: str, callback_url: str) -> None:
    """Write the projects into a database."""
    settings = Settings(database_url=url, master_key=MASTER_KEY, migrate_on_start=False)
    platform = await Platform.open(settings)
    try:
        # Many rests between many lives must not outlast a QR.
        patient, hasty = ProjectSettings(qr_lifetime_s=86_400), ProjectSettings(decline_after_s=1)
        for number, chosen in ((PROJECT, patient), (HASTY, hasty)):
            project = Project(
                id=number,
                name=f"project {number}",
                callback_url=callback_url,
                secrets=(SECRET,),
                settings=chosen,
            )
            await platform.store.transact(
                lambda tx, project=project: projects.add(  # type: ignore[misc]
                    tx, project, vault=platform.vault, now_us=platform.clock.now_us()
                )
            )
    finally:
        await platform.close()


class _Mother:
    """The process that victims are forked from; one for all tests, for it is long in starting."""

    def __init__(self) -> None:
        self.line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fault.victim", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End the process, and with it every victim that still lives."""
        self.line.close()
        self._process.wait()


_mother = functools.cache(_Mother)


class Nursery:
    """Where the victims of one test are born; made by `nursery`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._made = 0
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._pids: dict[int, asyncio.Future[int]] = {}
        self._hearing = asyncio.create_task(self._hear())

    async def bear(self, life: Life) -> tuple[int, asyncio.Future[int]]:
        """Start a life; return its process id and the future of its exit code."""
        self._made += 1
        loop = asyncio.get_running_loop()
        born = self._pids[self._made] = loop.create_future()
        end = self._ends[self._made] = loop.create_future()
        life = msgspec.structs.replace(life, number=self._made)
        self._writer.write(msgspec.json.encode(life) + b"\n")
        async with asyncio.timeout(LIMIT_S):
            # Shielded: who gives up waiting does not keep the news from being heard.
            return await asyncio.shield(born), end

    async def _hear(self) -> None:
        async for line in self._reader:
            event = msgspec.json.decode(line, type=Event)
            if not event.number:
                break
            if event.code is None:
                self._pids[event.number].set_result(event.pid)
            else:
                self._ends[event.number].set_result(event.code)
        for future in (*self._pids.values(), *self._ends.values()):
            future.cancel()

    async def close(self) -> None:
        """Kill every victim that still lives."""
        self._writer.write(b"\n")
        await self._hearing
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """Lend a nursery as long as the block lasts; there is one at a time."""
    made = Nursery(*await asyncio.open_unix_connection(sock=_mother().line.dup()))
    try:
        yield made
    finally:
        await made.close()


class Inbox:
    """What a merchant has received, by payment."""

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant
        self._read = 0
        self._kept: dict[str, list[Received]] = defaultdict(list)

    def of(self, payment_id: str) -> list[Received]:
        """Return what has arrived about a payment, oldest first."""
        received = self._merchant.received
        while self._read < len(received):
            one = received[self._read]
            self._kept[one.payment_id].append(one)
            self._read += 1
        return self._kept[payment_id]

    def told(self, payment_id: str, status: str) -> list[Received]:
        """Return the callbacks about a payment in a status."""
        return [one for one in self.of(payment_id) if one.body["payment"]["status"] == status]


def _count(table: Any, *where: Any) -> Select[Any]:  # noqa: ANN401 - a table and conditions
    return select(func.count()).select_from(table).where(*where)


class Books:
    """Reads a database beside the platform: what is durable, and nothing else."""

    def __init__(self, url: str) -> None:
        self._engine = opening.make_engine(url)

    def rows(self, statement: Select[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._engine.connect() as conn:
            return [tuple(row) for row in conn.execute(statement)]

    def count(self, table: Any, *where: Any) -> int:  # noqa: ANN401 - a table and conditions
        """Count rows."""
        return int(self.rows(_count(table, *where))[0][0])

    def unsettled(self) -> dict[str, int]:
        """Count what is still to be done, by kind; empty when nothing is."""
        waiting = {
            "tasks": _count(schema.outbox),
            "notices": _count(schema.bank_notices, schema.bank_notices.c.status == "open"),
            "callbacks": _count(schema.callbacks, schema.callbacks.c.finished_us.is_(None)),
            "payments": _count(schema.payments, schema.payments.c.finished_us.is_(None)),
        }
        # One question for all: it is asked again and again while a test waits.
        (found,) = self.rows(select(*(one.scalar_subquery() for one in waiting.values())))
        return {what: number for what, number in zip(waiting, found, strict=True) if number}

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@dataclass
class Home:
    """One platform on one port and database; who dies there is restarted to live on."""

    nursery: Nursery
    url: str
    folder: Path
    http: aiohttp.ClientSession
    shift_us: int = 0
    """By how much the clock is wrong at the start."""
    command: bool = False
    port: int = 0
    pid: int = 0
    ends: list[int] = field(default_factory=list)
    """The exit codes of the lives that are over."""
    restarts: Callable[[], dict[str, Any]] = dict
    """How the next victim is to die; by default it lives."""
    _end: asyncio.Future[int] | None = None
    _keeping: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.port = free_port()

    @property
    def steps_file(self) -> Path:
        """Where the steps of all lives stand, a line each."""
        return self.folder / f"steps{self.port}"

    @property
    def clock_file(self) -> Path:
        """Where it stands by how much the clock is wrong now."""
        return self.folder / f"clock{self.port}"

    def steps(self) -> list[str]:
        """Return the steps reached, over all lives."""
        return self.steps_file.read_text().splitlines() if self.steps_file.exists() else []

    async def start(self, **how: Any) -> None:  # noqa: ANN401 - fields of Life
        """Start a victim, and another whenever one has come to its end."""
        set_clock(self.clock_file, self.shift_us)
        await self._bear(how)
        self._keeping = asyncio.create_task(self._keep())

    async def _bear(self, how: dict[str, Any]) -> None:
        life = Life(
            number=0,
            port=self.port,
            database_url=self.url,
            steps_file=str(self.steps_file),
            log_file=str(self.folder / f"log{self.port}"),
            clock_file=str(self.clock_file),
            command=self.command,
            **how,
        )
        self.pid, self._end = await self.nursery.bear(life)

    async def _keep(self) -> None:
        while True:
            assert self._end is not None
            # Shielded, for whoever leaves cancels this and still waits for the end.
            self.ends.append(await asyncio.shield(self._end))
            set_clock(self.clock_file, int(self.clock_file.read_text()) + REST_US)
            await self._bear(self.restarts())

    async def leave(self) -> None:
        """End the last life."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._end is not None and not self._end.done():
            os.kill(self.pid, signal.SIGKILL)
            async with asyncio.timeout(LIMIT_S):
                await asyncio.shield(self._end)

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Send bytes, or JSON, and return status and JSON. Waits while nobody listens.

        Raises `Lost` when the connection broke before there was an answer.
        """
        url = f"http://127.0.0.1:{self.port}{path}"
        sent: dict[str, Any] = {"data" if isinstance(body, bytes) else "json": body}
        async with asyncio.timeout(LIMIT_S):
            while True:
                ends = len(self.ends)
                try:
                    async with self.http.request(method, url, headers=headers, **sent) as answer:
                        return answer.status, await answer.json(content_type=None)
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(PAUSE_S)
                except (aiohttp.ClientError, OSError) as error:
                    # Dying, but perhaps not yet dead: what it had begun may still be committed.
                    await until(lambda: len(self.ends) > ends, f"an end after {error!r}")  # noqa: B023 - awaited here
                    raise Lost from error


class Shop:
    """A merchant with a customer, who never give up and never pay twice."""

    def __init__(self, home: Home, inbox: Inbox, books: Books) -> None:
        self.home = home
        self.inbox = inbox
        self.books = books

    async def sell(self, payment_id: str, *, project: int = PROJECT) -> None:
        """Send one signed sale, the same bytes again and again, until it is taken."""
        body = {
            "general": {"project_id": project, "payment_id": payment_id},
            "customer": {"id": "c1", "ip_address": "198.51.100.7"},
            "payment": {"amount": AMOUNT, "currency": "HKD"},
        }
        sale = signed(body, SECRET)
        status, answer = await persist(
            lambda: self.home.ask("POST", "/v2/payment/banks/hk-qr/sale", sale)
        )
        assert (status, answer["status"]) == (200, "success"), answer

    async def link(self, payment_id: str, *, best_before: str) -> str:
        """Ask for one payment link until it is taken; return its address, once that is told."""
        body = {
            "general": {"project_id": PROJECT, "payment_id": payment_id},
            "customer": {"id": "c1"},
            "payment": {"amount": AMOUNT, "currency": "HKD", "best_before": best_before},
        }
        asked = signed(body, SECRET)
        status, answer = await persist(
            lambda: self.home.ask("POST", "/v2/payment/invoice/create", asked)
        )
        assert (status, answer["status"]) == (200, "success"), answer
        await until(lambda: self.inbox.told(payment_id, OPEN), f"{payment_id} is told its link")
        return str(self.inbox.told(payment_id, OPEN)[0].body["invoice"]["payment_link"])

    async def confirm(self, payment_id: str, link: str) -> str:
        """Confirm on the page of a link, until it answers; return the text of the QR."""
        path = f"{urlsplit(link).path}/start"
        status, answer = await persist(
            lambda: self.home.ask("POST", path, headers={"Accept": "application/json"})
        )
        assert status == 200, answer
        while "qr" not in (told := await self.status(payment_id)):  # noqa: ASYNC110 - as in `until`
            await asyncio.sleep(PAUSE_S)
        return str(told["qr"]["payload"])

    async def shown(self, payment_id: str) -> str:
        """Wait for the QR of a payment; return its text."""
        waiting = "awaiting customer action"
        await until(lambda: self.inbox.told(payment_id, waiting), f"{payment_id} is shown a QR")
        return str(self.inbox.told(payment_id, waiting)[0].body["qr"]["payload"])

    async def act(self, payload: str, *, action: str = "pay") -> None:
        """Pay, or do something else, at the bank: again only when the bank knows nothing of it."""
        asked = {"payload": payload, "action": action}
        while True:
            try:
                status, answer = await self.home.ask("POST", "/bank/v1/simulate", asked)
            except Lost:
                status, answer = 503, None
            if status >= 500:
                # Without an answer the bank's books decide whether it was done.
                if self.acted(payload):
                    return
                continue
            assert status == 200, answer
            return

    def acted(self, payload: str) -> bool:
        """Whether the bank's books show that the customer has paid or refused."""
        orders = schema.bank_orders
        return self.books.count(orders, orders.c.payload == payload, orders.c.status != "open") > 0

    async def status(self, payment_id: str, *, project: int = PROJECT) -> dict[str, Any]:
        """Ask Gate how a payment stands."""
        general = {"general": {"project_id": project, "payment_id": payment_id}}
        asked = signed(general, SECRET)
        _, answer = await persist(lambda: self.home.ask("POST", "/v2/payment/status", asked))
        return dict(answer)

    async def bank_balance(self) -> int:
        """Ask the bank what it holds for the merchant, in minor units of HKD."""
        path = f"/bank/v1/accounts/{FPS_ID}"
        status, answer = await persist(lambda: self.home.ask("GET", path))
        return int(answer["balances"]["HKD"]) if status == 200 else 0

    async def settled(self) -> None:
        """Wait until nothing is left to be done or said."""
        await until(lambda: not self.books.unsettled(), "everything is settled")


async def persist(ask: Callable[[], Awaitable[tuple[int, Any]]]) -> tuple[int, Any]:
    """Ask until there is an answer that is not a failure of the server."""
    while True:
        try:
            status, answer = await ask()
        except Lost:
            continue
        if status < 500:
            return status, answer


@dataclass(frozen=True)
class World:
    """What all lives of a test share."""

    databases: Databases
    nursery: Nursery
    merchant: Merchant
    http: aiohttp.ClientSession
    folder: Path


@asynccontextmanager
async def world(databases: Databases, merchant: Merchant, folder: Path) -> AsyncIterator[World]:
    """Run a nursery as long as the block lasts; each request has a connection of its own."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with nursery() as cradle, aiohttp.ClientSession(connector=connector) as http:
        yield World(databases, cradle, merchant, http, folder)


@asynccontextmanager
async def living(shared: World, **how: Any) -> AsyncIterator[Shop]:  # noqa: ANN401 - fields of Home
    """Lend a home on a fresh database, and a shop that buys there."""
    with shared.databases.fresh() as url:
        await add_projects(url, shared.merchant.url)
        books = Books(url)
        home = Home(shared.nursery, url, shared.folder, shared.http, **how)
        try:
            yield Shop(home, Inbox(shared.merchant), books)
        finally:
            await home.leave()
            books.close()
