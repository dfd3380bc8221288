"""JSON from strangers, read so that nobody can read it differently; and JSON of ours, written.

What the general reader lets pass and this one refuses: a key that stands twice in one object (two
readers would see two messages), numbers beyond what storage holds, nesting without end.
"""

import json
import re

import msgspec

__all__ = ["BadJson", "dumps", "loads"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_INTEGER_MIN = -(2**63)
_INTEGER_MAX = 2**63 - 1

# Every digit becomes 0, so one search finds numbers that may be too long: 2**63 has 19 digits.
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 19

_MALFORMED = re.compile(r"JSON is malformed: (?P<reason>.*) \(byte (?P<position>[0-9]+)\)")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class BadJson(ValueError):  # noqa: N818 - the house's word, like Refusal
    """The bytes are not JSON that we read.

    ``reason`` says in a few words what is wrong, without repeating what the sender wrote.
    ``position`` is the offset in bytes from the start where reading stopped, at the fault or right
    behind it, or None where no single place is to blame.
    """

    def __init__(self, reason: str, *, position: int | None = None) -> None:
        super().__init__(reason if position is None else f"{reason} at byte {position}")
        self.reason = reason
        self.position = position


def loads(raw: bytes, *, depth_max: int = 20) -> object:
    """Return the value of a JSON text in UTF-8: dict, list, str, int, float, bool or None.

    Objects keep the order of their members. An object or list that holds only plain values counts
    as depth 1.

    Raises ``BadJson`` for: bytes that are not UTF-8, a byte order mark, anything that RFC 8259
    does not allow (NaN and Infinity among it), text after the value, an unpaired surrogate, a key
    that stands twice in one object, more than ``depth_max`` levels, an integer outside signed 64
    bits, a fraction beyond what a double holds. Integers are refused rather than rounded or kept:
    storage has no place for them, and other readers would round them and sign another text.

    The size of ``raw`` is for the caller to bound.
    """
    try:
        value: object = _decode(raw)
    except UnicodeDecodeError:
        raise _not_utf8(raw) from None
    except msgspec.DecodeError as error:
        raise _malformed(raw, str(error)) from None
    except RecursionError:
        raise BadJson("nested too deeply") from None
    brackets = raw.count(b"{") + raw.count(b"[")
    if brackets > depth_max or _LONG_NUMBER in raw.translate(_DIGITS_TO_ZERO):
        _check_bounds(value, depth_max)
    # The decoder keeps the last of equal keys and says nothing. Text that comes back byte for byte
    # has lost no member; only other text (spaces, escapes) needs the reader that shows every pair.
    if b"{" in raw and _encode(value) != raw:
        _show_pairs(raw.decode())
    return value


def dumps(value: object) -> bytes:
    """Return a value as compact JSON in UTF-8, members in the order they have.

    Text beyond ASCII and slashes are written as they are. The same value gives the same bytes.
    Raises ``TypeError`` for what JSON has no form for and ``ValueError`` (UnicodeEncodeError) for
    an unpaired surrogate. A float that is not a number would become null: do not pass one.
    """
    return _encode(value)


def _check_bounds(value: object, depth_max: int) -> None:
    """Raise BadJson where the value is nested deeper than allowed or holds too large an integer."""
    depth = 0
    level = [value]
    while level:
        depth += 1
        below: list[object] = []
        for node in level:
            if isinstance(node, dict | list):
                if depth > depth_max:
                    raise BadJson(f"nested deeper than {depth_max} levels")
                below.extend(node.values() if isinstance(node, dict) else node)
            elif isinstance(node, int) and not _INTEGER_MIN <= node <= _INTEGER_MAX:
                raise BadJson("integer beyond 64 bits")
        level = below


def _refuse_twice(pairs: list[tuple[str, object]]) -> None:
    """Raise BadJson where two members of one object have the same key."""
    if len(dict(pairs)) != len(pairs):
        raise BadJson("a key stands twice in one object")


_show_pairs = json.JSONDecoder(object_pairs_hook=_refuse_twice).decode


def _not_utf8(raw: bytes) -> BadJson:
    """Return the error for text that is not UTF-8, with the place of the first bad byte."""
    position: int | None = None
    try:
        # The JSON decoder counts from the start of a text inside; this, from the first byte.
        raw.decode()
    except UnicodeDecodeError as error:
        position = error.start
    return BadJson("not UTF-8", position=position)


def _malformed(raw: bytes, message: str) -> BadJson:
    """Return the error for text that is not JSON, from what the decoder says about it."""
    if raw.startswith(_BYTE_ORDER_MARK):
        return BadJson("starts with a byte order mark", position=0)
    if found := _MALFORMED.fullmatch(message):
        return BadJson(found["reason"], position=int(found["position"]))
    if "out of range" in message:
        return BadJson("number out of range")
    # The decoder says the same of half a surrogate pair with nothing long enough behind it.
    return BadJson("ends inside a value or a surrogate pair", position=len(raw))
