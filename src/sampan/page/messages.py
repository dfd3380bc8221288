"""What the page tells the shop's page around it: the bodies of `epframe.*` messages.

Shapes: Payment Page docs, monitoring handlers. They complement callbacks and never replace them.
"""

from typing import Any

from sampan.codecs.signature import sign
from sampan.domain.callback import attempts_members, wire_time
from sampan.domain.payment import Operation, Payment
from sampan.domain.project import METHOD, Project
from sampan.domain.statuses import PaymentStatus


def result(
    project: Project, payment: Payment, *, operation: Operation, return_url: str
) -> dict[str, Any]:
    """Return the body of `epframe.payment_success` and `epframe.payment_fail`, signed."""
    paid = payment.status is PaymentStatus.SUCCESS
    real_minor = payment.paid_minor if paid else payment.amount_minor
    attempts = attempts_members(payment)
    asked = {"amount": payment.amount_minor, "currency": payment.currency}
    body: dict[str, Any] = {
        "sum_request": asked,
        "request_id": operation.request_id,
        "transaction": {
            "id": operation.id,
            "date": wire_time(operation.created_us),
            "type": payment.type.value,
        },
        "payment": {
            "method": METHOD,
            "date": wire_time(payment.updated_us),
            "result_code": operation.code,
            "result_message": operation.message,
            "status": payment.status.value,
            "is_new_attempts_available": bool(attempts["is_new_attempts_available"]),
            "attempts_timeout": attempts["attempts_timeout"],
            "id": payment.id,
            "provider_id": operation.provider_id,
        },
        "sum_real": {"amount": real_minor, "currency": payment.currency},
        "customer": {"id": payment.customer.id},
        "status": payment.status.value if paid else PaymentStatus.DECLINE.value,
        "account": {},
        "rrn": "",
        "auth_code": "",
        "general": {"project_id": project.id, "payment_id": payment.id},
        "description": payment.description,
        "operations": [
            {
                "id": operation.id,
                "type": operation.type.value,
                "status": operation.status.value,
                "date": wire_time(operation.updated_us),
                "processing_time": wire_time(operation.updated_us) if paid else None,
                "request_id": operation.request_id,
                "sum": asked,
                "code": operation.code,
                "message": operation.message,
                "provider": {
                    "id": operation.provider_id,
                    "payment_id": operation.provider_ref,
                },
            }
        ],
        "return_url": return_url,
    }
    body["general"]["signature"] = sign(project.secrets[0], body)
    return body
