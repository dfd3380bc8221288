"""Payment links: made, mailed, confirmed, cancelled, too late; each has effect once."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from sampan.clock import DAY_US
from sampan.domain import reference
from sampan.domain.callback import wire_time
from sampan.domain.codes import Code
from sampan.domain.page_links import PATH, is_token
from sampan.domain.payment import Customer, Payment, Targets
from sampan.domain.statuses import Origin, PaymentStatus, PaymentType
from sampan.errors import Refusal
from sampan.flow import issuing, links, mailing
from sampan.flow import page as hosted
from sampan.flow.links import Link, LinkRequest, Office
from sampan.flow.mailing import Mailroom, Outcome
from sampan.flow.page import PageRequest
from sampan.storage import mails as kept_mails
from sampan.storage import outbox, page_sessions, payments
from sampan.storage.engine import Tx
from sampan.storage.mails import Mail
from sampan.storage.outbox import Task
from sampan.storage.payment_lists import Filter, page
from tests.support.flow_links import (
    LINKS,
    OFFICE,
    OPEN_US,
    ROOM,
    asked,
    cancel,
    confirm,
    create,
    sent,
    standing,
    step,
)
from tests.support.flow_world import PAYLOAD, FlowWorld

SECOND_US: Final = 1_000_000
SHOP: Final = "https://shop.example"
St = PaymentStatus


def begun(flow: FlowWorld) -> Link:
    """Make a link and let the customer confirm it and see the QR."""
    made = create(flow)
    confirm(flow, made.url)
    flow.issue()
    return made


def statuses(flow: FlowWorld) -> list[str]:
    """Return the statuses that the merchant was told, oldest first."""
    return [body["payment"]["status"] for body in flow.bodies()]


def steps(flow: FlowWorld) -> list[tuple[str, str]]:
    """Return type and status of each operation, oldest first."""
    return [(one.type.value, one.status.value) for one in flow.operations()]


def refused(flow: FlowWorld, request: LinkRequest) -> str:
    """Ask for a link that must be refused; return the code."""
    with pytest.raises(Refusal) as caught:
        create(flow, request)
    return caught.value.code


# --- making -----------------------------------------------------------------------------------


def test_a_link_is_a_payment(flow: FlowWorld) -> None:
    """The payment waits for its customer until `best_before`, and has what the request says."""
    request = asked(
        flow,
        description="茶",
        customer=Customer(id="c", email="a@b.hk"),
        targets=Targets(return_success=f"{SHOP}/yes", return_any=f"{SHOP}/back"),
        language="zh-hant",
    )
    made = create(flow, request)
    payment = flow.payment()
    assert made.payment == payment
    assert (payment.status, payment.origin, payment.type) == (
        St.AWAITING_PAYMENT,
        Origin.LINK,
        PaymentType.INVOICE,
    )
    assert payment.best_before_us == payment.decline_us == request.best_before_us
    assert payment.customer == request.customer
    assert (payment.finished_us, payment.display) == (None, None)
    (operation,) = flow.operations()
    assert (operation.type, operation.status) == ("invoice", "awaiting payment")
    assert (operation.request_id, operation.code) == (made.request_id, Code.AWAITING)
    session = standing(flow, made.url).session
    page_request = msgspec.json.decode(session.request, type=PageRequest)
    assert (page_request.description, page_request.language) == ("茶", "zh-hant")
    assert page_request.returns == {
        "merchant_success_url": f"{SHOP}/yes",
        "merchant_fail_url": f"{SHOP}/back",
        "merchant_return_url": f"{SHOP}/back",
    }


def test_the_merchant_is_told_the_address(flow: FlowWorld) -> None:
    """The callback carries the link, which nobody can guess, and until when it is good."""
    made = create(flow)
    (body,) = flow.bodies()
    assert (body["payment"]["status"], body["payment"]["type"]) == ("awaiting payment", "invoice")
    assert (body["operation"]["type"], body["operation"]["status"]) == (
        "invoice",
        "awaiting payment",
    )
    until = wire_time(flow.payment().decline_us)
    assert body["invoice"] == {"payment_link": made.url, "expires_at": until}
    assert made.url.startswith(f"https://pay.example{PATH}/")
    assert is_token(made.url.rpartition("/")[2])
    assert [one.kind for one in flow.callbacks()] == ["link"]


def test_making_stands_in_the_journal(flow: FlowWorld) -> None:
    """The journal says who made the link."""
    made = create(flow, by="staff:amy")
    (entry,) = flow.journal()
    assert (entry.what, entry.by, entry.why) == ("linkmade", "staff:amy", made.request_id)
    assert (entry.status_from, entry.status_to) == (None, "awaiting payment")


def test_no_qr_before_the_customer_confirms(flow: FlowWorld) -> None:
    """Nothing is asked of the provider for an open link."""
    create(flow)
    (operation,) = flow.operations()
    assert flow.do(lambda tx: issuing.asking(tx, flow.project, operation)) is None


def test_a_repeat_makes_nothing(flow: FlowWorld) -> None:
    """The same signed request finds the first link, also after the payment has ended."""
    request = asked(flow)
    first = create(flow, request)
    again = create(flow, request)
    assert (again.request_id, again.url) == (first.request_id, first.url)
    confirm(flow, first.url)
    flow.issue()
    flow.pay()
    flow.clock.advance(OPEN_US)
    late = create(flow, request)
    assert (late.request_id, late.payment.status) == (first.request_id, St.SUCCESS)
    assert len(flow.operations()) == 2


def test_repeats_at_once_make_one(flow: FlowWorld) -> None:
    """The same request twice at the same moment is one link."""
    request = asked(flow)
    made = [step(flow) for _ in range(3)]
    got = flow.together(
        *[
            lambda tx, one=one: links.create(tx, flow.project, request, office=OFFICE, step=one)
            for one in made
        ]
    )
    assert len({one.request_id for one in got if isinstance(one, Link)}) == 1
    assert len([one for one in got if isinstance(one, Link)]) == 3
    assert len(flow.operations()) == len(flow.callbacks()) == 1


class Blind:
    """A transaction that does not see payments when it first looks, as one that was overtaken."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._looks_count = 0

    def one(self, statement: Any, values: Any) -> Any:  # noqa: ANN401 - as the store has it
        """Return a row; none at the first look."""
        self._looks_count += 1
        return None if self._looks_count == 1 else self._tx.one(statement, values)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the store's
        return getattr(self._tx, name)


