"""Pictures of QR codes, read back by three independent scanners."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from sampan.codecs import qr_image, qr_symbol
from sampan.codecs.emv_qr import FpsQr, encode

try:
    from pyzbar import pyzbar, wrapper
except ImportError:  # the wheel is there, the C library behind it is not
    pyzbar = None

CHINESE = ("海港茶行", "香港仔麵包有限公司", "鷄蛋仔", "裕記士多", "寶琳嘢食", "中環髮型屋", "é1茶")


def made_codes() -> list[str]:
    """72 payloads of many lengths, most of them with a Chinese name."""
    chance = random.Random(852)
    payloads = []
    for i in range(72):
        letters = "".join(chance.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=25))
        code = FpsQr(
            fps_id=str(chance.randrange(10**6, 10**9)),
            amount_minor=chance.randrange(1, 10**7) if i % 5 else None,
            timeout_us=chance.randrange(1_700_000_000, 1_900_000_000) * 10**6 if i % 2 else None,
            merchant_name=letters[: chance.randint(1, 25)],
            merchant_name_zh=chance.choice(CHINESE) * chance.randint(1, 2) if i % 6 else None,
            bill_number=letters[: chance.randint(1, 25)] if i % 3 == 0 else None,
            reference_label=letters[: chance.randint(10, 12)] if i % 4 else None,
            terminal_label=letters if i % 9 == 0 else None,
        )
        payloads.append(encode(code))
    return payloads


CODES = made_codes()
PAYLOAD = CODES[7]


def pixels(image: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture as grey values."""
    return np.asarray(Image.open(BytesIO(image)).convert("L"))


def read_by_zxing(image: bytes) -> bytes | None:
    """The bytes that zxing-cpp finds in a picture."""
    found = zxingcpp.read_barcodes(pixels(image))
    return bytes(found[0].bytes) if found else None


def read_by_opencv(image: bytes) -> bytes | None:
    """The bytes that OpenCV finds in a picture."""
    found, _, _ = cv2.QRCodeDetector().detectAndDecodeBytes(pixels(image))
    return bytes(found) or None


@contextmanager
def binary_scanner() -> Iterator[Any]:
    """A scanner of zbar that hands out bytes as they are instead of guessing an encoding."""
    # The number of ZBAR_CFG_BINARY since zbar 0.23.1; pyzbar does not name it.
    binary = 4
    with pyzbar_scanner() as scanner:
        refused = wrapper.zbar_image_scanner_set_config(
            scanner, wrapper.ZBarSymbol.QRCODE, binary, 1
        )
        assert not refused, "this zbar has no binary mode"
        yield scanner


if pyzbar:
    pyzbar_scanner = pyzbar._image_scanner


def read_by_zbar(image: bytes) -> bytes | None:
    """The bytes that zbar finds in a picture."""
    found = pyzbar.decode(Image.open(BytesIO(image)).convert("L"))
    return bytes(found[0].data) if found else None


def assert_read_by(reader: Callable[[bytes], bytes | None]) -> None:
    """Every payload is read byte for byte; a code not found is tried at other sizes."""
    missed = []
    for payload in CODES:
        for module_px, quiet in ((8, 4), (6, 4), (5, 6), (7, 8), (10, 4), (4, 10)):
            found = reader(qr_image.png(payload, module_px=module_px, quiet=quiet))
            assert found in {None, payload.encode()}
            if found:
                break
        else:
            missed.append(payload)
    assert not missed


# ---- PNG


def test_zxing_reads_every_code() -> None:
    """zxing-cpp reads 72 payloads byte for byte."""
    assert_read_by(read_by_zxing)


def test_opencv_reads_every_code() -> None:
    """OpenCV reads 72 payloads byte for byte."""
    assert_read_by(read_by_opencv)


