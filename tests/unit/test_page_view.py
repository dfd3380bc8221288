"""What a page shows: which screen stands for where a payment is, and what is on it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
import pytest

from sampan.codecs import qr_image
from sampan.domain.look import Look
from sampan.domain.page_links import PageLinks
from sampan.domain.payment import DisplayData, Payment
from sampan.domain.statuses import LINK_OPEN, Origin, PaymentStatus
from sampan.flow.page import PageRequest, Standing
from sampan.page.pages import Pages
from sampan.page.returning import Back, OpenedAs, Way, Ways
from sampan.page.view import Frame, Screen, View, next_change_us, screen_of, view_of
from sampan.storage import page_sessions
from sampan.storage.page_sessions import PageSession
from tests.support.flow_world import FlowWorld
from tests.support.page_examples import (
    EXAMPLES,
    EXPIRES_US,
    NAME,
    NOW_US,
    ORDER,
    PAYLOAD,
    PROJECT,
    REQUEST,
    REQUEST_ID,
    RETURNS,
    SECOND_US,
    SESSION,
    SHOP,
    SHOWN,
    TOKEN,
    app_address,
    payment_in,
    project_with,
    request_with,
    seen,
    standing_of,
)

St = PaymentStatus
FINAL: Final = (St.SUCCESS, St.DECLINE, St.ERROR)
WAYS: Final = RETURNS | {"redirect_fail_url": f"{SHOP}/auto"}


def screen(payment: Payment | None, code: str = "", *, now_us: int = NOW_US) -> Screen:
    """Return the screen for a payment."""
    return screen_of(standing_of(payment, code), REQUEST, now_us=now_us)


# --- which screen ---------------------------------------------------------------------------

NOTHING: Final[dict[str, object]] = {}
HELD: Final[dict[str, object]] = {"held_count": 1}
OVER: Final[dict[str, object]] = {
    "display": msgspec.structs.replace(SHOWN, expires_us=NOW_US),
}
NO_QR: Final[dict[str, object]] = {"display": None}

SCREENS: Final = [
    # status of the payment, what else is true of it, code of the newest sale, screen
    (St.PROCESSING, NO_QR, "9999", "preparing"),
    (St.PROCESSING, NO_QR | HELD, "9999", "held"),
    (St.AWAITING_CUSTOMER_ACTION, NOTHING, "9999", "pay"),
    (St.AWAITING_CUSTOMER_ACTION, OVER, "9999", "late"),
    (St.AWAITING_CUSTOMER_ACTION, NO_QR, "9999", "late"),
    (St.AWAITING_CUSTOMER_ACTION, HELD, "9999", "held"),
    (St.AWAITING_CUSTOMER_ACTION, OVER | HELD, "9999", "held"),
    (St.AWAITING_REDIRECT_RESULT, NOTHING, "9999", "pay"),
    (St.AWAITING_REDIRECT_RESULT, OVER, "9999", "late"),
    (St.AWAITING_REDIRECT_RESULT, HELD, "9999", "held"),
    (St.AWAITING_CUSTOMER, NOTHING, "20602", "retry"),
    (St.AWAITING_CUSTOMER, NOTHING, "20301", "retry"),
    (St.AWAITING_CUSTOMER, NOTHING, "20100", "retry"),
    (St.AWAITING_CUSTOMER, HELD, "20602", "held"),
    (St.SUCCESS, NOTHING, "0", "paid"),
    (St.SUCCESS, {"paid_minor": 1}, "0", "paid"),
    (St.DECLINE, NOTHING, "20602", "timed_out"),
    (St.DECLINE, NOTHING, "20100", "declined"),
    (St.DECLINE, NOTHING, "20301", "declined"),
    (St.DECLINE, NOTHING, "20304", "declined"),
    (St.DECLINE, HELD, "20602", "timed_out"),
    (St.ERROR, NO_QR, "502", "failed"),
    (St.AWAITING_PAYMENT, NOTHING, "9999", "choose"),
    (St.INVOICE_SENT, NOTHING, "9999", "choose"),
    (St.EXPIRED, NOTHING, "20602", "expired"),
    (St.INVOICE_CANCELED, NOTHING, "301", "cancelled"),
]


def test_every_status_has_a_screen() -> None:
    """No status of a payment leaves the customer in front of nothing."""
    assert {status for status, *_ in SCREENS} == {*PaymentStatus}


@pytest.mark.parametrize(("status", "changes", "code", "shows"), SCREENS)
def test_screen(status: PaymentStatus, changes: dict[str, Any], code: str, shows: str) -> None:
    """The screen follows from status, held money, the time of the QR and the code of a decline."""
    assert screen(payment_in(status, **changes), code) == shows


def test_decline_without_a_sale() -> None:
    """A decline of which no sale is known is a decline."""
    standing = Standing(session=SESSION, payment=payment_in(St.DECLINE))
    assert screen_of(standing, REQUEST, now_us=NOW_US) is Screen.DECLINED


@pytest.mark.parametrize(
    ("cancelled", "best_before_us", "shows"),
    [
        (False, None, "choose"),
        (False, NOW_US + 1, "choose"),
        (False, NOW_US, "expired"),
        (False, NOW_US - 1, "expired"),
        (True, None, "cancelled"),
        (True, NOW_US - 1, "cancelled"),
    ],
)
def test_screen_before_the_payment(
    cancelled: bool,  # noqa: FBT001 - a column of the table
    best_before_us: int | None,
    shows: str,
) -> None:
    """Before a payment there is a choice, until its time is over or the shop cancels it."""
    session = msgspec.structs.replace(SESSION, cancelled_us=1 if cancelled else None)
    request = request_with(best_before_us=best_before_us)
    assert screen_of(Standing(session=session), request, now_us=NOW_US) == shows


@pytest.mark.parametrize("status", sorted(LINK_OPEN))
@pytest.mark.parametrize(
    ("until_us", "shows"), [(NOW_US + 1, "choose"), (NOW_US, "expired"), (NOW_US - 1, "expired")]
)
def test_a_link_waits_until_its_time(status: PaymentStatus, until_us: int, shows: str) -> None:
    """A link is confirmed on the page before `best_before`, whoever is late to expire it."""
    standing = standing_of(payment_in(status))
    request = request_with(best_before_us=until_us)
    assert screen_of(standing, request, now_us=NOW_US) == shows
    view = seen(standing, request)
    assert view.changes_us == (until_us if shows == "choose" else None)


@pytest.mark.parametrize("status", sorted({*PaymentStatus} - LINK_OPEN))
def test_a_payment_outlives_its_page(status: PaymentStatus) -> None:
    """What has begun is shown as it stands, though page and `best_before` are over."""
    payment = payment_in(status)
    session = msgspec.structs.replace(SESSION, payment=payment.key, cancelled_us=1)
    standing = msgspec.structs.replace(standing_of(payment), session=session)
    shown = screen_of(standing, request_with(best_before_us=1), now_us=NOW_US)
    assert shown is screen(payment)


def test_the_qr_turns_late_by_the_clock() -> None:
    """In the microsecond in which the QR expires it is no longer shown."""
    payment = payment_in(St.AWAITING_CUSTOMER_ACTION)
    assert screen(payment, now_us=EXPIRES_US - 1) is Screen.PAY
    assert screen(payment, now_us=EXPIRES_US) is Screen.LATE


# --- when the clock alone changes it --------------------------------------------------------


@pytest.mark.parametrize("shown", Screen)
def test_next_change(shown: Screen) -> None:
    """Three screens end by the clock: the choice, the QR and the offer of another attempt."""
    payment = payment_in(St.AWAITING_CUSTOMER_ACTION, retry_until_us=7)
    ends = {Screen.CHOOSE: 5, Screen.PAY: EXPIRES_US, Screen.RETRY: 7}
    request = request_with(best_before_us=5)
    assert next_change_us(shown, request, payment=payment) == ends.get(shown)


@pytest.mark.parametrize("shown", Screen)
def test_no_next_change(shown: Screen) -> None:
    """Without a limit, a QR and a payment the clock changes nothing."""
    assert next_change_us(shown, REQUEST, payment=None) is None
    assert next_change_us(shown, REQUEST, payment=payment_in(St.PROCESSING, display=None)) is None


@pytest.mark.parametrize(
    ("left_us", "left_s"),
    [(SECOND_US, 1), (SECOND_US + 1, 2), (1, 1), (600 * SECOND_US, 600)],
)
def test_time_left(left_us: int, left_s: int) -> None:
    """The count down shows whole seconds, and zero only when the time is over."""
    display = msgspec.structs.replace(SHOWN, expires_us=NOW_US + left_us)
    assert seen(standing_of(payment_in(St.AWAITING_CUSTOMER_ACTION, display=display))).left_s == (
        left_s
    )


def test_no_time_is_left_when_the_offer_is_over() -> None:
    """An offer whose time is over counts no seconds below zero and cannot be taken."""
    offer = standing_of(payment_in(St.AWAITING_CUSTOMER, retry_until_us=NOW_US - SECOND_US))
    shown = seen(offer)
    assert (shown.screen, shown.left_s, shown.can_retry) == (Screen.RETRY, 0, False)


def test_ended_offer_is_followed_in_peace(flow: FlowWorld) -> None:
    """A page whose offer is over waits for the decline and does not ask again and again."""
    flow.set(retry_attempts_max=1, retry_window_s=60)
    flow.waiting(origin=Origin.PAGE)
    flow.refuse()
    flow.clock.advance(61 * SECOND_US)
    request = PageRequest(
        payment_id="p-1", amount_minor=10_000, currency="HKD", customer=REQUEST.customer
    )
    session = PageSession(
        token=TOKEN,
        project_id=flow.project.id,
        payment_id="p-1",
        digest="d",
        request=msgspec.json.encode(request).decode(),
        payment=flow.payment().key,
        created_us=1,
    )
    flow.do(lambda tx: page_sessions.insert(tx, session))
    links = PageLinks("https://pay.example", "a secret of links")

    async def followed() -> list[View | None]:
        pages = Pages(flow.store, flow.clock, find_project=flow.find_project, links=links)
        page = await pages.find(TOKEN)
        follow = pages.follow(page, OpenedAs.TAB, since="", wait_s=0.05)
        got = [view async for view in follow]
        pages.watch.close()
        return got

    first, *rest = flow.runner.run(followed())
    assert first is not None
    assert first.screen is Screen.RETRY
    # On a machine that has much to do the time to wait is over before anything is asked again.
    assert rest in ([None], [])


# --- what stands on it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "amount_minor", "limits", "available"),
    [
        ("HKD", 99, (100, 5_000), False),
        ("HKD", 100, (100, 5_000), True),
        ("HKD", 5_000, (100, 5_000), True),
        ("HKD", 5_001, (100, 5_000), False),
        ("CNY", 1_000, None, False),
        ("EUR", 1_000, None, False),
    ],
)
def test_limits(
    currency: str,
    amount_minor: int,
    limits: tuple[int, int] | None,
    available: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """The choice knows the project's limits, and whether this sum may be paid within them."""
    project = project_with(hkd_amount_min=100, hkd_amount_max=5_000, cny_enabled=False)
    request = request_with(currency=currency, amount_minor=amount_minor)
    shown = seen(standing_of(None), request, project=project)
    assert (shown.limits, shown.available) == (limits, available)


