"""Languages of the pages: which one a visitor reads, and how texts, money and times look in it.

English is the language of the source, so it needs no catalogue. Every other language has
`locale/<code>/messages.po`, read at start; a text without a translation fails the tests, never
the visitor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from sampan.codecs.emv_reader import EPOCH, HONG_KONG

LOCALE_FOLDER: Final = Path(__file__).parent / "locale"

DEFAULT: Final = "en"

COOKIE: Final = "lang"

_ACCEPTED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages: our code, the name in itself, and what HTML and Babel call it.

    `date_time` and `time` are patterns of Unicode TR 35; a day has 24 hours in both languages, as
    bank statements in Hong Kong write it.
    """

    code: str
    name: str
    html: str
    locale: str
    date_time: str
    time: str


LANGUAGES: Final[Mapping[str, Language]] = {
    "en": Language("en", "English", "en", "en_HK", "d MMM y, HH:mm:ss", "HH:mm:ss"),
    "zh-hant": Language(
        "zh-hant", "繁體中文", "zh-Hant-HK", "zh_Hant_HK", "y年M月d日 HH:mm:ss", "HH:mm:ss"
    ),
}
"""Code → language, in the order in which a page offers them."""

# Any Chinese is nearer to Traditional Chinese than English is.
_BY_PRIMARY_TAG: Final = {"en": "en", "zh": "zh-hant", "yue": "zh-hant"}


def mark(message: str) -> str:
    """Return the text unchanged; marks it for the catalogues where it stands outside a template."""
    return message


def choose(wishes: Sequence[str | None], accept_language: str, *, default: str = DEFAULT) -> str:
    """Return the code of the language to show: the first wish that exists, else the browser's.

    `wishes` are codes in any case, as they came from an address, a cookie or a setting.
    """
    for wish in wishes:
        if wish and wish.lower() in LANGUAGES:
            return wish.lower()
    for tag in _accepted(accept_language):
        code = _BY_PRIMARY_TAG.get(tag.split("-")[0].lower())
        if code:
            return code
    return default


def _accepted(header: str) -> list[str]:
    """Return the tags of an Accept-Language header, best first (RFC 9110, 12.5.4)."""
    ranked: list[tuple[float, str]] = []
    for part in header.split(",")[:_ACCEPTED_MAX]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((float(weight or 1), tag.strip()))
        except ValueError:
            continue
    # The sort is stable: equal weights stay in the sender's order.
    return [tag for weight, tag in sorted(ranked, key=lambda item: -item[0]) if weight > 0]


@cache
def translations(code: str) -> NullTranslations:
    """Return the texts of a language; raises KeyError for a code that is not in `LANGUAGES`."""
    language = LANGUAGES[code]
    if code == DEFAULT:
        return NullTranslations()
    with (LOCALE_FOLDER / code / "messages.po").open("rb") as source:
        catalogue = read_po(source, locale=language.locale)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def translate(code: str, message: str) -> str:
    """Return a marked text in a language."""
    return str(translations(code).ugettext(message))


def moment(us: int) -> datetime:
    """Return microseconds UTC since the epoch as a time in Hong Kong."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(HONG_KONG)


def date_time_text(code: str, us: int) -> str:
    """Write a moment as date and time in Hong Kong."""
    language = LANGUAGES[code]
    return format_datetime(moment(us), language.date_time, tzinfo=HONG_KONG, locale=language.locale)


def time_text(code: str, us: int) -> str:
    """Write a moment as the time of day in Hong Kong."""
    language = LANGUAGES[code]
    return format_datetime(moment(us), language.time, tzinfo=HONG_KONG, locale=language.locale)
