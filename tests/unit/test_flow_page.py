"""What customers do on the Payment Page: open, start, try again, go away; each has effect once."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from sampan.clock import DAY_US
from sampan.domain import texts
from sampan.domain.codes import Code
from sampan.domain.page_links import PATH, TOKEN_CHARS, PageLinks, is_token
from sampan.domain.payment import Customer, Targets
from sampan.domain.project import Flow
from sampan.domain.statuses import Origin, PaymentStatus
from sampan.errors import Refusal
from sampan.flow import issuing
from sampan.flow import page as hosted
from sampan.flow.page import PageRequest, Standing
from sampan.flow.sale import new_request_id
from sampan.flow.settle import Step
from sampan.storage import page_sessions
from sampan.storage.engine import Tx
from sampan.storage.page_sessions import PageSession
from tests.support.flow_world import FlowWorld

SECOND_US: Final = 1_000_000
SHOP: Final = "https://shop.example"
LINKS: Final = PageLinks("https://pay.example", "a secret of links")
St = PaymentStatus


def asked(payment_id: str = "p-1", **changes: Any) -> PageRequest:  # noqa: ANN401 - fields of every type
    """Return a request for a page over HK$100.00, changed as told."""
    values: dict[str, Any] = {
        "payment_id": payment_id,
        "amount_minor": 10_000,
        "currency": "HKD",
        "customer": Customer(id="customer1"),
    }
    return PageRequest(**(values | changes))


def session_of(flow: FlowWorld, request: PageRequest) -> PageSession:
    """Return the session that a request would have."""
    text = msgspec.json.encode(request).decode()
    return PageSession(
        token=LINKS.token(flow.project.id, text),
        project_id=flow.project.id,
        payment_id=request.payment_id,
        digest=text,
        request=text,
        payment=None,
        created_us=flow.next_us(),
    )


def opened(flow: FlowWorld, request: PageRequest) -> PageSession:
    """Open a page."""
    session = session_of(flow, request)
    return flow.do(lambda tx: hosted.open_page(tx, session))


def step(flow: FlowWorld) -> Step:
    """Return a customer's step, with a request id of its own."""
    return Step(flow.next_us(), "customer", new_request_id(flow.clock, flow.project.id))


def start(flow: FlowWorld, session: PageSession, request: PageRequest) -> PageSession:
    """Start the payment of a page."""
    made = step(flow)
    return flow.do(lambda tx: hosted.start(tx, flow.project, session, request=request, step=made))


def started(flow: FlowWorld, request: PageRequest | None = None) -> PageSession:
    """Open a page, start its payment and show the QR."""
    wanted = request or asked()
    session = start(flow, opened(flow, wanted), wanted)
    flow.issue(wanted.payment_id)
    return session


def try_again(flow: FlowWorld, payment_id: str = "p-1") -> bool:
    """Let the customer press the button."""
    payment, made = flow.payment(payment_id), step(flow)
    return flow.do(lambda tx: hosted.try_again(tx, flow.project, payment, step=made))


def leave(flow: FlowWorld) -> None:
    """Let the customer go back to the shop."""
    payment, made = flow.payment(), step(flow)
    flow.do(lambda tx: hosted.give_up(tx, flow.project, payment, step=made))


def kept(flow: FlowWorld, token: str) -> PageSession | None:
    """Return a session as it is kept."""
    return flow.do(lambda tx: page_sessions.find(tx, token))


def standing(flow: FlowWorld, token: str) -> Standing | None:
    """Return where a page stands."""
    return flow.do(lambda tx: hosted.standing(tx, token))


def refused_start(flow: FlowWorld, session: PageSession, request: PageRequest) -> str:
    """Start a page that must not start; return the code of the refusal."""
    with pytest.raises(Refusal) as caught:
        start(flow, session, request)
    return caught.value.code


# --- opening --------------------------------------------------------------------------------


def test_open_keeps_the_request_and_starts_nothing(flow: FlowWorld) -> None:
    """A page that is only opened is no payment."""
    session = opened(flow, asked())
    assert kept(flow, session.token) == session
    assert standing(flow, session.token) == Standing(session=session)
    assert flow.do(lambda tx: page_sessions.of_payment_id(tx, 123, "P-1")) == [session]


def test_open_again_finds_the_first(flow: FlowWorld) -> None:
    """The same request opens the same page, also once its payment has begun or ended."""
    first = opened(flow, asked())
    assert opened(flow, asked()) == first
    begun = start(flow, first, asked())
    flow.issue()
    assert opened(flow, asked()) == begun
    flow.pay()
    assert opened(flow, asked()) == begun


