"""Pictures of payment QR codes: PNG and terminal text out, codes found in pictures in."""

import zlib
from functools import cache
from io import BytesIO
from struct import pack

import zxingcpp
from PIL import Image

from sampan.codecs import qr_symbol

QUIET_MODULES = 4
"""Width of the light margin that ISO/IEC 18004 asks for."""

# The largest symbol at both limits stays below `IMAGE_PX_MAX`.
MODULE_PX_MAX = 40
QUIET_MODULES_MAX = 16

IMAGE_BYTES_MAX = 8 * 1024 * 1024
"""Largest file read unless the caller says otherwise: a photograph from a telephone."""

IMAGE_PX_MAX = 40_000_000
"""Most pixels of a picture read; small files can unpack to more than the memory holds."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FILTER_NONE = b"\x00"
_FILTER_UP = b"\x02"
# Measured on payment codes: as fast as level 1 and smaller; level 6 takes 2.5 times as long
# to save a quarter of 1.3 kB.
_COMPRESS_LEVEL = 2
_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
# By upper and lower module of one character, dark ink on a light ground.
_HALF_BLOCKS = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}


class ImageError(ValueError):
    """A file that is not a readable PNG or JPEG picture within the limits."""


def png(payload: str, *, module_px: int = 8, quiet: int = QUIET_MODULES) -> bytes:
    """Return a one-bit PNG of the QR code of `payload`, black on white.

    A module is `module_px` pixels wide and high (1 to 40), the margin `quiet` modules (0 to
    16). The same arguments always give the same bytes. Raises `ValueError` for sizes out of
    range and for a payload that does not fit into a symbol.
    """
    if not 1 <= module_px <= MODULE_PX_MAX:
        raise ValueError(f"module_px must be 1 to {MODULE_PX_MAX}")
    if not 0 <= quiet <= QUIET_MODULES_MAX:
        raise ValueError(f"quiet must be 0 to {QUIET_MODULES_MAX}")
    symbol = qr_symbol.encode(payload.encode())
    side = symbol.size + 2 * quiet
    side_px = side * module_px
    row_bytes = (side_px + 7) // 8
    scaled = _scaled(module_px)
    # Rows equal to the one above cost almost nothing as differences.
    repeats = (_FILTER_UP + bytes(row_bytes)) * (module_px - 1)
    margin = (_FILTER_NONE + b"\xff" * row_bytes + repeats) * quiet
    width = (side + 7) // 8
    shift = 8 * width - symbol.size - quiet
    lines = [margin]
    for row in symbol.rows:
        drawn = b"".join([scaled[byte] for byte in (row << shift).to_bytes(width, "big")])
        lines += (_FILTER_NONE, drawn[:row_bytes], repeats)
    lines.append(margin)
    # One bit a pixel, greyscale, no interlace (PNG, third edition, 11.2.1).
    header = pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)
    data = zlib.compress(b"".join(lines), _COMPRESS_LEVEL)
    return _PNG_SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def text(payload: str, *, quiet: int = QUIET_MODULES, light_ink: bool = False) -> str:
    """Return the QR code of `payload` drawn with half-block characters, two rows in one line.

    Characters of ink are the dark modules, as on a light terminal; with `light_ink` they are
    the light modules, for a terminal that writes light on dark. The margin is `quiet` modules.
    Lines end with a newline. Raises `ValueError` as `png` does.
    """
    if not 0 <= quiet <= QUIET_MODULES_MAX:
        raise ValueError(f"quiet must be 0 to {QUIET_MODULES_MAX}")
    symbol = qr_symbol.encode(payload.encode())
    side = symbol.size + 2 * quiet
    # The number of rows is odd, so one more light row completes the last pair.
    rows = [0] * quiet + [row << quiet for row in symbol.rows] + [0] * (quiet + 1)
    lines = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        modules = ((upper >> i & 1, lower >> i & 1) for i in range(side - 1, -1, -1))
        if light_ink:
            modules = ((1 - above, 1 - below) for above, below in modules)
        lines.append("".join([_HALF_BLOCKS[pair] for pair in modules]) + "\n")
    return "".join(lines)


def read(image: bytes, *, bytes_max: int = IMAGE_BYTES_MAX) -> list[str]:
    """Return the texts of all QR codes in a PNG or JPEG picture, in no particular order.

    Texts are UTF-8; a code in another encoding is read as the code itself declares or, without
    a declaration, as its bytes suggest. No code found is an empty list. Raises `ImageError`
    for a file longer than `bytes_max`, of more than `IMAGE_PX_MAX` pixels, or not a picture.
    """
    if len(image) > bytes_max:
        raise ImageError(f"the file is longer than {bytes_max} bytes")
    grey = _grey(image)
    pixels = memoryview(grey.tobytes()).cast("B", (grey.height, grey.width))
    found = zxingcpp.read_barcodes(pixels, formats=_FORMATS)
    return [_text_of(barcode) for barcode in found]


def _grey(image: bytes) -> Image.Image:
    """Unpack a picture on white, its size checked before any pixel is unpacked."""
    try:
        with Image.open(BytesIO(image), formats=("PNG", "JPEG")) as opened:
            if opened.width * opened.height <= IMAGE_PX_MAX:
                return _flattened(opened)
    # A damaged file makes Pillow raise nearly anything, `SyntaxError` and `struct.error` too.
    except Exception as error:
        raise ImageError("the file is not a readable PNG or JPEG picture") from error
    raise ImageError(f"the picture has more than {IMAGE_PX_MAX} pixels")


def _flattened(picture: Image.Image) -> Image.Image:
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("L")
    return picture.convert("L")


def _text_of(barcode: zxingcpp.Barcode) -> str:
    try:
        return bytes(barcode.bytes).decode()
    except UnicodeDecodeError:
        return str(barcode.text)


@cache
def _scaled(module_px: int) -> tuple[bytes, ...]:
    """Eight modules as pixels, for each value of a byte; dark is 0."""
    dark_px = (1 << module_px) - 1
    return tuple(
        sum(dark_px << module_px * bit for bit in range(8) if not modules >> bit & 1).to_bytes(
            module_px, "big"
        )
        for modules in range(256)
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))
