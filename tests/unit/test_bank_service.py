"""The sandbox bank: its scenarios, its books, its notices and its JSON door."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sampan.bank.door import routes
from sampan.bank.service import Action, Bank, OrderRequest, Scenario
from sampan.clock import SECOND_US, ManualClock
from sampan.codecs.emv_qr import FpsQr, decode, encode
from sampan.errors import Refusal
from sampan.outbound import Answer, Outbound, Policy
from sampan.providers.marks import mark
from sampan.storage import bank as rows
from sampan.storage import schema
from sampan.storage.engine import Store
from sampan.storage.open import open_store
from sampan.testing import serving
from tests.support.databases import sqlite_in

SECRET = "between bank and platform"
TIMEOUT_S = 20.0
LIFETIME_US = 600 * SECOND_US
GRACE_US = 300 * SECOND_US
PAYEE = "1029384"


@dataclass
class World:
    """A bank with its door, and a platform that takes its notices."""

    bank: Bank
    store: Store
    clock: ManualClock
    http: Outbound
    url: str = ""
    refusals_left: int = 0
    received: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    requests: asyncio.Queue[int] = field(default_factory=asyncio.Queue)

    def request(self, reference: str = "A", **changes: Any) -> OrderRequest:  # noqa: ANN401
        """An order over 500.00 in HKD, changed as told."""
        now_us = self.clock.now_us()
        asked: dict[str, Any] = {
            "reference": reference,
            "amount_minor": 50_000,
            "currency": "HKD",
            "expires_us": now_us + LIFETIME_US,
            "closes_us": now_us + LIFETIME_US + GRACE_US,
        }
        return msgspec.convert(asked | changes, OrderRequest)

    async def take(self, request: Request) -> Response:
        """Take a notification, or refuse it while `refusals_left`."""
        body = await request.body()
        if self.refusals_left:
            self.refusals_left -= 1
            self.requests.put_nowait(500)
            return Response(status_code=500)
        for notice in msgspec.json.decode(body)["notices"]:
            self.received.put_nowait(notice)
        self.requests.put_nowait(200)
        return Response()

    async def notices(self, count: int) -> list[dict[str, Any]]:
        """Run the bank until `count` notices have come."""
        async with self.running():
            return [await asyncio.wait_for(self.received.get(), TIMEOUT_S) for _ in range(count)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the bank deliver while the block lasts."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.bank.run(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def open_notices(self) -> list[int]:
        """When each notice that is not delivered is due, relative to now."""
        table = schema.bank_notices
        asked = select(table.c.due_us).where(table.c.status == "open").order_by(table.c.due_us)
        found = await self.store.read(lambda tx: tx.query(asked))
        return [row[0] - self.clock.now_us() for row in found]

    async def transfers(self) -> list[tuple[int, str]]:
        """Amount and currency of everything booked."""
        table = schema.bank_transfers
        asked = select(table.c.amount_minor, table.c.currency).order_by(table.c.id)
        found = await self.store.read(lambda tx: tx.query(asked))
        return [(row[0], row[1]) for row in found]

    async def send(self, path: str, asked: object, *, signed: bool = False) -> Answer:
        """Post JSON, or bytes as they are, to the bank's door."""
        body = asked if isinstance(asked, bytes) else msgspec.json.encode(asked)
        headers = mark(SECRET, body, now_us=self.clock.now_us()) if signed else {}
        return await self.http.post(self.url + path, body, headers=headers)


def with_world(check: Callable[[World], Awaitable[None]]) -> None:
    """Run a check in a new world."""

    async def run() -> None:
        clock = ManualClock()
        http = Outbound(Policy(allow_private=True))
        app = Starlette()
        with TemporaryDirectory() as folder:
            store = await open_store(sqlite_in(Path(folder)), clock, migrated=True)
            async with serving(app) as url:
                bank = Bank(store, clock, secret=SECRET, notify_url=f"{url}/notices", http=http)
                world = World(bank, store, clock, http, url)
                app.router.routes += [Route("/notices", world.take, methods=["POST"])]
                app.router.routes += routes(bank)
                try:
                    async with asyncio.timeout(TIMEOUT_S):
                        await check(world)
                finally:
                    await http.close()
                    await store.close()

    asyncio.run(run())