@pytest.mark.skipif(pyzbar is None, reason="the zbar library is not installed")
def test_zbar_reads_every_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The zbar library reads 72 payloads byte for byte."""
    monkeypatch.setattr(pyzbar, "_image_scanner", binary_scanner)
    assert_read_by(read_by_zbar)


@pytest.mark.parametrize(("module_px", "quiet"), [(1, 0), (1, 4), (3, 1), (8, 4), (9, 3), (40, 16)])
def test_pixels_of_a_png(module_px: int, quiet: int) -> None:
    """A PNG has one bit a pixel and shows each module as a square, within the margin."""
    symbol = qr_symbol.encode(b"sampan")
    picture = Image.open(BytesIO(qr_image.png("sampan", module_px=module_px, quiet=quiet)))
    picture.load()
    assert picture.mode == "1"
    dark = [[row >> i & 1 for i in range(symbol.size - 1, -1, -1)] for row in symbol.rows]
    wide = np.pad(np.array(dark), quiet)
    expected = np.kron(1 - wide, np.ones((module_px, module_px), dtype=int))
    assert np.array_equal(np.asarray(picture), expected)


@pytest.mark.parametrize(
    ("module_px", "quiet", "name"),
    [(0, 4, "module_px"), (41, 4, "module_px"), (8, -1, "quiet"), (8, 17, "quiet")],
)
def test_png_sizes_out_of_range(module_px: int, quiet: int, name: str) -> None:
    """A size out of range is refused by name."""
    with pytest.raises(ValueError, match=name):
        qr_image.png("x", module_px=module_px, quiet=quiet)


# ---- terminal text


def picture_of(drawing: str, *, light_ink: bool) -> bytes:
    """A terminal's picture of half-block text: 8 pixels a module, on a margin of paper."""
    halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    rows: list[list[int]] = []
    for line in drawing.splitlines():
        pairs = [halves[character] for character in line]
        rows += [[upper for upper, _ in pairs], [lower for _, lower in pairs]]
    ink = np.kron(np.array(rows), np.ones((8, 8), dtype=int))
    light = ink if light_ink else 1 - ink
    file = BytesIO()
    Image.fromarray((light * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@settings(max_examples=30, deadline=None)  # the first symbol of a version takes longer
@given(st.text(min_size=1, max_size=120), st.booleans(), st.integers(2, 6))
def test_terminal_text_is_read_back(payload: str, light_ink: bool, quiet: int) -> None:  # noqa: FBT001
    """What the characters show is the code, with dark ink and with light ink."""
    drawing = qr_image.text(payload, quiet=quiet, light_ink=light_ink)
    assert qr_image.read(picture_of(drawing, light_ink=light_ink)) == [payload]


def test_terminal_text_is_rectangular() -> None:
    """All lines are as wide as the code with its margin, two rows of modules high."""
    lines = qr_image.text("sampan").split("\n")
    assert {len(line) for line in lines[:-1]} == {21 + 8}
    assert (len(lines), lines[-1]) == ((21 + 8 + 1) // 2 + 1, "")


@pytest.mark.parametrize("quiet", [-1, 17])
def test_terminal_margin_out_of_range(quiet: int) -> None:
    """A margin out of range is refused."""
    with pytest.raises(ValueError, match="quiet"):
        qr_image.text("x", quiet=quiet)


# ---- reading pictures


def saved(picture: Image.Image, kind: str) -> bytes:
    """A picture as a file."""
    file = BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_reading_both_formats(kind: str) -> None:
    """A code is read out of PNG and JPEG."""
    picture = Image.open(BytesIO(qr_image.png(PAYLOAD))).convert("RGB")
    assert qr_image.read(saved(picture, kind)) == [PAYLOAD]


def test_reading_transparent_background() -> None:
    """Transparent pixels count as white paper, whatever colour hides below."""
    dark = ImageOps.invert(Image.open(BytesIO(qr_image.png(PAYLOAD))).convert("L"))
    picture = Image.new("RGBA", dark.size, "black")
    picture.putalpha(dark)
    assert qr_image.read(saved(picture, "PNG")) == [PAYLOAD]


def test_reading_several_codes() -> None:
    """All codes of a picture are returned."""
    parts = [Image.open(BytesIO(qr_image.png(payload))).convert("L") for payload in CODES[:2]]
    sheet = Image.new("L", (sum(part.width for part in parts), 800), "white")
    sheet.paste(parts[0], (0, 0))
    sheet.paste(parts[1], (parts[0].width, 100))
    assert sorted(qr_image.read(saved(sheet, "PNG"))) == sorted(CODES[:2])


def test_reading_a_code_in_another_encoding() -> None:
    """A foreign code in Kanji mode is read as the characters that it means."""
    file = BytesIO()
    segno.make("茶行", mode="kanji", micro=False).save(file, kind="png", scale=8)
    assert qr_image.read(file.getvalue()) == ["茶行"]


def test_picture_without_a_code() -> None:
    """A picture without a code gives an empty list."""
    assert qr_image.read(saved(Image.new("L", (50, 50)), "PNG")) == []


def claimed_png(width: int, height: int) -> bytes:
    """A small PNG that claims a size."""
    file = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(10))), (b"IEND", b"")):
        file += struct.pack(">I", len(data)) + kind + data
        file += struct.pack(">I", zlib.crc32(kind + data))
    return file


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "not a readable"),
        (b"GIF89a", "not a readable"),
        (saved(Image.new("L", (9, 9)), "GIF"), "not a readable"),
        (qr_image.png("x")[:-40], "not a readable"),
        (claimed_png(100, 100), "not a readable"),
        (claimed_png(8_000, 8_000), "more than 40000000 pixels"),
        (claimed_png(60_000, 60_000), "not a readable"),
        (bytes(qr_image.IMAGE_BYTES_MAX + 1), "longer than 8388608 bytes"),
    ],
    ids=["empty", "stub", "gif", "cut", "short", "large", "bomb", "long"],
)
def test_refused_files(file: bytes, reason: str) -> None:
    """A file that is no picture, or beyond a limit, is refused with the reason."""
    with pytest.raises(qr_image.ImageError, match=reason):
        qr_image.read(file)


def test_byte_limit_of_the_caller() -> None:
    """A caller may set a lower limit of bytes, which is still allowed itself."""
    file = qr_image.png(PAYLOAD)
    assert qr_image.read(file, bytes_max=len(file)) == [PAYLOAD]
    with pytest.raises(qr_image.ImageError, match="longer than"):
        qr_image.read(file, bytes_max=len(file) - 1)
