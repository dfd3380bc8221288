"""The proof of the books: what holds, what is explained, and what is found."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sampan.flow.proof import Against, Check, Proof, prove
from sampan.storage import bank
from sampan.storage.engine import Statement, Tx
from tests.support.flow_world import FlowWorld

FPS_ID = "1029384"


def book(flow: FlowWorld, amount_minor: int = 10_000, *, told: str | None = None) -> str:
    """Book money at the sandbox bank, with a notice in the status `told`; return its name."""

    def do(tx: Tx) -> bank.Transfer:
        now_us = flow.next_us()
        made = bank.Transfer(
            id=tx.new_id(),
            fps_id=FPS_ID,
            reference="",
            amount_minor=amount_minor,
            currency="HKD",
            payer_name="CHAN TAI MAN",
            booked_us=now_us,
        )
        bank.book_transfer(tx, made)
        if told is not None:
            body = f'{{"notices":[{{"type":"credit","bank_txn_id":"{bank.txn_id(made)}"}}]}}'
            notice = bank.Notice(id=tx.new_id(), body=body, due_us=now_us, attempts_count=0)
            bank.add_notice(tx, notice, now_us=now_us)
            if told == "delivered":
                bank.finish_notice(tx, notice, copies_count=0, next_us=now_us)
        return made

    return bank.txn_id(flow.do(do))


def paid(flow: FlowWorld, amount_minor: int = 10_000, **changes: str) -> None:
    """Book money at the bank and let the bank tell of it."""
    flow.pay(amount_minor, txn=book(flow, amount_minor), account=FPS_ID, **changes)


def proof(flow: FlowWorld) -> Proof:
    """Prove the books as they stand."""
    return flow.runner.run(flow.store.read(prove))


def wrong(flow: FlowWorld) -> list[tuple[Against, str]]:
    """What the proof finds to differ."""
    return [(one.against, one.account) for one in proof(flow).checks if not one.ok]


def at_bank(flow: FlowWorld) -> Check:
    """The comparison with the sandbox bank's own books."""
    (found,) = [one for one in proof(flow).checks if one.against is Against.BANK]
    return found


def spoil(flow: FlowWorld, statement: str) -> None:
    """Change what nobody may change."""
    flow.do(lambda tx: tx.run(Statement(text(statement)), {}))


def test_empty_books_agree(flow: FlowWorld) -> None:
    """Without money there is one comparison, and it holds."""
    assert proof(flow).ok
    assert [one.against for one in proof(flow).checks] == [Against.POSTINGS]


def test_money_of_every_status_agrees(flow: FlowWorld) -> None:
    """Applied, held, unapplied and returned credits are all where they belong."""
    flow.waiting("p-1")
    paid(flow, of="p-1")
    flow.waiting("p-2")
    paid(flow, 9_900, of="p-2")
    paid(flow, 500, reference="")
    paid(flow, 700, reference="")
    flow.give_back(flow.credits()[-1])
    assert flow.credit_statuses() == ["applied", "held", "unapplied", "returned"]
    assert proof(flow).ok
    shown = {(one.against.value, one.account): one.found_minor for one in proof(flow).checks}
    assert shown == {
        ("postings", ""): 0,
        ("credits", f"bank/sandbox/{FPS_ID}"): 20_400,
        ("credits", f"unapplied/sandbox/{FPS_ID}"): -10_400,
        ("credits", "project/123"): -10_000,
        ("payments", "project/123"): -10_000,
        ("bank", f"bank/sandbox/{FPS_ID}"): 20_400,
    }
    assert at_bank(flow).returned_minor == 700


@pytest.mark.parametrize("told", [None, "open"])
def test_untold_money_is_explained(flow: FlowWorld, told: str | None) -> None:
    """Money at the bank whose notice is on its way or never comes is shown, not a failure."""
    paid(flow, 300, reference="")
    book(flow, told=told)
    check = at_bank(flow)
    assert proof(flow).ok
    assert (check.expected_minor, check.unnotified_minor) == (300, 10_000)


def test_money_told_of_and_not_taken_is_a_failure(flow: FlowWorld) -> None:
    """A notice that was delivered and left no credit is money lost."""
    book(flow, told="delivered")
    assert wrong(flow) == [(Against.BANK, f"bank/sandbox/{FPS_ID}")]


def test_money_that_the_bank_does_not_have_is_a_failure(flow: FlowWorld) -> None:
    """A credit without a transfer at the sandbox bank is found."""
    flow.pay(account=FPS_ID, reference="")
    assert wrong(flow) == [(Against.BANK, f"bank/sandbox/{FPS_ID}")]


def test_another_bank_is_not_compared_with_the_sandbox(flow: FlowWorld) -> None:
    """Accounts at a real bank are compared with their credits alone."""
    flow.notice(flow.credit(reference=""), provider="fps")
    assert proof(flow).ok
    assert Against.BANK not in [one.against for one in proof(flow).checks]


def test_a_posting_out_of_balance_is_found(flow: FlowWorld) -> None:
    """One line changed: the posting, its account and the bank disagree."""
    paid(flow, reference="")
    spoil(flow, "UPDATE ledger SET amount_minor = amount_minor + 1 WHERE amount_minor > 0")
    assert wrong(flow) == [
        (Against.POSTINGS, ""),
        (Against.CREDITS, f"bank/sandbox/{FPS_ID}"),
        (Against.BANK, f"bank/sandbox/{FPS_ID}"),
    ]
    spoil(flow, "UPDATE ledger SET amount_minor = amount_minor - 1 WHERE amount_minor > 0")


def test_a_payment_that_says_more_than_was_applied_is_found(flow: FlowWorld) -> None:
    """What payments were paid and what was applied to them must be the same."""
    flow.waiting()
    paid(flow)
    spoil(flow, "UPDATE payments SET paid_minor = paid_minor + 1")
    assert wrong(flow) == [(Against.PAYMENTS, "project/123")]
    spoil(flow, "UPDATE payments SET paid_minor = paid_minor - 1")
