"""Payments on our page that the customer may try again after a decline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import select

from sampan.domain import reference
from sampan.domain.machine import Ignore, Move
from sampan.domain.payment import Payment
from sampan.domain.project import OtherAmount
from sampan.domain.statuses import OperationType, Origin, PaymentStatus
from sampan.flow import issuing
from sampan.flow import page as hosted
from sampan.flow.expiry import expire_due
from sampan.flow.issuing import Asking
from sampan.flow.settle import Step, attempt_of
from sampan.providers import base as bank
from sampan.storage import payments, schema
from sampan.storage.engine import Tx
from tests.support import books
from tests.support.flow_world import ACCOUNT, PAYLOAD, FlowWorld
from tests.support.interfering import InterferingTx

SECOND_US: Final = 1_000_000
BANK: Final = (f"bank/sandbox/{ACCOUNT}", "HKD")
PROJECT: Final = ("project/123", "HKD")
AGAIN: Final = PaymentStatus.AWAITING_CUSTOMER


@pytest.fixture
def page(flow: FlowWorld) -> FlowWorld:
    """A project that lets a customer try again twice within ten minutes."""
    flow.set(retry_attempts_max=2, retry_window_s=600)
    return flow


def shown(page: FlowWorld, **changes: Any) -> Payment:  # noqa: ANN401 - fields of every type
    """Our page shows the QR of a first attempt."""
    return page.waiting(**({"origin": Origin.PAGE} | changes))


def failed(page: FlowWorld, **changes: Any) -> Payment:  # noqa: ANN401 - fields of every type
    """The customer said no to the first attempt and may try again."""
    shown(page, **changes)
    page.refuse()
    return page.payment()


def second(page: FlowWorld, **changes: Any) -> Payment:  # noqa: ANN401 - fields of every type
    """Our page shows the QR of a second attempt."""
    failed(page, **changes)
    page.try_again()
    page.issue()
    return page.payment()


def told(page: FlowWorld) -> list[tuple[str, str, str, object, object]]:
    """Kind, payment status, operation code and offer of every callback, oldest first."""
    return [
        (
            callback.kind,
            body["payment"]["status"],
            body["operation"]["code"],
            body["payment"].get("is_new_attempts_available"),
            body["payment"].get("attempts_timeout"),
        )
        for callback, body in zip(page.callbacks(), page.bodies(), strict=True)
    ]


def alarms(page: FlowWorld) -> list[str]:
    """The alarms of the payment, oldest first."""
    return [entry.why for entry in page.journal() if entry.what == "alarm"]


def tasks(page: FlowWorld) -> dict[int, int]:
    """When the provider is to be asked, by operation."""
    table = schema.outbox.c
    wanted = select(table.subject, table.due_us).where(table.kind == "ask_provider")
    return {row[0]: row[1] for row in page.do(lambda tx: tx.query(wanted))}


def asking(page: FlowWorld, number: int) -> Asking | None:
    """What would be asked about an operation now."""
    operation = page.operations()[number]
    return page.do(lambda tx: issuing.asking(tx, page.project, operation))


def refuse_first(page: FlowWorld, notice_id: str = "N9") -> None:
    """The bank tells that the customer said no to the first attempt."""
    text = reference.encode(page.operations()[0].id)
    page.notice(bank.Refusal(account=ACCOUNT, notice_id=notice_id, reference=text, code="20301"))


def pay_first(page: FlowWorld, amount_minor: int = 10_000, *, txn: str = "T1") -> None:
    """Money arrives for the first attempt."""
    text = reference.encode(page.operations()[0].id)
    page.pay(amount_minor, txn=txn, reference=text)


def pictured(page: FlowWorld) -> list[object]:
    """Everything that concerns the payment."""
    return [page.payment(), page.operations(), page.callbacks(), page.journal(), tasks(page)]


# --- the first attempt fails ----------------------------------------------------------------


def bank_refuses(page: FlowWorld) -> None:
    """The bank refuses the order."""
    page.sale(origin=Origin.PAGE)
    page.answer(bank.Refused("20100"), of="p-1", redirect_url="")


def customer_refuses(page: FlowWorld) -> None:
    """The customer says no at the bank."""
    failed(page)


def nobody_pays(page: FlowWorld) -> None:
    """The time to pay the shown QR runs out."""
    shown(page)
    page.run_out()


def no_answer(page: FlowWorld) -> None:
    """The bank does not answer until the time is over."""
    page.sale(origin=Origin.PAGE)
    page.run_out()


@pytest.mark.parametrize(
    ("happened", "code"),
    [
        (bank_refuses, "20100"),
        (customer_refuses, "20301"),
        (nobody_pays, "20602"),
        (no_answer, "20602"),
    ],
)
def test_a_failed_attempt(
    page: FlowWorld, happened: Callable[[FlowWorld], None], code: str
) -> None:
    """The payment awaits the customer, its sale is declined, and the offer is told once."""
    happened(page)
    payment = page.payment()
    assert (payment.status, payment.attempts_count) == (AGAIN, 1)
    assert payment.retry_until_us == payment.decline_us == page.clock.now_us() + 600 * SECOND_US
    assert payment.finished_us is None
    (sale,) = page.operations()
    assert (sale.status, sale.code) == (PaymentStatus.DECLINE, code)
    assert told(page) == [("intermediate", "awaiting customer", code, 1, 600)]
    assert page.bodies()[0]["operation"]["status"] == "decline"


def test_through_gate_there_is_no_other_attempt(page: FlowWorld) -> None:
    """A merchant who shows the QR decides alone about another sale."""
    page.waiting()
    page.refuse()
    assert page.payment().status is PaymentStatus.DECLINE
    assert told(page)[-1] == ("final", "decline", "20301", None, None)


def test_a_project_without_further_attempts(page: FlowWorld) -> None:
    """Without `retry_attempts_max` the first decline is final, and nothing is said of attempts."""
    page.set(retry_attempts_max=0)
    shown(page)
    page.refuse()
    assert told(page) == [("final", "decline", "20301", None, None)]


def test_the_refusal_again(page: FlowWorld) -> None:
    """The same news by another notice changes nothing."""
    failed(page)
    before = pictured(page)
    page.refuse(notice_id="N2")
    assert pictured(page) == before


# --- another attempt ------------------------------------------------------------------------


def test_another_attempt(page: FlowWorld) -> None:
    """It is a sale of its own with a task of its own; the merchant is told nothing yet."""
    payment = failed(page)
    before = told(page)
    page.clock.advance(60 * SECOND_US)
    assert isinstance(page.try_again(), Move)
    now_us = page.clock.now_us()
    after = page.payment()
    assert (after.status, after.attempts_count) == (PaymentStatus.PROCESSING, 2)
    assert after.retry_until_us == payment.retry_until_us
    assert after.decline_us == now_us + 900 * SECOND_US
    first, begun = page.operations()
    assert (first.status, first.code) == (PaymentStatus.DECLINE, "20301")
    assert (begun.type, begun.status, begun.code) == (OperationType.SALE, "processing", "9999")
    assert (begun.amount_minor, begun.currency, begun.provider_ref) == (10_000, "HKD", "")
    assert begun.request_id not in {"", first.request_id}
    assert (begun.created_us, begun.updated_us) == (now_us, now_us)
    assert tasks(page) == {first.id: first.created_us, begun.id: now_us}
    assert told(page) == before
    entry = page.journal()[-1]
    assert (entry.what, entry.by, entry.operation) == ("triedagain", "customer", begun.id)
    assert (entry.status_from, entry.status_to) == ("awaiting customer", "processing")


def test_a_request_id_finds_its_payment(page: FlowWorld) -> None:
    """Each attempt's request id leads to the payment."""
    payment = second(page)
    ids = [operation.request_id for operation in page.operations()]

    def found(tx: Tx) -> list[int | None]:
        return [payments.payment_key_by_request(tx, page.project.id, one) for one in ids]

    assert len(set(ids)) == 2
    assert page.do(found) == [payment.key] * 2


