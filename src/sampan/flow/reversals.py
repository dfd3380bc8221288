"""Take in that the bank took money back, and find which credit that was."""

from typing import Final

from sampan.codecs.statement import movement_name
from sampan.domain import ledger as books
from sampan.flow import credit_moves
from sampan.flow.credits import Outcome, Taken, Told, first, have_something_in_common
from sampan.flow.finding import Where
from sampan.flow.settle import Step
from sampan.storage import credits as kept
from sampan.storage import journal, ledger, reversals
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.reversals import Reversal

_LOOKED_AT_MAX: Final = 200


def take_reversal(tx: Tx, where: Where, told: Told, *, step: Step) -> Taken:
    """Take in that money was taken back: posted at once, whatever it belonged to.

    Where exactly one credit fits, that one is returned, unless it is a payment's: what a payment
    was paid stays, and people are told. The same reversal again changes nothing.
    """
    if not first(tx, where, told, now_us=step.now_us):
        return Taken(Outcome.REPEATED)
    _wait_for_credit(tx, where, told, now_us=step.now_us)
    reversal = Reversal(
        id=tx.new_id(),
        provider=where.provider,
        account=where.account,
        bank_txn_id=told.bank_txn_id,
        identity=told.identity,
        status="open",
        amount_minor=told.amount_minor,
        currency=told.currency,
        payer_name=told.payer_name,
        texts=told.texts,
        credit=None,
        booked_us=told.booked_us,
        received_us=step.now_us,
        updated_us=step.now_us,
    )
    reversals.add(tx, reversal)
    posting = books.reversed_(credit_moves.sum_of(reversal))
    ledger.post(tx, posting, credit=None, reversal=reversal.id, now_us=step.now_us)
    credit = _credit_of(tx, reversal)
    if credit is not None:
        explain(tx, where, reversal, credit=credit, step=step)
    else:
        _alarm(tx, reversal, payment=None, step=step)
    return Taken(Outcome.REVERSED, reversal.id)


def _wait_for_credit(tx: Tx, where: Where, told: Told, *, now_us: int) -> None:
    """Let a credit under the same id of the bank, told at this very moment, not be missed."""
    name = movement_name(told.bank_txn_id, told.amount_minor, currency=told.currency)
    kept.wait_for_notice(tx, where.provider, where.account, notice_id=name, now_us=now_us)


def explain(tx: Tx, where: Where, reversal: Reversal, *, credit: Credit, step: Step) -> bool:
    """Say that a reversal took this credit back; False where that stays open for people to see.

    It does where the credit is a payment's, was split or merged, or is refunded.

    What waited, was held or ignored is returned by it. What was marked returned by hand was: the
    bank only says so now.
    """
    told = credit_moves.set_reversal(tx, reversal, status="open", credit=credit.id, step=step)
    # What a refund has paid back already, the bank has taken once more.
    if credit.status in {"applied", "split", "merged", "refunding"} or credit.refunded_minor:
        _alarm(tx, told, payment=credit.payment, step=step)
        return False
    if credit.status == "returned":
        credit_moves.set_reversal(tx, told, status="settled", credit=credit.id, step=step)
        undone = books.undone(books.reversed_(credit_moves.sum_of(told)))
        ledger.post(tx, undone, credit=credit.id, reversal=told.id, now_us=step.now_us)
        return True
    if credit.status == "ignored":
        credit = credit_moves.bring_back(tx, credit, step=step)
    credit = credit_moves.release(tx, credit, find_project=where.find_project, step=step)
    credit_moves.send_back(tx, credit, step=step)
    entry = Entry(
        at_us=step.now_us,
        project_id=0,
        payment=credit.payment,
        what="credit returned",
        by=step.by,
        why=f"{credit.bank_txn_id}: {step.why or 'the bank took it back'}",
    )
    journal.write(tx, entry)
    return True


def _credit_of(tx: Tx, reversal: Reversal) -> Credit | None:
    """Return the one credit that a reversal takes back: by the bank's id, else by its texts."""
    alike = kept.named_alike(
        tx, reversal.provider, reversal.account, bank_txn_id=reversal.bank_txn_id
    )
    found = [one for one in alike if _could_be(one, reversal)]
    if not found:
        same = kept.of_sum(tx, reversal, most=_LOOKED_AT_MAX)
        found = [
            one
            for one in same
            if _could_be(one, reversal) and have_something_in_common(one.texts, reversal.texts)
        ]
    free = [one for one in found if not reversals.of_credit(tx, one.id)]
    return free[0] if len(free) == 1 else None


def _could_be(credit: Credit, reversal: Reversal) -> bool:
    money = (credit.amount_minor, credit.currency)
    return credit.part == 0 and money == (reversal.amount_minor, reversal.currency)


def _alarm(tx: Tx, reversal: Reversal, *, payment: int | None, step: Step) -> None:
    entry = Entry(
        at_us=step.now_us,
        project_id=0,
        payment=payment,
        what="alarm",
        by=step.by,
        why=f"reversed: {reversal.bank_txn_id}",
    )
    journal.write(tx, entry)
