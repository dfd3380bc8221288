"""A payment's whole story on one time line. Pure: what is known goes in, what is told comes out.

Texts are marked for the catalogues, with their values beside them, so the line is the same in every
language. Whatever comes from outside is cut to a size that a page can carry.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from sampan.domain import codes, reference
from sampan.domain.machine import Reason
from sampan.domain.payment import Operation, Payment
from sampan.domain.statuses import FINAL
from sampan.flow.refund_records import ALARM_BEGINS
from sampan.storage.callbacks import Attempt, Callback
from sampan.storage.credits import Credit
from sampan.storage.journal import Entry
from sampan.web.i18n import mark, money_text

STAFF: Final = "staff:"
ANSWER_CHARS_MAX: Final = 400
BODY_CHARS_MAX: Final = 6_000
VALUE_CHARS_MAX: Final = 160
WHY_CHARS_MAX: Final = 600
_OK: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is kept about a payment, each part oldest first.

    `people`: e-mail → name. `accounts`: provider and account → name, of those that have one.
    """

    payment: Payment
    operations: Sequence[Operation] = ()
    entries: Sequence[Entry] = ()
    credits: Sequence[Credit] = ()
    callbacks: Sequence[Callback] = ()
    attempts: Sequence[Attempt] = ()
    people: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """A detail: its name, and its value as it stands; `us` is a moment in place of the value."""

    name: str
    value: str = ""
    us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened. `text` is marked and takes `values`; `actor` is marked, too.

    `person` is who of the staff did it, `status` what the payment became by it. `texts` are long:
    they are shown when somebody asks for them. `callback` is the id of a callback to look at.
    """

    at_us: int
    text: str
    values: Mapping[str, str] = field(default_factory=dict)
    tone: str = "idle"
    actor: str = ""
    person: str = ""
    why: str = ""
    status: str = ""
    facts: Sequence[Fact] = ()
    texts: Sequence[tuple[str, str]] = ()
    callback: int | None = None


EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    "accepted": (mark("The payment was asked for"), "busy"),
    "rejected": (mark("The payment was asked for and not started"), "bad"),
    "issued": (mark("The QR code was made; the shop shows it"), "busy"),
    "issuedredirect": (mark("The QR code was made; the Payment Page shows it"), "busy"),
    "refused": (mark("The bank or the customer refused"), "bad"),
    "credited": (mark("The money fits: the payment is paid"), "good"),
    "expired": (mark("Nobody paid in time"), "bad"),
    "attemptfailed": (mark("The attempt failed; the customer may try again"), "busy"),
    "triedagain": (mark("The customer tries again"), "busy"),
    "linkmade": (mark("The payment link was made"), "busy"),
    "linksent": (mark("The payment link was mailed to the customer"), "busy"),
    "linkcancelled": (mark("The payment link was taken back"), "idle"),
    "confirmed": (mark("The customer opened the link and wants to pay"), "busy"),
    "gaveup": (mark("The customer went back to the shop without paying"), "bad"),
    "staffaccepted": (mark("The money that came was taken as the payment"), "good"),
    "staffdeclined": (mark("The payment was declined by hand"), "bad"),
    "credit returned": (mark("Money that did not fit was sent back"), "idle"),
    "credit split": (mark("Money that came was split"), "idle"),
    "credit ignored": (mark("Money that came was set aside: it is no payment"), "idle"),
    "credit merged": (mark("Money turned out to be the same as an entry by hand"), "idle"),
    "credit entered": (mark("Money was entered by hand"), "idle"),
    "decision taken back": (mark("A decision about money was taken back"), "idle"),
    "decision proposed": (mark("A decision about money was proposed"), "busy"),
    "decision approved": (mark("A second person approved"), "good"),
    "decision refused": (mark("A second person did not approve"), "idle"),
    "decision withdrawn": (mark("A proposal was withdrawn"), "idle"),
    "callback resent": (mark("A callback was sent again by hand"), "idle"),
    "refund approved": (mark("Money is to be paid back"), "busy"),
    "refund exported": (mark("The refund stands in a file for the bank"), "busy"),
    "refund confirmed": (mark("The refund was paid"), "good"),
    "refund failed": (mark("The refund was not paid, or its money came back"), "bad"),
    "refund withdrawn": (mark("The refund was withdrawn"), "idle"),
    "refund refused": (mark("A refund was asked for; FPS knows none"), "bad"),
}
"""What stands in the journal → its sentence and tone."""

ALARMS: Final[Mapping[str, str]] = {
    Reason.SHORT: mark("Less came than was asked for: a person must decide"),
    Reason.OVER: mark("More came than was asked for: a person must decide"),
    Reason.LATE: mark("Money came after the payment was declined"),
    Reason.DOUBLE: mark("Money came once more"),
    Reason.WRONG_CURRENCY: mark("Money came in another currency"),
    Reason.NOT_STARTED: mark("Money came for a payment that was not started"),
    Reason.NO_QR: mark("Money came though no QR code was made"),
}
ALARM: Final = mark("Money came that does not fit: %(what)s")
REFUND_ALARM: Final = mark("The bank told of a refund what does not fit: %(what)s")
OTHER: Final = mark("In the journal: %(what)s")

ACTORS: Final[Mapping[str, str]] = {
    "merchant": mark("the shop"),
    "customer": mark("the customer"),
    "provider": mark("the bank"),
    "bank": mark("the bank"),
    "clock": mark("the clock"),
    "mail": mark("the mail server"),
}


def line(past: Past, *, now_us: int) -> list[Moment]:
    """Return everything that happened to a payment, the oldest first.

    What happened at one moment stands in the order of its causes: a request before its operation,
    money before what it did, and callbacks after what they tell.
    """
    begun = [entry for entry in past.entries if entry.what in _BEGINNINGS]
    others = [entry for entry in past.entries if entry.what not in _BEGINNINGS]
    told = [
        *_entries(past, begun),
        *_credits(past),
        *_entries(past, others),
        *_operations(past),
        *_display(past, now_us),
        *_callbacks(past),
    ]
    # The sort is stable, so the order above decides between equal times.
    return sorted(told, key=lambda moment: moment.at_us)


def people_of(entries: Sequence[Entry]) -> list[str]:
    """Return the e-mail addresses of the staff in a journal, each once."""
    by = (entry.by for entry in entries if entry.by.startswith(STAFF))
    return list(dict.fromkeys(one.removeprefix(STAFF) for one in by))


def cut(text: str, most: int) -> str:
    """Return at most so many characters of a text, and a mark where something is left out."""
    return text if len(text) <= most else f"{text[:most]} …"


def body_text(body: str) -> str:
    """Return a callback's JSON for reading: set out in lines, pictures and the like cut short."""
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return cut(body, BODY_CHARS_MAX)
    return cut(json.dumps(_shortened(told), indent=2, ensure_ascii=False), BODY_CHARS_MAX)


