"""The demo shop: its pages, its requests to the Gate, and the door for the platform's callbacks.

It knows what any merchant knows: a project id, a secret and the public protocol.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from sampan.clock import Clock
from sampan.codecs import signature, strict_json
from sampan.domain.codes import Code, message
from sampan.errors import Refusal
from sampan.outbound import Answer, Outbound, OutboundError, TargetRefused
from sampan.shop.goods import CURRENCY, PRODUCTS, QUANTITY_MAX, lines
from sampan.shop.orders import FINAL, Order, OrderBook, Received, came, number, text
from sampan.web.render import page, render
from sampan.web.security import read_form, text_field

PATH: Final = "/shop"
SALE_PATH: Final = "/v2/payment/banks/hk-qr/sale"

CALLBACK_BYTES_MAX: Final = 1_048_576
_FORM_BYTES_MAX: Final = 16_384
_NAME_CHARS_MAX: Final = 100
_ID_BYTES: Final = 6
_TRIES: Final = 3
_TRY_GAP_S: Final = 1.0
_TRY_LIMIT_S: Final = 10.0
# A stream ends before common proxies cut it; the browser comes back by itself.
_STREAM_BEATS: Final = 4
_STREAM_BEAT_S: Final = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopConfig:
    """What a merchant gets from the platform, and where the two find each other.

    `gate_url` and `own_url` are origins without a slash at the end; `own_url` must be reachable
    for the platform. `bank_pay_url` opens the sandbox bank with a payload put behind it, "" where
    there is none.
    """

    project_id: int
    secret: str
    gate_url: str
    own_url: str
    bank_pay_url: str = "/bank/pay?payload="


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys. An address of the documentation network where the browser's is not known."""

    name: str = "Chan Tai Man"
    email: str = "taiman@example.com"
    ip_address: str = "198.51.100.47"


ANYBODY: Final = Buyer()
"""Who buys where nobody says who."""


