"""What a customer does on the Payment Page: open it, start the payment, try again, go away."""

import msgspec

from sampan.domain import attempts
from sampan.domain import events as ev
from sampan.domain.codes import Code, message
from sampan.domain.machine import Move
from sampan.domain.page_links import PageLinks
from sampan.domain.payment import Customer, Operation, Payment, Targets
from sampan.domain.project import Flow, Project
from sampan.domain.statuses import LINK_OPEN, WAITING, Origin, PaymentStatus
from sampan.errors import Refusal
from sampan.flow.issuing import Asking
from sampan.flow.sale import SaleRequest, faults_of_amount, sale
from sampan.flow.settle import Step, settle, step_of
from sampan.storage import page_sessions, payments
from sampan.storage.engine import Tx
from sampan.storage.page_sessions import PageSession


class PageRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signed request for a page whose form is right; minor units, microseconds UTC.

    `returns` holds the parameters of the ways back by their names on the wire, `forced` says that
    the request names the method, `send_email` that a payment link is to be mailed to the customer.
    """

    payment_id: str
    amount_minor: int
    currency: str
    customer: Customer
    description: str = ""
    merchant_data: str = ""
    targets: Targets = Targets()
    returns: dict[str, str] = {}
    best_before_us: int | None = None
    language: str = ""
    style: int = 0
    forced: bool = False
    send_email: bool = False


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page stands: its session, and payment and newest sale once there are any.

    `taken`: the payment id belongs to another request by now, so this one cannot begin.
    """

    session: PageSession
    payment: Payment | None = None
    operation: Operation | None = None
    taken: bool = False


def open_page(tx: Tx, session: PageSession) -> PageSession:
    """Keep a signed request and return its session; a repeat returns the first one.

    Raises `Refusal` 3041 when the payment id belongs to another request: one of Gate, or a page
    that has started its payment. What is in `error` may be asked for anew (decision 3).
    """
    kept = page_sessions.find(tx, session.token)
    if kept is not None:
        return kept
    if _taken(tx, session):
        raise Refusal(Code.PAYMENT_ID_EXISTS, message(Code.PAYMENT_ID_EXISTS))
    page_sessions.insert(tx, session)
    return session


def start(
    tx: Tx, project: Project, session: PageSession, *, request: PageRequest, step: Step
) -> PageSession:
    """Start the payment of a page; return the session with it. A repeat starts nothing.

    What ended in `error` (a limit, perhaps another one by now) is sent anew. The payment of a link
    exists already, and begins; one that is cancelled or too late stays as it is.

    `step.why` is the request id. Raises `Refusal`: 3041 when another request was faster, 3060 when
    the page was cancelled or its time is over, 310 when the project takes no payments, and for a
    link the code of a limit that holds by now.
    """
    kept = page_sessions.find(tx, session.token)
    assert kept is not None  # noqa: S101 - it was opened
    if kept.payment is not None:
        payment = payments.payment_by_key(tx, kept.payment)
        if payment is not None and payment.status in LINK_OPEN:
            _confirm(tx, project, payment, step=step)
        if payment is None or payment.status is not PaymentStatus.ERROR:
            return kept
    over = request.best_before_us is not None and step.now_us >= request.best_before_us
    if kept.cancelled_us is not None or over:
        raise Refusal(Code.STATUS_FORBIDS, message(Code.STATUS_FORBIDS))
    if kept.payment is None and _taken(tx, kept):
        raise Refusal(Code.PAYMENT_ID_EXISTS, message(Code.PAYMENT_ID_EXISTS))
    if not project.settings.enabled:
        raise Refusal(Code.NOT_ALLOWED_BY_PROJECT, message(Code.NOT_ALLOWED_BY_PROJECT))
    asked = SaleRequest(
        payment_id=request.payment_id,
        amount_minor=request.amount_minor,
        currency=request.currency,
        description=request.description,
        customer=request.customer,
        targets=request.targets,
        digest=session.digest,
        origin=Origin.PAGE,
        merchant_data=request.merchant_data,
        best_before_us=request.best_before_us,
    )
    sale(tx, project, asked, request_id=step.why, now_us=step.now_us)
    payment = payments.payment_by_id(tx, project.id, request.payment_id)
    assert payment is not None  # noqa: S101 - it was just taken in
    page_sessions.attach(tx, session.token, payment=payment.key)
    return msgspec.structs.replace(kept, payment=payment.key)