def test_the_order_of_another_attempt(page: FlowWorld) -> None:
    """The provider is asked for a new QR with a reference and times of its own."""
    failed(page)
    page.clock.advance(60 * SECOND_US)
    page.try_again()
    asked = asking(page, 1)
    assert asked is not None
    now_us = page.clock.now_us()
    assert asked.order.reference == reference.encode(page.operations()[1].id)
    assert asked.order.created_us == now_us
    assert asked.order.expires_us == now_us + 600 * SECOND_US
    assert asked.order.closes_us == now_us + 900 * SECOND_US


def test_an_earlier_attempt_is_not_asked_again(page: FlowWorld) -> None:
    """A task of the first attempt asks for nothing once the second has begun."""
    page.sale(origin=Origin.PAGE)
    page.run_out()
    assert asking(page, 0) is None
    page.try_again()
    assert asking(page, 0) is None
    assert asking(page, 1) is not None


def test_the_second_qr(page: FlowWorld) -> None:
    """The answer shows the new QR in place of the old one."""
    failed(page)
    page.try_again()
    page.answer(
        bank.Issued(f"{PAYLOAD}02", page.clock.now_us() + 600_000_001), of="p-1", redirect_url=""
    )
    payment = page.payment()
    assert payment.status is PaymentStatus.AWAITING_CUSTOMER_ACTION
    assert payment.display is not None
    assert payment.display.payload == f"{PAYLOAD}02"
    assert [one.status for one in page.operations()] == ["decline", "awaiting customer action"]


