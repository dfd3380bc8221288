"""Accept a sale: the payment exists from the commit of this transaction on."""

from typing import NamedTuple

import msgspec

from sampan.clock import Clock
from sampan.domain import attempts
from sampan.domain import events as ev
from sampan.domain.codes import Code, message
from sampan.domain.machine import Move, decide
from sampan.domain.payment import Customer, Fault, Operation, Payment, Targets
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.statuses import FINAL, OperationType, Origin, PaymentStatus
from sampan.errors import Refusal
from sampan.flow.choosing import faults_of_accounts
from sampan.flow.settle import begin_attempt
from sampan.flow.telling import tell
from sampan.money import DECIMALS
from sampan.storage import journal, page_sessions, payments
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry


class SaleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A sale whose form is right. `digest` marks the signed text: equal digests, equal requests."""

    payment_id: str
    amount_minor: int
    currency: str
    description: str
    customer: Customer
    targets: Targets
    digest: str
    origin: Origin = Origin.GATE
    merchant_data: str = ""
    best_before_us: int | None = None


def new_request_id(clock: Clock, project_id: int) -> str:
    """Make an id for a request: `<40 hex>-<40 hex>-<8 digits>` (Gate docs, 2.5)."""
    drawn = clock.token(40)
    return f"{drawn[:40]}-{drawn[40:]}-{project_id % 10**8:08d}"


def faults_of_amount(
    settings: ProjectSettings, currency: str, *, amount_minor: int
) -> tuple[Fault, ...]:
    """Return what a project's settings forbid about a sum (stage 2, decision 3)."""
    if currency not in DECIMALS:
        return (_fault(Code.INVALID_CURRENCY, "payment.currency"),)
    limits = settings.amount_limits(currency)
    if limits is None:
        return (_fault(Code.CURRENCY_DISABLED, "payment.currency"),)
    if amount_minor < limits[0]:
        return (_fault(Code.AMOUNT_LESS_THAN_LIMIT, "payment.amount"),)
    if amount_minor > limits[1]:
        return (_fault(Code.AMOUNT_GREATER_THAN_LIMIT, "payment.amount"),)
    return ()


def sale(tx: Tx, project: Project, request: SaleRequest, *, request_id: str, now_us: int) -> str:
    """Take a sale in; return the request id to answer with.

    The same request again returns the id of the first and starts nothing. A payment in `error` may
    be sent again. Raises `Refusal` 3041 when the payment id belongs to another request.
    """
    faults = faults_of_amount(project.settings, request.currency, amount_minor=request.amount_minor)
    faults = faults or faults_of_accounts(tx, project, request.currency)
    event = ev.Rejected(faults) if faults else ev.Accepted()
    entered = decide(None, event, settings=project.settings, now_us=now_us)
    assert isinstance(entered, Move)  # noqa: S101 - nothing stands against a new payment
    payment = new_payment(tx, project, request, status=entered.to, now_us=now_us)
    payment = msgspec.structs.replace(payment, faults=faults)
    payment, before, new = enter(tx, project, payment, event=event)
    if not new:
        return first_answer(tx, payment, digest=request.digest)
    operation = first_operation(tx, payment, kind=OperationType.SALE, request_id=request_id)
    if faults:
        payments.insert_operation(tx, operation, project_id=project.id, digest=request.digest)
    else:
        begin_attempt(tx, project, operation, digest=request.digest)
    journal.write(
        tx,
        Entry(
            at_us=now_us,
            project_id=project.id,
            payment=payment.key,
            operation=operation.id,
            what="rejected" if faults else "accepted",
            status_from=before,
            status_to=payment.status.value,
            by="merchant",
            why=request_id,
        ),
    )
    if faults:
        tell(tx, project, payment, operation=operation, extra=None)
    return request_id


class Entered(NamedTuple):
    """What became of a payment that was asked for.

    `before` is the status of what it takes the place of. Where it is not `new`, another request has
    the payment id, and `payment` is that one's.
    """

    payment: Payment
    before: PaymentStatus | None
    new: bool


def enter(tx: Tx, project: Project, payment: Payment, *, event: ev.Event) -> Entered:
    """Keep a payment that an event makes, in place of one in `error` if need be."""
    if payments.insert_payment(tx, payment):
        return Entered(payment, None, new=True)
    found = payments.payment_by_id(tx, project.id, payment.id)
    assert found is not None  # noqa: S101 - it stood in the way of the insert
    again = decide(found, event, settings=project.settings, now_us=payment.created_us)
    if not isinstance(again, Move):
        return Entered(found, found.status, new=False)
    payment = msgspec.structs.replace(
        payment, key=found.key, status=again.to, created_us=found.created_us
    )
    if not payments.restart_payment(tx, payment):
        return Entered(found, found.status, new=False)
    # A page of the earlier request must not show the sum and the QR of this one.
    page_sessions.detach(tx, payment=found.key)
    return Entered(payment, found.status, new=True)


def first_answer(tx: Tx, found: Payment, *, digest: str) -> str:
    """Return the request id that a request was answered with when it first came.

    Raises `Refusal` 3041 when it never did: `found` belongs to another request.
    """
    first = payments.request_id_of_repeat(tx, found.key, digest)
    if first is None:
        raise Refusal(Code.PAYMENT_ID_EXISTS, message(Code.PAYMENT_ID_EXISTS))
    return first


def new_payment(
    tx: Tx, project: Project, request: SaleRequest, *, status: PaymentStatus, now_us: int
) -> Payment:
    """Return the payment that a request asks for, with a key of its own. Nothing is written."""
    return Payment(
        key=tx.new_id(),
        project_id=project.id,
        id=request.payment_id,
        status=status,
        currency=request.currency,
        amount_minor=request.amount_minor,
        paid_minor=0,
        description=request.description,
        customer=request.customer,
        targets=request.targets,
        display=None,
        faults=(),
        held_count=0,
        created_us=now_us,
        updated_us=now_us,
        decline_us=attempts.decline_us(
            project.settings, now_us=now_us, best_before_us=request.best_before_us
        ),
        finished_us=now_us if status in FINAL else None,
        origin=request.origin,
        merchant_data=request.merchant_data,
        best_before_us=request.best_before_us,
    )


def first_operation(tx: Tx, payment: Payment, *, kind: OperationType, request_id: str) -> Operation:
    """Return the operation with which a payment begins, or ends in `error`. Nothing is written."""
    code = payment.faults[0].code if payment.faults else Code.AWAITING.value
    return Operation(
        id=tx.new_id(),
        payment_key=payment.key,
        type=kind,
        status=payment.status,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        request_id=request_id,
        code=code,
        message=message(code),
        provider_id=1,
        provider_ref="",
        created_us=payment.updated_us,
        updated_us=payment.updated_us,
    )


def _fault(code: Code, field: str) -> Fault:
    return Fault(code=code.value, message=message(code), field=field)
