"""The mark on what is said between a bank and the platform: who said it, and when.

`x-bank-timestamp` is seconds UTC since the epoch, `x-bank-signature` the lower-case hexadecimal
HMAC-SHA-256, under a shared secret, of the timestamp, a dot and the body (for a GET: the path).
"""

import hmac
from collections.abc import Mapping
from typing import Final

from sampan.clock import SECOND_US

TIMESTAMP_HEADER: Final = "x-bank-timestamp"
SIGNATURE_HEADER: Final = "x-bank-signature"
WINDOW_S: Final = 300
"""A mark older or newer than this is refused, so that what was overheard cannot be said again."""
TIMESTAMP_DIGITS_MAX: Final = 12


def mark(secret: str, signed: bytes, *, now_us: int) -> dict[str, str]:
    """Return the two headers for a body (for a GET: its path) said at `now_us`."""
    timestamp = str(now_us // SECOND_US)
    return {
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: _hmac(secret, signed, timestamp=timestamp),
    }


def mark_fault(
    secret: str, signed: bytes, *, headers: Mapping[str, str], now_us: int
) -> str | None:
    """Say what is wrong with a mark, None when it is genuine and fresh. Never raises.

    `headers` has its names in lower case, or does not care about case.
    """
    timestamp = headers.get(TIMESTAMP_HEADER, "")
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > TIMESTAMP_DIGITS_MAX:
        return "no timestamp"
    if abs(now_us // SECOND_US - int(timestamp)) > WINDOW_S:
        return "stale timestamp"
    # Bytes, because compare_digest raises for text beyond ASCII and anybody may send some.
    given = headers.get(SIGNATURE_HEADER, "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, _hmac(secret, signed, timestamp=timestamp).encode()):
        return "wrong signature"
    return None


def _hmac(secret: str, signed: bytes, *, timestamp: str) -> str:
    # Unlike `hmac.digest` this keeps the interpreter's lock, and need not wait to get it back.
    return hmac.new(secret.encode(), timestamp.encode() + b"." + signed, "sha256").hexdigest()