def test_the_second_attempt_is_paid(page: FlowWorld) -> None:
    """Money for the second QR makes the payment succeed; no attempt is offered any more."""
    second(page)
    page.pay()
    assert [one.status for one in page.operations()] == ["decline", "success"]
    assert told(page) == [
        ("intermediate", "awaiting customer", "20301", 1, 600),
        ("final", "success", "0", 0, 0),
    ]
    assert page.do(books.balances_of) == {BANK: 10_000, PROJECT: -10_000}


def test_a_clock_that_is_put_back(page: FlowWorld) -> None:
    """An attempt stays the newest and is asked at once, though its clock reads an earlier time."""
    failed(page)
    page.clock.advance(-3_600 * SECOND_US)
    page.try_again()
    first, begun = page.operations()
    assert (first.status, begun.status) == (PaymentStatus.DECLINE, PaymentStatus.PROCESSING)
    assert begun.created_us == first.created_us + 1
    assert tasks(page)[begun.id] == page.clock.now_us()
    assert asking(page, 0) is None
    assert asking(page, 1) is not None


# --- late news of an earlier attempt --------------------------------------------------------


@pytest.mark.parametrize("issued", [False, True], ids=["under way", "QR shown"])
def test_a_late_refusal_of_the_first(page: FlowWorld, *, issued: bool) -> None:
    """A refusal of the first attempt that arrives during the second changes nothing."""
    nobody_pays(page)
    page.try_again()
    if issued:
        page.issue()
    before = pictured(page)
    refuse_first(page)
    assert pictured(page) == before


@pytest.mark.parametrize(
    ("outcome", "redirect_url"),
    [
        (bank.Issued("an old QR", 1), ""),
        (bank.Issued("an old QR", 1), "https://pay.example/q/1"),
        (bank.Refused("20100"), ""),
    ],
)
def test_a_late_answer_about_the_first(
    page: FlowWorld, outcome: bank.Issued | bank.Refused, redirect_url: str
) -> None:
    """What the provider answers about the first attempt is nothing to the second."""
    page.sale(origin=Origin.PAGE)
    asked = asking(page, 0)
    assert asked is not None
    page.run_out()
    page.try_again()
    before = pictured(page)
    now_us = page.next_us()

    def take(tx: Tx) -> None:
        issuing.take_answer(tx, asked, outcome, now_us=now_us, redirect_url=redirect_url)

    page.do(take)
    assert pictured(page) == before


def test_a_late_answer_between_attempts(page: FlowWorld) -> None:
    """A QR that comes when the attempt has failed is not shown."""
    page.sale(origin=Origin.PAGE)
    asked = asking(page, 0)
    assert asked is not None
    page.run_out()
    before = pictured(page)
    now_us = page.next_us()
    page.do(lambda tx: issuing.take_answer(tx, asked, bank.Issued(PAYLOAD, 1), now_us=now_us))
    assert pictured(page) == before


# --- money ----------------------------------------------------------------------------------


def under_way(page: FlowWorld) -> None:
    """A second attempt asks the provider."""
    failed(page)
    page.try_again()


@pytest.mark.parametrize("happened", [failed, under_way, second])
def test_money_for_the_first(page: FlowWorld, happened: Callable[[FlowWorld], object]) -> None:
    """Who pays the first QR after all has paid, whatever came since; a second sum is a double."""
    happened(page)
    pay_first(page)
    payment = page.payment()
    assert (payment.status, payment.paid_minor) == (PaymentStatus.SUCCESS, 10_000)
    assert page.operations()[-1].status is PaymentStatus.SUCCESS
    assert told(page)[-1] == ("final", "success", "0", 0, 0)
    page.pay(txn="T2")
    assert (page.credit_statuses(), alarms(page)) == (["applied", "unapplied"], ["double"])


