"""Gate's other requests: repeats, errors of stage 2, status, refused refunds, information."""

from __future__ import annotations

import re

import pytest

from tests.support.client import Body, assert_signed, signed
from tests.support.merchant import Merchant
from tests.support.platform import SALE, STATUS, ProjectClient, RunningPlatform, until

WAITING = "awaiting customer action"
REQUEST_STATUS = "/v2/payment/status/request"
METHODS = "/v2/info/available_methods_for_merchant/list"
REFUNDS = [
    "/v2/payment/banks/hk-qr/refund",
    "/v2/payment/hk-qr/refund",
    "/v2/payment/refund",
    "/v2/payment/card/refund",
    "/v2/payment/banks/card/refund",
]


def pay(platform: RunningPlatform, project: ProjectClient, merchant: Merchant, name: str) -> str:
    """Sell and pay; return the request id of the sale."""
    request_id = project.sell(name)
    platform.bank.act(merchant.callback(name, WAITING).body["qr"]["payload"])
    merchant.callback(name, "success")
    return request_id


# --- repeats -----------------------------------------------------------------------------------


def test_acknowledgement_has_four_members(project: ProjectClient) -> None:
    """Status, request id, project and payment, as the acknowledgement of the field has them."""
    answer = project.post(SALE, project.sale_body("p-1"))
    request_id = answer.body["request_id"]
    assert answer.body == {
        "status": "success",
        "request_id": request_id,
        "project_id": project.id,
        "payment_id": "p-1",
    }
    assert re.fullmatch(rf"[0-9a-f]{{40}}-[0-9a-f]{{40}}-{project.id:08d}", request_id)


def test_repeat_returns_the_first_request_id(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """The same body again, before and after payment, is answered alike and starts nothing."""
    first = project.sell("p-1")
    shown = merchant.callback("p-1", WAITING)
    assert project.sell("p-1") == first
    platform.bank.act(shown.body["qr"]["payload"])
    merchant.callback("p-1", "success")
    assert project.sell("p-1") == first
    assert len(project.status("p-1")["operations"]) == 1
    assert [one.kind for one in platform.callbacks_of(project, "p-1")] == ["intermediate", "final"]


@pytest.mark.parametrize(
    ("first", "second"), [("Order-7", "oRDER-7"), ("Café", "CAFÉ"), ("straße", "STRASSE")]
)
def test_payment_id_is_one_whatever_its_case(
    project: ProjectClient, first: str, second: str
) -> None:
    """Another spelling is the same payment, which keeps the spelling that came first."""
    project.sell(first)
    assert project.post(SALE, project.sale_body(second)).brief == (400, "3041")
    assert project.status(second)["payment"]["id"] == first


def test_payment_id_belongs_to_its_project(
    platform: RunningPlatform, project: ProjectClient
) -> None:
    """Two projects may use the same id, and neither sees the other's payment."""
    other = platform.add_project("")
    assert project.sell("p-1") != other.sell("p-1", amount=777)
    assert other.status("p-1")["payment"]["sum"]["amount"] == 777
    assert project.status("p-1")["payment"]["sum"]["amount"] == 10_000


@pytest.mark.parametrize("payment_id", ["a@b.c_d-e", "x" * 255, "訂單 七", "p:q", "%2e%2e/", "0"])
def test_payment_id_may_hold_anything(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant, payment_id: str
) -> None:
    """Ids are kept as sent and come back so."""
    project.sell(payment_id)
    assert project.status(payment_id)["payment"]["id"] == payment_id
    until(lambda: [*platform.callbacks_of(project, payment_id)])
    assert merchant.callback(payment_id, WAITING).payment_id == payment_id


# --- stage 2 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "settings", "code", "message", "field"),
    [
        (10_000, "USD", {}, "3121", "Invalid currency", "currency"),
        (
            10_000,
            "CNY",
            {"cny_enabled": False},
            "3023",
            "Provided currency disabled for Project ID",
            "currency",
        ),
        (0, "HKD", {}, "3358", "Operation amount is less than limit", "amount"),
        (
            99,
            "HKD",
            {"hkd_amount_min": 100},
            "3358",
            "Operation amount is less than limit",
            "amount",
        ),
        (1_000_001, "HKD", {}, "2642", "Operation amount is greater than limit", "amount"),
        (1_000_001, "CNY", {}, "2642", "Operation amount is greater than limit", "amount"),
    ],
)
def test_what_the_project_forbids_is_told_by_callback(
    platform: RunningPlatform,
    merchant: Merchant,
    amount: int,
    currency: str,
    settings: Body,
    code: str,
    message: str,
    field: str,
) -> None:
    """200, then a callback with payment status `error` and what was wrong; the status says so."""
    project = platform.add_project(merchant.url, secret=merchant.secrets[0], **settings)
    request_id = project.sell("p-1", amount=amount, currency=currency)
    body = merchant.callback("p-1", "error").body
    wanted = [{"code": code, "message": message, "field": f"payment.{field}"}]
    assert (body["payment"]["status"], body["errors"]) == ("error", wanted)
    operation = body["operation"]
    assert (operation["code"], operation["message"]) == (code, message)
    assert operation["request_id"] == request_id
    assert project.status("p-1")["errors"] == wanted


