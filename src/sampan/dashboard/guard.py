"""The one place that decides who is let in: session, second factor, right, and forms of ours."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sampan.dashboard.desk import Desk
from sampan.dashboard.visit import (
    CODE,
    CSRF_FIELD,
    HOME,
    PATH,
    SECOND_FACTOR,
    SIGN_IN,
    Visit,
    csrf_of,
)
from sampan.dashboard.ways import Way, Who
from sampan.domain.codes import Code
from sampan.domain.rights import needs_second_factor, rights_of
from sampan.errors import Refusal, Unavailable
from sampan.flow import sign_in
from sampan.flow.sign_in import SignedIn
from sampan.web.security import is_own_post, read_form, text_field

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]
log = structlog.get_logger(__name__)

COOKIE_PLAIN: Final = "sampan_dashboard"
COOKIE_SECURE: Final = "__Host-sampan_dashboard"
"""Browsers take a cookie of this name only over TLS, for this host and for all of its paths."""
TOKEN_CHARS_MAX: Final = 128


def route(desk: Desk, way: Way) -> Route:
    """Return the route of a way: whoever may not go it never reaches its handler."""

    async def answer(request: Request) -> Response:
        visit = Visit(request=request, desk=desk, signed=None)
        try:
            visit = Visit(request=request, desk=desk, signed=await _signed_in(desk, request))
            instead = _instead(way, visit)
            if instead is not None:
                return instead
            form = await _own_form(way, visit)
            visit = Visit(request=request, desk=desk, signed=visit.signed, form=form)
            return await way.handler(visit)
        except Refusal as error:
            return refused(visit, error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Unavailable as error:
            log.warning("dashboard unavailable", why=str(error))
        except Exception:
            log.exception("dashboard failed")
        finally:
            # With the files in it. Starlette keeps it with the request, also when it was refused.
            await request.close()
        return refused(visit, Refusal(Code.INTERNAL_ERROR, "", http_status=500))

    return Route(PATH + way.path, answer, methods=[way.method])


def refused(visit: Visit, error: Refusal) -> Response:
    """Return the page that says why something was not done."""
    context = {"status": error.http_status, "why": error.message}
    return visit.page("refused.html", context, status=error.http_status)


def open_cookie(desk: Desk, response: Response, *, token: str) -> Response:
    """Put the token of a new session into the browser, until that is closed."""
    response.set_cookie(
        cookie_name(desk),
        token,
        path="/",
        secure=desk.is_secure,
        httponly=True,
        # Not strict: a link in a mail to a page of the Dashboard would then ask for a password.
        samesite="lax",
    )
    return response


def close_cookie(desk: Desk, response: Response) -> Response:
    """Take the token out of the browser."""
    response.delete_cookie(
        cookie_name(desk), path="/", secure=desk.is_secure, httponly=True, samesite="lax"
    )
    return response


def cookie_name(desk: Desk) -> str:
    """Return the name of the session's cookie."""
    return COOKIE_SECURE if desk.is_secure else COOKIE_PLAIN


async def _signed_in(desk: Desk, request: Request) -> SignedIn | None:
    token = request.cookies.get(cookie_name(desk), "")
    if not token or len(token) > TOKEN_CHARS_MAX:
        return None
    now_us = desk.clock.now_us()
    return await desk.store.transact(lambda tx: sign_in.touch(tx, token, now_us=now_us))


def _instead(way: Way, visit: Visit) -> Response | None:
    """Return where somebody is led who may not go a way yet; None who may.

    Raises `Refusal` with 403 for who has not the right.
    """
    signed, needs = visit.signed, way.needs
    if needs is Who.ANYBODY:
        return None
    if signed is None:
        return visit.go(f"{SIGN_IN}{_next(way, visit)}")
    if needs is Who.HALF:
        return None if signed.is_half else visit.go(HOME)
    if signed.is_half:
        return visit.go(f"{CODE}{_next(way, visit)}")
    if needs is Who.SIGNED_IN:
        return None
    if needs not in rights_of(signed.user.roles):
        raise Refusal(Code.ACCESS_DENIED, "", http_status=403)
    obliged = visit.desk.require_second_factor and needs_second_factor(signed.user.roles)
    return visit.go(SECOND_FACTOR) if obliged and not signed.user.has_totp else None


def _next(way: Way, visit: Visit) -> str:
    """Return the part of an address that leads back here; a form is not sent again."""
    if way.method != "GET" or way.path == "/":
        return ""
    url = visit.request.url
    return "?" + urlencode({"next": url.path + (f"?{url.query}" if url.query else "")})


async def _own_form(way: Way, visit: Visit) -> FormData:
    """Return the form of a POST. Raises `Refusal` with 403 for one that is not of this session."""
    request = visit.request
    if way.method == "GET":
        return FormData()
    if not is_own_post(request.method, request.headers):
        raise Refusal(Code.ACCESS_DENIED, "", http_status=403)
    form = await read_form(request, bytes_max=way.form_bytes_max)
    wanted = csrf_of(visit.desk, visit.signed)
    # `compare_digest` refuses texts beyond ASCII.
    given = text_field(form, CSRF_FIELD).encode("utf-8", "surrogatepass")
    if wanted and not hmac.compare_digest(given, wanted.encode()):
        raise Refusal(Code.ACCESS_DENIED, "", http_status=403)
    return form
