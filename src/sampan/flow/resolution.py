"""What staff decide about money that did not fit. Each decision asks for a person and a reason."""

from sampan.domain import events as ev
from sampan.domain.machine import Move
from sampan.domain.payment import Payment
from sampan.domain.project import Project
from sampan.flow import credit_moves
from sampan.flow.credit_moves import refuse
from sampan.flow.settle import Step, settle
from sampan.storage import credits as kept
from sampan.storage import journal
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry


def accept(tx: Tx, project: Project, payment: Payment, *, step: Step) -> Payment:
    """Take everything that waits for a payment, in its currency, as the payment.

    Raises `Refusal` when nothing waits or the payment is already paid. A repeat is such a refusal.
    """
    _ask_for_a_reason(step)
    waiting = [
        credit
        for credit in kept.waiting_of_payment(tx, payment.key)
        if credit.currency == payment.currency
    ]
    if not waiting:
        refuse("no money waits for this payment")
    event = ev.StaffAccepted(
        sum(credit.amount_minor for credit in waiting), waiting[-1].bank_txn_id
    )
    decision, after = settle(tx, project, payment, event=event, step=step)
    if not isinstance(decision, Move):
        refuse(f"a payment in {payment.status} takes no more money")
    for credit in waiting:
        credit_moves.apply(tx, credit, payment=payment.key, project_id=project.id, step=step)
    return after


def decline(tx: Tx, project: Project, payment: Payment, *, step: Step) -> Payment:
    """Give a waiting payment up; what arrived for it stays as unapplied credits.

    Raises `Refusal` when the payment is final. A repeat is such a refusal.
    """
    _ask_for_a_reason(step)
    decision, after = settle(tx, project, payment, event=ev.StaffDeclined(), step=step)
    if not isinstance(decision, Move):
        refuse(f"a payment in {payment.status} cannot be declined")
    for credit in kept.waiting_of_payment(tx, payment.key):
        if credit.status == "held":
            credit_moves.move(tx, credit, status="unapplied", payment=credit.payment, step=step)
    return after


def mark_returned(tx: Tx, credit: kept.Credit, *, step: Step) -> None:
    """Note that unapplied money went back to the payer outside Sampan.

    Raises `Refusal` when the credit is applied, held for a decision, or returned already.
    """
    _ask_for_a_reason(step)
    if credit.status != "unapplied":
        refuse(f"a credit that is {credit.status} cannot be marked returned")
    credit_moves.send_back(tx, credit, step=step)
    journal.write(
        tx,
        Entry(
            at_us=step.now_us,
            project_id=0,
            payment=credit.payment,
            what="credit returned",
            by=step.by,
            why=f"{credit.bank_txn_id}: {step.why}",
        ),
    )


def _ask_for_a_reason(step: Step) -> None:
    if not step.why.strip() or not step.by.strip():
        refuse("a decision about money needs a person and a reason")
