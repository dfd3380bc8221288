"""The sandbox provider keeps the contract, against the real door of the bank over real HTTP."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sampan.bank.door import routes
from sampan.bank.service import Bank
from sampan.clock import ManualClock
from sampan.domain.reference import encode
from sampan.errors import SetupError
from sampan.outbound import Answer, Outbound, Policy
from sampan.providers import registry
from sampan.providers.base import (
    Credit,
    Issued,
    Notice,
    Provider,
    ProviderConfig,
    ProviderOrder,
    RawRequest,
    Refusal,
    Refused,
    Unknown,
    Untrusted,
)
from sampan.providers.marks import mark
from sampan.providers.sandbox import create
from sampan.storage import schema
from sampan.storage.engine import Store
from sampan.storage.open import open_store
from sampan.testing import serving
from sampan.testing.provider_suite import Harness, ProviderSuite, ScriptedHttp
from tests.support.databases import sqlite_in

SECRET = "between bank and platform"
TIMEOUT_S = 10.0


class Receiver:
    """The platform's notification door, which keeps what comes in."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.received: asyncio.Queue[RawRequest] = asyncio.Queue()

    async def take(self, request: Request) -> Response:
        """Keep a notification and answer 200."""
        raw = RawRequest(
            headers=dict(request.headers),
            body=await request.body(),
            received_us=self._clock.now_us(),
        )
        self.received.put_nowait(raw)
        return Response()


@dataclass
class SandboxHarness:
    """A bank, its door on a free port, and the provider that talks to it."""

    provider: Provider
    http: Outbound
    bank: Bank
    store: Store
    clock: ManualClock
    receiver: Receiver
    base_url: str
    asks_bank: bool = True

    def order(self, number: int, **options: str) -> ProviderOrder:
        """Return an order over 123.45 in HKD."""
        now_us = self.clock.now_us()
        return ProviderOrder(
            reference=encode(number),
            amount_minor=12_345,
            currency="HKD",
            description="tea",
            created_us=now_us,
            expires_us=now_us + 600_000_000,
            closes_us=now_us + 900_000_000,
            options=options,
        )

    async def orders_count(self, reference: str) -> int:
        """Count the bank's rows."""
        orders = schema.bank_orders
        counted = select(func.count()).where(orders.c.reference == reference)
        rows = await self.store.read(lambda tx: tx.query(counted))
        return int(rows[0][0])

    async def notification(self) -> RawRequest:
        """Pay an order and let the bank deliver its notice."""
        order = self.order(1_000)
        await self.provider.start(order, self.http)
        await self.bank.act(order.reference, "pay")
        stop = asyncio.Event()
        running = asyncio.create_task(self.bank.run(stop))
        raw = await asyncio.wait_for(self.receiver.received.get(), TIMEOUT_S)
        stop.set()
        await running
        return raw


@asynccontextmanager
async def sandbox(timeout_s: float = TIMEOUT_S) -> AsyncIterator[SandboxHarness]:
    """Serve a bank over a new database."""
    clock = ManualClock()
    http = Outbound(Policy(allow_private=True))
    receiver = Receiver(clock)
    app = Starlette(routes=[Route("/notifications/sandbox", receiver.take, methods=["POST"])])
    with TemporaryDirectory() as folder:
        store = await open_store(sqlite_in(Path(folder)), clock, migrated=True)
        async with serving(app) as url:
            bank = Bank(
                store, clock, secret=SECRET, notify_url=f"{url}/notifications/sandbox", http=http
            )
            app.router.routes.extend(routes(bank))
            config = ProviderConfig(base_url=f"{url}/bank", secret=SECRET, timeout_s=timeout_s)
            try:
                yield SandboxHarness(
                    create(config, clock), http, bank, store, clock, receiver, f"{url}/bank"
                )
            finally:
                await http.close()
                await store.close()


class TestSandboxProvider(ProviderSuite):
    """The shipped suite on the sandbox."""

    def open_harness(self) -> AbstractAsyncContextManager[Harness]:
        """Open a sandbox."""
        return sandbox()


def test_bank_that_is_down_is_unknown_until_it_answers() -> None:
    """A bank that is down leaves three questions open, and then tells of the first order."""

    async def check() -> None:
        async with sandbox() as harness:
            order = harness.order(1, scenario="bank_down")
            outcomes = [await harness.provider.start(order, harness.http)]
            outcomes += [
                await harness.provider.status(order.reference, harness.http) for _ in range(3)
            ]
            assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown, Unknown, Issued]
            assert await harness.orders_count(order.reference) == 1

    asyncio.run(check())


def test_slow_bank_is_unknown_and_has_the_order() -> None:
    """Losing patience with a slow bank leaves an order that the status then finds."""

    async def check() -> None:
        # Longer than the status takes on a busy machine, and much shorter than the bank.
        async with sandbox(timeout_s=0.5) as harness:
            harness.bank.slow_answer_s = 2.5
            order = harness.order(1, scenario="bank_slow")
            outcome = await harness.provider.start(order, harness.http)
            assert isinstance(outcome, Unknown)
            assert isinstance(await harness.provider.status(order.reference, harness.http), Issued)

    asyncio.run(check())


def test_options_reach_the_bank_as_texts() -> None:
    """The project's options travel as texts, and the ones that the bank does not know stay home."""

    async def check() -> None:
        async with sandbox() as harness:
            order = harness.order(
                1, payee_fps_id="7654321", payee_name_zh="舢舨", autopay_ms="0", project_id="7"
            )
            outcome = await harness.provider.start(order, harness.http)
            assert isinstance(outcome, Issued)
            view = await harness.bank.look_up(outcome.payload)
            assert view is not None
            assert (view.fps_id, view.payee_name_zh) == ("7654321", "舢舨")

    asyncio.run(check())


