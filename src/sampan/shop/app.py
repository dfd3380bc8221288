"""The demo shop: its pages, its orders at the platform, and the door for the platform's callbacks.

It knows what any merchant knows: a project id, a secret and the public protocol.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
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
from sampan.shop import paying
from sampan.shop.goods import CURRENCY, PRODUCTS, QUANTITY_MAX, lines
from sampan.shop.orders import (
    FINAL,
    PATH,
    Order,
    OrderBook,
    Received,
    Road,
    number,
    text,
)
from sampan.shop.paying import ANYBODY, SALE_PATH, Buyer, ShopConfig
from sampan.web.render import language_of, page, render
from sampan.web.security import page_headers, read_form, text_field
from sampan.web.waiting import came

__all__ = ["CALLBACK_BYTES_MAX", "Shop", "ShopConfig", "routes"]

CALLBACK_BYTES_MAX: Final = 1_048_576
_FORM_BYTES_MAX: Final = 16_384
_NAME_CHARS_MAX: Final = 100
_ID_BYTES: Final = 6
_OPEN_MARK: Final = "open"
_TRIES: Final = 3
_TRY_GAP_S: Final = 1.0
_TRY_LIMIT_S: Final = 10.0
# A stream ends before common proxies cut it; the browser comes back by itself.
_STREAM_BEATS: Final = 4
_STREAM_BEAT_S: Final = 12.0


class Shop:
    """A merchant with a shelf, a book of orders and a secret."""

    def __init__(self, config: ShopConfig, *, http: Outbound, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.orders = OrderBook()
        self._http = http

    async def buy(
        self, cart: Mapping[str, int], *, buyer: Buyer = ANYBODY, road: Road = Road.HERE
    ) -> Order:
        """Order what is in a cart (product id → pieces), to be paid on a road.

        In the shop: a signed sale is sent to the Gate, and the order returned when that has
        answered. An answer that never came is asked for again with the same body, which the Gate
        takes once. On the Payment Page: `Order.page_url` opens it, and nothing is sent. What
        becomes of the payment is told by callbacks, see `Order.events`. Raises ValueError for a
        cart in which there is nothing.
        """
        chosen = lines(cart)
        if not chosen:
            raise ValueError("the cart is empty")
        order = Order(
            id=f"HTH-{self.clock.token(_ID_BYTES).upper()}",
            lines=chosen,
            created_us=self.clock.now_us(),
            amount_minor=sum(line.amount_minor for line in chosen),
            road=road,
        )
        # Before anything is sent: the callback may overtake the answer.
        self.orders.add(order)
        if road is Road.HERE:
            order.request = paying.sale(self.config, order, buyer=buyer)
            await self._send(order)
        else:
            fields = paying.page_fields(self.config, order, buyer=buyer)
            order.request = dict(fields)
            order.page_url = paying.page_address(self.config, fields)
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
            "road": Road.read(request.query_params.get("road")),
        }
        # The order that the form places may lead to the Payment Page, by a redirect.
        sources = {"form-action": self._with_platform}
        headers = page_headers(sources=sources)
        return render(request, "shop/checkout.html", context=context, headers=headers)

    async def place(self, request: Request) -> Response:
        """Place the order and lead to its page, or to the Payment Page."""
        form = await read_form(request, bytes_max=_FORM_BYTES_MAX)
        buyer = Buyer(
            name=text_field(form, "name")[:_NAME_CHARS_MAX] or ANYBODY.name,
            email=text_field(form, "email")[:_NAME_CHARS_MAX] or ANYBODY.email,
            ip_address=request.client.host if request.client else ANYBODY.ip_address,
            language=language_of(request),
        )
        road = Road.read(form.get("road"))
        try:
            order = await self._shop.buy(_cart(form), buyer=buyer, road=road)
        except ValueError:
            return RedirectResponse(f"{PATH}/", status_code=303)
        # The mark lets the order's page open the window by itself, this once.
        to = {Road.PAGE: order.page_url, Road.WINDOW: f"{order.path}#{_OPEN_MARK}"}
        return RedirectResponse(to.get(road, order.path), status_code=303)

    async def order(self, request: Request) -> Response:
        """Show an order: the QR or the way to it while it waits, the result when there is one."""
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
            "platform": self._shop.config.page_origin,
            "has_window": order.road is Road.WINDOW and stage not in FINAL,
        }
        sources = self._window_sources() if context["has_window"] else {}
        headers = page_headers(sources=sources)
        return render(request, "shop/order.html", context=context, headers=headers)

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

    @property
    def _with_platform(self) -> str:
        """The shop's own origin and the platform's, as a source list of CSP."""
        return f"'self' {self._shop.config.page_origin}"

    def _window_sources(self) -> dict[str, str]:
        """Return what a page may load that opens the Payment Page by the platform's library."""
        lists = dict.fromkeys(("script-src", "style-src", "form-action"), self._with_platform)
        return lists | {"frame-src": self._shop.config.page_origin}

    def _find(self, request: Request) -> Order:
        order = self._shop.orders.find(request.path_params["order_id"])
        if order is None:
            raise Refusal(Code.NOT_FOUND, message(Code.NOT_FOUND), http_status=404)
        return order
