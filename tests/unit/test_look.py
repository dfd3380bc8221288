"""Looks: whatever colour a merchant wishes, everybody can read it."""

from __future__ import annotations

import re
from typing import Final

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sampan.domain.look import READABLE, Accent, Look, Picture, accents, contrast, paper
from sampan.web.render import static_files

COLOURS: Final = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
GROUNDS: Final = ("paper", "card")


def themes() -> list[dict[str, str]]:
    """Return the house's own colours by name, light first, then dark."""
    light, dark = static_files()["tokens.css"].plain.decode().split("@media")
    pattern = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")
    return [dict(pattern.findall(text)) for text in (light, dark)]


def both(accent: str) -> tuple[Accent, Accent]:
    """Return a wished accent on a light and on a dark page."""
    found = accents(Look(accent=accent))
    assert found is not None
    return found


@given(COLOURS)
@example("#000000")
@example("#ffffff")
@example("#808080")
@example("#767676")
@example("#ffff00")
@example("#0000ff")
@example("#0f5c63")
def test_any_accent_can_be_read(wished: str) -> None:
    """Links on the house's paper and cards, and words on buttons, have their contrast."""
    for accent, theme in zip(both(wished), themes(), strict=True):
        for ground in GROUNDS:
            assert contrast(accent.colour, theme[ground]) >= READABLE, ground
        assert contrast(accent.ink, accent.colour) >= READABLE


@pytest.mark.parametrize("wished", ["#0f5c63", "#8a2be2", "#a32420", "#000000"])
def test_a_colour_that_can_be_read_is_kept(wished: str) -> None:
    """What is dark enough on a light page is the merchant's own colour, to the last digit."""
    assert both(wished)[0].colour == wished


@pytest.mark.parametrize("wished", ["#7fd0d3", "#ffd700", "#ffffff"])
def test_a_light_colour_is_kept_at_night(wished: str) -> None:
    """What is light enough on a dark page is the merchant's own colour."""
    assert both(wished)[1].colour == wished


def test_black_turns_light_at_night_and_white_dark_by_day() -> None:
    """The colours that would vanish do not."""
    assert contrast(both("#000000")[1].colour, "#000000") > READABLE
    assert contrast(both("#ffffff")[0].colour, "#ffffff") > READABLE


def test_house_has_its_own_colours() -> None:
    """A look without an accent changes none, and the house's own can be read."""
    assert accents(Look()) is None
    for theme in themes():
        assert contrast(theme["accent-ink"], theme["accent"]) >= READABLE
        for ground in GROUNDS:
            assert contrast(theme["accent"], theme[ground]) >= READABLE


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#000000", 21.0),
        ("#123456", "#123456", 1.0),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#0a0a0a", "#000000", 1.06),
    ],
)
def test_contrast(first: str, second: str, ratio: float) -> None:
    """Contrast is the one that WCAG defines."""
    assert contrast(first, second) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(
    "colour", ["red", "#fff", "#FFFFFF", "#12345g", "#1234567", "url(x)", "#ffffff\n", "\n"]
)
@pytest.mark.parametrize("name", ["accent", "background"])
def test_what_is_no_colour(name: str, colour: str) -> None:
    """Nothing but a colour gets into the styles of a page."""
    text = msgspec.json.encode({name: colour})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Look)


def test_look_is_kept_whole() -> None:
    """A look survives being written down."""
    picture = Picture("image/png", bytes(range(256)))
    look = Look(title="海港茶舍", accent="#8a2be2", background="#f7f1e5", logo=picture)
    assert msgspec.json.decode(msgspec.json.encode(look), type=Look) == look


@given(COLOURS, COLOURS)
def test_any_ground_lets_texts_be_read(ground: str, accent: str) -> None:
    """A dark ground becomes pale enough for our texts, and the accent follows it."""
    look = Look(background=ground, accent=accent)
    shown = paper(look)
    assert contrast("#52605d", shown) >= READABLE
    found = accents(look)
    assert found is not None
    assert contrast(found[0].colour, shown) >= READABLE


def test_pale_ground_is_kept() -> None:
    """A ground on which texts can be read is the merchant's own, and none is none."""
    assert paper(Look(background="#f7f1e5")) == "#f7f1e5"
    assert paper(Look()) == ""