def test_money_before_the_second_qr(page: FlowWorld) -> None:
    """A QR that comes after the money is not shown."""
    under_way(page)
    pay_first(page)
    page.issue()
    assert page.payment().status is PaymentStatus.SUCCESS
    assert [one.kind for one in page.callbacks()] == ["intermediate", "final"]


def test_a_second_sum_during_the_second(page: FlowWorld) -> None:
    """Two short sums for two QRs wait for staff together."""
    second(page)
    pay_first(page, 4_000)
    page.pay(6_000, txn="T2")
    assert (page.payment().held_count, alarms(page)) == (2, ["short", "double"])
    page.accept()
    assert page.payment().paid_minor == 10_000


@pytest.mark.parametrize(
    ("wants", "status", "code"),
    [(OtherAmount.ACCEPT, "success", "0"), (OtherAmount.DECLINE, "decline", "20304")],
)
def test_another_sum_between_attempts(
    page: FlowWorld, wants: OtherAmount, status: str, code: str
) -> None:
    """A project that decides about other sums by itself does so between attempts too."""
    page.set(other_amount=wants)
    failed(page)
    pay_first(page, 9_000)
    assert told(page)[-1] == ("final", status, code, 0, 0)
    (sale,) = page.operations()
    assert (sale.status, sale.code) == (status, code)


# --- the end without money ------------------------------------------------------------------


def test_attempts_used_up(page: FlowWorld) -> None:
    """The decline of the last attempt is final; each one before was told with its own offer."""
    second(page)
    page.clock.advance(60 * SECOND_US)
    page.refuse(notice_id="N2")
    assert page.payment().status is AGAIN
    page.try_again()
    page.issue()
    page.refuse(notice_id="N3", code="20100")
    assert page.payment().status is PaymentStatus.DECLINE
    assert told(page) == [
        ("intermediate", "awaiting customer", "20301", 1, 600),
        ("intermediate", "awaiting customer", "20301", 1, 539),
        ("final", "decline", "20100", 0, 0),
    ]
    assert [one.status for one in page.operations()] == ["decline"] * 3
    assert isinstance(page.try_again(), Ignore)


def test_the_window_is_over(page: FlowWorld) -> None:
    """Nobody tries again: a decline with the last attempt's own code, told once."""
    payment = failed(page)
    assert payment.retry_until_us is not None
    page.clock.advance(payment.retry_until_us - page.clock.now_us() - 2)
    assert page.expire() == 0
    assert page.expire() == 1
    after = page.payment()
    assert (after.status, after.finished_us) == (PaymentStatus.DECLINE, payment.retry_until_us)
    (sale,) = page.operations()
    assert (sale.status, sale.code) == (PaymentStatus.DECLINE, "20301")
    assert told(page)[1:] == [("final", "decline", "20301", 0, 0)]
    assert page.bodies()[-1]["operation"]["status"] == "decline"
    assert page.expire() == 0


def test_too_late_to_try_again(page: FlowWorld) -> None:
    """At the end of the window no attempt begins, even before the payment is declined."""
    payment = failed(page)
    assert payment.retry_until_us is not None
    page.clock.advance(payment.retry_until_us - page.clock.now_us() - 1)
    assert isinstance(page.try_again(), Ignore)
    assert page.payment() == payment


def test_the_window_ends_during_an_attempt(page: FlowWorld) -> None:
    """An attempt that has begun in time may be paid after the window, but is the last."""
    second(page)
    page.clock.advance(650 * SECOND_US)
    assert page.expire() == 0
    page.refuse(notice_id="N2", code="20100")
    assert told(page)[-1] == ("final", "decline", "20100", 0, 0)


def test_the_customer_gives_up(page: FlowWorld) -> None:
    """Going back to the shop declines at once, with the last attempt's own code."""
    bank_refuses(page)
    assert isinstance(page.give_up(), Move)
    assert told(page)[1:] == [("final", "decline", "20100", 0, 0)]
    (sale,) = page.operations()
    assert (sale.status, sale.code) == (PaymentStatus.DECLINE, "20100")
    entry = page.journal()[-1]
    assert (entry.what, entry.by, entry.operation) == ("gaveup", "customer", sale.id)
    before = pictured(page)
    assert isinstance(page.give_up(), Ignore)
    assert isinstance(page.try_again(), Ignore)
    assert pictured(page) == before


