"""Refunds of a merchant's own account: never more than came, paid when the bank says so, once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from sampan.codecs import iso20022
from sampan.codecs.statement import StatementEntry
from sampan.domain.fps_account import FpsAccount
from sampan.domain.money_decisions import (
    Apply,
    Explain,
    Ignore,
    Part,
    Refund,
    Return,
    Split,
    TakeBack,
    Wish,
)
from sampan.domain.refunds import Doubt, Payee, PayeeKind, RefundStatus
from sampan.domain.settlement import Key, Paid, Repaid, lines
from sampan.flow import credit_moves, refund_records
from sampan.flow.finding import Where
from sampan.flow.settle import Step
from sampan.flow.statement_entries import Became, take_entry
from sampan.providers.base import Debit
from sampan.storage import credits as kept
from sampan.storage import ledger, refunds, schema, settlement
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from tests.support import camt
from tests.support.credit_world import add_account, approve, assert_proof, decide, entry, taken_back
from tests.support.flow_world import FlowWorld, open_world

PAYEE: Final = Payee(
    name="Chan Tai Man", kind=PayeeKind.ACCOUNT, number="987654321", bank_code="024"
)
OTHER: Final = Payee(name="WONG SIU MING", kind=PayeeKind.MOBILE, number="+852-91234567")
AMY: Final = "staff:amy"


class Desk:
    """A project whose own account is at a bank, and the bank."""

    def __init__(self, flow: FlowWorld, account: FpsAccount) -> None:
        self.flow = flow
        self.account = account
        self.numbers = iter(range(1, 1_000))

    @property
    def where(self) -> Where:
        """The account."""
        return Where("fps", self.account.key, self.flow.find_project)

    def tell(self, amount_minor: int, *texts: str, **changes: Any) -> Became:  # noqa: ANN401
        """Let a file of the bank tell of a movement."""
        told = {"bank_ref": f"B{next(self.numbers)}", "booked_us": self.flow.clock.now_us()}
        one = entry(amount_minor, *texts, **told | changes)
        step = Step(self.flow.next_us(), "bank")
        return self.flow.do(lambda tx: take_entry(tx, self.where, one, import_id=None, step=step))

    def debit(self, amount_minor: int, *texts: str, **changes: Any) -> Became:  # noqa: ANN401
        """Let a file tell of money that went out to somebody."""
        told = {"payer_name": "TEA", "payee_name": "", "payee_account": ""}
        return self.tell(-amount_minor, *texts, **told | changes)

    def came(self, amount_minor: int = 10_000, **changes: Any) -> Credit:  # noqa: ANN401
        """Money that belongs to no payment."""
        became = self.tell(amount_minor, payer_account="024-987654321", **changes)
        assert became.credit is not None
        return self.credit(became.credit)

    def paid(self, payment_id: str = "p-1") -> Credit:
        """Money that paid a payment of HK$100.00."""
        payment = self.flow.waiting(payment_id)
        return self.again(self.decided(Apply(credit=self.came().id, payment=payment.key)))

    def decided(self, wish: Wish, **who: str) -> Decision:
        """Let somebody decide."""
        return decide(self.flow, wish, **who)

    def again(self, made: Decision) -> Credit:
        """The credit of a decision as it stands."""
        assert made.credit is not None
        return self.credit(made.credit)

    def credit(self, key: int) -> Credit:
        """A credit as it stands."""
        found = self.flow.do(lambda tx: kept.find(tx, key))
        assert found is not None
        return found

    def refund(
        self, credit: Credit, amount_minor: int = 10_000, payee: Payee = PAYEE, **more: bool
    ) -> refunds.Refund:
        """Let one person have a sum refunded, and return the refund."""
        wish = Refund(credit=credit.id, amount_minor=amount_minor, payee=payee, **more)
        assert self.decided(wish).status == "done"
        return self.flow.do(lambda tx: refunds.of_credit(tx, credit.id))[-1]

    def refused(self, wish: Wish) -> str:
        """Why a decision is refused."""
        found = self.flow.refused(lambda: self.decided(wish))
        assert found is not None
        assert found.http_status == 409
        return found.message

    def file(self, *made: refunds.Refund, form: str = "pain.001") -> refunds.RefundFile:
        """Write a file for the bank."""
        keys = [one.id for one in made]
        step = self.flow.step("today's", AMY)
        return self.flow.do(lambda tx: refund_records.make_file(tx, keys, form, step=step))

    def ended(self, how: str, refund: refunds.Refund, **more: Any) -> RefundStatus:  # noqa: ANN401
        """Let somebody say what became of a refund."""
        step = self.flow.step("the bank said so", AMY)
        act = getattr(refund_records, how)
        made: refunds.Refund = self.flow.do(lambda tx: act(tx, refund.id, step=step, **more))
        return made.status

    def status(self, refund: refunds.Refund) -> tuple[str, str]:
        """Where a refund and its credit stand."""
        found = self.flow.do(lambda tx: refund_records.find(tx, refund.id))
        return found.status.value, self.credit(refund.credit).status

    def alarms(self) -> list[str]:
        """What people have to look at of refunds."""
        _j = schema.journal
        told = select(_j.c.why).where(_j.c.what == "alarm", _j.c.why.startswith("refund "))
        return [row[0] for row in self.flow.do(lambda tx: tx.query(told))]


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """A project that may refund up to HK$200.00 by one person."""
    with open_world(database_url) as flow:
        flow.set(refunds=True, refund_alone_max_minor=20_000)
        account = add_account(flow, "Main", clearing_code="004", bank_account="123456789001")
        made = Desk(flow, account)
        yield made
        assert_proof(flow)


def named(refund: refunds.Refund) -> str:
    """What the bank calls a refund."""
    return refund_records.reference_of(refund)


# --- deciding ---------------------------------------------------------------------------------


def test_paid_payment_from_decision_to_debit(desk: Desk) -> None:
    """A part of a payment's money: decided, filed, paid by the debit; the payment stays paid."""
    credit = desk.paid()
    refund = desk.refund(credit, 4_000)
    assert (refund.doubts, refund.payment) == ((), credit.payment)
    assert desk.credit(credit.id).refunded_minor == 4_000
    desk.file(refund)
    assert desk.status(refund) == ("exported", "applied")
    assert desk.debit(4_000, f"FPS/{named(refund)}/OUT") == Became("refunded", credit.id)
    assert desk.status(refund) == ("confirmed", "applied")
    names = [f"{one}/fps/{desk.account.key}" for one in ("bank", "refunded")]
    held = desk.flow.do(lambda tx: ledger.balances_of(tx, names))
    assert [held[name, "HKD"] for name in names] == [6_000, 4_000]
    assert desk.flow.payment().paid_minor == 10_000
    day = settlement.day_of(desk.flow.clock.now_us())
    key = Key(day, desk.flow.project.id, "HKD")
    repaid = desk.flow.do(lambda tx: settlement.repaid(tx, first=day, last=day))
    assert repaid == [Repaid(key, 4_000)]
    (line,) = lines([Paid(key, 1, 10_000, 0)], [], repaid=repaid)
    assert (line.gross_minor, (line + line).refunded_minor) == (10_000, 8_000)


