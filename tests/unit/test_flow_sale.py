"""Sales: accepted once, refused with a reason, repeated without effect."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import pytest

from sampan.domain.payment import Customer, Targets
from sampan.domain.statuses import PaymentStatus
from sampan.errors import Refusal
from sampan.flow.sale import new_request_id
from sampan.storage import outbox, payments
from sampan.storage.engine import Tx
from tests.support.flow_world import FlowWorld
from tests.support.interfering import InterferingTx


def asked(flow: FlowWorld) -> int:
    """How many orders are to be asked of the provider."""
    now_us = flow.clock.now_us()
    return len(
        flow.do(
            lambda tx: outbox.claim(
                tx,
                "ask_provider",
                lane="sandbox",
                now_us=now_us,
                lease_until_us=now_us + 1,
                most=100,
            )
        )
    )


def test_a_new_sale_is_accepted(flow: FlowWorld) -> None:
    """A sale makes a payment under way, one operation, one order to ask for, and no callback."""
    request_id = flow.sale(description="tea", customer=Customer(id="c", first_name="Ah Mui"))
    payment = flow.payment()
    assert payment.status is PaymentStatus.PROCESSING
    assert (payment.amount_minor, payment.currency, payment.paid_minor) == (10_000, "HKD", 0)
    assert (payment.description, payment.customer.first_name) == ("tea", "Ah Mui")
    assert payment.decline_us == flow.clock.now_us() + 900_000_000
    (operation,) = flow.operations()
    assert (operation.request_id, operation.code) == (request_id, "9999")
    assert flow.callbacks() == []
    assert asked(flow) == 1
    (entry,) = flow.journal()
    assert (entry.what, entry.by, entry.why) == ("accepted", "merchant", request_id)


def test_request_ids_have_the_fields_form(flow: FlowWorld) -> None:
    """Clients keep the request id as it is; its form is the platform's."""
    made = new_request_id(flow.clock, 4_294_967_295)
    assert re.fullmatch(r"[0-9a-f]{40}-[0-9a-f]{40}-94967295", made)
    assert new_request_id(flow.clock, 7).endswith("-00000007")


def test_the_same_sale_again(flow: FlowWorld) -> None:
    """A repeat is answered with the first request id and starts nothing."""
    first = flow.sale()
    assert flow.sale() == first
    assert len(flow.operations()) == len(flow.journal()) == asked(flow) == 1


def test_the_same_sale_again_when_it_is_over(flow: FlowWorld) -> None:
    """A repeat long after the end still has its first answer."""
    first = flow.sale()
    flow.issue()
    flow.pay()
    flow.clock.advance(30 * 86_400_000_000)
    assert flow.sale() == first
    assert flow.payment().status is PaymentStatus.SUCCESS


def test_another_sale_under_a_used_id(flow: FlowWorld) -> None:
    """A used id with another body is refused with 3041, and the payment stays as it is."""
    flow.sale()
    before = flow.payment()
    with pytest.raises(Refusal, match="3041 Payment ID already exists"):
        flow.sale(amount_minor=20_000, digest="another")
    assert flow.payment() == before


def test_ids_are_compared_without_regard_to_case(flow: FlowWorld) -> None:
    """`ORDER-1` and `order-1` are one payment, kept as first sent."""
    flow.sale("Order-1")
    with pytest.raises(Refusal, match="3041"):
        flow.sale("oRDER-1", digest="another")
    assert flow.payment("ORDER-1").id == "Order-1"


def test_many_repeats_at_once(flow: FlowWorld) -> None:
    """The same sale sixteen times at once has one effect and one answer."""
    answers = flow.together(*(flow.take_sale(flow.request()) for _ in range(16)))
    assert len(set(answers)) == 1
    assert len(flow.operations()) == asked(flow) == 1


def test_many_rivals_at_once(flow: FlowWorld) -> None:
    """Of eight different sales under one id at once, one is accepted and seven are refused."""
    rivals = (flow.request(digest=f"d{number}") for number in range(8))
    answers = flow.together(*(flow.take_sale(rival) for rival in rivals))
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert [refusal.code for refusal in refused] == ["3041"] * 7
    assert len(flow.operations()) == 1


FAULTS: Final = [
    ({"currency": "USD"}, {}, "3121", "payment.currency"),
    ({"currency": "HKD"}, {"hkd_enabled": False}, "3023", "payment.currency"),
    ({"currency": "CNY"}, {"cny_enabled": False}, "3023", "payment.currency"),
    ({"amount_minor": 0}, {}, "3358", "payment.amount"),
    ({"amount_minor": 99}, {"hkd_amount_min": 100}, "3358", "payment.amount"),
    ({"amount_minor": 1_000_001}, {}, "2642", "payment.amount"),
    (
        {"amount_minor": 501, "currency": "CNY"}, {"cny_amount_max": 500}, "2642", "payment.amount",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "settings", "code", "field"), FAULTS)
