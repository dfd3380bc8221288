"""What Gate answers: acknowledgements, refusals, and signed states."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from sampan.codecs import qr_image
from sampan.codecs.signature import sign
from sampan.domain import callback as wire
from sampan.domain.payment import Operation, Payment
from sampan.domain.project import METHOD, Project
from sampan.domain.statuses import WAITING
from sampan.errors import Refusal
from sampan.money import DECIMALS

_encode = msgspec.json.encode


def json(body: object, http_status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(_encode(body), http_status, media_type="application/json")


def acknowledged(project_id: int, payment_id: str, *, request_id: str) -> Response:
    """Return the four fields of an accepted request, unsigned (Gate spec, GateSuccessResponse)."""
    return json(
        {
            "status": "success",
            "request_id": request_id,
            "project_id": project_id,
            "payment_id": payment_id,
        }
    )


def refused(refusal: Refusal) -> Response:
    """Return a refusal, unsigned; `code` is a text (Gate spec, ErrorResponse)."""
    body: dict[str, Any] = {
        "status": "error",
        "code": str(refusal.code),
        "message": refusal.message,
    }
    if refusal.faults:
        body["errors"] = [
            {
                "code": str(fault.code),
                "message": fault.message,
                "field": fault.field,
                "constraint": fault.constraint,
            }
            for fault in refusal.faults
        ]
    return json(body, refusal.http_status)


def signed(project: Project, body: wire.Body) -> Response:
    """Return a state with its signature at the top level."""
    return json({**body, "signature": sign(project.secrets[0], body)})


def shown(project: Project, payment: Payment) -> wire.Body:
    """Return what shows the QR while the payment waits for the customer, else nothing."""
    if payment.status not in WAITING or payment.display is None:
        return {}
    return wire.display_members(
        payment.display, project.settings.display_profile, draw=qr_image.png
    )


def state(
    project: Project, payment: Payment, *, operations: Sequence[Operation], link: wire.Body
) -> Response:
    """Return the answer of `/v2/payment/status`; `link` is what it says of an open link."""
    body = wire.status_answer(payment, operations, extra=shown(project, payment) | link)
    return signed(project, body)


def request_state(
    project: Project, payment: Payment, *, operations: Sequence[Operation]
) -> Response:
    """Return the answer of `/v2/payment/status/request` (Gate spec, TransactionStatusResponse)."""
    told = wire.status_answer(payment, operations)
    newest = told["operations"][-1]
    body: wire.Body = {
        "general": {"project_id": project.id, "payment_id": payment.id},
        "status": payment.status.value,
        "request_id": newest["request_id"],
        "payment": {**told["payment"], "result_code": newest["code"]},
        "customer": told["customer"],
        "transaction": {
            "id": newest["id"],
            "type": newest["type"],
            "date": newest["date"],
        },
        "sum_request": newest["sum_initial"],
        "sum_real": told["payment"]["sum"],
        "description": told["payment"]["description"],
        "operations": told["operations"],
        "errors": told.get("errors", []),
    }
    body["general"]["signature"] = sign(project.secrets[0], body)
    return json(body)


def methods(project: Project, currency: str) -> Response:
    """Return the methods a project may use, by currency (Gate spec, available methods)."""
    listed: dict[str, list[dict[str, Any]]] = {}
    for name in sorted(DECIMALS):
        limits = project.settings.amount_limits(name)
        if limits is None or not project.settings.enabled or currency not in {"", name}:
            continue
        listed[name] = [
            {
                "title": "Hong Kong FPS QR",
                "payment_method": METHOD,
                "direction": "payin",
                "limits": {"min amount": limits[0], "max amount": limits[1]},
            }
        ]
    return json(listed)