def _confirm(tx: Tx, project: Project, payment: Payment, *, step: Step) -> None:
    """Begin the payment of a link. Twice at once begins one."""
    settings = project.settings
    if not settings.enabled:
        raise Refusal(Code.NOT_ALLOWED_BY_PROJECT, message(Code.NOT_ALLOWED_BY_PROJECT))
    for fault in faults_of_amount(settings, payment.currency, amount_minor=payment.amount_minor):
        raise Refusal(fault.code, fault.message)
    settle(tx, project, payment, event=ev.Confirmed(step.why), step=step)


def try_again(tx: Tx, project: Project, payment: Payment, *, step: Step) -> bool:
    """Begin another attempt; False where none may begin. Twice at once begins one.

    `step.why` is the request id. A QR that has expired makes room for a new one at once: the
    customer need not wait for the grace that a late notice of the bank has.
    """
    shown, now_us = payment.display, step.now_us
    over = payment.status in WAITING and shown is not None and now_us >= shown.expires_us
    # Without an attempt left the bank keeps its grace: money may still be on the way.
    if over and attempts.retry_until_us(project.settings, payment, now_us=now_us) is not None:
        expired = ev.Expired(payment.attempts_count)
        _, payment = settle(tx, project, payment, event=expired, step=step)
    event = ev.TriedAgain(step.why)
    decision, _ = settle(tx, project, payment, event=event, step=step)
    return isinstance(decision, Move)


def give_up(tx: Tx, project: Project, payment: Payment, *, step: Step) -> None:
    """Note that the customer makes no further attempt. Without an open one nothing happens."""
    settle(tx, project, payment, event=ev.GaveUp(), step=step)


def host(tx: Tx, asked: Asking, links: PageLinks, *, now_us: int) -> str:
    """Make the page that shows the QR of a Gate sale; return its address, "" where none is wanted.

    A repeat finds the same page.
    """
    payment = asked.payment
    if asked.project.settings.flow is not Flow.REDIRECT or payment.origin is not Origin.GATE:
        return ""
    token = links.token(payment.project_id, f"gate/{asked.operation.id}")
    page_sessions.insert(tx, session_of(payment, page_of(payment), token=token, now_us=now_us))
    return links.url(token)


def page_of(payment: Payment) -> PageRequest:
    """Return the request for a page whose payment exists already."""
    return PageRequest(
        payment_id=payment.id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        customer=payment.customer,
        description=payment.description,
        returns=returns_of(payment.targets),
        forced=True,
    )


def session_of(
    payment: Payment, request: PageRequest, *, token: str, now_us: int, digest: str = ""
) -> PageSession:
    """Return the session of such a page."""
    return PageSession(
        token=token,
        project_id=payment.project_id,
        payment_id=payment.id,
        digest=digest,
        request=msgspec.json.encode(request).decode(),
        payment=payment.key,
        created_us=now_us,
    )


def returns_of(targets: Targets) -> dict[str, str]:
    """Return the ways back of a Gate request as parameters of a page."""
    returns = {
        "merchant_success_url": targets.return_success or targets.return_any,
        "merchant_fail_url": targets.return_decline or targets.return_any,
        "merchant_return_url": targets.return_any,
    }
    return {name: url for name, url in returns.items() if url}


def standing(tx: Tx, token: str) -> Standing | None:
    """Return where a page stands, None for an unknown token."""
    session = page_sessions.find(tx, token)
    if session is None:
        return None
    if session.payment is None:
        return Standing(session=session, taken=_taken(tx, session))
    payment = payments.payment_by_key(tx, session.payment)
    assert payment is not None  # noqa: S101 - payments are never deleted
    return Standing(session=session, payment=payment, operation=step_of(tx, payment))


def _taken(tx: Tx, session: PageSession) -> bool:
    """Whether the payment id of a session without a payment belongs to another request."""
    found = payments.payment_by_id(tx, session.project_id, session.payment_id)
    return found is not None and found.status is not PaymentStatus.ERROR
