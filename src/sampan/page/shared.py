"""The library with which a shop shows the page in its own: `/shared/merchant.js` and its styles."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sampan.web.render import static_files

NAMES: Final = ("merchant.js", "merchant.css")
MAX_AGE_S: Final = 300
"""The address never changes, so a shop's browser asks again after five minutes."""


def routes() -> list[Route]:
    """Return the routes of the library."""
    return [Route("/shared/{name}", _serve, methods=["GET"])]


async def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in NAMES:
        return Response("Not Found", 404, media_type="text/plain")
    file = static_files()[f"shared/{name}"]
    headers = {
        "Cache-Control": f"public, max-age={MAX_AGE_S}",
        # That address changes whenever the bytes change.
        "ETag": f'"{file.url}"',
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        # It is made to be loaded by the pages of others.
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    body = file.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = file.gzipped
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=file.media_type)
