"""QR symbols: the same modules as another implementation, the mask that the standard asks for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import segno
from segno import encoder

from sampan.codecs import qr_symbol, qr_tables

VERSIONS = range(1, qr_tables.VERSION_MAX + 1)
FINDERS = ((1, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0), (0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 1))
Matrix = Sequence[Sequence[int]]


def capacity_range(version: int) -> tuple[int, int]:
    """Fewest and most bytes that make a symbol of this version."""
    fewest = qr_tables.capacity_bytes(version - 1) + 1 if version > 1 else 0
    return fewest, qr_tables.capacity_bytes(version)


def drawn_by_segno(data: bytes, *, version: int, mask: int | None) -> segno.QRCode:
    """The same symbol made by segno."""
    return segno.make(
        data,
        mode="byte",
        error="m",
        boost_error=False,
        micro=False,
        mask=mask,
        version=version,
    )


def as_rows(matrix: Matrix) -> tuple[int, ...]:
    """Rows of modules as integers, the leftmost module highest."""
    return tuple(int("".join(map(str, row)), 2) for row in matrix)


def masked(data: bytes, mask: int) -> list[list[int]]:
    """The modules of `data` under any mask, before format and version information."""
    version = qr_symbol.encode(data).version
    made = qr_tables.tables(version)
    chosen = qr_symbol.encode(data)
    bits = chosen.bits ^ made.finishings[chosen.mask]
    bits ^= made.maskings[chosen.mask] ^ made.maskings[mask]
    symbol = qr_symbol.Symbol(version, mask, made.frame.size, made.frame.stride, bits)
    return [[row >> i & 1 for i in range(symbol.size - 1, -1, -1)] for row in symbol.rows]


def runs_score(lines: Matrix) -> int:
    """Rule 1, read from the standard module by module."""
    score = 0
    for line in lines:
        length = 0
        for i, module in enumerate(line):
            length = length + 1 if i and line[i - 1] == module else 1
            score += {5: 3}.get(length, int(length > 5))
    return score


def finders_score(lines: Matrix) -> int:
    """Rule 3: each pattern once, with light outside."""
    score = 0
    for line in lines:
        wide = (0, 0, 0, 0, *line, 0, 0, 0, 0)
        places = {
            i + (4 if pattern[0] == 0 else 0)
            for i in range(len(wide) - 10)
            for pattern in FINDERS
            if wide[i : i + 11] == pattern
        }
        score += 40 * len(places)
    return score


def penalty_by_the_book(matrix: Matrix) -> int:
    """All four rules, slowly."""
    size = len(matrix)
    columns = list(zip(*matrix, strict=True))
    blocks = sum(
        len({matrix[r][c], matrix[r][c + 1], matrix[r + 1][c], matrix[r + 1][c + 1]}) == 1
        for r in range(size - 1)
        for c in range(size - 1)
    )
    percent_20 = abs(20 * sum(map(sum, matrix)) - 10 * size * size)
    return (
        runs_score(matrix)
        + runs_score(columns)
        + 3 * blocks
        + finders_score(matrix)
        + finders_score(columns)
        + 10 * (percent_20 // (size * size))
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_full_symbols_equal_those_of_segno(version: int) -> None:
    """Random bytes that fill a symbol give module for module what segno draws."""
    chance = random.Random(version)
    for _ in range(3):
        data = chance.randbytes(qr_tables.capacity_bytes(version))
        symbol = qr_symbol.encode(data)
        peer = drawn_by_segno(data, version=version, mask=symbol.mask)
        assert (symbol.version, symbol.rows) == (version, as_rows(peer.matrix))


@pytest.mark.parametrize("version", VERSIONS)
def test_padded_symbols_equal_those_of_segno(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer bytes give the same modules too, once segno pads as the standard asks.

    segno 1.6.6 adds a whole zero codeword where no padding bit is needed; scanners do not
    mind, as nothing behind the terminator is read.
    """
    monkeypatch.setattr(
        encoder,
        "write_padding_bits",
        lambda buff, _version, length: buff.extend([0] * (-length % 8)),
    )
    chance = random.Random(version)
    fewest, most = capacity_range(version)
    for length in (fewest, most - 1, chance.randint(fewest, most)):
        data = chance.randbytes(length)
        if not data:
            continue  # segno refuses to make an empty symbol
        symbol = qr_symbol.encode(data)
        peer = drawn_by_segno(data, version=version, mask=symbol.mask)
        assert (symbol.version, symbol.rows) == (version, as_rows(peer.matrix))


