"""A merchant's end of the line: receives callbacks, verifies and reports them."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any, Final

from sampan import __version__
from sampan.cli.common import say
from sampan.codecs import signature, strict_json

BODY_BYTES_MAX: Final = 1_048_576
READ_S_MAX: Final = 15


@dataclass(frozen=True)
class Heard:
    """A callback as it came in. Texts are empty where the body does not have them.

    `attempt` is the platform's count of its attempts, else how often we have heard this payment.
    """

    status: str
    payment_id: str
    operation_status: str
    code: str
    signature_valid: bool
    attempt: int
    answered: int
    body: object


class Listener(ThreadingHTTPServer):
    """Answers every POST: 200, or 500 to the first `fail_first`, 400 to what is no callback."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        address: tuple[str, int],
        secrets: Sequence[str],
        *,
        fail_first: int,
        tell: Callable[[Heard], None],
    ) -> None:
        self._secrets = secrets
        self._fail_left = fail_first
        self._tell = tell
        self._lock = Lock()
        super().__init__(address, _Handler)

    def hear(self, raw: bytes, attempt: str | None) -> int:
        """Take a body in, report it, and return the HTTP status to answer."""
        body = _decoded(raw)
        with self._lock:
            answered = 200 if isinstance(body, dict) else 400
            if self._fail_left > 0:
                self._fail_left -= 1
                answered = 500
            message: dict[str, Any] = body if isinstance(body, dict) else {}
            number = int(attempt) if attempt and attempt.isascii() and attempt.isdigit() else 1
            heard = Heard(
                status=_text(message, "payment", name="status"),
                payment_id=_text(message, "payment", name="id"),
                operation_status=_text(message, "operation", name="status"),
                code=_text(message, "operation", name="code"),
                signature_valid=self._fits(message),
                attempt=number,
                answered=answered,
                body=body,
            )
            self._tell(heard)
        return answered

    def handle_error(self, request: object, client_address: object) -> None:
        """Say in one line that a connection broke; the listener goes on."""
        del request, client_address
        say(f"a connection failed: {sys.exc_info()[1]}")

    def _fits(self, message: dict[str, Any]) -> bool:
        given = signature.find_signature(message)
        return signature.verify(self._secrets, message, signature=given)


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    timeout = READ_S_MAX
    protocol_version = "HTTP/1.1"
    server_version = f"SampanListener/{__version__}"

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > BODY_BYTES_MAX:
            self._answer(411 if not length else 413)
            return
        raw = self.rfile.read(int(length))
        self._answer(self.server.hear(raw, self.headers.get("X-Sampan-Attempt")))

    def do_GET(self) -> None:
        self._answer(200)

    def log_message(self, *_: object) -> None:
        """Keep quiet: what arrives is reported by `Listener.hear`."""

    def _answer(self, status: int) -> None:
        told = json.dumps({"status": "ok" if status == HTTPStatus.OK else "error"}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


def _decoded(raw: bytes) -> object:
    try:
        return strict_json.loads(raw)
    except strict_json.BadJson:
        return raw.decode("utf-8", "replace")


def _text(message: dict[str, Any], group: str, *, name: str) -> str:
    inner = message.get(group)
    found = inner.get(name) if isinstance(inner, dict) else None
    return found if isinstance(found, str) else ""
