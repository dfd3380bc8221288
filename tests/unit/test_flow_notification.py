"""Notices of the bank: every row of what may happen with money."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import psycopg
import pytest
from sqlalchemy import select

from sampan.domain import reference
from sampan.domain.money_decisions import Ignore
from sampan.domain.project import OtherAmount
from sampan.domain.statuses import PaymentStatus
from sampan.flow import credit_decisions
from sampan.providers import base as bank
from sampan.providers.fps import NOTICES_MAX
from sampan.storage import reversals, schema
from sampan.storage.engine import ID_LOW_WATER, Tx
from tests.support import books
from tests.support.databases import open_store
from tests.support.flow_world import ACCOUNT, FlowWorld, open_world
from tests.support.platform import until

BANK = (f"bank/sandbox/{ACCOUNT}", "HKD")
UNAPPLIED = (f"unapplied/sandbox/{ACCOUNT}", "HKD")
PROJECT = ("project/123", "HKD")
WAITING_FOR_A_LOCK = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock')"
)
WAITING = PaymentStatus.AWAITING_CUSTOMER_ACTION


def alarms(flow: FlowWorld) -> list[str]:
    """The alarms of the payment, oldest first."""
    return [entry.why for entry in flow.journal() if entry.what == "alarm"]


def kinds(flow: FlowWorld) -> list[str]:
    """The kinds of callbacks of the payment, oldest first."""
    return [callback.kind for callback in flow.callbacks()]


def test_the_right_sum_in_time(flow: FlowWorld) -> None:
    """The payment succeeds, its credit is applied, the merchant is told once."""
    flow.waiting()
    flow.clock.advance(1_000_000)
    flow.pay()
    payment = flow.payment()
    assert (payment.status, payment.paid_minor) == (PaymentStatus.SUCCESS, 10_000)
    assert payment.finished_us == flow.clock.now_us()
    told = flow.bodies()[-1]
    assert (told["operation"]["code"], told["operation"]["provider"]["payment_id"]) == ("0", "T1")
    assert flow.credit_statuses() == ["applied"]
    assert kinds(flow) == ["intermediate", "final"]
    assert flow.do(books.balances_of) == {BANK: 10_000, PROJECT: -10_000}


def test_who_paid_is_kept(flow: FlowWorld) -> None:
    """The credit keeps what the bank said: payer, reference, times."""
    flow.waiting()
    flow.pay(booked_us=1_735_689_600_000_007)
    (credit,) = flow.credits()
    assert (credit.payer_name, credit.reference) == ("CHAN TAI MAN", flow.reference())
    assert credit.booked_us == 1_735_689_600_000_007
    assert credit.received_us == flow.clock.now_us()
    assert credit.payment == flow.payment().key


def test_money_overtakes_the_providers_answer(flow: FlowWorld) -> None:
    """A payment under way succeeds too; the QR that comes afterwards changes nothing."""
    flow.sale()
    flow.pay()
    flow.issue()
    assert flow.payment().status is PaymentStatus.SUCCESS
    assert kinds(flow) == ["final"]


def test_the_right_sum_too_late(flow: FlowWorld) -> None:
    """After the decline the money is kept unapplied with an alarm; the payment stays declined."""
    flow.waiting()
    flow.run_out()
    flow.pay()
    assert flow.payment().status is PaymentStatus.DECLINE
    assert (flow.credit_statuses(), alarms(flow)) == (["unapplied"], ["late"])
    assert kinds(flow) == ["intermediate", "final"]
    assert flow.do(books.balances_of) == {BANK: 10_000, UNAPPLIED: -10_000}


def test_late_money_accepted_by_itself(flow: FlowWorld) -> None:
    """Within the project's patience late money makes the payment succeed, and that is told."""
    flow.set(late_accept_s=60)
    flow.waiting()
    flow.run_out()
    flow.clock.advance(59_000_000)
    flow.pay()
    assert flow.payment().status is PaymentStatus.SUCCESS
    assert flow.credit_statuses() == ["applied"]
    assert [told["payment"]["status"] for told in flow.bodies()[1:]] == ["decline", "success"]


def test_late_money_after_the_patience(flow: FlowWorld) -> None:
    """Later than `late_accept_s` a person decides."""
    flow.set(late_accept_s=60)
    flow.waiting()
    flow.run_out()
    flow.clock.advance(60_000_000)
    flow.pay()
    assert flow.payment().status is PaymentStatus.DECLINE
    assert flow.credit_statuses() == ["unapplied"]


@pytest.mark.parametrize(("amount_minor", "alarm"), [(9_999, "short"), (10_001, "over")])
def test_another_sum_is_held(flow: FlowWorld, amount_minor: int, alarm: str) -> None:
    """By default another sum is held: the payment waits on, nobody is told, an alarm is raised."""
    flow.waiting()
    flow.pay(amount_minor)
    payment = flow.payment()
    assert (payment.status, payment.held_count, payment.paid_minor) == (WAITING, 1, 0)
    assert (flow.credit_statuses(), alarms(flow)) == (["held"], [alarm])
    assert kinds(flow) == ["intermediate"]
    assert flow.do(books.balances_of) == {BANK: amount_minor, UNAPPLIED: -amount_minor}