HKD_500 = (50_000, "HKD")

SCENARIOS: list[tuple[str, int, list[tuple[int, str]], list[str]]] = [
    ("by_amount", 50_000, [HKD_500], ["credit"]),
    ("by_amount", 40_000, [], ["20100"]),
    ("by_amount", 40_400, [], ["20100"]),
    ("by_amount", 90_000, [(89_900, "HKD")], ["credit"]),
    ("twice", 50_000, [HKD_500, HKD_500], ["credit", "credit"]),
    ("short", 50_000, [(49_900, "HKD")], ["credit"]),
    ("short", 100, [(50, "HKD")], ["credit"]),
    ("short", 1, [(1, "HKD")], ["credit"]),
    ("over", 50_000, [(50_100, "HKD")], ["credit"]),
    ("refused", 50_000, [], ["20301"]),
    ("notice_repeated", 50_000, [HKD_500], ["credit", "credit", "credit"]),
    ("bank_slow", 50_000, [HKD_500], ["credit"]),
    ("wrong_currency", 50_000, [(50_000, "CNY")], ["credit"]),
]


@pytest.mark.parametrize(("scenario", "amount_minor", "booked", "told"), SCENARIOS)
def test_scenario(
    scenario: str, amount_minor: int, booked: list[tuple[int, str]], told: list[str]
) -> None:
    """Each scenario books and tells exactly what it says when the payer confirms."""

    async def check(world: World) -> None:
        world.bank.slow_answer_s = 0.0
        await world.bank.order(world.request(amount_minor=amount_minor, scenario=scenario))
        result = await world.bank.act("A", "pay")
        notices = await world.notices(len(told))
        assert await world.transfers() == booked
        assert [notice.get("code", notice["type"]) for notice in notices] == told
        assert [
            (notice["amount_minor"], notice["currency"])
            for notice in {n["bank_txn_id"]: n for n in notices if "bank_txn_id" in n}.values()
        ] == booked
        assert result.amount_minor == sum(amount for amount, _ in booked)
        assert result.notices_count == len(told)
        assert result.status == ("paid" if booked else "refused")
        assert await world.open_notices() == []

    with_world(check)


def test_silent_bank_books_and_tells_nobody() -> None:
    """Under `silent` the money is there and no notice will ever come."""

    async def check(world: World) -> None:
        await world.bank.order(world.request(scenario="silent"))
        result = await world.bank.act("A", "pay")
        assert (result.notices_count, result.notice_due_us) == (0, None)
        assert await world.transfers() == [HKD_500]
        assert await world.open_notices() == []

    with_world(check)


def test_repeated_notice_is_the_same_money() -> None:
    """The three deliveries of `notice_repeated` name one bank transaction."""

    async def check(world: World) -> None:
        await world.bank.order(world.request(scenario="notice_repeated"))
        await world.bank.act("A", "pay")
        first, second, third = await world.notices(3)
        assert first == second == third

    with_world(check)


def test_old_refusal_comes_after_the_money() -> None:
    """Under `notice_out_of_order` the money's notice overtakes an older refusal."""

    async def check(world: World) -> None:
        await world.bank.order(world.request(scenario="notice_out_of_order"))
        await world.bank.act("A", "pay")
        assert await world.open_notices() == [0, SECOND_US]
        first = await world.notices(1)
        world.clock.advance(SECOND_US)
        first += await world.notices(1)
        assert [notice["type"] for notice in first] == ["credit", "refusal"]

    with_world(check)


@pytest.mark.parametrize(("scenario", "action"), [("late", "pay"), ("by_amount", "late")])
def test_late_notice_waits_for_the_end_of_all_grace(scenario: str, action: str) -> None:
    """Late money is booked at once and told a second after the order closes."""

    async def check(world: World) -> None:
        await world.bank.order(world.request(scenario=scenario))
        await world.bank.act("A", action)
        assert await world.transfers() == [HKD_500]
        assert await world.open_notices() == [LIFETIME_US + GRACE_US + SECOND_US]

    with_world(check)


