"""The picture of a payment that a payer saves: the QR code large, and under it what to check.

A payer saves it to the telephone and opens it in the bank's app. The app reads the code, the
payer reads payee and amount, and finds the picture again by payment id and expiry.

No font is shipped: the letters come from a font of the system, or from the Latin face that
Pillow carries. A character that the font does not have is drawn as a hollow box.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from io import BytesIO
from itertools import accumulate, takewhile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sampan.codecs import qr_image, qr_symbol

WIDTH_PX = 1080
"""Width of every picture; below 900 px the album readers of bank apps become unreliable."""

HEIGHT_PX_MAX = 3200
"""No picture is higher, however long its texts are."""

LINES_MAX = 8
"""Most pairs of label and value on a card."""

_SYMBOL_PX_MAX = 864
_MARGIN_PX = 72
_INNER_PX = WIDTH_PX - 2 * _MARGIN_PX
_LABEL_PX_MAX = 300
_COLUMN_GAP_PX = 36
_LEADING = 1.32

# Sixteen greys are enough for smooth letters and halve the file; ink is a multiple of 17, so
# that it survives the rounding.
_BLACK, _GREY, _RULE, _WHITE = 0, 102, 204, 255
_ROUNDED = [round(level / 17) for level in range(256)]
_PALETTE = [17 * index for index in range(16) for _ in "RGB"]
# Measured with zlib-ng, which Pillow carries: level 9 saves a tenth for nine times the time.
_COMPRESS_LEVEL = 5

# More characters than the smallest letters put on three lines.
_TEXT_CHARS_MAX = 500
_LACKING = "□"
_CUT = "…"
_NEVER_FIRST = frozenset("，。、：；！？）」』》】,.:;!?)")
_NEVER_LAST = frozenset("（「『《【(")
_VARIATION_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    # Where macOS keeps fonts that it fetches on demand, PingFang among them.
    "/System/Library/AssetsV2/com_apple_MobileAsset_Font7",
    "/System/Library/AssetsV2/com_apple_MobileAsset_Font8",
    "C:/Windows/Fonts",
)
# Best first, in lower case: drawn for Hong Kong, then for Taiwan, then anything with Chinese.
_FILES = """
    notosanshk-regular.* notosanscjkhk-regular.* notosanscjk-regular.ttc
    sourcehansanshc-regular.* sourcehansanshk-regular.* sourcehansans.ttc
    sourcehansans-regular.ttc notosanstc-regular.* notosanscjktc-regular.*
    sourcehansanstc-regular.* sourcehansanstw-regular.* notosanscjk-vf*.ttc
    notosanshk*.ttf notosanstc*.ttf pingfang*.ttc msjh.tt? stheiti?medium.ttc
    droidsansfallback*.ttf wqy-microhei.ttc wqy-zenhei.ttc uming.ttc arial?unicode.ttf
"""
_NEEDED = "HK$0…海灣轉數"
_REGIONS = ({"HK", "HC"}, {"TC", "TW"})
_BOLD_FILES = (("Regular", "Bold"), ("msjh.", "msjhbd."))
# A noncharacter, which no font has; what it is drawn as is the font's missing glyph.
_NO_CHARACTER = "\uffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card shows, in the payer's language and already formatted.

    `payload` is the EMV text of the code. `heading` stands above the code, `amount` large
    under it, `lines` as pairs of label and value (at most `LINES_MAX`), `footer` last. An
    empty text takes no room.
    """

    payload: str
    heading: str
    amount: str
    lines: tuple[tuple[str, str], ...]
    footer: str


@dataclass(frozen=True, slots=True)
class _Style:
    """How a text is set; `sizes` are pairs of pixels and most lines, the first that fits wins."""

    sizes: tuple[tuple[int, int], ...]
    ink: int = _BLACK
    bold: bool = False
    anchor: str = "ms"


_HEADING = _Style(sizes=((42, 1), (34, 2), (34, 3)), bold=True)
_AMOUNT = _Style(sizes=((116, 1), (96, 1), (76, 1), (58, 3)), bold=True)
_LABEL = _Style(sizes=((36, 1), (32, 2), (32, 3)), ink=_GREY, anchor="ls")
_VALUE = _Style(sizes=((44, 1), (38, 1), (34, 1), (44, 2), (38, 2), (34, 3)), anchor="ls")
_FOOTER = _Style(sizes=((36, 1), (32, 2), (32, 3)), ink=_GREY)


