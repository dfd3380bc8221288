"""What the sandbox bank offers: orders for QRs, the payer's actions, balances, and `run`."""

import asyncio
import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sampan.bank.courier import Courier
from sampan.bank.scenarios import (
    PAYER_NAME,
    Action,
    ActResult,
    Scenario,
    carry_out,
    deed,
    fault,
)
from sampan.clock import Clock
from sampan.codecs.emv_qr import (
    AMOUNT_MINOR_MAX,
    FpsQr,
    FpsView,
    QrError,
    QrSyntaxError,
    decode,
    encode,
)
from sampan.domain.codes import Code
from sampan.errors import Refusal, Unavailable
from sampan.outbound import Outbound
from sampan.storage import bank as rows
from sampan.storage.engine import Store, Tx

__all__ = ["ActResult", "Action", "Bank", "OrderRequest", "OrderView", "PayView", "Scenario"]

SLOW_ANSWER_S: Final = 2.0
DOWN_TRIES: Final = 3
PAYER_NAME_CHARS_MAX: Final = 140

Timestamp = Annotated[int, Meta(ge=0, lt=2**53)]

_REFERENCE: Final = re.compile("[0-9A-Za-z_-]{1,25}")
_FPS_ID: Final = re.compile("[0-9]{7,9}")


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform orders: minor units, microseconds UTC. Other members are ignored."""

    reference: Annotated[str, Meta(pattern="^[0-9A-Za-z_-]{1,25}$")]
    amount_minor: Annotated[int, Meta(ge=1, le=AMOUNT_MINOR_MAX)]
    currency: Literal["HKD", "CNY"]
    expires_us: Timestamp
    closes_us: Timestamp
    payee_fps_id: Annotated[str, Meta(pattern="^[0-9]{7,9}$")] = "1029384"
    payee_name: Annotated[str, Meta(min_length=1, max_length=25)] = "SAMPAN DEMO SHOP"
    payee_name_zh: Annotated[str, Meta(max_length=25)] = ""
    reference_mode: Literal["none", "bill_number", "reference_label", "both"] = "bill_number"
    scenario: Scenario = Scenario.BY_AMOUNT
    autopay_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the platform sees it: `status` is open, paid or refused."""

    status: str
    payload: str
    expires_us: int


