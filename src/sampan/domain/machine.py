"""The only state machine: `MOVES` says what may follow what, `decide` what follows now.

`MOVES` is the whole truth about statuses: a pair that is not in it never changes a payment.
`decide` is pure: it looks at a payment, an event and the time, and returns what to do; only
`flow.settle` does it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sampan.domain import attempts
from sampan.domain import events as ev
from sampan.domain.codes import Code
from sampan.domain.payment import Payment
from sampan.domain.project import OtherAmount, ProjectSettings
from sampan.domain.statuses import LINK_OPEN
from sampan.domain.statuses import PaymentStatus as St


class Reason(StrEnum):
    """Why money does not fit (decision 6)."""

    SHORT = "short"
    OVER = "over"
    LATE = "late"
    DOUBLE = "double"
    WRONG_CURRENCY = "wrong currency"
    NOT_STARTED = "payment in error"
    NO_QR = "no QR was made"
    UNKNOWN_REFERENCE = "unknown reference"


@dataclass(frozen=True, slots=True)
class Move:
    """Go to `to` with this response code; `paid_minor` is set when money is applied.

    `retry_until_us` is set when the customer may try again, and says until when.
    """

    to: St
    code: str
    paid_minor: int | None = None
    retry_until_us: int | None = None


@dataclass(frozen=True, slots=True)
class Ignore:
    """A repeat or late news: nothing changes."""

    why: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Money that does not fit: kept, shown, never guessed.

    `held` tells whether the credit stays attached to the payment until staff decide.
    """

    reason: Reason
    held: bool


@dataclass(frozen=True, slots=True)
class Release:
    """One credit less is held for the payment; without any, its clock runs again."""


Decision = Move | Ignore | Alarm | Release

_UNASKED: Final = {
    St.ERROR: Reason.NOT_STARTED,
    St.AWAITING_PAYMENT: Reason.NO_QR,
    St.INVOICE_SENT: Reason.NO_QR,
    St.EXPIRED: Reason.NO_QR,
    St.INVOICE_CANCELED: Reason.NO_QR,
}
"""Statuses in which nobody was shown a QR; whoever pays nevertheless has guessed."""