def test_money_of_no_payment_goes_back_whole(desk: Desk) -> None:
    """Nothing else can be decided about it meanwhile; paid, it is returned; a part is refused."""
    credit = desk.came()
    assert "whole" in desk.refused(Refund(credit=credit.id, amount_minor=9_999, payee=PAYEE))
    refund = desk.refund(credit)
    payment = desk.flow.waiting()
    for wish in (
        Apply(credit=credit.id, payment=payment.key),
        Split(credit=credit.id, parts=(Part(1), Part(9_999))),
        Return(credit=credit.id),
        Ignore(credit=credit.id),
        Refund(credit=credit.id, amount_minor=10_000, payee=PAYEE),
    ):
        desk.refused(wish)
    assert desk.status(refund) == ("approved", "refunding")
    desk.file(refund)
    assert desk.debit(10_000, named(refund)).outcome == "refunded"
    assert desk.status(refund) == ("confirmed", "returned")
    assert "refund" in desk.refused(TakeBack(credit=credit.id))


def test_never_more_than_came(desk: Desk) -> None:
    """Refunds under way count; one that failed or was withdrawn counts no more."""
    credit = desk.paid()
    first, second = desk.refund(credit, 6_000), desk.refund(credit, 4_000)
    wish = Refund(credit=credit.id, amount_minor=1, payee=PAYEE)
    assert "more" in desk.refused(wish)
    assert desk.ended("withdraw", first) is RefundStatus.WITHDRAWN
    desk.file(second, form="csv")
    assert desk.ended("fail", second) is RefundStatus.FAILED
    assert desk.credit(credit.id).refunded_minor == 0
    desk.refund(credit, 10_000)
    assert "more" in desk.refused(wish)