@pytest.mark.parametrize("amount", [1, 1_000_000])
def test_limits_belong_to_what_is_allowed(
    project: ProjectClient, merchant: Merchant, amount: int
) -> None:
    """The default limits themselves are taken: one cent and ten thousand dollars."""
    project.sell("p-1", amount=amount)
    merchant.callback("p-1", WAITING)


def test_payment_in_error_may_be_sent_again(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """Another body under the same id starts the payment anew and ends well."""
    first = project.sell("p-1", amount=1_000_001)
    merchant.callback("p-1", "error")
    second = pay(platform, project, merchant, "p-1")
    assert first != second
    status = project.status("p-1")
    assert status["payment"]["status"] == "success"
    assert [one["request_id"] for one in status["operations"]] == [first, second]
    assert "errors" not in status


def test_same_body_may_be_sent_again_after_an_error(
    project: ProjectClient, merchant: Merchant
) -> None:
    """When the project's limits were the fault, the same request works once they are changed."""
    first = project.sell("p-1", amount=1_000_001)
    merchant.callback("p-1", "error")
    project.change(hkd_amount_max=2_000_000)
    assert project.sell("p-1", amount=1_000_001) != first
    merchant.callback("p-1", WAITING)


# --- status ------------------------------------------------------------------------------------


def test_status_of_an_unknown_payment_is_an_error_inside(project: ProjectClient) -> None:
    """200 and signed, with payment status `error` and code 3061."""
    body = project.status("never-sent")
    assert_signed(body, project.secret)
    assert body["payment"] == {"status": "error"}
    assert body["errors"] == [{"code": "3061", "message": "Transaction not found"}]


def test_status_is_asked_for_without_waiting(project: ProjectClient) -> None:
    """A status request right behind the sale is answered."""
    project.sell("p-1")
    assert project.status("p-1")["payment"]["status"] in {"processing", WAITING}


def test_request_status_tells_about_one_request(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """By `request_id`: what became of it, signed in `general`."""
    request_id = pay(platform, project, merchant, "p-1")
    asked = {"project_id": project.id, "request_id": request_id}
    answer = project.post(REQUEST_STATUS, asked)
    assert answer.status == 200
    body = answer.body
    assert_signed(body, project.secret)
    assert body["general"]["payment_id"] == "p-1"
    assert (body["status"], body["request_id"]) == ("success", request_id)
    assert body["payment"]["result_code"] == "0"
    assert body["transaction"]["type"] == "sale"
    assert body["sum_real"] == body["sum_request"] == {"amount": 10_000, "currency": "HKD"}


def test_request_status_of_another_project_is_not_found(
    platform: RunningPlatform, project: ProjectClient
) -> None:
    """A request id is worth nothing in another project."""
    request_id = project.sell("p-1")
    other = platform.add_project("")
    for asked in (request_id, "nonsense", ""):
        answer = other.post(REQUEST_STATUS, {"project_id": other.id, "request_id": asked})
        assert answer.brief == (404, "3061")


def test_request_status_needs_a_request_id(project: ProjectClient) -> None:
    """Without `request_id` the field is named."""
    answer = project.post(REQUEST_STATUS, {"project_id": project.id})
    assert answer.brief == (400, "2004")
    assert answer.body["errors"][0]["field"] == "request_id"


# --- refused refunds ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", REFUNDS)
def test_refund_is_acknowledged_and_refused_by_callback(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant, path: str
) -> None:
    """Every path of a refund: 200, a callback with the same request id, the payment unchanged."""
    pay(platform, project, merchant, "p-1")
    answer = project.post(path, project.about("p-1"))
    assert answer.status == 200
    body = merchant.callback("p-1", "decline", operation="refund").body
    assert body["payment"]["status"] == "success"
    operation = body["operation"]
    assert operation["request_id"] == answer.body["request_id"]
    assert (operation["code"], operation["message"]) == (
        "20706",
        "Operation not supported by provider",
    )
    assert operation["sum_initial"] == {"amount": 10_000, "currency": "HKD"}
    status = project.status("p-1")
    assert status["payment"]["status"] == "success"
    assert [one["type"] for one in status["operations"]] == ["sale", "refund"]


def test_refund_before_payment_leaves_the_qr_payable(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """A refused refund of a waiting payment does not disturb it."""
    project.sell("p-1")
    payload = merchant.callback("p-1", WAITING).body["qr"]["payload"]
    assert project.post(REFUNDS[0], project.about("p-1")).status == 200
    merchant.callback("p-1", "decline", operation="refund")
    platform.bank.act(payload)
    merchant.callback("p-1", "success")


def test_repeated_refund_returns_the_first_request_id(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """The same refund again starts nothing; a new `merchant_refund_id` is a new one."""
    pay(platform, project, merchant, "p-1")

    def refund(**members: object) -> tuple[int, str]:
        answer = project.post(REFUNDS[0], project.about("p-1") | {"payment": members})
        return answer.status, answer.body.get("request_id", answer.body.get("code"))

    first = refund(merchant_refund_id="r-1", amount=100)
    assert first[0] == 200
    assert refund(merchant_refund_id="r-1", amount=100) == first
    assert refund(merchant_refund_id="r-1", amount=200) == (400, "3230")
    second = refund(merchant_refund_id="r-2", amount=100)
    assert second[0] == 200
    assert second != first


@pytest.mark.parametrize("path", ["/v2/payment/nope/refund", "/v2/payment/banks/nope/refund"])
def test_refund_of_an_unknown_method_is_refused(project: ProjectClient, path: str) -> None:
    """A method that nobody knows: 2541, also for a payment that nobody knows."""
    assert project.post(path, project.about("p-1")).brief == (400, "2541")


@pytest.mark.parametrize("path", REFUNDS)
def test_refund_of_an_unknown_payment_is_refused(project: ProjectClient, path: str) -> None:
    """No such payment: 3061, and nothing is told."""
    assert project.post(path, project.about("p-never")).brief == (404, "3061")


@pytest.mark.parametrize("amount", [0, -1, 10**13 + 1])
def test_refund_of_an_impossible_amount_is_malformed(project: ProjectClient, amount: int) -> None:
    """An amount that no refund can have is refused at once."""
    body = project.about("p-1") | {"payment": {"amount": amount}}
    assert project.post(REFUNDS[0], body).brief == (400, "702")


# --- information -------------------------------------------------------------------------------


def test_check_signature_tells_the_signed_text(
    platform: RunningPlatform, project: ProjectClient
) -> None:
    """A good signature is confirmed with the text it was made of; a wrong one is refused."""
    body: Body = {"general": {"project_id": project.id, "payment_id": "p"}, "b": [True, 2]}
    answer = project.post("/v2/info/check/signature", body)
    assert answer.body == {
        "status": "success",
        "signed_text": f"b:0:1;b:1:2;general:payment_id:p;general:project_id:{project.id}",
    }
    wrong = platform.client.post("/v2/info/check/signature", signed(body, "another secret"))
    assert wrong.brief == (400, "3261")


def test_methods_are_listed_by_currency(platform: RunningPlatform, project: ProjectClient) -> None:
    """Each currency that the project takes, with its limits; one currency when asked for."""
    asked: Body = {"project_id": project.id}
    listed = project.post(METHODS, asked).body
    assert sorted(listed) == ["CNY", "HKD"]
    assert listed["HKD"][0]["payment_method"] == "hk-qr"
    assert listed["HKD"][0]["limits"] == {"min amount": 1, "max amount": 1_000_000}
    assert sorted(project.post(METHODS, asked | {"currency": "HKD"}).body) == ["HKD"]
    only_hkd = platform.add_project("", cny_enabled=False, hkd_amount_max=500)
    listed = only_hkd.post(METHODS, {"project_id": only_hkd.id}).body
    assert sorted(listed) == ["HKD"]
    assert listed["HKD"][0]["limits"]["max amount"] == 500


def test_switched_off_project_has_no_methods(platform: RunningPlatform) -> None:
    """Nothing is offered where nothing is taken; its status is still answered."""
    off = platform.add_project("", enabled=False)
    assert off.post(METHODS, {"project_id": off.id}).body == {}
    assert off.post(STATUS, off.about("p-1")).status == 200
