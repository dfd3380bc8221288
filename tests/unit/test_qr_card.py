"""The picture that a payer saves: its code is read back, its texts fit, its fonts are found."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont

from sampan.codecs import qr_card, qr_image, qr_symbol
from sampan.codecs.emv_qr import FpsQr, encode
from sampan.codecs.qr_card import Card

try:
    from pyzbar import pyzbar
except ImportError:  # the wheel is there, the C library behind it is not
    pyzbar = None

NAMES = ("海港茶舍", "香港仔麵包有限公司", "裕記士多", None)
PAYLOADS = [
    encode(
        FpsQr(
            fps_id=str(102_345_678 + i),
            amount_minor=10_000 + 37 * i,
            timeout_us=(1_800_000_000 + i) * 10**6,
            merchant_name="HARBOUR TEA HOUSE",
            merchant_name_zh=NAMES[i % len(NAMES)],
            reference_label=f"7K3QX2M9A{i}" if i % 2 else None,
        )
    )
    for i in range(8)
]
CARD = Card(
    payload=PAYLOADS[0],
    heading="FPS QR code · 轉數快",
    amount="HK$100.00",
    lines=(
        ("Payee", "HARBOUR TEA HOUSE 海港茶舍"),
        ("Payment ID", "ORD-20260412-0017"),
        ("Pay before", "12 Apr 2026, 15:42 HKT"),
    ),
    footer="For one-time use only",
)
BARE = Card(payload="sampan", heading="", amount="", lines=(), footer="")
LATIN = "HK$0…"
CHINESE = "海灣轉數港茶舍"


# ---- fonts made for a test


def table_name(family: str, style: str) -> bytes:
    """The table with the names of a face."""
    texts = [family.encode("utf-16-be"), style.encode("utf-16-be")]
    records, at = b"", 0
    for number, text in enumerate(texts, 1):
        records += struct.pack(">6H", 3, 1, 0x409, number, len(text), at)
        at += len(text)
    return struct.pack(">3H", 0, len(texts), 6 + len(records)) + records + b"".join(texts)


def table_cmap(further: str) -> bytes:
    """The table that gives glyphs to ASCII and to further characters, each another one."""
    # Glyph 3 of Pillow's face is the space, and the rest of ASCII follows in order.
    groups = [(0x20, 0x7E, 3)]
    groups += [(ord(c), ord(c), 40 + i) for i, c in enumerate(sorted(further))]
    data = b"".join(struct.pack(">3I", *group) for group in groups)
    head = struct.pack(">2H3I", 12, 0, 16 + len(data), 0, len(groups))
    return struct.pack(">4HI", 0, 1, 3, 10, 12) + head + data


def face(tables: dict[bytes, bytes], start: int) -> bytes:
    """One face, whose offsets count from the start of the file."""
    head = struct.pack(">I4H", 0x10000, len(tables), 0, 0, 0)
    body, at = b"", start + 12 + 16 * len(tables)
    for tag, data in sorted(tables.items()):
        head += struct.pack(">4s3I", tag, 0, at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    return head + body


def font(faces: Sequence[tuple[str, str]], further: str = CHINESE + "…") -> bytes:
    """A collection of faces with these families and styles, drawn as Pillow's own face."""
    default = ImageFont.load_default(10)
    assert isinstance(default, ImageFont.FreeTypeFont)
    assert isinstance(default.path, BytesIO)
    plain = default.path.getvalue()
    tables = {}
    for i in range(struct.unpack(">H", plain[4:6])[0]):
        tag, _, at, length = struct.unpack(">4s3I", plain[12 + 16 * i : 28 + 16 * i])
        tables[tag] = plain[at : at + length]
    tables[b"cmap"] = table_cmap(further)
    file, starts = b"", []
    for family, style in faces:
        starts.append(12 + 4 * len(faces) + len(file))
        file += face(tables | {b"name": table_name(family, style)}, starts[-1])
    return struct.pack(f">4sII{len(faces)}I", b"ttcf", 0x10000, len(faces), *starts) + file


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No test sees a font that another has found."""
    qr_card.find_font.cache_clear()
    yield
    qr_card.find_font.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only font folder of the system; it is empty, so Pillow's Latin face is used."""
    monkeypatch.setattr(qr_card, "_FOLDERS", (str(tmp_path / "absent"), str(tmp_path)))
    return tmp_path


