"""What can happen to a kept credit, each with its postings: the ledger and the credit never part.

Whoever calls has decided; nothing here asks whether it was right. All of it raises `Refusal` when
somebody else has moved the credit in the meantime.
"""

from collections.abc import Sequence
from typing import NoReturn

import msgspec

from sampan.domain import events as ev
from sampan.domain import ledger as books
from sampan.domain.codes import Code
from sampan.errors import Refusal
from sampan.flow.finding import FindProject
from sampan.flow.settle import Step, settle
from sampan.storage import credits as kept
from sampan.storage import ledger, payments, reversals
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from sampan.storage.reversals import Reversal


def sum_of(money: Credit | Reversal, amount_minor: int | None = None) -> books.Held:
    """Return a credit or a reversal, or a part of it, as the sum that stands on its account."""
    amount_minor = money.amount_minor if amount_minor is None else amount_minor
    return books.Held(money.provider, money.account, money.currency, amount_minor)


def arrive(tx: Tx, credit: Credit, *, now_us: int) -> None:
    """Keep a credit, and post that its money is at the bank and belongs to nothing yet."""
    kept.insert_credit(tx, credit)
    posting = books.received(
        credit.provider, credit.account, currency=credit.currency, amount_minor=credit.amount_minor
    )
    ledger.post(tx, posting, credit=credit.id, now_us=now_us)


def post_applied(tx: Tx, credit: Credit, project_id: int, *, now_us: int) -> None:
    """Post that a credit's money belongs to a payment of a project."""
    ledger.post(tx, books.applied(sum_of(credit), project_id), credit=credit.id, now_us=now_us)


def apply(tx: Tx, credit: Credit, *, payment: int, project_id: int, step: Step) -> Credit:
    """Give an unapplied or held credit to a payment."""
    after = move(tx, credit, status="applied", payment=payment, step=step)
    post_applied(tx, after, project_id, now_us=step.now_us)
    return after


def send_back(tx: Tx, credit: Credit, *, step: Step, status: str = "returned") -> Credit:
    """Note that unapplied money is no longer at the bank.

    Where the bank told of it, that reversal is settled by this; else it went back outside Sampan.
    With the status `merged` it never was there by itself: another credit is the same money.
    """
    after = move(tx, credit, status=status, payment=credit.payment, step=step)
    told = [one for one in reversals.of_credit(tx, credit.id) if one.status != "settled"]
    if not told:
        ledger.post(tx, books.returned(sum_of(credit)), credit=credit.id, now_us=step.now_us)
        return after
    set_reversal(tx, told[0], status="settled", credit=credit.id, step=step)
    ledger.post(
        tx,
        books.taken_back(sum_of(credit)),
        credit=credit.id,
        reversal=told[0].id,
        now_us=step.now_us,
    )
    return after


def bring_back(tx: Tx, credit: Credit, *, step: Step) -> Credit:
    """Let a credit that was ignored, returned or merged by hand wait for a decision again."""
    posting = books.ignored if credit.status == "ignored" else books.returned
    after = move(tx, credit, status="unapplied", payment=credit.payment, step=step)
    undone = books.undone(posting(sum_of(credit)))
    ledger.post(tx, undone, credit=credit.id, now_us=step.now_us)
    return after


def ignore(tx: Tx, credit: Credit, *, step: Step) -> Credit:
    """Note that unapplied money is no payment: it stays at the bank and waits for nobody."""
    after = move(tx, credit, status="ignored", payment=credit.payment, step=step)
    ledger.post(tx, books.ignored(sum_of(credit)), credit=credit.id, now_us=step.now_us)
    return after


def release(tx: Tx, credit: Credit, *, find_project: FindProject, step: Step) -> Credit:
    """Let a held credit go from its payment, whose clock then may run on; others stay as they are.

    The payment is remembered on the credit: it is still what it was paid for.
    """
    if credit.status != "held":
        return credit
    assert credit.payment is not None  # noqa: S101 - a CHECK keeps it
    payment = payments.payment_by_key(tx, credit.payment)
    assert payment is not None  # noqa: S101 - a foreign key keeps it
    project = find_project(tx, payment.project_id)
    assert project is not None  # noqa: S101 - a foreign key keeps it
    after = move(tx, credit, status="unapplied", payment=credit.payment, step=step)
    settle(tx, project, payment, event=ev.HeldMoved(), step=step)
    return after


