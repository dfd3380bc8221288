"""Carry out what the state machine decided: guarded move, operation, journal, callback.

The only place that changes a payment's status.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from sampan.codecs import qr_image
from sampan.domain import attempts
from sampan.domain import callback as wire
from sampan.domain import events as ev
from sampan.domain.codes import message
from sampan.domain.machine import Alarm, Decision, Move, Release, decide
from sampan.domain.payment import Operation, Payment
from sampan.domain.project import Project
from sampan.domain.statuses import (
    FINAL,
    WAITING,
    OperationType,
    Origin,
    PaymentStatus,
)
from sampan.errors import Unavailable
from sampan.flow.telling import tell
from sampan.storage import journal, outbox, payments
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry

NEWS: Final = "payment/"
"""Whoever shows a payment is woken by this and the payment's key."""
_TRIES_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Step:
    """When something happened, through whom and why; stands in the journal."""

    now_us: int
    by: str
    why: str = ""


def settle(
    tx: Tx, project: Project, payment: Payment, *, event: ev.Event, step: Step
) -> tuple[Decision, Payment]:
    """Let `event` happen to a payment; return what was decided and the payment after it.

    An `Ignore` writes nothing; an `Alarm` that holds money counts it on the payment. A move by
    somebody else in between makes us read and decide again. A repeat decides `Ignore`.
    """
    for _ in range(_TRIES_MAX):
        decision = decide(payment, event, settings=project.settings, now_us=step.now_us)
        after = _after(project, payment, event=event, decision=decision, step=step)
        if after is None:
            _note_money(tx, payment, decision, step=step)
            return decision, payment
        if payments.move_payment(tx, payment, after):
            tx.wake(f"{NEWS}{payment.key}")
            if isinstance(decision, Move):
                moved = _Moved(payment, after, str(decision.code))
                _follow(tx, project, moved, event=event, step=step)
            else:
                _note_money(tx, payment, decision, step=step)
            return decision, after
        found = payments.payment_by_key(tx, payment.key)
        assert found is not None  # noqa: S101 - payments are never deleted
        payment = found
    raise Unavailable("the payment is being changed by others")


def _after(
    project: Project, payment: Payment, *, event: ev.Event, decision: Decision, step: Step
) -> Payment | None:
    """Return the payment as the decision leaves it, None when it changes nothing on it."""
    match decision:
        case Move(to=to, paid_minor=paid, retry_until_us=retry_us):
            changed = _attempt_changes(project, payment, event=event, now_us=step.now_us)
            if retry_us is not None:
                changed = {"retry_until_us": retry_us, "decline_us": retry_us}
            return msgspec.structs.replace(
                payment,
                **changed,
                status=to,
                paid_minor=paid if paid is not None else payment.paid_minor,
                # Money held while the provider was asked still waits for a person afterwards.
                held_count=0 if to in FINAL else payment.held_count,
                updated_us=_later(payment, step),
                finished_us=step.now_us if to in FINAL else None,
            )
        case Alarm(held=True):
            return msgspec.structs.replace(
                payment, held_count=payment.held_count + 1, updated_us=_later(payment, step)
            )
        case Release():
            return msgspec.structs.replace(
                payment, held_count=payment.held_count - 1, updated_us=_later(payment, step)
            )
        case _:
            return None


def _later(payment: Payment, step: Step) -> int:
    """Return when a payment changes: later than before, whatever clock the process goes by.

    Who follows a payment tells old news from new by this.
    """
    return max(step.now_us, payment.updated_us + 1)


def _attempt_changes(
    project: Project, payment: Payment, *, event: ev.Event, now_us: int
) -> dict[str, Any]:
    """Return what a new QR or a new attempt changes on a payment."""
    if isinstance(event, ev.Issued | ev.IssuedRedirect):
        return {"display": event.display}
    if isinstance(event, ev.TriedAgain | ev.Confirmed):
        until_us = attempts.decline_us(
            project.settings, now_us=now_us, best_before_us=payment.best_before_us
        )
        more = isinstance(event, ev.TriedAgain)
        return {"attempts_count": payment.attempts_count + more, "decline_us": until_us}
    return {}


class _Moved(NamedTuple):
    before: Payment
    after: Payment
    code: str


