"""Refunds: acknowledged, refused in the field's words, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sampan.errors import Refusal
from sampan.flow.refund import RefundRequest, refuse_refund
from tests.support.flow_world import FlowWorld


def refund(flow: FlowWorld, request_id: str = "r-2", **changes: Any) -> str:  # noqa: ANN401
    """Ask for a refund of `p-1`; return the request id answered."""
    asked: dict[str, Any] = {
        "payment_id": "p-1",
        "amount_minor": None,
        "merchant_refund_id": None,
        "digest": "a refund",
    }
    request = RefundRequest(**(asked | changes))
    now_us = flow.next_us()
    return flow.do(
        lambda tx: refuse_refund(tx, flow.project, request, request_id=request_id, now_us=now_us)
    )


def paid(flow: FlowWorld) -> None:
    """A payment is paid."""
    flow.waiting()
    flow.pay()


def waiting(flow: FlowWorld) -> None:
    """A payment waits."""
    flow.waiting()


def declined(flow: FlowWorld) -> None:
    """A payment is declined."""
    flow.waiting()
    flow.run_out()


def in_error(flow: FlowWorld) -> None:
    """A payment is in error."""
    flow.sale(amount_minor=2_000_000)


@pytest.mark.parametrize("happened", [paid, waiting, declined, in_error])
def test_a_refund_is_refused_by_callback(
    flow: FlowWorld, happened: Callable[[FlowWorld], None]
) -> None:
    """The callback carries the acknowledged request id and 20706; the payment is unchanged."""
    happened(flow)
    before = flow.payment()
    assert refund(flow) == "r-2"
    assert flow.payment() == before
    told = flow.bodies()[-1]
    assert told["payment"]["status"] == before.status
    operation = told["operation"]
    assert (operation["type"], operation["status"]) == ("refund", "decline")
    assert (operation["code"], operation["request_id"]) == ("20706", "r-2")
    assert operation["message"] == "Operation not supported by provider"
    assert flow.callbacks()[-1].kind == "refund"


def test_when_it_was_told(flow: FlowWorld) -> None:
    """The callback is as old as the refund, not as the payment."""
    paid(flow)
    flow.clock.advance(86_400_000_000)
    refund(flow)
    assert flow.callbacks()[-1].created_us == flow.clock.now_us()


@pytest.mark.parametrize(
    ("asked_minor", "paid_minor", "told_minor"),
    [(500, 10_000, 500), (None, 9_000, 9_000)],
)
def test_the_sum(
    flow: FlowWorld, asked_minor: int | None, paid_minor: int, told_minor: int
) -> None:
    """Without a sum the whole of what was paid is meant."""
    flow.waiting()
    flow.pay(paid_minor)
    if paid_minor != 10_000:
        flow.accept()
    refund(flow, amount_minor=asked_minor)
    assert flow.bodies()[-1]["operation"]["sum_initial"]["amount"] == told_minor


def test_the_whole_sum_of_an_unpaid_payment(flow: FlowWorld) -> None:
    """Where nothing was paid, the sum asked for is meant."""
    flow.waiting()
    refund(flow)
    assert flow.bodies()[-1]["operation"]["sum_initial"]["amount"] == 10_000


def test_it_stands_in_the_journal(flow: FlowWorld) -> None:
    """A refused refund is a row that moves nothing."""
    paid(flow)
    refund(flow)
    entry = flow.journal()[-1]
    assert (entry.what, entry.by, entry.why) == ("refund refused", "merchant", "r-2")
    assert entry.status_from == entry.status_to == "success"


def test_the_same_refund_again(flow: FlowWorld) -> None:
    """A repeat is answered with the first request id and tells nothing again."""
    paid(flow)
    refund(flow, "r-2")
    told = len(flow.callbacks())
    assert refund(flow, "r-3") == "r-2"
    assert len(flow.callbacks()) == told


def test_another_refund(flow: FlowWorld) -> None:
    """Another body is another refund, and told too."""
    paid(flow)
    refund(flow, "r-2", merchant_refund_id="m-1")
    assert refund(flow, "r-3", digest="other", merchant_refund_id="m-2") == "r-3"
    assert [one.request_id for one in flow.operations()][1:] == ["r-2", "r-3"]


def test_a_used_merchant_refund_id(flow: FlowWorld) -> None:
    """The merchant's id for a refund is taken once for a payment."""
    paid(flow)
    refund(flow, merchant_refund_id="m-1")
    with pytest.raises(Refusal, match="3230") as refused:
        refund(flow, "r-3", digest="other", merchant_refund_id="m-1")
    assert refused.value.http_status == 400


def test_an_unknown_payment(flow: FlowWorld) -> None:
    """There is nothing to refund."""
    with pytest.raises(Refusal, match="3061 Transaction not found") as refused:
        refund(flow)
    assert refused.value.http_status == 404


def test_money_after_a_refused_refund(flow: FlowWorld) -> None:
    """A refund that was refused while the payment waited does not get into its way."""
    flow.waiting()
    refund(flow)
    flow.pay()
    told = flow.bodies()[-1]
    assert (told["payment"]["status"], told["operation"]["type"]) == ("success", "sale")