def test_late_money_after_closing_is_told_at_once() -> None:
    """When the order has closed already, `late` needs no waiting."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        world.clock.advance(LIFETIME_US + GRACE_US + 2 * SECOND_US)
        await world.bank.act("A", "late")
        assert await world.open_notices() == [0]

    with_world(check)


def test_expired_code_is_not_paid_by_the_app() -> None:
    """After expiry `pay` is refused and nothing is booked; `late` still works."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        world.clock.advance(LIFETIME_US)
        with pytest.raises(Refusal) as refused:
            await world.bank.act("A", "pay")
        assert refused.value.http_status == 409
        assert await world.transfers() == []
        await world.bank.act("A", "late")
        assert await world.transfers() == [HKD_500]

    with_world(check)


def test_paying_again_is_a_second_transfer() -> None:
    """A code that is scanned and paid twice brings the money twice."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        await world.bank.act("A", "pay")
        await world.bank.act("A", "pay")
        one, two = await world.notices(2)
        assert one["bank_txn_id"] != two["bank_txn_id"]
        assert await world.bank.books(PAYEE) == {"HKD": 100_000, "CNY": 0}

    with_world(check)


@pytest.mark.parametrize(
    ("before", "action", "status"),
    [
        ("refuse", "pay", 409),
        ("refuse", "refuse", 409),
        ("pay", "refuse", 409),
        ("pay", "dance", 400),
    ],
)
def test_action_that_the_bank_will_not_do(before: str, action: str, status: int) -> None:
    """What is refused stays refused, what is paid cannot be refused, unknown words mean nothing."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        await world.bank.act("A", before)
        booked = await world.transfers()
        with pytest.raises(Refusal) as refused:
            await world.bank.act("A", action)
        assert refused.value.http_status == status
        assert await world.transfers() == booked

    with_world(check)


@pytest.mark.parametrize("reference", ["B", "", "\x00", "\udcff", "A" * 26])
def test_unknown_reference_is_not_found(reference: str) -> None:
    """No text that a caller may send for a reference does more than not be found."""

    async def check(world: World) -> None:
        assert await world.bank.find(reference) is None
        with pytest.raises(Refusal) as refused:
            await world.bank.act(reference, "pay")
        assert refused.value.http_status == 404

    with_world(check)


def test_order_is_idempotent_on_its_reference() -> None:
    """The same reference gives the first QR again, later and after payment too."""

    async def check(world: World) -> None:
        request = world.request()
        first = await world.bank.order(request)
        world.clock.advance(SECOND_US)
        assert await world.bank.order(request) == first
        await world.bank.act("A", "pay")
        again = await world.bank.order(request)
        assert (again.payload, again.status) == (first.payload, "paid")

    with_world(check)


def test_reference_for_another_sum_is_refused() -> None:
    """A reference that stands for another sum is refused and the first order stays."""

    async def check(world: World) -> None:
        first = await world.bank.order(world.request())
        with pytest.raises(Refusal) as refused:
            await world.bank.order(world.request(amount_minor=60_000))
        assert refused.value.http_status == 409
        assert await world.bank.find("A") == first

    with_world(check)


@pytest.mark.parametrize(
    ("mode", "bill_number", "reference_label", "told"),
    [
        ("none", None, None, ""),
        ("bill_number", "A", None, "A"),
        ("reference_label", None, "A", "A"),
        ("both", "A", "A", "A"),
    ],
)
def test_reference_travels_by_its_mode(
    mode: str, bill_number: str | None, reference_label: str | None, told: str
) -> None:
    """The code carries the reference where the mode says, and the notice tells what it carried."""

    async def check(world: World) -> None:
        order = await world.bank.order(world.request(reference_mode=mode))
        fps = decode(order.payload).fps
        assert fps is not None
        assert (fps.bill_number, fps.reference_label) == (bill_number, reference_label)
        view = await world.bank.look_up(order.payload)
        assert view is not None
        assert view.reference == "A"
        await world.bank.act(view.reference, "pay")
        (notice,) = await world.notices(1)
        assert notice["reference"] == told

    with_world(check)


