"""Languages of the pages: which one a visitor reads, and how texts, money and times look in it.

English is the language of the source, so it needs no catalogue. Every other language has
`locale/<code>/messages.po`, read at start; a text without a translation fails the tests, never
the visitor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, get_currency_precision, get_currency_symbol
from babel.support import NullTranslations, Translations

from sampan.codecs.emv_reader import EPOCH, HONG_KONG

LOCALE_FOLDER: Final = Path(__file__).parent / "locale"

DEFAULT: Final = "en"

COOKIE: Final = "lang"

_ACCEPTED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages: our code, the name in itself, and what HTML and Babel call it.

    `date_time` and `time` are patterns of Unicode TR 35; a day has 24 hours in every language, as
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
    "zh": Language("zh", "简体中文", "zh-Hans-HK", "zh_Hans_HK", "y年M月d日 HH:mm:ss", "HH:mm:ss"),
}
"""Code → language, in the order in which a page offers them."""

# The parts of a tag of Chinese that tell its script; a script that is named beats the region.
_SIMPLIFIED: Final = "hans"
_TRADITIONAL: Final = {"hant", "tw", "hk", "mo", "yue"}

_MONEY_LOCALE: Final = "en_HK"
_NO_SYMBOL: Final = "¤"


def mark(message: str) -> str:
    """Return the text unchanged; marks it for the catalogues where it stands outside a template."""
    return message


def choose(
    wishes: Sequence[str | None],
    accept_language: str,
    *,
    unknown: str | None = None,
    default: str = DEFAULT,
) -> str:
    """Return the code of the language to show: the first wish that exists, else the browser's.

    `wishes` are codes in any case, as they came from an address, a cookie or a setting. With
    `unknown`, the first wish that is not empty decides: if it names none of `LANGUAGES`, the
    answer is `unknown`.
    """
    for wish in filter(None, wishes):
        if wish.lower() in LANGUAGES:
            return wish.lower()
        if unknown is not None:
            return unknown
    for tag in _accepted(accept_language):
        code = _by_tag(tag)
        if code:
            return code
    return default


def _by_tag(tag: str) -> str | None:
    """Return the code of the language that a browser's tag (RFC 5646) means, if we have it."""
    primary, *rest = tag.lower().split("-")
    if primary == "en":
        return "en"
    if primary not in {"zh", "yue"}:
        return None
    if _SIMPLIFIED in rest:
        return "zh"
    return "zh" if _TRADITIONAL.isdisjoint({primary, *rest}) else "zh-hant"


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


def money_text(amount_minor: int, currency: str) -> str:
    """Write an amount for people, in every language alike: `HK$1,234.50`.

    A currency that has no symbol, or is not known, has its code behind: `1,234.50 CHF`.
    """
    amount = Decimal(amount_minor).scaleb(-get_currency_precision(currency))
    symbol = get_currency_symbol(currency, locale=_MONEY_LOCALE)
    # A code for a symbol would stick to the digits: CHF3.00.
    form = "#,##0.00 ¤¤" if symbol in {currency, _NO_SYMBOL} else None
    return format_currency(amount, currency, form, locale=_MONEY_LOCALE)


def day_time_text(code: str, at: datetime) -> str:
    """Write a time of any zone with its day of the week, without seconds."""
    chinese = code != DEFAULT
    pattern = "y年M月d日EEEE HH:mm" if chinese else "EEEE, d MMM y, HH:mm"
    return format_datetime(at, pattern, tzinfo=at.tzinfo, locale=LANGUAGES[code].locale)
