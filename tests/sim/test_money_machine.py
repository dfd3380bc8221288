"""Months of a merchant in random order: whatever happens to money, the books prove it.

Hypothesis makes sales, credits, refusals, repeats, delays and decisions of staff in any order, on a
real SQLite file and a clock that stands still; after every step the invariants are proved.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from sampan.domain.project import OtherAmount
from sampan.domain.statuses import FINAL, PaymentStatus
from sampan.flow import resolution
from sampan.providers import base as bank
from sampan.storage import schema
from sampan.storage.engine import Tx
from tests.support.flow_world import ACCOUNT, FlowWorld, open_world

EXAMPLES: Final = int(os.environ.get("SAMPAN_SIM_EXAMPLES", "200"))
STEPS: Final = 25

amounts = st.one_of(st.just(10_000), st.integers(1, 20_000))
currencies = st.sampled_from(["HKD", "HKD", "HKD", "CNY"])
beginnings = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0, 9_999, 10_000, 10_001]), st.booleans()),
    min_size=1,
    max_size=4,
)
"""(the QR is shown at once, the sum that arrives then, the QR is shown only now)."""


class MoneyMachine(RuleBasedStateMachine):
    """One project, its payments, its bank and its staff."""

    template: ClassVar[Path]

    payments = Bundle("payments")
    notices = Bundle("notices")

    def __init__(self) -> None:
        super().__init__()
        self._opened = ExitStack()
        folder = Path(self._opened.enter_context(tempfile.TemporaryDirectory()))
        file = shutil.copyfile(self.template, folder / "sampan.db")
        self.flow: FlowWorld = self._opened.enter_context(open_world(f"sqlite:///{file}"))
        self.sold: dict[str, tuple[str, bool]] = {}
        self.arrived: dict[str, bank.Credit] = {}
        self.corrected: set[str] = set()
        self.txns = 0
        self.ended: dict[str, PaymentStatus] = {}

    def teardown(self) -> None:
        """Prove everything once more and forget this world."""
        self._opened.close()

    @initialize(target=payments, wants=st.sampled_from(OtherAmount), beginnings=beginnings)
    def open_shop(
        self, wants: OtherAmount, beginnings: list[tuple[bool, int, bool]]
    ) -> MultipleResults[str]:
        """The merchant chooses what to do with other sums; the first customers come."""
        self.flow.set(other_amount=wants)
        for shown, amount, shown_late in beginnings:
            payment_id = self._sold(10_000)
            if shown:
                self.flow.issue(payment_id)
            if amount:
                self.pay_now(payment_id, amount, currency="HKD")
            if shown_late:
                self.flow.issue(payment_id)
        return multiple(*self.sold)

    @rule(target=payments, amount=st.sampled_from([10_000, 10_000, 10_000, 0]))
    def sell(self, amount: int) -> str:
        """The merchant sells; some sales are against the project's limits."""
        return self._sold(amount)

    def _sold(self, amount: int) -> str:
        payment_id = f"p-{len(self.sold)}"
        request_id = self.flow.sale(payment_id, amount_minor=amount)
        self.sold[payment_id] = (request_id, amount == 0)
        return payment_id

    @rule(payment_id=payments)
    def sell_again(self, payment_id: str) -> None:
        """The merchant repeats an accepted sale: the same answer, and nothing happens."""
        request_id, in_error = self.sold[payment_id]
        if not in_error:
            before = self.pictured()
            assert self.flow.sale(payment_id) == request_id
            assert self.pictured() == before

    @rule(payment_id=payments)
    def correct(self, payment_id: str) -> None:
        """The merchant sends a corrected sale: taken in `error`, else refused."""
        before = self.pictured()
        in_error = self.flow.payment(payment_id).status is PaymentStatus.ERROR
        digest = f"correction of {payment_id}"
        if in_error:
            self.flow.sale(payment_id, digest=digest)
            assert self.flow.payment(payment_id).status is PaymentStatus.PROCESSING
            self.corrected.add(payment_id)
        elif payment_id not in self.corrected:
            refusal = self.flow.refused(lambda: self.flow.sale(payment_id, digest=digest))
            assert refusal is not None
            assert refusal.code == "3041"
            assert self.pictured() == before

    @rule(payment_id=payments, url=st.sampled_from(["", "", "https://pay.example/q/1"]))
    def provider_issues(self, payment_id: str, url: str) -> None:
        """The provider makes a QR, perhaps when all is over."""
        self.flow.issue(payment_id, redirect_url=url)

    @precondition(lambda self: len(self.sold) > 1)
    @rule(payment_id=payments)
    def provider_refuses(self, payment_id: str) -> None:
        """The provider refuses the order, perhaps when all is over."""
        self.flow.answer(bank.Refused("20100"), of=payment_id, redirect_url="")

    @rule(target=notices, payment_id=payments, amount=amounts, currency=currencies)
    def pay(self, payment_id: str, amount: int, currency: str) -> bank.Notice:
        """Somebody pays some sum in some currency."""
        return self.pay_now(payment_id, amount, currency=currency)

    def pay_now(self, payment_id: str, amount: int, *, currency: str) -> bank.Notice:
        """Let a credit for a payment arrive."""
        self.txns += 1
        credit = self.flow.credit(amount, txn=f"T{self.txns}", currency=currency, of=payment_id)
        self.flow.notice(credit)
        self.arrived[credit.bank_txn_id] = credit
        return credit

    @precondition(lambda self: self.open())
    @rule(target=notices, data=st.data(), amount=st.sampled_from([9_999, 10_000, 10_001]))
    def pay_open(self, data: st.DataObject, amount: int) -> bank.Notice:
        """Somebody pays a little too much, too little or the right sum in time."""
        return self.pay_now(data.draw(st.sampled_from(self.open())), amount, currency="HKD")

    @rule(target=notices, amount=amounts)
    def pay_nobody(self, amount: int) -> bank.Notice:
        """Somebody pays with a reference of their own."""
        self.txns += 1
        credit = self.flow.credit(amount, txn=f"T{self.txns}", reference="RENT MAY")
        self.flow.notice(credit)
        self.arrived[credit.bank_txn_id] = credit
        return credit

    @precondition(lambda self: len(self.sold) > 1)
    @rule(target=notices, payment_id=payments)
    def customer_refuses(self, payment_id: str) -> bank.Notice:
        """The customer says no at the bank."""
        self.txns += 1
        text = self.flow.reference(payment_id)
        notice = bank.Refusal(
            account=ACCOUNT, notice_id=f"N{self.txns}", reference=text, code="20301"
        )
        self.flow.notice(notice)
        return notice

    @rule(notice=notices)
    def bank_repeats(self, notice: bank.Notice) -> None:
        """The bank tells something again: nothing changes, and nobody is told."""
        before = self.pictured()
        self.flow.notice(notice)
        assert self.pictured() == before

    @rule(seconds=st.sampled_from([1, 59, 300, 901]))
    def time_passes(self, seconds: int) -> None:
        """Time passes, and what has run out of it is declined."""
        self.flow.clock.advance(seconds * 1_000_000)
        self.flow.expire()

    @rule(wants=st.sampled_from(OtherAmount), late_accept_s=st.sampled_from([0, 60]))
    def merchant_chooses(self, wants: OtherAmount, late_accept_s: int) -> None:
        """The merchant changes what happens with sums that do not fit."""
        self.flow.set(other_amount=wants, late_accept_s=late_accept_s)

    @rule(payment_id=payments, accept=st.booleans())
    def staff_decide(self, payment_id: str, *, accept: bool) -> None:
        """Staff accept or decline: done, or refused and nothing changes."""
        before = self.pictured()
        act = self.flow.accept if accept else self.flow.decline
        refusal = self.flow.refused(lambda: act(payment_id))
        if refusal is not None:
            assert refusal.code == "3060"
            assert self.pictured() == before

    @precondition(lambda self: self.arrived)
    @rule(data=st.data())
    def staff_return(self, data: st.DataObject) -> None:
        """Staff note that a credit went back: only unapplied money can."""
        credit = data.draw(st.sampled_from(self.flow.credits()))
        step = self.flow.step()

        def act(tx: Tx) -> None:
            resolution.mark_returned(tx, credit, step=step)

        refusal = self.flow.refused(lambda: self.flow.do(act))
        assert (refusal is None) == (credit.status == "unapplied")

    @invariant()
    def books_are_proved(self) -> None:
        """Sums are zero, books equal the bank's, only listed moves, each final told once."""
        self.flow.prove()

    @invariant()
    def every_credit_is_counted_once(self) -> None:
        """What the bank said is what stands in the books: nothing lost, nothing twice."""
        found = {credit.bank_txn_id: credit for credit in self.flow.credits()}
        assert found.keys() == self.arrived.keys()
        for txn, credit in found.items():
            assert credit.amount_minor == self.arrived[txn].amount_minor
            assert credit.currency == self.arrived[txn].currency

    @invariant()
    def ends_stay(self) -> None:
        """Success is never left, and what is declined can only succeed."""
        for payment_id in self.sold:
            payment = self.flow.payment(payment_id)
            before = self.ended.get(payment_id)
            if before is PaymentStatus.SUCCESS:
                assert payment.status is PaymentStatus.SUCCESS
            if before is PaymentStatus.DECLINE:
                assert payment.status in {PaymentStatus.DECLINE, PaymentStatus.SUCCESS}
            if payment.status in FINAL:
                assert payment.held_count == 0
                self.ended[payment_id] = payment.status

    def open(self) -> list[str]:
        """The payments that are not over."""
        return [one for one in self.sold if self.flow.payment(one).status not in FINAL]

    def pictured(self) -> list[object]:
        """Everything that a step could have changed."""
        tables = (
            schema.payments,
            schema.operations,
            schema.credits,
            schema.ledger,
            schema.callbacks,
            schema.outbox,
            schema.journal,
        )
        return self.flow.do(
            lambda tx: [
                tuple(map(tuple, tx.query(table.select().order_by(table.c.id)))) for table in tables
            ]
        )


@pytest.mark.slow
def test_money_in_any_order(sqlite_template: Path) -> None:
    """Random months: every invariant holds after every step."""
    MoneyMachine.template = sqlite_template
    case = MoneyMachine.TestCase
    case.settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    case().runTest()
