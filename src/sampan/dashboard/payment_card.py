"""A payment's card: what it is, its whole story, and what people may decide about it."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from sampan.codecs import qr_image
from sampan.dashboard import credit_words, story, words
from sampan.dashboard.money_forms import (
    DECIDED,
    Notice,
    ToldError,
    carried_out,
    decide,
    said_of,
    step_of,
)
from sampan.dashboard.payments import PAYMENTS, number_of
from sampan.dashboard.story import Past
from sampan.dashboard.told import people_names
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain import events as ev
from sampan.domain.codes import Code, message
from sampan.domain.machine import MOVES
from sampan.domain.money_decisions import Accept, Decline, Return, Wish
from sampan.domain.payment import Payment
from sampan.domain.rights import Right
from sampan.domain.statuses import WAITING
from sampan.errors import Refusal
from sampan.flow import credit_decisions, credit_views, delivery, refund_records, telling
from sampan.storage import callbacks, decisions, journal, payments, projects, users
from sampan.storage import credits as kept
from sampan.storage.callbacks import Callback
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.web.i18n import mark

PARTS_MAX: Final = 200
"""So many of the newest of each kind stand on a card; who has more has a fault elsewhere."""
PEOPLE_MAX: Final = 20
OTHER_SUM: Final = mark(
    "Another sum waits by now than the one you saw. You changed nothing; look at it again."
)
SENT_MEANWHILE: Final = mark(
    "This callback has moved since you saw it. You changed nothing; below is how it stands now."
)
NO_ADDRESS: Final = mark("This callback has no address, so it cannot be sent.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that a card shows."""

    past: Past
    project: str
    waiting: Sequence[Credit] = field(default_factory=tuple)
    reasons: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    left: Mapping[int, int] = field(default_factory=dict)
    proposals: Sequence[Decision] = ()
    needs_two: bool = False
    people: Mapping[str, str] = field(default_factory=dict)

    @property
    def waiting_minor(self) -> int:
        """What would be taken if somebody accepted now."""
        return sum(credit.amount_minor for credit in self.waiting)


async def card(visit: Visit) -> Response:
    """Show a payment with everything that happened to it."""
    return await _card(visit)


async def accept(visit: Visit) -> Response:
    """Take the money that waits as the payment: exactly the sum that the person saw."""
    key = _key(visit)

    def wish(tx: Tx) -> Wish:
        waiting = _waiting(tx, _payment(tx, key))
        if waiting and str(sum(one.amount_minor for one in waiting)) != visit.text("sum"):
            raise ToldError(OTHER_SUM)
        return Accept(payment=key)

    return await _decided(visit, "accept", wish=wish, said="money-accepted")


async def decline(visit: Visit) -> Response:
    """Give a payment up; what arrived for it waits to be sent back."""
    key = _key(visit)

    def wish(tx: Tx) -> Wish:
        _payment(tx, key)
        return Decline(payment=key)

    return await _decided(visit, "decline", wish=wish, said="payment-declined")


async def mark_returned(visit: Visit) -> Response:
    """Note that money which fits nowhere went back to its payer."""
    key, number = _key(visit), number_of(visit.request.path_params["credit"])

    def wish(tx: Tx) -> Wish:
        credit = kept.find(tx, number)
        if credit is None or credit.payment != key:
            raise Refusal(Code.NOT_FOUND, "", http_status=404)
        if credit.status == "held":
            # Its payment would go on waiting: that is seen, and decided, on the credit's own card.
            raise ToldError(DECIDED)
        return Return(credit=number)

    return await _decided(visit, f"return-{number}", wish=wish, said="credit-returned")


async def resend(visit: Visit) -> Response:
    """Send a callback of the payment again, if it still stands as the person saw it."""
    key, number = _key(visit), number_of(visit.request.path_params["callback"])

    def change(tx: Tx) -> None:
        callback = callbacks.find(tx, number)
        if callback is None or callback.payment != key:
            raise Refusal(Code.NOT_FOUND, "", http_status=404)
        if not callback.url:
            raise ToldError(NO_ADDRESS)
        step, lane = step_of(visit), telling.lane(callback.url)
        if state_of(callback) != visit.text("seen") or not delivery.resend(
            tx, callback, lane=lane, by=step.by, now_us=step.now_us, why=step.why
        ):
            raise ToldError(SENT_MEANWHILE)

    made = await carried_out(visit, f"resend-{number}", change=change)
    if isinstance(made, Notice):
        return await _card(visit, made)
    return visit.go(f"{PAYMENTS}/{key}", said="callback-resent")


def state_of(callback: Callback) -> str:
    """Return what a form to send a callback again carries: how the callback stood."""
    return f"{callback.status} {callback.attempts_count} {callback.note}".strip()


# --- parts ----------------------------------------------------------------------------------


def _key(visit: Visit) -> int:
    return number_of(visit.request.path_params["key"])


def _payment(tx: Tx, key: int) -> Payment:
    payment = payments.payment_by_key(tx, key)
    if payment is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return payment


async def _decided(visit: Visit, form: str, *, wish: Callable[[Tx], Wish], said: str) -> Response:
    """Decide with the form's reason, and go back to the card."""
    made = await decide(visit, form, wish=wish)
    if isinstance(made, Notice):
        return await _card(visit, made)
    return visit.go(f"{PAYMENTS}/{_key(visit)}", said=said_of(made, said))


