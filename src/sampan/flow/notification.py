"""Take a provider's notices in: remember, match, decide, post. All in one transaction each."""

from sampan.codecs.statement import movement_name
from sampan.domain import events as ev
from sampan.flow.credits import Told, take_credit
from sampan.flow.finding import FindProject, Where, named_sale
from sampan.flow.refund_debits import Receiver, take_debit
from sampan.flow.reversals import take_reversal
from sampan.flow.settle import Step, attempt_of, settle
from sampan.providers.base import Credit, Debit, Notice, Refusal, Reversal
from sampan.storage import credits as kept
from sampan.storage.engine import Tx

__all__ = ["FindProject", "take_notice"]


def take_notice(
    tx: Tx, provider: str, notice: Notice, *, find_project: FindProject, now_us: int
) -> None:
    """Take one notice in. The same notice again changes nothing."""
    where = Where(provider, notice.account, find_project)
    step = Step(now_us, "bank")
    if isinstance(notice, Credit):
        take_credit(tx, where, told_of(notice), step=step)
    elif isinstance(notice, Reversal):
        take_reversal(tx, where, told_of(notice), step=step)
    elif isinstance(notice, Debit):
        receivers = (Receiver(notice.payee_name),)
        take_debit(tx, where, told_of(notice), receivers=receivers, step=step)
    else:
        _take_refusal(tx, where, notice, step=step)


def told_of(notice: Credit | Reversal | Debit) -> Told:
    """Return a credit, a reversal or a debit as every door tells of money.

    Files name the same movement by the bank's id and the signed sum.
    A credit has its bare id beside; what went out has not: a reversal may have the credit's id.
    """
    txn, is_credit = notice.bank_txn_id, isinstance(notice, Credit)
    gained_minor = notice.amount_minor if is_credit else -notice.amount_minor
    in_files = movement_name(txn, gained_minor, currency=notice.currency)
    return Told(
        identity=txn if is_credit else in_files,
        aliases=(in_files,) if is_credit else (),
        bank_txn_id=txn,
        amount_minor=notice.amount_minor,
        currency=notice.currency,
        booked_us=notice.booked_us,
        booked_to_us=notice.booked_us,
        texts=(notice.reference,) if notice.reference else (),
        reference=notice.reference,
        payer_name="" if isinstance(notice, Debit) else notice.payer_name,
    )


def _take_refusal(tx: Tx, where: Where, notice: Refusal, *, step: Step) -> None:
    account, notice_id, now_us = where.account, notice.notice_id, step.now_us
    if not kept.take_notice(tx, where.provider, account, notice_id=notice_id, now_us=now_us):
        return
    sale = named_sale(tx, where, notice.reference)
    if sale is not None:
        operation, payment, project = sale
        event = ev.Refused(notice.code, attempt_of(tx, payment, operation))
        settle(tx, project, payment, event=event, step=step)
