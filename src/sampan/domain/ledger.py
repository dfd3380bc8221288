"""Balanced postings for each thing that happens to money: double entry, integers, append-only.

A positive line takes from nobody in particular and a negative line gives to nobody in particular;
what counts is that the lines of one posting add up to zero in one currency, always. Accounts:

- `bank/<provider>/<account>`: what the bank holds for the merchant (positive balance);
- `unapplied/<provider>/<account>`: what arrived and belongs to no payment yet (negative balance);
- `project/<id>`: what was applied to payments of a project (negative balance);
- `ignored/<provider>/<account>`: what people said is no payment (negative balance);
- `reversed/<provider>/<account>`: what the bank took back and nobody has accounted for yet
  (positive balance);
- `refunded/<provider>/<account>`: what was refunded of payments (positive balance).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a posting: signed minor units on an account."""

    account: str
    currency: str
    amount_minor: int


Posting = tuple[Line, Line]


def bank_account(provider: str, account: str) -> str:
    """Name the ledger account that mirrors an account at a bank."""
    return f"bank/{provider}/{account}"


def unapplied_account(provider: str, account: str) -> str:
    """Name the ledger account of money without a payment."""
    return f"unapplied/{provider}/{account}"


def ignored_account(provider: str, account: str) -> str:
    """Name the ledger account of money that is no payment."""
    return f"ignored/{provider}/{account}"


def reversed_account(provider: str, account: str) -> str:
    """Name the ledger account of money that the bank took back."""
    return f"reversed/{provider}/{account}"


def refunded_account(provider: str, account: str) -> str:
    """Name the ledger account of what was refunded of payments."""
    return f"refunded/{provider}/{account}"


def project_account(project_id: int) -> str:
    """Name the ledger account of a project's applied money."""
    return f"project/{project_id}"


def received(provider: str, account: str, *, currency: str, amount_minor: int) -> Posting:
    """Post money that the bank says arrived."""
    return (
        Line(bank_account(provider, account), currency, amount_minor),
        Line(unapplied_account(provider, account), currency, -amount_minor),
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A sum that stands on an unapplied account."""

    provider: str
    account: str
    currency: str
    amount_minor: int


def applied(held: Held, project_id: int) -> Posting:
    """Post money that now belongs to a payment of a project."""
    return (
        Line(unapplied_account(held.provider, held.account), held.currency, held.amount_minor),
        Line(project_account(project_id), held.currency, -held.amount_minor),
    )


def returned(held: Held) -> Posting:
    """Post money that went back to where it came from."""
    return (
        Line(unapplied_account(held.provider, held.account), held.currency, held.amount_minor),
        Line(bank_account(held.provider, held.account), held.currency, -held.amount_minor),
    )


def ignored(held: Held) -> Posting:
    """Post money that people said is no payment: it stays at the bank and waits for nobody."""
    return (
        Line(unapplied_account(held.provider, held.account), held.currency, held.amount_minor),
        Line(ignored_account(held.provider, held.account), held.currency, -held.amount_minor),
    )


def reversed_(held: Held) -> Posting:
    """Post money that the bank took back, before it is known from what."""
    return (
        Line(reversed_account(held.provider, held.account), held.currency, held.amount_minor),
        Line(bank_account(held.provider, held.account), held.currency, -held.amount_minor),
    )


def refunded(held: Held) -> Posting:
    """Post that the bank paid a refund of a payment's money, which stays that payment's."""
    return (
        Line(refunded_account(held.provider, held.account), held.currency, held.amount_minor),
        Line(bank_account(held.provider, held.account), held.currency, -held.amount_minor),
    )


def taken_back(held: Held) -> Posting:
    """Post that what the bank took back was this unapplied money."""
    return (
        Line(unapplied_account(held.provider, held.account), held.currency, held.amount_minor),
        Line(reversed_account(held.provider, held.account), held.currency, -held.amount_minor),
    )


def undone(posting: Posting) -> Posting:
    """Return the posting that takes another one back."""
    first, second = (Line(line.account, line.currency, -line.amount_minor) for line in posting)
    return first, second
