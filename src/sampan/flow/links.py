"""Payment links: a payment that waits for its customer under an address (Gate docs, invoice).

A link is a payment from the start and has a page from the start, which begins nothing until the
customer confirms there (`flow.page.start`); from then on it is a payment of the Payment Page.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from sampan.clock import DAY_US
from sampan.domain import callback as wire
from sampan.domain import events as ev
from sampan.domain.codes import Code, message
from sampan.domain.machine import Move, decide
from sampan.domain.mails import LinkCancelled, PaymentLink
from sampan.domain.page_links import PageLinks
from sampan.domain.payment import Customer, Operation, Payment, Targets
from sampan.domain.project import Project
from sampan.domain.statuses import LINK_OPEN, OperationType, Origin, PaymentStatus
from sampan.errors import FieldFault, Refusal
from sampan.flow import mailing
from sampan.flow.mailing import Letter, Mailroom
from sampan.flow.notification import FindProject
from sampan.flow.page import PageRequest, page_of, session_of
from sampan.flow.sale import (
    SaleRequest,
    enter,
    faults_of_amount,
    first_answer,
    first_operation,
    new_payment,
)
from sampan.flow.settle import Step, settle, step_of
from sampan.flow.telling import tell
from sampan.storage import journal, mails, page_sessions, payments
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.mails import Mail
from sampan.storage.page_sessions import PageSession

OPEN_DAYS_MAX: Final = 30
"""A link is good for so long at most (Gate docs, invoice)."""

_request = msgspec.json.Decoder(PageRequest)


class LinkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A payment link whose form is right; minor units, microseconds UTC.

    `send_email` asks us to mail it, and needs an address of the customer. `digest` marks the signed
    text of a request through Gate; what staff ask for has none, and is no repeat of anything.
    """

    payment_id: str
    amount_minor: int
    currency: str
    customer: Customer
    best_before_us: int
    description: str = ""
    targets: Targets = Targets()
    language: str = ""
    send_email: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Office:
    """What links need of the platform: their addresses, and where mail is asked for."""

    links: PageLinks
    room: Mailroom


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was asked for: the request id to answer with, its payment and its address.

    A payment in `error` failed a check of the project (its `faults`), and the address leads
    nowhere.
    """

    request_id: str
    payment: Payment
    url: str


def create(tx: Tx, project: Project, request: LinkRequest, *, office: Office, step: Step) -> Link:
    """Make a payment link and tell the merchant its address.

    The same signed request again returns the first one and makes nothing. A payment in `error` may
    be sent again. `step.why` is the request id. Raises `Refusal`: 702 for a `best_before` that is
    over or too far ahead, 3041 when the payment id belongs to another request.
    """
    # A digest that nobody else has: what is not signed repeats nothing.
    digest = request.digest or step.why
    found = payments.payment_by_id(tx, project.id, request.payment_id)
    if found is not None and found.status is not PaymentStatus.ERROR:
        first = payments.request_id_of_repeat(tx, found.key, digest)
        if first is not None:
            return Link(request_id=first, payment=found, url=url_of(office.links, found))
    _check_time(request.best_before_us, now_us=step.now_us)
    # What takes the place of a payment in `error` comes after it, whatever the clock says.
    now_us = max(step.now_us, found.updated_us + 1 if found else 0)
    faults = faults_of_amount(project.settings, request.currency, amount_minor=request.amount_minor)
    event = ev.Rejected(faults) if faults else ev.LinkMade()
    move = decide(None, event, settings=project.settings, now_us=now_us)
    assert isinstance(move, Move)  # noqa: S101 - nothing stands against a new payment
    made = new_payment(tx, project, _as_sale(request), status=move.to, now_us=now_us)
    made = msgspec.structs.replace(made, faults=faults, decline_us=request.best_before_us)
    payment, before, new = enter(tx, project, made, event=event)
    if not new:
        first = first_answer(tx, payment, digest=digest)
        return Link(request_id=first, payment=payment, url=url_of(office.links, payment))
    operation = first_operation(tx, payment, kind=OperationType.INVOICE, request_id=step.why)
    payments.insert_operation(tx, operation, project_id=project.id, digest=digest)
    journal.write(
        tx,
        Entry(
            at_us=now_us,
            project_id=project.id,
            payment=payment.key,
            operation=operation.id,
            what=type(event).__name__.lower(),
            status_from=before,
            status_to=payment.status.value,
            by=step.by,
            why=step.why,
        ),
    )
    if not faults:
        page_sessions.insert(tx, _session(payment, request, links=office.links))
    tell(tx, project, payment, operation=operation, extra=members(office.links, payment))
    if request.send_email and not faults:
        facts = PaymentLink(
            merchant=project.name,
            payment_id=payment.id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            link=url_of(office.links, payment),
            expires_us=request.best_before_us,
            description=payment.description,
        )
        letter = _letter(project, payment, facts=facts, language=request.language)
        mailing.ask(tx, letter, room=office.room, now_us=now_us)
    return Link(request_id=step.why, payment=payment, url=url_of(office.links, payment))


def cancel(tx: Tx, project: Project, payment_id: str, *, office: Office, step: Step) -> Operation:
    """Take a link back; return the operation that made it. A repeat changes nothing.

    A mail with the link that waits is not sent any more; a customer who has got one gets another.
    Raises `Refusal`: 3061 for an unknown payment, 3060 for one that is no link, or a link whose
    customer has confirmed or whose time is over.
    """
    payment = payments.payment_by_id(tx, project.id, payment_id)
    if payment is None:
        raise Refusal(Code.NOT_FOUND, message(Code.NOT_FOUND), http_status=404)
    decision, after = settle(tx, project, payment, event=ev.LinkCancelled(), step=step)
    if after.status is not PaymentStatus.INVOICE_CANCELED:
        raise Refusal(Code.STATUS_FORBIDS, message(Code.STATUS_FORBIDS))
    if isinstance(decision, Move) and _was_mailed(tx, after, step=step):
        facts = LinkCancelled(
            merchant=project.name,
            payment_id=after.id,
            amount_minor=after.amount_minor,
            currency=after.currency,
            description=after.description,
        )
        session = page_sessions.find(tx, _token(office.links, after))
        assert session is not None  # noqa: S101 - made with the link
        language = _request.decode(session.request).language
        letter = _letter(project, after, facts=facts, language=language)
        mailing.ask(tx, letter, room=office.room, now_us=step.now_us)
    return step_of(tx, after)


def mark_sent(tx: Tx, project: Project, payment: Payment, *, links: PageLinks, step: Step) -> bool:
    """Note that the link was mailed, and tell the merchant; False where that is no news."""
    event = ev.LinkSent(url_of(links, payment))
    decision, _ = settle(tx, project, payment, event=event, step=step)
    return isinstance(decision, Move)


def mail_ended(tx: Tx, mail: Mail, *, find_project: FindProject, office: Office) -> None:
    """Take in that a mail was sent or given up: a link that was mailed is `invoice sent` now."""
    is_link = isinstance(mail.facts, PaymentLink) and mail.status == "sent"
    if not is_link or mail.payment is None:
        return
    payment = payments.payment_by_key(tx, mail.payment)
    assert payment is not None  # noqa: S101 - payments are never deleted
    project = find_project(tx, payment.project_id)
    assert project is not None  # noqa: S101 - projects are never deleted
    assert mail.finished_us is not None  # noqa: S101 - it has ended
    step = Step(mail.finished_us, "mail")
    mark_sent(tx, project, payment, links=office.links, step=step)


def url_of(links: PageLinks, payment: Payment) -> str:
    """Return the address of a payment's link: always the same, and nobody can guess it."""
    return links.url(_token(links, payment))


