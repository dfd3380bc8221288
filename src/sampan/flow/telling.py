"""Write a callback into the outbox: its body is frozen here, when the fact happens."""

from typing import Final

import msgspec

from sampan.domain import callback as wire
from sampan.domain.callback_targets import address_for
from sampan.domain.payment import Operation, Payment
from sampan.domain.project import Project
from sampan.domain.statuses import FINAL, OperationType, Origin, PaymentStatus
from sampan.storage import callbacks, outbox
from sampan.storage.callbacks import Callback
from sampan.storage.engine import Tx

_SECOND_US: Final = 1_000_000
_encode = msgspec.json.encode


def lane(url: str) -> str:
    """Return the address (scheme, host, port) whose trouble must not delay other addresses."""
    return "/".join(url.split("/", 3)[:3]).lower()


def tell(
    tx: Tx, project: Project, payment: Payment, *, operation: Operation, extra: wire.Body | None
) -> None:
    """Tell the merchant about an operation. `extra` is what an intermediate callback shows.

    Without an address, or with callbacks switched off in the request, the callback is kept as
    dropped, so that the log shows why nothing was sent.
    """
    told = wire.body(payment, operation, extra=extra)
    url = address_for(project, payment, operation=operation.type)
    note = ""
    if not url:
        note = "no callback address is set"
    elif payment.targets.callback_disabled:
        note = "switched off by the request (callback.force_disable)"
    callback = Callback(
        id=tx.new_id(),
        project_id=project.id,
        payment=payment.key,
        operation=operation.id,
        kind=_kind(payment, operation),
        status="dropped" if note else "pending",
        url=url,
        body=_encode(told).decode(),
        note=note,
        attempts_count=0,
        # What was said before is known by its time, which a clock that is put back must not turn.
        created_us=max(operation.updated_us, payment.updated_us),
        finished_us=operation.updated_us if note else None,
    )
    callbacks.insert_callback(tx, callback)
    if not note:
        now_us, delay_s = operation.updated_us, payment.targets.callback_delay_s
        task = outbox.put(tx, "callback", lane=lane(url), subject=callback.id, due_us=now_us)
        if delay_s:
            outbox.delay(tx, task, due_us=now_us + delay_s * _SECOND_US)


def _kind(payment: Payment, operation: Operation) -> str:
    """Say how a callback stands to the others of its payment (`flow.delivery.begin`).

    Until the end of a link everything is told in order, since `intermediate` ones may overtake
    each other.
    """
    if operation.type is OperationType.REFUND:
        return "refund"
    if payment.status not in FINAL:
        return "link" if payment.origin is Origin.LINK else "intermediate"
    return "error" if payment.status is PaymentStatus.ERROR else "final"