def test_a_repeat_that_was_overtaken(flow: FlowWorld) -> None:
    """Who finds the id free and comes second is answered as the first was."""
    request = asked(flow)
    first, made = create(flow, request), step(flow)
    again = flow.do(
        lambda tx: links.create(
            Blind(tx),  # type: ignore[arg-type]
            flow.project,
            request,
            office=OFFICE,
            step=made,
        )
    )
    assert (again.request_id, again.url) == (first.request_id, first.url)


@pytest.mark.parametrize("payment_id", ["p-1", "P-1"])
def test_used_payment_id_is_refused(flow: FlowWorld, payment_id: str) -> None:
    """Another request with the id is refused, in whatever case it is written."""
    create(flow)
    other = asked(flow, payment_id, digest="another digest")
    assert refused(flow, other) == Code.PAYMENT_ID_EXISTS


def test_what_is_not_signed_repeats_nothing(flow: FlowWorld) -> None:
    """Staff who use an id a second time are refused, whatever they ask for."""
    request = asked(flow, digest="")
    confirm(flow, create(flow, request).url)
    assert refused(flow, request) == Code.PAYMENT_ID_EXISTS


def test_payment_id_of_a_sale_is_refused(flow: FlowWorld) -> None:
    """What was sold through Gate is no link, and the other way round."""
    flow.sale(digest="of a sale")
    assert refused(flow, asked(flow)) == Code.PAYMENT_ID_EXISTS
    create(flow, asked(flow, "p-2"))
    refusal = flow.refused(lambda: flow.sale("p-2", digest="of a sale"))
    assert refusal is not None
    assert refusal.code == Code.PAYMENT_ID_EXISTS