def test_nobody_gives_up_under_way(page: FlowWorld) -> None:
    """While a QR may be paid, going back to the shop declines nothing."""
    shown(page)
    assert isinstance(page.give_up(), Ignore)
    assert page.payment().status is PaymentStatus.AWAITING_CUSTOMER_ACTION


def test_money_after_the_window(page: FlowWorld) -> None:
    """Money after the end is late, like any other."""
    failed(page)
    page.run_out()
    pay_first(page)
    assert page.payment().status is PaymentStatus.DECLINE
    assert (page.credit_statuses(), alarms(page)) == (["unapplied"], ["late"])


# --- staff ----------------------------------------------------------------------------------


def held(page: FlowWorld) -> None:
    """Too little arrives while the payment awaits the customer."""
    failed(page)
    pay_first(page, 9_000)


def test_held_money_between_attempts(page: FlowWorld) -> None:
    """With money held, nothing but staff moves the payment: no attempt, no end, no window."""
    held(page)
    assert (page.payment().status, page.payment().held_count) == (AGAIN, 1)
    before = pictured(page)
    assert isinstance(page.try_again(), Ignore)
    assert isinstance(page.give_up(), Ignore)
    page.run_out()
    assert pictured(page) == before
    assert (page.credit_statuses(), alarms(page)) == (["held"], ["short"])


def test_staff_accept_between_attempts(page: FlowWorld) -> None:
    """Staff take the short sum: success by a manual change, the failed sale stays declined."""
    held(page)
    after = page.accept()
    assert (after.status, after.paid_minor, after.held_count) == ("success", 9_000, 0)
    assert [(one.type, one.status) for one in page.operations()] == [
        ("sale", "decline"),
        ("manual change", "success"),
    ]
    assert page.operations()[0].code == "20301"
    assert told(page)[1:] == [("final", "success", "0", 0, 0)]
    assert page.bodies()[-1]["payment"]["sum"]["amount"] == 9_000


def test_staff_decline_between_attempts(page: FlowWorld) -> None:
    """Staff give the payment up: no other attempt, and the failed sale keeps its reason."""
    held(page)
    assert page.decline().status is PaymentStatus.DECLINE
    assert [(one.type, one.status, one.code) for one in page.operations()] == [
        ("sale", "decline", "20301"),
        ("manual change", "decline", "20304"),
    ]
    assert told(page)[1:] == [("final", "decline", "20304", 0, 0)]
    assert isinstance(page.try_again(), Ignore)


def test_staff_decline_offers_no_other_attempt(page: FlowWorld) -> None:
    """What staff decline under way is declined for good, whatever the project allows."""
    shown(page)
    assert page.decline().status is PaymentStatus.DECLINE
    assert told(page) == [("final", "decline", "20304", None, None)]
    assert isinstance(page.try_again(), Ignore)


# --- two things at once ---------------------------------------------------------------------


def test_trying_again_twice_at_once(page: FlowWorld) -> None:
    """Of four clicks at the same moment one begins an attempt."""
    payment = failed(page)
    results = page.together(*(page.take_try_again(payment) for _ in range(4)))
    assert sorted(type(result).__name__ for result in results) == ["Ignore"] * 3 + ["Move"]
    assert page.payment().attempts_count == 2
    assert len(page.operations()) == len(tasks(page)) == 2


def test_an_attempt_overtaken_by_its_own_twin(page: FlowWorld) -> None:
    """A click that read the payment before the other's attempt began decides anew: nothing."""
    payment = failed(page)
    one, other = page.take_try_again(payment), page.take_try_again(payment)
    decision = page.do(lambda tx: one(InterferingTx(tx, payments._MOVE, meddle=other)))
    assert isinstance(decision, Ignore)
    assert page.payment().attempts_count == len(page.operations()) == 2


def test_the_clock_overtaken_by_an_attempt(page: FlowWorld) -> None:
    """A time-out of the first attempt that meets the second one under way leaves it alone."""
    payment = shown(page)
    page.clock.advance(901 * SECOND_US)
    step = page.step("request-2", by="customer")
    now_us = page.next_us()

    def meddle(tx: Tx) -> None:
        assert hosted.try_again(tx, page.project, payment, step=step)

    def run(tx: Tx) -> None:
        met = InterferingTx(tx, payments._MOVE, meddle=meddle)
        assert expire_due(met, find_project=page.find_project, now_us=now_us) == 1

    page.do(run)
    after = page.payment()
    assert (after.status, after.attempts_count) == (PaymentStatus.PROCESSING, 2)
    assert [one.kind for one in page.callbacks()] == ["intermediate"]


