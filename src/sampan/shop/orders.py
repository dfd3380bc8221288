"""Orders of the demo shop: what was asked of the platform, what it said, where the order stands.

Kept in the memory of one process and bounded, for this is a demo; a real shop keeps them in its
database and changes nothing else.
"""

import asyncio
import base64
import binascii
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sampan.clock import SECOND_US
from sampan.shop.goods import CURRENCY, Line
from sampan.web.waiting import came

PATH: Final = "/shop"
"""Below it lies the whole shop."""
ORDERS_MAX: Final = 10_000
CALLBACKS_MAX: Final = 50
"""Callbacks kept with an order; what comes after is still obeyed."""

_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_TIME_OUT: Final = "20602"


class Stage(StrEnum):
    """Where an order stands for the customer; the words of the shop, not of the platform."""

    SENDING = "sending"
    ON_PAGE = "on_page"
    RETRY = "retry"
    WAITING = "waiting"
    EXPIRED = "expired"
    PAID = "paid"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


class Road(StrEnum):
    """How the customer pays: in the shop, on the Payment Page, on that page over the shop's."""

    HERE = "here"
    PAGE = "page"
    WINDOW = "window"

    @classmethod
    def read(cls, said: object) -> "Road":
        """Return the road that a form or an address names; in the shop where it names none."""
        return next((road for road in cls if road == said), cls.HERE)


FINAL: Final = frozenset({Stage.PAID, Stage.DECLINED, Stage.TIMED_OUT, Stage.FAILED})


@dataclass(frozen=True, slots=True)
class Received:
    """A callback as it came: its body, whether its signature fits, the status that it tells."""

    at_us: int
    signature_valid: bool
    body: Mapping[str, object]

    @property
    def status(self) -> str:
        """The payment's status; "" where the body tells none."""
        return text(self.body, "payment", "status")