def test_open_twice_at_once(flow: FlowWorld) -> None:
    """Two browsers that open one request at once get one session."""
    one, two = session_of(flow, asked()), session_of(flow, asked())
    got = flow.together(lambda tx: hosted.open_page(tx, one), lambda tx: hosted.open_page(tx, two))
    assert [session.token for session in got if isinstance(session, PageSession)] == [
        one.token,
        one.token,
    ]
    assert len(flow.do(lambda tx: page_sessions.of_payment_id(tx, 123, "p-1"))) == 1


@pytest.mark.parametrize("payment_id", ["p-1", "P-1"])
def test_used_payment_id_is_refused(flow: FlowWorld, payment_id: str) -> None:
    """A payment id that has begun belongs to its request, in whatever case it is written."""
    started(flow)
    session = session_of(flow, asked(payment_id, amount_minor=9_900))
    refusal = flow.refused(lambda: flow.do(lambda tx: hosted.open_page(tx, session)))
    assert refusal is not None
    assert refusal.code == Code.PAYMENT_ID_EXISTS
    assert kept(flow, session.token) is None


def test_payment_id_of_gate_is_refused(flow: FlowWorld) -> None:
    """What was asked for through Gate is no page."""
    flow.sale()
    session = session_of(flow, asked())
    refusal = flow.refused(lambda: flow.do(lambda tx: hosted.open_page(tx, session)))
    assert refusal is not None
    assert refusal.code == Code.PAYMENT_ID_EXISTS


def test_payment_in_error_may_be_asked_for_anew(flow: FlowWorld) -> None:
    """What never became a payment keeps nobody out: a right request takes its place."""
    flow.sale(amount_minor=9_999_999)
    assert flow.payment().status is St.ERROR
    session = started(flow)
    assert flow.payment().status is St.AWAITING_CUSTOMER_ACTION
    assert session.payment == flow.payment().key


# --- starting -------------------------------------------------------------------------------


def test_start_makes_the_payment(flow: FlowWorld) -> None:
    """The payment has what the request says, comes from the page, and is the session's."""
    until_us = flow.clock.now_us() + DAY_US
    request = asked(
        description="茶",
        merchant_data="cart=7",
        customer=Customer(id="c", first_name="大文", ip_address="198.51.100.47"),
        targets=Targets(callback_url=f"{SHOP}/told"),
        best_before_us=until_us,
    )
    session = start(flow, opened(flow, request), request)
    payment = flow.payment()
    assert (payment.status, payment.origin) == (St.PROCESSING, Origin.PAGE)
    assert (payment.description, payment.merchant_data) == ("茶", "cart=7")
    assert (payment.customer, payment.targets) == (request.customer, request.targets)
    assert (payment.amount_minor, payment.best_before_us) == (10_000, until_us)
    assert session.payment == payment.key
    assert kept(flow, session.token) == session
    assert flow.callbacks() == []


def test_start_again_starts_nothing(flow: FlowWorld) -> None:
    """A second press, a reload, another device: there is one payment with one sale."""
    request = asked()
    session = opened(flow, request)
    first = start(flow, session, request)
    assert start(flow, session, request) == first
    flow.issue()
    flow.pay()
    flow.set(enabled=False)
    assert start(flow, session, request) == first
    assert len(flow.operations()) == 1


def test_start_at_once(flow: FlowWorld) -> None:
    """Many presses at the same moment are one."""
    request = asked()
    session = opened(flow, request)
    steps = [step(flow) for _ in range(8)]
    got = flow.together(
        *[
            lambda tx, made=made: hosted.start(
                tx, flow.project, session, request=request, step=made
            )
            for made in steps
        ]
    )
    key = flow.payment().key
    assert [one.payment for one in got if isinstance(one, PageSession)] == [key] * len(steps)
    assert len(flow.operations()) == 1
    assert flow.operations()[0].request_id in {made.why for made in steps}


def test_start_of_a_cancelled_page(flow: FlowWorld) -> None:
    """What the shop has cancelled does not start, though the page is still open somewhere."""
    request = asked()
    session = opened(flow, request)
    cancelled_us = flow.next_us()
    flow.do(lambda tx: page_sessions.cancel(tx, 123, "p-1", now_us=cancelled_us))
    assert refused_start(flow, session, request) == Code.STATUS_FORBIDS
    found = kept(flow, session.token)
    assert found is not None
    assert (found.payment, found.cancelled_us) == (None, cancelled_us)


def timed(flow: FlowWorld, *, left_us: int) -> tuple[PageSession, PageRequest]:
    """Open a page with a limit, and let time pass until its next step has so much left."""
    until_us = flow.clock.now_us() + 60 * SECOND_US
    request = asked(best_before_us=until_us)
    session = opened(flow, request)
    flow.clock.advance(until_us - left_us - flow.clock.now_us() - 1)
    return session, request


