"""Carry out what people decided about money. Whoever calls has asked for a person and a reason."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from sampan.codecs.statement import movement_name
from sampan.domain import events as ev
from sampan.domain.machine import Move
from sampan.domain.money_decisions import (
    Accept,
    Apply,
    Decline,
    Enter,
    Explain,
    Ignore,
    Merge,
    Note,
    Refund,
    Return,
    Split,
    TakeBack,
    Wish,
)
from sampan.domain.payment import Payment
from sampan.domain.project import Project
from sampan.flow import credit_moves, refund_records, resolution
from sampan.flow.credit_moves import missing, refuse
from sampan.flow.credits import Outcome, Told, take_credit
from sampan.flow.finding import FindProject, Where
from sampan.flow.reversals import explain
from sampan.flow.settle import Step, settle
from sampan.storage import credits as kept
from sampan.storage import journal, payments, reversals
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.reversals import Reversal

_ALIKE_MAX: Final = 10_000


class _By(NamedTuple):
    """Who knows the projects, and who decided why."""

    find_project: FindProject
    step: Step


def carry_out(tx: Tx, wish: Wish, *, find_project: FindProject, step: Step) -> int | None:
    """Do what was decided; return the credit that it is about, where there is one.

    Raises `Refusal` 404 for what does not exist, 409 for what cannot be decided so.
    """
    return _ACTS[type(wish)](tx, wish, _By(find_project, step))


def _apply(tx: Tx, wish: Apply, by: _By) -> int:
    find_project, step = by
    credit, payment = find_credit(tx, wish.credit), find_payment(tx, wish.payment)
    _give(tx, credit, payment, find_project=find_project, step=step)
    return credit.id


def _give(
    tx: Tx, credit: Credit, payment: Payment, *, find_project: FindProject, step: Step
) -> None:
    """Let a credit, with all that is held for a payment, be the payment."""
    if credit.currency != payment.currency:
        refuse(f"the payment is in {payment.currency}, the money in {credit.currency}")
    _ask_for(credit, "unapplied", "held")
    if credit.payment != payment.key:
        credit = credit_moves.release(tx, credit, find_project=find_project, step=step)
    held = [
        one
        for one in kept.waiting_of_payment(tx, payment.key)
        if one.status == "held" and one.id != credit.id and one.currency == payment.currency
    ]
    together = [*held, credit]
    event = ev.StaffAccepted(sum(one.amount_minor for one in together), credit.bank_txn_id)
    project = _project(tx, payment, find_project)
    decision, _ = settle(tx, project, payment, event=event, step=step)
    if not isinstance(decision, Move):
        refuse(f"a payment in {payment.status} takes no more money")
    for one in together:
        credit_moves.apply(tx, one, payment=payment.key, project_id=project.id, step=step)


def _split(tx: Tx, wish: Split, by: _By) -> int:
    find_project, step = by
    credit = find_credit(tx, wish.credit)
    _ask_for(credit, "unapplied", "held")
    amounts = [part.amount_minor for part in wish.parts]
    if sum(amounts) != credit.amount_minor:
        refuse("the parts do not make up the sum")
    named = [part.payment for part in wish.parts if part.payment is not None]
    if len(set(named)) < len(named):
        refuse("two parts name one payment; give it one part")
    credit = credit_moves.release(tx, credit, find_project=find_project, step=step)
    parts = credit_moves.divide(tx, credit, amounts, step=step)
    for part, wanted in zip(parts, wish.parts, strict=True):
        if wanted.payment is not None:
            payment = find_payment(tx, wanted.payment)
            _give(tx, part, payment, find_project=find_project, step=step)
    told = ", ".join(map(str, amounts))
    _note(tx, credit, "credit split", step=step, why=f"{told}: {step.why}")
    return credit.id


def _return(tx: Tx, wish: Return, by: _By) -> int:
    resolution.mark_returned(tx, find_credit(tx, wish.credit), step=by.step)
    return wish.credit


def _ignore(tx: Tx, wish: Ignore, by: _By) -> int:
    step = by.step
    credit = find_credit(tx, wish.credit)
    _ask_for(credit, "unapplied")
    credit_moves.ignore(tx, credit, step=step)
    _note(tx, credit, "credit ignored", step=step)
    return credit.id


def _merge(tx: Tx, wish: Merge, by: _By) -> int:
    step = by.step
    credit, into = find_credit(tx, wish.credit), find_credit(tx, wish.into)
    _ask_for(credit, "unapplied")
    same = all(
        getattr(credit, name) == getattr(into, name)
        for name in ("provider", "account", "currency", "amount_minor")
    )
    if not same or credit.id == into.id or into.source != "hand" or into.status == "merged":
        refuse("only money that was entered by hand before can be the same money")
    alike = kept.of_sum(tx, credit, most=_ALIKE_MAX)
    if sum(one.status == "merged" for one in alike) >= sum(one.source == "hand" for one in alike):
        refuse("the bank has told of all that was entered by hand")
    credit_moves.send_back(tx, credit, step=step, status="merged")
    _note(tx, credit, "credit merged", step=step, why=f"into {into.id}: {step.why}")
    return credit.id


def _take_back(tx: Tx, wish: TakeBack, by: _By) -> int:
    step = by.step
    credit = find_credit(tx, wish.credit)
    if credit.status == "applied":
        refuse("a payment that was paid stays paid")
    _ask_for(credit, "ignored", "returned", "merged")
    if credit.refunded_minor:
        refuse("the bank has paid a refund of this money")
    if any(one.status == "settled" for one in reversals.of_credit(tx, credit.id)):
        refuse("the bank itself has taken this money back")
    credit_moves.bring_back(tx, credit, step=step)
    _note(tx, credit, "decision taken back", step=step, why=f"{credit.status}: {step.why}")
    return credit.id


def _explain(tx: Tx, wish: Explain, by: _By) -> int:
    find_project, step = by
    reversal, credit = _open(tx, wish.reversal), find_credit(tx, wish.credit)
    same = all(
        getattr(credit, name) == getattr(reversal, name)
        for name in ("provider", "account", "currency", "amount_minor")
    )
    if not same:
        refuse("the bank took back another sum, or of another account")
    if any(one.id != reversal.id for one in reversals.of_credit(tx, credit.id)):
        refuse("the bank has taken this credit back already")
    _ask_for(credit, "unapplied", "held", "ignored", "returned", "applied")
    where = Where(credit.provider, credit.account, find_project)
    explain(tx, where, reversal, credit=credit, step=step)
    return credit.id


def _note_reversal(tx: Tx, wish: Note, by: _By) -> int | None:
    step = by.step
    reversal = _open(tx, wish.reversal)
    credit_moves.set_reversal(tx, reversal, status="noted", credit=reversal.credit, step=step)
    entry = Entry(
        at_us=step.now_us,
        project_id=0,
        what="reversal noted",
        by=step.by,
        why=f"{reversal.bank_txn_id}: {step.why}",
    )
    journal.write(tx, entry)
    return reversal.credit


def _enter(tx: Tx, wish: Enter, by: _By) -> int:
    find_project, step = by
    named = movement_name(wish.bank_txn_id, wish.amount_minor, currency=wish.currency)
    by_hand = f"hand/{tx.new_id()}"
    told = Told(
        identity=named if wish.bank_txn_id else by_hand,
        aliases=(wish.bank_txn_id,) if wish.bank_txn_id else (),
        bank_txn_id=wish.bank_txn_id or by_hand,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        booked_us=wish.booked_us,
        booked_to_us=wish.booked_us,
        texts=(wish.reference,) if wish.reference else (),
        reference=wish.reference,
        payer_name=wish.payer_name,
        source="hand",
    )
    where = Where(wish.provider, wish.account, find_project)
    outcome, key = take_credit(tx, where, told, step=step)
    if key is None:
        refuse("the bank has told of this money already")
    credit = find_credit(tx, key)
    _note(tx, credit, "credit entered", step=step)
    if wish.payment is not None and outcome is not Outcome.APPLIED:
        payment = find_payment(tx, wish.payment)
        _give(tx, credit, payment, find_project=find_project, step=step)
    return key


def _refund(tx: Tx, wish: Refund, by: _By) -> int:
    return refund_records.record(tx, wish, find_project=by.find_project, step=by.step).credit


def _accept(tx: Tx, wish: Accept, by: _By) -> None:
    find_project, step = by
    payment = find_payment(tx, wish.payment)
    resolution.accept(tx, _project(tx, payment, find_project), payment, step=step)


def _decline(tx: Tx, wish: Decline, by: _By) -> None:
    find_project, step = by
    payment = find_payment(tx, wish.payment)
    resolution.decline(tx, _project(tx, payment, find_project), payment, step=step)


_ACTS: Final[Mapping[type, Callable[[Tx, Any, _By], int | None]]] = {
    Apply: _apply,
    Split: _split,
    Return: _return,
    Ignore: _ignore,
    Merge: _merge,
    TakeBack: _take_back,
    Explain: _explain,
    Note: _note_reversal,
    Enter: _enter,
    Refund: _refund,
    Accept: _accept,
    Decline: _decline,
}


def find_credit(tx: Tx, key: int) -> Credit:
    """Return a credit. Raises `Refusal` 404."""
    return kept.find(tx, key) or missing("credit", key)


def find_payment(tx: Tx, key: int) -> Payment:
    """Return a payment. Raises `Refusal` 404."""
    return payments.payment_by_key(tx, key) or missing("payment", key)


def _open(tx: Tx, key: int) -> Reversal:
    reversal = reversals.find(tx, key) or missing("reversal", key)
    if reversal.status != "open":
        refuse(f"this reversal is {reversal.status} already")
    return reversal


def _project(tx: Tx, payment: Payment, find_project: FindProject) -> Project:
    project = find_project(tx, payment.project_id)
    assert project is not None  # noqa: S101 - a foreign key keeps it
    return project


def _ask_for(credit: Credit, *statuses: str) -> None:
    if credit.status not in statuses:
        refuse(f"a credit that is {credit.status} cannot be decided so")


def _note(tx: Tx, credit: Credit, what: str, *, step: Step, why: str = "") -> None:
    entry = Entry(
        at_us=step.now_us,
        project_id=0,
        payment=credit.payment,
        what=what,
        by=step.by,
        why=f"{credit.bank_txn_id}: {why or step.why}",
    )
    journal.write(tx, entry)
