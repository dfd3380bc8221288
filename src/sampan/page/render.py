"""Payment Page as one HTML answer: styles, script and QR inside it, and a strict policy for them.

One round trip shows the QR. Nothing else is asked for, so what the answer may run and look like is
named by its hash, and no `unsafe-inline` is needed.
"""

import gzip
import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from sampan.domain.look import Look, accents, paper
from sampan.domain.project import Project
from sampan.flow.page import PageRequest
from sampan.page.returning import OpenedAs
from sampan.page.view import View
from sampan.web import i18n
from sampan.web.render import environment, static_files
from sampan.web.security import page_headers

GZIP_LEVEL: Final = 5
GZIP_BYTES_MIN: Final = 1_024
_NIGHT: Final = "#101615"
_STYLES: Final = ("tokens.css", "page/page.css")
_SCRIPT: Final = "page/page.js"
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_LINE_COMMENT: Final = re.compile(r"^\s*//.*$", re.MULTILINE)
_BLANKS: Final = re.compile(r"\n\s*")
_encode = msgspec.json.encode


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Who reads: the language of the page, whether it was chosen here, and how it was opened."""

    language: str
    chosen: str = ""
    opened: OpenedAs = OpenedAs.TAB

    def query(self, **more: str) -> str:
        """Return what every address of the page carries on: `?lang=…&mode=…`, or nothing."""
        mode = "" if self.opened is OpenedAs.TAB else self.opened.value
        named = {"lang": self.chosen, "mode": mode} | more
        kept = {name: value for name, value in named.items() if value}
        return f"?{urlencode(kept)}" if kept else ""


def reader(request: Request, asked: PageRequest, *, project: Project, opened: OpenedAs) -> Reader:
    """Choose the language: switched here, named by the request, the browser's, the project's.

    A `language_code` that names none of ours means English (Payment Page docs, languages).
    """
    switched = request.query_params.get("lang", "").lower()
    chosen = switched if switched in i18n.LANGUAGES else ""
    code = i18n.choose(
        (chosen, asked.language),
        request.headers.get("accept-language", ""),
        default=project.settings.page_language,
        unknown=i18n.DEFAULT,
    )
    return Reader(language=code, chosen=chosen, opened=opened)


def error_reader(request: Request) -> Reader:
    """Choose the language of an error page: as the refused request says, else the browser's."""
    query = request.query_params
    wishes = (query.get("lang"), query.get("language_code"))
    code = i18n.choose(wishes, request.headers.get("accept-language", ""))
    return Reader(language=code, opened=OpenedAs.read(query.get("frame_mode", "")))


def document(request: Request, view: View, *, reads: Reader, project: Project) -> Response:
    """Return the whole page."""
    styled = look_css(view.look)
    shown = context(view, reads) | {"look_css": Markup(styled)}  # noqa: S704 - colours alone
    text = environment(reads.language).get_template("page/page.html").render(shown)
    ancestors = project.settings.page_frame_ancestors
    headers = _headers(ancestors, styled=styled)
    return _answer(request, text, status=200, headers=headers, reads=reads)


def error(request: Request, status: int, *, code: str, reads: Reader) -> Response:
    """Return the page for a request that is not taken: human, and of no use to an attacker."""
    shown = {"status": status, "code": code, "reads": reads, "look_css": Markup("")}
    text = environment(reads.language).get_template("page/error.html").render(_common() | shown)
    # Whoever embeds a page must learn that it did not open.
    return _answer(request, text, status=status, headers=_headers("*", styled=""), reads=reads)


def news(view: View, *, reads: Reader) -> bytes:
    """Return a screen as JSON, for a page that is open."""
    template = environment(reads.language).get_template("page/screen.html")
    html = template.render(context(view, reads))
    return _encode({"version": view.version, "order": view.order, "html": html})


def context(view: View, reads: Reader) -> dict[str, object]:
    """Return what the templates of a screen work with; `picture` gives a picture's address."""
    own = {"view": view, "reads": reads, "picture": lambda name: f"{view.path}/{name}.img"}
    return _common() | own


@cache
def _common() -> dict[str, object]:
    return {
        "css": Markup(css()),  # noqa: S704 - a file of ours
        "js": Markup(js()),  # noqa: S704 - a file of ours
        "json": lambda value: Markup(_json_in_html(value)),  # noqa: S704 - escaped there
    }


def _json_in_html(value: object) -> str:
    """Write JSON that may stand inside a script element: nothing in it ends the element."""
    text = _encode(value).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def css() -> str:
    """Return the styles of the page in one text."""
    text = "".join(static_files()[name].plain.decode() for name in _STYLES)
    return _BLANKS.sub("\n", _COMMENT.sub("", text)).strip()


@cache
def js() -> str:
    """Return the script of the page without its comments."""
    text = static_files()[_SCRIPT].plain.decode()
    return _BLANKS.sub("\n", _LINE_COMMENT.sub("", text)).strip()


@lru_cache(256)
def look_css(look: Look) -> str:
    """Return the colours of a look; "" where it has none of its own."""
    light = dark = ""
    found = accents(look)
    if found:
        light, dark = (f"--accent:{one.colour};--accent-ink:{one.ink};" for one in found)
    if look.background:
        # A merchant's ground is a light one: at night the house's own stays.
        light += f"--paper:{paper(look)};"
        dark += f"--paper:{_NIGHT};"
    if not light:
        return ""
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _headers(ancestors: str, *, styled: str) -> dict[str, str]:
    styles = " ".join(hash_of(text) for text in (css(), styled) if text)
    return page_headers(
        frame_ancestors=ancestors,
        sources={"script-src": hash_of(js()), "style-src": styles},
        opener="same-origin-allow-popups",
    )


@lru_cache(256)
def hash_of(text: str) -> str:
    """Return the source by which a policy (CSP) knows an inline text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{b64encode(digest).decode()}'"


def _answer(
    request: Request, text: str, *, status: int, headers: Mapping[str, str], reads: Reader
) -> Response:
    body = text.encode()
    more = {"Content-Language": i18n.LANGUAGES[reads.language].html, "Vary": "Accept-Encoding"}
    if len(body) >= GZIP_BYTES_MIN and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        more["Content-Encoding"] = "gzip"
    return Response(body, status, headers={**headers, **more}, media_type="text/html")