def test_two_at_once(desk: Desk) -> None:
    """Of two people who refund all of it in the same moment, one is refused."""
    credit = desk.paid()
    wish = Refund(credit=credit.id, amount_minor=10_000, payee=PAYEE)
    step = desk.flow.step("twice", AMY)
    find_project = desk.flow.find_project

    def record(tx: Tx) -> object:
        return refund_records.record(tx, wish, find_project=find_project, step=step)

    done = desk.flow.together(record, record)
    assert sum(isinstance(one, refunds.Refund) for one in done) == 1
    assert desk.credit(credit.id).refunded_minor == 10_000


def test_decided_just_before(desk: Desk) -> None:
    """Who acts on what he saw, after somebody else was faster, is refused and changes nothing."""
    credit = desk.paid()
    refund = desk.refund(credit)
    step = desk.flow.step("late", AMY)
    desk.ended("withdraw", refund)

    def pay(tx: Tx) -> object:
        return refund_records.pay(tx, refund, debit="", bank_txn_id="", step=step)

    def begin(tx: Tx) -> object:
        seen = replace(credit, status="unapplied")
        return credit_moves.begin_refund(tx, seen, amount_minor=1, step=step)

    for act in (pay, begin):
        assert desk.flow.refused(lambda act=act: desk.flow.do(act)) is not None  # type: ignore[misc]
    assert desk.status(refund) == ("withdrawn", "applied")


def test_another_name_needs_a_word(desk: Desk) -> None:
    """Who is not who paid is refused, until the person says that it is wanted so; that is kept."""
    credit = desk.paid()
    wish = Refund(credit=credit.id, amount_minor=100, payee=OTHER)
    assert "other name" in desk.refused(wish)
    refund = desk.refund(credit, 100, OTHER, despite_doubts=True)
    assert refund.doubts == (Doubt.OTHER_NAME,)
    bad = Payee(name="Chan Tai Man", kind=PayeeKind.ACCOUNT, number="12", bank_code="024")
    assert "account number" in desk.refused(Refund(credit=credit.id, amount_minor=1, payee=bad))


def test_a_great_one_takes_two(desk: Desk) -> None:
    """Above the project's limit it is proposed; only another person's word makes it a refund."""
    credit = desk.came(30_000)
    wish = Refund(credit=credit.id, amount_minor=30_000, payee=PAYEE)
    assert "whole" in desk.refused(Refund(credit=credit.id, amount_minor=29_999, payee=PAYEE))
    proposed = desk.decided(wish)
    assert (proposed.status, desk.credit(credit.id).status) == ("proposed", "unapplied")
    assert desk.flow.refused(lambda: approve(desk.flow, proposed, by=AMY)) is not None
    assert approve(desk.flow, proposed).status == "done"
    assert desk.credit(credit.id).status == "refunding"


