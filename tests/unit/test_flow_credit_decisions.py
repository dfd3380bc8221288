"""What people decide about money: carried out once, refused where it cannot be, by two people."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sampan.domain.money_decisions import (
    Accept,
    Apply,
    Decline,
    Enter,
    Explain,
    Ignore,
    Merge,
    Note,
    Part,
    Return,
    Split,
    TakeBack,
    Wish,
)
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.errors import Refusal
from sampan.flow import credit_decisions, credit_moves, credit_views
from sampan.storage import credit_lists, decisions
from sampan.storage.credit_lists import Filter
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from tests.support import books
from tests.support.credit_world import (
    ACCOUNT,
    approve,
    assert_proof,
    decide,
    entry,
    now_entry,
    only,
    take,
    taken_back,
    turn_down,
    view,
)
from tests.support.flow_world import FlowWorld

BANK = (f"bank/sandbox/{ACCOUNT}", "HKD")
PROJECT = ("project/123", "HKD")
IGNORED = (f"ignored/sandbox/{ACCOUNT}", "HKD")
UNAPPLIED = (f"unapplied/sandbox/{ACCOUNT}", "HKD")


def refusal(flow: FlowWorld, wish: Wish) -> tuple[int, str]:
    """How a decision is refused."""
    found = flow.refused(lambda: decide(flow, wish))
    assert isinstance(found, Refusal)
    return found.http_status, found.message


def credit(flow: FlowWorld, amount_minor: int = 10_000, *, ref: str = "B1") -> Credit:
    """A credit that fits nothing."""
    take(flow, now_entry(flow, amount_minor, bank_ref=ref))
    return next(one for one in flow.credits() if one.bank_txn_id == ref)


def manual(flow: FlowWorld, payment_id: str = "p-1") -> list[str]:
    """The statuses of a payment's operations that people made."""
    made = OperationType.MANUAL_CHANGE
    return [one.status.value for one in flow.operations(payment_id) if one.type is made]


# --- apply --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount_minor", "late", "reasons"),
    [
        (10_000, False, ()),
        (9_000, False, ("short",)),
        (11_000, False, ("over",)),
        (9_000, True, ("late", "short")),
    ],
)
def test_applied_by_hand(
    flow: FlowWorld, amount_minor: int, *, late: bool, reasons: tuple[str, ...]
) -> None:
    """Whatever the sum, and after a decline too: paid what it was, told with its callback."""
    flow.waiting()
    if late:
        flow.run_out()
    made = credit(flow, amount_minor)
    done = decide(flow, Apply(credit=made.id, payment=flow.payment().key))
    assert (done.status, done.by, done.credit) == ("done", "staff:amy", made.id)
    payment = flow.payment()
    assert (payment.status, payment.paid_minor) == (PaymentStatus.SUCCESS, amount_minor)
    assert manual(flow) == ["success"]
    assert flow.bodies()[-1]["payment"]["sum"]["amount"] == amount_minor
    assert flow.do(books.balances_of) == {BANK: amount_minor, PROJECT: -amount_minor}
    assert view(flow, made).reasons == reasons


def test_applied_with_what_is_held(flow: FlowWorld) -> None:
    """Two sums for one payment, the first held as short, are the payment together."""
    flow.waiting()
    take(flow, now_entry(flow, 6_000, flow.reference(), bank_ref="A"))
    made = credit(flow, 4_000)
    decide(flow, Apply(credit=made.id, payment=flow.payment().key))
    assert (flow.payment().paid_minor, flow.credit_statuses()) == (10_000, ["applied"] * 2)


def test_held_money_goes_to_another_payment(flow: FlowWorld) -> None:
    """What was held for one payment may pay another; the first one waits on."""
    flow.waiting("p-1")
    flow.waiting("p-2", amount_minor=9_000)
    take(flow, now_entry(flow, 9_000, flow.reference("p-1"), bank_ref="A"))
    decide(flow, Apply(credit=only(flow).id, payment=flow.payment("p-2").key))
    assert flow.payment("p-2").status is PaymentStatus.SUCCESS
    assert flow.payment("p-1").held_count == 0
    assert [one.what for one in flow.journal("p-1")][-1] == "held money moved"


