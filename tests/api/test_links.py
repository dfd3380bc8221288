"""Payment links over HTTP: from the merchant's request to the customer's payment, or its end."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Final

import pytest

from sampan.web.i18n import date_time_text
from tests.api.conftest import SECRET
from tests.support.client import Answer, Body, assert_signed, signed
from tests.support.links import (
    CANCEL,
    CREATE,
    act_on,
    cancel_link,
    link_body,
    make_link,
    moment,
    open_link,
    path_of,
)
from tests.support.merchant import Merchant
from tests.support.pages import html_of, payload_of, screen_of, state_of
from tests.support.platform import SALE, ProjectClient, RunningPlatform, until

WEEK_S: Final = 7 * 86_400
USED_ID: Final = "p-used"
SHOP: Final = "https://shop.example"
MALFORMED: Final = "Malformed request"


def made(project: ProjectClient, merchant: Merchant, payment_id: str, **more: Body) -> str:
    """Make a link and return its address, which the callback tells."""
    make_link(project, payment_id, **more)
    told = merchant.callback(payment_id, "awaiting payment", operation="invoice")
    return str(told.body["invoice"]["payment_link"])


def kinds(project: ProjectClient, payment_id: str) -> list[tuple[str, str]]:
    """Return type and status of each operation, as the status answer tells them."""
    operations = project.status(payment_id)["operations"]
    return [(one["type"], one["status"]) for one in operations]


def told_of(merchant: Merchant, payment_id: str) -> list[str]:
    """Return the statuses that were told of a payment, in order."""
    return [one.body["payment"]["status"] for one in merchant.of(payment_id)]


def callback_states(project: ProjectClient, payment_id: str) -> set[str]:
    """Return what has become of a payment's callbacks, as kept."""
    return {one.status for one in project.platform.callbacks_of(project, payment_id)}


def pay(project: ProjectClient, payment_id: str) -> None:
    """Do what a payer does with the QR on show."""
    project.platform.bank.act(payload_of(project, payment_id), "pay")


# --- the whole way ----------------------------------------------------------------------------


def test_from_the_request_to_the_money(project: ProjectClient, merchant: Merchant) -> None:
    """A link is told, opened, confirmed and paid; the merchant hears of its start and its end."""
    request_id = make_link(
        project,
        "p-1",
        payment={"description": "Iron Buddha 鐵觀音"},
        customer={"language": "zh-hant"},
        return_url={"success": f"{SHOP}/thanks"},
    )
    told = merchant.callback("p-1", "awaiting payment", operation="invoice").body
    assert told["payment"] | {"date": ""} == {
        "id": "p-1",
        "type": "invoice",
        "status": "awaiting payment",
        "date": "",
        "method": "hk-qr",
        "sum": {"amount": 10_000, "currency": "HKD"},
        "description": "Iron Buddha 鐵觀音",
    }
    assert told["operation"]["request_id"] == request_id
    assert told["operation"]["code"] == "9999"
    link = told["invoice"]["payment_link"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", told["invoice"]["expires_at"])

    page = open_link(project, link)
    assert (page.status, screen_of(page)) == (200, "choose")
    html = html_of(page)
    for text in (project.project.name, "HK$100.00", "Iron Buddha 鐵觀音", 'lang="zh-Hant-HK"'):
        assert text in html
    # A week ahead a time of day would say nothing.
    payment = project.payment("p-1")
    assert payment is not None
    assert date_time_text("zh-hant", payment.decline_us) in html
    assert kinds(project, "p-1") == [("invoice", "awaiting payment")]

    assert screen_of(act_on(project, link, "start")) == "pay"
    assert kinds(project, "p-1") == [
        ("invoice", "awaiting payment"),
        ("sale", "awaiting customer action"),
    ]
    pay(project, "p-1")
    final = merchant.callback("p-1", "success").body
    assert (final["payment"]["type"], final["operation"]["type"]) == ("invoice", "sale")
    assert "invoice" not in final
    assert final["operation"]["request_id"] != request_id
    assert told_of(merchant, "p-1") == ["awaiting payment", "success"]
    shown = html_of(open_link(project, link))
    assert 'data-screen="paid"' in shown
    assert f"{SHOP}/thanks" in shown


def test_status_carries_the_link_while_it_is_open(
    project: ProjectClient, merchant: Merchant
) -> None:
    """The status answer is signed, and has the address until the customer confirms."""
    link = made(project, merchant, "p-2")
    answer = project.status("p-2")
    assert_signed(answer, SECRET)
    assert answer["payment"]["type"] == "invoice"
    assert answer["invoice"]["payment_link"] == link
    act_on(project, link, "start")
    answer = project.status("p-2")
    assert "invoice" not in answer
    assert answer["display_data"]


def test_only_confirming_begins(project: ProjectClient, merchant: Merchant) -> None:
    """Mail programs and browsers look ahead; whoever only opens a link begins nothing."""
    link = made(project, merchant, "p-3")
    for method, headers in (
        ("HEAD", {}),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}),
        ("GET", {"User-Agent": "mail scanner"}),
    ):
        assert open_link(project, link, method, **headers).status == 200
    assert screen_of(state_of(project, path_of(link))) == "choose"
    # A form of another site is not the customer's.
    client = project.platform.client
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
    answer = client.request("POST", f"{path_of(link)}/start", body=b"", headers=elsewhere)
    assert answer.status == 403
    assert kinds(project, "p-3") == [("invoice", "awaiting payment")]


