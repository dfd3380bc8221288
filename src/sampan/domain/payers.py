"""Whether two names mean the same person, as banks write them: masked, turned, in capitals."""

import re
import unicodedata
from enum import StrEnum
from typing import Final

_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof"})
_WORD: Final = re.compile(r"[^\W_]+[*○]*|[*○]+")
_MASKS: Final = "*○"
_ACCOUNT_CHARS_MIN: Final = 6
"""Shorter texts are no account numbers."""


class Payer(StrEnum):
    """What comparing payers says."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


def same_account(one: str, other: str) -> bool:
    """Whether two account numbers are one, however they are grouped and led by zeros."""
    plain = [re.sub(r"[^0-9A-Z]", "", text.upper()).lstrip("0") for text in (one, other)]
    return plain[0] == plain[1] and len(plain[0]) >= _ACCOUNT_CHARS_MIN


def compare_names(one: str, other: str) -> Payer:
    """Compare two names of people or companies.

    The same: every word of the shorter one stands in the other, in any order, where `T**` stands
    for any word with a T; a name of one Latin word says too little. Other: not one word in common.
    Names in different scripts, and those that share only a part, say nothing.
    """
    fewer, more = sorted((_words(one), _words(other)), key=lambda words: (len(words), words))
    if not fewer or _is_chinese(fewer) != _is_chinese(more):
        return Payer.UNKNOWN
    if _is_chinese(fewer):
        return Payer.SAME if _matches("".join(fewer), "".join(more), whole=True) else Payer.OTHER
    rest = list(more)
    for word in fewer:
        found = next((known for known in rest if _matches(word, known)), None)
        if found is not None:
            rest.remove(found)
    shared_count = len(more) - len(rest)
    if shared_count == len(fewer) and shared_count > 1:
        return Payer.SAME
    return Payer.UNKNOWN if shared_count else Payer.OTHER


def _words(name: str) -> list[str]:
    found = _WORD.findall(unicodedata.normalize("NFKC", name).casefold())
    return [word for word in found if word not in _TITLES and word.strip(_MASKS)]


def _is_chinese(words: list[str]) -> bool:
    return any("\u3400" <= character <= "\u9fff" for word in words for character in word)


def _matches(one: str, other: str, *, whole: bool = False) -> bool:
    """Whether two words are one where a mask stands for any letters (`whole`: for one each)."""
    if whole:
        return len(one) == len(other) and all(
            a == b or a in _MASKS or b in _MASKS for a, b in zip(one, other, strict=True)
        )
    bare, other_bare = one.rstrip(_MASKS), other.rstrip(_MASKS)
    if bare != one and other_bare != other:
        return bare.startswith(other_bare) or other_bare.startswith(bare)
    if bare != one:
        return other.startswith(bare)
    return one.startswith(other_bare) if other_bare != other else one == other
