"""Which payment a credit belongs to: decided where it is certain, proposed where it is not.

Pure, and the same whatever order the payments come in. The order of certainty: a reference; a
reference with one wrong character; the only payment of that amount in its time, with the payer
where known. An amount alone never decides between two payments. What does not fit (short, over,
late, double, wrong currency) is named here and decided by `domain.machine` and by people.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sampan.domain import reference
from sampan.domain.machine import Reason
from sampan.domain.payers import Payer, compare_names, same_account

SUGGESTIONS_MAX: Final = 10
_TEXTS_MAX: Final = 50
_TEXT_CHARS_MAX: Final = 1_000
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_SEPARATORS: Final = str.maketrans("", "", " -")


class State(StrEnum):
    """What a payment is waiting for, as far as money is concerned."""

    OPEN = "open"
    CLOSED = "closed"
    """Declined, refused or run out, and nothing arrived."""
    PAID = "paid"
    """Money arrived for it already: applied, or held for people to decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A payment that a credit might belong to.

    `references` are ours, one for each attempt, and empty where the QR carried none. Money that
    the bank booked from `opened_us` to `closes_us` is in time. Payers are those that the merchant
    named, or that paid before; nothing is known where they are empty.
    """

    key: int
    references: tuple[str, ...]
    amount_minor: int
    currency: str
    opened_us: int
    closes_us: int
    state: State = State.OPEN
    payer_names: tuple[str, ...] = ()
    payer_accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Money that arrived. It was booked between `earliest_us` and `latest_us`, equal if known.

    Where the bank tells only the day, those are its beginning and its end, or when we learned of
    it. `texts` are all in which our reference may stand, each from one field of the bank.
    """

    amount_minor: int
    currency: str
    earliest_us: int
    latest_us: int
    texts: tuple[str, ...] = ()
    payer_name: str = ""
    payer_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an account's matching may use.

    `by_amount` off: nothing is decided without a reference. `skew_us` is how much earlier than
    the payment a bank's clock may say that its money came.
    """

    by_amount: bool = True
    skew_us: int = 120_000_000


class How(StrEnum):
    """By what a payment was found."""

    EXACT_REFERENCE = "reference"
    REFERENCE_IN_TEXT = "reference in a longer text"
    CLOSE_REFERENCE = "reference with one wrong character"
    AMOUNT = "only payment of this amount in its time"
    AMOUNT_AND_PAYER = "amount and payer"


class Clue(StrEnum):
    """What speaks for or against a suggestion, for people."""

    NAMED = "its reference is named"
    ALMOST_NAMED = "its reference is named with one wrong character"
    SEVERAL_NAMED = "other payments are named as well"
    OTHER_NAMED = "a reference that is none of these is named"
    SAME_AMOUNT = "same amount"
    RIVALS = "another payment of this amount fits as well"
    IN_TIME = "in its time"
    SAME_PAYER = "same payer"
    OTHER_PAYER = "another payer"
    CLOSED = "the payment is closed"


class Why(StrEnum):
    """Why there is nothing to propose."""

    NO_INCOME = "no money came in"
    NOTHING_OPEN = "no payment to compare with"
    NOTHING_FITS = "no payment fits"


@dataclass(frozen=True, slots=True)
class Matched:
    """It belongs to this payment; `misfits` names what the state machine has to weigh."""

    key: int
    how: How
    misfits: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A payment it might belong to. Scores only order suggestions of one credit."""

    key: int
    score: int
    clues: tuple[Clue | Reason, ...]


@dataclass(frozen=True, slots=True)
class Suggested:
    """It might belong to one of these, the likeliest first; people decide."""

    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """It belongs to none of the payments, as far as can be told."""

    why: Why


Result = Matched | Suggested | Nothing

_SCORES: Final[dict[Clue | Reason, int]] = {
    Clue.NAMED: 100,
    Clue.ALMOST_NAMED: 60,
    Clue.SAME_AMOUNT: 30,
    Clue.SAME_PAYER: 25,
    Clue.IN_TIME: 15,
    Clue.OTHER_PAYER: -20,
    Clue.CLOSED: -5,
    Reason.DOUBLE: -30,
    Reason.WRONG_CURRENCY: -50,
}


def named_ids(texts: Iterable[str]) -> tuple[int, ...]:
    """Return the ids of operations that texts may name, for the caller to look up.

    Every place of a text is tried, and by chance one in 31 has a right check character, so some
    ids name nothing. Payments that are long closed become candidates this way.
    """
    found = (reference.decode(window) for text in _bounded(texts) for window in _windows(text))
    return tuple(dict.fromkeys(value for value in found if value is not None))