def test_devices_at_once_begin_one_sale(project: ProjectClient, merchant: Merchant) -> None:
    """A link that is confirmed on many devices at once is one payment with one QR."""
    link = made(project, merchant, "p-4")
    answers: list[Answer] = []
    many = [
        threading.Thread(target=lambda: answers.append(act_on(project, link, "start")))
        for _ in range(8)
    ]
    for one in many:
        one.start()
    for one in many:
        one.join()
    assert {screen_of(answer) for answer in answers} == {"pay"}
    assert screen_of(open_link(project, link)) == "pay"
    assert len(kinds(project, "p-4")) == 2


def test_no_other_page_has_the_id(project: ProjectClient, merchant: Merchant) -> None:
    """A sale with the id of a link is refused, as a link with the id of a sale."""
    made(project, merchant, "p-5")
    assert project.post(SALE, project.sale_body("p-5")).brief == (400, "3041")
    project.sell("p-6")
    assert project.post(CREATE, link_body(project, "p-6")).brief == (400, "3041")


def test_the_qr_is_told_where_it_is_wanted(project: ProjectClient, merchant: Merchant) -> None:
    """With `page_intermediate_callback` the callback with the QR comes for links, too."""
    project.change(page_intermediate_callback=True)
    link = made(project, merchant, "p-7")
    act_on(project, link, "start")
    told = merchant.callback("p-7", "awaiting customer action").body
    assert told["display_data"]
    assert told["payment"]["type"] == "invoice"
    pay(project, "p-7")
    merchant.callback("p-7", "success")
    assert told_of(merchant, "p-7") == ["awaiting payment", "awaiting customer action", "success"]


# --- how it ends unpaid -----------------------------------------------------------------------


def test_cancelled(project: ProjectClient, merchant: Merchant) -> None:
    """A cancelled link opens nothing; a repeat is answered alike and tells nothing."""
    link = made(project, merchant, "p-10")
    first, again = cancel_link(project, "p-10"), cancel_link(project, "p-10")
    assert first.status == again.status == 200
    assert first.body == again.body
    assert first.body["payment_id"] == "p-10"
    told = merchant.told("p-10", "invoice canceled").body
    assert told["operation"]["type"] == "invoice"
    assert told["operation"]["status"] == "invoice canceled"
    assert told["operation"]["request_id"] == first.body["request_id"]
    assert (told["operation"]["code"], told["operation"]["message"]) == ("301", "Cancelled")
    assert screen_of(open_link(project, link)) == "cancelled"
    # Who had it open before and confirms now is shown the same.
    assert screen_of(act_on(project, link, "start")) == "cancelled"
    assert kinds(project, "p-10") == [("invoice", "invoice canceled")]
    assert told_of(merchant, "p-10") == ["awaiting payment", "invoice canceled"]


