"""Addresses of Payment Pages: opaque and unguessable, the same for the same signed request."""

import hmac
import re
from base64 import urlsafe_b64encode
from typing import Final

TOKEN_CHARS: Final = 24
"""144 bits: nobody guesses a page, and its address stays short enough for a small QR."""
PATH: Final = "/payment/s"
_TOKEN: Final = re.compile(f"[0-9A-Za-z_-]{{{TOKEN_CHARS}}}")


def is_token(text: str) -> bool:
    """Whether a text has the form of a page's token."""
    return bool(_TOKEN.fullmatch(text))


class PageLinks:
    """Makes the tokens of pages under a secret, and their addresses below a public origin."""

    def __init__(self, public_url: str, secret: str) -> None:
        self._public_url = public_url
        self._key = secret.encode()

    def token(self, project_id: int, digest: str) -> str:
        """Return the token of a request, which its digest marks."""
        drawn = hmac.digest(self._key, f"{project_id}/{digest}".encode(), "sha256")
        return urlsafe_b64encode(drawn).decode()[:TOKEN_CHARS]

    def url(self, token: str) -> str:
        """Return the public address of a page."""
        return f"{self._public_url}{PATH}/{token}"
