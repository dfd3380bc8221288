"""What merchants are told: bodies of callbacks and status answers, and when to try again.

Everything here keeps to the safe callback profile (decision 2): no null, boolean, fraction or `;`,
lists of at most 10, lower-case keys, dates as `YYYY-MM-DDTHH:MM:SS+0000`, integers below 2^53.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sampan.domain.codes import Code
from sampan.domain.payment import DisplayData, Fault, Operation, Payment
from sampan.domain.project import METHOD, DisplayProfile
from sampan.domain.statuses import FINAL, PaymentStatus

Body = dict[str, Any]
ERRORS_MAX: Final = 10

FAST_TRIES: Final = 6
FAST_GAP_S: Final = 10
GROWING_TRIES: Final = 62
SLOW_GAP_S: Final = 14_400
TRIES_MAX: Final = 120


def retry_gap_s(tries_made: int) -> float | None:
    """Return the seconds until the next try after `tries_made` (1 …), None after the last.

    Six tries 10 s apart, 62 with a gap of `70 + 10 * 1.12^(n-4)` before try n, then every 4 hours,
    at most 120 tries in 11 days (Callbacks docs, retry schedule).
    """
    if tries_made >= TRIES_MAX:
        return None
    upcoming = tries_made + 1
    if upcoming <= FAST_TRIES:
        return FAST_GAP_S
    if upcoming <= FAST_TRIES + GROWING_TRIES:
        return 70 + 10 * 1.12 ** (upcoming - 4)
    return SLOW_GAP_S


def wire_time(us: int) -> str:
    """Write a time as it stands on the wire: `2025-01-31T12:00:00+0000` (Gate docs, formats)."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _money(amount_minor: int, currency: str) -> Body:
    return {"amount": amount_minor, "currency": currency}


def safe(text: str) -> str:
    """Return a text as it may stand in what we send."""
    # A `;` in a value makes one widespread shop module fail while it signs what it received.
    return text.replace(";", ",")


def _payment(payment: Payment) -> Body:
    shown = payment.paid_minor if payment.status is PaymentStatus.SUCCESS else payment.amount_minor
    told: Body = {
        "id": payment.id,
        "type": payment.type.value,
        "status": payment.status.value,
        "date": wire_time(payment.updated_us),
        "method": METHOD,
        "sum": _money(shown, payment.currency),
        "description": safe(payment.description),
    }
    if payment.retry_until_us is not None:
        told |= attempts_members(payment)
    return told


def attempts_members(payment: Payment) -> Body:
    """Return whether the customer may try again, and for how many seconds from its last change on.

    The field writes the first as true or false; numbers are read alike by every client.
    """
    open_us = 0
    # While money is held for staff nobody may try again (`domain.machine`).
    waits = payment.status is PaymentStatus.AWAITING_CUSTOMER and not payment.held_count
    if waits and payment.retry_until_us is not None:
        open_us = max(0, payment.retry_until_us - payment.updated_us)
    return {
        "is_new_attempts_available": int(open_us > 0),
        "attempts_timeout": open_us // 1_000_000,
    }


def _operation(operation: Operation, *, converted_minor: int) -> Body:
    return {
        "id": operation.id,
        "type": operation.type.value,
        "status": operation.status.value,
        "date": wire_time(operation.updated_us),
        "created_date": wire_time(operation.created_us),
        "request_id": operation.request_id,
        "sum_initial": _money(operation.amount_minor, operation.currency),
        "sum_converted": _money(converted_minor, operation.currency),
        "code": operation.code,
        "message": operation.message,
        "provider": {
            "id": operation.provider_id,
            "payment_id": safe(operation.provider_ref),
            "auth_code": "",
        },
    }


def _errors(faults: Sequence[Fault]) -> list[Body]:
    listed = []
    for fault in faults[:ERRORS_MAX]:
        entry = {"code": fault.code, "message": fault.message}
        if fault.field:
            entry["field"] = fault.field
        listed.append(entry)
    return listed