def test_a_page_that_is_open_hears_of_it(project: ProjectClient, merchant: Merchant) -> None:
    """Who asks a link's page for news hears that the link was taken back."""
    link = made(project, merchant, "p-11")
    version = re.search(r'data-version="([^"]+)"', html_of(open_link(project, link)))
    assert version
    got: list[Answer] = []
    path = f"{path_of(link)}/state?since={version[1]}"
    asking = threading.Thread(
        target=lambda: got.append(project.platform.client.request("GET", path))
    )
    asking.start()
    cancel_link(project, "p-11")
    asking.join(15)
    assert screen_of(got[0]) == "cancelled"


def test_too_late_to_cancel(project: ProjectClient, merchant: Merchant) -> None:
    """What the customer has confirmed, what is no link and what is unknown is not cancelled."""
    link = made(project, merchant, "p-12")
    act_on(project, link, "start")
    assert cancel_link(project, "p-12").brief == (400, "3060")
    project.sell("p-13")
    assert cancel_link(project, "p-13").brief == (400, "3060")
    assert cancel_link(project, "p-14").brief == (404, "3061")
    assert screen_of(open_link(project, link)) == "pay"


def test_expired(project: ProjectClient, merchant: Merchant) -> None:
    """When `best_before` passes the link is over, the merchant is told, and nothing begins."""
    link = made(project, merchant, "p-15")
    project.platform.clock.advance(WEEK_S)
    told = merchant.told("p-15", "expired").body
    assert (told["operation"]["type"], told["operation"]["status"]) == ("invoice", "expired")
    assert told["operation"]["code"] == "20602"
    assert screen_of(open_link(project, link)) == "expired"
    assert screen_of(act_on(project, link, "start")) == "expired"
    assert kinds(project, "p-15") == [("invoice", "expired")]
    assert cancel_link(project, "p-15").brief == (400, "3060")


def test_unpaid_after_confirming(project: ProjectClient, merchant: Merchant) -> None:
    """Once confirmed a link is declined as any payment when nobody pays."""
    link = made(project, merchant, "p-16")
    act_on(project, link, "start")
    project.platform.clock.advance(901)
    told = merchant.callback("p-16", "decline").body
    assert (told["payment"]["status"], told["operation"]["code"]) == ("decline", "20602")
    assert screen_of(open_link(project, link)) == "timed_out"


def test_what_the_project_does_not_take(project: ProjectClient, merchant: Merchant) -> None:
    """Limits are told by callback; the same id may be sent again."""
    make_link(project, "p-17", payment={"amount": 1_000_001})
    told = merchant.told("p-17", "error").body
    assert told["operation"]["type"] == "invoice"
    assert [one["code"] for one in told["errors"]] == ["2642"]
    assert "invoice" not in told
    link = made(project, merchant, "p-17")
    assert screen_of(open_link(project, link)) == "choose"
    # The later news came later, also where the merchant was away for the first.
    assert told_of(merchant, "p-17") == ["error", "awaiting payment"]


def test_old_news_of_a_link_never_comes_last(project: ProjectClient, merchant: Merchant) -> None:
    """A merchant who was away hears how a link ended, and not afterwards that it is open."""
    merchant.answer(500)
    made(project, merchant, "p-18")
    cancel_link(project, "p-18")
    merchant.told("p-18", "invoice canceled")
    # What was told but not yet recorded would, after its lease, be told again, as it should.
    until(lambda: project.platform.callbacks_of(project, "p-18")[1].status == "delivered")
    project.platform.clock.advance(60)
    (opened, ended) = project.platform.callbacks_of(project, "p-18")
    assert (opened.kind, opened.status, opened.note) == (
        "link",
        "dropped",
        "overtaken by a later one",
    )
    assert ended.kind == "final"
    assert told_of(merchant, "p-18") == ["awaiting payment", "invoice canceled"]


# --- what is asked for ------------------------------------------------------------------------


def test_a_repeat_is_answered_alike(project: ProjectClient, merchant: Merchant) -> None:
    """The same signed body has the first request id, also after the link is over."""
    body = link_body(project, "p-20")
    first = project.post(CREATE, body).body["request_id"]
    assert project.post(CREATE, body).body["request_id"] == first
    merchant.told("p-20", "awaiting payment")
    # A delivery that is under way when a week passes has lost its lease and is made again.
    until(lambda: callback_states(project, "p-20") == {"delivered"} or None)
    project.platform.clock.advance(WEEK_S + 1)
    merchant.told("p-20", "expired")
    assert project.post(CREATE, body).body["request_id"] == first
    assert kinds(project, "p-20") == [("invoice", "expired")]
    assert told_of(merchant, "p-20") == ["awaiting payment", "expired"]


