"""Money from every door: once, matched where it is certain, and left to people where it is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from sampan.codecs.statement import HONG_KONG, EntryStatus, StatementEntry
from sampan.domain.fps_account import FpsAccount
from sampan.domain.money_decisions import Ignore, Part, Return, Split
from sampan.domain.project import ReferenceMode
from sampan.domain.statuses import PaymentStatus
from sampan.flow.credit_views import accounts_of
from sampan.flow.finding import Where
from sampan.flow.statement_entries import take_entry, told_of
from sampan.storage import candidates, reversals
from tests.support import books
from tests.support.credit_world import (
    ACCOUNT,
    DAY,
    add_account,
    assert_proof,
    decide,
    entry,
    now_entry,
    only,
    suggested,
    take,
    taken_back,
    view,
)
from tests.support.flow_world import FlowWorld

BANK = (f"bank/sandbox/{ACCOUNT}", "HKD")
UNAPPLIED = (f"unapplied/sandbox/{ACCOUNT}", "HKD")
REVERSED = (f"reversed/sandbox/{ACCOUNT}", "HKD")


def plain(flow: FlowWorld) -> None:
    """Let the project's QRs carry no reference."""
    flow.set(reference_mode=ReferenceMode.NONE)


# --- once ---------------------------------------------------------------------------------------


def test_entry_again_changes_nothing(flow: FlowWorld) -> None:
    """The same entry of another file, with the bank's reference or without, is known."""
    for one in (entry(bank_ref="B1"), entry(500)):
        assert take(flow, one).outcome == "unapplied"
        assert take(flow, one).outcome == "repeated"
    assert len(flow.credits()) == 2


def test_two_equal_payments_stay_two(flow: FlowWorld) -> None:
    """Equal entries of one statement are numbered, and are two; again they are none."""
    pair = [entry(500), entry(500, occurrence=2)]
    assert [take(flow, one).outcome for one in pair] == ["unapplied"] * 2
    assert [take(flow, one).outcome for one in pair] == ["repeated"] * 2
    assert [one.amount_minor for one in flow.credits()] == [500, 500]


@pytest.mark.parametrize("first", ["notice", "file"])
def test_notice_and_file_are_one(flow: FlowWorld, first: str) -> None:
    """What a notice told and a file tells again is one credit, whichever comes first."""
    flow.waiting()
    one = now_entry(flow, 10_000, flow.reference(), bank_ref="B1")
    if first == "file":
        take(flow, one)
    flow.pay(account=ACCOUNT, txn="B1")
    take(flow, one)
    assert flow.credit_statuses() == ["applied"]
    assert only(flow).bank_txn_id == "B1"


# --- whose it is --------------------------------------------------------------------------------


def test_reference_in_a_longer_text(flow: FlowWorld) -> None:
    """A reference among other words, in whatever field, names its payment."""
    flow.waiting()
    take(flow, now_entry(flow, 10_000, "FPS/20261122", f"INV 7 {flow.reference()} THANKS"))
    assert flow.payment().status is PaymentStatus.SUCCESS
    found = only(flow).found
    assert found is not None
    assert found.how == "reference in a longer text"


def slipped(reference: str) -> str:
    """A reference with one wrong character."""
    return reference[:-2] + ("7" if reference[-2] != "7" else "8") + reference[-1]


def test_reference_with_one_wrong_character(flow: FlowWorld) -> None:
    """With the right sum in time, one slip is forgiven; with another sum it is a suggestion."""
    flow.waiting()
    take(flow, now_entry(flow, 9_000, slipped(flow.reference()), bank_ref="B1"))
    wrong = only(flow)
    assert (wrong.status, view(flow, wrong).reasons) == (
        "unapplied",
        ("reference with a wrong character",),
    )
    assert [one.payment.id for one in suggested(flow, wrong)] == ["p-1"]
    take(flow, now_entry(flow, 10_000, slipped(flow.reference()), bank_ref="B2"))
    assert flow.payment().status is PaymentStatus.SUCCESS