@dataclass(slots=True)
class Order:
    """A sale of the shop. `id` is the `payment_id` on the wire and stands in its address.

    `request` is what the shop signed: for the Gate, or for the Payment Page that `page_url` opens.
    """

    id: str
    lines: tuple[Line, ...]
    created_us: int
    amount_minor: int
    road: Road = Road.HERE
    page_url: str = ""
    request: dict[str, object] = field(default_factory=dict)
    answer: dict[str, object] = field(default_factory=dict)
    callbacks: list[Received] = field(default_factory=list)
    status: str = ""
    code: str = ""
    message: str = ""
    qr_png: bytes = b""
    qr_payload: str = ""
    expires_us: int = 0
    retry_until_us: int = 0
    paid_minor: int = 0
    paid_currency: str = ""
    finished_us: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def stage(self, now_us: int) -> Stage:
        """Say where the order stands."""
        if self.status == "success":
            return Stage.PAID
        if self.status == "decline":
            return Stage.TIMED_OUT if self.code == _TIME_OUT else Stage.DECLINED
        if self.status in {"error", "refused"}:
            return Stage.FAILED
        if self.road is not Road.HERE:
            # The page tells of no step between, but for an attempt that failed.
            return Stage.RETRY if now_us < self.retry_until_us else Stage.ON_PAGE
        if not self.qr_png:
            return Stage.SENDING
        return Stage.WAITING if now_us < self.expires_us else Stage.EXPIRED

    @property
    def path(self) -> str:
        """Its address in the shop."""
        return f"{PATH}/orders/{self.id}"

    @property
    def paid_as_asked(self) -> bool:
        """Whether the money is what the order costs; a merchant compares, always."""
        return (self.paid_minor, self.paid_currency) == (self.amount_minor, CURRENCY)

    def refuse(self, code: str, message: str) -> None:
        """Note that the platform did not take the order."""
        if not self.status:
            self.status, self.code, self.message = "refused", code, message
        self.wake()

    def receive(self, received: Received) -> None:
        """Obey a callback. Repeats and late news change nothing; success is never taken back."""
        if len(self.callbacks) < CALLBACKS_MAX:
            self.callbacks.append(received)
        if received.signature_valid:
            self._obey(received)
        self.wake()

    def wake(self) -> None:
        """Tell everybody who waits that something has changed."""
        waited, self._changed = self._changed, asyncio.Event()
        waited.set()

    @property
    def news(self) -> asyncio.Event:
        """The event that the next change sets; taken before looking, so that none is missed."""
        return self._changed

    async def events(self, timeout_s: float) -> AsyncIterator[Received]:
        """Yield every callback from the first on, as they come, until the result is known.

        Raises TimeoutError when nothing changes for `timeout_s`.
        """
        seen = 0
        while True:
            while seen < len(self.callbacks):
                seen += 1
                yield self.callbacks[seen - 1]
            if self.stage(0) in FINAL:
                return
            if not await came(self.news, timeout_s):
                raise TimeoutError(f"no callback for order {self.id} within {timeout_s:g} s")

    def _obey(self, received: Received) -> None:
        final = {"success", "decline", "error"}
        status = received.status
        # A decline may still become a success, by money that came late and was accepted.
        if self.status == "success" or (self.status in final and status != "success"):
            return
        self.status = status
        self.code = text(received.body, "operation", "code")
        self.message = text(received.body, "operation", "message")
        if status in final:
            self.finished_us = received.at_us
            self.paid_minor = number(received.body, "payment", "sum", "amount")
            self.paid_currency = text(received.body, "payment", "sum", "currency")
        else:
            self._keep_qr(received)
            self._keep_retry(received)

    def _keep_qr(self, received: Received) -> None:
        """Take over what the customer must be shown: the picture, its text and its expiry."""
        png = _picture(received.body.get("display_data"))
        if png:
            self.qr_png = png
            self.qr_payload = text(received.body, "qr", "payload")
            lifetime_s = number(received.body, "qr", "lifetime")
            expires_us = _moment_us(text(received.body, "qr", "expires_at"))
            self.expires_us = expires_us or received.at_us + lifetime_s * SECOND_US

    def _keep_retry(self, received: Received) -> None:
        """Take over until when the customer may make another attempt, after one that failed."""
        may = number(received.body, "payment", "is_new_attempts_available") == 1
        left_s = number(received.body, "payment", "attempts_timeout") if may else 0
        self.retry_until_us = received.at_us + left_s * SECOND_US if left_s else 0


class OrderBook:
    """The last `ORDERS_MAX` orders by id; the oldest makes room for the newest."""

    def __init__(self) -> None:
        self._orders: OrderedDict[str, Order] = OrderedDict()

    def add(self, order: Order) -> None:
        """Keep an order, and forget the oldest where there are too many."""
        self._orders[order.id] = order
        if len(self._orders) > ORDERS_MAX:
            self._orders.popitem(last=False)

    def find(self, order_id: str) -> Order | None:
        """Return an order, or None where it never was or is forgotten."""
        return self._orders.get(order_id)


def _member(body: Mapping[str, object], path: tuple[str, ...]) -> object:
    node: object = body
    for name in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(name)
    return node


def text(body: Mapping[str, object], *path: str) -> str:
    """Return a text inside a message; "" where there is none."""
    found = _member(body, path)
    return found if isinstance(found, str) else ""


def number(body: Mapping[str, object], *path: str) -> int:
    """Return an integer inside a message; 0 where there is none."""
    found = _member(body, path)
    return found if isinstance(found, int) else 0


def _picture(display_data: object) -> bytes:
    """Return the first PNG among the display data; b"" where there is none."""
    for item in display_data if isinstance(display_data, list) else ():
        data = item.get("data") if isinstance(item, Mapping) else None
        try:
            found = base64.b64decode(data, validate=True) if isinstance(data, str) else b""
        except binascii.Error:
            continue
        if found.startswith(_PNG_START):
            return found
    return b""


def _moment_us(written: str) -> int:
    """Read a time of the wire (`2025-01-01T00:00:01+0000`); 0 where it is none."""
    try:
        moment = datetime.strptime(written, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return 0
    return int(moment.timestamp()) * SECOND_US