def test_other_documented_members_have_no_effect(
    project: ProjectClient, merchant: Merchant
) -> None:
    """Members for other methods are taken; a callback address of the link's own is used."""
    body = link_body(
        project,
        "p-21",
        payment={"force_method": "hk-qr", "extra_param": "x", "moto_type": 1},
        customer={"country": "HK", "day_of_birth": "31-01-1990", "billing": {"city": "Kowloon"}},
        general={"merchant_callback_url": f"{merchant.url}/own"},
        recurring={"register": False},
    ) | {"send_email": False, "operation_type": "sale", "card_operation_type": "sale"}
    assert project.post(CREATE, body).status == 200
    assert merchant.told("p-21", "awaiting payment").path.endswith("/own")


@pytest.mark.parametrize("yes", [True, 1])
def test_mail_needs_an_address(project: ProjectClient, merchant: Merchant, yes: object) -> None:
    """`send_email` without `customer.email` is refused; with it the link is made."""
    payment_id = f"p-22-{yes}"
    body = link_body(project, payment_id) | {"send_email": yes}
    answer = project.post(CREATE, body)
    assert answer.brief == (400, "2004")
    assert [one["field"] for one in answer.body["errors"]] == ["customer.email"]
    body["customer"]["email"] = "chan@tea.example"
    assert project.post(CREATE, body).status == 200
    merchant.told(payment_id, "awaiting payment")


# --- refusals, in their order -----------------------------------------------------------------


@pytest.fixture
def off(platform: RunningPlatform) -> ProjectClient:
    """A project that is switched off, in which `USED_ID` was used before."""
    found = platform.add_project("")
    found.sell(USED_ID)
    found.change(enabled=False)
    return found


def refused(off: ProjectClient, change: Callable[[Body], object]) -> tuple[int, str, list[str]]:
    """Post a link with every later fault, changed; return status, code and fields at fault."""
    body = link_body(off, USED_ID, payment={"force_method": "card", "best_before": "2001-01-01"})
    body["payment"]["best_before"] = "2001-01-01T00:00:00Z"
    change(body)
    answer = off.post(CREATE, body)
    fields = [one["field"] for one in answer.body.get("errors", [])]
    return answer.status, answer.body["code"], fields


def test_missing_fields_come_first(off: ProjectClient) -> None:
    """Every missing field is named at once; an IP address is not needed."""

    def change(body: Body) -> None:
        body["customer"] = {"email": "nobody"}
        body["payment"] = {"currency": "dollars"}
        del body["general"]["payment_id"]

    wanted = ["general.payment_id", "payment.amount", "customer.id", "payment.best_before"]
    assert refused(off, change) == (400, "2004", wanted)


MALFORMED_FIELDS: Final[list[tuple[str, str, object, str]]] = [
    ("general", "payment_id", "a;b", "3024"),
    ("general", "merchant_callback_url", "ftp://x/", "702"),
    ("payment", "amount", 0, "702"),
    ("payment", "amount", 10**13 + 1, "702"),
    ("payment", "currency", "hkd", "3121"),
    ("payment", "description", "x" * 256, "702"),
    ("payment", "extra_param", "x" * 256, "702"),
    ("payment", "best_before", "", "702"),
    ("payment", "best_before", "tomorrow", "702"),
    ("payment", "best_before", "2030-02-30T00:00:00Z", "702"),
    ("payment", "best_before", "2030-01-31", "702"),
    ("customer", "id", "", "2124"),
    ("customer", "email", "nobody", "2426"),
    ("customer", "language", "x" * 256, "702"),
    ("customer", "phone", "9" * 256, "702"),
    ("return_url", "success", "javascript:alert(1)", "702"),
]


@pytest.mark.parametrize(("group", "name", "value", "code"), MALFORMED_FIELDS)
def test_malformed_fields_come_before_the_method(
    off: ProjectClient, group: str, name: str, value: object, code: str
) -> None:
    """A malformed field is refused with its own code and named."""

    def change(body: Body) -> None:
        body.setdefault(group, {})[name] = value

    assert refused(off, change) == (400, code, [f"{group}.{name}"])