@pytest.mark.parametrize("from_now_us", [-1, 0, 30 * DAY_US + 1])
def test_best_before_has_bounds(flow: FlowWorld, from_now_us: int) -> None:
    """A link that is over already, or good for more than 30 days, is malformed."""
    made = step(flow)
    request = asked(flow, best_before_us=made.now_us + from_now_us)
    with pytest.raises(Refusal) as caught:
        flow.do(lambda tx: links.create(tx, flow.project, request, office=OFFICE, step=made))
    assert caught.value.code == Code.MALFORMED_REQUEST
    (fault,) = caught.value.faults
    assert fault.field == "payment.best_before"
    assert flow.do(lambda tx: payments.payment_by_id(tx, flow.project.id, "p-1")) is None


@pytest.mark.parametrize("from_now_us", [1, 30 * DAY_US])
def test_best_before_at_its_bounds(flow: FlowWorld, from_now_us: int) -> None:
    """From the next microsecond to 30 days ahead a link is taken."""
    made = step(flow)
    request = asked(flow, best_before_us=made.now_us + from_now_us)
    flow.do(lambda tx: links.create(tx, flow.project, request, office=OFFICE, step=made))
    assert flow.payment().status is St.AWAITING_PAYMENT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "EUR"}, Code.INVALID_CURRENCY),
        ({"amount_minor": 1_000_001}, Code.AMOUNT_GREATER_THAN_LIMIT),
    ],
)
def test_what_the_project_does_not_take(
    flow: FlowWorld, changes: dict[str, Any], code: Code
) -> None:
    """Currency and limits are told by callback; there is no page, and no mail."""
    made = create(flow, asked(flow, send_email=True, **changes))
    assert made.payment == flow.payment()
    assert flow.payment().status is St.ERROR
    (body,) = flow.bodies()
    assert body["payment"]["status"] == body["operation"]["status"] == "error"
    assert [one["code"] for one in body["errors"]] == [code]
    assert "invoice" not in body
    assert flow.do(lambda tx: page_sessions.of_payment_id(tx, 123, "p-1")) == []
    assert [entry.what for entry in flow.journal()] == ["rejected"]


def test_a_payment_in_error_may_be_sent_again(flow: FlowWorld) -> None:
    """What never became a payment keeps no link out, whatever it was; the clock may go back."""
    flow.sale(amount_minor=9_999_999)
    flow.clock.advance(-60 * SECOND_US)
    made = create(flow)
    assert made.payment == flow.payment()
    assert flow.payment().status is St.AWAITING_PAYMENT
    assert steps(flow) == [("sale", "error"), ("invoice", "awaiting payment")]
    flow.clock.advance(120 * SECOND_US)
    confirm(flow, made.url)
    flow.issue()
    flow.pay()
    assert steps(flow) == [
        ("sale", "error"),
        ("invoice", "awaiting payment"),
        ("sale", "success"),
    ]
    assert flow.journal()[1].status_from == "error"


def test_a_link_in_error_may_become_a_sale(flow: FlowWorld) -> None:
    """A payment id whose link failed a check is free for anything."""
    create(flow, asked(flow, amount_minor=9_999_999))
    flow.waiting()
    flow.pay()
    assert (flow.payment().origin, flow.payment().type) == (Origin.GATE, PaymentType.PURCHASE)
    assert steps(flow) == [("invoice", "error"), ("sale", "success")]


