"""Refunds of a merchant's own account: decided by people, asked of a bank by a file, paid by it.

A sum is counted against its credit in the transaction that approves the refund and given back in
the one that ends it unpaid, so there is never more refunded than came. Money leaves the books only
when the bank has paid it: by the debit on the account (`flow.refund_debits`), or by the word of a
person.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from sampan import money
from sampan.codecs.transfers import Batch, Transfer, pain_001, transfer_csv
from sampan.domain import reference
from sampan.domain.fps_account import PROVIDER, id_of_key
from sampan.domain.money_decisions import Refund as Wish
from sampan.domain.project import Project
from sampan.domain.refunds import NEXT, Act, Doubt, RefundStatus, doubts, fault_of
from sampan.flow import credit_moves
from sampan.flow.credit_moves import missing, refuse
from sampan.flow.finding import FindProject
from sampan.flow.settle import Step
from sampan.storage import credits as kept
from sampan.storage import fps_accounts, journal, payments, refunds, reversals
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.refunds import Refund, RefundFile

FORMATS: Final[dict[str, Callable[[Batch], bytes]]] = {
    "pain.001": pain_001,
    "csv": transfer_csv,
}
"""What a bank can be asked by → what writes it."""
FILE_MAX: Final = 500
"""Refunds of one file."""
FILE_PREFIX: Final = "SAMPAN-"
"""With the key of a file, what the bank calls it."""
_REFUNDABLE: Final = frozenset({"applied", "unapplied"})
ALARM_BEGINS: Final = "refund "
"""How the reason of an alarm about a refund begins; its reference follows."""
_MESSAGE_CHARS_MAX: Final = 140


class Checked(NamedTuple):
    """A refund that can be: its credit, whose money it is, and what people have to look at."""

    credit: Credit
    project: Project
    doubts: tuple[Doubt, ...]


def check(tx: Tx, wish: Wish, *, find_project: FindProject) -> Checked:
    """Return what a refund would be. Raises `Refusal` 404, and 409 where it cannot be."""
    credit = kept.find(tx, wish.credit) or missing("credit", wish.credit)
    project = allowing(tx, credit, find_project=find_project)
    if project is None:
        refuse("refunds are off (project setting `refunds`), or not of an account of `fps`")
    if credit.status not in _REFUNDABLE:
        refuse(f"a credit that is {credit.status} cannot be refunded")
    if reversals.of_credit(tx, credit.id):
        refuse("the bank itself has taken this money back")
    if wish.amount_minor > credit.amount_minor - credit.refunded_minor:
        refuse("more would be refunded than came")
    if credit.status == "unapplied" and wish.amount_minor != credit.amount_minor:
        refuse("money of no payment goes back whole; split it first")
    if fault := fault_of(wish.payee):
        refuse(fault)
    found = doubts(wish.payee, payer_name=credit.payer_name, payer_account=credit.payer_account)
    if found and not wish.despite_doubts:
        told = ", ".join(doubt.value for doubt in found)
        refuse(f"the payee may be another than the payer ({told}); say that you want it so")
    return Checked(credit, project, found)


def record(tx: Tx, wish: Wish, *, find_project: FindProject, step: Step) -> Refund:
    """Keep an approved refund, and count it against its credit.

    Raises `Refusal` as `check` does, and 409 where somebody else was faster.
    """
    credit, project, found = check(tx, wish, find_project=find_project)
    credit_moves.begin_refund(tx, credit, amount_minor=wish.amount_minor, step=step)
    made = Refund(
        id=tx.new_id(),
        provider=credit.provider,
        account=credit.account,
        credit=credit.id,
        payment=credit.payment if credit.status == "applied" else None,
        project_id=project.id,
        status=RefundStatus.APPROVED,
        amount_minor=wish.amount_minor,
        currency=credit.currency,
        payee=wish.payee,
        doubts=found,
        by=step.by,
        why=step.why,
        created_us=step.now_us,
        updated_us=step.now_us,
    )
    refunds.add(tx, made)
    _note(tx, made, "refund approved", why=f"{reference_of(made)}: {step.why}", step=step)
    return made


def allowing(tx: Tx, credit: Credit, *, find_project: FindProject) -> Project | None:
    """Return the project that lets a credit be refunded, None where none does.

    That of its payment; of money without one, any that its account is attached to.
    """
    account_id = id_of_key(credit.account) if credit.provider == PROVIDER else None
    if account_id is None:
        return None
    payment = None if credit.payment is None else payments.payment_by_key(tx, credit.payment)
    ids = fps_accounts.projects_of(tx, account_id) if payment is None else [payment.project_id]
    projects = (find_project(tx, project_id) for project_id in ids)
    return next((one for one in projects if one is not None and one.settings.refunds), None)


def left_of(tx: Tx, credit: Credit, *, find_project: FindProject) -> int:
    """Return what of a credit can still be refunded, 0 where nothing can; minor units."""
    if credit.status not in _REFUNDABLE or reversals.of_credit(tx, credit.id):
        return 0
    if allowing(tx, credit, find_project=find_project) is None:
        return 0
    return credit.amount_minor - credit.refunded_minor


def reference_of(refund: Refund) -> str:
    """Return what a refund is called at the bank: 12 characters, one of them a check."""
    return reference.encode(refund.id)


def make_file(tx: Tx, keys: Sequence[int], file_format: str, *, step: Step) -> RefundFile:
    """Write approved refunds of one account and currency as a file for its bank, and keep it.

    From then on they are exported. Raises `Refusal` 404 for what does not exist, 409 for what is
    not approved or does not fit into one file.
    """
    keys = list(dict.fromkeys(keys))
    if not 1 <= len(keys) <= FILE_MAX:
        refuse(f"a file has 1 to {FILE_MAX} refunds")
    found = [find(tx, key) for key in keys]
    one = found[0]
    if any((each.account, each.currency) != (one.account, one.currency) for each in found):
        refuse("the refunds of a file go out from one account, in one currency")
    made = RefundFile(
        id=tx.new_id(),
        provider=one.provider,
        account=one.account,
        format=file_format,
        currency=one.currency,
        refunds_count=len(found),
        amount_minor=sum(each.amount_minor for each in found),
        by=step.by,
        created_us=step.now_us,
    )
    made = msgspec.structs.replace(made, data=FORMATS[file_format](_batch(tx, made, found)))
    refunds.add_file(tx, made)
    for each in found:
        _move(tx, msgspec.structs.replace(each, file=made.id), Act.EXPORT, step=step)
    return made


def confirm(tx: Tx, key: int, *, bank_txn_id: str, step: Step) -> Refund:
    """Note by hand that the bank has paid a refund; the debit later changes nothing.

    Raises `Refusal` 404 and 409.
    """
    return pay(tx, find(tx, key), debit="", bank_txn_id=bank_txn_id, step=step)


def fail(tx: Tx, key: int, *, step: Step) -> Refund:
    """Note that the bank did not pay a refund; the money can be refunded anew."""
    return _give_up(tx, find(tx, key), Act.FAIL, step=step)


def withdraw(tx: Tx, key: int, *, step: Step) -> Refund:
    """Give up a refund that no bank was asked for."""
    return _give_up(tx, find(tx, key), Act.WITHDRAW, step=step)


def come_back(tx: Tx, key: int, *, step: Step) -> Refund:
    """Note by hand that the money of a paid refund is on the account again."""
    return came_back(tx, find(tx, key), step=step)


def find(tx: Tx, key: int) -> Refund:
    """Return a refund. Raises `Refusal` 404."""
    return refunds.find(tx, key) or missing("refund", key)


def story(tx: Tx, refund: Refund) -> Sequence[Entry]:
    """Return what the journal says of a refund, alarms among it, the oldest first."""
    mark = reference_of(refund)
    begins = (f"{mark}: ", f"{ALARM_BEGINS}{mark}: ")
    if refund.payment is not None:
        entries = journal.of_payment(tx, refund.payment)
        return [one for one in entries if one.why.startswith(begins)]
    return journal.loose(tx, begins, since_us=refund.created_us)


def alarmed(tx: Tx, found: Sequence[Refund]) -> frozenset[int]:
    """Return those of some refunds of which the bank has told what does not fit."""
    keys = sorted({one.payment for one in found if one.payment is not None})
    since_us = min((one.created_us for one in found if one.payment is None), default=None)
    told = journal.alarms(tx, ALARM_BEGINS, payment_keys=keys, loose_since_us=since_us)
    named = {why.removeprefix(ALARM_BEGINS).partition(":")[0] for why in told}
    return frozenset(one.id for one in found if reference_of(one) in named)


# --- moving ---------------------------------------------------------------------------------


def can_pay(tx: Tx, refund: Refund) -> bool:
    """Whether the books can take in that a refund was paid, also after it was given up."""
    if refund.status in {RefundStatus.APPROVED, RefundStatus.EXPORTED}:
        return True
    credit = _credit(tx, refund)
    free = credit.amount_minor - credit.refunded_minor
    wanted = "unapplied" if refund.payment is None else "applied"
    return credit.status == wanted and refund.amount_minor <= free


def pay(tx: Tx, refund: Refund, *, debit: str, bank_txn_id: str, step: Step) -> Refund:
    """Take a refund for paid, and the money out of the books. Raises `Refusal` 409."""
    was = refund.status
    told = msgspec.structs.replace(refund, debit=debit, bank_txn_id=bank_txn_id)
    after = _move(tx, told, Act.CONFIRM, step=step)
    credit = _credit(tx, refund)
    if was in {RefundStatus.FAILED, RefundStatus.WITHDRAWN}:
        if not can_pay(tx, refund):
            refuse("the money of this refund has been decided about otherwise")
        credit = credit_moves.begin_refund(tx, credit, amount_minor=refund.amount_minor, step=step)
    credit_moves.pay_refund(tx, credit, amount_minor=refund.amount_minor, step=step)
    return after


def _give_up(tx: Tx, refund: Refund, act: Act, *, step: Step) -> Refund:
    after = _move(tx, refund, act, step=step)
    credit = _credit(tx, refund)
    credit_moves.give_refund_up(tx, credit, amount_minor=refund.amount_minor, step=step)
    return after


def came_back(tx: Tx, refund: Refund, *, step: Step) -> Refund:
    """Take the money of a paid refund into the books again. Raises `Refusal` 409."""
    after = _move(tx, refund, Act.COME_BACK, step=step)
    credit = _credit(tx, refund)
    credit_moves.take_refund_back(tx, credit, amount_minor=refund.amount_minor, step=step)
    return after


def _move(tx: Tx, refund: Refund, act: Act, *, step: Step) -> Refund:
    """Take a refund to its next status, and write that down. Raises `Refusal` 409."""
    to = NEXT.get((refund.status, act))
    if to is None:
        refuse(f"a refund that is {refund.status} takes no {act}")
    after = msgspec.structs.replace(refund, status=to, updated_us=step.now_us)
    if not refunds.move(tx, refund, after):
        refuse("somebody else decided about this refund just now")
    _note(tx, after, f"refund {to.value}", why=f"{reference_of(after)}: {step.why}", step=step)
    return after


def alarm(tx: Tx, refund: Refund, why: str, *, step: Step) -> None:
    """Write down that people have to look at a refund."""
    _note(tx, refund, "alarm", why=f"{ALARM_BEGINS}{reference_of(refund)}: {why}", step=step)


def _note(tx: Tx, refund: Refund, what: str, *, why: str, step: Step) -> None:
    entry = Entry(
        at_us=step.now_us,
        project_id=refund.project_id,
        payment=refund.payment,
        what=what,
        by=step.by,
        why=why,
    )
    journal.write(tx, entry)


def _credit(tx: Tx, refund: Refund) -> Credit:
    credit = kept.find(tx, refund.credit)
    assert credit is not None  # noqa: S101 - a foreign key keeps it
    return credit


def _batch(tx: Tx, made: RefundFile, found: Sequence[Refund]) -> Batch:
    account_id = id_of_key(made.account)
    card = None if account_id is None else fps_accounts.card(tx, account_id, now_us=0)
    assert card is not None  # noqa: S101 - no account is ever dropped
    account = card.account
    if made.format == "pain.001" and not account.bank_account:
        refuse("give the account's number at the bank first: pain.001 names it")
    return Batch(
        id=f"{FILE_PREFIX}{made.id}",
        made_us=made.created_us,
        currency=made.currency,
        total=money.to_text(made.amount_minor, made.currency),
        payer_name=account.payee_name,
        payer_account=account.bank_account,
        payer_bank=account.clearing_code,
        transfers=tuple(_transfer(tx, one) for one in found),
    )


def _transfer(tx: Tx, refund: Refund) -> Transfer:
    payment = None if refund.payment is None else payments.payment_by_key(tx, refund.payment)
    told = "Refund" if payment is None else f"Refund {payment.id}"
    return Transfer(
        reference=reference_of(refund),
        amount=money.to_text(refund.amount_minor, refund.currency),
        payee_name=refund.payee.name,
        kind=refund.payee.kind.value,
        number=refund.payee.number,
        bank_code=refund.payee.bank_code,
        # Banks take no more, and XML not every character.
        message="".join(one for one in told if one.isprintable())[:_MESSAGE_CHARS_MAX],
    )