@pytest.mark.parametrize("left_us", [0, -1, -DAY_US])
def test_start_when_its_time_is_over(flow: FlowWorld, left_us: int) -> None:
    """From `best_before` on nothing starts."""
    session, request = timed(flow, left_us=left_us)
    assert refused_start(flow, session, request) == Code.STATUS_FORBIDS


def test_start_in_the_last_moment(flow: FlowWorld) -> None:
    """Just before `best_before` it still starts."""
    session, request = timed(flow, left_us=1)
    assert start(flow, session, request).payment is not None


def test_start_in_a_project_that_is_switched_off(flow: FlowWorld) -> None:
    """A project that takes no payments starts none, until it does again."""
    request = asked()
    session = opened(flow, request)
    flow.set(enabled=False)
    assert refused_start(flow, session, request) == Code.NOT_ALLOWED_BY_PROJECT
    flow.set(enabled=True)
    assert start(flow, session, request).payment is not None


def test_another_request_was_faster(flow: FlowWorld) -> None:
    """Of two requests for one payment id the first to start has it."""
    first, second = asked(), asked("P-1", amount_minor=9_900)
    one, two = opened(flow, first), opened(flow, second)
    start(flow, two, second)
    assert refused_start(flow, one, first) == Code.PAYMENT_ID_EXISTS
    assert flow.payment().amount_minor == 9_900
    found = kept(flow, one.token)
    assert found is not None
    assert found.payment is None


def test_two_requests_at_once(flow: FlowWorld) -> None:
    """Two requests for one payment id that start at the same moment: one is refused."""
    many = [asked(), asked(amount_minor=9_900)]
    sessions = [opened(flow, request) for request in many]
    steps = [step(flow) for _ in many]
    got = flow.together(
        *[
            lambda tx, n=n: hosted.start(
                tx, flow.project, sessions[n], request=many[n], step=steps[n]
            )
            for n in range(2)
        ]
    )
    assert len([one for one in got if isinstance(one, PageSession)]) == 1
    (refusal,) = [one for one in got if isinstance(one, Refusal)]
    assert refusal.code == Code.PAYMENT_ID_EXISTS
    assert len(flow.operations()) == 1


def test_sum_that_is_not_taken(flow: FlowWorld) -> None:
    """A sum outside the limits that is started nevertheless ends in `error`, and is told."""
    request = asked(amount_minor=1_000_001)
    session = start(flow, opened(flow, request), request)
    found = standing(flow, session.token)
    assert found is not None
    assert found.payment is not None
    assert found.payment.status is St.ERROR
    assert [body["payment"]["status"] for body in flow.bodies()] == ["error"]


# --- trying again ---------------------------------------------------------------------------


def test_try_again_after_a_refusal(flow: FlowWorld) -> None:
    """After a failed attempt another one begins; a second press begins none."""
    flow.set(retry_attempts_max=2)
    started(flow)
    flow.refuse()
    assert try_again(flow)
    assert not try_again(flow)
    assert (flow.payment().status, flow.payment().attempts_count) == (St.PROCESSING, 2)


def test_try_again_of_an_expired_qr(flow: FlowWorld) -> None:
    """A QR that has expired makes room for a new one at once, without the bank's grace."""
    flow.set(retry_attempts_max=1)
    started(flow)
    flow.clock.advance(601 * SECOND_US)
    assert flow.payment().status is St.AWAITING_CUSTOMER_ACTION
    assert try_again(flow)
    payment = flow.payment()
    assert (payment.status, payment.attempts_count) == (St.PROCESSING, 2)
    assert flow.operations()[0].code == Code.TIME_OUT
    assert [body["payment"]["status"] for body in flow.bodies()] == ["awaiting customer"]


def test_money_for_the_expired_qr(flow: FlowWorld) -> None:
    """Who pays the old QR while the new one is made has paid."""
    flow.set(retry_attempts_max=1)
    started(flow)
    flow.clock.advance(601 * SECOND_US)
    try_again(flow)
    flow.pay(reference=flow.reference(attempt=0))
    assert flow.payment().status is St.SUCCESS


def test_try_again_at_once(flow: FlowWorld) -> None:
    """Presses at the same moment begin one attempt."""
    flow.set(retry_attempts_max=5)
    started(flow)
    flow.clock.advance(601 * SECOND_US)
    payment = flow.payment()
    steps = [step(flow) for _ in range(4)]
    got = flow.together(
        *[
            lambda tx, made=made: hosted.try_again(tx, flow.project, payment, step=made)
            for made in steps
        ]
    )
    assert sorted(map(bool, got)) == [False, False, False, True]
    assert flow.payment().attempts_count == 2