def test_links_are_listed(flow: FlowWorld) -> None:
    """Lists know links by their origin, and the open ones as open."""
    create(flow)
    create(flow, asked(flow, "p-2"))
    cancel(flow, "p-2")
    flow.sale("p-3")
    wanted = {
        Filter(origin=Origin.LINK): ["p-2", "p-1"],
        Filter(statuses=(St.AWAITING_PAYMENT, St.PROCESSING)): ["p-3", "p-1"],
        Filter(statuses=(St.INVOICE_CANCELED,)): ["p-2"],
        Filter(statuses=(St.INVOICE_CANCELED, St.AWAITING_PAYMENT)): ["p-2", "p-1"],
    }
    for chosen, ids in wanted.items():
        found = flow.do(lambda tx, chosen=chosen: page(tx, chosen, most=9))  # type: ignore[misc]
        assert [row.payment_id for row in found.rows] == ids


# --- mail -------------------------------------------------------------------------------------


CUSTOMER: Final = Customer(id="c", email="a@b.hk")


def mails(flow: FlowWorld, payment_id: str = "p-1") -> list[tuple[str, str, str]]:
    """Return kind, status and receiver of the mails about a payment, oldest first."""
    key = flow.payment(payment_id).key
    found = flow.do(lambda tx: kept_mails.of_payment(tx, key))
    return [(mail.kind, mail.status, mail.to_address) for mail in found]


def mail_ends(flow: FlowWorld, status: str = "sent") -> None:
    """Let the newest mail about the payment end in this way."""
    key, now_us = flow.payment().key, flow.next_us()

    def end(tx: Tx) -> None:
        mail = kept_mails.of_payment(tx, key)[-1]
        ended = msgspec.structs.replace(mail, status=status, finished_us=now_us)
        assert kept_mails.move(tx, ended, status_from=mail.status)
        links.mail_ended(tx, ended, find_project=lambda _tx, _id: flow.project, office=OFFICE)

    flow.do(end)


def test_mail_that_waits_is_withdrawn(flow: FlowWorld) -> None:
    """A link that is taken back before it was mailed is not mailed at all."""
    create(flow, asked(flow, send_email=True, customer=CUSTOMER))
    assert mails(flow) == [("payment link", "pending", "a@b.hk")]
    cancel(flow)
    cancel(flow)
    assert mails(flow) == [("payment link", "given up", "a@b.hk")]


def tried(flow: FlowWorld) -> tuple[Task, Mail]:
    """Claim the first mail about the payment and begin to send it."""
    key, now_us = flow.payment().key, flow.next_us()

    def work(tx: Tx) -> tuple[Task, Mail]:
        first = kept_mails.of_payment(tx, key)[0].id
        lane, until_us = mailing.LANE, now_us + SECOND_US
        due = outbox.claim(
            tx, mailing.KIND, lane=lane, now_us=now_us, lease_until_us=until_us, most=9
        )
        task = next(one for one in due if one.subject == first)
        mail = mailing.begin(tx, task, now_us=now_us)
        assert mail is not None
        return task, mail

    return flow.do(work)


@pytest.mark.parametrize("died", [False, True])
def test_mail_on_its_way_at_the_end(flow: FlowWorld, died: bool) -> None:  # noqa: FBT001 - a column
    """A link that is cancelled while its mail is tried is not mailed after its end was."""
    create(flow, asked(flow, send_email=True, customer=CUSTOMER))
    task, mail = tried(flow)
    cancel(flow)
    assert [status for _, status, _ in mails(flow)] == ["sending", "pending"]
    if not died:
        later, now_us = Outcome(is_sent=False, note="later: 450"), flow.next_us()
        flow.do(lambda tx: mailing.finish(tx, task, mail, outcome=later, now_us=now_us, jitter=0))
    flow.clock.advance(60 * SECOND_US)
    _, ended = tried(flow)
    assert (ended.status, ended.note.partition(":")[0]) == ("given up", mailing.ENDED)
    assert [status for _, status, _ in mails(flow)] == ["given up", "pending"]