@pytest.mark.parametrize("off", ["setting", "provider"])
def test_off(desk: Desk, off: str) -> None:
    """Without the setting, and for other providers, nothing is refunded."""
    credit = desk.paid()
    if off == "setting":
        desk.flow.set(refunds=False)
    else:
        desk.flow.waiting("p-2")
        desk.flow.pay(reference=desk.flow.reference("p-2"))
        credit = next(one for one in desk.flow.credits() if one.provider == "sandbox")
    assert "off" in desk.refused(Refund(credit=credit.id, amount_minor=1, payee=PAYEE))


def test_what_went_already(desk: Desk) -> None:
    """Money that was set aside, or that the bank took back, is not refunded."""
    credit = desk.came()
    desk.decided(Ignore(credit=credit.id))
    assert "ignored" in desk.refused(Refund(credit=credit.id, amount_minor=10_000, payee=PAYEE))
    paid = desk.paid()
    desk.tell(-10_000, reversal=True, bank_ref=paid.bank_txn_id)
    assert "taken" in desk.refused(Refund(credit=paid.id, amount_minor=1, payee=PAYEE))


# --- files ------------------------------------------------------------------------------------


def test_file_is_kept_and_read(desk: Desk) -> None:
    """A file holds what was approved, once; it is kept as it was, and only fits one account."""
    first, second = desk.refund(desk.paid(), 100), desk.refund(desk.paid("p-2"), 200)
    made = desk.file(first, second)
    assert (made.refunds_count, made.amount_minor) == (2, 300)
    assert desk.flow.do(lambda tx: refunds.find_file(tx, made.id)) == made
    for text in (named(first), named(second), "Refund p-1", "<MmbId>024</MmbId>", ">1.00<"):
        assert text in made.data.decode()
    assert desk.flow.refused(lambda: desk.file(first)) is not None
    assert desk.flow.refused(desk.file) is not None
    listed = desk.flow.do(lambda tx: refunds.files(tx, most=5))
    assert [(one.id, one.data) for one in listed] == [(made.id, b"")]
    assert len(desk.flow.do(lambda tx: refunds.page(tx, file=made.id, most=5))) == 2


def test_file_of_two_accounts_or_without_number(desk: Desk) -> None:
    """Refunds of two accounts make no file; pain.001 needs the account's number, CSV does not."""
    one = desk.refund(desk.came())
    other = Desk(desk.flow, add_account(desk.flow, "Second", proxy="160000002"))
    two = other.refund(other.came())
    assert desk.flow.refused(lambda: desk.file(one, two)) is not None
    found = desk.flow.refused(lambda: desk.file(two))
    assert found is not None
    assert "number" in found.message
    assert desk.file(two, form="csv").data.startswith(b"\xef\xbb\xbfReference,")


# --- what the bank tells ------------------------------------------------------------------------


def test_debit_again_and_twice(desk: Desk) -> None:
    """The same debit changes nothing; another one for the same refund is an alarm, once."""
    refund = desk.refund(desk.paid(), 4_000)
    desk.file(refund)
    text = named(refund)
    assert desk.debit(4_000, text, bank_ref="D1").outcome == "refunded"
    assert desk.debit(4_000, text, bank_ref="D1").outcome == "repeated"
    assert desk.debit(4_000, text, bank_ref="D2").outcome == "debit"
    assert desk.debit(4_000, text, bank_ref="D2").outcome == "repeated"
    assert len(desk.alarms()) == 1
    assert "paid once more" in desk.alarms()[0]


