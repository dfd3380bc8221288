"""Which payment a credit belongs to, as a table that a merchant's bookkeeper can read."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.domain.machine import Reason
from sampan.domain.matching import (
    SUGGESTIONS_MAX,
    Arrival,
    Candidate,
    Clue,
    How,
    Matched,
    Nothing,
    Result,
    Rules,
    State,
    Suggested,
    match,
    named_ids,
)
from sampan.domain.reference import ALPHABET, decode, encode

NOON: Final = 1_795_320_000_000_000
MINUTE: Final = 60_000_000
RULES: Final = Rules()
REF_A: Final = encode(7_000_001)
REF_B: Final = encode(8_000_002)
REF_OLD: Final = encode(9_000_003)
A: Final = Candidate(
    key=1,
    references=(REF_A,),
    amount_minor=38_800,
    currency="HKD",
    opened_us=NOON,
    closes_us=NOON + 15 * MINUTE,
)
B: Final = replace(A, key=2, references=(REF_B,), opened_us=NOON + MINUTE)
OTHER_SUM: Final = replace(B, amount_minor=12_000)
CREDIT: Final = Arrival(
    amount_minor=38_800,
    currency="HKD",
    earliest_us=NOON + 5 * MINUTE,
    latest_us=NOON + 5 * MINUTE,
)
CHAN: Final = "CHAN TAI MAN"
NAMES: Final = {1: "A", 2: "B", 3: "C"}


def slip(text: str, place: int = 3) -> str:
    """The text with one wrong character."""
    wrong = next(c for c in "8X" if c != text[place])
    return text[:place] + wrong + text[place + 1 :]


def credit(*texts: str, **changes: int | str) -> Arrival:
    """The credit with these texts and changes."""
    return replace(CREDIT, texts=texts, **changes)  # type: ignore[arg-type]


def of(candidate: Candidate, payer: str = "", **changes: object) -> Candidate:
    """The candidate with a known payer and changes."""
    names = (payer,) if payer else ()
    return replace(candidate, payer_names=names, **changes)  # type: ignore[arg-type]


def said(result: Result) -> str:
    """A result in words."""
    match result:
        case Matched(key=key, how=how, misfits=misfits):
            return "; ".join([f"{NAMES[key]} by {how}", *misfits])
        case Suggested(suggestions=suggestions):
            return "perhaps " + ", ".join(NAMES[found.key] for found in suggestions)
        case Nothing(why=why):
            return f"nothing: {why}"


TABLE: Final = [
    # a reference decides, whatever stands around it
    (credit(REF_A), [A, B], "A by reference"),
    (credit(REF_B), [A, B], "B by reference"),
    (credit(REF_A.lower()), [A, B], "A by reference"),
    (credit(f"{REF_A[:4]}-{REF_A[4:8]} {REF_A[8:]}"), [A, B], "A by reference"),
    (credit(REF_A.replace("0", "O")), [A, B], "A by reference"),
    (credit("thanks", REF_A), [A, B], "A by reference"),
    (credit(f"ORDER {REF_A} THANKS"), [A, B], "A by reference in a longer text"),
    (credit(f"/REF/{REF_A}/FPS"), [A, B], "A by reference in a longer text"),
    (credit(f"ref{REF_A[:6]} {REF_A[6:]}x"), [A, B], "A by reference in a longer text"),
    (credit(REF_A, f"also {REF_A}"), [A, B], "A by reference"),
    (credit(REF_B), [of(A, references=(REF_A, REF_B))], "A by reference"),
    # ... and what does not fit is named
    (credit(REF_A, amount_minor=38_700), [A], "A by reference; short"),
    (credit(REF_A, amount_minor=38_900), [A], "A by reference; over"),
    (credit(REF_A), [of(A, state=State.PAID)], "A by reference; double"),
    (credit(REF_A), [of(A, closes_us=NOON)], "A by reference; late"),
    (
        credit(REF_A, amount_minor=1),
        [of(A, state=State.PAID, closes_us=NOON)],
        "A by reference; double; late; short",
    ),
    (credit(REF_A), [of(A, state=State.CLOSED)], "A by reference"),
    (credit(REF_A), [of(A, "LEE SIU MING")], "A by reference"),
    # ... but never across currencies, and never between two
    (credit(REF_A, currency="CNY"), [A, B], "perhaps A, B"),
    (credit(REF_A, currency="CNY"), [A, of(B, currency="CNY")], "perhaps A, B"),
    (credit(REF_A, REF_B), [A, B], "perhaps A, B"),
    (credit(f"{REF_A} and {REF_B}"), [A, OTHER_SUM], "perhaps A, B"),
    # one wrong character is forgiven where all the rest fits
    (credit(slip(REF_A)), [A, B], "A by reference with one wrong character"),
    (credit(slip(REF_A, 11)), [A, B], "A by reference with one wrong character"),
    (credit(f"FPS {slip(REF_A)} OK"), [A, B], "A by reference with one wrong character"),
    (credit(slip(REF_A), amount_minor=38_700), [A, B], "perhaps A"),
    (credit(slip(REF_A), currency="CNY"), [A], "perhaps A"),
    (credit(slip(REF_A)), [of(A, state=State.CLOSED)], "perhaps A"),
    (credit(slip(REF_A)), [of(A, state=State.PAID)], "perhaps A"),
    (credit(slip(REF_A)), [of(A, closes_us=NOON)], "perhaps A"),
    (credit(slip(REF_A), slip(REF_B)), [A, B], "perhaps A, B"),
    (credit(slip(slip(REF_A), 5)), [A, OTHER_SUM], "A by only payment of this amount in its time"),
    (credit(slip(slip(REF_A), 5)), [A, B], "perhaps A, B"),
    (credit(slip(REF_A), REF_OLD), [A, B], "perhaps A, B"),
    # ... unless it makes another right reference: 0 and Z are one to the check character
    (credit("Z" + REF_A[1:]), [A, OTHER_SUM], "perhaps A"),
    (credit(f"REFZ{REF_A[1:]}X"), [A, B], "perhaps A, B"),
    # an amount decides where it is the only one
    (credit(), [A], "A by only payment of this amount in its time"),
    (credit("thanks"), [A, OTHER_SUM], "A by only payment of this amount in its time"),
    (credit(), [A, B], "perhaps A, B"),
    (credit(), [A, of(B, currency="CNY")], "A by only payment of this amount in its time"),
    (
        credit(),
        [A, of(B, opened_us=NOON + 8 * MINUTE)],
        "A by only payment of this amount in its time",
    ),
    (
        credit(),
        [A, of(B, closes_us=NOON + 2 * MINUTE)],
        "A by only payment of this amount in its time",
    ),
    (credit(), [A, of(B, state=State.CLOSED)], "perhaps A, B"),
    (credit(), [A, of(B, state=State.PAID)], "A by only payment of this amount in its time"),
    (credit(), [of(A, state=State.CLOSED)], "perhaps A"),
    (credit(), [of(A, state=State.PAID)], "perhaps A"),
    (credit(), [of(A, closes_us=NOON)], "perhaps A"),
    (credit(amount_minor=38_700), [A], "nothing: no payment fits"),
    (credit(currency="CNY"), [A], "perhaps A"),
    # ... in its time, whose ends a day without a time of day does not tell
    (
        credit(earliest_us=NOON - MINUTE, latest_us=NOON - MINUTE),
        [A],
        "A by only payment of this amount in its time",
    ),
    (credit(earliest_us=NOON - 3 * MINUTE, latest_us=NOON - 3 * MINUTE), [A], "perhaps A"),
    (
        credit(earliest_us=NOON - 720 * MINUTE, latest_us=NOON + 720 * MINUTE),
        [A],
        "A by only payment of this amount in its time",
    ),
    (
        credit(earliest_us=NOON - 720 * MINUTE, latest_us=NOON + 720 * MINUTE),
        [A, of(B, opened_us=NOON + 60 * MINUTE, closes_us=NOON + 75 * MINUTE)],
        "perhaps A, B",
    ),
    # ... and no reference names another payment
    (credit(REF_OLD), [A], "perhaps A"),
    (credit(f"for {REF_OLD}"), [A], "perhaps A"),
    # the payer decides between equal amounts only where all others are other people
    (credit(payer_name=CHAN), [of(A, CHAN)], "A by amount and payer"),
    (credit(payer_name=CHAN), [of(A, CHAN), of(B, "LEE SIU MING")], "A by amount and payer"),
    (credit(payer_name=CHAN), [of(A, CHAN), B], "perhaps A, B"),
    (credit(payer_name=CHAN), [of(A, CHAN), of(B, CHAN)], "perhaps A, B"),
    (credit(payer_name=CHAN), [of(A, "LEE SIU MING"), B], "perhaps B, A"),
    (credit(payer_name=CHAN), [of(A, "LEE SIU MING")], "perhaps A"),
    (
        credit(payer_name=CHAN),
        [of(A, "CHAN SIU MING")],
        "A by only payment of this amount in its time",
    ),
    (
        credit(payer_account="024-987654321"),
        [of(A, payer_accounts=("024987654321",)), of(B, "LEE")],
        "perhaps A, B",
    ),
    (
        credit(payer_name=CHAN, payer_account="024-987654321"),
        [of(A, "LEE", payer_accounts=("24987654321",))],
        "A by amount and payer",
    ),
    (credit(payer_name=CHAN), [of(A, CHAN, state=State.PAID), B], "perhaps B, A"),
    (
        credit(payer_name=CHAN),
        [of(A, CHAN, state=State.CLOSED), of(B, "LEE SIU MING")],
        "perhaps A, B",
    ),
    (credit(payer_name=CHAN, amount_minor=1), [of(A, CHAN), B], "perhaps A"),
    # nothing at all
    (credit(), [], "nothing: no payment to compare with"),
    (credit(REF_A, amount_minor=0), [A], "nothing: no money came in"),
    (credit(REF_A, amount_minor=-38_800), [A], "nothing: no money came in"),
    (credit(REF_OLD, amount_minor=1), [A, B], "nothing: no payment fits"),
    (credit(), [of(A, references=())], "A by only payment of this amount in its time"),
    (
        credit(""),
        [of(A, references=("",)), OTHER_SUM],
        "A by only payment of this amount in its time",
    ),
]


@pytest.mark.parametrize(("arrival", "candidates", "expected"), TABLE)
def test_table(arrival: Arrival, candidates: list[Candidate], expected: str) -> None:
    """Each row says what one credit means among these payments."""
    assert said(match(arrival, candidates, rules=RULES)) == expected


@pytest.mark.parametrize(("arrival", "candidates", "expected"), TABLE)
def test_order_does_not_matter(
    arrival: Arrival, candidates: list[Candidate], expected: str
) -> None:
    """The same payments in another order mean the same."""
    assert said(match(arrival, candidates[::-1], rules=RULES)) == expected


@pytest.mark.parametrize(("arrival", "candidates", "expected"), TABLE)
def test_without_amounts(arrival: Arrival, candidates: list[Candidate], expected: str) -> None:
    """An account whose codes carry references may ask that only references decide."""
    found = match(arrival, candidates, rules=Rules(by_amount=False))
    if "amount" in expected:
        assert isinstance(found, Suggested)
    else:
        assert said(found) == expected


def test_clues_are_for_people() -> None:
    """A suggestion says what speaks for it and against it."""
    arrival = credit(slip(REF_A), payer_name=CHAN)
    paid = of(A, CHAN, state=State.PAID, closes_us=NOON)
    found = match(arrival, [paid, of(B, "LEE SIU MING", state=State.CLOSED)], rules=RULES)
    assert isinstance(found, Suggested)
    assert [(s.key, s.clues) for s in found.suggestions] == [
        (
            1,
            (
                Clue.ALMOST_NAMED,
                Clue.SAME_AMOUNT,
                Clue.SAME_PAYER,
                Reason.DOUBLE,
                Reason.LATE,
            ),
        ),
        (2, (Clue.SAME_AMOUNT, Clue.IN_TIME, Clue.OTHER_PAYER, Clue.CLOSED)),
    ]
    assert found.suggestions[0].score > found.suggestions[1].score


@pytest.mark.parametrize(
    ("arrival", "candidates", "clue"),
    [
        (credit(REF_A, REF_B), [A, B], Clue.SEVERAL_NAMED),
        (credit(REF_OLD), [A], Clue.OTHER_NAMED),
        (credit(), [A, B], Clue.RIVALS),
        (credit(REF_A, currency="CNY"), [A], Reason.WRONG_CURRENCY),
    ],
)
def test_why_it_was_not_decided(
    arrival: Arrival, candidates: list[Candidate], clue: Clue | Reason
) -> None:
    """A suggestion says why it is only one."""
    found = match(arrival, candidates, rules=RULES)
    assert isinstance(found, Suggested)
    assert clue in found.suggestions[0].clues


def test_suggestions_are_few() -> None:
    """People are shown the likeliest only."""
    many = [replace(A, key=key, references=()) for key in range(50)]
    found = match(credit(), many, rules=RULES)
    assert isinstance(found, Suggested)
    assert [s.key for s in found.suggestions] == list(range(SUGGESTIONS_MAX))


def test_ids_to_look_up() -> None:
    """Every reference in a text leads to its operation, so that closed payments are found."""
    assert 7_000_001 in named_ids([f"fps {REF_A.lower()} ok", "x"])
    assert {7_000_001, 8_000_002} <= set(named_ids([f"{REF_A}/{REF_B}"]))
    assert named_ids(["", "thanks", "匯款"]) == ()


def test_long_texts_are_bounded() -> None:
    """What a stranger writes costs no more than a bounded time."""
    assert named_ids([" " * 2_000 + REF_A]) == ()
    assert len(named_ids(["0" * 12] * 100_000)) == 1
    texts = ("x" * 1_000_000,) * 3
    assert said(match(credit(*texts), [A], rules=RULES)).startswith("A by only payment")


texts = st.lists(
    st.sampled_from([REF_A, REF_B, REF_OLD, slip(REF_A), slip(REF_B), "thanks", "", f"x {REF_A}"])
    | st.text(max_size=14),
    max_size=3,
)
names = st.sampled_from(["", CHAN, "LEE SIU MING", "CHAN T** M**", "陳大文"])
arrivals = st.builds(
    lambda texts, amount, currency, start, length, name: Arrival(
        amount_minor=amount,
        currency=currency,
        earliest_us=NOON + start * MINUTE,
        latest_us=NOON + (start + length) * MINUTE,
        texts=tuple(texts),
        payer_name=name,
    ),
    texts,
    st.sampled_from([38_800, 38_700]),
    st.sampled_from(["HKD", "CNY"]),
    st.integers(-5, 30),
    st.sampled_from([0, 0, 60]),
    names,
)


def pool(keys: list[int]) -> st.SearchStrategy[list[Candidate]]:
    """Payments with these keys that differ in all that counts."""
    return st.tuples(
        *(
            st.builds(
                lambda amount, currency, start, state, name, key=key: Candidate(
                    key=key,
                    references=(encode(7_000_000 + key),),
                    amount_minor=amount,
                    currency=currency,
                    opened_us=NOON + start * MINUTE,
                    closes_us=NOON + (start + 15) * MINUTE,
                    state=state,
                    payer_names=(name,) if name else (),
                ),
                st.sampled_from([38_800, 38_700]),
                st.sampled_from(["HKD", "HKD", "CNY"]),
                st.integers(-5, 30),
                st.sampled_from(State),
                names,
            )
            for key in keys
        )
    ).map(list)


pools = st.integers(1, 6).flatmap(lambda count: pool(list(range(1, count + 1))))
BY_AMOUNT: Final = (How.AMOUNT, How.AMOUNT_AND_PAYER)


@settings(max_examples=150, deadline=None)
@given(arrivals, pools, st.randoms(use_true_random=False))
def test_any_order_gives_the_same(
    arrival: Arrival, candidates: list[Candidate], random: object
) -> None:
    """The result is a function of the set of payments."""
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert match(arrival, shuffled, rules=RULES) == match(arrival, candidates, rules=RULES)


@settings(max_examples=150, deadline=None)
@given(arrivals, pools)
def test_an_amount_never_decides_between_two(arrival: Arrival, candidates: list[Candidate]) -> None:
    """Where a second unpaid payment of the amount is in its time, an amount alone matches none."""
    found = match(arrival, candidates, rules=RULES)
    fitting = [
        c
        for c in candidates
        if (c.amount_minor, c.currency) == (arrival.amount_minor, arrival.currency)
        and c.state is not State.PAID
        and c.opened_us - RULES.skew_us <= arrival.latest_us
        and arrival.earliest_us <= c.closes_us
    ]
    if isinstance(found, Matched) and found.how in BY_AMOUNT:
        assert found.key in {c.key for c in fitting if c.state is State.OPEN}
        assert not found.misfits
        if found.how is How.AMOUNT:
            assert len(fitting) == 1


@settings(max_examples=150, deadline=None)
@given(arrivals, pools, st.data())
def test_fewer_payments_keep_a_match(
    arrival: Arrival, candidates: list[Candidate], data: st.DataObject
) -> None:
    """Taking others away never turns a match by amount into another, nor into doubt."""
    found = match(arrival, candidates, rules=RULES)
    if not isinstance(found, Matched) or found.how not in BY_AMOUNT:
        return
    kept = [c for c in candidates if c.key == found.key or data.draw(st.booleans())]
    fewer = match(arrival, kept, rules=RULES)
    assert isinstance(fewer, Matched)
    assert fewer.key == found.key


@settings(max_examples=150, deadline=None)
@given(arrivals, pools)
def test_a_match_always_has_the_currency(arrival: Arrival, candidates: list[Candidate]) -> None:
    """Money in one currency never belongs to a payment in another."""
    found = match(arrival, candidates, rules=RULES)
    if isinstance(found, Matched):
        (payment,) = [c for c in candidates if c.key == found.key]
        assert payment.currency == arrival.currency


@settings(max_examples=150, deadline=None)
@given(arrivals, pools)
def test_a_reference_settles_any_doubt(arrival: Arrival, candidates: list[Candidate]) -> None:
    """Whatever was in doubt: the credit with a payment's reference alone belongs to it."""
    payment = candidates[0]
    named = replace(arrival, texts=payment.references, currency=payment.currency)
    found = match(named, candidates, rules=RULES)
    assert isinstance(found, Matched)
    assert (found.key, found.how) == (payment.key, How.EXACT_REFERENCE)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**53 - 1), st.integers(0, 11), st.sampled_from(ALPHABET))
def test_any_slip_finds_its_payment(operation_id: int, place: int, wrong: str) -> None:
    """Any one wrong character is forgiven, but for the one that gives another right reference."""
    text = encode(operation_id)
    written = text[:place] + wrong + text[place + 1 :]
    candidate = replace(A, references=(text,))
    found = match(credit(written), [candidate, OTHER_SUM], rules=RULES)
    if written == text:
        assert said(found) == "A by reference"
    elif decode(written) is None:
        assert said(found) == "A by reference with one wrong character"
    else:
        assert said(found) == "perhaps A"