def test_what_cannot_be_applied(flow: FlowWorld) -> None:
    """A paid payment, another currency, money that is spent, what does not exist."""
    flow.waiting()
    key = flow.payment().key
    take(flow, now_entry(flow, 10_000, currency="CNY", bank_ref="C"))
    yuan = only(flow)
    assert refusal(flow, Apply(credit=yuan.id, payment=key)) == (
        409,
        "the payment is in HKD, the money in CNY",
    )
    made = credit(flow)
    decide(flow, Apply(credit=made.id, payment=key))
    assert refusal(flow, Apply(credit=made.id, payment=key)) == (
        409,
        "a credit that is applied cannot be decided so",
    )
    more = credit(flow, ref="B2")
    assert refusal(flow, Apply(credit=more.id, payment=key))[0] == 409
    assert refusal(flow, Apply(credit=1, payment=key)) == (404, "there is no credit 1")
    assert refusal(flow, Apply(credit=more.id, payment=1)) == (404, "there is no payment 1")


# --- split --------------------------------------------------------------------------------------


def test_one_transfer_for_two_payments(flow: FlowWorld) -> None:
    """Each part pays its own payment; what is left waits as a part, and may be split again."""
    flow.waiting("p-1")
    flow.waiting("p-2", amount_minor=5_000)
    made = credit(flow, 16_000)
    parts = (
        Part(10_000, flow.payment("p-1").key),
        Part(5_000, flow.payment("p-2").key),
        Part(1_000),
    )
    decide(flow, Split(credit=made.id, parts=parts))
    assert [flow.payment(name).paid_minor for name in ("p-1", "p-2")] == [10_000, 5_000]
    shown = view(flow, made)
    assert [(one.amount_minor, one.status, one.part) for one in shown.parts] == [
        (10_000, "applied", 1),
        (5_000, "applied", 2),
        (1_000, "unapplied", 3),
    ]
    assert flow.do(books.balances_of) == {BANK: 16_000, PROJECT: -15_000, UNAPPLIED: -1_000}
    assert flow.bodies("p-2")[-1]["operation"]["provider"]["payment_id"] == "B1"
    decide(flow, Split(credit=shown.parts[2].id, parts=(Part(400), Part(600))))
    assert [one.part for one in view(flow, shown.parts[2]).parts] == [4, 5]
    assert_proof(flow)


def test_split_of_held_money(flow: FlowWorld) -> None:
    """What came too much is split: the payment takes what it asked for, the rest goes back."""
    flow.waiting()
    take(flow, now_entry(flow, 12_000, flow.reference(), bank_ref="A"))
    parts = (Part(10_000, flow.payment().key), Part(2_000))
    decide(flow, Split(credit=only(flow).id, parts=parts))
    assert (flow.payment().status, flow.payment().paid_minor) == (PaymentStatus.SUCCESS, 10_000)
    rest = next(one for one in flow.credits() if one.status == "unapplied")
    decide(flow, Return(credit=rest.id))
    assert flow.do(books.balances_of) == {BANK: 10_000, PROJECT: -10_000}


def test_what_cannot_be_split(flow: FlowWorld) -> None:
    """Parts that do not make up the sum, and two for one payment; nothing is changed."""
    flow.waiting()
    key, made = flow.payment().key, credit(flow)
    for parts in ((Part(1), Part(2)), (Part(5_000, key), Part(5_000, key))):
        assert refusal(flow, Split(credit=made.id, parts=parts))[0] == 409
    assert flow.credit_statuses() == ["unapplied"]


# --- elsewhere, and back ------------------------------------------------------------------------


def test_ignored(flow: FlowWorld) -> None:
    """Ignored money stands on an account of its own, until that is taken back."""
    made = credit(flow)
    decide(flow, Ignore(credit=made.id))
    assert flow.do(books.balances_of) == {BANK: 10_000, IGNORED: -10_000}
    assert_proof(flow)
    decide(flow, TakeBack(credit=made.id))
    assert flow.do(books.balances_of) == {BANK: 10_000, UNAPPLIED: -10_000}
    assert [one.what for one in view(flow, made).decisions] == ["ignore", "take_back"]


def test_returned_and_taken_back(flow: FlowWorld) -> None:
    """A return that did not happen is taken back; held money waits for its payment's decision."""
    flow.waiting()
    take(flow, now_entry(flow, 9_000, flow.reference(), bank_ref="A"))
    assert refusal(flow, Return(credit=only(flow).id))[0] == 409
    made = credit(flow)
    decide(flow, Return(credit=made.id))
    assert flow.credit_statuses() == ["held", "returned"]
    decide(flow, TakeBack(credit=made.id))
    assert flow.credit_statuses() == ["held", "unapplied"]
    decide(flow, Apply(credit=made.id, payment=flow.payment().key))
    assert refusal(flow, TakeBack(credit=made.id)) == (409, "a payment that was paid stays paid")