def test_code_says_what_was_ordered() -> None:
    """The QR names payee, sum and expiry, for one use, with the amount locked."""

    async def check(world: World) -> None:
        request = world.request(payee_name="TEA HOUSE", payee_name_zh="茶樓", currency="CNY")
        order = await world.bank.order(request)
        read = decode(order.payload)
        fps = read.fps
        assert fps is not None
        assert (fps.proxy, fps.merchant_name, fps.merchant_name_zh) == (PAYEE, "TEA HOUSE", "茶樓")
        assert (fps.amount_minor, fps.currency, fps.amount_editable) == (50_000, "CNY", False)
        assert (fps.timeout_us, fps.one_off) == (request.expires_us, True)
        assert not read.warnings

    with_world(check)


def test_scanned_code_is_shown() -> None:
    """The app shows payee, sum, status and whether the code has expired."""

    async def check(world: World) -> None:
        order = await world.bank.order(world.request())
        await world.bank.act("A", "pay")
        world.clock.advance(LIFETIME_US)
        view = await world.bank.look_up(order.payload)
        assert view is not None
        assert (view.fps_id, view.payee_name) == (PAYEE, "SAMPAN DEMO SHOP")
        assert (view.amount_minor, view.currency) == HKD_500
        assert (view.status, view.expired) == ("paid", True)

    with_world(check)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "https://example.com",
        "\x00",
        encode(FpsQr(fps_id=PAYEE, amount_minor=50_000)),
        encode(FpsQr(fps_id=PAYEE, amount_minor=50_000, bill_number="B")),
        encode(FpsQr(fps_id=PAYEE, amount_minor=1, bill_number="A")),
        encode(FpsQr(fps_id="7654321", amount_minor=50_000, bill_number="A")),
        encode(FpsQr(fps_id=PAYEE, amount_minor=50_000, currency="CNY", bill_number="A")),
    ],
)
def test_foreign_or_altered_code_is_not_shown(payload: str) -> None:
    """What is no order of this bank, or no longer says what was ordered, is not known to it."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        assert await world.bank.look_up(payload) is None

    with_world(check)


def test_balances_are_the_sum_of_transfers() -> None:
    """After many orders and actions every balance is exactly the sum of its transfers."""

    async def check(world: World) -> None:
        chance = Random(7)
        payees = (PAYEE, "7654321")
        for number in range(60):
            request = world.request(
                f"R{number}",
                amount_minor=chance.choice([1, 99, 40_000, 50_000, 90_000]),
                currency=chance.choice(["HKD", "CNY"]),
                payee_fps_id=chance.choice(payees),
                scenario=chance.choice([s for s in Scenario if not s.startswith("bank_")]),
            )
            await world.bank.order(request)
            for _ in range(2):
                with suppress(Refusal):
                    await world.bank.act(f"R{number}", chance.choice(list(Action)))
        table = schema.bank_transfers
        summed = select(table.c.fps_id, table.c.currency, func.sum(table.c.amount_minor)).group_by(
            table.c.fps_id, table.c.currency
        )
        sums = {
            (row[0], row[1]): row[2] for row in await world.store.read(lambda tx: tx.query(summed))
        }
        assert len(sums) == 4
        for fps_id in payees:
            for currency, balance in (await world.bank.books(fps_id)).items():
                assert balance == sums[fps_id, currency]

    with_world(check)


def test_bank_pays_by_itself_once() -> None:
    """With autopay the bank pays when the time has come, once."""

    async def check(world: World) -> None:
        await world.bank.order(world.request(autopay_ms=5_000))
        async with world.running():
            assert world.received.empty()
            world.clock.advance(5 * SECOND_US)
            await asyncio.wait_for(world.received.get(), TIMEOUT_S)
            world.clock.advance(60 * SECOND_US)
        await world.bank.order(world.request("B"))
        await world.bank.act("B", "pay")
        assert [notice["reference"] for notice in await world.notices(1)] == ["B"]
        assert await world.transfers() == [HKD_500, HKD_500]

    with_world(check)


@pytest.mark.parametrize("action", ["pay", "refuse"])
def test_bank_does_not_pay_what_a_person_settled(action: str) -> None:
    """An action before its time takes the bank's own payment away."""

    async def check(world: World) -> None:
        await world.bank.order(world.request(autopay_ms=5_000))
        await world.bank.act("A", action)
        booked = await world.transfers()
        world.clock.advance(6 * SECOND_US)
        await world.notices(1)
        assert await world.transfers() == booked

    with_world(check)


