"""The languages of the pages: none is half finished, and everybody gets one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from sampan.web import i18n
from sampan.web.render import TEMPLATES_FOLDER, environment

SOURCE = Path(i18n.__file__).parents[1]
TRANSLATED = [code for code in i18n.LANGUAGES if code != i18n.DEFAULT]
PLACEHOLDER = re.compile(r"%\(\w+\)s")


@cache
def messages() -> frozenset[str]:
    """Every text that the pages can show."""
    found = extract_from_dir(
        SOURCE,
        method_map=[("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")],
        options_map={"**/templates/**.html": {"newstyle_gettext": "true", "trimmed": "true"}},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "mark": None},
    )
    return frozenset(text for *_, text, _, _ in found if isinstance(text, str))


def catalogue(code: str) -> Catalog:
    """The catalogue of a language."""
    with (i18n.LOCALE_FOLDER / code / "messages.po").open("rb") as source:
        return read_po(source, locale=i18n.LANGUAGES[code].locale)


def test_texts_are_found() -> None:
    """The extraction that the other tests rest on sees templates and modules."""
    assert {"Scan and pay", "Jasmine pearls", "Pay %(amount)s by FPS"} <= messages()


@pytest.mark.parametrize("code", TRANSLATED)
def test_language_is_whole(code: str) -> None:
    """Every text has a translation, none is doubtful, and none is left over."""
    known = {str(entry.id): entry for entry in catalogue(code) if entry.id}
    assert set(known) == messages()
    assert not [text for text, entry in known.items() if not entry.string or entry.fuzzy]


@pytest.mark.parametrize("code", TRANSLATED)
def test_translation_keeps_the_placeholders(code: str) -> None:
    """A translation says the same values as the text."""
    wrong = [
        entry.id
        for entry in catalogue(code)
        if sorted(PLACEHOLDER.findall(str(entry.id)))
        != sorted(PLACEHOLDER.findall(str(entry.string)))
    ]
    assert wrong == []


@pytest.mark.parametrize("code", i18n.LANGUAGES)
def test_every_template_compiles(code: str) -> None:
    """No template has an error that only its first visitor would see."""
    made = environment(code)
    names = [path.relative_to(TEMPLATES_FOLDER).as_posix() for path in TEMPLATES_FOLDER.rglob("*")]
    assert [made.get_template(name) for name in names if name.endswith(".html")]


@pytest.mark.parametrize(
    ("wishes", "accepted", "expected"),
    [
        ([None, None], "", "en"),
        (["zh-hant"], "en", "zh-hant"),
        (["ZH-Hant"], "en", "zh-hant"),
        (["xx", "zh-hant"], "en", "zh-hant"),
        ([None], "zh-HK,zh;q=0.9,en;q=0.8", "zh-hant"),
        ([None], "en;q=0.5, zh-TW", "zh-hant"),
        ([None], "fr, zh;q=0, en;q=0.1", "en"),
        ([None], "yue-HK", "zh-hant"),
        ([None], "fr, de", "en"),
        ([None], "zh;q=much, en", "en"),
    ],
)
def test_language_is_chosen(wishes: list[str | None], accepted: str, expected: str) -> None:
    """A wish comes before the browser, the browser before the default."""
    assert i18n.choose(wishes, accepted) == expected


@pytest.mark.parametrize(
    ("code", "expected"), [("en", "4 Mar 2026, 15:06:07"), ("zh-hant", "2026年3月4日 15:06:07")]
)
def test_time_is_that_of_hong_kong(code: str, expected: str) -> None:
    """Moments are written as they are read from a clock in Hong Kong."""
    assert i18n.date_time_text(code, 1_772_607_967_000_000) == expected
    assert i18n.time_text(code, 1_772_607_967_000_000) == "15:06:07"
