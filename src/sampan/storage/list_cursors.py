"""Cursors: where a list of payments goes on, as a text that only fits its filter."""

import base64
import hashlib
import struct
from typing import Final

Place = tuple[int, int]
"""Where a row stands in a list: when it was made, and its id."""

_MARK_BYTES: Final = 8
_PLACE: Final = struct.Struct(">qq")


def _mark(place: bytes, wanted: object) -> bytes:
    """Return what binds a place to its filter. It finds mistakes; it guards no secret."""
    said = repr(wanted).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(place + said, digest_size=_MARK_BYTES).digest()


def cursor(place: Place, wanted: object) -> str:
    """Return the cursor of what follows a place in the list of a filter."""
    packed = _PLACE.pack(*place)
    return base64.urlsafe_b64encode(packed + _mark(packed, wanted)).decode()


def read(text: str, wanted: object) -> Place:
    """Return the place of a cursor. Raises `ValueError` when it is none of this filter's."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError as error:
        raise ValueError("not a cursor") from error
    if len(raw) != _PLACE.size + _MARK_BYTES:
        raise ValueError("not a cursor")
    created_us, key = _PLACE.unpack_from(raw)
    if cursor((created_us, key), wanted) != text:
        raise ValueError("not a cursor of this list")
    return created_us, key