def test_a_new_qr_asked_for_twice_at_once(page: FlowWorld) -> None:
    """Of two clicks on a QR that is over, each read before the other's effect, one begins."""
    payment = shown(page)
    page.clock.advance(601 * SECOND_US)
    one, other = page.step("request-2", by="customer"), page.step("request-3", by="customer")
    begun: list[bool] = []

    def meddle(tx: Tx) -> None:
        begun.append(hosted.try_again(tx, page.project, payment, step=other))

    def run(tx: Tx) -> None:
        met = InterferingTx(tx, payments._MOVE, meddle=meddle)
        begun.append(hosted.try_again(met, page.project, payment, step=one))

    page.do(run)
    assert begun == [True, False]
    assert page.payment().attempts_count == len(page.operations()) == 2
    assert [callback.kind for callback in page.callbacks()] == ["intermediate"]


def test_a_new_qr_for_the_second(page: FlowWorld) -> None:
    """A second QR that is over makes room for a third at once; after the third there is none."""
    page.set(retry_window_s=3_600)
    second(page)
    for number, begins in ((3, True), (4, False)):
        page.clock.advance(601 * SECOND_US)
        payment, step = page.payment(), page.step(f"request-{number}", by="customer")

        def again(tx: Tx, payment: Payment = payment, step: Step = step) -> bool:
            return hosted.try_again(tx, page.project, payment, step=step)

        assert page.do(again) == begins
        page.issue()
    assert page.payment().status is PaymentStatus.AWAITING_CUSTOMER_ACTION
    assert page.payment().attempts_count == 3


def test_an_answer_overtaken_by_an_attempt(page: FlowWorld) -> None:
    """Same status, same held money, another attempt: the guarded move tells them apart."""
    page.sale(origin=Origin.PAGE)
    asked = asking(page, 0)
    assert asked is not None
    late_us = page.clock.now_us() + 902 * SECOND_US

    def meddle(tx: Tx) -> None:
        page.clock.advance(901 * SECOND_US)
        failing = bank.Refused("20100")
        issuing.take_answer(tx, asked, failing, now_us=page.clock.now_us())
        found = payments.payment_by_key(tx, asked.payment.key)
        assert found is not None
        page.take_try_again(found)(tx)

    def take(tx: Tx) -> None:
        met = InterferingTx(tx, payments._MOVE, meddle=meddle)
        issuing.take_answer(met, asked, bank.Issued(PAYLOAD, late_us), now_us=late_us)

    page.do(take)
    payment = page.payment()
    assert (payment.status, payment.attempts_count) == (PaymentStatus.PROCESSING, 2)
    assert payment.display is None


# --- attempt numbers ------------------------------------------------------------------------


def numbers(page: FlowWorld) -> list[int]:
    """Which attempt each sale of the payment is."""

    def counted(tx: Tx) -> list[int]:
        payment = payments.payment_by_id(tx, page.project.id, "p-1")
        assert payment is not None
        sales = payments.operations_of(tx, payment.key)
        return [attempt_of(tx, payment, sale) for sale in sales if sale.type == OperationType.SALE]

    return page.do(counted)


def test_attempt_numbers(page: FlowWorld) -> None:
    """Attempts count from 1, and a manual change is none."""
    second(page)
    page.pay(9_000)
    page.accept()
    assert numbers(page) == [1, 2]
    assert len(page.operations()) == 3


def test_attempt_numbers_of_a_payment_sent_again(page: FlowWorld) -> None:
    """A sale that was rejected is no attempt: they count from the one that was accepted."""
    page.sale(origin=Origin.PAGE, amount_minor=0)
    shown(page, digest="corrected")
    page.refuse()
    page.try_again()
    assert numbers(page) == [0, 1, 2]
    assert asking(page, 1) is None
    asked = asking(page, 2)
    assert asked is not None
    page.issue()
    page.refuse(notice_id="N2")
    assert page.payment().status is AGAIN
    page.try_again()
    assert numbers(page) == [0, 1, 2, 3]
    page.issue()
    page.refuse(notice_id="N3")
    assert page.payment().status is PaymentStatus.DECLINE