def test_mail_of_the_end(flow: FlowWorld) -> None:
    """Who got the link by mail gets its end by mail, once, in the language of the first."""
    create(flow, asked(flow, send_email=True, customer=CUSTOMER, language="zh-hant"))
    mail_ends(flow)
    assert statuses(flow) == ["awaiting payment", "invoice sent"]
    cancel(flow)
    cancel(flow)
    assert mails(flow) == [
        ("payment link", "sent", "a@b.hk"),
        ("payment link cancelled", "pending", "a@b.hk"),
    ]
    key = flow.payment().key
    found = flow.do(lambda tx: kept_mails.of_payment(tx, key))
    assert [mail.language for mail in found] == ["zh-hant", "zh-hant"]
    mail_ends(flow)
    assert statuses(flow)[2:] == ["invoice canceled"]


def test_mail_that_is_given_up(flow: FlowWorld) -> None:
    """A mail that nobody could take sends no link."""
    create(flow, asked(flow, send_email=True, customer=CUSTOMER))
    mail_ends(flow, "given up")
    assert statuses(flow) == ["awaiting payment"]


def test_nobody_asked_for_mail(flow: FlowWorld) -> None:
    """Without the wish there is no mail, and none about the end."""
    create(flow, asked(flow, customer=CUSTOMER))
    cancel(flow)
    assert mails(flow) == []


def test_mail_is_off(flow: FlowWorld) -> None:
    """Without a mail server the wish changes nothing: the merchant has the address."""
    office = Office(LINKS, Mailroom(ROOM.vault, is_on=False))
    made = step(flow)
    request = asked(flow, send_email=True, customer=CUSTOMER)
    flow.do(lambda tx: links.create(tx, flow.project, request, office=office, step=made))
    assert mails(flow) == []


def test_a_sent_link_is_told(flow: FlowWorld) -> None:
    """When the mail has gone the merchant is told once, with the same address."""
    made = create(flow)
    assert sent(flow)
    assert not sent(flow)
    assert statuses(flow) == ["awaiting payment", "invoice sent"]
    assert flow.bodies()[1]["invoice"] == flow.bodies()[0]["invoice"]
    assert steps(flow) == [("invoice", "invoice sent")]
    confirm(flow, made.url)
    assert steps(flow) == [("invoice", "invoice sent"), ("sale", "processing")]


def test_mail_that_comes_late(flow: FlowWorld) -> None:
    """A customer who was told otherwise and has confirmed makes the mail no news."""
    begun(flow)
    assert not sent(flow)
    assert statuses(flow) == ["awaiting payment"]


def test_what_an_answer_says_of_a_link(flow: FlowWorld) -> None:
    """Status answers carry the address as long as the link is open."""

    def told(payment: Payment) -> dict[str, Any]:
        return links.members(LINKS, payment)

    made = create(flow)
    assert told(flow.payment())["invoice"]["payment_link"] == made.url
    sent(flow)
    assert told(flow.payment())["invoice"]["payment_link"] == made.url
    cancel(flow)
    assert told(flow.payment()) == {}


# --- confirming -------------------------------------------------------------------------------


def test_the_customer_confirms_and_pays(flow: FlowWorld) -> None:
    """A sale with a request id of its own begins; the link's operation rests where it was."""
    made = create(flow)
    assert standing(flow, made.url).operation == flow.operations()[0]
    confirm(flow, made.url)
    payment = flow.payment()
    assert (payment.status, payment.attempts_count) == (St.PROCESSING, 1)
    assert payment.decline_us == payment.updated_us + 900 * SECOND_US
    invoice, sale = flow.operations()
    assert (sale.type, sale.status, sale.amount_minor) == ("sale", "processing", 10_000)
    assert sale.request_id not in {"", invoice.request_id}
    flow.issue()
    assert flow.payment().status is St.AWAITING_CUSTOMER_ACTION
    display = flow.payment().display
    assert display is not None
    assert display.payload == PAYLOAD
    flow.pay()
    assert statuses(flow) == ["awaiting payment", "success"]
    final = flow.bodies()[1]
    assert (final["payment"]["type"], final["operation"]["type"]) == ("invoice", "sale")
    assert "invoice" not in final
    assert steps(flow) == [("invoice", "awaiting payment"), ("sale", "success")]
    assert standing(flow, made.url).operation == flow.operations()[1]