def png(card: Card, *, font_file: str = "") -> bytes:
    """Return the card as a greyscale PNG, `WIDTH_PX` wide and as high as its texts need.

    `font_file` is the path of a TrueType or OpenType font or collection; without one it is
    `find_font()`, and where that finds none, Pillow's own Latin face. The code is at least 760
    pixels wide, each module a square of whole pixels, with its quiet zone. A text too long for
    its place wraps, then shrinks, and past three lines loses its middle to "…". Control and
    direction characters are left out, and a character without a glyph becomes a hollow box.
    The same arguments and font always give the same bytes. Raises `ValueError` for a payload
    that does not fit into a symbol and for more than `LINES_MAX` lines, and `OSError` for a
    font that cannot be read.
    """
    if len(card.lines) > LINES_MAX:
        raise ValueError(f"{len(card.lines)} lines do not fit, at most {LINES_MAX} do")
    sheet = _Sheet(font_file or find_font())
    sheet.centred(card.heading, _HEADING)
    sheet.symbol(card.payload)
    sheet.rule()
    sheet.centred(card.amount, _AMOUNT)
    sheet.pairs(card.lines)
    sheet.centred(card.footer, _FOOTER)
    return sheet.file()


@cache
def find_font() -> str:
    """Return the path of a font of this system with Chinese and Latin letters, "" without one.

    Only the usual font folders of Linux, macOS and Windows are searched, for fonts known by
    name, those drawn for Hong Kong first. The search runs once in a process.
    """
    depths = [(Path(folder), depth) for folder in _FOLDERS for depth in ("*", "*/*", "*/*/*")]
    found = [path for folder, depth in depths for path in sorted(folder.glob(depth))]
    for pattern in _FILES.split():
        for path in found:
            if fnmatchcase(path.name.lower(), pattern):
                # A damaged file, or one in a format that FreeType cannot read.
                with suppress(OSError):
                    if drawable(_NEEDED, font_file=str(path)):
                        return str(path)
    return ""


def drawable(text: str, *, font_file: str = "") -> bool:
    """Tell whether every visible character of `text` has a glyph in the font that `png` uses.

    Raises `OSError` for a font that cannot be read.
    """
    face = font_file or find_font()
    return all(_has_glyph(face, character) for character in _visible(text))


