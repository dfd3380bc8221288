"""Prove the books: the ledger against the credits, the payments and the sandbox bank's own books.

Nothing is written. Every line of the proof is two sums that must be equal, and where they come
from; what is not equal without a reason that can be shown makes the whole proof fail.
"""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Final

import msgspec

from sampan.domain import ledger as books
from sampan.storage import bank, ledger, refunds
from sampan.storage.engine import Tx

SANDBOX: Final = "sandbox"
_BANK: Final = "bank/"
_UNAPPLIED: Final = "unapplied/"
_PROJECT: Final = "project/"
_IGNORED: Final = "ignored/"
_REVERSED: Final = "reversed/"
_REFUNDED: Final = "refunded/"

_GONE: Final = frozenset({"returned", "merged"})
"""Statuses of credits that are no longer at the bank, or never were there by themselves."""

_WAITING: Final = frozenset({"unapplied", "held", "refunding"})

_Sums = Counter[tuple[str, str]]
"""(account, currency) → minor units."""


class Against(StrEnum):
    """What an account of the ledger is compared with."""

    POSTINGS = "postings"
    CREDITS = "credits"
    PAYMENTS = "payments"
    BANK = "bank"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison: `found_minor` in the ledger, `expected_minor` elsewhere, in minor units.

    For the postings both count postings out of balance, and `currency` is "". At the sandbox bank
    `unnotified_minor` is what lies there and was not told yet, `returned_minor` what went back
    without the bank knowing; both explain a difference and are part of `expected_minor`.
    """

    against: Against
    account: str
    currency: str
    expected_minor: int
    found_minor: int
    unnotified_minor: int = 0
    returned_minor: int = 0

    @property
    def ok(self) -> bool:
        """Whether both sums are equal."""
        return self.expected_minor == self.found_minor


class Proof(msgspec.Struct, frozen=True):
    """Every comparison that was made."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether all of them hold."""
        return all(check.ok for check in self.checks)


def prove(tx: Tx) -> Proof:
    """Compare everything. To be run by `Store.read`, whose snapshot makes it one moment."""
    found: _Sums = Counter()
    for balance in ledger.balances(tx):
        found[balance.account, balance.currency] = balance.amount_minor
    expected, returned = _credits(tx)
    return Proof(
        (
            Check(
                against=Against.POSTINGS,
                account="",
                currency="",
                expected_minor=0,
                found_minor=len(set(ledger.unbalanced(tx))),
            ),
            *_compared(Against.CREDITS, expected, found=found),
            *_compared(Against.PAYMENTS, _paid(tx), found=found, prefix=_PROJECT),
            *_sandbox(tx, found, returned=returned),
        )
    )


def _credits(tx: Tx) -> tuple[_Sums, _Sums]:
    """Return what the credits say about every account, and what of it was returned."""
    expected: _Sums = Counter()
    returned: _Sums = Counter()
    for provider, account, currency, status, amount_minor in ledger.credit_sums(tx):
        at_bank = books.bank_account(provider, account), currency
        unapplied = books.unapplied_account(provider, account), currency
        if status == "split":
            # Its parts are credits of their own.
            continue
        expected[at_bank] += 0 if status in _GONE else amount_minor
        expected[unapplied] -= amount_minor if status in _WAITING else 0
        if status == "ignored":
            expected[books.ignored_account(provider, account), currency] -= amount_minor
        returned[at_bank] += amount_minor if status in _GONE else 0
    for provider, account, currency, amount_minor in ledger.reversal_sums(tx):
        at_bank = books.bank_account(provider, account), currency
        expected[at_bank] -= amount_minor
        expected[books.reversed_account(provider, account), currency] += amount_minor
        returned[at_bank] += amount_minor
    for provider, account, currency, amount_minor in refunds.confirmed_sums(tx):
        expected[books.bank_account(provider, account), currency] -= amount_minor
        expected[books.refunded_account(provider, account), currency] += amount_minor
    for project_id, currency, amount_minor in ledger.applied_sums(tx):
        expected[books.project_account(project_id), currency] -= amount_minor
    return expected, returned


def _paid(tx: Tx) -> _Sums:
    """Return what the payments say about the accounts of the projects."""
    paid: _Sums = Counter()
    for project_id, currency, amount_minor in ledger.paid_sums(tx):
        paid[books.project_account(project_id), currency] -= amount_minor
    return paid


def _compared(
    against: Against, expected: _Sums, *, found: _Sums, prefix: str = ""
) -> Iterator[Check]:
    """Compare accounts that either side knows, the banks first."""
    rank = {_BANK: 0, _UNAPPLIED: 1, _PROJECT: 2, _IGNORED: 3, _REVERSED: 4, _REFUNDED: 5}
    known = {key for key in (*expected, *found) if key[0].startswith(prefix)}
    for account, currency in sorted(
        known, key=lambda key: (rank.get(key[0].split("/")[0] + "/", len(rank)), key)
    ):
        yield Check(
            against=against,
            account=account,
            currency=currency,
            expected_minor=expected[account, currency],
            found_minor=found[account, currency],
        )


def _sandbox(tx: Tx, found: _Sums, *, returned: _Sums) -> Iterator[Check]:
    """Compare the ledger with what the sandbox bank itself has on its accounts."""
    at_bank: _Sums = Counter()
    for fps_id, currency, amount_minor in bank.sums(tx):
        at_bank[books.bank_account(SANDBOX, fps_id), currency] = amount_minor
    prefix = books.bank_account(SANDBOX, "")

    @cache
    def delivered() -> frozenset[str]:
        return bank.txn_ids_delivered(tx)

    @cache
    def untold(account: str) -> _Sums:
        return _untold(tx, account, delivered=delivered())

    for account, currency in sorted(key for key in {*at_bank, *found} if key[0].startswith(prefix)):
        key = account, currency
        expected_minor = at_bank[key] - returned[key]
        unnotified_minor = 0
        if expected_minor != found[key]:
            unnotified_minor = untold(account)[key]
        yield Check(
            against=Against.BANK,
            account=account,
            currency=currency,
            expected_minor=expected_minor - unnotified_minor,
            found_minor=found[key],
            unnotified_minor=unnotified_minor,
            returned_minor=returned[key],
        )


def _untold(tx: Tx, account: str, *, delivered: frozenset[str]) -> _Sums:
    """Sum up the transfers of an account that we do not know and were never told of.

    A transfer whose notice was delivered and that we do not know is missing, not untold.
    """
    fps_id = account.removeprefix(books.bank_account(SANDBOX, ""))
    known = ledger.txn_ids(tx, SANDBOX, account=fps_id) | delivered
    untold: _Sums = Counter()
    for transfer in bank.transfers_of(tx, fps_id):
        if bank.txn_id(transfer) not in known:
            untold[account, transfer.currency] += transfer.amount_minor
    return untold