def test_only_payment_of_its_sum(flow: FlowWorld) -> None:
    """Where QRs carry no reference, the one open payment of a sum is paid by it."""
    plain(flow)
    flow.waiting("p-1")
    flow.waiting("p-2", amount_minor=20_000)
    take(flow, now_entry(flow))
    assert flow.payment("p-1").status is PaymentStatus.SUCCESS
    assert flow.payment("p-2").status is PaymentStatus.AWAITING_CUSTOMER_ACTION


def test_two_payments_of_one_sum(flow: FlowWorld) -> None:
    """An amount alone never decides between two; both are suggested."""
    plain(flow)
    flow.waiting("p-1")
    flow.waiting("p-2")
    take(flow, now_entry(flow))
    assert view(flow, only(flow)).reasons == ("several payments fit",)
    assert {one.payment.id for one in suggested(flow, only(flow))} == {"p-1", "p-2"}


def test_sum_without_reference_where_qrs_carry_one(flow: FlowWorld) -> None:
    """Money that did not come by a QR of ours is not taken for one that waits."""
    flow.waiting()
    take(flow, now_entry(flow))
    assert view(flow, only(flow)).reasons == ("no reference",)
    assert [one.payment.id for one in suggested(flow, only(flow))] == ["p-1"]


def test_sum_of_another_account(flow: FlowWorld) -> None:
    """A payment whose QR leads to one account is not paid by a sum on another."""
    plain(flow)
    flow.waiting()
    flow.pay(account="1111111", reference="")
    assert flow.credit_statuses() == ["unapplied"]