def test_what_the_project_forbids(
    flow: FlowWorld, changes: dict[str, Any], settings: dict[str, Any], code: str, field: str
) -> None:
    """A sale against the project's settings is acknowledged, then told as an error."""
    flow.set(**settings)
    request_id = flow.sale(**changes)
    assert flow.payment().status is PaymentStatus.ERROR
    (told,) = flow.bodies()
    assert told["payment"]["status"] == told["operation"]["status"] == "error"
    assert told["operation"]["request_id"] == request_id
    assert told["operation"]["code"] == code
    assert [(each["code"], each["field"]) for each in told["errors"]] == [(code, field)]
    assert [callback.kind for callback in flow.callbacks()] == ["error"]
    assert asked(flow) == 0


@pytest.mark.parametrize("amount_minor", [1, 1_000_000])
def test_the_limits_themselves_are_taken(flow: FlowWorld, amount_minor: int) -> None:
    """From the least to the greatest amount, both included."""
    flow.sale(amount_minor=amount_minor)
    assert flow.payment().status is PaymentStatus.PROCESSING


def test_a_payment_in_error_may_be_sent_again(flow: FlowWorld) -> None:
    """A corrected sale under the same id starts the payment anew, with an operation of its own."""
    flow.sale(amount_minor=0)
    flow.clock.advance(5_000_000)
    flow.sale(amount_minor=500, currency="CNY", description="second", digest="second")
    payment = flow.payment()
    assert payment.status is PaymentStatus.PROCESSING
    assert (payment.amount_minor, payment.currency) == (500, "CNY")
    assert (payment.description, payment.faults, payment.finished_us) == ("second", (), None)
    assert [one.status for one in flow.operations()] == ["error", "processing"]
    assert [(one.status_from, one.status_to) for one in flow.journal()] == [
        (None, "error"),
        ("error", "processing"),
    ]
    flow.issue()
    flow.pay(500, currency="CNY")
    assert flow.payment().paid_minor == 500


def test_a_payment_in_error_may_fail_again(flow: FlowWorld) -> None:
    """Each failed attempt is told with its own fault."""
    flow.sale(amount_minor=0)
    flow.sale(amount_minor=2_000_000, digest="second")
    assert [told["errors"][0]["code"] for told in flow.bodies()] == ["3358", "2642"]


def test_two_restarts_at_once(flow: FlowWorld) -> None:
    """Of two corrected sales that both saw the error, the second finds the id in use."""
    flow.sale(amount_minor=0)
    first = flow.take_sale(flow.request(digest="first"))
    second = flow.take_sale(flow.request(digest="second"))
    with pytest.raises(Refusal, match="3041"):
        flow.do(lambda tx: second(InterferingTx(tx, payments._RESTART, meddle=first)))


def test_two_equal_restarts_at_once(flow: FlowWorld) -> None:
    """Of two equal corrected sales, the second is answered as the first."""
    flow.sale(amount_minor=0)
    first = flow.take_sale(flow.request(digest="same"))
    second = flow.take_sale(flow.request(digest="same"))
    answers: list[str] = []

    def both(tx: Tx) -> str:
        meddling = InterferingTx(
            tx, payments._RESTART, meddle=lambda under: answers.append(first(under))
        )
        return second(meddling)

    assert flow.do(both) == answers[0]
    assert [one.status for one in flow.operations()] == ["error", "processing"]


TARGETS: Final = Targets(
    callback_url="https://one.example/a",
    success_callback_url="https://two.example/b",
    decline_callback_url="https://three.example/c",
)


@pytest.mark.parametrize(
    ("ends", "urls"),
    [
        ("paid", ["https://one.example/a", "https://two.example/b"]),
        ("refused", ["https://one.example/a", "https://three.example/c"]),
    ],
)
def test_addresses_of_the_request(flow: FlowWorld, ends: str, urls: list[str]) -> None:
    """Final results go to their own address, everything else to the payment's."""
    flow.waiting(targets=TARGETS)
    if ends == "paid":
        flow.pay()
    else:
        flow.refuse()
    assert [callback.url for callback in flow.callbacks()] == urls


def test_address_of_the_project(flow: FlowWorld) -> None:
    """Without an address in the request, callbacks go to the project's."""
    flow.waiting()
    assert [callback.url for callback in flow.callbacks()] == [flow.project.callback_url]


def test_no_address_at_all(flow: FlowWorld) -> None:
    """Without any address the callback is kept, and the log says why it was not sent."""
    flow.project = msgspec.structs.replace(flow.project, callback_url="")
    flow.waiting()
    (callback,) = flow.callbacks()
    assert (callback.status, callback.note) == ("dropped", "no callback address is set")
    assert callback.finished_us == flow.clock.now_us()


def test_callbacks_switched_off(flow: FlowWorld) -> None:
    """A request may switch callbacks off; they are kept all the same."""
    flow.waiting(targets=Targets(callback_disabled=True))
    (callback,) = flow.callbacks()
    assert callback.status == "dropped"
    assert "force_disable" in callback.note


def test_callbacks_delayed(flow: FlowWorld) -> None:
    """A request may ask for callbacks some seconds later."""
    flow.waiting(targets=Targets(callback_delay_s=7))
    (callback,) = flow.callbacks()
    due_us = callback.created_us + 7_000_000

    def lanes(now_us: int) -> int:
        return len(flow.do(lambda tx: outbox.lanes_due(tx, "callback", now_us=now_us)))

    assert (lanes(due_us - 1), lanes(due_us)) == (0, 1)