async def _card(visit: Visit, notice: Notice | None = None) -> Response:
    key = _key(visit)
    found = await visit.desk.store.read(lambda tx: _read(tx, visit, key=key))
    if found is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    past, payment, rights = found.past, found.past.payment, visit.rights
    may_decide = Right.DECIDE_MONEY in rights
    in_error = notice is not None and notice.at
    context = {
        "card": found,
        "past": past,
        "payment": payment,
        "line": story.line(past, now_us=visit.now_us),
        "picture": _picture(payment, visit.now_us),
        "may_accept": may_decide and bool(found.waiting) and _leads(payment, ev.StaffAccepted),
        "may_decline": may_decide and _leads(payment, ev.StaffDeclined),
        "may_return": may_decide,
        "may_see_credits": Right.CREDITS in rights,
        "me": visit.by,
        "may_resend": Right.RESEND_CALLBACKS in rights,
        "notice": "" if notice is None or in_error else notice.text,
        "wrong": notice if in_error else None,
        "is_cut": _is_cut(past),
        "state_of": state_of,
        "code_text": story.code_text,
        "code_message": message,
        **_TABLES,
    }
    return visit.page("payment.html", context, status=200 if notice is None else notice.status)


_TABLES: Final[Mapping[str, Any]] = {
    "statuses": words.STATUSES,
    "origins": words.ORIGINS,
    "kinds": words.CALLBACK_KINDS,
    "callback_statuses": words.CALLBACK_STATUSES,
    "credit_statuses": words.CREDIT_STATUSES,
    "operation_names": words.OPERATIONS,
    "why": credit_words.WHY,
    "wishes": credit_words.WISHES,
}


def _read(tx: Tx, visit: Visit, *, key: int) -> Card | None:
    payment = payments.payment_by_key(tx, key)
    if payment is None:
        return None
    entries = journal.newest_of_payment(tx, key, most=PARTS_MAX)
    found = [users.by_email(tx, email) for email in story.people_of(entries)[:PEOPLE_MAX]]
    past = Past(
        payment=payment,
        operations=payments.newest_operations_of(tx, key, most=PARTS_MAX),
        entries=entries,
        credits=kept.newest_of_payment(tx, key, most=PARTS_MAX),
        callbacks=callbacks.newest_of_payment(tx, key, most=PARTS_MAX),
        attempts=callbacks.newest_attempts_of_payment(tx, key, most=PARTS_MAX),
        people={user.email: user.name for user in found if user is not None},
        accounts=credit_views.named_accounts(tx, now_us=visit.now_us),
    )
    project = projects.names(tx).get(payment.project_id, "")
    made = decisions.about(tx, payment=key)
    wish, find_project = Decline(payment=key), visit.desk.find_project
    return Card(
        past=past,
        project=project,
        waiting=_waiting(tx, payment),
        reasons=credit_views.reasons_of(tx, past.credits),
        left=_left(tx, visit, past.credits),
        proposals=[one for one in made if one.status == "proposed"],
        needs_two=credit_decisions.needs_two(tx, wish, find_project=find_project),
        people=people_names(users.every(tx)),
    )


def _left(tx: Tx, visit: Visit, found: Sequence[Credit]) -> dict[int, int]:
    """Return credit → what can be refunded of the payment's money, where something can."""
    find_project = visit.desk.find_project
    left = {
        one.id: refund_records.left_of(tx, one, find_project=find_project)
        for one in found
        if one.status == "applied"
    }
    return {key: left_minor for key, left_minor in left.items() if left_minor}


def _waiting(tx: Tx, payment: Payment) -> list[Credit]:
    """Return the credits that an acceptance would take."""
    found = kept.waiting_of_payment(tx, payment.key)
    return [credit for credit in found if credit.currency == payment.currency]


def _leads(payment: Payment, event: type[ev.Event]) -> bool:
    return (payment.status, event) in MOVES


def _picture(payment: Payment, now_us: int) -> str:
    """Return the QR code as text of a PNG while the customer may pay by it; else ""."""
    display = payment.display
    if payment.status not in WAITING or display is None or display.expires_us <= now_us:
        return ""
    return b64encode(qr_image.png(display.payload)).decode()


def _is_cut(past: Past) -> bool:
    parts = (past.operations, past.entries, past.credits, past.callbacks, past.attempts)
    return any(len(part) >= PARTS_MAX for part in parts)


WAYS: Final = (
    Way("GET", f"{PAYMENTS}/{{key}}", card, Right.VIEW_PAYMENTS),
    Way("POST", f"{PAYMENTS}/{{key}}/accept", accept, Right.DECIDE_MONEY),
    Way("POST", f"{PAYMENTS}/{{key}}/decline", decline, Right.DECIDE_MONEY),
    Way("POST", f"{PAYMENTS}/{{key}}/credits/{{credit}}/return", mark_returned, Right.DECIDE_MONEY),
    Way(
        "POST", f"{PAYMENTS}/{{key}}/callbacks/{{callback}}/resend", resend, Right.RESEND_CALLBACKS
    ),
)
