"""A payment on the Payment Page from opening to the way back, over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from sampan.codecs import qr_image
from sampan.codecs.signature import verify
from sampan.domain.statuses import PaymentStatus
from tests.api.conftest import SECRET
from tests.support.client import Answer
from tests.support.merchant import Merchant
from tests.support.pages import (
    attribute,
    html_of,
    open_page,
    payload_of,
    screen_of,
    session_of,
    state_of,
)
from tests.support.platform import STATUS, ProjectClient, until

SHOP = "https://shop.example"


def act(project: ProjectClient, session: str, name: str) -> Answer:
    """Send a form of the page as our script does."""
    headers = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}
    return project.platform.client.request("POST", f"{session}/{name}", body=b"", headers=headers)


def pay(project: ProjectClient, payment_id: str, action: str = "pay") -> None:
    """Do what a payer does with the QR on show."""
    project.platform.bank.act(payload_of(project, payment_id), action)


@contextmanager
def events(project: ProjectClient, session: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Follow a page's stream of events; yields an iterator of its messages."""
    parts = urlsplit(project.platform.url)
    assert parts.hostname is not None
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=15)) as line:
        line.request("GET", f"{session}/events")
        answer = line.getresponse()
        assert answer.getheader("content-type") == "text/event-stream; charset=utf-8"

        def told() -> Iterator[dict[str, Any]]:
            for row in answer:
                if row.startswith(b"data:"):
                    yield json.loads(row[5:])

        yield told()


def test_paid(project: ProjectClient, merchant: Merchant) -> None:
    """The customer pays, the page is told, and the merchant gets one callback: the result."""
    session = session_of(open_page(project, "p-1", payment_description="Tea 茶"))
    with events(project, session) as told:
        assert 'data-screen="pay"' in next(told)["html"]
        pay(project, "p-1")
        assert 'data-screen="paid"' in next(told)["html"]
        assert list(told) == []
    body = merchant.callback("p-1", "success").body
    assert body["payment"]["description"] == "Tea 茶"
    assert body["customer"] == {"id": "customer1"}
    assert "is_new_attempts_available" not in body["payment"]
    assert len(merchant.received) == 1
    assert screen_of(open_page(project, "p-1", payment_description="Tea 茶")) == "paid"


def test_intermediate_callback_where_wanted(project: ProjectClient, merchant: Merchant) -> None:
    """A project may have the callback with the QR for pages too."""
    project.change(page_intermediate_callback=True)
    open_page(project, "p-2")
    assert "display_data" in merchant.callback("p-2", "awaiting customer action").body


def test_asking_waits_for_news(project: ProjectClient) -> None:
    """A page without a stream asks, and is answered when there is something new."""
    answer = open_page(project, "p-3")
    session, version = session_of(answer), attribute(html_of(answer), "version")
    got: list[Answer] = []
    client = project.platform.client
    asking = threading.Thread(
        target=lambda: got.append(client.request("GET", f"{session}/state?since={version}"))
    )
    asking.start()
    pay(project, "p-3")
    asking.join(10)
    assert screen_of(got[0]) == "paid"
    assert screen_of(state_of(project, session)) == "paid"


def test_confirmation_starts_once(project: ProjectClient) -> None:
    """Where the project wants it the customer confirms; twice at once is once."""
    project.change(page_confirm=True)
    session = session_of(open_page(project, "p-4"))
    answers: list[Answer] = []
    many = [
        threading.Thread(target=lambda: answers.append(act(project, session, "start")))
        for _ in range(8)
    ]
    for one in many:
        one.start()
    for one in many:
        one.join()
    assert {screen_of(answer) for answer in answers} == {"pay"}
    assert len(project.status("p-4")["operations"]) == 1


def test_confirmation_without_script(project: ProjectClient) -> None:
    """A plain form leads back to the page by 303, in the language that was chosen."""
    project.change(page_confirm=True)
    session = session_of(open_page(project, "p-5"))
    answer = project.platform.client.request("POST", f"{session}/start?lang=zh-hant", body=b"")
    assert (answer.status, answer.headers["location"]) == (303, f"{session}?lang=zh-hant")
    page = project.platform.client.request("GET", answer.headers["location"])
    assert b'<meta http-equiv="refresh" content="3;url=' in page.raw
    assert screen_of(page) == "pay"


def test_first_of_two_requests_wins(project: ProjectClient) -> None:
    """Two signed requests for one payment id: who confirms first has it, the other is refused."""
    project.change(page_confirm=True)
    first = session_of(open_page(project, "p-6"))
    other = session_of(open_page(project, "p-6", payment_amount=9_900))
    assert screen_of(act(project, first, "start")) == "pay"
    assert act(project, other, "start").status == 400
    assert project.status("p-6")["payment"]["sum"]["amount"] == 10_000


