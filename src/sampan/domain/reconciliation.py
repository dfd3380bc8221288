"""A day of an account at the bank against the payments: what belongs together, and what does not.

Pure: sums by kind go in, from storage; what they mean comes out.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class AtBank(StrEnum):
    """What money that the bank booked on a day is."""

    MATCHED = "matched"
    """A payment's, and just what it asked for."""
    DIFFERS = "differs"
    """A payment's that asked for another sum."""
    WAITS = "waits"
    IGNORED = "ignored"
    RETURNED = "returned"


class OfPayments(StrEnum):
    """Where the money of payments that became paid on a day is."""

    SAME_DAY = "same day"
    OTHER_DAY = "other day"
    """Booked before or after: at midnight, or decided by people later."""
    NO_MONEY = "no money"
    """Nowhere: the books are wrong."""


_KINDS = {
    "unapplied": AtBank.WAITS,
    "held": AtBank.WAITS,
    "refunding": AtBank.WAITS,
    "ignored": AtBank.IGNORED,
    "returned": AtBank.RETURNED,
    "merged": AtBank.RETURNED,
}


class Sum(msgspec.Struct, frozen=True):
    """How many, and their sum in minor units."""

    count: int = 0
    amount_minor: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        """Return both together."""
        return Sum(self.count + other.count, self.amount_minor + other.amount_minor)


class Balances(msgspec.Struct, frozen=True):
    """What the bank's own statement says stood on the account as a day began and ended."""

    opening_minor: int | None = None
    closing_minor: int | None = None

    @property
    def moved_minor(self) -> int | None:
        """What the day brought, None where the statement does not tell both."""
        if self.opening_minor is None or self.closing_minor is None:
            return None
        return self.closing_minor - self.opening_minor


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day of an account in one currency, from both sides.

    `taken_back` is what the bank took back on that day. `unpaid` counts payments that were begun
    on the day and for which no money came.
    """

    currency: str
    at_bank: dict[AtBank, Sum]
    of_payments: dict[OfPayments, Sum]
    taken_back: Sum
    unpaid: Sum
    balances: Balances = Balances()

    @property
    def came(self) -> Sum:
        """All that the bank booked in."""
        return _total(self.at_bank.values())

    @property
    def paid(self) -> Sum:
        """All that payments became paid with."""
        return _total(self.of_payments.values())

    @property
    def is_even(self) -> bool:
        """Whether nothing is left to explain: all money is a payment's, and that of this day."""
        loose = (AtBank.WAITS, AtBank.RETURNED, AtBank.IGNORED)
        strange = (OfPayments.OTHER_DAY, OfPayments.NO_MONEY)
        return not (
            any(self.at_bank[kind].count for kind in loose)
            or any(self.of_payments[kind].count for kind in strange)
            or self.taken_back.count
        )

    @property
    def other_minor(self) -> int | None:
        """What else moved on the account by the bank's statement, None where it does not tell."""
        moved = self.balances.moved_minor
        if moved is None:
            return None
        return moved - self.came.amount_minor + self.taken_back.amount_minor


def kind_of(status: str, *, as_asked: bool) -> AtBank:
    """Say what a credit is by its status, and by whether its payment asked for just this."""
    if status == "applied":
        return AtBank.MATCHED if as_asked else AtBank.DIFFERS
    return _KINDS[status]


def _total(sums: Iterable[Sum]) -> Sum:
    total = Sum()
    for one in sums:
        total += one
    return total
