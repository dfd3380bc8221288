"""The bank's JSON door: orders for the platform, simulated payers and balances for tests.

Errors are `{"error": text}`. Orders carry the mark of `sampan.providers.sandbox`; the rest is open,
as nothing here is real.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sampan.bank.service import Bank, OrderRequest
from sampan.domain.codes import Code
from sampan.errors import Refusal, Unavailable
from sampan.providers.marks import mark_fault
from sampan.web.body import read_body

BODY_BYTES_MAX: Final = 65_536

Shape = TypeVar("Shape")
Handler = Callable[[Request], Awaitable[Response]]


class SimulateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A payer's action on the order of a reference or, without one, of a scanned QR."""

    action: str
    reference: Annotated[str, Meta(max_length=25)] = ""
    payload: Annotated[str, Meta(max_length=4_296)] = ""
    payer_name: str = "CHAN TAI MAN"


# Lax about numbers in texts: the options of a project travel as texts.
_ORDER: Final = msgspec.json.Decoder(OrderRequest, strict=False)
_SIMULATE: Final = msgspec.json.Decoder(SimulateRequest)


def routes(bank: Bank) -> list[Route]:
    """Return the routes of the door, all below `/bank/v1`."""

    async def order(request: Request) -> Response:
        body = await _body(request)
        _check_mark(bank, request, signed=body)
        return _json(await bank.order(_decoded(_ORDER, body)))

    async def find(request: Request) -> Response:
        _check_mark(bank, request, signed=request.url.path.encode())
        found = await bank.find(request.path_params["reference"])
        if found is None:
            raise Refusal(Code.NOT_FOUND, "no such order", http_status=404)
        return _json(found)

    async def simulate(request: Request) -> Response:
        asked = _decoded(_SIMULATE, await _body(request))
        reference = asked.reference
        if not reference:
            view = await bank.look_up(asked.payload)
            reference = view.reference if view else ""
        return _json(await bank.act(reference, asked.action, payer_name=asked.payer_name))

    async def account(request: Request) -> Response:
        fps_id = request.path_params["fps_id"]
        found = await bank.account(fps_id)
        if found is None:
            raise Refusal(Code.NOT_FOUND, "no such account", http_status=404)
        balances = await bank.books(fps_id)
        return _json({"fps_id": fps_id, "name": found.name, "balances": balances})

    return [
        Route("/bank/v1/orders", _guarded(order), methods=["POST"]),
        Route("/bank/v1/orders/{reference}", _guarded(find), methods=["GET"]),
        Route("/bank/v1/simulate", _guarded(simulate), methods=["POST"]),
        Route("/bank/v1/accounts/{fps_id}", _guarded(account), methods=["GET"]),
    ]


def _guarded(handler: Handler) -> Handler:
    """Turn what a handler may raise into the door's one shape of errors."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            return _json({"error": refusal.message}, refusal.http_status)
        except Unavailable as error:
            return _json({"error": str(error)}, HTTPStatus.SERVICE_UNAVAILABLE)

    return answer


async def _body(request: Request) -> bytes:
    """Read the body up to its limit; raises `Refusal` 413 above it."""
    body = await read_body(request, bytes_max=BODY_BYTES_MAX)
    if body is None:
        raise Refusal(Code.MALFORMED_REQUEST, "the body is too large", http_status=413)
    return body


def _check_mark(bank: Bank, request: Request, *, signed: bytes) -> None:
    fault = mark_fault(bank.secret, signed, headers=request.headers, now_us=bank.clock.now_us())
    if fault is not None:
        raise Refusal(Code.INVALID_SIGNATURE, fault, http_status=401)


def _decoded(decoder: msgspec.json.Decoder[Shape], body: bytes) -> Shape:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(Code.MALFORMED_REQUEST, f"unreadable: {error}") from error


def _json(answer: object, status: int = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(answer), status, media_type="application/json")