class PayView(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank app shows of a scanned QR. Minor units, microseconds UTC."""

    reference: str
    fps_id: str
    payee_name: str
    payee_name_zh: str
    amount_minor: int
    currency: str
    status: str
    expires_us: int
    expired: bool


class Bank:
    """The bank. One for each process; several on one database share the work of `run`.

    `slow_answer_s` is how long the scenario `bank_slow` keeps an order waiting.
    """

    slow_answer_s: float = SLOW_ANSWER_S

    def __init__(
        self, store: Store, clock: Clock, *, secret: str, notify_url: str, http: Outbound
    ) -> None:
        self.clock = clock
        self.secret = secret
        self._store = store
        self._courier = Courier(store, clock, secret=secret, notify_url=notify_url, http=http)

    async def order(self, request: OrderRequest) -> OrderView:
        """Issue a QR; a repeat of the reference returns the first one.

        Raises `Refusal` when no QR can be made of it or the reference stands for another sum, and
        `Unavailable` for the first requests of the scenario `bank_down`: the order exists though.
        """
        now_us = self.clock.now_us()
        account = rows.Account(
            fps_id=request.payee_fps_id,
            name=request.payee_name,
            name_zh=request.payee_name_zh,
            created_us=now_us,
        )
        made = _make(request, now_us=now_us)

        def take(tx: Tx) -> rows.Order:
            rows.open_account(tx, account)
            kept = rows.put_order(tx, made)
            if (kept.amount_minor, kept.currency) != (made.amount_minor, made.currency):
                raise Refusal(
                    Code.PAYMENT_ID_EXISTS, "the reference names another order", http_status=409
                )
            return _count_try(tx, kept, now_us=now_us)

        kept = await self._store.transact(take)
        if kept.scenario == Scenario.BANK_SLOW:
            # After the commit: who loses patience has an order and does not know it.
            await asyncio.sleep(self.slow_answer_s)
        return _answer(kept)

    async def find(self, reference: str) -> OrderView | None:
        """Return an order, None for an unknown reference. Raises `Unavailable` as `order` does."""
        if not _REFERENCE.fullmatch(reference):
            return None
        kept = await self._store.read(lambda tx: rows.find_order(tx, reference))
        if kept is None:
            return None
        if kept.scenario == Scenario.BANK_DOWN:
            order, now_us = kept, self.clock.now_us()
            kept = await self._store.transact(lambda tx: _count_try(tx, order, now_us=now_us))
        return _answer(kept)

    async def look_up(self, payload: str) -> PayView | None:
        """Return what a scanned QR asks for; None when it is not an order of this bank."""
        try:
            fps = decode(payload).fps
        except QrSyntaxError:
            return None
        if fps is None or not payload.isprintable():
            return None

        def look(tx: Tx) -> tuple[rows.Order, rows.Account | None] | None:
            order = _scanned(tx, payload, fps=fps)
            return None if order is None else (order, rows.find_account(tx, order.fps_id))

        found = await self._store.read(look)
        if found is None:
            return None
        order, account = found
        return PayView(
            reference=order.reference,
            fps_id=order.fps_id,
            payee_name=account.name if account else "",
            payee_name_zh=account.name_zh if account else "",
            amount_minor=order.amount_minor,
            currency=order.currency,
            status=order.status,
            expires_us=order.expires_us,
            expired=self.clock.now_us() >= order.expires_us,
        )

    async def act(self, reference: str, action: str, *, payer_name: str = PAYER_NAME) -> ActResult:
        """Do what a payer does. `pay` follows the order's scenario, other actions name their own.

        Paying again is a second transfer, as with a real QR. `payer_name` is cut to 140 printable
        characters. Raises `Refusal`: 400 for an unknown action, 404 for an unknown reference, 409
        for `pay` after expiry, `refuse` after payment and anything but `late` after a refusal.
        """
        if action not in set(Action):
            raise Refusal(Code.MALFORMED_REQUEST, f"unknown action {action[:40]!r}")
        chosen = Action(action)
        payer = "".join(filter(str.isprintable, payer_name))[:PAYER_NAME_CHARS_MAX]
        now_us = self.clock.now_us()

        def do(tx: Tx) -> ActResult:
            known = _REFERENCE.fullmatch(reference)
            order = rows.find_order(tx, reference, held=True) if known else None
            if order is None:
                raise Refusal(Code.NOT_FOUND, "no such order", http_status=404)
            reason = fault(order, chosen, now_us=now_us)
            if reason is not None:
                raise Refusal(Code.STATUS_FORBIDS, reason, http_status=409)
            return carry_out(tx, order, done=deed(order, chosen), now_us=now_us, payer_name=payer)

        return await self._store.transact(do)

    async def account(self, fps_id: str) -> rows.Account | None:
        """Return an account, None when no order has opened it."""
        if not _FPS_ID.fullmatch(fps_id):
            return None
        return await self._store.read(lambda tx: rows.find_account(tx, fps_id))

    async def books(self, fps_id: str) -> dict[str, int]:
        """Return currency → balance in minor units: the sum of all transfers, 0 without any."""
        key = fps_id if _FPS_ID.fullmatch(fps_id) else ""
        return await self._store.read(lambda tx: rows.balances(tx, key))

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver due notices and make the bank's own payments until `stop` is set."""
        await self._courier.run(stop)


def _make(request: OrderRequest, *, now_us: int) -> rows.Order:
    """Make an order with its QR. Raises `Refusal` naming the field that no QR can carry."""
    mode = request.reference_mode
    qr = FpsQr(
        fps_id=request.payee_fps_id,
        currency=request.currency,
        amount_minor=request.amount_minor,
        timeout_us=request.expires_us,
        merchant_name=request.payee_name,
        merchant_name_zh=request.payee_name_zh or None,
        bill_number=request.reference if mode in {"bill_number", "both"} else None,
        reference_label=request.reference if mode in {"reference_label", "both"} else None,
    )
    try:
        payload = encode(qr)
    except QrError as error:
        raise Refusal(Code.MALFORMED_REQUEST, f"no QR can be made: {error}") from error
    # A bank that is down first pays by itself after it has answered once: see `_count_try`.
    armed = request.autopay_ms > 0 and request.scenario is not Scenario.BANK_DOWN
    return rows.Order(
        reference=request.reference,
        fps_id=request.payee_fps_id,
        payload=payload,
        reference_mode=mode,
        amount_minor=request.amount_minor,
        currency=request.currency,
        scenario=request.scenario,
        status="open",
        expires_us=request.expires_us,
        closes_us=request.closes_us,
        autopay_ms=request.autopay_ms,
        autopay_due_us=now_us + request.autopay_ms * 1000 if armed else None,
        tries_count=0,
        created_us=now_us,
    )


def _count_try(tx: Tx, order: rows.Order, *, now_us: int) -> rows.Order:
    """Count a request about an order of a bank that is down, up to the first that is answered."""
    if order.scenario != Scenario.BANK_DOWN or order.tries_count > DOWN_TRIES:
        return order
    order = rows.find_order(tx, order.reference, held=True) or order
    rows.count_try(tx, order.reference)
    if order.tries_count == DOWN_TRIES and order.autopay_ms and order.status == "open":
        rows.arm_autopay(tx, order.reference, due_us=now_us + order.autopay_ms * 1000)
    return msgspec.structs.replace(order, tries_count=order.tries_count + 1)


def _answer(order: rows.Order) -> OrderView:
    if order.scenario == Scenario.BANK_DOWN and order.tries_count <= DOWN_TRIES:
        raise Unavailable("the bank is down")
    return OrderView(status=order.status, payload=order.payload, expires_us=order.expires_us)


def _scanned(tx: Tx, payload: str, *, fps: FpsView) -> rows.Order | None:
    """Return the order of a QR, None when the QR was altered on its way."""
    reference = fps.bill_number or fps.reference_label
    found = rows.find_order(tx, reference) if reference else None
    order = found if reference else rows.find_order_by_payload(tx, payload)
    if order is None:
        return None
    asked = (order.fps_id, order.amount_minor, order.currency)
    return order if asked == (fps.proxy, fps.amount_minor, fps.currency) else None