def begin_refund(tx: Tx, credit: Credit, *, amount_minor: int, step: Step) -> Credit:
    """Count a sum as refunded. Money of no payment waits for the bank from now on.

    Raises `Refusal` where more would be refunded than came.
    """
    status = "applied" if credit.status == "applied" else "refunding"
    return _count_refund(tx, credit, amount_minor, status=status, step=step)


def give_refund_up(tx: Tx, credit: Credit, *, amount_minor: int, step: Step) -> Credit:
    """Count a sum as not refunded after all. Money of no payment waits for a decision again."""
    status = "unapplied" if credit.status == "refunding" else credit.status
    return _count_refund(tx, credit, -amount_minor, status=status, step=step)


def pay_refund(tx: Tx, credit: Credit, *, amount_minor: int, step: Step) -> Credit:
    """Note that the bank paid a refund that is counted."""
    if credit.status == "refunding":
        after = move(tx, credit, status="returned", payment=credit.payment, step=step)
        ledger.post(tx, books.returned(sum_of(credit)), credit=credit.id, now_us=step.now_us)
        return after
    posting = books.refunded(sum_of(credit, amount_minor))
    ledger.post(tx, posting, credit=credit.id, now_us=step.now_us)
    return credit


def take_refund_back(tx: Tx, credit: Credit, *, amount_minor: int, step: Step) -> Credit:
    """Note that the money of a paid refund came back to the account."""
    is_whole = credit.status == "returned"
    status = "unapplied" if is_whole else credit.status
    posting = books.returned if is_whole else books.refunded
    paid = posting(sum_of(credit, amount_minor))
    after = _count_refund(tx, credit, -amount_minor, status=status, step=step)
    ledger.post(tx, books.undone(paid), credit=credit.id, now_us=step.now_us)
    return after


def _count_refund(tx: Tx, credit: Credit, more_minor: int, *, status: str, step: Step) -> Credit:
    if not kept.refund(tx, credit, status=status, more_minor=more_minor, now_us=step.now_us):
        refuse("more would be refunded than came, or somebody else decided just now")
    return msgspec.structs.replace(
        credit,
        status=status,
        refunded_minor=credit.refunded_minor + more_minor,
        updated_us=step.now_us,
    )


def divide(tx: Tx, credit: Credit, amounts: Sequence[int], *, step: Step) -> list[Credit]:
    """Split an unapplied credit into parts that make up its sum; each is a credit of its own."""
    assert sum(amounts) == credit.amount_minor  # noqa: S101 - the caller has checked it
    move(tx, credit, status="split", payment=credit.payment, step=step)
    first = kept.parts_count(tx, credit) + 1
    parts = [
        msgspec.structs.replace(
            credit,
            id=tx.new_id(),
            status="unapplied",
            amount_minor=amount_minor,
            payment=None,
            part=first + number,
            parent=credit.id,
            updated_us=step.now_us,
        )
        for number, amount_minor in enumerate(amounts)
    ]
    for part in parts:
        kept.insert_credit(tx, part)
    return parts


def set_reversal(
    tx: Tx, reversal: Reversal, *, status: str, credit: int | None, step: Step
) -> Reversal:
    """Write what is known of a reversal."""
    after = msgspec.structs.replace(reversal, status=status, credit=credit, updated_us=step.now_us)
    if not reversals.move(tx, reversal, after):
        refuse("somebody else decided about this reversal just now")
    return after


def move(tx: Tx, credit: Credit, *, status: str, payment: int | None, step: Step) -> Credit:
    """Write status and payment of a credit; whoever calls posts what that means."""
    after = msgspec.structs.replace(credit, status=status, payment=payment, updated_us=step.now_us)
    if not kept.move(tx, credit, after):
        refuse("somebody else decided about this credit just now")
    return after


def refuse(why: str) -> NoReturn:
    """Raise the refusal of a decision about money."""
    raise Refusal(Code.STATUS_FORBIDS, why, http_status=409)


def missing(what: str, key: int) -> NoReturn:
    """Raise the refusal for what does not exist."""
    raise Refusal(Code.NOT_FOUND, f"there is no {what} {key}", http_status=404)