def test_what_the_bank_took_back_stays_so(flow: FlowWorld) -> None:
    """A return that the bank told of is no decision of people."""
    take(flow, entry(bank_ref="B1"))
    take(flow, entry(-10_000, bank_ref="B1", reversal=True))
    assert refusal(flow, TakeBack(credit=only(flow).id))[0] == 409


# --- by hand ------------------------------------------------------------------------------------


def by_hand(flow: FlowWorld, **changes: object) -> Enter:
    """Money that a person saw."""
    told: dict[str, object] = {
        "provider": "sandbox",
        "account": ACCOUNT,
        "amount_minor": 10_000,
        "currency": "HKD",
        "booked_us": flow.clock.now_us(),
    }
    return Enter(**told | changes)  # type: ignore[arg-type]


def test_entered_by_hand_and_told_later(flow: FlowWorld) -> None:
    """With the bank's id it pays at once, and the bank's own word changes nothing."""
    flow.waiting()
    wish = by_hand(flow, bank_txn_id="B1", reference=flow.reference())
    done = decide(flow, wish)
    assert flow.payment().status is PaymentStatus.SUCCESS
    assert (only(flow).source, done.credit) == ("hand", only(flow).id)
    assert take(flow, now_entry(flow, bank_ref="B1")).outcome == "repeated"
    assert refusal(flow, wish) == (409, "the bank has told of this money already")


def test_entered_for_a_payment_and_merged(flow: FlowWorld) -> None:
    """Without the bank's id, its word is a second credit until a person says it is the same."""
    flow.waiting()
    decide(flow, by_hand(flow, payment=flow.payment().key))
    assert flow.payment().status is PaymentStatus.SUCCESS
    hand, told = only(flow), credit(flow)
    assert refusal(flow, Merge(credit=told.id, into=told.id))[0] == 409
    decide(flow, Merge(credit=told.id, into=hand.id))
    assert flow.do(books.balances_of) == {BANK: 10_000, PROJECT: -10_000}
    assert_proof(flow)
    more = credit(flow, ref="B2")
    assert refusal(flow, Merge(credit=more.id, into=hand.id)) == (
        409,
        "the bank has told of all that was entered by hand",
    )
    decide(flow, TakeBack(credit=told.id))
    assert flow.do(books.balances_of)[BANK] == 30_000


# --- what the bank took back --------------------------------------------------------------------


def test_reversal_is_explained(flow: FlowWorld) -> None:
    """People say which credit it was; once, and of the same sum."""
    take(flow, entry(-10_000, bank_ref="X", reversal=True))
    made, other = credit(flow), credit(flow, 300, ref="B2")
    (told,) = taken_back(flow)
    assert refusal(flow, Explain(reversal=told.id, credit=other.id))[0] == 409
    decide(flow, Explain(reversal=told.id, credit=made.id))
    assert flow.credit_statuses() == ["returned", "unapplied"]
    assert refusal(flow, Explain(reversal=told.id, credit=made.id)) == (
        409,
        "this reversal is settled already",
    )
    take(flow, entry(-10_000, bank_ref="Y", reversal=True))
    assert refusal(flow, Explain(reversal=taken_back(flow, "open")[0].id, credit=made.id))[0] == 409
    assert_proof(flow)


def test_reversal_is_noted(flow: FlowWorld) -> None:
    """What a payment lost is known and needs nothing more; the books keep it."""
    flow.waiting()
    take(flow, now_entry(flow, 10_000, flow.reference(), bank_ref="B1"))
    take(flow, entry(-10_000, bank_ref="B1", reversal=True))
    (told,) = taken_back(flow)
    decide(flow, Note(reversal=told.id))
    assert [one.status for one in taken_back(flow)] == ["noted"]
    assert refusal(flow, Note(reversal=1)) == (404, "there is no reversal 1")
    assert_proof(flow)


