"""Every example of the Payment Page in a browser, without a platform behind it."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route
from starlette.requests import Request

from sampan.page import render
from sampan.page.render import Reader
from tests.support.page_examples import EXAMPLES, PROJECT, SHOP

ORIGIN: Final = "https://pay.example"
ERRORS: Final = {"error_400": 400, "error_404": 404, "error_500": 500}
NAMES: Final = [*EXAMPLES, *ERRORS]


def address(name: str, language: str) -> str:
    """Return where an example is shown."""
    return f"{ORIGIN}/example/{name}?lang={language}"


def serve(page: Page) -> None:
    """Let a browser's page find the examples; nothing else is answered."""
    page.route(f"{ORIGIN}/**", _answer)
    # A screen that leads away stays to be looked at.
    page.route(f"{SHOP}/**", lambda route: route.abort("aborted"))


def _answer(route: Route) -> None:
    parts = urlsplit(route.request.url)
    kind, _, name = parts.path.strip("/").partition("/")
    if kind != "example":
        pictures = {
            view.path + f"/{which}.img": picture
            for view in EXAMPLES.values()
            for which, picture in (("logo", view.look.logo), ("artwork", view.look.artwork))
            if picture
        }
        picture = pictures.get(parts.path)
        if picture is None:
            route.abort()
        else:
            route.fulfill(body=picture.data, content_type=picture.media_type)
        return
    language = parse_qs(parts.query)["lang"][0]
    scope = {
        "type": "http",
        "method": "GET",
        "path": parts.path,
        "query_string": parts.query.encode(),
        "headers": [],
    }
    request = Request(scope)
    if name in ERRORS:
        reads = Reader(language=language)
        answer = render.error(request, ERRORS[name], code="3261", reads=reads)
    else:
        view = EXAMPLES[name]
        reads = Reader(language=language, opened=view.opened)
        answer = render.document(request, view, reads=reads, project=PROJECT)
    route.fulfill(status=200, body=bytes(answer.body), headers=dict(answer.headers))