def test_no_new_qr_while_the_first_is_good(flow: FlowWorld) -> None:
    """A QR that can be paid is not replaced."""
    flow.set(retry_attempts_max=1)
    started(flow)
    before = flow.payment()
    assert not try_again(flow)
    assert flow.payment() == before


def test_last_attempt_keeps_its_grace(flow: FlowWorld) -> None:
    """Without another attempt an expired QR is not given up: money may still be on the way."""
    started(flow)
    flow.clock.advance(601 * SECOND_US)
    assert not try_again(flow)
    assert flow.payment().status is St.AWAITING_CUSTOMER_ACTION
    flow.pay()
    assert flow.payment().status is St.SUCCESS


def test_held_money_is_no_failed_attempt(flow: FlowWorld) -> None:
    """While staff decide about money nobody tries again, also once the QR has expired."""
    flow.set(retry_attempts_max=1)
    started(flow)
    flow.pay(9_999)
    flow.clock.advance(601 * SECOND_US)
    assert not try_again(flow)
    assert (flow.payment().status, flow.payment().held_count) == (St.AWAITING_CUSTOMER_ACTION, 1)
    flow.accept()


def test_try_again_before_a_qr(flow: FlowWorld) -> None:
    """Nothing is tried again while the first QR is being made."""
    flow.set(retry_attempts_max=1)
    start(flow, opened(flow, asked()), asked())
    assert not try_again(flow)
    assert flow.payment().attempts_count == 1


def test_give_up(flow: FlowWorld) -> None:
    """Who goes back to the shop ends the payment; going twice is going once."""
    flow.set(retry_attempts_max=1)
    started(flow)
    flow.refuse()
    leave(flow)
    assert flow.payment().status is St.DECLINE
    told = len(flow.callbacks())
    leave(flow)
    assert not try_again(flow)
    assert len(flow.callbacks()) == told == 2


def test_give_up_of_a_shown_qr(flow: FlowWorld) -> None:
    """Who leaves a QR may still pay it."""
    flow.set(retry_attempts_max=1)
    started(flow)
    leave(flow)
    assert flow.payment().status is St.AWAITING_CUSTOMER_ACTION
    flow.pay()
    assert flow.payment().status is St.SUCCESS


# --- the page of a Gate sale ----------------------------------------------------------------


def hosts(flow: FlowWorld) -> str:
    """Make the page of payment `p-1`; return its address."""
    now_us = flow.next_us()
    newest = flow.operations()[-1]

    def make(tx: Tx) -> str:
        order = issuing.asking(tx, flow.project, newest)
        assert order is not None
        return hosted.host(tx, order, LINKS, now_us=now_us)

    return flow.do(make)


TARGETS: Final = Targets(
    return_success=f"{SHOP}/yes", return_decline=f"{SHOP}/no", return_any=f"{SHOP}/back"
)


def test_page_of_a_gate_sale(flow: FlowWorld) -> None:
    """With `flow=redirect` a sale has one page of its own, and asking again finds the same."""
    flow.set(flow=Flow.REDIRECT)
    flow.sale(description="tea", targets=TARGETS)
    url = hosts(flow)
    assert url.startswith(f"https://pay.example{PATH}/")
    assert hosts(flow) == url
    (session,) = flow.do(lambda tx: page_sessions.of_payment_id(tx, 123, "p-1"))
    assert LINKS.url(session.token) == url
    assert session.payment == flow.payment().key
    request = msgspec.json.decode(session.request, type=PageRequest)
    assert (request.payment_id, request.amount_minor) == ("p-1", 10_000)
    assert (request.description, request.forced) == ("tea", True)
    assert request.returns == {
        "merchant_success_url": f"{SHOP}/yes",
        "merchant_fail_url": f"{SHOP}/no",
        "merchant_return_url": f"{SHOP}/back",
    }
    flow.issue(redirect_url=url)
    found = standing(flow, session.token)
    assert found is not None
    assert found.payment == flow.payment()
    assert flow.payment().status is St.AWAITING_REDIRECT_RESULT


