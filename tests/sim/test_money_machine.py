"""Months of a merchant in random order: whatever happens to money, the books prove it.

Hypothesis makes sales, further attempts, credits, refusals, repeats, delays and decisions of staff
in any order, on a real SQLite file and a clock that stands still; after every step the invariants
are proved.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
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
from sqlalchemy import func, select

from sampan.domain.machine import Move
from sampan.domain.payment import Payment
from sampan.domain.project import OtherAmount
from sampan.domain.statuses import FINAL, OperationType, Origin, PaymentStatus
from sampan.flow import resolution
from sampan.providers import base as bank
from sampan.storage import credits as arrivals
from sampan.storage import payments as kept
from sampan.storage import schema
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from tests.support import books
from tests.support.flow_world import ACCOUNT, PROJECT_ID, FlowWorld, open_world

EXAMPLES: Final = int(os.environ.get("SAMPAN_SIM_EXAMPLES", "200"))
STEPS: Final = 25

amounts = st.one_of(st.just(10_000), st.integers(1, 20_000))
currencies = st.sampled_from(["HKD", "HKD", "HKD", "CNY"])
origins = st.sampled_from([Origin.GATE, Origin.PAGE, Origin.PAGE])
attempts_max = st.sampled_from([0, 1, 2, 2])
beginnings = st.lists(
    st.tuples(
        origins,
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from([0, 9_999, 10_000, 10_001]),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)
"""(where it is sold, how often the customer refuses and tries again, whether the QR is shown at
once, the sum that arrives then, whether the QR is shown only now)."""


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
        self.origins: dict[str, Origin] = {}
        self.arrived: dict[str, bank.Credit] = {}
        self.corrected: set[str] = set()
        self.txns = 0
        self.ended: dict[str, PaymentStatus] = {}

    def teardown(self) -> None:
        """Prove everything once more and forget this world."""
        self._opened.close()

    @initialize(
        target=payments,
        wants=st.sampled_from(OtherAmount),
        again=attempts_max,
        all_told=st.booleans(),
        beginnings=beginnings,
    )
    def open_shop(
        self,
        wants: OtherAmount,
        again: int,
        beginnings: list[tuple[Origin, int, bool, int, bool]],
        *,
        all_told: bool,
    ) -> MultipleResults[str]:
        """The merchant chooses what follows other sums and declines; the first customers come."""
        self.flow.set(
            other_amount=wants, retry_attempts_max=again, page_intermediate_callback=all_told
        )
        for origin, refusals, shown, amount, shown_late in beginnings:
            payment_id = self._sold(10_000, origin)
            for _ in range(refusals):
                self.customer_refuses_now(payment_id)
                self.flow.try_again(payment_id)
            if shown:
                self.flow.issue(payment_id)
            if amount:
                self.pay_now(payment_id, amount, currency="HKD")
            if shown_late:
                self.flow.issue(payment_id)
        return multiple(*self.sold)

    @rule(target=payments, amount=st.sampled_from([10_000, 10_000, 10_000, 0]), origin=origins)
    def sell(self, amount: int, origin: Origin) -> str:
        """The merchant sells, or our page does; some sales are against the project's limits."""
        return self._sold(amount, origin)

    def _sold(self, amount: int, origin: Origin) -> str:
        payment_id = f"p-{len(self.sold)}"
        request_id = self.flow.sale(payment_id, amount_minor=amount, origin=origin)
        self.sold[payment_id] = (request_id, amount == 0)
        self.origins[payment_id] = origin
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
            self.flow.sale(payment_id, digest=digest, origin=self.origins[payment_id])
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

    @rule(
        target=notices,
        payment_id=payments,
        amount=amounts,
        currency=currencies,
        attempt=st.sampled_from([0, -1]),
    )
    def pay(self, payment_id: str, amount: int, currency: str, attempt: int) -> bank.Notice:
        """Somebody pays some sum in some currency, for the first QR or the newest."""
        return self.pay_now(payment_id, amount, currency=currency, attempt=attempt)

    def pay_now(
        self, payment_id: str, amount: int, *, currency: str, attempt: int = -1
    ) -> bank.Notice:
        """Let a credit for a payment arrive."""
        self.txns += 1
        text = self.flow.reference(payment_id, attempt=attempt)
        credit = self.flow.credit(amount, txn=f"T{self.txns}", currency=currency, reference=text)
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
    @rule(target=notices, payment_id=payments, attempt=st.sampled_from([0, -1, -1]))
    def customer_refuses(self, payment_id: str, attempt: int) -> bank.Notice:
        """The customer says no at the bank, to the newest QR or, as old news, to the first."""
        return self.customer_refuses_now(payment_id, attempt=attempt)

    def customer_refuses_now(self, payment_id: str, *, attempt: int = -1) -> bank.Notice:
        """Let a refusal of an attempt arrive."""
        self.txns += 1
        text = self.flow.reference(payment_id, attempt=attempt)
        notice = bank.Refusal(
            account=ACCOUNT, notice_id=f"N{self.txns}", reference=text, code="20301"
        )
        self.flow.notice(notice)
        return notice

    @precondition(lambda self: self.offered())
    @rule(data=st.data(), clicks=st.sampled_from([1, 1, 2]))
    def customer_tries_again(self, data: st.DataObject, clicks: int) -> None:
        """The customer tries again, perhaps with two clicks: one attempt begins, or none."""
        payment_id = data.draw(st.sampled_from(self.offered()))
        before, pictured = self.flow.payment(payment_id), self.pictured()
        takes = [self.flow.take_try_again(before) for _ in range(clicks)]
        begun = [isinstance(self.flow.do(take), Move) for take in takes]
        if before.held_count or self.flow.clock.now_us() >= (before.retry_until_us or 0):
            assert not any(begun)
            assert self.pictured() == pictured
        else:
            assert begun == [True, False][:clicks]
            after = self.flow.payment(payment_id)
            assert after.status is PaymentStatus.PROCESSING
            assert after.attempts_count == before.attempts_count + 1

    @rule(payment_id=payments)
    def customer_gives_up(self, payment_id: str) -> None:
        """The customer goes back to the shop: that ends only what waits for another attempt."""
        before, pictured = self.flow.payment(payment_id), self.pictured()
        self.flow.give_up(payment_id)
        if before.status is PaymentStatus.AWAITING_CUSTOMER and not before.held_count:
            assert self.flow.payment(payment_id).status is PaymentStatus.DECLINE
        else:
            assert self.pictured() == pictured

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

    @rule(
        wants=st.sampled_from(OtherAmount),
        late_accept_s=st.sampled_from([0, 60]),
        again=attempts_max,
    )
    def merchant_chooses(self, wants: OtherAmount, late_accept_s: int, again: int) -> None:
        """The merchant changes what happens with sums that do not fit, and after a decline."""
        self.flow.set(other_amount=wants, late_accept_s=late_accept_s, retry_attempts_max=again)

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

    # One invariant that reads all at once: half of the time of this test went into transactions.
    @invariant()
    def all_holds(self) -> None:
        """The books are proved, and everything else that must hold after every step holds."""
        table = schema.operations.c
        sales = select(table.payment, func.count()).where(table.type == OperationType.SALE.value)

        def look(tx: Tx) -> tuple[Sequence[Credit], dict[str, Payment], dict[int, int]]:
            books.assert_books(tx)
            books.assert_told(tx)
            counts = {row[0]: row[1] for row in tx.query(sales.group_by(table.payment))}
            return arrivals.listing(tx, status=None, most=1000), self._standing(tx), counts

        found, standing, counts = self.flow.do(look)
        self._every_credit_is_counted_once(found)
        self._ends_stay(standing)
        self._attempts_are_counted(standing, counts)

    def _every_credit_is_counted_once(self, told: Sequence[Credit]) -> None:
        """What the bank said is what stands in the books: nothing lost, nothing twice."""
        found = {credit.bank_txn_id: credit for credit in told}
        assert len(found) == len(told)
        assert found.keys() == self.arrived.keys()
        for txn, credit in found.items():
            assert credit.amount_minor == self.arrived[txn].amount_minor
            assert credit.currency == self.arrived[txn].currency

    def _ends_stay(self, standing: dict[str, Payment]) -> None:
        """Success is never left, and what is declined can only succeed."""
        for payment_id, payment in standing.items():
            before = self.ended.get(payment_id)
            if before is PaymentStatus.SUCCESS:
                assert payment.status is PaymentStatus.SUCCESS
            if before is PaymentStatus.DECLINE:
                assert payment.status in {PaymentStatus.DECLINE, PaymentStatus.SUCCESS}
            if payment.status in FINAL:
                assert payment.held_count == 0
                self.ended[payment_id] = payment.status

    def _attempts_are_counted(self, standing: dict[str, Payment], counts: dict[int, int]) -> None:
        """Each attempt is a sale; there are as many as allowed, and through Gate there is one."""
        for payment_id, payment in standing.items():
            rejected = self.sold[payment_id][1] and payment_id in self.corrected
            assert counts[payment.key] == payment.attempts_count + rejected
            assert payment.attempts_count <= (3 if self.origins[payment_id] is Origin.PAGE else 1)

    def standing(self) -> dict[str, Payment]:
        """Every payment as it stands."""
        return self.flow.do(self._standing)

    def _standing(self, tx: Tx) -> dict[str, Payment]:
        names = [(one, kept.payment_by_id(tx, PROJECT_ID, one)) for one in self.sold]
        return {name: payment for name, payment in names if payment is not None}

    def open(self) -> list[str]:
        """The payments that are not over."""
        return [name for name, one in self.standing().items() if one.status not in FINAL]

    def offered(self) -> list[str]:
        """The payments that the customer may try again, if no money is held and time is left."""
        awaiting = PaymentStatus.AWAITING_CUSTOMER
        return [name for name, one in self.standing().items() if one.status is awaiting]

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