def near_ids(texts: Iterable[str]) -> tuple[int, ...]:
    """Return the ids of operations that a text, or a word of it, names but for one character.

    A dozen for each such text: in every place at most two characters give a right check.
    """
    words = {word for text in _bounded(texts) for word in (_packed(text), *text.split())}
    found = (value for word in sorted(words) for value in reference.near(word))
    return tuple(dict.fromkeys(found))


def match(arrival: Arrival, candidates: Sequence[Candidate], *, rules: Rules) -> Result:
    """Say which payment a credit belongs to, which it might, or that there is none.

    The candidates are all payments of the account that are open, and those closed or paid whose
    time may have touched the credit's: an amount is unique only among all of them; and those that
    `named_ids` leads to. Keys are unique. The result does not depend on their order, and taking
    candidates away never turns a match by amount into one with another payment.
    """
    if arrival.amount_minor <= 0:
        return Nothing(Why.NO_INCOME)
    if not candidates:
        return Nothing(Why.NOTHING_OPEN)
    return _Desk(arrival, candidates, rules=rules).result()


class _Desk:
    """One credit and the payments it is compared with."""

    def __init__(self, arrival: Arrival, candidates: Sequence[Candidate], *, rules: Rules) -> None:
        self._arrival = arrival
        self._rules = rules
        self._candidates = sorted(candidates, key=lambda candidate: candidate.key)
        texts = list(_bounded(arrival.texts))
        self._named = _named(self._candidates, texts)
        self._close = set() if self._named else _almost_named(self._candidates, texts)
        self._other_named = not self._named and any(map(_is_reference, texts))
        self._payers = {c.key: _payer(c, arrival) for c in self._candidates}
        self._same = [c for c in self._candidates if self._fits(c) and self._in_time(c)]

    def result(self) -> Result:
        """Return what is certain, else what is likely."""
        return self._by_reference() or self._by_amount() or self._likely()

    def _by_reference(self) -> Matched | None:
        for candidate in self._candidates:
            if candidate.currency != self._arrival.currency:
                continue
            if candidate.key in self._named and len(self._named) == 1:
                return Matched(candidate.key, self._named[candidate.key], self._misfits(candidate))
            # A slip is forgiven only where all the rest fits.
            sure = candidate in self._same and candidate.state is State.OPEN
            if self._close == {candidate.key} and sure and not self._other_named:
                return Matched(candidate.key, How.CLOSE_REFERENCE)
        return None

    def _by_amount(self) -> Matched | None:
        if not self._rules.by_amount or self._named or self._close or self._other_named:
            return None
        unpaid = [c for c in self._same if c.state is not State.PAID]
        again = [c for c in self._same if c.state is State.PAID and self._is(c, Payer.SAME)]
        certain = [c for c in unpaid if self._is(c, Payer.SAME)]
        possible = [c for c in unpaid if not self._is(c, Payer.OTHER)]
        if again or len(possible) != 1 or possible[0].state is not State.OPEN:
            return None
        if certain:
            return Matched(possible[0].key, How.AMOUNT_AND_PAYER)
        return Matched(possible[0].key, How.AMOUNT) if len(unpaid) == 1 else None

    def _likely(self) -> Suggested | Nothing:
        suggestions = []
        for candidate in self._candidates:
            clues = self._clues(candidate)
            if clues:
                score = sum(_SCORES.get(clue, 0) for clue in clues)
                suggestions.append((-score, candidate.opened_us, candidate.key, clues))
        if not suggestions:
            return Nothing(Why.NOTHING_FITS)
        best = sorted(suggestions)[:SUGGESTIONS_MAX]
        return Suggested(tuple(Suggestion(key, -score, clues) for score, _, key, clues in best))

    def _clues(self, candidate: Candidate) -> tuple[Clue | Reason, ...]:
        """Return what speaks for a payment and against it; nothing where it is not worth a look."""
        named, close = candidate.key in self._named, candidate.key in self._close
        same_amount = candidate.amount_minor == self._arrival.amount_minor
        right_currency = candidate.currency == self._arrival.currency
        same_payer, in_time = self._is(candidate, Payer.SAME), self._in_time(candidate)
        worth = named or close or (same_amount and (right_currency or in_time))
        if not worth and not (same_payer and right_currency and in_time):
            return ()
        rivals = candidate in self._same and len(self._same) > 1
        told: list[tuple[bool, Clue]] = [
            (named, Clue.NAMED),
            (close, Clue.ALMOST_NAMED),
            (len(self._named) + len(self._close) > 1, Clue.SEVERAL_NAMED),
            (self._other_named and not close, Clue.OTHER_NAMED),
            (same_amount and right_currency, Clue.SAME_AMOUNT),
            (rivals, Clue.RIVALS),
            (in_time, Clue.IN_TIME),
            (same_payer, Clue.SAME_PAYER),
            (self._is(candidate, Payer.OTHER), Clue.OTHER_PAYER),
            (candidate.state is State.CLOSED, Clue.CLOSED),
        ]
        return (*(clue for holds, clue in told if holds), *self._misfits(candidate))

    def _misfits(self, candidate: Candidate) -> tuple[Reason, ...]:
        if candidate.currency != self._arrival.currency:
            return (Reason.WRONG_CURRENCY,)
        asked, came = candidate.amount_minor, self._arrival.amount_minor
        told = [
            (candidate.state is State.PAID, Reason.DOUBLE),
            (self._arrival.earliest_us > candidate.closes_us, Reason.LATE),
            (came < asked, Reason.SHORT),
            (came > asked, Reason.OVER),
        ]
        return tuple(reason for holds, reason in told if holds)

    def _is(self, candidate: Candidate, payer: Payer) -> bool:
        return self._payers[candidate.key] is payer

    def _fits(self, candidate: Candidate) -> bool:
        wanted = (candidate.amount_minor, candidate.currency)
        return wanted == (self._arrival.amount_minor, self._arrival.currency)

    def _in_time(self, candidate: Candidate) -> bool:
        begun = self._arrival.latest_us >= candidate.opened_us - self._rules.skew_us
        return begun and self._arrival.earliest_us <= candidate.closes_us


