"""Purchases from the signed request to the final callback, as an integrator sees them."""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest
from payment_page_sdk.gate import Gate

from tests.support.client import Body, assert_signed, signed
from tests.support.merchant import Merchant
from tests.support.platform import SALE, ProjectClient, RunningPlatform, until
from tests.support.symbols import read_by_opencv

WAITING = "awaiting customer action"
Sale = Any
"""Whatever `ProjectClient.sell` takes."""


def seconds_of(date: str) -> float:
    """Read a date of the wire, which is always in UTC."""
    return datetime.strptime(date, "%Y-%m-%dT%H:%M:%S+0000").replace(tzinfo=UTC).timestamp()


def shown_to(merchant: Merchant, project: ProjectClient, payment_id: str, **sale: Sale) -> Body:
    """Sell, and return the intermediate callback that shows the QR."""
    project.sell(payment_id, **sale)
    return dict(merchant.callback(payment_id, WAITING).body)


def read_qr(png: bytes) -> str:
    """Read a QR symbol with a reader that has nothing to do with the one who drew it."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return read_by_opencv(image)


def posted(platform: RunningPlatform, body: str) -> str | bytes:
    """Post a sale with curl, or with the standard library where there is no curl."""
    curl = shutil.which("curl")
    if curl is None:
        return platform.client.post(SALE, body.encode()).raw
    arguments = [curl, "-sS", "--noproxy", "*", "--data-binary", "@-", platform.url + SALE]
    done = subprocess.run(
        arguments, input=body, capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout


# --- the main way ------------------------------------------------------------------------------


def test_sale_by_curl_ends_in_a_final_callback_that_the_sdk_reads(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """Public tools alone: curl sends, the public SDK signs, verifies and reads `success`."""
    body = json.dumps(signed(project.sale_body("p-1"), project.secret))
    taken = json.loads(posted(platform, body))
    assert (taken["status"], taken["payment_id"], taken["project_id"]) == (
        "success",
        "p-1",
        project.id,
    )
    shown = Gate(project.secret).handle_callback(merchant.callback("p-1", WAITING).raw.decode())
    assert shown.get_payment_status() == WAITING
    platform.bank.act(shown.get_value("qr.payload"))
    final = Gate(project.secret).handle_callback(merchant.callback("p-1", "success").raw.decode())
    assert final.get_payment_status() == final.SUCCESS_STATUS
    assert final.get_payment_id() == "p-1"
    assert final.get_value("operation.request_id") == taken["request_id"]


def test_final_callback_has_the_documented_shape(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """Members, their order and their values are those of the method's own example."""
    shown = shown_to(
        merchant, project, "p-1", payment={"description": "Tea; 茶"}, customer={"id": "c;1"}
    )
    platform.bank.act(shown["qr"]["payload"])
    body = merchant.callback("p-1", "success").body
    assert list(body) == ["project_id", "payment", "customer", "operation", "signature"]
    payment, operation = body["payment"], body["operation"]
    money = {"amount": 10_000, "currency": "HKD"}
    assert list(payment) == ["id", "type", "status", "date", "method", "sum", "description"]
    assert (payment["type"], payment["method"], payment["sum"]) == ("purchase", "hk-qr", money)
    assert (payment["description"], body["customer"]) == ("Tea, 茶", {"id": "c,1"})
    assert list(operation) == [
        "id", "type", "status", "date", "created_date", "request_id", "sum_initial",
        "sum_converted", "code", "message", "provider",
    ]  # fmt: skip
    assert (operation["sum_initial"], operation["sum_converted"]) == (money, money)
    assert (operation["code"], operation["message"]) == ("0", "Success")
    assert operation["provider"]["id"] == 1
    assert operation["provider"]["payment_id"].startswith("FT")
    assert operation["provider"]["auth_code"] == ""


