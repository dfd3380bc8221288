"""What staff decide: accept, decline, return; each with a person and a reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.flow import resolution
from sampan.flow.settle import Step
from sampan.storage import credits as kept
from tests.support import books
from tests.support.flow_world import ACCOUNT, STAFF, FlowWorld
from tests.support.interfering import InterferingTx

BANK = (f"bank/sandbox/{ACCOUNT}", "HKD")
UNAPPLIED = (f"unapplied/sandbox/{ACCOUNT}", "HKD")
PROJECT = ("project/123", "HKD")


def short(flow: FlowWorld) -> None:
    """A payment waits, and too little arrives."""
    flow.waiting()
    flow.pay(9_000)


def over(flow: FlowWorld) -> None:
    """A payment waits, and too much arrives."""
    flow.waiting()
    flow.pay(11_000)


def late(flow: FlowWorld) -> None:
    """The right sum arrives after the decline."""
    flow.waiting()
    flow.run_out()
    flow.pay()


def twice(flow: FlowWorld) -> None:
    """Two sums arrive that do not fit."""
    flow.waiting()
    flow.pay(4_000, txn="T1")
    flow.pay(7_000, txn="T2")


@pytest.mark.parametrize(
    ("happened", "paid_minor"), [(short, 9_000), (over, 11_000), (late, 10_000), (twice, 11_000)]
)
def test_accept(flow: FlowWorld, happened: Callable[[FlowWorld], None], paid_minor: int) -> None:
    """Everything that waits becomes the payment; the callback tells what was really paid."""
    happened(flow)
    after = flow.accept()
    assert (after.status, after.paid_minor, after.held_count) == ("success", paid_minor, 0)
    assert flow.payment() == after
    told = flow.bodies()[-1]
    assert told["payment"]["status"] == told["operation"]["status"] == "success"
    assert told["payment"]["sum"]["amount"] == paid_minor
    assert told["operation"]["sum_initial"]["amount"] == 10_000
    assert told["operation"]["type"] == "manual change"
    assert set(flow.credit_statuses()) == {"applied"}
    assert flow.do(books.balances_of) == {BANK: paid_minor, PROJECT: -paid_minor}


def test_a_decision_stands_in_the_journal(flow: FlowWorld) -> None:
    """Who decided, what, and why is kept, with the operation that shows it."""
    short(flow)
    flow.accept(step=flow.step("agreed by phone", by="staff:bo"))
    entry = flow.journal()[-1]
    assert (entry.what, entry.by, entry.why) == ("staffaccepted", "staff:bo", "agreed by phone")
    sale, change = flow.operations()
    assert (sale.status, sale.code) == (PaymentStatus.SUCCESS, "0")
    assert (change.type, change.id) == (OperationType.MANUAL_CHANGE, entry.operation)


def test_a_declined_sale_stays_declined(flow: FlowWorld) -> None:
    """When staff accept late money, the sale keeps its end and the manual change has its own."""
    late(flow)
    flow.accept()
    assert [one.status for one in flow.operations()] == ["decline", "success"]


def test_accept_leaves_other_currencies(flow: FlowWorld) -> None:
    """Only money in the payment's currency becomes the payment."""
    short(flow)
    flow.pay(9_000, txn="T2", currency="CNY")
    flow.accept()
    assert flow.payment().paid_minor == 9_000
    assert flow.credit_statuses() == ["applied", "unapplied"]


def test_decline(flow: FlowWorld) -> None:
    """Staff give the payment up: 20304, and what arrived is nobody's until it is returned."""
    short(flow)
    after = flow.decline()
    assert (after.status, after.held_count) == (PaymentStatus.DECLINE, 0)
    told = flow.bodies()[-1]
    assert (told["operation"]["type"], told["operation"]["code"]) == ("manual change", "20304")
    assert flow.credit_statuses() == ["unapplied"]
    assert flow.do(books.balances_of) == {BANK: 9_000, UNAPPLIED: -9_000}


def test_decline_moves_held_money_only(flow: FlowWorld) -> None:
    """Money in another currency was unapplied before and stays so."""
    flow.waiting()
    flow.pay(9_000, txn="T1", currency="CNY")
    flow.pay(9_000, txn="T2")
    flow.decline()
    assert flow.credit_statuses() == ["unapplied", "unapplied"]


def test_accept_after_decline(flow: FlowWorld) -> None:
    """Staff may change their mind while the money is still there."""
    short(flow)
    flow.decline()
    flow.accept()
    assert flow.payment().status is PaymentStatus.SUCCESS


def test_return(flow: FlowWorld) -> None:
    """Money that went back stands nowhere in the books; who said so stands in the journal."""
    late(flow)
    (credit,) = flow.credits()
    flow.give_back(credit, flow.step("sent back by hand"))
    assert flow.credit_statuses() == ["returned"]
    assert flow.do(books.balances_of) == {}
    entry = flow.journal()[-1]
    assert (entry.what, entry.by, entry.why) == ("credit returned", STAFF, "T1: sent back by hand")