@pytest.mark.parametrize(
    ("targets", "returns"),
    [
        (Targets(), {}),
        (
            Targets(return_any=f"{SHOP}/back"),
            {
                "merchant_success_url": f"{SHOP}/back",
                "merchant_fail_url": f"{SHOP}/back",
                "merchant_return_url": f"{SHOP}/back",
            },
        ),
        (Targets(return_success=f"{SHOP}/yes"), {"merchant_success_url": f"{SHOP}/yes"}),
    ],
)
def test_ways_back_of_a_gate_sale(
    flow: FlowWorld, targets: Targets, returns: dict[str, str]
) -> None:
    """Each result leads to its own address, else to the general one, else nowhere."""
    flow.set(flow=Flow.REDIRECT)
    flow.sale(targets=targets)
    hosts(flow)
    (session,) = flow.do(lambda tx: page_sessions.of_payment_id(tx, 123, "p-1"))
    assert msgspec.json.decode(session.request, type=PageRequest).returns == returns


def test_no_page_where_the_merchant_shows_the_qr(flow: FlowWorld) -> None:
    """With `flow=display` a sale has no page."""
    flow.sale()
    assert hosts(flow) == ""
    assert flow.do(lambda tx: page_sessions.of_payment_id(tx, 123, "p-1")) == []


def test_no_second_page_for_a_page(flow: FlowWorld) -> None:
    """A payment that began on a page is shown there, whatever the project wants of Gate."""
    flow.set(flow=Flow.REDIRECT)
    session = start(flow, opened(flow, asked()), asked())
    assert hosts(flow) == ""
    assert flow.do(lambda tx: page_sessions.of_payment_id(tx, 123, "p-1")) == [session]


# --- where it stands ------------------------------------------------------------------------


def test_standing(flow: FlowWorld) -> None:
    """A page stands where its payment stands, at its newest sale."""
    flow.set(retry_attempts_max=1)
    session = started(flow)
    flow.refuse()
    try_again(flow)
    found = standing(flow, session.token)
    assert found is not None
    assert (found.session, found.payment) == (session, flow.payment())
    assert found.operation == flow.operations()[-1]
    assert len(flow.operations()) == 2


def test_standing_of_an_unknown_page(flow: FlowWorld) -> None:
    """A token that was not given out stands nowhere."""
    assert standing(flow, "A" * TOKEN_CHARS) is None


# --- addresses and texts --------------------------------------------------------------------


def test_tokens() -> None:
    """A token is the same for the same request, and another for all else."""
    many = [
        LINKS.token(1, "a"),
        LINKS.token(1, "b"),
        LINKS.token(2, "a"),
        LINKS.token(12, "a"),
        PageLinks("https://pay.example", "another secret").token(1, "a"),
    ]
    assert len({*many}) == len(many)
    assert all(is_token(token) for token in many)
    assert LINKS.token(1, "a") == many[0]
    assert LINKS.url(many[0]) == f"https://pay.example/payment/s/{many[0]}"


@pytest.mark.parametrize(
    "text", ["", "A" * 23, "A" * 25, "A" * 23 + "\n", "A" * 23 + "/", "é" * 24, "A" * 24 + "\n"]
)
def test_what_is_no_token(text: str) -> None:
    """What cannot be a token is not looked for."""
    assert not is_token(text)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("p", True),
        ("訂單 1", True),
        ("x" * 255, True),
        ("", False),
        ("x" * 256, False),
        (" p", False),
        ("p\n", False),
        ("p;1", False),
    ],
)
def test_payment_ids(text: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    """A payment id is 1 to 255 characters, not framed by blanks, without `;`."""
    assert texts.is_payment_id(text) == fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("https://shop.example", True),
        ("http://127.0.0.1:8000/a?b=c#d", True),
        ("HTTPS://SHOP.EXAMPLE/", True),
        ("https://茶.example/茶", True),
        ("", False),
        ("shop.example", False),
        ("//shop.example", False),
        ("javascript:alert(1)", False),
        ("JavaScript://shop.example/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("https://", False),
        ("https://[", False),
        ("https://shop.example/a b", False),
        ("https://shop.example/\n", False),
        ("https://shop.example/\u202e", False),
    ],
)
def test_web_urls(text: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    """A browser is sent to http and https addresses alone."""
    assert texts.is_web_url(text) == fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [("a@b.hk", True), ("茶@茶.香港", True), ("a@b", False), ("@b.hk", False), ("a b@c.hk", False)],
)
def test_emails(text: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    """An e-mail address has one at sign and a dot behind it."""
    assert texts.is_email(text) == fits


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("007", 7),
        ("4294967295", 4_294_967_295),
        ("4294967296", None),
        ("0", None),
        ("", None),
        ("-1", None),
        ("1.0", None),
        ("٣", None),
        ("1" * 11, None),
    ],
)
def test_project_numbers(text: str, number: int | None) -> None:
    """A project has a number from 1 to 4294967295, in plain digits."""
    assert texts.project_number(text) == number