def test_each_step_is_told_once(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """One intermediate and one final callback; nothing for plain `processing`."""
    shown = shown_to(merchant, project, "p-1")
    platform.bank.act(shown["qr"]["payload"])
    merchant.callback("p-1", "success")
    until(lambda: {one.status for one in platform.callbacks_of(project, "p-1")} == {"delivered"})
    assert [one.told[1] for one in merchant.of("p-1")] == [WAITING, "success"]


# --- results by amount and by the payer --------------------------------------------------------


@pytest.mark.parametrize("amount", [40_000, 40_400])
def test_magic_amounts_decline(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant, amount: int
) -> None:
    """Some amounts of the sandbox end in a decline by the bank."""
    shown = shown_to(merchant, project, "p-1", amount=amount)
    platform.bank.act(shown["qr"]["payload"])
    body = merchant.callback("p-1", "decline").body
    assert body["payment"]["status"] == "decline"
    assert (body["operation"]["code"], body["operation"]["message"]) == (
        "20100",
        "Declined by external provider",
    )
    assert "display_data" not in body
    assert "display_data" not in project.status("p-1")


def test_amount_with_another_sum_succeeds_where_the_project_takes_it(
    platform: RunningPlatform, merchant: Merchant
) -> None:
    """90000 is paid with another sum; the callback has both sums."""
    project = platform.add_project(merchant.url, secret=merchant.secrets[0], other_amount="accept")
    shown = shown_to(merchant, project, "p-1", amount=90_000)
    platform.bank.act(shown["qr"]["payload"])
    body = merchant.callback("p-1", "success").body
    assert body["payment"]["sum"]["amount"] == 89_900
    assert body["operation"]["sum_initial"]["amount"] == 90_000
    assert body["operation"]["sum_converted"]["amount"] == 89_900


def test_refusal_in_the_bank_app_declines(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """A payer who says no ends the payment at once."""
    shown = shown_to(merchant, project, "p-1")
    platform.bank.act(shown["qr"]["payload"], "refuse")
    operation = merchant.callback("p-1", "decline").body["operation"]
    assert (operation["code"], operation["message"]) == (
        "20301",
        "Account owner cancelled operation",
    )


def test_payment_that_nobody_pays_is_declined_in_time(
    platform: RunningPlatform, merchant: Merchant
) -> None:
    """`decline_after_s` ends a payment with 20602, by the real clock."""
    project = platform.add_project(merchant.url, secret=merchant.secrets[0], decline_after_s=1)
    project.sell("p-1")
    operation = merchant.callback("p-1", "decline", timeout_s=5).body["operation"]
    assert (operation["code"], operation["message"]) == ("20602", "Time-out")


def test_default_time_to_decline_is_the_qr_lifetime_and_five_minutes(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """A QR of ten minutes: still waiting after 14 minutes, declined after 15."""
    shown_to(merchant, project, "p-1")
    platform.clock.advance(14 * 60)
    assert project.status("p-1")["payment"]["status"] == WAITING
    platform.clock.advance(60)
    merchant.callback("p-1", "decline")


@pytest.mark.parametrize("currency", ["HKD", "CNY"])
def test_both_currencies_are_paid(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant, currency: str
) -> None:
    """The method knows two currencies, and each arrives as itself."""
    shown = shown_to(merchant, project, "p-1", currency=currency, amount=12_345)
    platform.bank.act(shown["qr"]["payload"])
    told = merchant.callback("p-1", "success").body["payment"]["sum"]
    assert told == {"amount": 12_345, "currency": currency}
    assert platform.bank.balance(project.fps_id, currency) == 12_345


# --- what is shown -----------------------------------------------------------------------------


def test_default_profile_is_one_item_with_the_image(
    project: ProjectClient, merchant: Merchant
) -> None:
    """`qr_data` holds the Base64 of a PNG in which another reader finds the payload."""
    body = shown_to(merchant, project, "p-1")
    (item,) = body["display_data"]
    assert (item["type"], item["title"]) == ("qr_data", "QR code")
    png = b64decode(item["data"], validate=True)
    assert png.startswith(b"\x89PNG\r\n")
    assert read_qr(png) == body["qr"]["payload"]


def test_payload_profile_is_one_item_with_the_text(
    platform: RunningPlatform, merchant: Merchant
) -> None:
    """For merchants who draw the code themselves."""
    project = platform.add_project(
        merchant.url, secret=merchant.secrets[0], display_profile="payload"
    )
    body = shown_to(merchant, project, "p-1")
    wanted = {"type": "qr_data", "title": "QR code", "data": body["qr"]["payload"]}
    assert body["display_data"] == [wanted]


def test_extended_profile_has_the_words_of_the_sibling_methods(
    platform: RunningPlatform, merchant: Merchant
) -> None:
    """Text, image, lifetime and expiry as four items."""
    project = platform.add_project(
        merchant.url, secret=merchant.secrets[0], display_profile="extended"
    )
    body = shown_to(merchant, project, "p-1")
    items = body["display_data"]
    named = [(item["type"], item["title"]) for item in items]
    assert named == [
        ("qr_data", "QR code"),
        ("qr_img", "QR code"),
        ("add_info", "lifetime"),
        ("add_info", "expired_timestamp"),
    ]
    qr = body["qr"]
    assert items[0]["data"] == qr["payload"] == read_qr(b64decode(items[1]["data"]))
    assert items[2]["data"] == str(qr["lifetime"])
    assert items[3]["data"] == str(int(seconds_of(qr["expires_at"])))


@pytest.mark.parametrize("profile", ["image", "payload", "extended"])
def test_expiry_is_told_in_every_profile(
    platform: RunningPlatform, merchant: Merchant, profile: str
) -> None:
    """`qr` tells until when the QR may be paid: ten minutes, unless the project says otherwise."""
    project = platform.add_project(
        merchant.url, secret=merchant.secrets[0], display_profile=profile, qr_lifetime_s=120
    )
    now_s = platform.clock.now_us() / 1e6
    qr = shown_to(merchant, project, "p-1")["qr"]
    assert seconds_of(qr["expires_at"]) == pytest.approx(now_s + 120, abs=10)
    assert qr["lifetime"] == pytest.approx(120, abs=10)


def test_status_shows_the_same_while_the_payment_waits(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """Who lost the intermediate callback finds the same QR in the status answer, until paid."""
    body = shown_to(merchant, project, "p-1")
    status = project.status("p-1")
    assert_signed(status, project.secret)
    assert status["payment"] == body["payment"]
    assert status["operations"] == [body["operation"]]
    assert (status["display_data"], status["qr"]) == (body["display_data"], body["qr"])
    platform.bank.act(body["qr"]["payload"])
    merchant.callback("p-1", "success")
    assert "display_data" not in project.status("p-1")
    assert "qr" not in project.status("p-1")


# --- where and when to tell --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "status", "path"), [("pay", "success", "/won"), ("refuse", "decline", "/lost")]
)
def test_result_has_an_address_of_its_own(
    platform: RunningPlatform,
    project: ProjectClient,
    merchant: Merchant,
    action: str,
    status: str,
    path: str,
) -> None:
    """Success and decline URLs of the request win over its general one, which takes the rest."""
    general = {
        "merchant_callback_url": merchant.url + "/all",
        "merchant_success_callback_url": merchant.url + "/won",
        "merchant_decline_callback_url": merchant.url + "/lost",
    }
    shown = shown_to(merchant, project, "p-1", general=general)
    platform.bank.act(shown["qr"]["payload"], action)
    merchant.callback("p-1", status)
    places = {one.told[1]: "/" + one.path.split("/")[2] for one in merchant.of("p-1")}
    assert places == {WAITING: "/all", status: path}


def test_general_address_of_the_request_wins_over_the_project(
    platform: RunningPlatform, merchant: Merchant
) -> None:
    """A project may have no address at all when each request brings one."""
    project = platform.add_project("", secret=merchant.secrets[0])
    general = {"merchant_callback_url": merchant.url + "/mine"}
    shown = shown_to(merchant, project, "p-1", general=general)
    platform.bank.act(shown["qr"]["payload"])
    merchant.callback("p-1", "success")
    assert {one.path.split("/")[2] for one in merchant.of("p-1")} == {"mine"}


def test_callback_waits_for_the_asked_delay(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """`callback.delay` seconds pass before a callback is sent."""
    project.sell("p-1", callback={"delay": 600})
    until(lambda: project.status("p-1").get("qr"))
    platform.clock.advance(590)
    assert merchant.of("p-1") == []
    platform.clock.advance(11)
    merchant.callback("p-1", WAITING)


@pytest.mark.parametrize("switch", [True, 1])
def test_callbacks_may_be_switched_off(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant, switch: object
) -> None:
    """`callback.force_disable`: nothing is sent, the log says why, the status answer tells."""
    project.sell("p-1", callback={"force_disable": switch})
    payload = until(lambda: project.status("p-1").get("qr"))["payload"]
    platform.bank.act(payload)
    until(lambda: project.status("p-1")["payment"]["status"] == "success")
    kept = platform.callbacks_of(project, "p-1")
    assert [(one.kind, one.status) for one in kept] == [
        ("intermediate", "dropped"),
        ("final", "dropped"),
    ]
    assert "force_disable" in kept[0].note
    assert merchant.of("p-1") == []


# --- keys --------------------------------------------------------------------------------------


def test_secret_rotation_drops_no_message(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """While keys change both verify requests, the new one signs, and webhooks carry both marks."""
    shown_to(merchant, project, "p-old")
    old = project.secret
    merchant.secrets = ("second secret", old)
    project.rotate("second secret", overlap_s=3600)
    for number, secret in enumerate(("second secret", old)):
        body = signed(project.sale_body(f"p-{number}"), secret)
        assert platform.client.post(SALE, body).status == 200
        got = merchant.callback(f"p-{number}", WAITING)
        assert len(got.headers["webhook-signature"].split(" ")) == 2
        Gate("second secret").handle_callback(got.raw.decode())
    assert_signed(project.status("p-old"), "second secret")


def test_old_secret_ends_with_its_time(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """After the overlap only the new secret verifies and signs."""
    old = project.secret
    merchant.secrets = ("second secret",)
    project.rotate("second secret", overlap_s=60)
    platform.clock.advance(61)
    answer = platform.client.post(SALE, signed(project.sale_body("p-1"), old))
    assert answer.brief == (400, "3261")
    shown_to(merchant, project, "p-1")
