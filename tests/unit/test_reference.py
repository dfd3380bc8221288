"""The reference that travels through the bank: nobody's slip names another payment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.domain.reference import ALPHABET, LENGTH, decode, encode, near

ids = st.integers(0, 2**53 - 1)
CONFUSED = frozenset("0Z")
"""Modulo 31 the digits 0 and 31 are one: the only slip that the check digit cannot see."""


@given(ids)
def test_round_trip(operation_id: int) -> None:
    """Every id comes back from its reference."""
    assert decode(encode(operation_id)) == operation_id


@given(ids)
def test_form(operation_id: int) -> None:
    """A reference has twelve characters that no bank alters."""
    text = encode(operation_id)
    assert len(text) == LENGTH
    assert set(text) <= set(ALPHABET)


@given(ids, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_caught(operation_id: int, place: int, wrong: str) -> None:
    """One character mistaken for another makes it no reference, but for 0 and Z."""
    text = encode(operation_id)
    if wrong == text[place] or {wrong, text[place]} == CONFUSED:
        return
    assert decode(text[:place] + wrong + text[place + 1 :]) is None


def test_the_slip_that_is_not_caught() -> None:
    """0 against Z in the number itself passes the check digit: documented, not hidden."""
    assert decode("Z" + encode(1)[1:]) == 1 + 31 * 32**10


@given(ids, st.lists(st.sampled_from(["", " ", "-"]), min_size=LENGTH, max_size=LENGTH))
def test_as_people_write_it(operation_id: int, gaps: list[str]) -> None:
    """Lower case, blanks and hyphens do not matter."""
    text = encode(operation_id).lower()
    assert decode("".join(map("".join, zip(text, gaps, strict=True)))) == operation_id


@given(ids)
def test_look_alikes(operation_id: int) -> None:
    """O is read as 0, I and L as 1."""
    text = encode(operation_id)
    assert decode(text.replace("0", "O").replace("1", "I")) == operation_id
    assert decode(text.replace("0", "o").replace("1", "l")) == operation_id


@pytest.mark.parametrize(
    "text",
    ["", "0", "0" * 11, "0" * 13, "U" * 12, "000000000000;", "ORDER 4711", "匯款", "00000000000²"],
)
def test_what_is_no_reference(text: str) -> None:
    """Other texts of the payer name no payment."""
    assert decode(text) is None


@given(st.text(max_size=20))
def test_any_text(text: str) -> None:
    """No text of a stranger makes reading fail."""
    found = decode(text)
    assert found is None or found >= 0


@given(st.integers(0, 2**53 - 1), st.integers(0, LENGTH - 1), st.sampled_from([*ALPHABET, "*"]))
def test_near_a_reference(number: int, place: int, char: str) -> None:
    """A reference with one wrong character leads to its operation, and so does nothing else."""
    right = encode(number)
    text = f"{right[:place]}{char}{right[place + 1 :]}"
    found = near(f" {text.lower()}-")
    assert (number in found) == (text != right)
    for other in found:
        written = encode(other)
        assert sum(one != two for one, two in zip(written, text, strict=True)) == 1


def test_near_nothing() -> None:
    """Two strange characters, or another length, are no slip."""
    right = encode(7)
    assert near(f"**{right[2:]}") == ()
    assert near(right[1:]) == ()