def test_title() -> None:
    """The look's title stands for the project's name, where it has one."""
    assert seen(standing_of(None)).title == NAME
    assert seen(standing_of(None), look=Look(title="海港茶舍")).title == "海港茶舍"


@pytest.mark.parametrize("status", PaymentStatus)
@pytest.mark.parametrize("changes", [NOTHING, OVER])
def test_where_another_attempt_is_offered(status: PaymentStatus, changes: dict[str, Any]) -> None:
    """Another attempt is offered after a failed one and for an expired QR, nowhere else."""
    payment = payment_in(status, retry_until_us=NOW_US + SECOND_US, **changes)
    shown = seen(standing_of(payment), project=project_with(retry_attempts_max=2))
    assert shown.can_retry == (shown.screen in {Screen.RETRY, Screen.LATE})


@pytest.mark.parametrize(
    ("settings", "changes", "offered"),
    [
        ({"retry_attempts_max": 1}, {}, True),
        ({"retry_attempts_max": 0}, {}, False),
        ({"retry_attempts_max": 1}, {"attempts_count": 2}, False),
        ({"retry_attempts_max": 1}, {"origin": Origin.GATE}, False),
        ({"retry_attempts_max": 1}, {"best_before_us": NOW_US}, False),
        ({"retry_attempts_max": 2}, {"attempts_count": 2, "retry_until_us": NOW_US}, False),
    ],
)
def test_new_qr_for_an_expired_one(
    settings: dict[str, Any],
    changes: dict[str, Any],
    offered: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """A new QR is offered where the project has an attempt and the customer has time left."""
    payment = payment_in(St.AWAITING_CUSTOMER_ACTION, **(OVER | changes))
    shown = seen(standing_of(payment), project=project_with(**settings))
    assert (shown.screen, shown.can_retry) == (Screen.LATE, offered)


@pytest.mark.parametrize("name", EXAMPLES)
def test_qr_and_app_where_money_may_be_sent(name: str) -> None:
    """The QR and the way into a bank app are on one screen, and on no other."""
    shown = EXAMPLES[name]
    paying = shown.screen is Screen.PAY
    assert (shown.qr is not None, bool(shown.bank_app_url)) == (paying, paying)


AFTER: Final = {
    Screen.PAID: Ways(Back(RETURNS["merchant_success_url"], Way.WHOLE)),
    Screen.RETRY: Ways(Back(RETURNS["merchant_fail_url"], Way.WHOLE)),
}
FAILED: Final = Ways(Back(RETURNS["merchant_fail_url"], Way.WHOLE), Back(f"{SHOP}/auto", Way.WHOLE))
BEFORE: Final = Ways(Back(RETURNS["merchant_return_url"], Way.WHOLE))


@pytest.mark.parametrize(("status", "changes", "code", "_shows"), SCREENS)
def test_ways(status: PaymentStatus, changes: dict[str, Any], code: str, _shows: str) -> None:
    """Before the end one may turn back; an end has the ways of its result, some of themselves."""
    payment = payment_in(status, **changes)
    shown = seen(standing_of(payment, code), request_with(returns=WAYS))
    other = FAILED if shown.ended else BEFORE
    assert shown.ways == AFTER.get(shown.screen, other)


@pytest.mark.parametrize(
    "session",
    [SESSION, msgspec.structs.replace(SESSION, cancelled_us=1)],
)
@pytest.mark.parametrize("best_before_us", [None, 1])
def test_ways_without_a_payment(session: PageSession, best_before_us: int | None) -> None:
    """A page that is over before it began ends as a decline does."""
    request = request_with(returns=WAYS, best_before_us=best_before_us)
    shown = seen(Standing(session=session), request)
    assert shown.ways == (BEFORE if shown.screen is Screen.CHOOSE else FAILED)


def test_nobody_is_led_away_from_another_attempt() -> None:
    """While the customer may try again there is no way that goes by itself."""
    asked = request_with(returns={"redirect_fail_url": SHOP})
    offer = standing_of(payment_in(St.AWAITING_CUSTOMER, retry_until_us=NOW_US + 1), "20301")
    assert seen(offer, asked).ways == Ways(Back(SHOP, Way.WHOLE))
    assert seen(standing_of(payment_in(St.DECLINE), "20301"), asked).ways.automatic is not None


@pytest.mark.parametrize(
    ("opened", "mode", "leaves"),
    [
        ("tab", "", True),
        ("tab", "parent_page", True),
        ("tab", "blank_page", False),
        ("iframe", "", False),
        ("iframe", "iframe", True),
        ("iframe", "parent_page", True),
        ("iframe", "blank_page", False),
        ("popup", "", False),
        ("popup", "iframe", True),
        ("popup", "parent_page", True),
    ],
)
def test_leaving(opened: str, mode: str, leaves: bool) -> None:  # noqa: FBT001 - a column
    """The result is not shown where the page itself goes elsewhere; beside a new tab it stays."""
    returns = {"redirect_success_url": SHOP, "redirect_success_mode": mode}
    paid = standing_of(payment_in(St.SUCCESS))
    shown = seen(paid, request_with(returns=returns), opened=OpenedAs(opened))
    assert (shown.ways.automatic or shown.ways.button) is not None
    assert shown.leaving == leaves


@pytest.mark.parametrize("name", EXAMPLES)
def test_result_where_something_is_decided(name: str) -> None:
    """The shop's page is told a result at an end and after a failed attempt, and only then."""
    shown = EXAMPLES[name]
    decided = shown.ended or shown.screen is Screen.RETRY
    assert (shown.result is not None) == (decided and shown.order > 0)


@pytest.mark.parametrize(
    ("returns", "url"),
    [
        (RETURNS, RETURNS["merchant_success_url"]),
        (RETURNS | {"redirect_success_url": f"{SHOP}/auto"}, f"{SHOP}/auto"),
        ({}, ""),
    ],
)
def test_result_names_the_way_back(returns: dict[str, str], url: str) -> None:
    """What the shop's page is told has the address to which the customer goes."""
    shown = seen(standing_of(payment_in(St.SUCCESS)), request_with(returns=returns))
    assert shown.result is not None
    assert shown.result["return_url"] == url


def test_version_follows_screen_and_payment() -> None:
    """Whatever the customer could see change has another version; the clock alone has not."""
    waits = payment_in(St.AWAITING_CUSTOMER_ACTION)
    payments = [
        None,
        payment_in(St.PROCESSING),
        waits,
        payment_in(St.AWAITING_CUSTOMER_ACTION, **OVER),
        payment_in(St.AWAITING_CUSTOMER_ACTION, updated_us=waits.updated_us + 1),
        payment_in(St.SUCCESS),
    ]
    versions = [seen(standing_of(payment)).version for payment in payments]
    assert len({*versions}) == len(payments)
    frame = Frame(now_us=NOW_US + SECOND_US)
    later = view_of(standing_of(waits), REQUEST, project=PROJECT, look=Look(), frame=frame)
    assert later.version == versions[2]


def test_order_grows_with_the_payment() -> None:
    """Old news can be told from new: nothing comes before the choice."""
    assert seen(standing_of(None)).order == 0
    payment = payment_in(St.SUCCESS)
    assert seen(standing_of(payment)).order == payment.updated_us


def test_times_of_an_end() -> None:
    """An end shows when it came, a page without a payment the present time."""
    payment = payment_in(St.SUCCESS, finished_us=5, updated_us=9)
    assert seen(standing_of(payment)).at_us == 5
    assert seen(standing_of(payment_in(St.PROCESSING, updated_us=9))).at_us == 9
    assert seen(standing_of(None)).at_us == NOW_US


def test_what_the_shop_asked_for_is_shown() -> None:
    """Payment id, what it is for, sum and the page's own address come from the request."""
    shown = EXAMPLES["pay"]
    assert (shown.payment_id, shown.path) == (ORDER, f"/payment/s/{TOKEN}")
    assert (shown.description, shown.currency) == (REQUEST.description, REQUEST.currency)
    assert (shown.amount_minor, shown.paid_minor) == (REQUEST.amount_minor, 0)
    assert shown.request_id == REQUEST_ID


# --- the QR and the bank app ----------------------------------------------------------------


def test_qr_says_what_the_bank_app_will_show() -> None:
    """Payee, FPS ID and reference are read from the QR itself, and the picture is that QR."""
    from base64 import b64decode

    qr = EXAMPLES["pay"].qr
    assert qr is not None
    assert (qr.payee, qr.payee_zh) == ("HARBOUR TEA HOUSE", "海港茶舍")
    assert (qr.fps_id, qr.reference) == ("1029384", "0007XKQ2M9TB4")
    assert (qr.payload, qr.expires_us) == (PAYLOAD, EXPIRES_US)
    assert qr_image.read(b64decode(qr.png)) == [PAYLOAD]


@pytest.mark.parametrize(
    "payload",
    ["a QR of another bank", "00020101", "https://bank.example/pay?id=茶", "000201010212" * 8, "0"],
)
def test_unread_qr_is_shown(payload: str) -> None:
    """A text that is no FPS QR is drawn as it is, without words about it."""
    display = DisplayData(payload=payload, expires_us=EXPIRES_US, lifetime_s=600)
    qr = seen(standing_of(payment_in(St.AWAITING_CUSTOMER_ACTION, display=display))).qr
    assert qr is not None
    assert (qr.payload, qr.payee, qr.payee_zh, qr.fps_id, qr.reference) == (payload, "", "", "", "")
    assert qr.png


def test_cents_off_are_the_sum_that_is_shown() -> None:
    """Where the QR asks for less than the shop, the page asks for that, too, and knows how much."""
    display = DisplayData(
        payload=PAYLOAD, expires_us=EXPIRES_US, lifetime_s=600, amount_minor=26_797
    )
    shown = seen(standing_of(payment_in(St.AWAITING_CUSTOMER_ACTION, display=display)))
    assert (shown.amount_minor, shown.off_minor) == (26_797, 3)
    assert EXAMPLES["pay"].off_minor == 0


OWN_APP: Final = "https://bank.example/fps?qr={payload}&from=shop"


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, app_address(PAYLOAD)),
        ({"provider": "fps"}, ""),
        ({"provider": "fps", "bank_app_url": "https://bank.example/"}, "https://bank.example/"),
        ({"bank_app_url": "https://bank.example/"}, "https://bank.example/"),
    ],
)
def test_bank_app(settings: dict[str, Any], address: str) -> None:
    """The project's app, else at the sandbox bank its own, else none."""
    waits = standing_of(payment_in(St.AWAITING_CUSTOMER_ACTION))
    assert seen(waits, project=project_with(**settings)).bank_app_url == address


@pytest.mark.parametrize("payload", [PAYLOAD, "a b&c=d#e/f?g%h+i", "茶 🍵"])
def test_qr_in_an_address(payload: str) -> None:
    """The QR's text stands in the app's address so that the app reads the same text."""
    display = DisplayData(payload=payload, expires_us=EXPIRES_US, lifetime_s=600)
    waits = standing_of(payment_in(St.AWAITING_CUSTOMER_ACTION, display=display))
    parts = urlsplit(seen(waits, project=project_with(bank_app_url=OWN_APP)).bank_app_url)
    value, _, rest = parts.query.removeprefix("qr=").partition("&")
    assert (unquote(value), rest, parts.fragment) == (payload, "from=shop", "")