@pytest.mark.parametrize("mask", range(8))
def test_every_mask_equals_that_of_segno(mask: int) -> None:
    """Each of the eight masks and its format information is drawn as segno draws it."""
    data = bytes(range(122))
    made = qr_tables.tables(7)
    chosen = qr_symbol.encode(data)
    bare = chosen.bits ^ made.finishings[chosen.mask] ^ made.maskings[chosen.mask]
    bits = bare ^ made.maskings[mask] ^ made.finishings[mask]
    symbol = qr_symbol.Symbol(7, mask, made.frame.size, made.frame.stride, bits)
    assert symbol.rows == as_rows(drawn_by_segno(data, version=7, mask=mask).matrix)


@pytest.mark.parametrize("version", VERSIONS)
def test_penalties_are_those_of_the_standard(version: int) -> None:
    """Bit-parallel penalties equal the rules applied module by module, and the least is taken."""
    data = random.Random(version).randbytes(qr_tables.capacity_bytes(version))
    frame = qr_tables.tables(version).frame
    slow = []
    for mask in range(8):
        matrix = masked(data, mask)
        dark = [(r, c) for r, row in enumerate(matrix) for c, module in enumerate(row) if module]
        slow.append(penalty_by_the_book(matrix))
        assert qr_symbol.penalty(frame.bits(dark), frame) == slow[mask]
    assert qr_symbol.encode(data).mask == slow.index(min(slow))


def test_mask_differs_from_segno_only_over_overlapping_patterns() -> None:
    """Where segno takes another mask, it has skipped a finder-like pattern that overlaps another.

    The standard counts existing patterns; segno goes on behind the end of one that it counted.
    """
    chance = random.Random(5)
    for _ in range(60):
        data = chance.randbytes(84)
        symbol = qr_symbol.encode(data)
        peer = drawn_by_segno(data, version=5, mask=None)
        if peer.mask == symbol.mask:
            continue
        matrices = [masked(data, mask) for mask in range(8)]
        ours = [penalty_by_the_book(matrix) for matrix in matrices]
        evaluate: Any = encoder.evaluate_mask
        theirs = [
            evaluate(tuple(map(bytearray, matrix)), len(matrix), len(matrix)) for matrix in matrices
        ]
        assert ours != theirs
        assert all((mine - other) % 40 == 0 for mine, other in zip(ours, theirs, strict=True))


def test_symbols_of_one_colour() -> None:
    """The penalty of an all dark area is that of the rules, at every border too."""
    frame = qr_tables.tables(1).frame
    everything = [(r, c) for r in range(21) for c in range(21)]
    assert qr_symbol.penalty(frame.bits(everything), frame) == penalty_by_the_book([[1] * 21] * 21)
    assert qr_symbol.penalty(0, frame) == penalty_by_the_book([[0] * 21] * 21)


def test_longest_data() -> None:
    """The largest symbol holds 666 bytes, and one more is refused."""
    assert qr_symbol.DATA_BYTES_MAX == 666
    assert qr_symbol.encode(bytes(666)).version == 20
    with pytest.raises(ValueError, match="667 bytes do not fit, at most 666 do"):
        qr_symbol.encode(bytes(667))


def test_shape_of_a_symbol() -> None:
    """A symbol tells its size, and bits beyond a row stay clear."""
    symbol = qr_symbol.encode(b"")
    assert (symbol.version, symbol.size, symbol.stride, len(symbol.rows)) == (1, 21, 32, 21)
    assert symbol.rows[0] >> 14 == symbol.rows[0] & 0b1111111 == 0b1111111
    assert symbol.bits == sum(row << 32 * (20 - i) + 11 for i, row in enumerate(symbol.rows))


def test_same_bytes_same_symbol() -> None:
    """Drawing is a pure function of the bytes."""
    assert qr_symbol.encode(b"sampan") == qr_symbol.encode(b"sampan")
