"""Take money in, through whatever door it is told: once, matched, decided and posted at once.

Notices of providers, entries of bank files and what people enter by hand end here, each in the
transaction of its caller.
"""

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from sampan.domain import events as ev
from sampan.domain.machine import Alarm, Move, Reason
from sampan.domain.matching import Arrival, How
from sampan.domain.statuses import PaymentStatus
from sampan.flow import credit_moves
from sampan.flow.finding import Named, Where, find
from sampan.flow.settle import Step, settle
from sampan.storage import credits as kept
from sampan.storage import journal, reversals
from sampan.storage.credits import Credit, Found
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.reversals import Reversal

_TRIVIAL: Final = frozenset({"", "NOTPROVIDED", "NONREF"})
"""What banks write where there is no text: two that share it have nothing in common."""


_FOUND: Final = {how: Found(how=how.value) for how in How}


class Outcome(StrEnum):
    """What became of money that was told."""

    APPLIED = "applied"
    HELD = "held"
    UNAPPLIED = "unapplied"
    RETURNED = "returned"
    """Taken in, and taken back before: a reversal had come first."""
    REVERSED = "reversed"
    """The bank took money back."""
    REFUNDED = "refunded"
    """The bank paid a refund of ours."""
    CAME_BACK = "came back"
    """The money of a refund is on the account again."""
    REPEATED = "repeated"
    """Known already, through this door or another: nothing changed."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Money as a door tells it: positive minor units, microseconds UTC.

    `identity` tells this movement of the account from all others, whoever tells it; `aliases` are
    other names under which the same movement may be told. Booked between `booked_us` and
    `booked_to_us`, which are equal where the bank tells the time. `texts` may carry our reference,
    `reference` is the one to show.
    """

    identity: str
    bank_txn_id: str
    amount_minor: int
    currency: str
    booked_us: int
    booked_to_us: int
    aliases: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    reference: str = ""
    payer_name: str = ""
    payer_account: str = ""
    source: str = "notice"
    import_id: int | None = None

    @property
    def arrival(self) -> Arrival:
        """What matching looks at."""
        return Arrival(
            amount_minor=self.amount_minor,
            currency=self.currency,
            earliest_us=self.booked_us,
            latest_us=self.booked_to_us,
            texts=self.texts,
            payer_name=self.payer_name,
            payer_account=self.payer_account,
        )


class Taken(NamedTuple):
    """What became of money, and the credit or the reversal that it is kept as."""

    outcome: Outcome
    key: int | None = None


def take_credit(tx: Tx, where: Where, told: Told, *, step: Step) -> Taken:
    """Take money in: remember it, match it, let its payment decide, post it.

    The same movement again, or under another of its names, changes nothing.
    """
    if not first(tx, where, told, now_us=step.now_us):
        return Taken(Outcome.REPEATED)
    reversals.forget(tx, where.provider, where.account, identity=told.identity)
    gone = _gone_before(tx, where, told)
    if gone is not None:
        return _take_gone(tx, where, told, gone=gone, step=step)
    found = find(tx, where, told.arrival)
    if isinstance(found, Named):
        return _take_named(tx, where, told, named=found, step=step)
    credit = _credit(tx, where, told, now_us=step.now_us, found=found)
    credit_moves.arrive(tx, credit, now_us=step.now_us)
    _note(tx, f"{Reason.UNKNOWN_REFERENCE.value}: {told.bank_txn_id}", step=step)
    return Taken(Outcome.UNAPPLIED, credit.id)


def first(tx: Tx, where: Where, told: Told, *, now_us: int) -> bool:
    """Remember a movement under all of its names; False when one of them is known."""
    taken = [
        kept.take_notice(tx, where.provider, where.account, notice_id=name, now_us=now_us)
        for name in (told.identity, *told.aliases)
    ]
    return all(taken)


def have_something_in_common(texts: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether two movements carry a text that both have from one payer."""
    return not (set(texts) - _TRIVIAL).isdisjoint(others)


def _take_named(tx: Tx, where: Where, told: Told, *, named: Named, step: Step) -> Taken:
    payment, project, how = named
    event = ev.Credited(told.amount_minor, told.currency, told.bank_txn_id)
    because = f"{where.provider}/{where.account}/{told.bank_txn_id}"
    decision, _ = settle(
        tx, project, payment, event=event, step=Step(step.now_us, step.by, because)
    )
    status = Outcome.UNAPPLIED
    if isinstance(decision, Move) and decision.to is PaymentStatus.SUCCESS:
        status = Outcome.APPLIED
    elif isinstance(decision, Alarm) and decision.held:
        status = Outcome.HELD
    credit = msgspec.structs.replace(
        _credit(tx, where, told, now_us=step.now_us, found=_FOUND[how]),
        status=status.value,
        payment=payment.key,
    )
    credit_moves.arrive(tx, credit, now_us=step.now_us)
    if status is Outcome.APPLIED:
        credit_moves.post_applied(tx, credit, project.id, now_us=step.now_us)
    return Taken(status, credit.id)


def _gone_before(tx: Tx, where: Where, told: Told) -> Reversal | None:
    """Return the one reversal that came before the money that it takes back."""
    waiting = reversals.unexplained(
        tx,
        where.provider,
        where.account,
        currency=told.currency,
        amount_minor=told.amount_minor,
    )
    fitting = [
        one
        for one in waiting
        if one.bank_txn_id == told.bank_txn_id or have_something_in_common(one.texts, told.texts)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _take_gone(tx: Tx, where: Where, told: Told, *, gone: Reversal, step: Step) -> Taken:
    credit = _credit(tx, where, told, now_us=step.now_us, found=None)
    credit_moves.arrive(tx, credit, now_us=step.now_us)
    credit_moves.set_reversal(tx, gone, status="open", credit=credit.id, step=step)
    credit_moves.send_back(tx, credit, step=step)
    _note(tx, f"reversed: {told.bank_txn_id}", step=step)
    return Taken(Outcome.RETURNED, credit.id)


def _credit(tx: Tx, where: Where, told: Told, *, now_us: int, found: Found | None) -> Credit:
    return Credit(
        id=tx.new_id(),
        provider=where.provider,
        account=where.account,
        bank_txn_id=told.bank_txn_id,
        status="unapplied",
        amount_minor=told.amount_minor,
        currency=told.currency,
        reference=told.reference,
        payer_name=told.payer_name,
        payment=None,
        booked_us=told.booked_us,
        received_us=now_us,
        updated_us=now_us,
        identity=told.identity,
        source=told.source,
        import_id=told.import_id,
        booked_to_us=told.booked_to_us,
        payer_account=told.payer_account,
        texts=told.texts,
        found=found,
    )


def _note(tx: Tx, why: str, *, step: Step) -> None:
    """Write down that money came which is nobody's."""
    journal.write(tx, Entry(at_us=step.now_us, project_id=0, what="alarm", by=step.by, why=why))
