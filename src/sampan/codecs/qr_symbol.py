"""QR symbols of ISO/IEC 18004 model 2: byte mode without ECI, error correction level M.

Reed-Solomon, interleaving, placement and masking are affine over GF(2). So for one version
and mask the whole symbol is a constant XOR one precomputed pattern for each data bit that is
set. A pattern is a whole symbol in one big integer, and the penalty rules are shifts and bit
counts of such integers instead of loops over modules. One segment in byte mode without ECI
is what every scanner tried could read; other modes, mixed modes and ECI are not.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import reduce
from itertools import compress
from operator import xor

from sampan.codecs.qr_tables import VERSION_MAX, Frame, capacity_bytes, count_bits, tables

_CAPACITIES = tuple(capacity_bytes(version) for version in range(1, VERSION_MAX + 1))

DATA_BYTES_MAX = _CAPACITIES[-1]
"""Most bytes in a symbol (666), more than the longest payment payload."""

_BYTE_MODE = 0x4
_SELECTORS = bytes.maketrans(b"01", b"\x00\x01")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A finished symbol without quiet zone; a set bit is a dark module.

    `bits` holds `size` rows of `stride` bits, the top left module in the highest bit; the bits
    of a row beyond `size` are clear, and `stride` is a multiple of 8. `version` is 1 to 20,
    `mask` 0 to 7, `size` counts modules.
    """

    version: int
    mask: int
    size: int
    stride: int
    bits: int

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows from the top, `size` bits each, the leftmost module in the highest bit."""
        width = self.stride // 8
        data = self.bits.to_bytes(self.size * width, "big")
        spare = self.stride - self.size
        return tuple(
            int.from_bytes(data[start : start + width], "big") >> spare
            for start in range(0, len(data), width)
        )


def encode(data: bytes) -> Symbol:
    """Return the smallest symbol that holds `data`, with the mask of the lowest penalty.

    The same bytes always give the same symbol; of equal penalties the lower mask number wins.
    The first symbol of a version computes its tables and takes longer. Raises `ValueError`
    when `data` is longer than `DATA_BYTES_MAX`.
    """
    length = len(data)
    version = bisect_left(_CAPACITIES, length) + 1
    if version > VERSION_MAX:
        raise ValueError(f"{length} bytes do not fit, at most {DATA_BYTES_MAX} do")
    made = tables(version)
    counted = _BYTE_MODE << count_bits(version) | length
    # Mode, count, data and a terminator of four zeros always end on a whole codeword.
    stream = (counted << 8 * length | int.from_bytes(data, "big")) << 4
    used = 1 + count_bits(version) // 8 + length
    selectors = f"{stream:0{8 * used}b}".encode().translate(_SELECTORS)
    drawn = reduce(xor, compress(made.patterns, selectors), made.paddings[used])
    masked = [drawn ^ masking for masking in made.maskings]
    penalties = [penalty(bits, made.frame) for bits in masked]
    mask = penalties.index(min(penalties))
    return Symbol(
        version=version,
        mask=mask,
        size=made.frame.size,
        stride=made.frame.stride,
        bits=masked[mask] | made.finishings[mask],
    )


def penalty(bits: int, frame: Frame) -> int:
    """Return the penalty of a masked symbol (ISO/IEC 18004:2015, 7.8.3.1).

    As the standard asks, `bits` is the symbol without format and version information. Outside
    is light; each finder-like pattern counts once, also where two of them overlap.
    """
    changes = (bits ^ (bits >> 1)) & frame.not_first_column
    same_row = frame.not_first_column ^ changes
    changes = (bits ^ (bits >> frame.stride)) & frame.not_first_row
    same_column = frame.not_first_row ^ changes
    blocks = same_row & same_column & (same_row >> frame.stride)
    modules = frame.size * frame.size
    return (
        _runs(same_row, 1)
        + _runs(same_column, frame.stride)
        + 3 * blocks.bit_count()
        + 40 * (_finder_like(bits, 1) + _finder_like(bits, frame.stride))
        + 10 * (abs(20 * bits.bit_count() - 10 * modules) // modules)
    )


def _runs(same: int, step: int) -> int:
    """Score runs of five and more modules: 3, and 1 for each module beyond the fifth.

    A set bit of `same` says that a module equals the one `step` before it, so a run of n
    modules leaves one group of n - 4 bits in `ends`.
    """
    pairs = same & (same >> step)
    ends = pairs & (pairs >> 2 * step)
    return 3 * ends.bit_count() - 2 * (ends & (ends >> step)).bit_count()


def _finder_like(bits: int, step: int) -> int:
    """Count 1:1:3:1:1 patterns with four light modules before or after.

    The light columns between the rows of a frame keep matches within one row.
    """
    alternate = bits & (bits >> 2 * step)
    found = alternate & (alternate >> 4 * step) & (bits >> 3 * step)
    holes = (bits | (bits >> 4 * step)) >> step
    found ^= found & holes
    dark = bits | (bits << step)
    dark |= dark << 2 * step
    hemmed = found & (dark << step) & (dark >> 10 * step)
    return found.bit_count() - hemmed.bit_count()