def test_what_waits(flow: FlowWorld) -> None:
    """Staff see what waits for a decision about a payment, oldest first."""
    twice(flow)
    key = flow.payment().key
    found = flow.do(lambda tx: kept.waiting_of_payment(tx, key))
    assert [credit.bank_txn_id for credit in found] == ["T1", "T2"]


@pytest.mark.parametrize(
    ("why", "by"), [("", STAFF), ("  ", STAFF), ("reason", ""), ("reason", " ")]
)
def test_no_decision_without_person_and_reason(flow: FlowWorld, why: str, by: str) -> None:
    """Every decision asks for both, and without them nothing changes."""
    late(flow)
    (credit,) = flow.credits()
    step = Step(flow.clock.now_us(), by, why)
    for act in (
        lambda: flow.accept(step=step),
        lambda: flow.decline(step=step),
        lambda: flow.give_back(credit, step),
    ):
        refusal = flow.refused(act)
        assert refusal is not None
        assert "a person and a reason" in refusal.message
    assert flow.credit_statuses() == ["unapplied"]
    assert flow.payment().status is PaymentStatus.DECLINE


def nothing(flow: FlowWorld) -> None:
    """A payment waits, and nothing arrives."""
    flow.waiting()


def paid(flow: FlowWorld) -> None:
    """A payment is paid."""
    flow.waiting()
    flow.pay()


def paid_double(flow: FlowWorld) -> None:
    """A payment is paid twice."""
    paid(flow)
    flow.pay(txn="T2")


def accepted(flow: FlowWorld) -> None:
    """Staff accepted already."""
    short(flow)
    flow.accept()


def declined(flow: FlowWorld) -> None:
    """Staff declined already."""
    short(flow)
    flow.decline()


@pytest.mark.parametrize(
    ("happened", "why"),
    [
        (nothing, "no money waits"),
        (paid, "no money waits"),
        (accepted, "no money waits"),
        (paid_double, "a payment in success takes no more money"),
    ],
)
def test_accept_refused(flow: FlowWorld, happened: Callable[[FlowWorld], None], why: str) -> None:
    """Without money that waits, or on a paid payment, there is nothing to accept."""
    happened(flow)
    before = (flow.payment(), flow.credits(), flow.journal())
    refusal = flow.refused(flow.accept)
    assert refusal is not None
    assert (refusal.code, refusal.http_status) == ("3060", 409)
    assert why in refusal.message
    assert (flow.payment(), flow.credits(), flow.journal()) == before


@pytest.mark.parametrize("happened", [paid, accepted, declined, late])
def test_decline_refused(flow: FlowWorld, happened: Callable[[FlowWorld], None]) -> None:
    """A payment that is over cannot be declined."""
    happened(flow)
    refusal = flow.refused(flow.decline)
    assert refusal is not None
    assert "cannot be declined" in refusal.message


@pytest.mark.parametrize(("happened", "status"), [(paid, "applied"), (short, "held")])
def test_return_refused(
    flow: FlowWorld, happened: Callable[[FlowWorld], None], status: str
) -> None:
    """Money that is applied, or that waits for a decision, cannot be marked returned."""
    happened(flow)
    (credit,) = flow.credits()
    refusal = flow.refused(lambda: flow.give_back(credit))
    assert refusal is not None
    assert f"a credit that is {status}" in refusal.message


def test_return_twice(flow: FlowWorld) -> None:
    """Who decides on an old page is told that somebody was faster; the money moves once."""
    late(flow)
    (credit,) = flow.credits()
    flow.give_back(credit)
    refusal = flow.refused(lambda: flow.give_back(credit))
    assert refusal is not None
    assert "somebody else decided" in refusal.message
    (now,) = flow.credits()
    refusal = flow.refused(lambda: flow.give_back(now))
    assert refusal is not None
    assert "a credit that is returned" in refusal.message


def test_accept_while_somebody_returns(flow: FlowWorld) -> None:
    """When a credit is returned in the middle of accepting it, nothing is accepted."""
    late(flow)
    (credit,) = flow.credits()
    payment, step = flow.payment(), flow.step()
    refusal = flow.refused(
        lambda: flow.do(
            lambda tx: resolution.accept(
                InterferingTx(
                    tx,
                    kept._SET,
                    meddle=lambda under: resolution.mark_returned(under, credit, step=step),
                ),
                flow.project,
                payment,
                step=step,
            )
        )
    )
    assert refusal is not None
    assert "somebody else decided" in refusal.message
    assert flow.payment().status is PaymentStatus.DECLINE
    assert "unapplied" in flow.credit_statuses()


def test_accept_many_times_at_once(flow: FlowWorld) -> None:
    """Of four people who accept at the same moment, one does and three are refused."""
    short(flow)
    payment, step = flow.payment(), flow.step()
    results = flow.together(
        *(lambda tx: resolution.accept(tx, flow.project, payment, step=step),) * 4
    )
    assert sum(isinstance(result, Exception) for result in results) == 3
    assert flow.credit_statuses() == ["applied"]
