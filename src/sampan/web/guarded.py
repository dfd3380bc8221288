"""What stands around every handler of a signed JSON door."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sampan.errors import Refusal, Unavailable

Handler = Callable[[Request], Awaitable[Response]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a door answers: its name in the log, a refusal as an answer, and two that all have."""

    name: str
    say: Callable[[Refusal], Response]
    no_post: Refusal
    failed: Refusal

    def event(self, what: str) -> str:
        """Return what the log says when something happened at the door."""
        return f"{self.name} {what}"


class Guarded:
    """A handler as an ASGI endpoint: every way in which it may end is a JSON answer.

    Endpoints that are functions get two more wrappings from the framework, a tenth of what a sale
    costs before its transaction; this one does its own catching.
    """

    def __init__(self, handler: Handler, manners: Manners) -> None:
        self._handler = handler
        self._manners = manners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; nothing is answered to who has gone away meanwhile."""
        try:
            answer = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        manners = self._manners
        if request.method != "POST":
            answer = manners.say(manners.no_post)
            answer.headers["Allow"] = "POST"
            return answer
        try:
            return await self._handler(request)
        except Refusal as error:
            return manners.say(error)
        except ClientDisconnect:
            raise
        except Unavailable as error:
            log.warning(manners.event("unavailable"), why=str(error), path=request.url.path)
        except Exception:
            log.exception(manners.event("failed"), path=request.url.path)
        return manners.say(manners.failed)