def _follow(tx: Tx, project: Project, moved: _Moved, *, event: ev.Event, step: Step) -> None:
    """Move the operation with its payment, write the journal, tell the merchant."""
    before, payment, _ = moved
    told = _operation_after(tx, project, moved, event=event, step=step)
    journal.write(
        tx,
        Entry(
            at_us=step.now_us,
            project_id=project.id,
            payment=payment.key,
            operation=told.id,
            what=type(event).__name__.lower(),
            status_from=before.status.value,
            status_to=payment.status.value,
            by=step.by,
            why=step.why,
        ),
    )
    extra = None
    if payment.status is PaymentStatus.PROCESSING:
        return
    if payment.status in WAITING:
        if payment.origin is not Origin.GATE and not project.settings.page_intermediate_callback:
            return
        assert payment.display is not None  # noqa: S101 - a waiting payment shows something
        extra = wire.display_members(
            payment.display, project.settings.display_profile, draw=qr_image.png
        )
    if isinstance(event, ev.LinkSent):
        extra = wire.link_members(event.url, expires_us=payment.decline_us)
    tell(tx, project, payment, operation=told, extra=extra)


def _operation_after(
    tx: Tx, project: Project, moved: _Moved, *, event: ev.Event, step: Step
) -> Operation:
    """Write what the move does to the operations; return the one that tells of it."""
    _, payment, code = moved
    sale = step_of(tx, payment)
    failed = payment.status is PaymentStatus.AWAITING_CUSTOMER
    moving = msgspec.structs.replace(
        sale,
        status=PaymentStatus.DECLINE if failed else payment.status,
        code=code,
        message=message(code),
        provider_ref=getattr(event, "provider_ref", "") or sale.provider_ref,
        updated_us=step.now_us,
    )
    ended = sale.status in FINAL
    if isinstance(event, ev.TriedAgain | ev.Confirmed):
        begun = msgspec.structs.replace(
            moving,
            id=tx.new_id(),
            type=OperationType.SALE,
            request_id=event.request_id,
            provider_ref="",
            account="",
            qr_minor=None,
            # Attempts are told apart by their order, which a clock that is put back must not turn.
            created_us=max(step.now_us, sale.created_us + 1),
        )
        return begin_attempt(tx, project, begun)
    if isinstance(event, ev.StaffAccepted | ev.StaffDeclined):
        if not ended:
            payments.move_operation(tx, moving)
        return _manual_change(tx, project, moving, step=step)
    if ended and not isinstance(event, ev.Credited):
        # The last attempt failed before, and for its own reason; now nobody will make another.
        moving = msgspec.structs.replace(sale, updated_us=step.now_us)
    payments.move_operation(tx, moving)
    return moving


def begin_attempt(tx: Tx, project: Project, operation: Operation, *, digest: str = "") -> Operation:
    """Insert a sale and ask the provider for its QR. Returns the sale."""
    payments.insert_operation(tx, operation, project_id=project.id, digest=digest)
    outbox.put(
        tx,
        "ask_provider",
        lane=project.settings.provider,
        subject=operation.id,
        due_us=operation.updated_us,
    )
    return operation


def _manual_change(tx: Tx, project: Project, sale: Operation, *, step: Step) -> Operation:
    """Insert the operation that shows that a person decided."""
    made = msgspec.structs.replace(
        sale,
        id=tx.new_id(),
        type=OperationType.MANUAL_CHANGE,
        created_us=step.now_us,
        updated_us=step.now_us,
    )
    payments.insert_operation(tx, made, project_id=project.id, digest="")
    return made


def _note_money(tx: Tx, payment: Payment, decision: Decision, *, step: Step) -> None:
    """Write down what money did to a payment without moving it."""
    if isinstance(decision, Alarm | Release):
        journal.write(
            tx,
            Entry(
                at_us=step.now_us,
                project_id=payment.project_id,
                payment=payment.key,
                what="alarm" if isinstance(decision, Alarm) else "held money moved",
                status_from=payment.status.value,
                status_to=payment.status.value,
                by=step.by,
                why=decision.reason.value if isinstance(decision, Alarm) else step.why,
            ),
        )


def step_of(tx: Tx, payment: Payment) -> Operation:
    """Return the operation in which a payment stands: its newest sale.

    That of an unconfirmed payment link is the operation that made the link.
    """
    return _of_types(tx, payment, {OperationType.SALE, OperationType.INVOICE})[-1]


def attempt_of(tx: Tx, payment: Payment, operation: Operation) -> int:
    """Return which attempt of a payment a sale is, counted from 1."""
    if payment.attempts_count == 1:
        return 1
    # Sales before the counted ones: a payment in `error` that was sent again.
    sales = [sale.id for sale in _of_types(tx, payment, {OperationType.SALE})]
    return sales.index(operation.id) + 1 + payment.attempts_count - len(sales)


def _of_types(tx: Tx, payment: Payment, types: set[OperationType]) -> list[Operation]:
    every = payments.operations_of(tx, payment.key)
    return [operation for operation in every if operation.type in types]