def _payer(candidate: Candidate, arrival: Arrival) -> Payer:
    """Compare payers: one that is the same decides, another only where all are another."""
    if any(same_account(known, arrival.payer_account) for known in candidate.payer_accounts):
        return Payer.SAME
    found = {compare_names(known, arrival.payer_name) for known in candidate.payer_names}
    if Payer.SAME in found:
        return Payer.SAME
    return Payer.OTHER if found == {Payer.OTHER} else Payer.UNKNOWN


def _bounded(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts in capitals, look-alikes read as `domain.reference` reads them."""
    for _, text in zip(range(_TEXTS_MAX), texts, strict=False):
        yield text[:_TEXT_CHARS_MAX].upper().translate(_LOOKALIKES)


def _packed(text: str) -> str:
    """Return the letters and digits of a text: banks break references by blanks and marks."""
    return "".join(filter(str.isalnum, text))


def _windows(text: str) -> Iterator[str]:
    packed = _packed(text)
    for start in range(len(packed) - reference.LENGTH + 1):
        yield packed[start : start + reference.LENGTH]


def _named(candidates: Sequence[Candidate], texts: Sequence[str]) -> dict[int, How]:
    """Return the payments of which a reference stands in a text, and how."""
    wholes = {text.translate(_SEPARATORS) for text in texts}
    packed = [_packed(text) for text in texts]
    found: dict[int, How] = {}
    for candidate in candidates:
        wanted = [known for known in candidate.references if known]
        if not wholes.isdisjoint(wanted):
            found[candidate.key] = How.EXACT_REFERENCE
        elif any(known in text for known in wanted for text in packed):
            found[candidate.key] = How.REFERENCE_IN_TEXT
    return found


def _is_reference(text: str) -> bool:
    """Whether a text, or a word of it, is a reference of ours; by chance, one in 31 is."""
    return any(reference.decode(word) is not None for word in (text, *text.split()))


def _almost_named(candidates: Sequence[Candidate], texts: Sequence[str]) -> set[int]:
    """Return the payments whose reference is named with one wrong character.

    What is a right reference itself names another payment and is no slip.
    """
    holes: dict[str, set[int]] = {}
    for candidate in candidates:
        for known in candidate.references:
            for hole in _with_holes(known):
                holes.setdefault(hole, set()).add(candidate.key)
    found: set[int] = set()
    for text in texts if holes else ():
        for window in _windows(text):
            keys = [holes[hole] for hole in _with_holes(window) if hole in holes]
            if keys and reference.decode(window) is None:
                found.update(*keys)
    return found


def _with_holes(text: str) -> Iterator[str]:
    """Yield a text with each of its characters in turn left open."""
    for place in range(len(text)):
        yield f"{text[:place]}?{text[place + 1 :]}"
