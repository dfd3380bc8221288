"""The constants of QR symbols, computed once for each version (ISO/IEC 18004:2015).

Model 2, error correction level M, versions 1 to 20. `qr_symbol` draws with them.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache, reduce
from operator import xor

VERSION_MAX = 20
"""Largest version made; it holds 666 bytes."""

# Table 9, level M: error correction codewords of a block, and blocks.
_EC_CODEWORDS = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26)
_BLOCKS = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16)

_WIDE_COUNT_VERSION = 10
_VERSION_INFO_VERSION = 7
_TIMING = 6
# The finder-like pattern of the penalty rules looks four modules beyond the end of a row.
_GUARD_COLUMNS = 4
_PAD_CODEWORDS = (0xEC, 0x11)
_GF_POLYNOMIAL = 0x11D
_GF_OVERFLOW = 0x100
_FORMAT_POLYNOMIAL = 0x537
_FORMAT_MASK = 0x5412
_VERSION_POLYNOMIAL = 0x1F25

Cell = tuple[int, int]

# Table 10: the modules, by row and column, that a mask turns over.
_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda r, c: (r + c) % 2 == 0,
    lambda r, _: r % 2 == 0,
    lambda _, c: c % 3 == 0,
    lambda r, c: (r + c) % 3 == 0,
    lambda r, c: (r // 2 + c // 3) % 2 == 0,
    lambda r, c: r * c % 2 + r * c % 3 == 0,
    lambda r, c: (r * c % 2 + r * c % 3) % 2 == 0,
    lambda r, c: ((r + c) % 2 + r * c % 3) % 2 == 0,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where modules stand in the big integer of a symbol of `size` by `size` modules.

    Rows follow each other from the highest bit, `stride` bits each (a multiple of 8), of which
    the first `size` are modules and the others stay clear. `not_first_column` and
    `not_first_row` have a set bit for every module with a neighbour to the left or above.
    """

    size: int
    stride: int
    not_first_column: int
    not_first_row: int

    def bits(self, cells: Iterable[Cell]) -> int:
        """Return the integer in which exactly these (row, column) cells are dark."""
        top = self.size * self.stride - 1
        return sum(1 << (top - row * self.stride - column) for row, column in cells)


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything precomputed for one version, all of it whole symbols.

    `patterns` has for every data bit in stream order what a set bit turns over, `paddings` for
    every count of codewords used what the pad codewords behind them draw. `maskings` has for
    each mask what it draws together with the function patterns; `finishings` the format and
    version information, which penalties leave out.
    """

    frame: Frame
    patterns: tuple[int, ...]
    paddings: tuple[int, ...]
    maskings: tuple[int, ...]
    finishings: tuple[int, ...]


@cache
def tables(version: int) -> Tables:
    """Return the tables of a version from 1 to `VERSION_MAX`, computed at its first use."""
    frame = _frame(17 + 4 * version)
    fixed = _function_modules(version, frame.size)
    reserved = _information(version, mask=0, size=frame.size)
    free = _free_cells(frame.size, fixed.keys() | reserved.keys())
    drawn = frame.bits(cell for cell, dark in fixed.items() if dark)
    patterns = _patterns(version, [frame.bits([cell]) for cell in free])
    return Tables(
        frame=frame,
        patterns=patterns,
        paddings=_paddings(patterns),
        maskings=tuple(drawn | frame.bits(cell for cell in free if mask(*cell)) for mask in _MASKS),
        finishings=tuple(
            frame.bits(
                cell
                for cell, dark in _information(version, mask=mask, size=frame.size).items()
                if dark
            )
            for mask in range(len(_MASKS))
        ),
    )


def count_bits(version: int) -> int:
    """Return how many bits of the stream say the number of bytes (table 3, byte mode)."""
    return 16 if version >= _WIDE_COUNT_VERSION else 8


def capacity_bytes(version: int) -> int:
    """Return how many bytes one segment in byte mode may have."""
    # Mode and terminator share one codeword.
    return _data_codewords(version) - 1 - count_bits(version) // 8


def _frame(size: int) -> Frame:
    stride = (size + _GUARD_COLUMNS + 7) // 8 * 8
    empty = Frame(size, stride, 0, 0)
    return Frame(
        size=size,
        stride=stride,
        not_first_column=empty.bits((r, c) for r in range(size) for c in range(1, size)),
        not_first_row=empty.bits((r, c) for r in range(1, size) for c in range(size)),
    )


def _codewords(version: int) -> int:
    """Data and error correction codewords together (table 1)."""
    modules = (16 * version + 128) * version + 64
    if version > 1:
        centres = len(_alignment_centres(version))
        modules -= (25 * centres - 10) * centres - 55
    if version >= _VERSION_INFO_VERSION:
        modules -= 36
    return modules // 8


def _data_codewords(version: int) -> int:
    return _codewords(version) - _EC_CODEWORDS[version - 1] * _BLOCKS[version - 1]


def _alignment_centres(version: int) -> list[int]:
    """Rows, and columns, of the centres of alignment patterns (annex E)."""
    if version == 1:
        return []
    count = version // 7 + 2
    gap = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    last = 17 + 4 * version - 7
    return [_TIMING, *(last - gap * i for i in reversed(range(count - 1)))]


def _function_modules(version: int, size: int) -> dict[Cell, bool]:
    """Timing, alignment and finder patterns with separators: cell -> dark."""
    modules: dict[Cell, bool] = {}
    for i in range(size):
        modules[_TIMING, i] = modules[i, _TIMING] = i % 2 == 0
    for row, column in ((3, 3), (3, size - 4), (size - 4, 3)):
        modules |= _rings(row, column, radius=4, size=size)
    centres = _alignment_centres(version)
    far = size - 7
    for row in centres:
        for column in centres:
            if (row, column) not in {(_TIMING, _TIMING), (_TIMING, far), (far, _TIMING)}:
                modules |= _rings(row, column, radius=2, size=size)
    return modules


def _rings(row: int, column: int, *, radius: int, size: int) -> dict[Cell, bool]:
    """Draw square rings around a centre; those at distance 2 of a finder and 4 are light."""
    light = {2, 4} if radius == 4 else {1}  # noqa: PLR2004 (a finder with its separator)
    return {
        (r, c): max(abs(r - row), abs(c - column)) not in light
        for r in range(max(row - radius, 0), min(row + radius + 1, size))
        for c in range(max(column - radius, 0), min(column + radius + 1, size))
    }


def _bch(value: int, polynomial: int) -> int:
    """Append the remainder of `value` by `polynomial`, as many bits as its degree."""
    degree = polynomial.bit_length() - 1
    rest = value << degree
    while rest.bit_length() > degree:
        rest ^= polynomial << (rest.bit_length() - degree - 1)
    return value << degree | rest


def _information(version: int, *, mask: int, size: int) -> dict[Cell, bool]:
    """Format and version information and the lone dark module (7.9, 7.10): cell -> dark."""
    # The two bits of level M are 00, so the five data bits are the mask number.
    info = _bch(mask, _FORMAT_POLYNOMIAL) ^ _FORMAT_MASK
    beside = [0, 1, 2, 3, 4, 5, 7, 8]
    modules = {(size - 8, 8): True}
    for bit, i in enumerate(beside):
        modules[i, 8] = modules[8, size - 1 - bit] = bool(info >> bit & 1)
    for bit, i in enumerate(beside[:7]):
        modules[8, i] = modules[size - 1 - bit, 8] = bool(info >> (14 - bit) & 1)
    if version >= _VERSION_INFO_VERSION:
        info = _bch(version, _VERSION_POLYNOMIAL)
        for bit in range(18):
            near, far = bit // 3, size - 11 + bit % 3
            modules[near, far] = modules[far, near] = bool(info >> bit & 1)
    return modules


def _free_cells(size: int, taken: AbstractSet[Cell]) -> list[Cell]:
    """The modules of codewords in the order of their bits (7.7.3): pairs of columns."""
    cells = []
    upwards = True
    for right in range(size - 1, 0, -2):
        # The column of the vertical timing pattern belongs to no pair.
        first = right - 1 if right <= _TIMING else right
        rows = range(size - 1, -1, -1) if upwards else range(size)
        cells += [(r, c) for r in rows for c in (first, first - 1) if (r, c) not in taken]
        upwards = not upwards
    return cells


def _patterns(version: int, modules: list[int]) -> tuple[int, ...]:
    """For every data bit: its own module and those of the check bits that it turns over."""
    blocks, ec = _BLOCKS[version - 1], _EC_CODEWORDS[version - 1]
    data = _data_codewords(version)
    short, longer = divmod(data, blocks)
    remainders = _remainders(ec, short + 1)
    patterns = []
    for block in range(blocks):
        halves = [
            _halves(modules[8 * at : 8 * at + 8])
            for at in range(data + block, data + ec * blocks, blocks)
        ]
        length = short + (block >= blocks - longer)
        for i in range(length):
            # Codewords are interleaved; only longer blocks have a last one to place.
            at = i * blocks + block - (blocks - longer if i == short else 0)
            for bit in range(8):
                checks = remainders[length - 1 - i][7 - bit]
                drawn = [
                    high[check >> 4] ^ low[check & 15]
                    for check, (high, low) in zip(checks, halves, strict=True)
                ]
                patterns.append(reduce(xor, drawn, modules[8 * at + bit]))
    return tuple(patterns)


def _halves(modules: list[int]) -> tuple[list[int], list[int]]:
    """What each value of the upper and of the lower four bits of a codeword draws."""
    high, low = [0], [0]
    for bit in range(3, -1, -1):
        high += [modules[bit] ^ drawn for drawn in high]
        low += [modules[4 + bit] ^ drawn for drawn in low]
    return high, low


def _double(value: int) -> int:
    value <<= 1
    return value ^ _GF_POLYNOMIAL if value & _GF_OVERFLOW else value


def _product(left: int, right: int) -> int:
    """Multiply in GF(2^8) of the standard (7.5.2)."""
    product = 0
    while right:
        if right & 1:
            product ^= left
        left = _double(left)
        right >>= 1
    return product


def _remainders(ec: int, length: int) -> list[list[list[int]]]:
    """Check codewords of a lone set bit, by codewords behind it and by bit from the lowest."""
    generator = [1]
    root = 1
    for _ in range(ec):
        shifted = [*generator, 0]
        for i, coefficient in enumerate(generator):
            shifted[i + 1] ^= _product(coefficient, root)
        generator, root = shifted, _double(root)
    current = generator[1:]
    remainders = []
    for _ in range(length):
        by_bit = [current]
        for _bit in range(7):
            by_bit.append([_double(value) for value in by_bit[-1]])
        remainders.append(by_bit)
        shifted = [*current[1:], 0]
        current = [
            value ^ _product(coefficient, current[0])
            for value, coefficient in zip(shifted, generator[1:], strict=True)
        ]
    return remainders


def _paddings(patterns: tuple[int, ...]) -> tuple[int, ...]:
    """What the alternating pad codewords draw behind each count of used codewords (7.4.10)."""
    # Going backwards, the first pad of one start is the second of the start before.
    drawn = [0, 0]
    paddings = [0]
    for start in range(len(patterns) - 8, -1, -8):
        own = patterns[start : start + 8]
        drawn = [
            reduce(xor, (p for bit, p in enumerate(own) if pad << bit & 0x80), drawn[1 - i])
            for i, pad in enumerate(_PAD_CODEWORDS)
        ]
        paddings.append(drawn[0])
    return tuple(reversed(paddings))