def test_another_method_comes_before_what_is_off(off: ProjectClient) -> None:
    """A method that is not `hk-qr` is unknown, whatever else is wrong."""
    assert refused(off, lambda _: None) == (400, "2541", [])


@pytest.mark.parametrize("more", [{}, {"operation_type": "auth"}])
def test_what_is_off_comes_before_the_time(off: ProjectClient, more: Body) -> None:
    """A switched-off project says so although the link would be over already."""

    def change(body: Body) -> None:
        body["payment"].pop("force_method")
        body.update(more)

    assert refused(off, change) == (400, "310", [])


def test_money_is_not_only_put_aside(project: ProjectClient) -> None:
    """`hk-qr` has no second step, so a link that asks for one is refused."""
    body = link_body(project, "p-23") | {"operation_type": "auth"}
    assert project.post(CREATE, body).brief == (400, "310")
    assert project.payment("p-23") is None


@pytest.mark.parametrize("days", [-0.01, 0, 30.01])
def test_the_time_comes_before_the_used_id(project: ProjectClient, days: float) -> None:
    """A link that is over, or good for more than 30 days, is malformed although the id is used."""
    project.sell(USED_ID)
    best_before = moment(project, days=days)
    body = link_body(project, USED_ID, payment={"best_before": best_before})
    answer = project.post(CREATE, body)
    assert answer.brief == (400, "702")
    (fault,) = answer.body["errors"]
    assert fault == {
        "code": "702",
        "message": MALFORMED,
        "field": "payment.best_before",
        "constraint": "in the future, at most 30 days ahead",
    }


@pytest.mark.parametrize(
    "zone", ["+00:00", "+0800", "+08", "Z", ""], ids=["colon", "none", "hours", "Z", "UTC"]
)
def test_forms_of_a_moment(project: ProjectClient, merchant: Merchant, zone: str) -> None:
    """`best_before` has any of the field's forms; without a zone it is UTC."""
    payment_id = f"p-24{zone}"
    text = moment(project, days=9)[: len("2030-01-31T12:00:00")]
    make_link(project, payment_id, payment={"best_before": f"{text}{zone}"})
    told = merchant.told(payment_id, "awaiting payment").body["invoice"]["expires_at"]
    assert (told == f"{text}+0000") == ("08" not in zone)


def test_a_strict_project_demands_more(platform: RunningPlatform) -> None:
    """`strict_customer` asks for the same of a link as of a sale, but for the address."""
    strict = platform.add_project("", strict_customer=True)
    answer = strict.post(CREATE, link_body(strict, "p-1"))
    assert answer.brief == (400, "2004")
    fields = [one["field"] for one in answer.body["errors"]]
    assert fields == [
        "customer.first_name",
        "customer.last_name",
        "customer.email",
        "return_url",
    ]


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("payment", "best_before", 1_900_000_000),
        ("payment", "force_method", 1),
        ("customer", "language", ["en"]),
        ("", "send_email", "yes"),
        ("", "operation_type", 1),
    ],
)
def test_wrong_types_are_malformed(
    platform: RunningPlatform, project: ProjectClient, group: str, name: str, value: object
) -> None:
    """A member of another type is refused before the signature, and named."""
    body = link_body(project, "p-25")
    (body[group] if group else body)[name] = value
    answer = platform.client.post(CREATE, body)
    assert answer.brief == (400, "702")
    assert [one["field"] for one in answer.body["errors"]] == [f"{group}.{name}".lstrip(".")]


def test_cancel_needs_an_id(project: ProjectClient) -> None:
    """A cancellation names its payment."""
    answer = project.post(CANCEL, {"general": {"project_id": project.id}})
    assert answer.brief == (400, "2004")
    answer = project.post(CANCEL, project.about("a;b"))
    assert answer.brief == (400, "3024")


def test_a_cancellation_of_others_is_refused(project: ProjectClient, merchant: Merchant) -> None:
    """Who does not know the secret takes no link back."""
    made(project, merchant, "p-26")
    answer = project.platform.client.post(CANCEL, signed(project.about("p-26"), "another secret"))
    assert answer.brief == (400, "3261")
    assert kinds(project, "p-26") == [("invoice", "awaiting payment")]
