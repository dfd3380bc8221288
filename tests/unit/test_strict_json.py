"""JSON from strangers: what is read, what is refused, and what we write."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.codecs.strict_json import BadJson, dumps, loads

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(min_value=-(2**63), max_value=2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


def refused(raw: bytes, *, depth_max: int = 20) -> BadJson:
    """The error with which a text is refused."""
    with pytest.raises(BadJson) as caught:
        loads(raw, depth_max=depth_max)
    return caught.value


@given(values)
def test_what_we_write_is_read_back(value: object) -> None:
    """A value survives being written and read."""
    assert loads(dumps(value), depth_max=100) == value


@given(values, st.booleans(), st.sampled_from([None, 2]))
def test_other_writers_are_read(value: object, ascii_only: bool, indent: int | None) -> None:  # noqa: FBT001 - drawn by position
    """Escapes and spaces of another writer do not change what is read."""
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert loads(raw, depth_max=100) == value


@given(st.one_of(st.binary(max_size=20), st.text('[]{}",:0123e-.\\u d8\n', max_size=20)))
def test_any_bytes_are_read_or_refused(raw: bytes | str) -> None:
    """Whatever bytes arrive, they are read as the standard reader does or refused as BadJson."""
    raw = raw.encode() if isinstance(raw, str) else raw
    try:
        value = loads(raw)
    except BadJson as error:
        assert error.position is None or 0 <= error.position <= len(raw)  # noqa: PT017 - both ends are fine
    else:
        assert value == json.loads(raw)


def test_order_of_members_is_kept() -> None:
    """Members are read and written in the order they have."""
    raw = b'{"b":1,"a":{"d":2,"c":3}}'
    assert dumps(loads(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"b":[{"c":{},"c":{}}]}',
        b'{"a":1,"\\u0061":2}',
        b'{ "":1, "":2 }',
        b'[{"a":{"a":1}}, {"a":1, "a":1}]',
    ],
)
def test_key_that_stands_twice(raw: bytes) -> None:
    """A key that stands twice in one object is refused at any depth and however it is spelt."""
    error = refused(raw)
    assert (error.reason, error.position) == ("a key stands twice in one object", None)


def test_same_key_in_two_objects() -> None:
    """The same key may stand in two objects."""
    assert loads(b'[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]


@pytest.mark.parametrize(
    "raw",
    [b"NaN", b"Infinity", b"-Infinity", b'{"a":NaN}', b"01", b"+1", b"1.", b".5", b"'a'", b"[1,]"],
)
def test_what_the_grammar_does_not_have(raw: bytes) -> None:
    """Numbers and marks that the grammar of JSON does not have are refused with their place."""
    assert refused(raw).position is not None


@pytest.mark.parametrize(("raw", "position"), [(b'{"a":1}x', 8), (b'{"a":x}', 5), (b'["\x01"]', 2)])
def test_place_of_the_fault(raw: bytes, position: int) -> None:
    """The position is the offset in bytes where reading stopped, at the fault or behind it."""
    error = refused(raw)
    assert error.position == position
    assert str(error) == f"{error.reason} at byte {position}"


@pytest.mark.parametrize("raw", [b"", b" ", b"{", b'{"a":', b'["a', b"tru"])
def test_text_that_ends_early(raw: bytes) -> None:
    """Text that ends inside a value is refused at its end."""
    error = refused(raw)
    assert (error.reason, error.position) == (
        "ends inside a value or a surrogate pair",
        len(raw),
    )


@pytest.mark.parametrize(
    ("raw", "position"),
    [
        (b'{"ab":"\xff"}', 7),
        (b'"\xc0\xaf"', 1),
        (b'"\xed\xa0\x80"', 1),
        ('{"é":"'.encode() + b'\xe9"}', 7),
    ],
)
def test_text_that_is_not_utf8(raw: bytes, position: int) -> None:
    """Bytes that are not UTF-8 are refused at the first of them."""
    error = refused(raw)
    assert (error.reason, error.position) == ("not UTF-8", position)


def test_other_encodings() -> None:
    """JSON in another encoding of Unicode is refused."""
    assert refused('{"a":1}'.encode("utf-16")).position == 0


def test_byte_order_mark() -> None:
    """A byte order mark is refused by its name."""
    error = refused(b"\xef\xbb\xbf{}")
    assert (error.reason, error.position) == ("starts with a byte order mark", 0)


@pytest.mark.parametrize(
    "raw",
    [
        b'"\\ud800"',
        b'"\\udc00"',
        b'{"\\ud800":1}',
        b'"\\ud800 and more text"',
        b'"\\ud800\\u0041"',
        b'"\\udc00\\ud800"',
        b'{"a":"\\ud83d","b":"\\ude00"}',
    ],
)
def test_unpaired_surrogate(raw: bytes) -> None:
    """Half of a surrogate pair is refused, in a key as in a value."""
    refused(raw)


def test_surrogate_pair() -> None:
    """A whole surrogate pair is one character."""
    assert loads(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize("depth", [1, 2, 20])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth(depth: int, opening: str, closing: str) -> None:
    """As many levels as allowed are read and one more is refused."""
    raw = (opening * depth + "1" + closing * depth).encode()
    loads(raw, depth_max=depth)
    assert refused(raw, depth_max=depth - 1).reason == f"nested deeper than {depth - 1} levels"


def test_width_is_not_depth() -> None:
    """Many lists and objects beside each other, and brackets in text, are not depth."""
    raw = dumps([{"a": [n]} for n in range(100)] + ["[[[{{{" * 10])
    assert dumps(loads(raw, depth_max=3)) == raw


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 5000 + b"]" * 5000])
def test_depth_without_end(raw: bytes) -> None:
    """Nesting far beyond the limit is refused without harm to the interpreter."""
    assert refused(raw).reason == "nested too deeply"


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 10**18, 0])
def test_integer_within_64_bits(number: int) -> None:
    """Integers of signed 64 bits are read exactly."""
    assert loads(b'{"a":[%d]}' % number) == {"a": [number]}


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 10**30])
def test_integer_beyond_64_bits(number: int) -> None:
    """Integers beyond signed 64 bits are refused, at the top and inside."""
    for raw in (b"%d", b'{"a":[%d]}', b'{"a": {"b": %d}}'):
        assert refused(raw % number).reason == "integer beyond 64 bits"


@pytest.mark.parametrize("raw", [b"1e999", b"-1E400", b"1" * 5000, b"1" * 400 + b".5"])
def test_number_out_of_range(raw: bytes) -> None:
    """Numbers that would become infinite or endless are refused."""
    assert refused(raw).reason == "number out of range"


def test_long_digits_in_text() -> None:
    """Digits in text are text, however many."""
    assert loads(b'{"id": "12345678901234567890123"}') == {"id": "12345678901234567890123"}


@pytest.mark.parametrize("raw", [b"1", b'"a"', b"null", b"true", b"[]", b" 1.5 "])
def test_value_need_not_be_an_object(raw: bytes) -> None:
    """Any value may stand at the top."""
    assert loads(raw) == json.loads(raw)


def test_what_we_write_is_compact() -> None:
    """We write without spaces, with text and slashes as they are."""
    assert dumps({"a/b": ["陳", 1, True, None]}) == '{"a/b":["陳",1,true,null]}'.encode()


@pytest.mark.parametrize(
    ("value", "error"), [("\ud800", UnicodeEncodeError), (object(), TypeError)]
)
def test_what_cannot_be_written(value: Any, error: type[Exception]) -> None:  # noqa: ANN401 - anything may be tried
    """What JSON cannot carry is not written."""
    with pytest.raises(error):
        dumps(value)