def test_try_again(project: ProjectClient, merchant: Merchant) -> None:
    """A refusal offers another attempt with a QR of its own; the merchant hears of each."""
    project.change(retry_attempts_max=1)
    session = session_of(open_page(project, "p-7"))
    first = payload_of(project, "p-7")
    pay(project, "p-7", "refuse")
    told = merchant.told("p-7", "awaiting customer").body
    assert told["operation"]["status"] == "decline"
    assert told["payment"]["is_new_attempts_available"] == 1
    assert 590 <= told["payment"]["attempts_timeout"] <= 600
    assert screen_of(state_of(project, session)) == "retry"
    assert screen_of(act(project, session, "again")) == "pay"
    assert payload_of(project, "p-7") != first
    # The first QR is still in somebody's album: what it says now is old.
    project.platform.client.post("/bank/v1/simulate", {"payload": first, "action": "refuse"})
    pay(project, "p-7")
    final = merchant.told("p-7", "success").body
    assert final["payment"]["is_new_attempts_available"] == 0
    kinds = [(one["type"], one["status"]) for one in project.status("p-7")["operations"]]
    assert kinds == [("sale", "decline"), ("sale", "success")]


def test_attempts_end(project: ProjectClient, merchant: Merchant) -> None:
    """When the attempts are used up the payment is declined, and the page says so."""
    project.change(retry_attempts_max=1)
    session = session_of(open_page(project, "p-8"))
    for name in ("retry", "declined"):
        pay(project, "p-8", "refuse")
        until(lambda name=name: screen_of(state_of(project, session)) == name)  # type: ignore[misc]
        act(project, session, "again")
    told = merchant.told("p-8", "decline").body
    assert told["operation"]["code"] == "20301"
    assert told["payment"]["is_new_attempts_available"] == 0
    assert screen_of(state_of(project, session)) == "declined"


def test_going_away_ends_the_attempts(project: ProjectClient, merchant: Merchant) -> None:
    """A customer who goes back to the shop instead declines the payment at once."""
    project.change(retry_attempts_max=5)
    session = session_of(open_page(project, "p-9"))
    pay(project, "p-9", "refuse")
    merchant.told("p-9", "awaiting customer")
    assert act(project, session, "leave").status == 204
    assert merchant.told("p-9", "decline").body["operation"]["code"] == "20301"
    assert act(project, session, "leave").status == 204


def test_leaving_a_waiting_payment_changes_nothing(project: ProjectClient) -> None:
    """Who goes away while the QR is on show may still pay it from the album."""
    session = session_of(open_page(project, "p-10"))
    act(project, session, "leave")
    pay(project, "p-10")
    until(lambda: screen_of(state_of(project, session)) == "paid")


def test_expired_qr_makes_room(project: ProjectClient) -> None:
    """When the QR's time is over the customer may have a new one at once."""
    project.change(retry_attempts_max=2)
    session = session_of(open_page(project, "p-11"))
    first = payload_of(project, "p-11")
    project.platform.clock.advance(601)
    late = state_of(project, session)
    assert screen_of(late) == "late"
    assert f"{session}/again" in html_of(late)
    assert screen_of(act(project, session, "again")) == "pay"
    assert payload_of(project, "p-11") != first


def test_expired_without_further_attempts(project: ProjectClient) -> None:
    """Without attempts left there is nothing to press, and the time-out follows."""
    session = session_of(open_page(project, "p-12"))
    project.platform.clock.advance(601)
    assert f"{session}/again" not in html_of(state_of(project, session))
    assert screen_of(act(project, session, "again")) == "late"
    project.platform.clock.advance(301)
    until(lambda: screen_of(state_of(project, session)) == "timed_out")


def test_other_amount_is_held(project: ProjectClient) -> None:
    """Money that does not fit is said to be checked, and nobody is asked to pay again."""
    session = session_of(open_page(project, "p-13"))
    pay(project, "p-13", "short")
    until(lambda: screen_of(state_of(project, session)) == "held")


def test_resumed_elsewhere(project: ProjectClient) -> None:
    """The session's address shows the same page anywhere, without the request's signature."""
    answer = open_page(project, "p-14")
    page = project.platform.client.request("GET", session_of(answer))
    assert screen_of(page) == "pay"
    assert payload_of(project, "p-14") is not None