# --- the payment's side -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"), [(Accept, PaymentStatus.SUCCESS), (Decline, PaymentStatus.DECLINE)]
)
def test_payment_is_decided(
    flow: FlowWorld, kind: Callable[..., Accept | Decline], status: PaymentStatus
) -> None:
    """Accepted or declined by hand, as one operation, with its callback."""
    flow.waiting()
    take(flow, now_entry(flow, 9_000, flow.reference(), bank_ref="A"))
    done = decide(flow, kind(payment=flow.payment().key))
    assert (flow.payment().status, manual(flow)) == (status, [status.value])
    assert (done.credit, done.payment, done.project_id) == (None, flow.payment().key, 123)


# --- two people ---------------------------------------------------------------------------------


def test_two_people_decide(flow: FlowWorld) -> None:
    """One proposes, another approves; the same person cannot, and nothing happens before."""
    flow.set(four_eyes=True)
    flow.waiting()
    made = credit(flow)
    wish = Apply(credit=made.id, payment=flow.payment().key)
    proposed = decide(flow, wish)
    assert (proposed.status, flow.credit_statuses()) == ("proposed", ["unapplied"])
    assert flow.refused(lambda: approve(flow, proposed, by="staff:amy")) is not None
    done = approve(flow, proposed)
    assert (done.status, done.by, done.ended_by) == ("done", "staff:amy", "staff:bob")
    assert flow.payment().status is PaymentStatus.SUCCESS
    assert flow.journal()[-2].why == "looked (staff:amy); agreed"
    assert flow.refused(lambda: approve(flow, proposed)) is not None


@pytest.mark.parametrize(("by", "status"), [("staff:bob", "refused"), ("staff:amy", "withdrawn")])
def test_proposal_comes_to_nothing(flow: FlowWorld, by: str, status: str) -> None:
    """Another person refuses it, the same one withdraws it; the money waits on."""
    flow.set(four_eyes=True)
    made = credit(flow)
    proposed = decide(flow, Ignore(credit=made.id))
    assert turn_down(flow, proposed, by=by).status == status
    assert flow.credit_statuses() == ["unapplied"]
    found = flow.do(lambda tx: decisions.page(tx, status=status, most=9))
    assert [one.id for one in found] == [proposed.id]
    below = (found[0].created_us, found[0].id)
    assert not flow.do(lambda tx: decisions.page(tx, status=None, after=below, most=9))


def test_proposal_that_no_longer_fits(flow: FlowWorld) -> None:
    """What moved in between refuses the approval; the proposal stays, to be turned down."""
    flow.set(four_eyes=True)
    made = credit(flow)
    one, other = (decide(flow, Ignore(credit=made.id)) for _ in range(2))
    approve(flow, one)
    assert flow.refused(lambda: approve(flow, other)) is not None
    assert turn_down(flow, other).status == "refused"


def test_two_end_one_proposal(flow: FlowWorld) -> None:
    """Whoever comes second to a proposal is refused, and what does not exist is not found."""
    flow.set(four_eyes=True)
    proposed = decide(flow, Ignore(credit=credit(flow).id))
    step = flow.step()
    found = flow.together(*(lambda tx: credit_decisions.turn_down(tx, proposed.id, step=step),) * 3)
    assert sum(isinstance(one, Refusal) for one in found) == 2
    refused = flow.refused(lambda: flow.do(lambda tx: credit_decisions.turn_down(tx, 1, step=step)))
    assert refused is not None
    assert refused.http_status == 404


def test_account_of_another_provider(flow: FlowWorld) -> None:
    """A project that is paid elsewhere has no say about money of this account."""
    made = credit(flow)
    flow.set(four_eyes=True, provider="fps")
    assert decide(flow, Ignore(credit=made.id)).status == "done"


def test_reversal_moved_meanwhile(flow: FlowWorld) -> None:
    """Two who explain one reversal: the second is refused and nothing is posted twice."""
    take(flow, entry(-10_000, bank_ref="X", reversal=True))
    made = credit(flow)
    (told,) = taken_back(flow)
    step = flow.step()

    def stale(tx: Tx) -> None:
        credit_moves.set_reversal(tx, told, status="noted", credit=None, step=step)
        credit_moves.set_reversal(tx, told, status="noted", credit=None, step=step)

    assert flow.refused(lambda: flow.do(stale)) is not None
    decide(flow, Explain(reversal=told.id, credit=made.id))


def test_two_people_enter_money(flow: FlowWorld) -> None:
    """Money by hand, too, where a project of the account demands it."""
    flow.set(four_eyes=True)
    proposed = decide(flow, by_hand(flow))
    assert flow.credits() == []
    approve(flow, proposed)
    assert len(flow.credits()) == 1