# --- what is told ---------------------------------------------------------------------------


def test_the_qr_of_our_page_is_not_told(page: FlowWorld) -> None:
    """By default the merchant hears nothing while our page shows the QR."""
    second(page)
    assert told(page) == [("intermediate", "awaiting customer", "20301", 1, 600)]


def test_the_qr_of_our_page_is_told_when_asked(page: FlowWorld) -> None:
    """With `page_intermediate_callback` each QR is told, during a further attempt without offer."""
    page.set(page_intermediate_callback=True)
    second(page)
    assert told(page) == [
        ("intermediate", "awaiting customer action", "9999", None, None),
        ("intermediate", "awaiting customer", "20301", 1, 600),
        ("intermediate", "awaiting customer action", "9999", 0, 0),
    ]
    assert [("qr" in body) for body in page.bodies()] == [True, False, True]


def test_merchant_data(page: FlowWorld) -> None:
    """The merchant's own data come back with the final result only, and without `;`."""
    page.set(page_intermediate_callback=True)
    second(page, merchant_data="cart=7;colour=red")
    page.pay()
    assert ["merchant_data" in body for body in page.bodies()] == [False, False, False, True]
    assert page.bodies()[-1]["merchant_data"] == "cart=7,colour=red"


def test_merchant_data_of_a_rejected_sale(page: FlowWorld) -> None:
    """An error is final too: the merchant's own data come back with it."""
    page.sale(origin=Origin.PAGE, amount_minor=0, merchant_data="cart=7")
    assert page.bodies()[0]["merchant_data"] == "cart=7"


def test_no_address_for_an_offer(page: FlowWorld) -> None:
    """Without an address the offer is kept as dropped, as every callback is."""
    page.project = msgspec.structs.replace(page.project, callback_url="")
    failed(page)
    assert [(one.kind, one.status) for one in page.callbacks()] == [("intermediate", "dropped")]


# --- best_before ----------------------------------------------------------------------------


def test_best_before_ends_the_qr(page: FlowWorld) -> None:
    """The QR ends with `best_before`; the payment waits five minutes more for a late notice."""
    until_us = page.clock.now_us() + 120 * SECOND_US
    page.sale(origin=Origin.PAGE, best_before_us=until_us)
    asked = asking(page, 0)
    assert asked is not None
    assert asked.order.expires_us == until_us
    assert asked.order.closes_us == page.payment().decline_us == until_us + 300 * SECOND_US


def test_best_before_ends_all_attempts(page: FlowWorld) -> None:
    """After `best_before` the time-out is final, with attempts left."""
    until_us = page.clock.now_us() + 120 * SECOND_US
    shown(page, best_before_us=until_us)
    page.clock.advance(421 * SECOND_US)
    assert page.expire() == 1
    assert page.payment().status is PaymentStatus.DECLINE
    assert told(page) == [("final", "decline", "20602", None, None)]


def test_best_before_ends_the_window(page: FlowWorld) -> None:
    """Another attempt may begin until `best_before`; then the payment is declined."""
    until_us = page.clock.now_us() + 120 * SECOND_US
    payment = failed(page, best_before_us=until_us)
    assert payment.retry_until_us == payment.decline_us == until_us
    assert told(page) == [("intermediate", "awaiting customer", "20301", 1, 119)]
    page.clock.advance(60 * SECOND_US)
    page.try_again()
    asked = asking(page, 1)
    assert asked is not None
    assert asked.order.expires_us == until_us
    page.refuse(notice_id="N2")
    assert page.payment().decline_us == until_us
    page.clock.advance(60 * SECOND_US)
    assert isinstance(page.try_again(), Ignore)
    assert page.expire() == 1
    assert told(page)[-1] == ("final", "decline", "20301", 0, 0)


def test_what_a_corrected_sale_brings(page: FlowWorld) -> None:
    """A payment in `error` that is sent again takes time limit and merchant data anew."""
    page.sale(origin=Origin.PAGE, amount_minor=0, best_before_us=1)
    until_us = page.clock.now_us() + 120 * SECOND_US
    page.sale(
        origin=Origin.PAGE, digest="corrected", best_before_us=until_us, merchant_data="second"
    )
    payment = page.payment()
    assert (payment.best_before_us, payment.merchant_data) == (until_us, "second")