# ---- helpers


def opened(file: bytes) -> Image.Image:
    """A picture, unpacked."""
    picture = Image.open(BytesIO(file))
    picture.load()
    return picture


def grey(file: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture as grey values."""
    return np.asarray(opened(file).convert("L"))


def shared(file: bytes, width: int) -> bytes:
    """A picture as a messenger passes it on: smaller, and as JPEG of quality 70."""
    picture = opened(file).convert("L")
    height = round(picture.height * width / picture.width)
    kept = BytesIO()
    picture.resize((width, height)).save(kept, "JPEG", quality=70)
    return kept.getvalue()


def text_ink(card: Card) -> int:
    """How many pixels of a card are not white."""
    return int((grey(qr_card.png(card)) < 255).sum())


# ---- the code


@pytest.mark.parametrize("payload", PAYLOADS)
def test_zxing_reads_the_code(payload: str) -> None:
    """The code is read as it is, and small and pressed."""
    file = qr_card.png(replace(CARD, payload=payload))
    assert qr_image.read(file) == [payload]
    assert qr_image.read(shared(file, 400)) == [payload]


@pytest.mark.parametrize("latin", [True, False])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_opencv_reads_the_code(
    payload: str,
    latin: bool,  # noqa: FBT001
    request: pytest.FixtureRequest,
) -> None:
    """OpenCV reads the code, large, and small and pressed, with each font."""
    if latin:
        request.getfixturevalue("folder")
    file = qr_card.png(replace(CARD, payload=payload))
    # At 400 pixels it loses the grid of symbols larger than 53 modules, with text or without.
    small_px = 400 if qr_symbol.encode(payload.encode()).size <= 53 else 480
    for picture in (file, shared(file, small_px)):
        found, _, _ = cv2.QRCodeDetector().detectAndDecodeBytes(grey(picture))
        assert bytes(found) == payload.encode()


@pytest.mark.skipif(pyzbar is None, reason="the zbar library is not installed")
@pytest.mark.parametrize("payload", [p for p in PAYLOADS if p.isascii()])
def test_zbar_reads_the_code(payload: str) -> None:
    """The zbar library reads the code as it is, and small and pressed."""
    file = qr_card.png(replace(CARD, payload=payload))
    for picture in (file, shared(file, 400)):
        assert [code.data for code in pyzbar.decode(opened(picture))] == [payload.encode()]


def test_code_without_fonts_is_read(folder: Path) -> None:
    """On a system without fonts the card is as readable."""
    file = qr_card.png(CARD)
    assert not any(folder.iterdir())
    assert qr_image.read(shared(file, 400)) == [CARD.payload]


@pytest.mark.parametrize("heading", ["", "FPS", "FPS " * 40])
@pytest.mark.parametrize("length", [1, 20, 60, 120, 200, 330, 480, qr_symbol.DATA_BYTES_MAX])
def test_code_is_large_and_free(length: int, heading: str) -> None:
    """A code is at least 760 pixels wide, of whole modules, with four light ones around it."""
    symbol = qr_symbol.encode(b"x" * length)
    picture = grey(qr_card.png(replace(BARE, payload="x" * length, heading=heading)))
    # Nothing but the code has 50 dark pixels one below the other.
    counted = np.cumsum(np.pad(picture == 0, ((1, 0), (0, 0))), axis=0)
    runs = counted[50:] - counted[:-50] == 50
    columns = np.flatnonzero(runs.any(axis=0))
    top, left = int(np.flatnonzero(runs.any(axis=1))[0]), int(columns[0])
    module_px, rest = divmod(int(columns[-1]) + 1 - left, symbol.size)
    assert rest == 0
    assert module_px * symbol.size >= 760
    quiet = 4 * module_px
    square = picture[
        top - quiet : top + symbol.size * module_px + quiet,
        left - quiet : left + symbol.size * module_px + quiet,
    ]
    dark = [[row >> i & 1 for i in range(symbol.size - 1, -1, -1)] for row in symbol.rows]
    wide = 1 - np.pad(np.array(dark), 4)
    assert np.array_equal(square, 255 * np.kron(wide, np.ones((module_px, module_px), dtype=int)))


def test_payload_too_long() -> None:
    """A payload that no symbol holds is refused."""
    with pytest.raises(ValueError, match="do not fit"):
        qr_card.png(replace(CARD, payload="x" * (qr_symbol.DATA_BYTES_MAX + 1)))


# ---- the picture


def test_file_is_small_and_portrait() -> None:
    """A card is a PNG of sixteen greys, 1080 pixels wide, higher than wide, below 40 kB."""
    file = qr_card.png(CARD)
    picture = opened(file)
    assert (picture.format, picture.mode, picture.width) == ("PNG", "P", 1080)
    assert file[24] == 4, "bits a pixel"
    assert picture.height > picture.width
    assert len(file) < 40_000


def test_same_arguments_same_bytes() -> None:
    """A card drawn twice is the same file, also after the fonts were searched again."""
    first = qr_card.png(CARD)
    qr_card.find_font.cache_clear()
    assert qr_card.png(CARD) == first


def test_corners_are_white() -> None:
    """The ground is white up to the edges."""
    picture = grey(qr_card.png(CARD))
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert set(edge.tolist()) == {255}


def test_every_text_is_drawn() -> None:
    """Each text of a card takes ink and room, and an empty one takes none."""
    drawn = [
        BARE,
        replace(BARE, heading="FPS"),
        replace(BARE, heading="FPS", amount="HK$1.00"),
        replace(BARE, heading="FPS", amount="HK$1.00", lines=(("Payee", "A"),)),
        replace(BARE, heading="FPS", amount="HK$1.00", lines=(("Payee", "A"), ("ID", "B"))),
        replace(
            BARE, heading="FPS", amount="HK$1.00", lines=(("Payee", "A"), ("ID", "B")), footer="F"
        ),
    ]
    inks = [text_ink(card) for card in drawn]
    heights = [opened(qr_card.png(card)).height for card in drawn]
    assert inks == sorted(set(inks))
    # Without a heading, the margin serves as quiet zone.
    assert heights[1:] == sorted(set(heights[1:]))


def rows_of_text(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[int]:
    """How high each band of ink is, from the top."""
    inked = np.concatenate(([False], (picture < 255).any(axis=1), [False]))
    edges = np.flatnonzero(inked[1:] != inked[:-1])
    return [int(end - start) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def test_amount_is_the_largest_text(folder: Path) -> None:
    """Below the code and the line, the amount comes first and is higher than all that follows."""
    assert not any(folder.iterdir())
    _, _, _, amount, *others = rows_of_text(grey(qr_card.png(CARD)))
    assert len(others) == len(CARD.lines) + 1
    assert amount > 2 * max(others)


LONG_ID = "".join(f"{i:05d}" for i in range(51))


def test_long_texts_fit(folder: Path) -> None:
    """The longest payment id and a payee of 25 Chinese characters stay within the margins."""
    (folder / "uming.ttc").write_bytes(font([("AR PL UMing HK", "Regular")]))
    lines = (("Payee", "海灣港茶舍" * 5), ("Payment ID", LONG_ID))
    picture = grey(qr_card.png(replace(CARD, lines=lines)))
    assert (picture[:, :72] == 255).all()
    assert (picture[:, -72:] == 255).all()
    assert picture.shape[0] < 1900


@pytest.mark.parametrize("text", [LONG_ID, "word " * 60])
def test_long_text_loses_its_middle(text: str, folder: Path) -> None:
    """Of a text beyond three lines, the start and the end are drawn, and not the middle."""
    assert not any(folder.iterdir())

    def drawn(value: str) -> bytes:
        return qr_card.png(replace(CARD, lines=(("ID", value),)))

    middle = len(text) // 2
    assert drawn(text[:middle] + "8" + text[middle + 1 :]) == drawn(text)
    assert drawn("8" + text[1:]) != drawn(text)
    assert drawn(text[:-2] + "8" + text[-1:]) != drawn(text)


@pytest.mark.parametrize("text", ["i" * 600, "海" * 9_000, "a b " * 5_000, "W" * 501])
def test_height_is_bounded(text: str) -> None:
    """Whatever the texts are, the picture stays below its largest height, and is not cut."""
    lines = ((text, text),) * qr_card.LINES_MAX
    card = Card(payload=CARD.payload, heading=text, amount=text, lines=lines, footer=text)
    picture = grey(qr_card.png(card))
    assert picture.shape[0] < qr_card.HEIGHT_PX_MAX
    assert (picture[-32:] == 255).all()


def test_too_many_lines() -> None:
    """More lines than a card has room for are refused."""
    with pytest.raises(ValueError, match="9 lines do not fit"):
        qr_card.png(replace(CARD, lines=(("a", "b"),) * 9))


def test_lines_part_where_a_reader_expects_it(folder: Path) -> None:
    """A line ends at a space, or between Chinese characters but not before a full stop."""
    assert not any(folder.iterdir())
    face_ = qr_card._font("", 34, bold=False)

    def wrapped(text: str, characters: int) -> list[str]:
        width_px = int(face_.getlength("0" * characters)) + 1
        return qr_card._wrapped(text, face_, width_px=width_px, lines_max=9)

    # The missing glyph of this face is nearly as wide as a digit.
    assert wrapped("0000 000000", 8) == ["0000", "000000"]
    assert wrapped("0000000 000", 7) == ["0000000", "000"]
    assert wrapped("0 0000000000", 8) == ["0 000000", "0000"]
    assert wrapped("海海海海海海海", 4) == ["海海海海", "海海海"]
    assert wrapped("海海海海。海", 4) == ["海海海", "海。海"]
    assert wrapped("海海海（海）", 4) == ["海海海", "（海）"]
    assert wrapped("海海ab cdefgh", 8) == ["海海ab", "cdefgh"]
    assert wrapped("00", 0) == ["0", "0"]


# ---- characters


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("TEA\u202e HOUSE\u202c", "TEA HOUSE"),
        ("\u2066TEA\u2069\u200f HOUSE", "TEA HOUSE"),
        ("TEA\x07\x1b HOUSE\x7f", "TEA HOUSE"),
        ("TEA\r\n\tHOUSE ", "TEA HOUSE"),
        ("TEA\ufeff\u200b\ufe0f\ud800 HOUSE", "TEA HOUSE"),
        ("TEA\u3000\u2028HOUSE", "TEA HOUSE"),
    ],
)
def test_hidden_characters_are_left_out(text: str, same: str) -> None:
    """Control and direction characters draw nothing, and white space is one space."""
    assert qr_card.png(replace(CARD, amount=text)) == qr_card.png(replace(CARD, amount=same))
    assert qr_card.drawable(text)


def test_composed_and_decomposed_accents(folder: Path) -> None:
    """An accent that stands behind its letter is drawn on it."""
    (folder / "uming.ttc").write_bytes(font([("AR PL UMing HK", "Regular")], CHINESE + "é…"))
    assert qr_card.drawable("Cafe\u0301")
    decomposed = qr_card.png(replace(CARD, amount="Cafe\u0301"))
    assert decomposed == qr_card.png(replace(CARD, amount="Café"))


@pytest.mark.parametrize("text", ["😀", "海港", "TEA 😀 HOUSE", "\U0010ffff", "\ue000"])
def test_character_without_a_glyph_is_a_box(text: str, folder: Path) -> None:
    """A character that the font lacks takes ink, and is the same box for every one."""
    assert not any(folder.iterdir())
    assert not qr_card.drawable(text)
    boxes = "".join("\uffff" if ord(character) > 127 else character for character in text)
    drawn = qr_card.png(replace(BARE, amount=text))
    assert drawn == qr_card.png(replace(BARE, amount=boxes))
    assert text_ink(replace(BARE, amount=text)) > text_ink(BARE)


def test_font_with_its_own_box(folder: Path) -> None:
    """A font that has the hollow box draws that instead of its missing glyph."""
    path = folder / "made.ttc"
    path.write_bytes(font([("Made", "Regular")], "□"))
    shown = [
        qr_card.png(replace(BARE, amount=amount), font_file=str(path)) for amount in ("😀", "□")
    ]
    assert shown[0] == shown[1]


@settings(max_examples=25, deadline=None)  # the first picture searches and opens fonts
@given(st.text(max_size=300), st.text(max_size=60))
def test_any_text_is_drawn(value: str, label: str) -> None:
    """Whatever stands in the texts, there is a card whose code is read."""
    card = replace(CARD, heading=label, amount=label, lines=((label, value),), footer=value)
    assert qr_image.read(qr_card.png(card)) == [CARD.payload]


# ---- the system's fonts


def test_no_font_found(folder: Path) -> None:
    """Without a font with Chinese, Latin texts are drawable and Chinese ones are not."""
    (folder / "notes.txt").write_text("no font")
    assert qr_card.find_font() == ""
    assert qr_card.drawable("HK$100.00")
    assert not qr_card.drawable("海港茶舍")


def test_font_in_the_first_place_of_the_list(folder: Path) -> None:
    """Of several fonts, the one drawn for Hong Kong is taken, however deep it lies."""
    (folder / "a/b").mkdir(parents=True)
    (folder / "uming.ttc").write_bytes(font([("AR PL UMing HK", "Regular")]))
    best = folder / "a/b/NotoSansHK-Regular.otf"
    best.write_bytes(font([("Noto Sans HK", "Regular")]))
    assert qr_card.find_font() == str(best)
    assert qr_card.drawable(CHINESE)


def test_font_is_searched_once(folder: Path) -> None:
    """The result of the search is kept, so a font installed later needs a new start."""
    assert qr_card.find_font() == ""
    (folder / "uming.ttc").write_bytes(font([("AR PL UMing HK", "Regular")]))
    assert qr_card.find_font() == ""


def test_useless_fonts_are_passed_over(folder: Path) -> None:
    """A damaged file, a font without Chinese and one without Latin letters are not taken."""
    (folder / "NotoSansHK-Regular.otf").write_bytes(b"damaged")
    (folder / "NotoSansTC-Regular.otf").write_bytes(font([("Noto Sans TC", "Regular")], "…"))
    (folder / "uming.ttc").write_bytes(font([("AR PL UMing HK", "Regular")]))
    assert qr_card.find_font() == str(folder / "uming.ttc")


@pytest.mark.parametrize(
    ("faces", "regular", "bold"),
    [
        (["Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK HK"], 2, 2),
        (["Noto Sans Mono CJK HK", "Noto Sans CJK JP", "Noto Sans CJK TC"], 2, 2),
        (["Source Han Sans", "Source Han Sans HC"], 1, 1),
        (["PingFang HK/Ultralight", "PingFang HK/Semibold", "PingFang HK/Regular"], 2, 1),
        (["PingFang SC/Regular", "PingFang TC/Light", "PingFang TC/Medium"], 2, 2),
        (["WenQuanYi Zen Hei"], 0, 0),
    ],
)
def test_face_of_a_collection(faces: list[str], regular: int, bold: int, tmp_path: Path) -> None:
    """The face for Hong Kong is taken, else that for Taiwan, else the first; then the weight."""
    path = tmp_path / "made.ttc"
    parts = [tuple([*name.split("/"), "Regular"][:2]) for name in faces]
    path.write_bytes(font([(family, style) for family, style in parts]))
    assert qr_card._index(str(path), bold=False) == regular
    assert qr_card._index(str(path), bold=True) == bold


@pytest.mark.parametrize(
    ("name", "sibling"),
    [("Made-Regular.ttc", "Made-Bold.ttc"), ("msjh.ttc", "msjhbd.ttc"), ("made.ttc", "")],
)
def test_amount_is_bold_where_it_can_be(name: str, sibling: str, tmp_path: Path) -> None:
    """The bold file beside a font sets heading and amount, and one font alone sets all."""
    path = tmp_path / name
    path.write_bytes(font([("Made", "Regular")]))
    if sibling:
        (tmp_path / sibling).write_bytes(font([("Made Strong", "Bold")]))
    names = [qr_card._font(str(path), 40, bold=bold).getname()[0] for bold in (False, True)]
    assert names == ["Made", "Made Strong" if sibling else "Made"]
    assert qr_image.read(qr_card.png(CARD, font_file=str(path))) == [CARD.payload]


def test_font_that_cannot_be_read(tmp_path: Path) -> None:
    """A font file that was asked for and is none is an error, not another font."""
    path = tmp_path / "made.ttf"
    path.write_bytes(b"damaged")
    with pytest.raises(OSError, match="file"):
        qr_card.png(CARD, font_file=str(path))
    with pytest.raises(OSError, match="file"):
        qr_card.drawable("x", font_file=str(path))


def test_font_of_this_system() -> None:
    """The font found on this machine, if there is one, has Chinese and Latin letters."""
    found = qr_card.find_font()
    assert qr_card.drawable(CHINESE + LATIN) == bool(found)