class _Sheet:
    """White paper that is filled from the top and cut off below the last mark."""

    def __init__(self, face: str) -> None:
        self._face = face
        self._paper = Image.new("L", (WIDTH_PX, HEIGHT_PX_MAX), _WHITE)
        self._draw = ImageDraw.Draw(self._paper)
        self._y_px = self._free_px = _MARGIN_PX

    def symbol(self, payload: str) -> None:
        """Draw the code in the middle, its quiet zone clear of what is above and below."""
        made = qr_symbol.encode(payload.encode())
        side = made.size + 2 * qr_image.QUIET_MODULES
        module_px = min(_SYMBOL_PX_MAX // made.size, WIDTH_PX // side)
        row_bytes = made.stride // 8
        bits = made.bits.to_bytes(made.size * row_bytes, "big")
        # A set bit is dark, which Pillow calls an inverted one-bit picture.
        modules = Image.frombytes("1", (made.size, made.size), bits, "raw", "1;I", row_bytes)
        side_px = made.size * module_px
        drawn = modules.convert("L").resize((side_px, side_px), Image.Resampling.NEAREST)
        quiet_px = qr_image.QUIET_MODULES * module_px
        # What is empty above already counts.
        top_px = self._y_px + max(0, quiet_px - self._free_px)
        self._paper.paste(drawn, ((WIDTH_PX - side_px) // 2, top_px))
        self._y_px = top_px + side_px + quiet_px

    def rule(self) -> None:
        """Draw a thin line."""
        right_px = WIDTH_PX - _MARGIN_PX - 1
        self._draw.rectangle((_MARGIN_PX, self._y_px, right_px, self._y_px + 2), fill=_RULE)
        self._y_px += 40

    def centred(self, text: str, style: _Style) -> None:
        """Write a text in the middle."""
        lines, font = _fitted(_clean(text, self._face), style, face=self._face, width_px=_INNER_PX)
        high_px = self._write(lines, style, font=font, at=(WIDTH_PX // 2, self._y_px))
        if lines:
            self._free_px = 28
            self._y_px += high_px + self._free_px

    def pairs(self, pairs: tuple[tuple[str, str], ...]) -> None:
        """Write labels in one column and values in the next, on common baselines."""
        face = self._face
        clean = [(_clean(label, face), _clean(value, face)) for label, value in pairs]
        full = _font(face, _LABEL.sizes[0][0], bold=False)
        widest_px = max((sum(_widths(label, full)) for label, _ in clean), default=0)
        label_px = min(int(widest_px) + 1, _LABEL_PX_MAX)
        value_x_px = _MARGIN_PX + label_px + _COLUMN_GAP_PX
        value_px = WIDTH_PX - _MARGIN_PX - value_x_px
        for label, value in clean:
            left, left_font = _fitted(label, _LABEL, face=face, width_px=label_px)
            right, right_font = _fitted(value, _VALUE, face=face, width_px=value_px)
            # The smaller letters stand on the baseline of the larger ones.
            low_px = self._y_px + round(right_font.size - left_font.size)
            label_high_px = self._write(left, _LABEL, font=left_font, at=(_MARGIN_PX, low_px))
            value_high_px = self._write(right, _VALUE, font=right_font, at=(value_x_px, self._y_px))
            self._y_px += max(label_high_px, value_high_px) + 14
        self._y_px += 22

    def _write(
        self, lines: list[str], style: _Style, *, font: ImageFont.FreeTypeFont, at: tuple[int, int]
    ) -> int:
        """Write lines below a point and return how high they are."""
        line_px = round(_LEADING * font.size)
        for i, line in enumerate(lines):
            base = (at[0], at[1] + round(font.size) + i * line_px)
            self._draw.text(base, line, fill=style.ink, font=font, anchor=style.anchor)
        return len(lines) * line_px

    def file(self) -> bytes:
        """Return what has been drawn as a PNG."""
        cut = self._paper.crop((0, 0, WIDTH_PX, self._y_px + 32)).point(_ROUNDED)
        cut.putpalette(_PALETTE)
        file = BytesIO()
        cut.save(file, "PNG", bits=4, compress_level=_COMPRESS_LEVEL)
        return file.getvalue()


# ---- characters


def _visible(text: str) -> str:
    """Compose accents, drop what draws nothing or turns the direction, keep single spaces."""
    kept = (
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or not _is_hidden(character)
    )
    return " ".join("".join(kept).split())


def _is_hidden(character: str) -> bool:
    # Controls, formats (with the direction overrides) and halves of surrogate pairs.
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs"}
    return hidden or character in _VARIATION_SELECTORS


def _clean(text: str, face: str) -> str:
    """Return what is drawn of a text: visible characters, a box for each without a glyph."""
    visible = _visible(_middle_cut(text, _TEXT_CHARS_MAX))
    return "".join(c if _has_glyph(face, c) else _box(face) for c in visible)


def _middle_cut(text: str, kept: int) -> str:
    """Keep so many characters of a longer text, half at the start and half at the end."""
    if len(text) <= kept:
        return text
    return text[: kept - kept // 2] + _CUT + text[len(text) - kept // 2 :]


@lru_cache(maxsize=16_384)
def _has_glyph(face: str, character: str) -> bool:
    font = _font(face, 48, bold=False)
    return character == " " or _drawn(font, character) != _drawn(font, _NO_CHARACTER)


@cache
def _box(face: str) -> str:
    # A font without this character draws its missing glyph, nearly always a box as well.
    return _LACKING if _font(face, 48, bold=False).getmask(_LACKING).getbbox() else "?"


def _drawn(font: ImageFont.FreeTypeFont, character: str) -> tuple[float, bytes]:
    return font.getlength(character), bytes(font.getmask(character))


# ---- lines


def _fitted(
    text: str, style: _Style, *, face: str, width_px: int
) -> tuple[list[str], ImageFont.FreeTypeFont]:
    """Return the lines of a text and the font in which they fit into the width."""
    for size_px, lines_max in style.sizes:
        font = _font(face, size_px, bold=style.bold)
        lines = _wrapped(text, font, width_px=width_px, lines_max=lines_max)
        if len(lines) <= lines_max:
            return lines, font

    def cut(kept: int) -> list[str]:
        shorter = _middle_cut(text, kept)
        return _wrapped(shorter, font, width_px=width_px, lines_max=lines_max)

    kept = bisect_right(range(1, len(text)), lines_max, key=lambda kept: len(cut(kept)))
    return cut(kept), font


def _wrapped(
    text: str, font: ImageFont.FreeTypeFont, *, width_px: int, lines_max: int
) -> list[str]:
    """Break a text into lines: at spaces and between Chinese characters, else anywhere.

    One line more than `lines_max` says that the text does not fit; the rest is left out.
    """
    lines: list[str] = []
    while text and len(lines) <= lines_max:
        ends_px = takewhile(lambda end: end <= width_px, accumulate(_widths(text, font)))
        fits = max(1, sum(1 for _ in ends_px))
        end = _line_end(text, fits)
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return lines


def _line_end(text: str, fits: int) -> int:
    """Return after how many of the characters that fit a line ends best."""
    if fits >= len(text):
        return len(text)
    # A line less than half full wastes more than a broken word does.
    ends = (end for end in range(fits, fits // 2, -1) if _may_part(text[end - 1], text[end]))
    return next(ends, fits)


def _may_part(before: str, after: str) -> bool:
    if " " in {before, after}:
        return True
    wide = {"W", "F"} & set(map(unicodedata.east_asian_width, (before, after)))
    return bool(wide) and before not in _NEVER_LAST and after not in _NEVER_FIRST


def _widths(text: str, font: ImageFont.FreeTypeFont) -> Iterator[float]:
    return (_width_px(font, character) for character in text)


@lru_cache(maxsize=16_384)
def _width_px(font: ImageFont.FreeTypeFont, character: str) -> float:
    return font.getlength(character)


# ---- fonts


@lru_cache(maxsize=64)
def _font(face: str, size_px: int, *, bold: bool) -> ImageFont.FreeTypeFont:
    """Open a face in a size; bold where there is one, and regular otherwise."""
    # Basic layout draws characters in the order in which they stand, the same with and
    # without the library for complex scripts, so widths add up and no text turns around.
    basic = ImageFont.Layout.BASIC
    if not face:
        default = ImageFont.load_default(size_px)
        assert isinstance(default, ImageFont.FreeTypeFont)  # noqa: S101 - Pillow has FreeType
        return default.font_variant(layout_engine=basic)
    file = _bold_file(face) if bold else face
    font = ImageFont.truetype(file, size_px, _index(file, bold=bold), layout_engine=basic)
    # A variable font starts at its thinnest; all others refuse.
    with suppress(OSError, ValueError):
        font.set_variation_by_name("Bold" if bold else "Regular")
    return font


def _bold_file(face: str) -> str:
    path = Path(face)
    names = {path.name.replace(*names) for names in _BOLD_FILES} - {path.name}
    return next((str(bold) for bold in map(path.with_name, names) if bold.is_file()), face)


@cache
def _index(file: str, *, bold: bool) -> int:
    """Return which face of a collection is drawn for Hong Kong, upright and in this weight."""
    weights = ("Bold", "Semibold", "Medium") if bold else ("Regular", "Normal", "Medium")
    # A file without a first face is not a font; one without a further face ends here.
    names = [ImageFont.truetype(file, 48).getname()]
    with suppress(OSError):
        while True:
            names.append(ImageFont.truetype(file, 48, len(names)).getname())
    ranks = []
    for index, (family, weight) in enumerate(names):
        words = set((family or "").split())
        region = next((i for i, known in enumerate(_REGIONS) if known & words), len(_REGIONS))
        style = weights.index(weight) if weight in weights else len(weights)
        ranks.append(("Mono" in words, region, style, index))
    return min(ranks)[-1]