def code_text(code: str) -> str:
    """Return a response code with its message."""
    return f"{code} {codes.message(code)}" if code else ""


def _shortened(value: Any) -> Any:  # noqa: ANN401 - JSON of whatever shape
    if isinstance(value, str):
        return cut(value, VALUE_CHARS_MAX)
    if isinstance(value, dict):
        return {name: _shortened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shortened(member) for member in value]
    return value


_BEGINNINGS: Final = frozenset({"accepted", "rejected", "triedagain", "linkmade", "confirmed"})
_ENDINGS: Final = frozenset({"attemptfailed", "refund refused"})


def _entries(past: Past, entries: Sequence[Entry]) -> Iterator[Moment]:
    newest = {entry.operation: entry for entry in past.entries}
    operations = {operation.id: operation for operation in past.operations}
    for entry in entries:
        if entry.what == "alarm":
            known = ALARMS.get(entry.why)
            alarm = REFUND_ALARM if entry.why.startswith(ALARM_BEGINS) else ALARM
            text, tone, values = known or alarm, "bad", {} if known else {"what": entry.why}
        else:
            text, tone = EVENTS.get(entry.what, (OTHER, "idle"))
            values = {"what": cut(entry.what, VALUE_CHARS_MAX)} if text is OTHER else {}
        staff = entry.by.startswith(STAFF)
        email = entry.by.removeprefix(STAFF)
        operation = operations.get(entry.operation or 0)
        # A sale that staff ended has its last code, but no row of its own that says so.
        ends = entry.status_to in FINAL or entry.what in _ENDINGS
        ended = operation is not None and ends and newest[operation.id] is entry
        moved = entry.status_to if entry.status_to != entry.status_from else None
        yield Moment(
            at_us=entry.at_us,
            text=text,
            values=values,
            tone=tone,
            actor=ACTORS.get(entry.by, ""),
            person=_person(past, email) if staff else "" if entry.by in ACTORS else entry.by,
            why=cut(entry.why, WHY_CHARS_MAX) if staff else "",
            status=moved or "",
            facts=[Fact(mark("Response code"), code_text(operation.code))]
            if ended and operation
            else [],
        )


def _person(past: Past, email: str) -> str:
    name = past.people.get(email, "")
    return f"{name} ({email})" if name else email


