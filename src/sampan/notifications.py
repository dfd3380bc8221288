"""The door for banks. Answers 200 only after the commit.

`POST /notifications/{provider}`, and `POST /notifications/{provider}/{account}` for what is said of
one account and marked with its key.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sampan.clock import Clock
from sampan.errors import Refusal, SetupError
from sampan.flow.import_files import Addressed, take_file
from sampan.flow.notification import FindProject, take_notice
from sampan.providers.base import Provider, RawRequest, Unreadable, Untrusted
from sampan.providers.marks import mark_fault
from sampan.storage.engine import Store, Tx
from sampan.web.body import read_body

BODY_BYTES_MAX: Final = 1_048_576
FILE_BYTES_MAX: Final = 64 * 1_048_576
log = structlog.get_logger(__name__)


FindKeys = Callable[[Tx, str, str], tuple[str, tuple[str, ...]] | None]
"""(provider, account in the address) → how credits name it, and its keys; None: no such account."""


class Notifications:
    """Takes in what banks say."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        find_provider: Callable[[str], Provider],
        find_project: FindProject,
        find_keys: FindKeys,
    ) -> None:
        self._store = store
        self._clock = clock
        self._find_provider = find_provider
        self._find_project = find_project
        self._find_keys = find_keys

    def routes(self) -> list[Route]:
        """Return the door's routes."""
        return [
            Route("/notifications/{provider}", self.post, methods=["POST"]),
            Route("/notifications/{provider}/{account}", self.post, methods=["POST"]),
            Route(
                "/notifications/{provider}/{account}/statements",
                self.statement,
                methods=["POST"],
            ),
        ]

    async def post(self, request: Request) -> Response:
        """Take a provider's message in: all of its notices or none.

        401 when it does not carry the bank's mark, 404 for an unknown provider or account, 413 when
        too large, 422 with the reason for what carries the mark and cannot be read. The same
        message again is answered 200 and changes nothing.
        """
        name = request.path_params["provider"]
        try:
            provider = self._find_provider(name)
        except SetupError:
            return JSONResponse({"error": "unknown provider"}, 404)
        account, keys = "", tuple[str, ...]()
        if "account" in request.path_params:
            found = await self._keys(name, request.path_params["account"])
            if found is None:
                return JSONResponse({"error": "unknown account"}, 404)
            account, keys = found
        body = await read_body(request, bytes_max=BODY_BYTES_MAX)
        if body is None:
            return JSONResponse({"error": "too large"}, 413)
        raw = RawRequest(
            headers={key.lower(): value for key, value in request.headers.items()},
            body=body,
            received_us=self._clock.now_us(),
            account=account,
            keys=keys,
        )
        try:
            notices = provider.parse_notification(raw)
        except Unreadable as error:
            log.warning("notification cannot be read", provider=name, why=str(error))
            return JSONResponse({"error": "unreadable", "why": str(error)}, 422)
        except Untrusted as error:
            log.warning("notification refused", provider=name, why=str(error))
            return JSONResponse({"error": "not trusted"}, 401)

        def take(tx: Tx) -> None:
            for notice in notices:
                take_notice(
                    tx, name, notice, find_project=self._find_project, now_us=raw.received_us
                )

        await self._store.transact(take)
        return JSONResponse({"taken": len(notices)})

    async def statement(self, request: Request) -> Response:
        """Take a bank file of an account in, its bytes marked as a notification is.

        200 when all of it is kept, also when it was before; the entries are taken in behind the
        answer. 401, 404 and 413 as for notifications, 422 with the fault of a file that is refused.
        """
        params = request.path_params
        found = await self._keys(params["provider"], params["account"])
        if found is None:
            return JSONResponse({"error": "unknown account"}, 404)
        account, keys = found
        body = await read_body(request, bytes_max=FILE_BYTES_MAX)
        if body is None:
            return JSONResponse({"error": "too large"}, 413)
        headers = {key.lower(): value for key, value in request.headers.items()}
        now_us = self._clock.now_us()
        faults = [mark_fault(key, body, headers=headers, now_us=now_us) for key in keys]
        if None not in faults:
            log.warning("statement refused", account=account, why=faults)
            return JSONResponse({"error": "not trusted"}, 401)
        name = request.query_params.get("name", "statement")
        to = Addressed(params["provider"], account, name.replace("\0", ""), "bank")
        try:
            kept, is_new = await take_file(self._store, BytesIO(body), to=to)
        except Refusal as refusal:
            return JSONResponse({"error": refusal.message}, refusal.http_status)
        told = {"import": kept.id, "status": kept.status, "entries": kept.entries_count}
        if kept.status == "refused":
            return JSONResponse({"error": "refused", "why": kept.fault, **told}, 422)
        return JSONResponse({**told, "imported_before": not is_new})

    async def _keys(self, provider: str, account: str) -> tuple[str, tuple[str, ...]] | None:
        return await self._store.read(lambda tx: self._find_keys(tx, provider, account))