def test_day_without_a_time(flow: FlowWorld) -> None:
    """An entry of a day may pay what was open on that day, and not what was made later."""
    plain(flow)
    flow.waiting()
    today = datetime.fromtimestamp(flow.clock.now_us() // 1_000_000, HONG_KONG).date()
    take(flow, entry(10_000, booked_on=today - timedelta(days=1), bank_ref="B1"))
    assert flow.credit_statuses() == ["unapplied"]
    take(flow, entry(10_000, booked_on=today, bank_ref="B2"))
    assert flow.payment().status is PaymentStatus.SUCCESS


def test_several_payments_named(flow: FlowWorld) -> None:
    """One transfer that names two payments is for people."""
    flow.waiting("p-1")
    flow.waiting("p-2")
    both = f"{flow.reference('p-1')} {flow.reference('p-2')}"
    take(flow, now_entry(flow, 20_000, both))
    assert view(flow, only(flow)).reasons == ("several payments are named",)
    assert len(suggested(flow, only(flow))) == 2


def test_what_is_certain_later(flow: FlowWorld) -> None:
    """A payment whose reference came before it was ours is suggested with its misfits."""
    flow.waiting()
    flow.set(provider="fps")
    take(flow, now_entry(flow, 9_000, f"FOR {flow.reference()}"))
    flow.set(provider="sandbox")
    (one,) = suggested(flow, only(flow))
    assert (one.score, one.clues) == (100, ("reference in a longer text", "short"))


def test_too_many_of_one_sum(flow: FlowWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not all payments of a sum are looked at, the sum decides nothing."""
    plain(flow)
    flow.waiting()
    monkeypatch.setattr(candidates, "RIVALS_MAX", 1)
    take(flow, now_entry(flow))
    assert flow.credit_statuses() == ["unapplied"]


def test_refusal_of_the_customer_again(flow: FlowWorld) -> None:
    """A notice of the bank that nobody pays is taken once."""
    flow.waiting()
    flow.refuse()
    flow.refuse()
    assert [one.what for one in flow.journal()].count("refused") == 1


# --- FPS accounts -------------------------------------------------------------------------------


def at(flow: FlowWorld, account: FpsAccount) -> Where:
    """Where money of an account comes in."""
    return Where("fps", account.key, flow.find_project)


def test_account_without_references(flow: FlowWorld) -> None:
    """A sum finds its payment by the account of its QR, and not on another one."""
    flow.set(provider="fps", four_eyes=True)
    first, second = add_account(flow, "a"), add_account(flow, "b")
    flow.waiting()
    one = now_entry(flow)
    step = flow.step()
    flow.do(lambda tx: take_entry(tx, at(flow, second), one, import_id=None, step=step))
    assert flow.credit_statuses() == ["unapplied"]
    assert flow.do(lambda tx: accounts_of(tx, flow.project)) == [
        ("fps", first.key),
        ("fps", second.key),
    ]
    assert decide(flow, Ignore(credit=only(flow).id)).status == "proposed"
    flow.do(lambda tx: take_entry(tx, at(flow, first), one, import_id=None, step=step))
    assert flow.payment().status is PaymentStatus.SUCCESS


def test_reference_of_another_account(flow: FlowWorld) -> None:
    """No QR of this account carried it: whoever may speak for one account speaks for no other."""
    flow.set(provider="fps")
    add_account(flow, "a", reference_mode="both")
    second = add_account(flow, "b", reference_mode="both")
    flow.waiting()
    flow.notice(flow.credit(account=second.key), "fps")
    assert flow.credit_statuses() == ["unapplied"]


# --- what is no credit --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "outcome"),
    [
        (entry(-500), "debit"),
        (entry(500, reversal=True), "debit"),
        (entry(0), "amount"),
        (entry(10**14), "amount"),
        (entry(500, currency="USD"), "currency"),
        (entry(500, collective=True), "collective"),
        (entry(500, status=EntryStatus.INFORMATION), "information"),
        (entry(-500, status=EntryStatus.PENDING), "pending"),
    ],
)
def test_entry_that_is_no_credit(flow: FlowWorld, one: StatementEntry, outcome: str) -> None:
    """What is not money that arrived is passed over, with its reason."""
    assert take(flow, one) == (outcome, None)
    assert flow.credits() == []


def test_announced_money(flow: FlowWorld) -> None:
    """A pending entry is remembered and pays nothing, until it is booked."""
    flow.waiting()
    waiting = now_entry(flow, 10_000, flow.reference(), bank_ref="B1")
    for _ in range(2):
        assert take(flow, replace(waiting, status=EntryStatus.PENDING)).outcome == "pending"
    (announced,) = flow.do(lambda tx: reversals.announced(tx, most=9))
    assert (announced.amount_minor, announced.reference) == (10_000, flow.reference())
    assert flow.payment().paid_minor == 0
    assert take(flow, waiting).outcome == "applied"
    assert flow.do(lambda tx: reversals.announced(tx, most=9)) == []


# --- what is taken back -------------------------------------------------------------------------


def back(amount_minor: int = 10_000, *texts: str, ref: str = "B1") -> StatementEntry:
    """An entry that takes money back."""
    return entry(-amount_minor, *texts, bank_ref=ref, reversal=True)


def test_reversal_of_waiting_money(flow: FlowWorld) -> None:
    """What waited is returned; the same reversal again changes nothing."""
    take(flow, entry(bank_ref="B1"))
    assert take(flow, back()).outcome == "reversed"
    assert take(flow, back()).outcome == "repeated"
    assert flow.credit_statuses() == ["returned"]
    assert [one.status for one in taken_back(flow)] == ["settled"]
    assert flow.do(books.balances_of) == {}
    assert_proof(flow)


def test_reversal_before_its_credit(flow: FlowWorld) -> None:
    """Out of order, the credit is returned as it comes, and pays nothing."""
    flow.waiting()
    take(flow, back())
    assert flow.do(books.balances_of) == {BANK: -10_000, REVERSED: 10_000}
    assert take(flow, entry(10_000, flow.reference(), bank_ref="B1")).outcome == "returned"
    assert flow.payment().paid_minor == 0
    assert flow.do(books.balances_of) == {}


def test_reversal_of_held_money(flow: FlowWorld) -> None:
    """A payment that was held for it waits on by its own clock."""
    flow.waiting()
    take(flow, now_entry(flow, 9_000, flow.reference(), bank_ref="B1"))
    assert flow.payment().held_count == 1
    take(flow, back(9_000))
    assert (flow.payment().held_count, flow.credit_statuses()) == (0, ["returned"])
    flow.run_out()
    assert flow.payment().status is PaymentStatus.DECLINE


def test_reversal_of_a_payments_money(flow: FlowWorld) -> None:
    """The payment stays paid; the reversal stays open with an alarm, and the books tell it."""
    flow.waiting()
    take(flow, now_entry(flow, 10_000, flow.reference(), bank_ref="B1"))
    take(flow, back())
    assert flow.payment().status is PaymentStatus.SUCCESS
    (told,) = taken_back(flow, "open")
    assert told.credit == only(flow).id
    assert [one.why for one in flow.journal() if one.what == "alarm"] == ["reversed: B1"]
    assert flow.do(books.balances_of) == {REVERSED: 10_000, ("project/123", "HKD"): -10_000}
    assert_proof(flow)


@pytest.mark.parametrize("before", [Ignore, Return])
def test_reversal_of_money_that_was_decided(flow: FlowWorld, before: type[Ignore | Return]) -> None:
    """What was ignored, or returned by hand before the bank said so, is returned once."""
    take(flow, entry(bank_ref="B1"))
    decide(flow, before(credit=only(flow).id))
    take(flow, back())
    assert flow.credit_statuses() == ["returned"]
    assert flow.do(books.balances_of) == {}
    assert_proof(flow)


def test_reversal_of_a_split_credit(flow: FlowWorld) -> None:
    """Which part went is for people."""
    take(flow, entry(bank_ref="B1"))
    decide(flow, Split(credit=only(flow).id, parts=(Part(4_000), Part(6_000))))
    take(flow, back())
    assert [one.status for one in taken_back(flow)] == ["open"]
    assert_proof(flow)


def test_reversal_found_by_its_text(flow: FlowWorld) -> None:
    """Without a reference of the bank, the one credit of the sum that shares a text is meant."""
    take(flow, entry(10_000, "ORDER 7", bank_ref="B1"))
    take(flow, entry(10_000, "ORDER 8", bank_ref="B2"))
    take(flow, back(10_000, "NOTPROVIDED", "ORDER 8", ref=""))
    assert [one.status for one in flow.credits()] == ["unapplied", "returned"]


def test_reversal_of_nobody_knows_what(flow: FlowWorld) -> None:
    """Where none fits, or more than one, it stays open."""
    take(flow, entry(10_000, "ORDER 7", bank_ref="B1"))
    take(flow, entry(10_000, "ORDER 7", bank_ref="B2"))
    take(flow, back(10_000, "ORDER 7", ref=""))
    take(flow, back(300, ref="B9"))
    assert [(one.status, one.credit) for one in taken_back(flow)] == [("open", None)] * 2
    assert flow.do(books.balances_of) == {BANK: 9_700, UNAPPLIED: -20_000, REVERSED: 10_300}
    assert_proof(flow)


def test_day_is_hong_kongs() -> None:
    """A day without a time begins at midnight in Hong Kong and ends before the next one."""
    told = told_of(entry(booked_on=DAY), import_id=None, now_us=2**52)
    assert told.booked_us == 1_795_276_800_000_000
    assert told.booked_to_us - told.booked_us == 86_400_000_000 - 1
    undated = told_of(entry(booked_on=None), import_id=None, now_us=7)
    assert (undated.booked_us, undated.booked_to_us) == (7, 7)