def test_bank_that_was_down_pays_after_it_answered() -> None:
    """A bank that is down starts the time of its own payment with its first answer."""

    async def check(world: World) -> None:
        asked = msgspec.to_builtins(world.request(scenario="bank_down", autopay_ms=1_000))
        statuses = []
        for _ in range(4):
            answer = await world.send("/bank/v1/orders", asked, signed=True)
            statuses.append(answer.status)
            world.clock.advance(2 * SECOND_US)
        assert statuses == [503, 503, 503, 200]
        assert len(await world.notices(1)) == 1

    with_world(check)


def test_refused_notice_is_tried_again_with_growing_gaps() -> None:
    """A notice that is not taken comes again after 1, 2, 4 … 60 seconds, until it is."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        await world.bank.act("A", "pay")
        world.refusals_left = 8
        gaps = []
        for _ in range(8):
            async with world.running():
                assert await asyncio.wait_for(world.requests.get(), TIMEOUT_S) == 500
            (gap_us,) = await world.open_notices()
            gaps.append(gap_us // SECOND_US)
            world.clock.advance(gap_us)
        assert gaps == [1, 2, 4, 8, 16, 32, 60, 60]
        assert len(await world.notices(1)) == 1
        assert await world.open_notices() == []

    with_world(check)


def test_platform_that_breaks_off_gets_its_notice_later() -> None:
    """A connection that ends without an answer loses no notice."""

    async def check(world: World) -> None:
        called = asyncio.Event()

        def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()
            called.set()

        async with await asyncio.start_server(break_off, "127.0.0.1", 0) as away:
            port = away.sockets[0].getsockname()[1]
            bank = Bank(
                world.store,
                world.clock,
                secret=SECRET,
                notify_url=f"http://127.0.0.1:{port}/",
                http=world.http,
            )
            await world.bank.order(world.request())
            await world.bank.act("A", "pay")
            stop = asyncio.Event()
            running = asyncio.create_task(bank.run(stop))
            await called.wait()
            stop.set()
            await running
        assert await world.open_notices() == [SECOND_US]
        world.clock.advance(SECOND_US)
        assert len(await world.notices(1)) == 1

    with_world(check)


def test_claimed_notice_is_nobody_elses_until_the_lease_ends() -> None:
    """A lease keeps others away, ends, and then who lost it changes nothing any more."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        await world.bank.act("A", "pay")

        async def claim() -> list[rows.Notice]:
            now_us = world.clock.now_us()
            found = await world.store.transact(
                lambda tx: rows.claim_notices(
                    tx, now_us=now_us, lease_until_us=now_us + 30 * SECOND_US, most=10
                )
            )
            return list(found)

        (first,) = await claim()
        assert await claim() == []
        world.clock.advance(30 * SECOND_US)
        (second,) = await claim()
        assert second.id == first.id
        for notice, ended in ((first, False), (second, True)):
            finished = await world.store.transact(
                lambda tx, n=notice: rows.finish_notice(tx, n, copies_count=0, next_us=0)  # type: ignore[misc]
            )
            assert finished is ended

    with_world(check)


def test_banks_on_one_database_share_the_notices() -> None:
    """Two banks that run at once deliver each notice once."""

    async def check(world: World) -> None:
        other = Bank(
            world.store,
            world.clock,
            secret=SECRET,
            notify_url=f"{world.url}/notices",
            http=world.http,
        )
        for number in range(150):
            await world.bank.order(world.request(f"R{number}"))
            await world.bank.act(f"R{number}", "pay")
        stop = asyncio.Event()
        running = asyncio.create_task(other.run(stop))
        notices = await world.notices(150)
        stop.set()
        await running
        assert len({notice["reference"] for notice in notices}) == 150
        assert world.received.empty()

    with_world(check)