def test_decision_needs_a_reason(flow: FlowWorld) -> None:
    """Without a person or a reason, nothing; and nothing is approved that does not exist."""
    made = credit(flow)
    assert flow.refused(lambda: decide(flow, Ignore(credit=made.id), why=" ")) is not None
    assert flow.refused(lambda: decide(flow, Ignore(credit=made.id), by="")) is not None
    done = decide(flow, Ignore(credit=made.id))
    assert flow.refused(lambda: turn_down(flow, done)) is not None


# --- lists --------------------------------------------------------------------------------------


def test_list_of_credits(flow: FlowWorld) -> None:
    """The newest first, page by page; by status, account, currency, project, time and text."""
    flow.waiting()
    take(flow, now_entry(flow, 10_000, flow.reference(), bank_ref="A"))
    take(flow, now_entry(flow, 500, "GIFT", bank_ref="B", payer_name="Wong Siu Ming"))
    take(flow, now_entry(flow, 600, currency="CNY", bank_ref="C"))
    at_us = flow.clock.now_us()

    def listed(**wanted: object) -> str:
        asked = Filter(**wanted)  # type: ignore[arg-type]
        page = flow.do(lambda tx: credit_lists.page(tx, asked, most=9))
        assert page.next is None
        return "".join(one.bank_txn_id for one in page.rows)

    mine = ((("sandbox", ACCOUNT)),)
    for wanted, found in (
        ({}, "CBA"),
        ({"statuses": ("applied",)}, "A"),
        ({"statuses": credit_lists.WAITING, "currencies": ("HKD",)}, "B"),
        ({"provider": "sandbox", "account": ACCOUNT, "sources": ("file",)}, "CBA"),
        ({"account": "another"}, ""),
        ({"project_ids": (123,)}, "A"),
        ({"project_ids": (123,), "accounts": mine}, "CBA"),
        ({"project_ids": (), "accounts": ()}, ""),
        ({"amount_min_minor": 501, "amount_max_minor": 600}, "C"),
        ({"received_from_us": at_us}, "C"),
        ({"received_to_us": at_us}, "BA"),
        ({"import_id": 7}, ""),
        ({"text": "B"}, "B"),
        ({"text": "gift"}, "B"),
        ({"text": "siu"}, "B"),
        ({"text": "100%\0"}, ""),
    ):
        assert listed(**wanted) == found, wanted
    first = flow.do(lambda tx: credit_lists.page(tx, Filter(), most=2))
    assert first.next is not None
    second = flow.do(lambda tx: credit_lists.page(tx, Filter(), after=first.next, most=2))
    assert [one.bank_txn_id for one in (*first.rows, *second.rows)] == ["C", "B", "A"]
    sums = flow.do(lambda tx: credit_lists.totals(tx, Filter()))
    assert [(one.status, one.currency, one.credits_count, one.amount_minor) for one in sums] == [
        ("applied", "HKD", 1, 10_000),
        ("unapplied", "CNY", 1, 600),
        ("unapplied", "HKD", 1, 500),
    ]
    assert flow.do(credit_lists.accounts) == [("sandbox", ACCOUNT)]
    assert flow.do(lambda tx: credit_views.accounts_of(tx, flow.project)) == list(mine)


def test_double_is_seen_in_the_books(flow: FlowWorld) -> None:
    """A second sum for one payment says so; the first one does not."""
    flow.waiting()
    for ref in ("A", "B"):
        take(flow, now_entry(flow, 10_000, flow.reference(), bank_ref=ref))
    assert [view(flow, one).reasons for one in flow.credits()] == [(), ("double",)]
    yuan = now_entry(flow, 10_000, flow.reference(), currency="CNY", bank_ref="C")
    take(flow, yuan)
    assert view(flow, flow.credits()[-1]).reasons == ("wrong currency",)


def test_proposal_that_somebody_ends_first(
    flow: FlowWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes a moment later is told so, and nothing is noted twice."""
    flow.set(four_eyes=True)
    proposed = decide(flow, Ignore(credit=credit(flow).id))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(decisions, "end", lambda _tx, _decision: False)
        assert flow.refused(lambda: turn_down(flow, proposed)) is not None
    assert turn_down(flow, proposed).status == "refused"
