"""Take an entry of a bank file in: what is income, what is taken back, and what is passed over."""

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from sampan.clock import DAY_US
from sampan.codecs.statement import EntryStatus, StatementEntry, identity
from sampan.domain import reference
from sampan.domain.days import Zone, midnight_us
from sampan.flow.credits import Taken, Told, take_credit
from sampan.flow.finding import Where
from sampan.flow.refund_debits import Receiver, take_debit, take_return
from sampan.flow.reversals import take_reversal
from sampan.flow.settle import Step
from sampan.money import AMOUNT_MINOR_MAX, DECIMALS
from sampan.storage import reversals
from sampan.storage.engine import Tx
from sampan.storage.reversals import Pending

TEXTS_MAX: Final = 20
TEXT_CHARS_MAX: Final = 500
_SECOND_US: Final = 1_000_000


class PassedOver(StrEnum):
    """Why an entry is no credit. Nothing is posted for it."""

    PENDING = "pending"
    """The bank has only announced it; it is remembered."""
    INFORMATION = "information"
    DEBIT = "debit"
    """Money that went out, or an outgoing payment that came back."""
    COLLECTIVE = "collective"
    """One sum for several payments that the file does not tell apart."""
    CURRENCY = "currency"
    AMOUNT = "amount"
    FAILED = "failed"
    """A fault of ours; the log has it."""


class Became(NamedTuple):
    """What became of an entry, and its credit where there is one."""

    outcome: str
    credit: int | None = None


def take_entry(
    tx: Tx, where: Where, entry: StatementEntry, *, import_id: int | None, step: Step
) -> Became:
    """Take one entry of an account's file in. The same entry from any file changes nothing."""
    entry = msgspec.structs.replace(entry, account=where.account)
    passed = passed_over(entry)
    if passed is PassedOver.PENDING and entry.amount_minor > 0:
        _remember(tx, where, entry, now_us=step.now_us)
    if passed is PassedOver.DEBIT:
        taken = _of_refund(tx, where, entry, step=step)
        return Became(passed.value) if taken is None else Became(taken.outcome.value, taken.key)
    if passed is not None:
        return Became(passed.value)
    told = told_of(entry, import_id=import_id, now_us=step.now_us)
    if entry.amount_minor < 0:
        return Became(take_reversal(tx, where, told, step=step).outcome.value)
    outcome, credit = take_credit(tx, where, told, step=step)
    return Became(outcome.value, credit)


def told_of(entry: StatementEntry, *, import_id: int | None, now_us: int) -> Told:
    """Return an entry as every door tells of money; a reversal's sum becomes positive."""
    texts = tuple(dict.fromkeys(_kept(one.text) for one in entry.references[:TEXTS_MAX]))
    named = identity(entry)
    booked_us, booked_to_us = _booked(entry, now_us=now_us)
    return Told(
        identity=named,
        bank_txn_id=_kept(entry.bank_ref) or named,
        amount_minor=abs(entry.amount_minor),
        currency=entry.currency,
        booked_us=booked_us,
        booked_to_us=booked_to_us,
        texts=tuple(text for text in texts if text),
        reference=_shown(texts),
        payer_name=_kept(entry.payer_name),
        payer_account=_kept(entry.payer_account),
        source="file",
        import_id=import_id,
    )


def passed_over(entry: StatementEntry) -> PassedOver | None:
    """Say why an entry is no credit and no reversal, None where it is one."""
    if entry.status is EntryStatus.PENDING:
        return PassedOver.PENDING
    if entry.status is not EntryStatus.BOOKED:
        return PassedOver.INFORMATION
    for holds, why in (
        (entry.amount_minor == 0, PassedOver.AMOUNT),
        (entry.reversal == (entry.amount_minor > 0), PassedOver.DEBIT),
        (entry.collective, PassedOver.COLLECTIVE),
        (entry.currency not in DECIMALS, PassedOver.CURRENCY),
        (abs(entry.amount_minor) > AMOUNT_MINOR_MAX, PassedOver.AMOUNT),
    ):
        if holds:
            return why
    return None


def _of_refund(tx: Tx, where: Where, entry: StatementEntry, *, step: Step) -> Taken | None:
    """Take in what a debit, or one that came back, tells of a refund; None where it is of none."""
    if entry.collective or entry.currency not in DECIMALS:
        return None
    told = told_of(entry, import_id=None, now_us=step.now_us)
    if entry.reversal:
        return take_return(tx, where, told, step=step)
    # Rows of CSV have one column of names, whichever side it is.
    receivers = (
        Receiver(entry.payee_name, entry.payee_account or entry.payee_proxy),
        Receiver(entry.payer_name, entry.payer_account),
    )
    return take_debit(tx, where, told, receivers=receivers, step=step)


def _remember(tx: Tx, where: Where, entry: StatementEntry, *, now_us: int) -> None:
    told = told_of(entry, import_id=None, now_us=now_us)
    pending = Pending(
        provider=where.provider,
        account=where.account,
        identity=told.identity,
        amount_minor=told.amount_minor,
        currency=told.currency,
        reference=told.reference,
        payer_name=told.payer_name,
        seen_us=now_us,
    )
    reversals.remember(tx, pending)


def _booked(entry: StatementEntry, *, now_us: int) -> tuple[int, int]:
    """Return between which moments an entry was booked: a day of Hong Kong where no more is told.

    Of a day that is not over, what is left of it has not come yet.
    """
    if entry.booked_us is not None:
        return entry.booked_us, entry.booked_us
    day = entry.booked_on or entry.value_on
    if day is None:
        return now_us, now_us
    begun_us = midnight_us(day, Zone.HONG_KONG)
    return begun_us, max(begun_us, min(now_us, begun_us + DAY_US - 1))


def _shown(texts: tuple[str, ...]) -> str:
    """Return the text that is a reference of ours, else the first one."""
    ours = (text for text in texts if reference.decode(text) is not None)
    return next(ours, texts[0] if texts else "")


def _kept(text: str) -> str:
    """Return a text as databases take it."""
    return text.replace("\0", "\ufffd")[:TEXT_CHARS_MAX]
