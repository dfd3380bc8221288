"""What the Data API does not answer, each in its one shape (docs, 7.6)."""

from http import HTTPStatus
from typing import Any, Final

from sampan.domain.codes import Code
from sampan.errors import Refusal

NAMES: Final = {
    400: "Bad Request",
    401: "Authorization Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Error",
}
"""HTTP status → its name in the body."""
NO_ACCESS: Final = "The token or the signature is not valid"
"""One sentence for a token of nobody, a wrong signature and a person who is shut out."""
SERVICE_CODE: Final = 0
"""The member `code` is a code of the service and always this."""


class TooMany(Refusal):
    """Too many requests; `wait_s` is told in `Retry-After`."""

    def __init__(self, why: str, *, wait_s: int) -> None:
        super().__init__(Code.ACCESS_DENIED, why, http_status=HTTPStatus.TOO_MANY_REQUESTS)
        self.wait_s = wait_s


def bad(why: str) -> Refusal:
    """Return the refusal of a request that cannot be read (400)."""
    return Refusal(Code.MALFORMED_REQUEST, why, http_status=HTTPStatus.BAD_REQUEST)


def unknown(why: str = NO_ACCESS) -> Refusal:
    """Return the refusal of who is not known, or not for this project (401)."""
    return Refusal(Code.ACCESS_DENIED, why, http_status=HTTPStatus.UNAUTHORIZED)


def forbidden() -> Refusal:
    """Return the refusal of who has not the right (403)."""
    why = "Your account has no right to this section"
    return Refusal(Code.ACCESS_DENIED, why, http_status=HTTPStatus.FORBIDDEN)


def other(http_status: int, why: str) -> Refusal:
    """Return a refusal with another HTTP status of `NAMES`."""
    return Refusal(Code.ACCESS_DENIED, why, http_status=http_status)


def body(refusal: Refusal) -> dict[str, Any]:
    """Return the body of a refusal: unsigned, for there may be nobody to sign for."""
    return {
        "name": NAMES[refusal.http_status],
        "message": refusal.message,
        "code": SERVICE_CODE,
        "status": int(refusal.http_status),
    }
