"""How a merchant's Payment Page looks: pictures and colours, with contrast that everybody reads."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

PICTURE_BYTES_MAX: Final = 65_536
READABLE: Final = 4.5
"""Least contrast of text (WCAG 2.2, 1.4.3)."""

Colour = Annotated[str, Meta(pattern=r"^(#[0-9a-f]{6})?\Z")]

# Of the house's paper and card the one on which a colour is harder to read.
_LIGHT_PAPER: Final = (244, 245, 243)
_INK: Final = (82, 96, 93)
"""The palest of the house's texts by day."""
_DARK_CARD: Final = (26, 34, 33)
_WHITE: Final = (255, 255, 255)
_BLACK: Final = (7, 20, 20)
_STEPS: Final = 40


class Picture(msgspec.Struct, frozen=True):
    """A picture: its media type and its bytes."""

    media_type: str
    data: bytes


class Look(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A look. Empty colours and pictures are the house's own.

    `title` stands for the project's name. `artwork` is shown in place of our neutral mark, for
    merchants who are licensed to use the marks of the scheme.
    """

    title: Annotated[str, Meta(max_length=100)] = ""
    accent: Colour = ""
    background: Colour = ""
    logo: Picture | None = None
    artwork: Picture | None = None


class Accent(msgspec.Struct, frozen=True):
    """A colour for buttons and links, and the colour of text on it."""

    colour: str
    ink: str


Rgb = tuple[int, int, int]


def accents(look: Look) -> tuple[Accent, Accent] | None:
    """Return the accent on a light and on a dark page; None where the look has none of its own.

    The merchant's colour is darkened or lightened as far as it must be to be read on the page.
    """
    if not look.accent:
        return None
    wished = _rgb(look.accent)
    grounds = [_LIGHT_PAPER, *([_rgb(paper(look))] if look.background else [])]
    hardest = min(grounds, key=_luminance)
    return (
        _accent(_towards(wished, _BLACK, ground=hardest)),
        _accent(_towards(wished, _WHITE, ground=_DARK_CARD)),
    )


def paper(look: Look) -> str:
    """Return the ground of a light page, made paler until our texts are read on it; "" for none."""
    if not look.background:
        return ""
    return _text(_towards(_rgb(look.background), _WHITE, ground=_INK))


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours like `#0f5c63` (WCAG 2.2, contrast ratio)."""
    return _contrast(_rgb(first), _rgb(second))


def _accent(colour: Rgb) -> Accent:
    ink = max((_WHITE, _BLACK), key=lambda tone: _contrast(tone, colour))
    return Accent(_text(colour), _text(ink))


def _towards(colour: Rgb, end: Rgb, *, ground: Rgb) -> Rgb:
    """Mix in as little of `end`, which can be read on the ground, as lets the colour be read."""
    step = 0
    mixed = colour
    while _contrast(mixed, ground) < READABLE:
        step += 1
        red, green, blue = (
            round(own + (other - own) * step / _STEPS)
            for own, other in zip(colour, end, strict=True)
        )
        mixed = (red, green, blue)
    return mixed


def _contrast(first: Rgb, second: Rgb) -> float:
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    small = 0.04045
    return part / 12.92 if part <= small else float(((part + 0.055) / 1.055) ** 2.4)


def _rgb(text: str) -> Rgb:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _text(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
