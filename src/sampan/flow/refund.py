"""Refuse a refund in the field's words: `hk-qr` knows none (decision 1.4)."""

import msgspec

from sampan.domain.codes import Code, message
from sampan.domain.payment import Operation
from sampan.domain.project import Project
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.errors import Refusal
from sampan.flow.telling import tell
from sampan.storage import journal, payments
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A refund whose form is right; without an amount the whole sum is meant."""

    payment_id: str
    amount_minor: int | None
    merchant_refund_id: str | None
    digest: str


def refuse_refund(
    tx: Tx, project: Project, request: RefundRequest, *, request_id: str, now_us: int
) -> str:
    """Record a refused refund and tell the merchant; return the request id to answer with.

    The payment is unchanged. The same request again returns the first id. Raises `Refusal` 3061
    for an unknown payment, 3230 for a used `merchant_refund_id`.
    """
    payment = payments.payment_by_id(tx, project.id, request.payment_id)
    if payment is None:
        raise Refusal(Code.NOT_FOUND, message(Code.NOT_FOUND), http_status=404)
    first = payments.request_id_of_repeat(tx, payment.key, request.digest)
    if first is not None:
        return first
    refund_id = request.merchant_refund_id
    if refund_id and payments.refund_id_used(tx, payment.key, refund_id):
        raise Refusal(Code.REFUND_ID_EXISTS, message(Code.REFUND_ID_EXISTS))
    code = Code.NOT_SUPPORTED_BY_PROVIDER
    asked = request.amount_minor or payment.paid_minor or payment.amount_minor
    operation = Operation(
        id=tx.new_id(),
        payment_key=payment.key,
        type=OperationType.REFUND,
        status=PaymentStatus.DECLINE,
        amount_minor=asked,
        currency=payment.currency,
        request_id=request_id,
        code=code.value,
        message=message(code),
        provider_id=1,
        provider_ref="",
        created_us=now_us,
        updated_us=now_us,
    )
    payments.insert_operation(
        tx, operation, project_id=project.id, digest=request.digest, refund_id=refund_id
    )
    journal.write(
        tx,
        Entry(
            at_us=now_us,
            project_id=project.id,
            payment=payment.key,
            operation=operation.id,
            what="refund refused",
            status_from=payment.status.value,
            status_to=payment.status.value,
            by="merchant",
            why=request_id,
        ),
    )
    tell(tx, project, payment, operation=operation, extra=None)
    return request_id
