"""What every page does for safety: response headers, refusing foreign posts, bounding forms."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from sampan.domain.codes import Code
from sampan.errors import Refusal

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FIELDS_MAX: Final = 100
_FILES_MAX: Final = 2


_SOURCES: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
}


def page_headers(
    *,
    frame_ancestors: str = "'none'",
    camera: bool = False,
    sources: Mapping[str, str] = _SOURCES,
    opener: str = "same-origin",
) -> dict[str, str]:
    """Return the headers of a page: only our own scripts, styles and forms, and no foreign frame.

    `frame_ancestors` is a source list of CSP for pages that a merchant may embed. `sources` are
    lists that stand in place of our usual ones. `camera` opens the camera to the page itself.
    `opener` is what is left between the page and whoever opened it.
    """
    lists = {**_SOURCES, **sources, "frame-ancestors": frame_ancestors}
    policy = "; ".join(f"{name} {allowed}" for name, allowed in lists.items())
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        # Not `no-referrer`: with it browsers post with `Origin: null`, and `is_own_post` could
        # not tell our forms from others where there is no Sec-Fetch-Site (plain http).
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": f"camera=({'self' if camera else ''}), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": opener,
        # Pages show a payment as it stands now.
        "Cache-Control": "no-store",
    }


def is_own_post(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request may change something: no page of another site made the browser send it.

    Browsers say where a request comes from by Sec-Fetch-Site, older ones and plain http by Origin.
    A request with neither was not made by a browser, so it borrows nobody's rights.
    """
    if method in _SAFE_METHODS:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    except ValueError:
        return False


async def read_form(request: Request, *, bytes_max: int) -> FormData:
    """Read a form of at most `bytes_max` bytes in all, with two files at most.

    Raises `Refusal` with HTTP status 411 where the length is not announced (the server holds a
    sender to what it announces), 413 where it is too long, 400 where the form is not one.
    """
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        raise Refusal(Code.MALFORMED_REQUEST, "Length Required", http_status=411)
    if int(length) > bytes_max:
        raise Refusal(Code.MALFORMED_REQUEST, "Content Too Large", http_status=413)
    kind = request.headers.get("content-type", "").lower()
    # Starlette would read a multipart form by any codec of Python's that a sender names, and some
    # give half characters or raise. Browsers name none.
    if "multipart" in kind and "charset" in kind:
        raise Refusal(Code.MALFORMED_REQUEST, "Malformed form")
    try:
        return await request.form(
            max_files=_FILES_MAX, max_fields=_FIELDS_MAX, max_part_size=bytes_max
        )
    except (MultiPartException, HTTPException) as error:
        # Inside an application the one comes as the other.
        raise Refusal(Code.MALFORMED_REQUEST, "Malformed form") from error


def text_field(form: FormData, name: str) -> str:
    """Return a text field without blanks around it; "" where it is missing or a file."""
    value = form.get(name)
    return "" if value is None or isinstance(value, UploadFile) else value.strip()
