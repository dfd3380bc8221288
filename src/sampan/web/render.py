"""Pages from templates, and the static files that they use."""

import gzip
import hashlib
import json
import mimetypes
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sampan import money
from sampan.errors import Refusal
from sampan.web import i18n
from sampan.web.security import is_own_post, page_headers

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

TEMPLATES_FOLDER: Final = Path(__file__).parent / "templates"
STATIC_FOLDER: Final = Path(__file__).parent / "static"
STATIC_PATH: Final = "/static"

_COOKIE_AGE_S: Final = 365 * 24 * 3600
_HASH_CHARS: Final = 12


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A static file in memory, plain and compressed; `url` changes whenever its bytes change."""

    url: str
    media_type: str
    plain: bytes
    gzipped: bytes


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return every static file by its path below the static folder; read once."""
    found = {}
    for path in sorted(STATIC_FOLDER.rglob("*")):
        if path.is_file():
            name = path.relative_to(STATIC_FOLDER).as_posix()
            plain = path.read_bytes()
            digest = hashlib.sha256(plain).hexdigest()[:_HASH_CHARS]
            media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            found[name] = StaticFile(
                f"{STATIC_PATH}/{digest}/{name}", media_type, plain, gzip.compress(plain, mtime=0)
            )
    return found


def static_url(name: str) -> str:
    """Return the address of a static file; raises KeyError where there is none."""
    return static_files()[name].url


def static_routes() -> list[Route]:
    """Return the routes of the static files, to be served at the root of the platform."""
    return [Route(f"{STATIC_PATH}/{{digest}}/{{name:path}}", _static, name="static")]


async def _static(request: Request) -> Response:
    file = static_files().get(request.path_params["name"])
    if file is None:
        return Response("Not Found", status_code=404, media_type="text/plain")
    # Right after an upgrade an old page may ask by an old hash: it gets the new file, unkept.
    current = request.path_params["digest"] in file.url.split("/")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
        "X-Content-Type-Options": "nosniff",
        # An SVG opened by itself is a document: it may run nothing.
        "Content-Security-Policy": "default-src 'none'",
        "Vary": "Accept-Encoding",
    }
    body = file.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = file.gzipped
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=file.media_type)


@cache
def environment(code: str) -> Environment:
    """Return the template environment of a language: text escaped, unknown names an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES_FOLDER),
        autoescape=True,
        # Templates change with the program: asking the disk ten times a page finds nothing.
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    texts = i18n.translations(code)
    # The extension adds this method to the environment; types do not know it.
    made.install_gettext_callables(  # type: ignore[attr-defined]
        texts.ugettext, texts.ungettext, newstyle=True, pgettext=texts.upgettext
    )
    made.policies["ext.i18n.trimmed"] = True
    made.globals.update(
        static_url=static_url,
        language=i18n.LANGUAGES[code],
        languages=tuple(i18n.LANGUAGES.values()),
    )
    made.filters.update(
        money=i18n.money_text,
        plain=money.to_text,
        date_time=partial(i18n.date_time_text, code),
        time=partial(i18n.time_text, code),
        iso=lambda us: i18n.moment(us).isoformat(),
        pretty=partial(json.dumps, indent=2, ensure_ascii=False),
    )
    return made


def language_of(request: Request) -> str:
    """Return the code of the visitor's language: by address, cookie, browser, then default."""
    wishes = (request.query_params.get("lang"), request.cookies.get(i18n.COOKIE))
    return i18n.choose(wishes, request.headers.get("accept-language", ""))


def render(
    request: Request,
    template: str,
    *,
    context: Mapping[str, object] | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a page in the visitor's language; `?lang=` is remembered in a cookie.

    `headers` replace those of `page_headers()` as a whole. Templates find `request`, `language`
    and `switch` (language code → address of this page in it) beside the context.
    """
    code = language_of(request)
    switch = {
        other: "?" + str(request.url.include_query_params(lang=other).query)
        for other in i18n.LANGUAGES
    }
    text = (
        environment(code)
        .get_template(template)
        .render({"request": request, "switch": switch, **(context or {})})
    )
    response = HTMLResponse(text, status, headers=dict(headers or page_headers()))
    response.headers["Content-Language"] = i18n.LANGUAGES[code].html
    if request.query_params.get("lang", "").lower() in i18n.LANGUAGES:
        response.set_cookie(
            i18n.COOKIE,
            code,
            max_age=_COOKIE_AGE_S,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
    return response


def page(handler: Handler) -> Handler:
    """Wrap a handler of a page: posts of other sites are refused, a `Refusal` becomes a page."""

    @wraps(handler)
    async def guarded(request: Request) -> Response:
        if not is_own_post(request.method, request.headers):
            return _refused(request, 403)
        try:
            return await handler(request)
        except Refusal as refusal:
            return _refused(request, refusal.http_status)

    return guarded


def _refused(request: Request, status: int) -> Response:
    """Return a page that says what to do next and nothing that helps an attacker."""
    return render(request, "error.html", context={"status": status}, status=status)
