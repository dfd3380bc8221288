"""What protects the pages: headers, the origin of posts, bounds of forms, static files."""

from __future__ import annotations

import asyncio
import gzip
import re

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Message

from sampan.errors import Refusal
from sampan.web.render import page, render, static_files, static_routes, static_url
from sampan.web.security import is_own_post, page_headers, read_form, text_field

HOST = "pay.example:8700"


def request(
    method: str = "GET",
    path: str = "/",
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Request:
    """A request as a server would hand it over."""
    where, _, query = path.partition("?")
    given = {"host": HOST, **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "server": ("pay.example", 8700),
        "path": where,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope, receive)


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {"sec-fetch-site": "same-origin"}, True),
        ("POST", {"sec-fetch-site": "none"}, True),
        ("POST", {"sec-fetch-site": "cross-site"}, False),
        ("POST", {"sec-fetch-site": "same-site"}, False),
        ("POST", {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"}, False),
        ("POST", {"origin": f"http://{HOST}"}, True),
        ("POST", {"origin": "http://pay.example:9999"}, False),
        ("POST", {"origin": "https://evil.example"}, False),
        ("POST", {"origin": "null"}, False),
        ("POST", {"origin": "http://[evil.example"}, False),
        ("POST", {}, True),
    ],
)
def test_only_our_own_pages_may_post(
    method: str,
    headers: dict[str, str],
    expected: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """A browser that another site made post is turned away; programs are not browsers."""
    assert is_own_post(method, {"host": HOST, **headers}) is expected


def test_a_foreign_post_gets_a_page_and_changes_nothing() -> None:
    """The handler is not called."""

    @page
    async def handler(_: Request) -> Response:
        raise AssertionError("called")

    foreign = request("POST", headers={"sec-fetch-site": "cross-site"})
    answer = asyncio.run(handler(foreign))
    assert answer.status_code == 403
    assert b"Nothing was changed" in answer.body


@pytest.mark.parametrize(("status", "text"), [(404, b"nothing here"), (503, b"our side")])
def test_a_refusal_becomes_a_page(status: int, text: bytes) -> None:
    """The page has the refusal's status and none of its words."""

    @page
    async def handler(_: Request) -> Response:
        raise Refusal("1", "inner detail", http_status=status)

    answer = asyncio.run(handler(request()))
    assert answer.status_code == status
    assert text in answer.body
    assert b"inner detail" not in answer.body


def test_pages_allow_nothing_inline_and_nothing_foreign() -> None:
    """The policy starts from nothing and opens our own files alone."""
    headers = page_headers()
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "camera=()" in headers["Permissions-Policy"]
    assert "camera=(self)" in page_headers(camera=True)["Permissions-Policy"]


def test_the_language_of_the_address_is_remembered() -> None:
    """A page asked for in a language says so and sets the cookie; an unknown one sets none."""
    chosen = render(request(path="/x?a=1&lang=zh-hant"), "error.html", context={"status": 404})
    assert chosen.headers["content-language"] == "zh-Hant-HK"
    assert "lang=zh-hant" in chosen.headers["set-cookie"]
    assert b'href="?a=1&amp;lang=en"' in chosen.body
    unknown = render(request(path="/x?lang=xx"), "error.html", context={"status": 404})
    assert "set-cookie" not in unknown.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 411), ({"content-length": "many"}, 411), ({"content-length": "101"}, 413)],
)
def test_a_form_without_bounds_is_not_read(headers: dict[str, str], status: int) -> None:
    """What is too long, or does not say how long it is, is refused before it is read."""
    with pytest.raises(Refusal) as refused:
        asyncio.run(read_form(request("POST", headers=headers), bytes_max=100))
    assert refused.value.http_status == status


def test_a_form_is_read() -> None:
    """Fields come without blanks around them; a missing one is empty."""
    body = b"payload=+a+b+"
    headers = {
        "content-length": str(len(body)),
        "content-type": "application/x-www-form-urlencoded",
    }
    form = asyncio.run(read_form(request("POST", body=body, headers=headers), bytes_max=100))
    assert (text_field(form, "payload"), text_field(form, "other")) == ("a b", "")


def test_a_form_that_is_none_is_refused() -> None:
    """A body that does not keep to its own type is the sender's fault."""
    headers = {"content-length": "4", "content-type": "multipart/form-data"}
    with pytest.raises(Refusal) as refused:
        asyncio.run(read_form(request("POST", body=b"none", headers=headers), bytes_max=100))
    assert refused.value.http_status == 400


def fetched(path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a static file."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    given = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = request(path=path, headers=given)
    asyncio.run(Router(static_routes())(asked.scope, asked.receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"]


def test_a_static_file_is_kept_for_ever_under_its_hash() -> None:
    """The address changes with the bytes, so a copy never grows old."""
    status, headers, body = fetched(static_url("base.css"))
    assert status == 200
    assert "immutable" in headers["cache-control"]
    assert headers["content-type"].startswith("text/css")
    assert body == static_files()["base.css"].plain


def test_a_static_file_is_compressed_where_the_browser_can() -> None:
    """The compressed bytes are the same file."""
    _, headers, body = fetched(static_url("base.css"), accept_encoding="gzip, br")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == static_files()["base.css"].plain


def test_an_old_address_is_served_but_not_kept() -> None:
    """A page from before an upgrade still looks right."""
    status, headers, _ = fetched("/static/000000000000/base.css")
    assert (status, headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["none.css", "../render.py", "..%2frender.py"])
def test_only_static_files_are_served(name: str) -> None:
    """Files are looked up by name among those read at start; no path reaches the disk."""
    assert fetched(f"/static/x/{name}")[0] == 404


def test_no_file_asks_others() -> None:
    """No style, script or picture of ours names another site."""
    allowed = b"http://www.w3.org/2000/svg"
    files = static_files().items()
    named = re.compile(rb"https?://\w")
    assert [n for n, f in files if named.search(f.plain.replace(allowed, b""))] == []