@pytest.mark.parametrize("amount_minor", [9_999, 10_001])
def test_another_sum_is_accepted(flow: FlowWorld, amount_minor: int) -> None:
    """A project may take other sums: the callback tells what was really paid."""
    flow.set(other_amount=OtherAmount.ACCEPT)
    flow.waiting()
    flow.pay(amount_minor)
    told = flow.bodies()[-1]
    assert told["payment"]["status"] == "success"
    assert told["payment"]["sum"]["amount"] == amount_minor
    assert told["operation"]["sum_initial"]["amount"] == 10_000
    assert flow.do(books.balances_of) == {BANK: amount_minor, PROJECT: -amount_minor}


@pytest.mark.parametrize("amount_minor", [9_999, 10_001])
def test_another_sum_declines(flow: FlowWorld, amount_minor: int) -> None:
    """A project may decline on other sums: 20304, and the money is nobody's yet."""
    flow.set(other_amount=OtherAmount.DECLINE)
    flow.waiting()
    flow.pay(amount_minor)
    told = flow.bodies()[-1]
    assert (told["payment"]["status"], told["operation"]["code"]) == ("decline", "20304")
    assert told["payment"]["sum"]["amount"] == 10_000
    assert flow.credit_statuses() == ["unapplied"]


def test_paid_twice(flow: FlowWorld) -> None:
    """A second payment of one QR is unapplied, with an alarm; the first stays."""
    flow.waiting()
    flow.pay(txn="T1")
    flow.pay(txn="T2")
    assert flow.payment().paid_minor == 10_000
    assert (flow.credit_statuses(), alarms(flow)) == (["applied", "unapplied"], ["double"])
    assert flow.do(books.balances_of) == {BANK: 20_000, PROJECT: -10_000, UNAPPLIED: -10_000}


def test_paid_twice_at_once(flow: FlowWorld) -> None:
    """Of eight credits at the same moment one is applied and seven are unapplied."""
    flow.waiting()
    told = [flow.credit(txn=f"T{number}") for number in range(8)]
    results = flow.together(*(flow.take_notice(credit) for credit in told))
    assert results == [None] * 8
    assert sorted(flow.credit_statuses()) == ["applied"] + ["unapplied"] * 7
    assert kinds(flow) == ["intermediate", "final"]


def test_a_second_sum_beside_a_held_one(flow: FlowWorld) -> None:
    """While staff think about one sum, even the right one waits for them."""
    flow.waiting()
    flow.pay(4_000, txn="T1")
    flow.pay(6_000, txn="T2")
    assert (flow.payment().status, flow.payment().held_count) == (WAITING, 2)
    assert (flow.credit_statuses(), alarms(flow)) == (["held", "held"], ["short", "double"])


def test_another_currency(flow: FlowWorld) -> None:
    """The right number in another currency is unapplied, with an alarm; the payment waits on."""
    flow.waiting()
    flow.pay(currency="CNY")
    assert (flow.payment().status, flow.payment().held_count) == (WAITING, 0)
    assert (flow.credit_statuses(), alarms(flow)) == (["unapplied"], ["wrong currency"])
    flow.pay(txn="T2")
    assert flow.payment().status is PaymentStatus.SUCCESS


@pytest.mark.parametrize("text", ["", "INVOICE 7", reference.encode(2**53 - 1)])
def test_an_unknown_reference(flow: FlowWorld, text: str) -> None:
    """Money that names no payment of ours is kept unapplied, with an alarm of nobody's project."""
    flow.waiting()
    flow.pay(reference=text)
    assert flow.payment().status is WAITING
    (credit,) = flow.credits()
    assert (credit.status, credit.payment) == ("unapplied", None)
    table = schema.journal.c
    unknown = select(table.project_id).where(table.why == "unknown reference: T1")
    assert [row[0] for row in flow.do(lambda tx: tx.query(unknown))] == [0]


def test_a_payment_of_another_provider(flow: FlowWorld) -> None:
    """A bank may tell of its own payments only."""
    flow.waiting()
    flow.notice(flow.credit(), provider="fps")
    assert flow.payment().status is WAITING
    assert flow.credit_statuses() == ["unapplied"]


def test_a_payment_in_error(flow: FlowWorld) -> None:
    """Money for a payment that was never started is unapplied, with an alarm."""
    flow.sale(amount_minor=0)
    flow.pay(500)
    assert flow.payment().status is PaymentStatus.ERROR
    assert (flow.credit_statuses(), alarms(flow)) == (["unapplied"], ["payment in error"])


def test_the_same_notice_again(flow: FlowWorld) -> None:
    """The same credit told twice is the same money: nothing changes."""
    flow.waiting()
    flow.pay()
    before = (flow.payment(), flow.credits(), flow.journal(), flow.do(books.balances_of))
    flow.clock.advance(86_400_000_000)
    flow.pay()
    assert (flow.payment(), flow.credits(), flow.journal(), flow.do(books.balances_of)) == before


