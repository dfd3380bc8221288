"""Postings: every one balances, and a credit's way through the accounts ends where it should."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sampan.domain.ledger import (
    Held,
    Posting,
    applied,
    ignored,
    received,
    returned,
    reversed_,
    taken_back,
    undone,
)

names = st.text("abcdefghij0123456789-", min_size=1, max_size=10)
held_sums = st.builds(Held, names, names, st.sampled_from(["HKD", "CNY"]), st.integers(1, 10**13))
projects = st.integers(1, 2**32 - 1)


def balances(*postings: Posting) -> dict[str, int]:
    """What stands on each account after postings, without empty ones."""
    sums: Counter[str] = Counter()
    for posting in postings:
        for line in posting:
            sums[line.account] += line.amount_minor
    return {account: amount for account, amount in sums.items() if amount}


def arrival(held: Held) -> Posting:
    """The posting of a sum's arrival."""
    return received(
        held.provider, held.account, currency=held.currency, amount_minor=held.amount_minor
    )


@given(held_sums, projects)
def test_every_posting_balances(held: Held, project_id: int) -> None:
    """The lines of a posting add up to zero, in one currency."""
    for posting in (
        arrival(held),
        applied(held, project_id),
        returned(held),
        ignored(held),
        reversed_(held),
        taken_back(held),
        undone(ignored(held)),
    ):
        assert sum(line.amount_minor for line in posting) == 0
        assert {line.currency for line in posting} == {held.currency}
        assert all(line.amount_minor for line in posting)


@given(held_sums, projects)
def test_applied_money_ends_at_the_project(held: Held, project_id: int) -> None:
    """What arrived and was applied stands at the bank and belongs to the project."""
    assert balances(arrival(held), applied(held, project_id)) == {
        f"bank/{held.provider}/{held.account}": held.amount_minor,
        f"project/{project_id}": -held.amount_minor,
    }


@given(held_sums)
def test_returned_money_leaves_nothing(held: Held) -> None:
    """What arrived and went back stands nowhere."""
    assert balances(arrival(held), returned(held)) == {}


@given(held_sums)
def test_unapplied_money_is_owed(held: Held) -> None:
    """What arrived and fits nothing stands at the bank and is owed to somebody."""
    assert balances(arrival(held)) == {
        f"bank/{held.provider}/{held.account}": held.amount_minor,
        f"unapplied/{held.provider}/{held.account}": -held.amount_minor,
    }


@given(held_sums)
def test_ignored_money_stays_at_the_bank(held: Held) -> None:
    """What is no payment is owed to nobody any more, until that is taken back."""
    assert balances(arrival(held), ignored(held)) == {
        f"bank/{held.provider}/{held.account}": held.amount_minor,
        f"ignored/{held.provider}/{held.account}": -held.amount_minor,
    }
    assert balances(ignored(held), undone(ignored(held))) == {}


@given(held_sums)
def test_reversed_money_leaves_the_bank_first(held: Held) -> None:
    """The bank has it no longer at once; that it was this money is posted when it is known."""
    assert balances(arrival(held), reversed_(held)) == {
        f"unapplied/{held.provider}/{held.account}": -held.amount_minor,
        f"reversed/{held.provider}/{held.account}": held.amount_minor,
    }
    assert balances(arrival(held), reversed_(held), taken_back(held)) == {}
