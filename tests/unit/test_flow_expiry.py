"""Payments that nobody paid in time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sampan.domain.statuses import PaymentStatus
from sampan.flow.expiry import BATCH_MAX
from tests.support.flow_world import FlowWorld


def under_way(flow: FlowWorld) -> None:
    """The provider has not answered yet."""
    flow.sale()


def shown(flow: FlowWorld) -> None:
    """The merchant shows the QR."""
    flow.waiting()


def on_our_page(flow: FlowWorld) -> None:
    """Our page shows the QR."""
    flow.sale()
    flow.issue(redirect_url="https://pay.example/q/1")


@pytest.mark.parametrize("happened", [under_way, shown, on_our_page])
def test_time_runs_out(flow: FlowWorld, happened: Callable[[FlowWorld], None]) -> None:
    """After its time every open payment is declined with 20602, and the merchant is told."""
    happened(flow)
    flow.run_out()
    told = flow.bodies()[-1]
    assert (told["payment"]["status"], told["operation"]["status"]) == ("decline", "decline")
    assert (told["operation"]["code"], told["operation"]["message"]) == ("20602", "Time-out")
    assert (flow.journal()[-1].what, flow.journal()[-1].by) == ("expired", "clock")


def test_not_a_moment_before(flow: FlowWorld) -> None:
    """Until its time the payment waits; at its time it is declined, once."""
    payment = flow.waiting()
    flow.clock.advance(payment.decline_us - flow.clock.now_us() - 2)
    assert flow.expire() == 0
    assert flow.expire() == 1
    assert flow.expire() == 0
    assert flow.payment().finished_us == payment.decline_us


def test_held_money_stops_the_clock(flow: FlowWorld) -> None:
    """A payment whose money waits for staff is not even looked at."""
    flow.waiting()
    flow.pay(9_000)
    flow.run_out()
    assert flow.payment().status is PaymentStatus.AWAITING_CUSTOMER_ACTION
    assert flow.expire() == 0


def test_a_payment_that_is_over(flow: FlowWorld) -> None:
    """A paid payment has no time to run out."""
    flow.waiting()
    flow.pay()
    flow.run_out()
    assert flow.payment().status is PaymentStatus.SUCCESS


def test_a_full_batch_says_that_there_may_be_more(flow: FlowWorld) -> None:
    """At most a hundred at a time, the longest overdue first."""
    for number in range(BATCH_MAX + 1):
        flow.sale(f"p-{number}")
    flow.clock.advance(901_000_000)
    assert [flow.expire(), flow.expire()] == [BATCH_MAX, 1]
    assert flow.payment(f"p-{BATCH_MAX}").status is PaymentStatus.DECLINE