def test_name_of_the_payer_is_cut_to_print() -> None:
    """What a visitor types as a name reaches the platform printable and bounded."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        await world.bank.act("A", "pay", payer_name="陳\x00大\n文" + "x" * 500)
        (notice,) = await world.notices(1)
        assert notice["payer_name"] == "陳大文" + "x" * 137

    with_world(check)


def test_renamed_payee_keeps_the_account() -> None:
    """An order with another payee name renames the account and leaves its money alone."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        await world.bank.act("A", "pay")
        await world.bank.order(world.request("B", payee_name="NEW NAME"))
        account = await world.bank.account(PAYEE)
        assert account is not None
        assert account.name == "NEW NAME"
        assert (await world.bank.books(PAYEE))["HKD"] == 50_000

    with_world(check)


@pytest.mark.parametrize(
    ("body", "signed", "status"),
    [
        (b"{}", False, 401),
        (b"{}", True, 400),
        (b"{", True, 400),
        (b"[" * 60_000, True, 400),
        (b'"\xff"', True, 400),
        (b" " * 65_537, True, 413),
    ],
)
def test_door_refuses_in_one_shape(body: bytes, signed: bool, status: int) -> None:  # noqa: FBT001
    """Whatever is wrong with an order, the answer is an error text with its status."""

    async def check(world: World) -> None:
        answer = await world.send("/bank/v1/orders", body, signed=signed)
        assert answer.status == status
        assert list(msgspec.json.decode(answer.body)) == ["error"]

    with_world(check)


def test_door_refuses_an_old_mark() -> None:
    """An order that was overheard is worth nothing five minutes later."""

    async def check(world: World) -> None:
        body = msgspec.json.encode(world.request())
        headers = mark(SECRET, body, now_us=world.clock.now_us() - 301 * SECOND_US)
        answer = await world.http.post(f"{world.url}/bank/v1/orders", body, headers=headers)
        assert answer.status == 401

    with_world(check)


def test_door_plays_a_payer_for_a_scanned_code() -> None:
    """Anybody may play the payer with the text of a code, or with its reference."""

    async def check(world: World) -> None:
        order = await world.bank.order(world.request())
        for asked in ({"payload": order.payload}, {"reference": "A"}):
            answer = await world.send("/bank/v1/simulate", asked | {"action": "pay"})
            assert msgspec.json.decode(answer.body) == {
                "status": "paid",
                "amount_minor": 50_000,
                "currency": "HKD",
                "notices_count": 1,
                "notice_due_us": world.clock.now_us(),
            }

    with_world(check)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"reference": "B", "action": "pay"}, 404),
        ({"payload": "rubbish", "action": "pay"}, 404),
        ({"reference": "A", "action": "dance"}, 400),
        ({"reference": "A"}, 400),
        ({"reference": "A", "action": "late"}, 200),
    ],
)
def test_door_says_why_nothing_was_paid(asked: dict[str, str], status: int) -> None:
    """The simulated payer reads from the status whether the order or the request is at fault."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        assert (await world.send("/bank/v1/simulate", asked)).status == status

    with_world(check)


def test_door_tells_balances() -> None:
    """The door tells an account's name and balances, and 404 for one that no order has opened."""

    async def check(world: World) -> None:
        await world.bank.order(world.request())
        await world.bank.act("A", "pay")
        answer = await world.http.get(f"{world.url}/bank/v1/accounts/{PAYEE}")
        assert msgspec.json.decode(answer.body) == {
            "fps_id": PAYEE,
            "name": "SAMPAN DEMO SHOP",
            "balances": {"HKD": 50_000, "CNY": 0},
        }
        answer = await world.http.get(f"{world.url}/bank/v1/accounts/7654321")
        assert answer.status == 404

    with_world(check)