def _operations(past: Past) -> Iterator[Moment]:
    for one in past.operations:
        facts = [Fact(mark("Operation id"), str(one.id))]
        if one.type == "sale":
            facts.append(Fact(mark("Reference in the QR code"), reference.encode(one.id)))
        if one.request_id:
            facts.append(Fact(mark("Request id"), one.request_id))
        if one.provider_ref:
            facts.append(Fact(mark("The bank's id"), cut(one.provider_ref, VALUE_CHARS_MAX)))
        amount = money_text(one.amount_minor, one.currency)
        text = _BEGUN.get(one.type, _BEGUN["sale"])
        yield Moment(at_us=one.created_us, text=text, values={"amount": amount}, facts=facts)


_BEGUN: Final[Mapping[str, str]] = {
    "sale": mark("Operation: sale of %(amount)s"),
    "invoice": mark("Operation: payment link over %(amount)s"),
    "refund": mark("Operation: refund of %(amount)s"),
    "manual change": mark("Operation: decision of staff, over %(amount)s"),
}


def _display(past: Past, now_us: int) -> Iterator[Moment]:
    """Tell when the QR code that was shown last ran out, if nobody had paid by then."""
    payment = past.payment
    if payment.display is None or payment.display.expires_us > now_us:
        return
    ends_us = payment.display.expires_us
    if payment.finished_us is None or payment.finished_us > ends_us:
        yield Moment(at_us=ends_us, text=mark("The QR code ran out"), actor=ACTORS["clock"])


def _credits(past: Past) -> Iterator[Moment]:
    for credit in past.credits:
        account = (credit.provider, credit.account)
        facts = [
            Fact(mark("Booked by the bank"), us=credit.booked_us),
            Fact(mark("The bank's id"), cut(credit.bank_txn_id, VALUE_CHARS_MAX)),
            Fact(
                mark("Account"), cut(past.accounts.get(account, " ".join(account)), VALUE_CHARS_MAX)
            ),
            Fact(mark("Payer"), cut(credit.payer_name, VALUE_CHARS_MAX)),
            Fact(mark("Reference"), cut(credit.reference, VALUE_CHARS_MAX)),
        ]
        yield Moment(
            at_us=credit.received_us,
            text=mark("%(amount)s arrived"),
            values={"amount": money_text(credit.amount_minor, credit.currency)},
            tone="good" if credit.status == "applied" else "busy",
            actor=ACTORS["bank"],
            facts=[fact for fact in facts if fact.value or fact.us is not None],
        )


def _callbacks(past: Past) -> Iterator[Moment]:
    for callback in past.callbacks:
        facts = [Fact(mark("Address"), cut(callback.url, VALUE_CHARS_MAX))] if callback.url else []
        if callback.note:
            facts.append(Fact(mark("Note"), cut(callback.note, VALUE_CHARS_MAX)))
        yield Moment(
            at_us=callback.created_us,
            text=_WRITTEN.get(callback.kind, _WRITTEN["final"]),
            facts=facts,
            texts=[(mark("What is sent"), body_text(callback.body))],
            callback=callback.id,
        )
    for attempt in past.attempts:
        yield _attempt(attempt)


_WRITTEN: Final[Mapping[str, str]] = {
    "intermediate": mark("A callback was written: what the customer is shown"),
    "final": mark("A callback was written: the result"),
    "error": mark("A callback was written: the error"),
    "refund": mark("A callback was written: the refund"),
    "link": mark("A callback was written: the payment link"),
}


def _attempt(attempt: Attempt) -> Moment:
    taken = attempt.http_status in _OK
    facts = [
        Fact(mark("Callback"), str(attempt.callback)),
        Fact(mark("Address"), cut(attempt.url, VALUE_CHARS_MAX)),
    ]
    if attempt.http_status is not None:
        facts.append(Fact(mark("Answer"), f"HTTP {attempt.http_status}"))
        facts.append(Fact(mark("Took"), f"{attempt.duration_ms} ms"))
    if attempt.error:
        facts.append(Fact(mark("Error"), cut(attempt.error, ANSWER_CHARS_MAX)))
    answer = cut(attempt.answer, ANSWER_CHARS_MAX)
    return Moment(
        at_us=attempt.at_us,
        text=(
            mark("Callback delivered at try %(number)s")
            if taken
            else mark("Callback not delivered at try %(number)s")
        ),
        values={"number": str(attempt.number)},
        tone="good" if taken else "bad",
        facts=facts,
        texts=[(mark("What the shop answered"), answer)] if answer else [],
        callback=attempt.callback,
    )