def members(links: PageLinks, payment: Payment) -> wire.Body:
    """Return what a callback or a status answer says of a link while it is open, else nothing."""
    if payment.status not in LINK_OPEN:
        return {}
    return wire.link_members(url_of(links, payment), expires_us=payment.decline_us)


def _token(links: PageLinks, payment: Payment) -> str:
    return links.token(payment.project_id, f"link/{payment.key}")


def _check_time(best_before_us: int, *, now_us: int) -> None:
    if not now_us < best_before_us <= now_us + OPEN_DAYS_MAX * DAY_US:
        told = message(Code.MALFORMED_REQUEST)
        constraint = f"in the future, at most {OPEN_DAYS_MAX} days ahead"
        fault = FieldFault(Code.MALFORMED_REQUEST, told, "payment.best_before", constraint)
        raise Refusal(Code.MALFORMED_REQUEST, told, faults=(fault,))


def _as_sale(request: LinkRequest) -> SaleRequest:
    return SaleRequest(
        payment_id=request.payment_id,
        amount_minor=request.amount_minor,
        currency=request.currency,
        description=request.description,
        customer=request.customer,
        targets=request.targets,
        digest=request.digest,
        origin=Origin.LINK,
        best_before_us=request.best_before_us,
    )


def _session(payment: Payment, request: LinkRequest, *, links: PageLinks) -> PageSession:
    asked = msgspec.structs.replace(
        page_of(payment),
        best_before_us=payment.best_before_us,
        language=request.language,
        send_email=request.send_email,
    )
    token, now_us = _token(links, payment), payment.updated_us
    return session_of(payment, asked, token=token, now_us=now_us, digest=request.digest)


def _letter(
    project: Project, payment: Payment, *, facts: PaymentLink | LinkCancelled, language: str
) -> Letter:
    return Letter(
        payment.customer.email,
        facts,
        language.lower() or project.settings.page_language,
        project_id=project.id,
        payment=payment.key,
    )


def _was_mailed(tx: Tx, payment: Payment, *, step: Step) -> bool:
    """Whether the customer may have got the link by mail; what still waits is withdrawn."""
    asked = [mail for mail in mails.of_payment(tx, payment.key) if mail.status != "given up"]
    why = "the link was cancelled"
    kept = [mail for mail in asked if not mailing.withdraw(tx, mail, why=why, now_us=step.now_us)]
    return bool(kept)
