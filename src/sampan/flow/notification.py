"""Take a provider's notices in: remember, match, decide, post. All in one transaction each."""

from sampan.domain import events as ev
from sampan.flow.credits import Told, take_credit
from sampan.flow.finding import FindProject, Where, named_sale
from sampan.flow.settle import Step, attempt_of, settle
from sampan.providers.base import Credit, Notice, Refusal
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
    else:
        _take_refusal(tx, where, notice, step=step)


def told_of(credit: Credit) -> Told:
    """Return a credit as every door tells of money.

    Files name the same movement by the bank's id and the sum (`codecs.statement.identity`).
    """
    return Told(
        identity=credit.bank_txn_id,
        aliases=(f"{credit.bank_txn_id}/{credit.amount_minor:+d}{credit.currency}",),
        bank_txn_id=credit.bank_txn_id,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        booked_us=credit.booked_us,
        booked_to_us=credit.booked_us,
        texts=(credit.reference,) if credit.reference else (),
        reference=credit.reference,
        payer_name=credit.payer_name,
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