def test_saved_picture(project: ProjectClient) -> None:
    """The picture to keep is large, named after the payment, and holds the very QR."""
    session = session_of(open_page(project, "order/7 \u202e茶"))
    saved = project.platform.client.request("GET", f"{session}/qr.png")
    assert saved.headers["content-type"] == "image/png"
    name = saved.headers["content-disposition"]
    assert name == 'attachment; filename="order-7.png"'
    assert qr_image.read(saved.raw) == [payload_of(project, "order/7 \u202e茶")]
    assert int.from_bytes(saved.raw[16:20], "big") >= 900
    pay(project, "order/7 \u202e茶")
    until(lambda: screen_of(state_of(project, session)) == "paid")
    assert project.platform.client.request("GET", f"{session}/qr.png").status == 404


RETURNS = {
    "merchant_success_url": f"{SHOP}/ok?a=1&b=2",
    "merchant_fail_url": f"{SHOP}/no",
    "merchant_return_url": f"{SHOP}/cart",
}


@pytest.mark.parametrize(
    ("action", "screen", "url"),
    [("pay", "paid", f"{SHOP}/ok?a=1&b=2"), ("refuse", "declined", f"{SHOP}/no")],
)
def test_way_back(project: ProjectClient, action: str, screen: str, url: str) -> None:
    """Each screen leads back to its own address, to which nothing is added."""
    answer = open_page(project, "p-15", **RETURNS)
    assert f'href="{SHOP}/cart"' in html_of(answer)
    session = session_of(answer)
    pay(project, "p-15", action)
    until(lambda: screen_of(state_of(project, session)) == screen)
    html = html_of(state_of(project, session))
    assert f'href="{url.replace("&", "&amp;")}"' in html
    assert 'data-way="whole"' in html
    framed = html_of(state_of(project, session, mode="popup"))
    assert 'data-way="close"' in framed


def test_way_back_by_itself(project: ProjectClient) -> None:
    """With `redirect_success_url` nobody sees the result: script and browser are led on."""
    session = session_of(open_page(project, "p-16", redirect_success_url=f"{SHOP}/done"))
    pay(project, "p-16")
    until(lambda: screen_of(state_of(project, session)) == "paid")
    page = project.platform.client.request("GET", session).raw.decode()
    assert attribute(page, "auto-url") == f"{SHOP}/done"
    assert f'http-equiv="refresh" content="0;url={SHOP}/done"' in page


def test_way_back_of_the_project(project: ProjectClient) -> None:
    """What the request does not say, the project's settings say."""
    project.change(merchant_success_url=f"{SHOP}/project", merchant_success_enabled="0")
    session = session_of(open_page(project, "p-17"))
    pay(project, "p-17")
    until(lambda: screen_of(state_of(project, session)) == "paid")
    assert SHOP not in html_of(state_of(project, session))
    project.change(merchant_success_enabled="")
    assert f"{SHOP}/project" in html_of(state_of(project, session))


def test_result_for_the_page_around(project: ProjectClient) -> None:
    """The message about a success is signed and says what was asked and paid."""
    session = session_of(open_page(project, "p-18"))
    pay(project, "p-18")
    until(lambda: screen_of(state_of(project, session)) == "paid")
    html = html_of(state_of(project, session))
    text = html.split('id="result">')[1].split("</script>")[0]
    told = json.loads(text)
    assert told["status"] == told["payment"]["status"] == "success"
    assert told["sum_real"] == {"amount": 10_000, "currency": "HKD"}
    signature = told["general"].pop("signature")
    assert verify([SECRET], told, signature=signature)


def test_result_is_no_request(project: ProjectClient) -> None:
    """What the customer can read is signed, but Gate does not take it for a request."""
    session = session_of(open_page(project, "p-25"))
    pay(project, "p-25")
    until(lambda: screen_of(state_of(project, session)) == "paid")
    told = json.loads(html_of(state_of(project, session)).split('id="result">')[1].split("<")[0])
    for path in (STATUS, "/v2/payment/refund", "/v2/payment/banks/hk-qr/refund"):
        answer = project.platform.client.post(path, told)
        assert (answer.status, answer.body["code"]) == (400, "702")
    assert len(project.status("p-25")["operations"]) == 1


def test_page_of_a_request_that_was_overtaken(project: ProjectClient) -> None:
    """A page never shows its own sum beside the QR of another request."""
    project.change(page_confirm=True)
    session = session_of(open_page(project, "p-26", payment_amount=9_000))
    project.change(page_confirm=True, hkd_amount_max=8_000)
    assert screen_of(act(project, session, "start")) == "failed"
    project.change(page_confirm=True)
    project.sell("p-26", amount=700)
    until(lambda: project.status("p-26")["payment"]["status"] == "awaiting customer action")
    state = state_of(project, session)
    assert screen_of(state) == "failed"
    assert "data:image/png" not in html_of(state)
    assert act(project, session, "start").status == 400


