"""Take a provider's notices in: remember, match, decide, post. All in one transaction each."""

from collections.abc import Callable
from typing import NamedTuple

from sampan.domain import events as ev
from sampan.domain import ledger as books
from sampan.domain import reference
from sampan.domain.machine import Alarm, Move, Reason
from sampan.domain.payment import Operation, Payment
from sampan.domain.project import Project
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.flow.settle import Step, attempt_of, settle
from sampan.providers.base import Credit, Notice, Refusal
from sampan.storage import credits as kept
from sampan.storage import journal, ledger, payments
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry

FindProject = Callable[[Tx, int], Project | None]


def take_notice(
    tx: Tx, provider: str, notice: Notice, *, find_project: FindProject, now_us: int
) -> None:
    """Take one notice in. The same notice again changes nothing."""
    notice_id = notice.bank_txn_id if isinstance(notice, Credit) else notice.notice_id
    if not kept.take_notice(tx, provider, notice.account, notice_id=notice_id, now_us=now_us):
        return
    matched = _match(tx, provider, notice, find_project=find_project)
    if isinstance(notice, Credit):
        _take_credit(tx, provider, notice, matched=matched, now_us=now_us)
    elif matched is not None:
        _take_refusal(tx, notice, matched, now_us=now_us)


class _Matched(NamedTuple):
    """What a reference names: a sale, its payment and its project."""

    operation: Operation
    payment: Payment
    project: Project


def _match(tx: Tx, provider: str, notice: Notice, *, find_project: FindProject) -> _Matched | None:
    """Return what the reference of a notice names, if it is this provider's, and this account's."""
    operation_id = reference.decode(notice.reference)
    operation = None if operation_id is None else payments.operation_by_id(tx, operation_id)
    if operation is None or operation.type is not OperationType.SALE:
        # Other operations have ids, too, and no QR: who names one has guessed.
        return None
    if operation.account and operation.account != notice.account:
        # No QR of this account carried it: whoever may speak for one account speaks for no other.
        return None
    payment = payments.payment_by_key(tx, operation.payment_key)
    assert payment is not None  # noqa: S101 - a foreign key keeps it
    project = find_project(tx, payment.project_id)
    if project is None or project.settings.provider != provider:
        return None
    return _Matched(operation, payment, project)


def _take_refusal(tx: Tx, notice: Refusal, matched: _Matched, *, now_us: int) -> None:
    operation, payment, project = matched
    event = ev.Refused(notice.code, attempt_of(tx, payment, operation))
    settle(tx, project, payment, event=event, step=Step(now_us, "bank"))


def _take_credit(
    tx: Tx, provider: str, credit: Credit, *, matched: _Matched | None, now_us: int
) -> None:
    status, owner = "unapplied", None
    if matched is None:
        _alarm(tx, credit, now_us=now_us)
    else:
        _, payment, project = matched
        event = ev.Credited(credit.amount_minor, credit.currency, credit.bank_txn_id)
        step = Step(now_us, "bank", f"{provider}/{credit.account}/{credit.bank_txn_id}")
        decision, _ = settle(tx, project, payment, event=event, step=step)
        owner = payment.key
        if isinstance(decision, Move) and decision.to is PaymentStatus.SUCCESS:
            status = "applied"
        elif isinstance(decision, Alarm) and decision.held:
            status = "held"
    credit_id = tx.new_id()
    kept.insert_credit(
        tx,
        kept.Credit(
            id=credit_id,
            provider=provider,
            account=credit.account,
            bank_txn_id=credit.bank_txn_id,
            status=status,
            amount_minor=credit.amount_minor,
            currency=credit.currency,
            reference=credit.reference,
            payer_name=credit.payer_name,
            payment=owner,
            booked_us=credit.booked_us,
            received_us=now_us,
            updated_us=now_us,
        ),
    )
    arrived = books.received(
        provider, credit.account, currency=credit.currency, amount_minor=credit.amount_minor
    )
    ledger.post(tx, arrived, credit=credit_id, now_us=now_us)
    if status == "applied" and matched is not None:
        held = books.Held(provider, credit.account, credit.currency, credit.amount_minor)
        posting = books.applied(held, matched.project.id)
        ledger.post(tx, posting, credit=credit_id, now_us=now_us)


def _alarm(tx: Tx, credit: Credit, *, now_us: int) -> None:
    journal.write(
        tx,
        Entry(
            at_us=now_us,
            project_id=0,
            what="alarm",
            by="bank",
            why=f"{Reason.UNKNOWN_REFERENCE.value}: {credit.bank_txn_id}",
        ),
    )
