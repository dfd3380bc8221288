"""The sandbox bank's app as a customer of the bank sees it: read a code, look, pay or refuse.

Every step is a page with an address of its own, so it can be reloaded, switched to another
language and used without JavaScript. What a page did once it does not do again when it is sent
again: a form carries the number of the receipt that it leads to.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sampan.bank.service import ActResult, Bank, PayView
from sampan.clock import Clock
from sampan.codecs import emv_qr, qr_image
from sampan.codecs.emv_reader import TEXT_CHARS_MAX
from sampan.domain.codes import Code, message
from sampan.errors import Refusal
from sampan.web.render import page, render
from sampan.web.security import page_headers, read_form, text_field

PATH: Final = "/bank"

ACTIONS: Final[Mapping[str, str]] = {
    "pay": "pay",
    "again": "pay",
    "refuse": "refuse",
    "short": "short",
    "over": "over",
    "twice": "twice",
    "wrong-currency": "wrong-currency",
    "late": "late",
}
"""What a button of the pages does → the word of `Bank.act` for it."""

RECEIPTS_MAX: Final = 1_000

_PICTURE_FORM_BYTES_MAX: Final = qr_image.IMAGE_BYTES_MAX + 65_536
_FORM_BYTES_MAX: Final = 32_768
_PICTURES_AT_ONCE_MAX: Final = 2
_TOKEN_BYTES: Final = 12
_SHOWN_CHARS_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text turned out to be: `view` when this bank can show it, else `problem`.

    `problem` is one of: nothing, too_long, link, text, damaged, other_scheme, checksum, unknown.
    `detail` says more about it (the payee of another scheme, the start of a text).
    """

    view: PayView | None = None
    problem: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the customer did and what the bank made of it."""

    view: PayView
    action: str
    result: ActResult
    at_us: int


def routes(bank: Bank, clock: Clock) -> list[Route]:
    """Return the pages of the bank app, all below `/bank`."""
    pages = _Pages(bank, clock)
    return [
        Route(PATH, _to_home, methods=["GET"]),
        Route(f"{PATH}/", page(pages.home), methods=["GET"]),
        Route(f"{PATH}/app/read", page(pages.read), methods=["POST"]),
        Route(f"{PATH}/pay", page(pages.pay), methods=["GET"]),
        Route(f"{PATH}/app/act", page(pages.act), methods=["POST"]),
        Route(f"{PATH}/receipts/{{token}}", page(pages.receipt), methods=["GET"]),
    ]


def classify(payload: str) -> Reading:
    """Say what is wrong with a text before anybody is asked about it; no problem is "" ."""
    if not payload:
        return Reading(problem="nothing")
    if len(payload) > TEXT_CHARS_MAX:
        return Reading(problem="too_long")
    try:
        decoded = emv_qr.decode(payload)
    except emv_qr.QrSyntaxError:
        shown = payload[:_SHOWN_CHARS_MAX]
        if payload.startswith("000201"):
            return Reading(problem="damaged")
        if "://" in payload[:_SHOWN_CHARS_MAX]:
            return Reading(problem="link", detail=shown)
        return Reading(problem="text", detail=shown)
    if (decoded.crc_found or "").upper() != decoded.crc_expected:
        return Reading(problem="checksum", detail=decoded.crc_found or "")
    if decoded.fps is None:
        fields = (decoded.fields.get(tag) for tag in ("59", "60", "58"))
        told = [field for field in fields if isinstance(field, str)]
        return Reading(problem="other_scheme", detail=", ".join(told))
    return Reading()


def _to(path: str, **query: str) -> Response:
    """Lead the browser on by GET, so that a reload repeats nothing."""
    address = PATH + path + (f"?{urlencode(query)}" if query else "")
    return RedirectResponse(address, status_code=303)


async def _to_home(_: Request) -> Response:
    return _to("/")


class _Pages:
    """The pages of one bank, and the receipts of what was done on them."""

    def __init__(self, bank: Bank, clock: Clock) -> None:
        self._bank = bank
        self._clock = clock
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()
        self._acting = asyncio.Lock()
        self._looking = asyncio.Semaphore(_PICTURES_AT_ONCE_MAX)

    async def home(self, request: Request) -> Response:
        """Show the ways to read a code; `?problem=` says what was wrong with the last one."""
        return self._home(request, Reading(problem=request.query_params.get("problem", "")))

    async def read(self, request: Request) -> Response:
        """Take a text or a picture and lead on to what it asks to pay."""
        try:
            form = await read_form(request, bytes_max=_PICTURE_FORM_BYTES_MAX)
        except Refusal as refusal:
            problem = (
                "too_large"
                if refusal.http_status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                else "nothing"
            )
            return _to("/", problem=problem)
        picture = form.get("picture")
        if isinstance(picture, UploadFile):
            image = await picture.read()
            await picture.close()
            return await self._read_picture(image) if image else _to("/", problem="nothing")
        return self._read_text(form)

    async def pay(self, request: Request) -> Response:
        """Show whom and how much a code asks to pay, with the buttons to do it."""
        payload = request.query_params.get("payload", "").strip()
        reading = await self._look_up(payload)
        if reading.view is None:
            return self._home(request, reading, payload=payload)
        context = {
            "payload": payload,
            "view": reading.view,
            "token": self._clock.token(_TOKEN_BYTES),
        }
        return render(request, "bank/pay.html", context=context)

    async def act(self, request: Request) -> Response:
        """Do what the customer chose, once, and lead to the receipt."""
        form = await read_form(request, bytes_max=_FORM_BYTES_MAX)
        payload, token = text_field(form, "payload"), text_field(form, "token")
        action = text_field(form, "action")
        if action not in ACTIONS or not token:
            raise Refusal(Code.MALFORMED_REQUEST, message(Code.MALFORMED_REQUEST))
        # A second click sends the same token while the first is still under way.
        async with self._acting:
            if token not in self._receipts:
                reading = await self._look_up(payload)
                taken = reading.view is not None and await self._acted(
                    token, reading.view, action=action
                )
                if not taken:
                    return _to("/pay", payload=payload)
        return _to(f"/receipts/{token}")

    async def receipt(self, request: Request) -> Response:
        """Show what was done. Receipts are few and kept in memory: an old one is gone."""
        receipt = self._receipts.get(request.path_params["token"])
        if receipt is None:
            return _to("/", problem="no_receipt")
        return render(request, "bank/receipt.html", context={"receipt": receipt})

    async def _acted(self, token: str, view: PayView, *, action: str) -> bool:
        """Act and keep the receipt; False where nothing was done, for the pay page says why."""
        # A confirm page left open in another tab must not pay by surprise what is paid already.
        if action == "pay" and (view.status != "open" or view.expired):
            return False
        try:
            result = await self._bank.act(view.reference, ACTIONS[action])
        except Refusal:
            return False
        self._receipts[token] = Receipt(view, action, result, self._clock.now_us())
        if len(self._receipts) > RECEIPTS_MAX:
            self._receipts.popitem(last=False)
        return True

    async def _look_up(self, payload: str) -> Reading:
        reading = classify(payload)
        if reading.problem:
            return reading
        view = await self._bank.look_up(payload)
        return Reading(problem="unknown") if view is None else Reading(view=view)

    async def _read_picture(self, image: bytes) -> Response:
        # Unpacking a photograph takes memory and time, so few at once and off the loop.
        async with self._looking:
            try:
                texts = await run_in_threadpool(qr_image.read, image)
            except qr_image.ImageError:
                problem = "too_large" if len(image) > qr_image.IMAGE_BYTES_MAX else "not_picture"
                return _to("/", problem=problem)
        if not texts:
            return _to("/", problem="no_code")
        # A poster may carry a web link beside the payment code.
        best = min(texts, key=lambda text: bool(classify(text).problem))
        return _to("/pay", payload=best[: TEXT_CHARS_MAX + 1])

    def _read_text(self, form: FormData) -> Response:
        text = text_field(form, "payload")
        if not text:
            return _to("/", problem="nothing")
        # A longer text would not fit into an address, and is no code anyway.
        if len(text) > TEXT_CHARS_MAX:
            return _to("/", problem="too_long")
        return _to("/pay", payload=text)

    def _home(self, request: Request, reading: Reading, *, payload: str = "") -> Response:
        return render(
            request,
            "bank/home.html",
            context={"reading": reading, "payload": payload},
            status=422 if reading.problem else 200,
            headers=page_headers(camera=True),
        )