MOVES: Final[dict[tuple[St | None, type[ev.Event]], St]] = {
    # a request arrives (None: no such payment yet; error: the same payment_id is sent again)
    (None, ev.Accepted): St.PROCESSING,
    (None, ev.Rejected): St.ERROR,
    (St.ERROR, ev.Accepted): St.PROCESSING,
    (St.ERROR, ev.Rejected): St.ERROR,
    # a payment link waits for its customer, who confirms, or is too late, or is not waited for
    (None, ev.LinkMade): St.AWAITING_PAYMENT,
    (St.ERROR, ev.LinkMade): St.AWAITING_PAYMENT,
    (St.AWAITING_PAYMENT, ev.LinkSent): St.INVOICE_SENT,
    (St.AWAITING_PAYMENT, ev.Confirmed): St.PROCESSING,
    (St.INVOICE_SENT, ev.Confirmed): St.PROCESSING,
    (St.AWAITING_PAYMENT, ev.Expired): St.EXPIRED,
    (St.INVOICE_SENT, ev.Expired): St.EXPIRED,
    (St.AWAITING_PAYMENT, ev.LinkCancelled): St.INVOICE_CANCELED,
    (St.INVOICE_SENT, ev.LinkCancelled): St.INVOICE_CANCELED,
    # the provider answers
    (St.PROCESSING, ev.Issued): St.AWAITING_CUSTOMER_ACTION,
    (St.PROCESSING, ev.IssuedRedirect): St.AWAITING_REDIRECT_RESULT,
    (St.PROCESSING, ev.Refused): St.DECLINE,
    # the customer says no at the bank
    (St.AWAITING_CUSTOMER_ACTION, ev.Refused): St.DECLINE,
    (St.AWAITING_REDIRECT_RESULT, ev.Refused): St.DECLINE,
    # money arrives; a fast customer's money may even overtake the provider's answer
    (St.PROCESSING, ev.Credited): St.SUCCESS,
    (St.AWAITING_CUSTOMER_ACTION, ev.Credited): St.SUCCESS,
    (St.AWAITING_REDIRECT_RESULT, ev.Credited): St.SUCCESS,
    (St.DECLINE, ev.Credited): St.SUCCESS,
    # nobody paid
    (St.PROCESSING, ev.Expired): St.DECLINE,
    (St.AWAITING_CUSTOMER_ACTION, ev.Expired): St.DECLINE,
    (St.AWAITING_REDIRECT_RESULT, ev.Expired): St.DECLINE,
    # an attempt fails and the customer may make another on our page, or gives up, or does nothing
    (St.PROCESSING, ev.AttemptFailed): St.AWAITING_CUSTOMER,
    (St.AWAITING_CUSTOMER_ACTION, ev.AttemptFailed): St.AWAITING_CUSTOMER,
    (St.AWAITING_REDIRECT_RESULT, ev.AttemptFailed): St.AWAITING_CUSTOMER,
    (St.AWAITING_CUSTOMER, ev.TriedAgain): St.PROCESSING,
    (St.AWAITING_CUSTOMER, ev.GaveUp): St.DECLINE,
    (St.AWAITING_CUSTOMER, ev.Expired): St.DECLINE,
    (St.AWAITING_CUSTOMER, ev.Credited): St.SUCCESS,
    # staff decide about money that did not fit
    (St.PROCESSING, ev.StaffAccepted): St.SUCCESS,
    (St.AWAITING_CUSTOMER_ACTION, ev.StaffAccepted): St.SUCCESS,
    (St.AWAITING_REDIRECT_RESULT, ev.StaffAccepted): St.SUCCESS,
    (St.AWAITING_CUSTOMER, ev.StaffAccepted): St.SUCCESS,
    (St.DECLINE, ev.StaffAccepted): St.SUCCESS,
    (St.PROCESSING, ev.StaffDeclined): St.DECLINE,
    (St.AWAITING_CUSTOMER_ACTION, ev.StaffDeclined): St.DECLINE,
    (St.AWAITING_REDIRECT_RESULT, ev.StaffDeclined): St.DECLINE,
    (St.AWAITING_CUSTOMER, ev.StaffDeclined): St.DECLINE,
}
"""(status, event type) → status."""


def decide(
    payment: Payment | None, event: ev.Event, *, settings: ProjectSettings, now_us: int
) -> Decision:
    """Decide what an event does to a payment (None: it does not exist yet). Pure.

    A repeat of an event that already had its effect is `Ignore`, whatever the status has become.
    """
    status = payment.status if payment else None
    if isinstance(event, ev.Credited):
        assert payment is not None  # noqa: S101 - a credit is matched before it is decided
        return _credited(payment, event, settings=settings, now_us=now_us)
    if isinstance(event, ev.HeldMoved):
        held = payment is not None and payment.held_count > 0
        return Release() if held else Ignore("no money is held for it")
    if payment is not None:
        reason = _out_of_place(payment, event, now_us=now_us)
        if reason:
            return Ignore(reason)
        event = _softened(payment, event, settings=settings, now_us=now_us)
    to = MOVES.get((status, type(event)))
    if to is None:
        return Ignore(f"{type(event).__name__} does not move a payment in {status}")
    return _move(to, event)


def _out_of_place(payment: Payment, event: ev.Event, *, now_us: int) -> str:
    """Say why an event has no effect on a payment in whatever status; "" where it may have one."""
    match event:
        case ev.Issued(attempt=attempt) | ev.IssuedRedirect(attempt=attempt):
            if attempt != payment.attempts_count:
                return "news of an earlier attempt"
        case ev.Refused(attempt=attempt) | ev.Expired(attempt=attempt):
            if attempt != payment.attempts_count:
                return "news of an earlier attempt"
        case ev.TriedAgain() if now_us >= (payment.retry_until_us or 0):
            return "the time to try again is over"
        case ev.Confirmed() if now_us >= (payment.best_before_us or 0):
            return "the link has expired"
        case _:
            pass
    unmoved = ev.Expired | ev.Refused | ev.AttemptFailed | ev.TriedAgain | ev.GaveUp
    if payment.held_count and isinstance(event, unmoved):
        return "money is held for staff to decide"
    return ""