def display_members(
    display: DisplayData, profile: DisplayProfile, *, draw: Callable[[str], bytes]
) -> Body:
    """Return what shows the QR: `display_data` or `redirect_data`, and our own `qr` (decision 4).

    `draw` makes the PNG of an EMV text. Where the QR asks for another sum than the payment's, `qr`
    says for which.
    """
    if display.redirect_url:
        return {
            "redirect_data": {
                "method": "GET",
                "body": [],
                "encrypted": [],
                "url": display.redirect_url,
            }
        }
    until_s = display.expires_us // 1_000_000
    if profile is DisplayProfile.PAYLOAD:
        shown = [_shown("qr_data", "QR code", data=display.payload)]
    else:
        image = b64encode(draw(display.payload)).decode()
        if profile is DisplayProfile.IMAGE:
            shown = [_shown("qr_data", "QR code", data=image)]
        else:
            shown = [
                _shown("qr_data", "QR code", data=display.payload),
                _shown("qr_img", "QR code", data=image),
                _shown("add_info", "lifetime", data=str(display.lifetime_s)),
                _shown("add_info", "expired_timestamp", data=str(until_s)),
            ]
    told: Body = {
        "payload": display.payload,
        "expires_at": wire_time(display.expires_us),
        "lifetime": display.lifetime_s,
    }
    if display.amount_minor is not None:
        told["amount"] = display.amount_minor
    return {"display_data": shown, "qr": told}


def link_members(url: str, *, expires_us: int) -> Body:
    """Return our own `invoice`: the address of an open payment link, and until when it is good."""
    return {"invoice": {"payment_link": safe(url), "expires_at": wire_time(expires_us)}}


def _shown(kind: str, title: str, *, data: str) -> Body:
    return {"type": kind, "title": title, "data": data}


def body(payment: Payment, operation: Operation, *, extra: Body | None = None) -> Body:
    """Return the body of a callback about an operation, unsigned (hk-qr page, figures 11-16).

    `extra` is what an intermediate one shows; a payment in `error` carries its `errors`.
    """
    told: Body = {
        "project_id": payment.project_id,
        "payment": _payment(payment),
        "customer": {"id": safe(payment.customer.id)},
        **(extra or {}),
        "operation": _operation(operation, converted_minor=converted_minor(payment, operation)),
    }
    if payment.merchant_data and payment.status in FINAL:
        told["merchant_data"] = safe(payment.merchant_data)
    if payment.faults and payment.status is PaymentStatus.ERROR:
        told["errors"] = _errors(payment.faults)
    return told


def status_answer(
    payment: Payment, operations: Sequence[Operation], *, extra: Body | None = None
) -> Body:
    """Return the answer of `/v2/payment/status`, unsigned (Gate spec, PaymentStatusResponse).

    More than ten operations show the first and the nine newest, oldest first.
    """
    listed = list(operations)
    if len(listed) > ERRORS_MAX:
        listed = [listed[0], *listed[1 - ERRORS_MAX :]]
    told: Body = {
        "project_id": payment.project_id,
        "payment": _payment(payment),
        "customer": {"id": safe(payment.customer.id)},
        "operations": [
            _operation(operation, converted_minor=converted_minor(payment, operation))
            for operation in listed
        ],
        **(extra or {}),
    }
    if payment.faults and payment.status is PaymentStatus.ERROR:
        told["errors"] = _errors(payment.faults)
    return told


def not_found(project_id: int) -> Body:
    """Return the status answer for a payment that does not exist, unsigned (Gate docs, 3.1)."""
    return {
        "project_id": project_id,
        "payment": {"status": PaymentStatus.ERROR.value},
        "operations": [],
        "errors": [{"code": Code.NOT_FOUND.value, "message": "Transaction not found"}],
    }


def converted_minor(payment: Payment, operation: Operation) -> int:
    """Return what the sum became: what was really paid once the payment succeeded (decision 6)."""
    paid = payment.status is PaymentStatus.SUCCESS and operation.status is PaymentStatus.SUCCESS
    return payment.paid_minor if paid else operation.amount_minor
