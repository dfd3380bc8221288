"""The languages of the pages: none is half finished, and everybody gets one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan import money
from sampan.web import i18n
from sampan.web.render import TEMPLATES_FOLDER, environment
from tests.catalogues import (
    TRANSLATED,
    catalogue,
    entries,
    in_step,
    left_over,
    messages,
    missing,
    parsed,
    path_of,
)

PLACEHOLDER = re.compile(r"%\(\w+\)s")


def forms(text: str | Sequence[str]) -> tuple[str, ...]:
    """A text as singular and plural, or alone."""
    return (text,) if isinstance(text, str) else tuple(text)


def test_texts_are_found() -> None:
    """The extraction that the other tests rest on sees templates and modules."""
    assert {"Scan and pay", "Jasmine pearls", "Pay %(amount)s by FPS"} <= {*messages()}


@pytest.mark.parametrize("code", TRANSLATED)
def test_language_is_whole(code: str) -> None:
    """Every text has a translation, none is doubtful, and none is left over."""
    held = catalogue(code)
    assert (missing(held), left_over(held)) == ([], [])
    translated = entries(held).items()
    assert not [
        text for text, each in translated if each.fuzzy or not all(forms(each.string or ""))
    ]


@pytest.mark.parametrize("code", TRANSLATED)
def test_translation_keeps_the_placeholders(code: str) -> None:
    """A translation says the same values as the text."""
    wrong = [
        text
        for text, entry in entries(catalogue(code)).items()
        for string in forms(entry.string or "")
        # The plural is the form that says how many.
        if sorted(PLACEHOLDER.findall(forms(text)[-1])) != sorted(PLACEHOLDER.findall(string))
    ]
    assert wrong == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_catalogue_is_in_the_order_of_the_source(code: str) -> None:
    """`python -m tests.catalogues --write` finds nothing to change."""
    text = path_of(code).read_text(encoding="utf-8")
    assert in_step(text) == text


def test_catalogue_is_brought_in_step() -> None:
    """Missing texts come in empty, left-over ones go; the head and the translations stay."""
    head = '# A head.\nmsgid ""\nmsgstr ""\n"Language: zh_Hant_HK\\n"'
    text = f'{head}\n\nmsgid "Gone"\nmsgstr "去"\n\nmsgid "Scan and pay"\nmsgstr "掃"\n'
    assert left_over(parsed(text)) == ["Gone"]
    written = in_step(text)
    assert written.startswith(f"{head}\n\nmsgid")
    after = {text: each.string for text, each in entries(parsed(written)).items()}
    assert list(after) == list(messages())
    assert (after["Scan and pay"], after["Jasmine pearls"]) == ("掃", "")
    assert in_step(written) == written


def test_every_template_compiles() -> None:
    """No template has an error that only its first visitor would see; languages differ in texts."""
    made = environment(i18n.DEFAULT)
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
        (["zh"], "zh-HK", "zh"),
        (["ZH"], "en", "zh"),
        ([None], "en-GB, zh", "en"),
        ([None], "zh", "zh"),
        ([None], "zh-CN,zh;q=0.9", "zh"),
        ([None], "zh-SG", "zh"),
        ([None], "zh-MY", "zh"),
        ([None], "zh-Hans", "zh"),
        ([None], "zh-Hans-HK", "zh"),
        ([None], "ZH-HANS-TW", "zh"),
        ([None], "zh-TW", "zh-hant"),
        ([None], "zh-hk", "zh-hant"),
        ([None], "zh-MO", "zh-hant"),
        ([None], "zh-Hant", "zh-hant"),
        ([None], "zh-Hant-CN", "zh-hant"),
        ([None], "yue", "zh-hant"),
        ([None], "yue-Hans-CN", "zh"),
        ([None], "fr-HK, zhx", "en"),
    ],
)
def test_language_is_chosen(wishes: list[str | None], accepted: str, expected: str) -> None:
    """A wish comes before the browser, the browser before the default."""
    assert i18n.choose(wishes, accepted) == expected


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ([], "zh-hant"),
        ([None, ""], "zh-hant"),
        (["zh", "xx"], "zh"),
        (["xx", "zh"], "en"),
        ([None, "xx"], "en"),
        (["zh-CN"], "en"),
    ],
)
def test_unknown_wish_may_have_an_answer_of_its_own(
    wishes: list[str | None], expected: str
) -> None:
    """Where the first wish decides, a language that we lack is neither skipped nor guessed."""
    assert i18n.choose(wishes, "zh-HK", unknown="en") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", "4 Mar 2026, 15:06:07"),
        ("zh-hant", "2026年3月4日 15:06:07"),
        ("zh", "2026年3月4日 15:06:07"),
    ],
)
def test_time_is_that_of_hong_kong(code: str, expected: str) -> None:
    """Moments are written as they are read from a clock in Hong Kong."""
    assert i18n.date_time_text(code, 1_772_607_967_000_000) == expected
    assert i18n.time_text(code, 1_772_607_967_000_000) == "15:06:07"


@given(
    st.integers(-money.AMOUNT_MINOR_MAX, money.AMOUNT_MINOR_MAX), st.sampled_from(["HKD", "CNY"])
)
def test_money_of_fps_is_written_as_everywhere(amount_minor: int, currency: str) -> None:
    """Pages and terminal write one amount in one way."""
    assert i18n.money_text(amount_minor, currency) == money.to_display(amount_minor, currency)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "expected"),
    [
        (123450, "HKD", "HK$1,234.50"),
        (123450, "CNY", "CN¥1,234.50"),
        (123450, "EUR", "€1,234.50"),
        (-123450, "EUR", "-€1,234.50"),
        (1234, "JPY", "JP¥1,234"),
        (5, "USD", "US$0.05"),
        (1234500, "CHF", "12,345.00 CHF"),
        (1234567, "KWD", "1,234.567 KWD"),
        (123450, "XXX", "1,234.50 XXX"),
        (123450, "QQQ", "1,234.50 QQQ"),
        (-123450, "QQQ", "-1,234.50 QQQ"),
    ],
)
def test_money_of_any_currency_is_written(amount_minor: int, currency: str, expected: str) -> None:
    """A currency has its own decimals and its symbol, or else its code behind."""
    assert i18n.money_text(amount_minor, currency) == expected


@given(st.integers(-(2**63), 2**63 - 1), st.text(ascii_uppercase, min_size=3, max_size=3))
def test_money_is_written_to_the_last_unit(amount_minor: int, currency: str) -> None:
    """No amount and no currency is too strange, and no digit is lost."""
    text = i18n.money_text(amount_minor, currency)
    assert int("".join(filter(str.isdecimal, text))) == abs(amount_minor)
