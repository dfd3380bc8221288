"""Ask a provider for a QR and take its answer in."""

import msgspec

from sampan.domain import attempts, reference
from sampan.domain import events as ev
from sampan.domain.payment import DisplayData, Operation, Payment
from sampan.domain.project import Project
from sampan.domain.statuses import PaymentStatus
from sampan.flow import choosing
from sampan.flow.settle import Step, attempt_of, settle
from sampan.providers.base import Issued, ProviderOrder, Refused
from sampan.storage import payments
from sampan.storage.engine import Tx


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be asked of a provider, and about which payment."""

    project: Project
    payment: Payment
    operation: Operation
    order: ProviderOrder


def asking(tx: Tx, project: Project, operation: Operation) -> Asking | None:
    """Return the order of an operation, None when its payment no longer waits for a provider.

    The account that its QR shows is chosen here; a repeat gives the same order.
    """
    payment = payments.payment_by_key(tx, operation.payment_key)
    if payment is None or payment.status is not PaymentStatus.PROCESSING:
        return None
    if attempt_of(tx, payment, operation) != payment.attempts_count:
        return None
    settings = project.settings
    operation, account = choosing.choose(tx, project, operation)
    order = ProviderOrder(
        reference=reference.encode(operation.id),
        amount_minor=operation.qr_minor or payment.amount_minor,
        currency=payment.currency,
        description=payment.description,
        created_us=operation.created_us,
        expires_us=attempts.qr_expires_us(settings, payment, begun_us=operation.created_us),
        closes_us=payment.decline_us,
        options={
            "project_id": str(project.id),
            "payee_fps_id": settings.payee_fps_id,
            "payee_name": settings.payee_name,
            "payee_name_zh": settings.payee_name_zh,
            "reference_mode": settings.reference_mode.value,
            "scenario": settings.sandbox_scenario,
            "autopay_ms": str(settings.sandbox_autopay_ms),
            **account,
        },
    )
    return Asking(project=project, payment=payment, operation=operation, order=order)


def take_answer(
    tx: Tx, asked: Asking, outcome: Issued | Refused, *, now_us: int, redirect_url: str = ""
) -> None:
    """Take a provider's answer in: show the QR, or decline. A second answer changes nothing.

    With `redirect_url` the customer is sent to a page that shows the QR. An answer that comes after
    the customer has begun another attempt changes nothing either.
    """
    event: ev.Event
    # Read when the provider was asked, so it counts the attempt that was asked about.
    attempt = asked.payment.attempts_count
    if isinstance(outcome, Refused):
        event = ev.Refused(outcome.code, attempt)
    else:
        sold = asked.order.amount_minor
        display = DisplayData(
            payload=outcome.payload,
            expires_us=outcome.expires_us,
            lifetime_s=max(0, -((now_us - outcome.expires_us) // 1_000_000)),
            redirect_url=redirect_url,
            amount_minor=None if sold == asked.payment.amount_minor else sold,
        )
        made = ev.IssuedRedirect if redirect_url else ev.Issued
        event = made(display, attempt)
    settle(tx, asked.project, asked.payment, event=event, step=Step(now_us, "provider"))