@pytest.mark.parametrize(
    ("names", "outcome"),
    [
        ({"payee_name": "MR CHAN TAI MAN"}, "refunded"),
        ({"payee_account": "024-987654321"}, "refunded"),
        ({"payer_name": "CHAN TAI MAN", "payer_account": ""}, "refunded"),
        ({"payee_name": "WONG SIU MING"}, "debit"),
        ({}, "debit"),
    ],
)
def test_debit_without_reference(desk: Desk, names: dict[str, str], outcome: str) -> None:
    """The sum and the receiver together say which refund it was; the sum alone says nothing."""
    refund = desk.refund(desk.paid(), 4_000)
    desk.file(refund)
    assert desk.debit(4_000, **names).outcome == outcome


def test_debit_by_notice(desk: Desk) -> None:
    """The bank's notice of a debit confirms as its file does; both are one, in either order."""
    for number, by_notice in enumerate((True, False)):
        refund = desk.refund(desk.paid(f"p-{number}"), 4_000)
        desk.file(refund)
        told = Debit(
            account=desk.account.key,
            bank_txn_id=f"D{number}",
            amount_minor=4_000,
            currency="HKD",
            reference=named(refund),
            booked_us=desk.flow.clock.now_us(),
        )
        if by_notice:
            desk.flow.notice(told, "fps")
        outcome = desk.debit(4_000, named(refund), bank_ref=f"D{number}").outcome
        assert outcome == ("repeated" if by_notice else "refunded")
        desk.flow.notice(told, "fps")
        assert desk.status(refund)[0] == "confirmed"
    assert desk.alarms() == []


def test_debit_that_fits_two(desk: Desk) -> None:
    """Two equal refunds to one person: without a reference people have to say which it was."""
    made = [desk.refund(desk.paid(f"p-{number}"), 4_000) for number in range(2)]
    desk.file(*made)
    assert desk.debit(4_000, payee_name="CHAN TAI MAN").outcome == "debit"
    assert desk.ended("confirm", made[0], bank_txn_id="D9") is RefundStatus.CONFIRMED
    assert desk.debit(4_000, named(made[0]), bank_ref="D9").outcome == "repeated"
    assert desk.alarms() == []
    assert desk.debit(4_000, named(made[0]), bank_ref="D8").outcome == "debit"
    assert len(desk.alarms()) == 1


def test_debit_of_another_sum(desk: Desk) -> None:
    """A debit that names a refund and has another sum confirms nothing."""
    refund = desk.refund(desk.paid(), 4_000)
    assert desk.debit(4_001, named(refund)).outcome == "debit"
    assert desk.status(refund)[0] == "approved"
    assert "another sum" in desk.alarms()[0]


def test_paid_after_it_was_given_up(desk: Desk) -> None:
    """The bank's debit is a fact: taken where the money is still there, else an alarm."""
    credit = desk.paid()
    refund = desk.refund(credit, 6_000)
    desk.ended("withdraw", refund)
    assert desk.debit(6_000, named(refund)).outcome == "refunded"
    assert desk.credit(credit.id).refunded_minor == 6_000
    second = desk.refund(credit, 4_000)
    desk.file(second)
    desk.ended("fail", second)
    third = desk.refund(credit, 4_000)
    assert desk.debit(4_000, named(second)).outcome == "debit"
    assert "given up" in desk.alarms()[0]
    assert desk.flow.refused(lambda: desk.ended("confirm", second, bank_txn_id="")) is not None
    assert desk.status(third)[0] == "approved"


@pytest.mark.parametrize("of_payment", [True, False])
@pytest.mark.parametrize("by_hand", [True, False])
def test_came_back(desk: Desk, *, of_payment: bool, by_hand: bool) -> None:
    """Money of a paid refund that comes back is on the account again, and can be refunded anew."""
    credit = desk.paid() if of_payment else desk.came()
    refund = desk.refund(credit)
    desk.file(refund)
    desk.debit(10_000, named(refund))
    if by_hand:
        assert desk.ended("come_back", refund) is RefundStatus.FAILED
    else:
        told = {"reversal": True, "bank_ref": "R1"}
        assert desk.tell(10_000, named(refund), **told) == Became("came back", credit.id)
        assert desk.tell(10_000, named(refund), **told).outcome == "repeated"
        assert desk.tell(10_000, named(refund), reversal=True).outcome == "debit"
        assert "unexpectedly" in desk.alarms()[0]
    after = desk.credit(credit.id)
    assert (after.status, after.refunded_minor) == ("applied" if of_payment else "unapplied", 0)
    desk.refund(credit)


