"""The guarded move: two things that happen at once, one after the other in the books."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sampan.domain import events as ev
from sampan.domain.machine import Alarm, Decision, Ignore, Move
from sampan.domain.payment import DisplayData, Payment
from sampan.domain.statuses import PaymentStatus
from sampan.errors import Unavailable
from sampan.flow import notification
from sampan.flow.settle import Step, settle
from sampan.providers import base as bank
from sampan.storage import payments
from sampan.storage.engine import Tx
from tests.support.flow_world import FlowWorld
from tests.support.interfering import InterferingTx


def settled_against(
    flow: FlowWorld, event: ev.Event, *, meddle: Callable[[Tx], object], times: int = 1
) -> tuple[Decision, Payment]:
    """Settle an event while somebody else moves the payment just before our write."""
    payment, step = flow.payment(), Step(flow.next_us(), "bank")

    def act(tx: Tx) -> tuple[Decision, Payment]:
        met = InterferingTx(tx, payments._MOVE, meddle=meddle, times=times)
        return settle(met, flow.project, payment, event=event, step=step)

    return flow.do(act)


def test_money_against_expiry(flow: FlowWorld) -> None:
    """Money that comes in the moment of the decline is late: decided anew on what is true now."""
    expiring = flow.waiting()
    step = flow.step(by="clock")
    decision, after = settled_against(
        flow,
        ev.Credited(9_000, "HKD", "T1"),
        meddle=lambda tx: settle(tx, flow.project, expiring, event=ev.Expired(), step=step),
    )
    assert isinstance(decision, Alarm)
    assert (decision.reason, decision.held) == ("late", False)
    assert after.status is PaymentStatus.DECLINE


def test_expiry_against_money(flow: FlowWorld) -> None:
    """A decline in the moment of the money does not happen."""
    flow.waiting()
    paying = flow.take_notice(flow.credit())
    decision, after = settled_against(flow, ev.Expired(), meddle=paying)
    assert isinstance(decision, Ignore)
    assert (after.status, after.paid_minor) == (PaymentStatus.SUCCESS, 10_000)


def test_expiry_against_held_money(flow: FlowWorld) -> None:
    """Money that is held in the moment of the decline stops it: the count is guarded too."""
    flow.waiting()
    decision, after = settled_against(
        flow, ev.Expired(), meddle=flow.take_notice(flow.credit(9_000))
    )
    assert isinstance(decision, Ignore)
    assert (after.status, after.held_count) == (PaymentStatus.AWAITING_CUSTOMER_ACTION, 1)


def test_a_move_is_done_after_a_harmless_change(flow: FlowWorld) -> None:
    """A QR that is issued in the moment of the money does not keep the payment from success."""
    flow.sale()
    payment, step = flow.payment(), flow.step(by="provider")
    issued = ev.Issued(DisplayData(payload="0002", expires_us=1, lifetime_s=1))
    decision, after = settled_against(
        flow,
        ev.Refused("20301"),
        meddle=lambda tx: settle(tx, flow.project, payment, event=issued, step=step),
    )
    assert isinstance(decision, Move)
    assert after.status is PaymentStatus.DECLINE
    assert [callback.kind for callback in flow.callbacks()] == ["intermediate", "final"]


def test_somebody_is_always_faster(flow: FlowWorld) -> None:
    """After three lost races the whole use case is given up; nothing is half done."""
    flow.waiting()
    before = flow.payment()
    numbers = iter(range(10))

    def meddle(tx: Tx) -> None:
        credit = flow.credit(100, txn=f"T{next(numbers)}", reference=reference)
        notification.take_notice(
            tx, "sandbox", credit, find_project=flow.find_project, now_us=flow.next_us()
        )

    reference = flow.reference()
    with pytest.raises(Unavailable, match="being changed by others"):
        settled_against(flow, ev.StaffDeclined(), meddle=meddle, times=3)
    assert flow.payment() == before
    assert flow.credits() == []


def test_refusals_and_money_at_once(flow: FlowWorld) -> None:
    """Whatever comes first, the payment has one end and one final callback."""
    flow.waiting()
    text = flow.reference()
    refusal = bank.Refusal(account="a", notice_id="N1", reference=text, code="20301")
    results = flow.together(
        flow.take_notice(flow.credit()),
        flow.take_notice(refusal),
        flow.take_notice(flow.credit(txn="T2")),
    )
    assert results == [None] * 3
    assert flow.payment().finished_us is not None
    finals = [one for one in flow.callbacks() if one.kind == "final"]
    assert len(finals) == 1
