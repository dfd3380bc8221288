"""The Data API's routes. Every answer is JSON, also for paths, methods and faults unforeseen."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sampan.clock import Clock
from sampan.codecs.signature import sign
from sampan.dataapi import balance, fields, query, refusals, times
from sampan.dataapi.query import Query
from sampan.dataapi.refusals import TooMany, bad, unknown
from sampan.dataapi.requests import Reader
from sampan.domain.rights import Right
from sampan.domain.texts import TEXT_CHARS_MAX
from sampan.errors import Refusal
from sampan.storage import operation_lists, projects
from sampan.storage.engine import Store, Tx
from sampan.storage.operation_lists import Listed
from sampan.storage.vault import Vault
from sampan.web.guarded import Guarded, Handler, Manners

_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class DataApi:
    """The signed JSON API for people's programs."""

    def __init__(self, store: Store, clock: Clock, *, vault: Vault) -> None:
        self._store = store
        self._reader = Reader(store, clock, vault=vault)

    def routes(self) -> list[Route]:
        """Return every route below `/v1`."""
        table: list[tuple[str, Handler]] = [
            ("/v1/operations/get", self.operations),
            ("/v1/operations/get-by-payment", self.operations_by_payment),
            ("/v1/balance/get", self.balance),
            ("/v1/{rest:path}", self.nowhere),
        ]
        return [Route(path, Guarded(handler, MANNERS), methods=_METHODS) for path, handler in table]

    async def operations(self, request: Request) -> Response:
        """`POST /v1/operations/get`: operations by their last update, the newest first."""
        signed = await self._reader.read(request, Right.VIEW_PAYMENTS)
        asked = query.read(signed.body)

        def look(tx: Tx) -> Sequence[Listed]:
            _check_projects(tx, asked)
            return operation_lists.listing(tx, asked.wanted, most=asked.most, skipped=asked.skipped)

        if asked.is_wide:
            await self._reader.space(signed.caller)
        rows = await self._store.read(look)
        secret = signed.caller.secret
        # A thousand operations take longer to write and sign than others should wait.
        return await asyncio.to_thread(_operations, rows, asked, secret=secret)

    async def operations_by_payment(self, request: Request) -> Response:
        """`POST /v1/operations/get-by-payment`: those of one payment, the newest first."""
        signed = await self._reader.read(request, Right.VIEW_PAYMENTS)
        payment_id = signed.body.get("payment_id")
        if not isinstance(payment_id, str) or not 1 <= len(payment_id) <= TEXT_CHARS_MAX:
            raise bad(f"payment_id must be a text of 1 to {TEXT_CHARS_MAX} characters")
        rows = await self._store.read(lambda tx: operation_lists.of_payment_id(tx, payment_id))
        told = [fields.told_of_payment(row, times.DEFAULT_ZONE) for row in rows]
        return _signed({"operations": told}, signed.caller.secret)

    async def balance(self, request: Request) -> Response:
        """`POST /v1/balance/get`: what each project holds, by currency."""
        signed = await self._reader.read(request, Right.FINANCE)
        told = await self._store.read(balance.listing)
        return _signed({"balance": told}, signed.caller.secret)

    async def nowhere(self, _: Request) -> Response:
        """Answer a path that does not exist."""
        raise refusals.other(404, "There is no such path")


def _check_projects(tx: Tx, asked: Query) -> None:
    """Raise `Refusal` 401 for a project that the account does not see."""
    if asked.wanted.project_ids is None:
        return
    known = projects.names(tx)
    for project_id in asked.wanted.project_ids:
        if project_id not in known:
            raise unknown(f"You have no access to project_id = {project_id}")


def _operations(rows: Sequence[Listed], asked: Query, *, secret: str) -> Response:
    told = [fields.told(row, asked.chosen, within=asked.within) for row in rows]
    return _signed({"operations": told}, secret)


def _signed(body: dict[str, Any], secret: str) -> Response:
    return _json({**body, "signature": sign(secret, body)})


def _json(body: object, http_status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    raw = msgspec.json.encode(body)
    return Response(raw, http_status, media_type="application/json", headers=headers)


def _refused(refusal: Refusal) -> Response:
    answer = _json(refusals.body(refusal), refusal.http_status)
    if isinstance(refusal, TooMany):
        answer.headers["Retry-After"] = str(refusal.wait_s)
    return answer


MANNERS: Final = Manners(
    name="data api",
    say=_refused,
    no_post=refusals.other(405, "Requests are made by POST"),
    failed=refusals.other(500, "The request could not be answered"),
)
