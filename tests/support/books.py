"""The proof of the books: what must hold in the database after every step of every test."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

import msgspec
from sqlalchemy import select

from sampan.domain.machine import MOVES
from sampan.domain.refunds import RefundStatus
from sampan.domain.statuses import FINAL, PaymentStatus
from sampan.storage import ledger, refunds, schema
from sampan.storage.engine import Tx
from tests.support.safe_profile import breaches

LISTED: Final = {(status_from, status_to) for (status_from, _), status_to in MOVES.items()}
"""Every (from, to) that the state machine lists."""
TOLD: Final = FINAL | {PaymentStatus.AWAITING_CUSTOMER}
"""Statuses whose every arrival is told."""

Sums = dict[tuple[str, str], int]


def assert_books(tx: Tx) -> None:
    """Books equal the bank's books: every posting balances, every account has what it must have.

    Per account and currency: the bank's side is everything that arrived and did not go back, the
    unapplied side what waits, a project's side what its payments were paid, the reversed side what
    the bank took back of money that is still somebody's.
    """
    assert not ledger.unbalanced(tx)
    balances = {(row.account, row.currency): row.amount_minor for row in ledger.balances(tx)}
    expected: Sums = defaultdict(int)
    applied: Counter[str] = Counter()
    for provider, account, currency, status, amount in ledger.credit_sums(tx):
        if status not in {"returned", "merged", "split"}:
            expected[f"bank/{provider}/{account}", currency] += amount
        if status == "ignored":
            expected[f"ignored/{provider}/{account}", currency] -= amount
        if status in {"unapplied", "held", "refunding"}:
            expected[f"unapplied/{provider}/{account}", currency] -= amount
        if status == "applied":
            applied[currency] += amount
    for provider, account, currency, amount in ledger.reversal_sums(tx):
        expected[f"bank/{provider}/{account}", currency] -= amount
        expected[f"reversed/{provider}/{account}", currency] += amount
    for refund in refunds.page(tx, statuses=(RefundStatus.CONFIRMED,), most=10_000):
        if refund.payment is not None:
            where = f"{refund.provider}/{refund.account}"
            expected[f"bank/{where}", refund.currency] -= refund.amount_minor
            expected[f"refunded/{where}", refund.currency] += refund.amount_minor
    paid: Counter[str] = Counter()
    for project_id, currency, amount in ledger.paid_sums(tx):
        expected[f"project/{project_id}", currency] -= amount
        paid[currency] += amount
    _assert_held(tx)
    assert _without_zeros(balances) == _without_zeros(expected)
    assert paid == applied
    assert not any(_sums_by_currency(balances).values())


def _assert_held(tx: Tx) -> None:
    """Each payment counts exactly the credits that wait for a decision about it."""
    owners = tx.query(select(schema.credits.c.payment).where(schema.credits.c.status == "held"))
    payments = schema.payments.c
    counted = tx.query(select(payments.id, payments.held_count).where(payments.held_count > 0))
    assert {row[0]: row[1] for row in counted} == Counter(row[0] for row in owners)


def assert_told(tx: Tx) -> None:
    """The journal knows listed moves only; each end and each offer to try again was told once."""
    rows = schema.journal.c
    entries = tx.query(
        select(rows.payment, rows.status_from, rows.status_to).where(
            rows.status_to.is_not(None),
            rows.what.not_in(("alarm", "refund refused", "held money moved")),
        )
    )
    arrivals: Counter[tuple[int, str]] = Counter()
    for payment, status_from, status_to in entries:
        assert (status_from, status_to) in LISTED
        if status_to in TOLD:
            arrivals[payment, status_to] += 1
    told: Counter[tuple[int, str]] = Counter()
    table = schema.callbacks.c
    for payment, kind, text in tx.query(select(table.payment, table.kind, table.body)):
        body = msgspec.json.decode(text)
        assert breaches(body) == []
        status = body["payment"]["status"]
        if kind in {"final", "error"} or status == PaymentStatus.AWAITING_CUSTOMER:
            told[payment, status] += kind != "refund"
            offered = body["payment"].get("attempts_timeout", 0)
            assert (offered > 0) == (status == PaymentStatus.AWAITING_CUSTOMER)
    assert told == arrivals


def balances_of(tx: Tx) -> Sums:
    """What stands on every account that is not empty, by (account, currency), minor units."""
    found = {(row.account, row.currency): row.amount_minor for row in ledger.balances(tx)}
    return _without_zeros(found)


def _without_zeros(sums: Sums) -> Sums:
    return {key: amount for key, amount in sums.items() if amount}


def _sums_by_currency(sums: Sums) -> Counter[str]:
    totals: Counter[str] = Counter()
    for (_, currency), amount in sums.items():
        totals[currency] += amount
    return totals