def test_error_is_started_anew(project: ProjectClient) -> None:
    """When a limit that stood in the way is gone, the same page begins."""
    project.change(page_confirm=True)
    session = session_of(open_page(project, "p-27", payment_amount=9_000))
    project.change(page_confirm=True, hkd_amount_max=8_000)
    assert screen_of(act(project, session, "start")) == "failed"
    project.change(hkd_amount_max=1_000_000)
    assert screen_of(act(project, session, "start")) == "pay"


def test_page_whose_payment_id_gate_took(project: ProjectClient) -> None:
    """A page that waits for its customer says so when Gate has sold under its payment id."""
    project.change(page_confirm=True)
    session = session_of(open_page(project, "p-28"))
    project.sell("p-28")
    assert screen_of(state_of(project, session)) == "failed"


def test_clock_that_is_set_back(project: ProjectClient) -> None:
    """News is newer than what was before, by whatever clock it was written."""
    answer = open_page(project, "p-29")
    order = int(attribute(html_of(answer), "order"))
    project.platform.clock.advance(-5)
    pay(project, "p-29")
    until(lambda: screen_of(state_of(project, session_of(answer))) == "paid")
    later = int(attribute(html_of(state_of(project, session_of(answer))), "order"))
    project.platform.clock.advance(5)
    assert later > order


def test_table_that_is_away_for_a_moment(
    project: ProjectClient, broken: Callable[[str], AbstractContextManager[None]]
) -> None:
    """A fault of the database ends no page: it is followed again when the fault is over."""
    session = session_of(open_page(project, "p-30"))
    with events(project, session) as told:
        next(told)
        with broken("payments"):
            threading.Event().wait(0.6)
        pay(project, "p-30")
        assert 'data-screen="paid"' in next(told)["html"]
    assert project.platform.inside.pages.watch._looking is None or not (
        project.platform.inside.pages.watch._looking.done()
    )


def test_merchant_data_comes_back(project: ProjectClient, merchant: Merchant) -> None:
    """What the merchant gave along comes back with the result."""
    open_page(project, "p-19", merchant_data='{"cart": 7}')
    pay(project, "p-19")
    assert merchant.callback("p-19", "success").body["merchant_data"] == '{"cart": 7}'


def test_callback_addresses_of_the_request(project: ProjectClient, merchant: Merchant) -> None:
    """A request may name its own addresses for callbacks."""
    project.change()
    open_page(project, "p-20", merchant_callback_url=merchant.url)
    pay(project, "p-20")
    merchant.callback("p-20", "success")


def test_hosted_page_of_a_gate_sale(project: ProjectClient, merchant: Merchant) -> None:
    """With `flow` redirect a sale is answered with the address of our page, and never a QR."""
    project.change(flow="redirect")
    back = {"success": f"{SHOP}/ok", "decline": f"{SHOP}/no", "return": f"{SHOP}/cart"}
    project.sell("p-21", return_url=back)
    told = merchant.callback("p-21", "awaiting redirect result").body
    assert "display_data" not in told
    url = told["redirect_data"]["url"]
    assert project.status("p-21")["redirect_data"]["url"] == url
    session = urlsplit(url).path
    page = project.platform.client.request("GET", session)
    assert screen_of(page) == "pay"
    assert f"{SHOP}/cart" in html_of(page)
    pay(project, "p-21")
    merchant.callback("p-21", "success")
    assert f"{SHOP}/ok" in html_of(state_of(project, session))
    payment = project.payment("p-21")
    assert payment is not None
    assert payment.status is PaymentStatus.SUCCESS


def test_bank_that_is_down(project: ProjectClient) -> None:
    """Where the bank does not answer the page says that the QR is being prepared, and waits."""
    project.change(sandbox_scenario="bank_down")
    answer = open_page(project, "p-22")
    assert screen_of(answer) == "preparing"
    with events(project, session_of(answer)) as told:
        seen = (attribute(news["html"], "screen") for news in told if news)
        assert next(seen) == "preparing"
        assert next(seen) == "pay"


def test_library_for_embedding(project: ProjectClient) -> None:
    """Shops load the library from here, packed where the browser unpacks, and asked for anew."""
    client = project.platform.client
    for name, kind in (("merchant.js", "text/javascript"), ("merchant.css", "text/css")):
        plain = client.request("GET", f"/shared/{name}")
        assert plain.headers["content-type"].startswith(kind)
        assert plain.headers["cross-origin-resource-policy"] == "cross-origin"
        packed = client.request("GET", f"/shared/{name}", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        known = {"If-None-Match": plain.headers["etag"]}
        assert client.request("GET", f"/shared/{name}", headers=known).status == 304
    assert client.request("GET", "/shared/page.js").status == 404
