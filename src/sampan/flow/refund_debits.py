"""What the bank tells of refunds: that it paid one, and that the money came back."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from sampan.domain import matching
from sampan.domain.refunds import RefundStatus, is_of
from sampan.flow import refund_records
from sampan.flow.credits import Outcome, Taken, Told, first
from sampan.flow.finding import Where
from sampan.flow.settle import Step
from sampan.storage import refunds
from sampan.storage.engine import Tx
from sampan.storage.refunds import Refund

OTHER_SUM: Final = "the bank paid another sum"
PAID_TWICE: Final = "paid once more"
GIVEN_UP: Final = "paid, but given up before"
CAME_BACK: Final = "came back unexpectedly"
"""What alarms say, with the bank's id behind it."""
_NAMED_MAX: Final = 200
"""Ids that the texts of one debit may name, most of them by chance."""


class Receiver(NamedTuple):
    """Who got the money of a debit, as far as the bank tells."""

    name: str = ""
    account: str = ""


def take_debit(
    tx: Tx, where: Where, told: Told, *, receivers: Iterable[Receiver], step: Step
) -> Taken | None:
    """Confirm the refund that money which went out has paid; None where it was none.

    By the refund's reference; without one, by the sum and the receiver where exactly one refund
    that the bank was asked for fits. A sum alone confirms nothing. What does not fit a refund that
    it names is an alarm, once.
    """
    named = _named(tx, where, told)
    if named is None:
        named = _by_receiver(tx, where, told, receivers=receivers)
    if named is None:
        return None
    if named.status is RefundStatus.CONFIRMED and named.debit == told.identity:
        return Taken(Outcome.REPEATED, named.credit)
    if not first(tx, where, told, now_us=step.now_us):
        return Taken(Outcome.REPEATED, named.credit)
    if (told.amount_minor, told.currency) != (named.amount_minor, named.currency):
        refund_records.alarm(tx, named, f"{OTHER_SUM}: {told.bank_txn_id}", step=step)
        return None
    if named.status is RefundStatus.CONFIRMED:
        if named.debit or (named.bank_txn_id and named.bank_txn_id != told.bank_txn_id):
            refund_records.alarm(tx, named, f"{PAID_TWICE}: {told.bank_txn_id}", step=step)
            return None
        # The time stays: it is that of the books.
        debit = {"debit": told.identity, "bank_txn_id": told.bank_txn_id}
        refunds.move(tx, named, msgspec.structs.replace(named, **debit))
        return Taken(Outcome.REPEATED, named.credit)
    if not refund_records.can_pay(tx, named):
        refund_records.alarm(tx, named, f"{GIVEN_UP}: {told.bank_txn_id}", step=step)
        return None
    refund_records.pay(tx, named, debit=told.identity, bank_txn_id=told.bank_txn_id, step=step)
    return Taken(Outcome.REFUNDED, named.credit)


def take_return(tx: Tx, where: Where, told: Told, *, step: Step) -> Taken | None:
    """Take in that money which went out came back; None where it was no refund's."""
    named = _named(tx, where, told)
    if named is None:
        return None
    if not first(tx, where, told, now_us=step.now_us):
        return Taken(Outcome.REPEATED, named.credit)
    same = (told.amount_minor, told.currency) == (named.amount_minor, named.currency)
    if not same or named.status is not RefundStatus.CONFIRMED:
        refund_records.alarm(tx, named, f"{CAME_BACK}: {told.bank_txn_id}", step=step)
        return None
    refund_records.came_back(tx, named, step=step)
    return Taken(Outcome.CAME_BACK, named.credit)


def _named(tx: Tx, where: Where, told: Told) -> Refund | None:
    """Return the one refund of the account whose reference stands in a text."""
    ids = matching.named_ids(told.texts)[:_NAMED_MAX]
    found = [one for one in refunds.by_ids(tx, ids) if one.account == where.account]
    return found[0] if len(found) == 1 else None


def _by_receiver(
    tx: Tx, where: Where, told: Told, *, receivers: Iterable[Receiver]
) -> Refund | None:
    waiting = refunds.exported_of_sum(
        tx,
        where.provider,
        where.account,
        currency=told.currency,
        amount_minor=told.amount_minor,
    )
    known = list(receivers)
    fitting = [
        one
        for one in waiting
        if any(is_of(one.payee, name=each.name, account=each.account) for each in known)
    ]
    return fitting[0] if len(fitting) == 1 else None