def test_the_same_notice_many_times_at_once(flow: FlowWorld) -> None:
    """A credit told eight times at once is counted once."""
    flow.waiting()
    flow.together(*(flow.take_notice(flow.credit()) for _ in range(8)))
    assert flow.credit_statuses() == ["applied"]


@pytest.mark.postgres
@pytest.mark.parametrize("is_reversal_first", [True, False], ids=["reversal", "credit"])
def test_a_credit_and_its_reversal_at_once(postgres_url: str, is_reversal_first: bool) -> None:  # noqa: FBT001 - a row
    """While one is being taken in, the other waits for it: the money is returned, never missed."""
    with open_world(postgres_url) as flow, psycopg.connect(postgres_url, autocommit=True) as line:
        first, second = (
            flow.take_notice(flow.credit(reference="")),
            flow.take_notice(flow.reversal()),
        )
        if is_reversal_first:
            first, second = second, first
        asked, done = threading.Event(), threading.Event()

        def slow(tx: Tx) -> None:
            first(tx)
            asked.set()
            until(lambda: done.is_set() or line.execute(WAITING_FOR_A_LOCK).fetchone() == (True,))

        async def both() -> None:
            async with open_store(postgres_url) as other:
                begun = asyncio.create_task(flow.store.transact(slow))
                await asyncio.to_thread(asked.wait, 30)
                await other.transact(second)
                done.set()
                await begun

        flow.runner.run(both())
        assert flow.credit_statuses() == ["returned"]
        (back,) = flow.do(lambda tx: reversals.listing(tx, status=None, most=9))
        assert back.status == "settled"


def test_ids_suffice_for_the_largest_notification(flow: FlowWorld) -> None:
    """A hundred notices of the kinds that write most fit into one transaction."""
    flow.pay(reference="")
    (credit,) = flow.credits()
    ignored = Ignore(credit=credit.id)
    find, step = flow.find_project, flow.step()
    flow.do(lambda tx: credit_decisions.decide(tx, ignored, find_project=find, step=step))
    flow.waiting()
    for notice in (flow.reversal(), flow.credit(txn="T2")):
        take = flow.take_notice(notice)
        assert 0 < flow.do(partial(_ids_taken, take=take)) * NOTICES_MAX <= ID_LOW_WATER
    assert flow.credit_statuses() == ["returned", "applied"]


def _ids_taken(tx: Tx, *, take: Callable[[Tx], None]) -> int:
    before = tx.new_id()
    take(tx)
    return tx.new_id() - before - 1


def test_the_same_number_on_another_account(flow: FlowWorld) -> None:
    """A bank's number is its own per account: another account's is other money."""
    flow.waiting()
    flow.pay()
    flow.pay(account="012-7654321")
    assert flow.credit_statuses() == ["applied", "unapplied"]


def test_the_customer_refuses(flow: FlowWorld) -> None:
    """A refusal at the bank declines with 20301."""
    flow.waiting()
    flow.refuse()
    told = flow.bodies()[-1]
    assert (told["payment"]["status"], told["operation"]["code"]) == ("decline", "20301")
    assert told["operation"]["message"] == "Account owner cancelled operation"


def test_a_refusal_again_or_after_money(flow: FlowWorld) -> None:
    """A refusal after the payment is over changes nothing."""
    flow.waiting()
    flow.pay()
    flow.refuse()
    flow.refuse(notice_id="N2")
    assert flow.payment().status is PaymentStatus.SUCCESS
    assert kinds(flow) == ["intermediate", "final"]


def test_a_refusal_while_money_is_held(flow: FlowWorld) -> None:
    """Money that is there weighs more than a refusal: staff decide."""
    flow.waiting()
    flow.pay(9_000)
    flow.refuse()
    assert (flow.payment().status, flow.payment().held_count) == (WAITING, 1)


def test_a_refusal_of_an_unknown_reference(flow: FlowWorld) -> None:
    """A refusal that names no payment of ours changes nothing."""
    flow.waiting()
    before = flow.payment()
    flow.notice(bank.Refusal(account=ACCOUNT, notice_id="N1", reference="0" * 12, code="20301"))
    assert flow.payment() == before


def test_money_after_a_refusal(flow: FlowWorld) -> None:
    """Whoever refused and paid all the same is late: the money waits for staff."""
    flow.waiting()
    flow.refuse()
    flow.pay()
    assert flow.payment().status is PaymentStatus.DECLINE
    assert (flow.credit_statuses(), alarms(flow)) == (["unapplied"], ["late"])


def test_money_held_before_the_qr_was_there_stays_held(flow: FlowWorld) -> None:
    """A short sum that overtakes the provider's answer waits for staff after the answer too."""
    flow.sale()
    flow.pay(9_000)
    flow.issue()
    assert (flow.payment().status, flow.payment().held_count) == (WAITING, 1)
    flow.run_out()
    assert flow.payment().status is WAITING
    flow.accept()
    assert flow.payment().paid_minor == 9_000