def test_came_back_of_nothing(desk: Desk) -> None:
    """An outgoing payment that came back and was no refund is passed over, as before."""
    assert desk.tell(10_000, "hello", reversal=True).outcome == "debit"


@pytest.mark.parametrize("changes", [{"collective": True}, {"currency": "USD"}])
def test_debits_that_tell_too_little(desk: Desk, changes: dict[str, Any]) -> None:
    """A collective debit, or one of another currency, confirms nothing by itself."""
    refund = desk.refund(desk.paid(), 4_000)
    assert desk.debit(4_000, named(refund), **changes).outcome == "debit"


def test_taken_back_while_refunded(desk: Desk) -> None:
    """What the bank takes back of money that a refund pays back, too, waits for people."""
    credit = desk.came()
    refund = desk.refund(credit)
    desk.tell(-10_000, reversal=True, bank_ref=credit.bank_txn_id)
    (reversal,) = taken_back(desk.flow)
    assert (reversal.status, reversal.credit) == ("open", credit.id)
    desk.ended("withdraw", refund)
    desk.decided(Explain(reversal=reversal.id, credit=credit.id))
    assert desk.credit(credit.id).status == "returned"


def test_taken_back_after_the_refund(desk: Desk) -> None:
    """The same when the refund was paid before: the merchant has paid twice, and hears of it."""
    credit = desk.came()
    refund = desk.refund(credit)
    assert desk.debit(10_000, named(refund)).outcome == "refunded"
    desk.tell(-10_000, reversal=True, bank_ref=credit.bank_txn_id)
    (reversal,) = taken_back(desk.flow)
    assert (reversal.status, reversal.credit) == ("open", credit.id)


def test_pages_and_counts(desk: Desk) -> None:
    """Lists give the newest first, by status and from a place on."""
    made = [desk.refund(desk.paid(f"p-{number}"), 100) for number in range(3)]
    desk.ended("withdraw", made[0])
    (newest,) = desk.flow.do(lambda tx: refunds.page(tx, most=1))
    assert newest.id == made[2].id
    place = (newest.created_us, newest.id)
    rest = desk.flow.do(lambda tx: refunds.page(tx, after=place, most=5))
    assert [one.id for one in rest] == [made[1].id, made[0].id]
    wanted = (RefundStatus.APPROVED,)
    approved = desk.flow.do(lambda tx: refunds.page(tx, statuses=wanted, most=5))
    assert [one.id for one in approved] == [made[2].id, made[1].id]
    assert desk.flow.do(refunds.counts) == {"approved": 2, "withdrawn": 1}


def test_camt_file_confirms(desk: Desk) -> None:
    """A debit as a bank writes it in camt.053, with the reference as its end-to-end id."""
    refund = desk.refund(desk.paid(), 4_000)
    desk.file(refund)
    one = camt.Tx(amount="40.00", direction="DBIT", end_to_end=named(refund), payee="CHAN TAI MAN")
    ntry = camt.Ntry(amount="40.00", direction="DBIT", bank_ref="D1", txs=(one,))
    file = camt.File(message="camt.053", statements=(camt.Stmt(balances=(), entries=(ntry,)),))
    (found,) = (
        one for one in iso20022.read(io.BytesIO(file.xml())) if isinstance(one, StatementEntry)
    )
    step = Step(desk.flow.next_us(), "bank")
    became = desk.flow.do(lambda tx: take_entry(tx, desk.where, found, import_id=None, step=step))
    assert became.outcome == "refunded"
