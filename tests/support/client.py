"""An integrator's side of the wire for tests: HTTP by the standard library, signatures by the SDK.

Nothing of Sampan is used here, so that an outside implementation signs and verifies.
"""

from __future__ import annotations

import copy
import hmac
import http.client
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from payment_page_sdk.gate import Gate
from payment_page_sdk.signature_handler import SignatureHandler

from tests.support.merchant import Received
from tests.support.safe_profile import breaches

Body = dict[str, Any]
TIMEOUT_S: Final = 20.0
WEBHOOK_AGE_S_MAX: Final = 300
"""How old a webhook may be for the common verifiers (Standard Webhooks)."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON of whatever shape
        """The body read as JSON."""
        return json.loads(self.raw)

    @property
    def brief(self) -> tuple[int, str]:
        """HTTP status and the code of a refusal, `""` for an answer without one."""
        return self.status, self.body.get("code", "")


class Client:
    """Sends requests to a server, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._address = (parts.hostname, parts.port or 80)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send bytes and read the whole answer."""
        connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            got = connection.getresponse()
            named = {name.lower(): value for name, value in got.getheaders()}
            return Answer(got.status, named, got.read())
        finally:
            connection.close()

    def post(self, path: str, body: object) -> Answer:
        """Post bytes as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, body=raw, headers={"Content-Type": "application/json"})


def signed(body: Body, secret: str) -> Body:
    """Return a copy of a request with its signature: in `general` where there is one."""
    made = copy.deepcopy(body)
    holder = made.get("general", made)
    holder.pop("signature", None)
    holder["signature"] = SignatureHandler(secret).sign(made)
    return made


def assert_signed(body: Body, secret: str) -> None:
    """Check the signature of a signed answer with the SDK."""
    rest = copy.deepcopy(body)
    holder = rest if "signature" in rest else rest["general"]
    signature = holder.pop("signature")
    assert SignatureHandler(secret).check(rest, signature)


def assert_good_callback(got: Received) -> None:
    """Check everything that every callback promises, whatever it tells.

    The safe callback profile; the body's signature by the SDK under the current secret; the three
    Standard Webhooks headers over the very bytes that arrived, one signature for each valid
    secret; the other headers.
    """
    body = got.body
    assert breaches(body) == []
    # Three shop modules take this status for a failed order: an attempt must really have failed.
    if body["payment"]["status"] == "awaiting customer":
        assert body["payment"]["is_new_attempts_available"] == 1
        assert body["operation"]["status"] == "decline"
    Gate(got.secrets[0]).handle_callback(got.raw.decode())
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Sampan/")
    assert int(got.headers["x-sampan-attempt"]) >= 1
    stamp = got.headers["webhook-timestamp"]
    assert abs(got.clock_s - int(stamp)) <= WEBHOOK_AGE_S_MAX
    content = f"{got.headers['webhook-id']}.{stamp}.".encode() + got.raw
    assert got.headers["webhook-signature"] == webhook_signature(content, got.secrets)


def webhook_signature(content: bytes, secrets: Sequence[str]) -> str:
    """Return the header `webhook-signature` as the Standard Webhooks text defines it."""
    marks = [hmac.digest(secret.encode(), content, sha256) for secret in secrets]
    return " ".join(f"v1,{b64encode(mark).decode()}" for mark in marks)
