"""Orders asked of the provider, and its answers."""

from __future__ import annotations

import pytest

from sampan.domain import reference
from sampan.domain.project import DisplayProfile
from sampan.domain.statuses import PaymentStatus
from sampan.flow import issuing
from sampan.flow.issuing import Asking
from sampan.providers import base as bank
from sampan.storage.engine import Tx
from tests.support.flow_world import PAYLOAD, FlowWorld


def order(flow: FlowWorld) -> Asking | None:
    """What would be asked about the newest operation now."""
    newest = flow.operations()[-1]
    return flow.do(lambda tx: issuing.asking(tx, flow.project, newest))


def test_the_order(flow: FlowWorld) -> None:
    """The provider gets values: our reference, the sum, how long, and its own options."""
    flow.set(payee_name_zh="茶室", sandbox_autopay_ms=50)
    flow.sale(description="tea")
    asked = order(flow)
    assert asked is not None
    now_us = flow.clock.now_us()
    assert asked.order == bank.ProviderOrder(
        reference=reference.encode(flow.operations()[0].id),
        amount_minor=10_000,
        currency="HKD",
        description="tea",
        created_us=now_us,
        expires_us=now_us + 600_000_000,
        closes_us=now_us + 900_000_000,
        options={
            "project_id": "123",
            "payee_fps_id": "1029384",
            "payee_name": "SAMPAN DEMO SHOP",
            "payee_name_zh": "茶室",
            "reference_mode": "bill_number",
            "scenario": "by_amount",
            "autopay_ms": "50",
        },
    )


def test_a_qr_never_outlives_its_payment(flow: FlowWorld) -> None:
    """With a time to decline shorter than the QR's lifetime, the QR ends with the payment."""
    flow.set(decline_after_s=30)
    flow.sale()
    asked = order(flow)
    assert asked is not None
    assert asked.order.expires_us == asked.order.closes_us == flow.clock.now_us() + 30_000_000


def test_nothing_is_asked_twice(flow: FlowWorld) -> None:
    """A payment that has its QR asks for no other."""
    flow.waiting()
    assert order(flow) is None


@pytest.mark.parametrize("profile", DisplayProfile)
def test_the_qr_is_shown(flow: FlowWorld, profile: DisplayProfile) -> None:
    """The answer makes the payment wait and tells the merchant once, with the QR."""
    flow.set(display_profile=profile)
    payment = flow.waiting()
    assert payment.status is PaymentStatus.AWAITING_CUSTOMER_ACTION
    assert payment.display is not None
    assert (payment.display.payload, payment.display.lifetime_s) == (PAYLOAD, 600)
    (told,) = flow.bodies()
    assert told["payment"]["status"] == told["operation"]["status"] == "awaiting customer action"
    assert (told["operation"]["code"], told["operation"]["message"]) == (
        "9999",
        "Awaiting processing",
    )
    assert told["display_data"][0]["type"] == "qr_data"
    assert told["qr"]["payload"] == PAYLOAD
    assert [callback.kind for callback in flow.callbacks()] == ["intermediate"]


def test_the_hosted_page(flow: FlowWorld) -> None:
    """With a page of ours the payment waits for the redirect's result, and shows nothing else."""
    flow.sale()
    flow.issue(redirect_url="https://pay.example/q/1")
    assert flow.payment().status is PaymentStatus.AWAITING_REDIRECT_RESULT
    (told,) = flow.bodies()
    assert told["redirect_data"]["url"] == "https://pay.example/q/1"
    assert "display_data" not in told
    flow.pay()
    assert flow.payment().status is PaymentStatus.SUCCESS


def test_the_bank_refuses_the_order(flow: FlowWorld) -> None:
    """A refused order declines the payment with the bank's code."""
    flow.sale()
    flow.answer(bank.Refused("20100"), of="p-1", redirect_url="")
    assert flow.payment().status is PaymentStatus.DECLINE
    (told,) = flow.bodies()
    assert told["operation"]["code"] == "20100"
    assert told["operation"]["message"] == "Declined by external provider"


def test_a_qr_that_is_already_over(flow: FlowWorld) -> None:
    """An answer that comes after the QR's end leaves a lifetime of nothing, not less."""
    flow.sale()
    flow.answer(bank.Issued(PAYLOAD, flow.clock.now_us() - 1), of="p-1", redirect_url="")
    display = flow.payment().display
    assert display is not None
    assert display.lifetime_s == 0


@pytest.mark.parametrize("outcome", [bank.Issued(PAYLOAD, 1), bank.Refused("20100")])
def test_a_second_answer(flow: FlowWorld, outcome: bank.Issued | bank.Refused) -> None:
    """An answer that money has overtaken changes nothing."""
    flow.sale()
    asked = order(flow)
    assert asked is not None
    flow.pay()
    before = flow.payment()

    def take(tx: Tx) -> None:
        issuing.take_answer(tx, asked, outcome, now_us=flow.clock.now_us())

    flow.do(take)
    assert flow.payment() == before
    assert [callback.kind for callback in flow.callbacks()] == ["final"]
