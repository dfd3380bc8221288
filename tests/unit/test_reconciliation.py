"""A day of an account from both sides, as values."""

from __future__ import annotations

import pytest

from sampan.domain.reconciliation import AtBank, Balances, Day, OfPayments, Sum, kind_of
from sampan.storage.schema_credits import CREDIT_STATUSES


def day(**changes: object) -> Day:
    """Return a day on which one payment was paid as asked, changed as told."""
    at_bank = dict.fromkeys(AtBank, Sum()) | {AtBank.MATCHED: Sum(1, 500)}
    of_payments = dict.fromkeys(OfPayments, Sum()) | {OfPayments.SAME_DAY: Sum(1, 500)}
    values = {
        "currency": "HKD",
        "at_bank": at_bank,
        "of_payments": of_payments,
        "taken_back": Sum(),
        "unpaid": Sum(3, 900),
    }
    return Day(**(values | changes))  # type: ignore[arg-type]  # values of a test


@pytest.mark.parametrize("status", [one for one in CREDIT_STATUSES if one != "split"])
def test_every_status_is_a_kind(status: str) -> None:
    """Money of every status counts somewhere; only a payment's own differs by what was asked."""
    kinds = {kind_of(status, as_asked=True), kind_of(status, as_asked=False)}
    assert len(kinds) == (2 if status == "applied" else 1)


def test_even_day() -> None:
    """A day is even when all money is a payment's of that day; unpaid payments change nothing."""
    assert day().is_even
    assert day().came == day().paid == Sum(1, 500)


@pytest.mark.parametrize("kind", [AtBank.WAITS, AtBank.RETURNED, AtBank.IGNORED])
def test_loose_money_is_left_to_explain(kind: AtBank) -> None:
    """Money of no payment has to be explained."""
    assert not day(at_bank=day().at_bank | {kind: Sum(1, 1)}).is_even


@pytest.mark.parametrize("kind", [OfPayments.OTHER_DAY, OfPayments.NO_MONEY])
def test_strange_payments_are_left_to_explain(kind: OfPayments) -> None:
    """So has a payment without money of the day, and what the bank took back."""
    assert not day(of_payments=day().of_payments | {kind: Sum(1, 1)}).is_even
    assert not day(taken_back=Sum(1, 1)).is_even


def test_what_else_moved() -> None:
    """The bank's balances leave what we do not know of; nothing where they do not tell both."""
    told = Balances(1_000, 1_380)
    assert day(balances=told).other_minor == -120
    assert day(balances=told, taken_back=Sum(1, 100)).other_minor == -20
    assert day(balances=Balances(1_000, None)).other_minor is None
    assert day(balances=Balances(None, 1)).other_minor is None