def test_confirming_again_begins_nothing(flow: FlowWorld) -> None:
    """A second press, and one at the same moment on another device, find the one payment."""
    made = create(flow)
    session = standing(flow, made.url).session
    request = msgspec.json.decode(session.request, type=PageRequest)
    many = [step(flow, "customer") for _ in range(4)]
    flow.together(
        *[
            lambda tx, one=one: hosted.start(tx, flow.project, session, request=request, step=one)
            for one in many
        ]
    )
    confirm(flow, made.url)
    assert steps(flow) == [("invoice", "awaiting payment"), ("sale", "processing")]


def test_the_callback_with_the_qr(flow: FlowWorld) -> None:
    """A project may have the callback with the QR of links, too, in its place."""
    flow.set(page_intermediate_callback=True)
    begun(flow)
    assert statuses(flow) == ["awaiting payment", "awaiting customer action"]
    assert [one.kind for one in flow.callbacks()] == ["link", "link"]
    assert "invoice" not in flow.bodies()[1]


def test_trying_again(flow: FlowWorld) -> None:
    """After a failed attempt a link is tried again as any payment of the page."""
    flow.set(retry_attempts_max=1)
    begun(flow)
    flow.refuse()
    assert flow.payment().status is St.AWAITING_CUSTOMER
    flow.try_again()
    flow.issue()
    flow.refuse(notice_id="N2")
    assert steps(flow) == [
        ("invoice", "awaiting payment"),
        ("sale", "decline"),
        ("sale", "decline"),
    ]
    assert statuses(flow) == ["awaiting payment", "awaiting customer", "decline"]


def test_the_qr_does_not_outlive_the_link(flow: FlowWorld) -> None:
    """Who confirms late has a QR until `best_before`, and no longer."""
    made = create(flow)
    flow.clock.advance(OPEN_US - 60 * SECOND_US)
    confirm(flow, made.url)
    payment, sale = flow.payment(), flow.operations()[1]
    order = flow.do(lambda tx: issuing.asking(tx, flow.project, sale))
    assert order is not None
    assert order.order.expires_us == payment.best_before_us
    # The bank's late notice keeps its minutes.
    assert payment.best_before_us is not None
    assert payment.decline_us > payment.best_before_us


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"enabled": False}, Code.NOT_ALLOWED_BY_PROJECT),
        ({"hkd_amount_max": 9_999}, Code.AMOUNT_GREATER_THAN_LIMIT),
    ],
)
def test_what_the_project_no_longer_takes(
    flow: FlowWorld, settings: dict[str, Any], code: Code
) -> None:
    """A link that was made before a limit begins no payment against it, and stays open."""
    made = create(flow)
    flow.set(**settings)
    refusal = flow.refused(lambda: confirm(flow, made.url))
    assert refusal is not None
    assert refusal.code == code
    assert flow.payment().status is St.AWAITING_PAYMENT
    assert len(flow.operations()) == 1


# --- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mailed", [False, True])
def test_a_link_expires(flow: FlowWorld, mailed: bool) -> None:  # noqa: FBT001 - a column of the table
    """When `best_before` passes unconfirmed the link is over, and the merchant is told."""
    made = create(flow)
    if mailed:
        sent(flow)
    payment = flow.payment()
    flow.clock.advance(payment.decline_us - flow.clock.now_us() - 2)
    flow.expire()
    assert flow.payment() == payment
    flow.expire()
    assert flow.payment().status is St.EXPIRED
    assert flow.payment().finished_us == payment.best_before_us
    assert steps(flow) == [("invoice", "expired")]
    body = flow.bodies()[-1]
    assert (body["payment"]["status"], body["operation"]["code"]) == ("expired", Code.TIME_OUT)
    assert "invoice" not in body
    assert flow.callbacks()[-1].kind == "final"
    confirm(flow, made.url)
    assert flow.payment().status is St.EXPIRED
    assert len(flow.operations()) == 1


