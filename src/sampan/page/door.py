"""Payment Page's routes: open, start, follow, try again, save the QR."""

from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from sampan.codecs import qr_image
from sampan.domain.codes import Code
from sampan.domain.page_links import PATH
from sampan.errors import Refusal, Unavailable
from sampan.page import pictures, render, shared
from sampan.page.handing import REQUEST_NAME
from sampan.page.pages import Page, Pages
from sampan.page.params import CheckUrl, refusal
from sampan.page.render import Reader, error_reader, reader
from sampan.page.requests import Opening, read_opening
from sampan.page.returning import OpenedAs
from sampan.storage.projects import Projects
from sampan.web.security import is_own_post

Handler = Callable[[Request], Awaitable[Response]]
log = structlog.get_logger(__name__)

POLL_S: Final = 20.0
STREAM_S: Final = 300.0
"""A stream ends by itself, and the page opens the next one."""
RETRY_MS: Final = 200
_LOOKING: Final = ("prefetch", "preview", "prerender")
_NO_STORE: Final = {"Cache-Control": "no-store"}
_encode = msgspec.json.encode


class PageDoor:
    """The hosted page."""

    def __init__(
        self, pages: Pages, *, projects: Projects, check_url: CheckUrl, font_file: str = ""
    ) -> None:
        self._pages = pages
        self._projects = projects
        self._check_url = check_url
        self._font_file = font_file

    def routes(self) -> list[Route]:
        """Return every route below `/payment`, and the library for embedding."""
        one = f"{PATH}/{{token}}"
        table: list[tuple[str, Handler, list[str]]] = [
            ("/payment", self.open, ["GET", "POST"]),
            ("/payment/generate-qr", self.generate_qr, ["POST"]),
            (one, self.resume, ["GET"]),
            (f"{one}/start", self.start, ["POST"]),
            (f"{one}/again", self.again, ["POST"]),
            (f"{one}/leave", self.leave, ["POST"]),
            (f"{one}/state", self.state, ["GET"]),
            (f"{one}/events", self.events, ["GET"]),
            (f"{one}/qr.png", self.picture, ["GET"]),
            (f"{one}/{REQUEST_NAME}", self.app_request, ["GET"]),
            (f"{one}/{{name}}.img", self.artwork, ["GET"]),
        ]
        guarded = [Route(path, _guarded(handler), methods=verbs) for path, handler, verbs in table]
        return [*guarded, *shared.routes()]

    async def open(self, request: Request) -> Response:
        """`GET` and `POST /payment`: the page of a signed request (Payment Page docs, opening).

        With one method there is nothing to choose, so the payment starts at once and the first
        answer shows the QR; but not for who only looks ahead, and not where the project or the way
        of embedding asks for a confirmation.
        """
        opening = await read_opening(request, self._projects)
        opened = OpenedAs.read(opening.fields.get("frame_mode", ""))
        settings = opening.project.settings
        looks = request.method == "HEAD" or _looks_ahead(request)
        at_once = not (looks or settings.page_confirm or opened is OpenedAs.EMBEDDED)
        token = await self._keep(request, opening, at_once=at_once)
        return await self._shown(request, token, opened=opened)

    async def generate_qr(self, request: Request) -> Response:
        """`POST /payment/generate-qr`: a picture of a QR that opens the page on another device."""
        try:
            opening = await read_opening(request, self._projects)
            token = await self._keep(request, opening, at_once=False)
        except Refusal as error:
            told = {"status": "error", "code": str(error.code), "message": error.message}
            return _json(_encode(told), error.http_status)
        url = self._pages.links.url(token)
        image = b64encode(qr_image.png(url)).decode()
        return _json(_encode({"img_src": f"data:image/png;base64,{image}", "url": url}))

    async def resume(self, request: Request) -> Response:
        """Show a page again: after a reload, in another tab, on another device."""
        return await self._shown(request, _token(request), opened=_opened(request))

    async def start(self, request: Request) -> Response:
        """The customer confirms, and the payment begins. A repeat begins nothing."""
        await self._pages.start(await self._pages.find(_token(request)))
        return await self._moved(request)

    async def again(self, request: Request) -> Response:
        """The customer tries again. Twice at once, or too late, begins nothing."""
        await self._pages.try_again(await self._pages.find(_token(request)))
        return await self._moved(request)

    async def leave(self, request: Request) -> Response:
        """The customer goes back to the shop instead of trying again."""
        await self._pages.give_up(await self._pages.find(_token(request)))
        return Response(status_code=204)

    async def state(self, request: Request) -> Response:
        """Say what the page shows; `?since=VERSION` waits for another screen, if need be in vain.

        `?wait=0` does not wait. The answer is always a whole screen.
        """
        query = request.query_params
        at_once = request.method == "HEAD" or query.get("wait") == "0"
        wait_s = 0.0 if at_once else POLL_S
        page, reads = await self._read(request)
        shown = self._pages.view(page, reads.opened)
        follow = self._pages.follow(page, reads.opened, since=query.get("since", ""), wait_s=wait_s)
        async for view in follow:
            if view is not None:
                shown = view
                break
        return _json(render.news(shown, reads=reads))

    async def events(self, request: Request) -> Response:
        """Say what the page shows whenever that changes, as server-sent events."""
        page, reads = await self._read(request)
        headers = {**_NO_STORE, "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        stream = self._stream(page, reads)
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    async def picture(self, request: Request) -> Response:
        """Send the QR as a picture to keep, with what it is for written under it."""
        page, reads = await self._read(request)
        view = self._pages.view(page, reads.opened)
        if view.qr is None:
            raise refusal(Code.NOT_FOUND, http_status=404)
        return await pictures.card(view, language=reads.language, font_file=self._font_file)

    async def app_request(self, request: Request) -> Response:
        """Send what a bank's app downloads to pay, where the project hands payments to apps."""
        made = self._pages.app_request(await self._pages.find(_token(request)))
        headers = {**_NO_STORE, "X-Content-Type-Options": "nosniff"}
        return Response(made.body, headers=headers, media_type=made.media_type)

    async def artwork(self, request: Request) -> Response:
        """Send a picture of the merchant's look: `logo` or `artwork`."""
        page = await self._pages.find(_token(request))
        return pictures.of_look(page.look, request.path_params["name"])

    async def _keep(self, request: Request, opening: Opening, *, at_once: bool) -> str:
        client = request.client.host if request.client else ""
        return await self._pages.open(
            opening, check_url=self._check_url, at_once=at_once, ip_address=client
        )

    async def _read(self, request: Request) -> tuple[Page, Reader]:
        page = await self._pages.find(_token(request))
        return page, reader(request, page.asked, project=page.project, opened=_opened(request))

    async def _shown(self, request: Request, token: str, *, opened: OpenedAs) -> Response:
        page = await self._pages.find(token)
        view = self._pages.view(page, opened)
        reads = reader(request, page.asked, project=page.project, opened=opened)
        return render.document(request, view, reads=reads, project=page.project)

    async def _moved(self, request: Request) -> Response:
        """Answer a form: the new screen for our script, the way to it for a browser without."""
        page, reads = await self._read(request)
        if "application/json" in request.headers.get("accept", ""):
            return _json(render.news(self._pages.view(page, reads.opened), reads=reads))
        return RedirectResponse(f"{PATH}/{page.session.token}{reads.query()}", status_code=303)

    async def _stream(self, page: Page, reads: Reader) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        follow = self._pages.follow(page, reads.opened, since="", wait_s=STREAM_S)
        async for view in follow:
            yield b"data: " + (render.news(view, reads=reads) if view else b"{}") + b"\n\n"


def _token(request: Request) -> str:
    token: str = request.path_params["token"]
    return token


def _opened(request: Request) -> OpenedAs:
    return OpenedAs.read(request.query_params.get("mode", ""))


def _looks_ahead(request: Request) -> bool:
    """Whether a browser fetches the page before anybody has asked to see it."""
    purpose = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    return any(word in purpose for word in _LOOKING)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, headers=_NO_STORE, media_type="application/json")


def _guarded(handler: Handler) -> Handler:
    """Wrap a handler: every way in which it may end is an answer for people."""

    async def answer(request: Request) -> Response:
        if request.url.path.startswith(PATH) and not is_own_post(request.method, request.headers):
            return _refused(request, refusal(Code.ACCESS_DENIED, http_status=403))
        try:
            return await handler(request)
        except Refusal as error:
            return _refused(request, error)
        except ClientDisconnect:
            # The body was cut off; whoever may still listen learns that nothing was taken.
            return Response(status_code=400)
        except Unavailable as error:
            log.warning("page unavailable", why=str(error))
        except Exception:
            log.exception("page failed")
        return _refused(request, refusal(Code.INTERNAL_ERROR, http_status=500))

    return answer


def _refused(request: Request, error: Refusal) -> Response:
    names = [fault.field for fault in error.faults]
    log.info("page refused", code=str(error.code), why=error.message, fields=names)
    return render.error(
        request, error.http_status, code=str(error.code), reads=error_reader(request)
    )