class Shop:
    """A merchant with a shelf, a book of orders and a secret."""

    def __init__(self, config: ShopConfig, *, http: Outbound, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.orders = OrderBook()
        self._http = http

    async def buy(self, cart: Mapping[str, int], *, buyer: Buyer | None = None) -> Order:
        """Order what is in a cart (product id → pieces): sign a sale and send it to the Gate.

        Returns when the Gate has answered; what becomes of the payment is told by callbacks, see
        `Order.events`. An answer that never came is asked for again with the same body, which the
        Gate takes once. Raises ValueError for a cart in which there is nothing.
        """
        chosen = lines(cart)
        if not chosen:
            raise ValueError("the cart is empty")
        order = Order(
            id=f"HTH-{self.clock.token(_ID_BYTES).upper()}",
            lines=chosen,
            created_us=self.clock.now_us(),
            amount_minor=sum(line.amount_minor for line in chosen),
        )
        # Before anything is sent: the callback may overtake the answer.
        self.orders.add(order)
        order.request = self._sale(order, buyer or ANYBODY)
        await self._send(order)
        return order

    def receive(self, raw: bytes) -> bool:
        """Take a callback; False where it is unreadable or not signed for us, and has no effect."""
        try:
            body = strict_json.loads(raw)
        except strict_json.BadJson:
            return False
        if not isinstance(body, dict):
            return False
        order = self.orders.find(text(body, "payment", "id"))
        valid = number(body, "project_id") == self.config.project_id and signature.verify(
            [self.config.secret], body, signature=signature.find_signature(body)
        )
        # An order of another process or another day: taken, so that it is not sent for days.
        if order is not None:
            order.receive(Received(self.clock.now_us(), valid, body))
        return valid

    def _sale(self, order: Order, buyer: Buyer) -> dict[str, object]:
        """Return the signed request of a sale (Gate docs, hk-qr)."""
        first, _, last = buyer.name.partition(" ")
        page = f"{self.config.own_url}{PATH}/orders/{order.id}"
        general: dict[str, object] = {
            "project_id": self.config.project_id,
            "payment_id": order.id,
            "merchant_callback_url": f"{self.config.own_url}{PATH}/callbacks",
        }
        body: dict[str, object] = {
            "general": general,
            "customer": {
                "id": buyer.email,
                "ip_address": buyer.ip_address,
                "first_name": first,
                "last_name": last or first,
                "email": buyer.email,
            },
            "payment": {
                "amount": order.amount_minor,
                "currency": CURRENCY,
                "description": f"Harbour Tea House order {order.id}",
            },
            "return_url": {"success": page, "decline": page, "return": page},
        }
        general["signature"] = signature.sign(self.config.secret, body)
        return body

    async def _send(self, order: Order) -> None:
        """Post the sale, repeating it where no answer came, and keep what the Gate said."""
        raw = strict_json.dumps(order.request)
        for tried in range(_TRIES):
            if tried:
                await asyncio.sleep(_TRY_GAP_S)
            try:
                url = self.config.gate_url + SALE_PATH
                answer = await self._http.post(url, raw, timeout_s=_TRY_LIMIT_S)
            except TargetRefused:
                break
            except OutboundError:
                continue
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                _take_answer(order, answer)
                return
        order.refuse(Code.PROVIDER_UNAVAILABLE, message(Code.PROVIDER_UNAVAILABLE))


def _take_answer(order: Order, answer: Answer) -> None:
    """Keep the Gate's answer; a refusal ends the order."""
    try:
        body = strict_json.loads(answer.body)
    except strict_json.BadJson:
        body = None
    order.answer = body if isinstance(body, dict) else {}
    if answer.status != HTTPStatus.OK or order.answer.get("status") != "success":
        order.refuse(text(order.answer, "code"), text(order.answer, "message"))


def routes(shop: Shop) -> list[Route]:
    """Return the pages of the shop and its door for callbacks, all below `/shop`."""
    pages = _Pages(shop)
    order = f"{PATH}/orders/{{order_id}}"
    return [
        Route(PATH, _to_shelf, methods=["GET"]),
        Route(f"{PATH}/", page(pages.shelf), methods=["GET"]),
        Route(f"{PATH}/checkout", page(pages.checkout), methods=["GET"]),
        Route(f"{PATH}/orders", page(pages.place), methods=["POST"]),
        Route(order, page(pages.order), methods=["GET"]),
        Route(f"{order}/qr.png", page(pages.picture), methods=["GET"]),
        Route(f"{order}/state", page(pages.state), methods=["GET"]),
        Route(f"{order}/events", page(pages.events), methods=["GET"]),
        Route(f"{PATH}/callbacks", pages.callback, methods=["POST"]),
    ]


async def _to_shelf(_: Request) -> Response:
    return RedirectResponse(f"{PATH}/", status_code=303)


def _cart(values: QueryParams | FormData) -> dict[str, int]:
    """Return the cart in an address or a form; what is no number counts as none."""
    cart = {}
    for name in PRODUCTS:
        value = values.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            cart[name] = min(int(value[:4]), QUANTITY_MAX)
    return cart


class _Pages:
    """The pages of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def shelf(self, request: Request) -> Response:
        """Show what is for sale; the address may carry a cart to come back to."""
        context = {
            "products": PRODUCTS.values(),
            "cart": _cart(request.query_params),
            "quantity_max": QUANTITY_MAX,
            "currency": CURRENCY,
        }
        return render(request, "shop/shelf.html", context=context)

    async def checkout(self, request: Request) -> Response:
        """Show what was chosen and what it costs."""
        cart = _cart(request.query_params)
        chosen = lines(cart)
        if not chosen:
            return RedirectResponse(f"{PATH}/", status_code=303)
        context = {
            "lines": chosen,
            "total_minor": sum(line.amount_minor for line in chosen),
            "currency": CURRENCY,
            "query": urlencode(cart),
            "buyer": ANYBODY,
        }
        return render(request, "shop/checkout.html", context=context)

    async def place(self, request: Request) -> Response:
        """Place the order and lead to its page."""
        form = await read_form(request, bytes_max=_FORM_BYTES_MAX)
        buyer = Buyer(
            name=text_field(form, "name")[:_NAME_CHARS_MAX] or ANYBODY.name,
            email=text_field(form, "email")[:_NAME_CHARS_MAX] or ANYBODY.email,
            ip_address=request.client.host if request.client else ANYBODY.ip_address,
        )
        try:
            order = await self._shop.buy(_cart(form), buyer=buyer)
        except ValueError:
            return RedirectResponse(f"{PATH}/", status_code=303)
        return RedirectResponse(f"{PATH}/orders/{order.id}", status_code=303)

    async def order(self, request: Request) -> Response:
        """Show an order: the QR while it waits, the result when there is one."""
        order = self._find(request)
        stage = order.stage(self._shop.clock.now_us())
        bank = self._shop.config.bank_pay_url
        context = {
            "order": order,
            "stage": stage,
            "final": stage in FINAL,
            "currency": CURRENCY,
            "qr_data": base64.b64encode(order.qr_png).decode(),
            "left_s": max(order.expires_us - self._shop.clock.now_us(), 0) // 1_000_000,
            "bank_url": bank + urlencode({"": order.qr_payload})[1:] if bank else "",
        }
        return render(request, "shop/order.html", context=context)

    async def picture(self, request: Request) -> Response:
        """Send the QR as a file to keep."""
        order = self._find(request)
        if not order.qr_png:
            raise Refusal(Code.NOT_FOUND, message(Code.NOT_FOUND), http_status=404)
        headers = {
            "Content-Disposition": f'attachment; filename="{order.id}.png"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(order.qr_png, headers=headers, media_type="image/png")

    async def state(self, request: Request) -> Response:
        """Say where an order stands, for a page that asks again and again."""
        stage = self._find(request).stage(self._shop.clock.now_us())
        return JSONResponse({"stage": stage}, headers={"Cache-Control": "no-store"})

    async def events(self, request: Request) -> Response:
        """Say where an order stands whenever that changes, as server-sent events."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = self._stages(self._find(request))
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    async def callback(self, request: Request) -> Response:
        """Take a callback of the platform: 200 where its signature fits, else 400."""
        raw = bytearray()
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > CALLBACK_BYTES_MAX:
                return Response(status_code=413)
        return Response(status_code=200 if self._shop.receive(bytes(raw)) else 400)

    async def _stages(self, order: Order) -> AsyncIterator[str]:
        for _ in range(_STREAM_BEATS):
            news = order.news
            stage = order.stage(self._shop.clock.now_us())
            yield f"retry: 1000\ndata: {stage}\n\n"
            if stage in FINAL:
                return
            await came(news, _STREAM_BEAT_S)
        yield f"data: {order.stage(self._shop.clock.now_us())}\n\n"

    def _find(self, request: Request) -> Order:
        order = self._shop.orders.find(request.path_params["order_id"])
        if order is None:
            raise Refusal(Code.NOT_FOUND, message(Code.NOT_FOUND), http_status=404)
        return order