def test_confirming_before_the_janitor_comes(flow: FlowWorld) -> None:
    """A link whose time is over begins nothing, though nobody has ended it yet."""
    made = create(flow)
    flow.clock.advance(OPEN_US)
    confirm(flow, made.url)
    assert flow.payment().status is St.AWAITING_PAYMENT
    assert len(flow.operations()) == 1


@pytest.mark.parametrize("mailed", [False, True])
def test_a_link_is_cancelled(flow: FlowWorld, mailed: bool) -> None:  # noqa: FBT001 - as above
    """Before the customer confirms a link is taken back; doing it again changes nothing."""
    made = create(flow)
    if mailed:
        sent(flow)
    assert cancel(flow) == made.request_id
    told = len(flow.callbacks())
    assert cancel(flow) == made.request_id
    assert len(flow.callbacks()) == told
    assert flow.payment().status is St.INVOICE_CANCELED
    assert steps(flow) == [("invoice", "invoice canceled")]
    body = flow.bodies()[-1]
    assert body["payment"]["status"] == "invoice canceled"
    assert (body["operation"]["code"], body["operation"]["message"]) == ("301", "Cancelled")
    entry = flow.journal()[-1]
    assert (entry.what, entry.by, entry.why) == ("linkcancelled", "staff:amy", "sold out")
    confirm(flow, made.url)
    assert flow.payment().status is St.INVOICE_CANCELED
    flow.clock.advance(OPEN_US)
    assert flow.expire() == 0


def test_what_cannot_be_cancelled(flow: FlowWorld) -> None:
    """A confirmed, paid, declined, expired or failed link, and what is no link, stays as it is."""
    begun(flow)
    flow.sale("no-link")
    create(flow, asked(flow, "failed", amount_minor=9_999_999))
    create(flow, asked(flow, "over"))

    def refusal(payment_id: str) -> tuple[str, int] | None:
        found = flow.refused(lambda: cancel(flow, payment_id))
        return None if found is None else (found.code, found.http_status)

    assert refusal("p-1") == (Code.STATUS_FORBIDS, 400)
    flow.pay()
    assert refusal("p-1") == (Code.STATUS_FORBIDS, 400)
    assert refusal("no-link") == (Code.STATUS_FORBIDS, 400)
    assert refusal("failed") == (Code.STATUS_FORBIDS, 400)
    flow.clock.advance(OPEN_US + 1)
    flow.expire()
    assert refusal("over") == (Code.STATUS_FORBIDS, 400)
    assert refusal("unknown") == (Code.NOT_FOUND, 404)


def test_cancelled_or_confirmed_at_once(flow: FlowWorld) -> None:
    """Of a merchant who cancels and a customer who confirms at one moment, one has it."""
    made = create(flow)
    session = standing(flow, made.url).session
    request = msgspec.json.decode(session.request, type=PageRequest)
    confirms, cancels = step(flow, "customer"), step(flow)
    flow.together(
        lambda tx: hosted.start(tx, flow.project, session, request=request, step=confirms),
        lambda tx: links.cancel(tx, flow.project, "p-1", office=OFFICE, step=cancels),
    )
    assert steps(flow) in (
        [("invoice", "invoice canceled")],
        [("invoice", "awaiting payment"), ("sale", "processing")],
    )


def test_money_that_names_a_link(flow: FlowWorld) -> None:
    """Nobody was shown a QR: a credit that guessed the link's operation belongs to nothing."""
    create(flow)
    number = flow.operations()[0].id
    flow.pay(reference=reference.encode(number))
    assert flow.payment().status is St.AWAITING_PAYMENT
    assert flow.credit_statuses() == ["unapplied"]
    assert flow.credits()[0].payment is None


def test_staff_do_not_decline_a_link(flow: FlowWorld) -> None:
    """There is nothing to decline before a QR; a link is cancelled."""
    create(flow)
    assert flow.refused(flow.decline) is not None
    assert flow.refused(flow.accept) is not None