@pytest.mark.parametrize(
    "options",
    [{"scenario": "earthquake"}, {"autopay_ms": "soon"}, {"payee_name": "茶"}],
)
def test_impossible_option_is_refused(options: dict[str, str]) -> None:
    """An order that the bank cannot take is refused, not tried for ever."""

    async def check() -> None:
        async with sandbox() as harness:
            outcome = await harness.provider.start(harness.order(1, **options), harness.http)
            assert outcome == Refused("20100")

    asyncio.run(check())


def test_refused_order_is_reported() -> None:
    """The status of an order that the payer refused is a refusal."""

    async def check() -> None:
        async with sandbox() as harness:
            order = harness.order(1)
            await harness.provider.start(order, harness.http)
            await harness.bank.act(order.reference, "refuse")
            told = await harness.provider.status(order.reference, harness.http)
            assert told == Refused("20100")

    asyncio.run(check())


def test_other_secret_is_not_let_in() -> None:
    """Who does not know the secret learns nothing: no order is made, and none is called refused."""

    async def check() -> None:
        async with sandbox() as harness:
            config = ProviderConfig(base_url=harness.base_url, secret="guess")
            stranger = create(config, harness.clock)
            order = harness.order(1)
            assert isinstance(await stranger.start(order, harness.http), Unknown)
            assert isinstance(await stranger.status(order.reference, harness.http), Unknown)
            assert await harness.orders_count(order.reference) == 0

    asyncio.run(check())


@pytest.mark.parametrize("status", [401, 403, 408, 425, 429])
def test_busy_bank_is_unknown(status: int) -> None:
    """A bank that asks to come back later has refused nothing."""
    provider = create(
        ProviderConfig(base_url="http://127.0.0.1/bank", secret=SECRET), ManualClock()
    )
    http = ScriptedHttp(Answer(status, b"", truncated=False, duration_ms=1))
    assert isinstance(asyncio.run(provider.status("X", http)), Unknown)


CREDIT = {
    "type": "credit",
    "account": "1029384",
    "bank_txn_id": "FT1",
    "amount_minor": 100,
    "currency": "HKD",
    "reference": "",
    "booked_us": 1,
}
REFUSAL = {
    "type": "refusal",
    "account": "1029384",
    "notice_id": "RF1",
    "reference": "R",
    "code": "20301",
}


def _parsed(body: bytes) -> list[Notice]:
    clock = ManualClock()
    provider = create(ProviderConfig(base_url="http://127.0.0.1/bank", secret=SECRET), clock)
    headers = mark(SECRET, body, now_us=clock.now_us())
    raw = RawRequest(headers=headers, body=body, received_us=clock.now_us())
    return list(provider.parse_notification(raw))


def test_notices_of_both_kinds_are_read() -> None:
    """Credits and refusals of one notification come out in their order, as values of the port."""
    body = msgspec.json.encode({"notices": [CREDIT, REFUSAL]})
    assert _parsed(body) == [
        Credit(
            account="1029384",
            bank_txn_id="FT1",
            amount_minor=100,
            currency="HKD",
            reference="",
            booked_us=1,
        ),
        Refusal(account="1029384", notice_id="RF1", reference="R", code="20301"),
    ]


@pytest.mark.parametrize(
    "notice",
    [
        CREDIT | {"amount_minor": 0},
        CREDIT | {"amount_minor": -1},
        CREDIT | {"amount_minor": 1.5},
        CREDIT | {"amount_minor": "100"},
        CREDIT | {"amount_minor": 10**13 + 1},
        CREDIT | {"currency": "USD"},
        CREDIT | {"bank_txn_id": ""},
        CREDIT | {"reference": "a\x00b"},
        CREDIT | {"payer_name": "x" * 141},
        CREDIT | {"booked_us": 2**53},
        CREDIT | {"type": "gift"},
        REFUSAL | {"code": "x"},
        {"type": "credit"},
        [],
    ],
)
def test_marked_but_misshapen_notice_is_untrusted(notice: object) -> None:
    """The mark does not excuse a notice that says nothing sensible."""
    with pytest.raises(Untrusted):
        _parsed(msgspec.json.encode({"notices": [notice]}))


def test_marked_but_bottomless_notification_is_untrusted() -> None:
    """Nesting without end is refused, not followed."""
    with pytest.raises(Untrusted):
        _parsed(b'{"notices": [], "x": ' + b"[" * 60_000)


def test_empty_secret_is_a_fault_of_the_setup() -> None:
    """Nobody may run a bank whose mark everybody can make."""
    with pytest.raises(SetupError):
        create(ProviderConfig(base_url="http://127.0.0.1/bank", secret=""), ManualClock())


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that offers two providers, one of them broken."""
    info = tmp_path / "junk_bank-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: junk-bank\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sampan.providers]\n"
        "junk = sampan.providers.sandbox:create\n"
        "broken = sampan.providers.sandbox:no_such_thing\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()


@pytest.mark.usefixtures("installed")
def test_provider_of_another_package_is_found() -> None:
    """An installed package adds a provider by an entry point and nothing else."""
    config = ProviderConfig(base_url="http://127.0.0.1/bank", secret=SECRET)
    assert {"junk", "broken"} <= set(registry.available())
    assert registry.load("junk", config, clock=ManualClock()).id == 1


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["nobody", "broken"])
def test_provider_that_cannot_be_loaded_is_a_fault_of_the_setup(name: str) -> None:
    """The operator reads which provider is missing or broken, and which there are."""
    config = ProviderConfig(base_url="http://127.0.0.1/bank", secret=SECRET)
    with pytest.raises(SetupError, match=f"'{name}'.*junk|'{name}'.*no_such_thing"):
        registry.load(name, config, clock=ManualClock())
