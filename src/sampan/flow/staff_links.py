"""Payment links that staff ask for: what a project has against them, and how they are made."""

from typing import Final

from sampan import money
from sampan.domain.codes import Code
from sampan.domain.link_form import Flaw, LinkForm, Wrong
from sampan.domain.payment import Customer
from sampan.domain.project import Project
from sampan.errors import Refusal
from sampan.flow import links as flow_links
from sampan.flow.links import Link, LinkRequest, Office
from sampan.flow.sale import faults_of_amount
from sampan.flow.settle import Step
from sampan.storage.engine import Tx

_REFUSED: Final = {
    Code.MALFORMED_REQUEST: Flaw("expires", Wrong.EXPIRES_OVER),
    Code.PAYMENT_ID_EXISTS: Flaw("payment_id", Wrong.USED),
}
_FIELDS: Final = {
    Code.CURRENCY_DISABLED: ("currency", Wrong.CURRENCY_OFF),
    Code.AMOUNT_LESS_THAN_LIMIT: ("amount", Wrong.AMOUNT_LOW),
    Code.AMOUNT_GREATER_THAN_LIMIT: ("amount", Wrong.AMOUNT_HIGH),
}


def flaws_of_project(project: Project, form: LinkForm) -> tuple[Flaw, ...]:
    """Return what a project has against a link; the limit that is broken stands in the detail.

    Through Gate it would be a payment in `error`; a person is better told before it is one.
    """
    settings = project.settings
    if not settings.enabled:
        return (Flaw("project", Wrong.PROJECT_OFF),)
    faults = faults_of_amount(settings, form.currency, amount_minor=form.amount_minor)
    limits = settings.amount_limits(form.currency) or (0, 0)
    found = []
    for fault in faults:
        field, wrong = _FIELDS[Code(fault.code)]
        limit = {Wrong.AMOUNT_LOW: limits[0], Wrong.AMOUNT_HIGH: limits[1]}.get(wrong)
        detail = "" if limit is None else money.to_display(limit, form.currency)
        found.append(Flaw(field, wrong, detail))
    return tuple(found)


def make(
    tx: Tx, project: Project, request: LinkRequest, *, office: Office, step: Step
) -> Link | Flaw:
    """Make a link, or return why there is none; then nothing has changed.

    The same `request.digest` again returns the link that it made. `step.why` is the request id.
    """
    try:
        return flow_links.create(tx, project, request, office=office, step=step)
    except Refusal as refusal:
        return _REFUSED[Code(refusal.code)]


def request_of(form: LinkForm, *, drawn_id: str, digest: str) -> LinkRequest:
    """Return the link that a form asks for, under an id of ours where it has none."""
    payment_id = form.payment_id or drawn_id
    return LinkRequest(
        payment_id=payment_id,
        amount_minor=form.amount_minor,
        currency=form.currency,
        customer=Customer(
            id=form.customer_id or payment_id,
            first_name=form.name,
            email=form.email,
            phone=form.phone,
        ),
        best_before_us=form.best_before_us,
        description=form.description,
        language=form.language,
        send_email=form.send_email,
        digest=digest,
    )