def _softened(
    payment: Payment, event: ev.Event, *, settings: ProjectSettings, now_us: int
) -> ev.Event:
    """Turn what would end a payment into a failed attempt where the customer may try again."""
    waits = payment.status is St.AWAITING_CUSTOMER or payment.status in LINK_OPEN
    if waits or not isinstance(event, ev.Refused | ev.Expired):
        return event
    until_us = attempts.retry_until_us(settings, payment, now_us=now_us)
    if until_us is None:
        return event
    code = event.code if isinstance(event, ev.Refused) else Code.TIME_OUT
    return ev.AttemptFailed(code, until_us)


_CODES: Final[dict[type[ev.Event], Code]] = {
    ev.Accepted: Code.AWAITING,
    ev.Rejected: Code.VALIDATION_ERROR,
    ev.Issued: Code.AWAITING,
    ev.IssuedRedirect: Code.AWAITING,
    ev.Expired: Code.TIME_OUT,
    ev.TriedAgain: Code.AWAITING,
    ev.GaveUp: Code.CANCELLED_BY_CUSTOMER,
    ev.LinkMade: Code.AWAITING,
    ev.LinkSent: Code.AWAITING,
    ev.LinkCancelled: Code.CANCELLED,
    ev.Confirmed: Code.AWAITING,
    ev.StaffDeclined: Code.INCORRECT_AMOUNT,
}
"""Event → response code, where the event alone decides it."""


def _move(to: St, event: ev.Event) -> Move:
    match event:
        case ev.AttemptFailed(code=code, retry_until_us=until_us):
            return Move(to, code, retry_until_us=until_us)
        case ev.Refused(code=code):
            return Move(to, code)
        case ev.Credited(amount_minor=amount) | ev.StaffAccepted(amount_minor=amount):
            return Move(to, Code.SUCCESS, amount)
        case _:
            return Move(to, _CODES[type(event)])


def _credited(
    payment: Payment, event: ev.Credited, *, settings: ProjectSettings, now_us: int
) -> Decision:
    """Weigh a credit: currency first, then whether the payment is still open, then the sum."""
    if event.currency != payment.currency:
        return Alarm(Reason.WRONG_CURRENCY, held=False)
    if payment.status is St.SUCCESS or payment.held_count:
        # Two sums for one QR are two decisions of a person, even when together they would fit.
        return Alarm(Reason.DOUBLE, held=payment.status is not St.SUCCESS)
    if payment.status in _UNASKED:
        return Alarm(_UNASKED[payment.status], held=False)
    # Who pays what was asked pays enough, though the QR gave a few cents off.
    fits = event.amount_minor in {payment.amount_minor, payment.qr_minor}
    if payment.status is St.DECLINE:
        # Clocks of two processes differ: without patience nothing may look as if it were in time.
        patient = settings.late_accept_us > 0
        in_time = now_us < (payment.finished_us or 0) + settings.late_accept_us
        if fits and patient and in_time:
            return _move(MOVES[payment.status, ev.Credited], event)
        return Alarm(Reason.LATE, held=False)
    if fits or settings.other_amount is OtherAmount.ACCEPT:
        return _move(MOVES[payment.status, ev.Credited], event)
    if settings.other_amount is OtherAmount.DECLINE:
        return Move(MOVES[payment.status, ev.StaffDeclined], Code.INCORRECT_AMOUNT)
    reason = Reason.SHORT if event.amount_minor < payment.qr_minor else Reason.OVER
    return Alarm(reason, held=True)
