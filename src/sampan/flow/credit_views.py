"""What people are shown of a credit: where it stands, why it waits, and what it might pay."""

from collections.abc import Sequence

import msgspec

from sampan.domain import events as ev
from sampan.domain.credit_reasons import misfits
from sampan.domain.fps_account import PROVIDER
from sampan.domain.machine import MOVES, Reason
from sampan.domain.matching import Arrival
from sampan.domain.payment import Payment
from sampan.domain.project import Project
from sampan.flow import finding
from sampan.flow.finding import FindProject, Where
from sampan.storage import credit_lists, decisions, fps_accounts, payments, projects, reversals
from sampan.storage import credits as kept
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.storage.reversals import Reversal
from sampan.storage.vault import Vault


class Suggestion(msgspec.Struct, frozen=True):
    """A payment that a credit might pay, and what speaks for and against it."""

    payment: Payment
    score: int
    clues: tuple[str, ...]


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What it would do to take a credit as a payment, seen from how things stand now.

    `sum_minor` would be paid, with `others` that are held for the payment. `can_be` is false where
    it would be refused: another currency, or a payment that takes no more money.
    """

    payment: Payment
    project: Project
    sum_minor: int
    others: tuple[Credit, ...]
    can_be: bool


class CreditView(msgspec.Struct, frozen=True, kw_only=True):
    """A credit with all that is known of it.

    `misfits` says how it differs from what its payment asked for, seen in sums and times; `why` is
    what was not certain as it arrived. `decisions` are the oldest first, proposals among them.
    """

    credit: Credit
    payment: Payment | None
    misfits: tuple[Reason, ...]
    why: str
    parts: tuple[Credit, ...]
    reversals: tuple[Reversal, ...]
    decisions: tuple[Decision, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not simply the payment's money; empty where it is."""
        return _reasons(self.credit, self.misfits)


def view(tx: Tx, credit: Credit) -> CreditView:
    """Return a credit with its payment, parts, reversals and decisions."""
    payment = None if credit.payment is None else payments.payment_by_key(tx, credit.payment)
    return CreditView(
        credit=credit,
        payment=payment,
        misfits=() if payment is None else misfits_of(tx, credit, payment),
        why="" if credit.found is None else credit.found.why,
        parts=tuple(kept.parts_of(tx, credit.id)),
        reversals=tuple(reversals.of_credit(tx, credit.id)),
        decisions=tuple(decisions.about(tx, credit=credit.id)),
    )


def reasons_of(tx: Tx, credits_: Sequence[Credit]) -> dict[int, tuple[str, ...]]:
    """Return why each of some credits is not simply a payment's money: credit → reasons."""
    keys = sorted({credit.payment for credit in credits_ if credit.payment is not None})
    found = payments.payments_by_keys(tx, keys) if keys else {}
    told: dict[int, tuple[str, ...]] = {}
    for credit in credits_:
        payment = None if credit.payment is None else found[credit.payment]
        differs = () if payment is None else misfits_of(tx, credit, payment)
        told[credit.id] = _reasons(credit, differs)
    return told


def _reasons(credit: Credit, differs: Sequence[Reason]) -> tuple[str, ...]:
    told = tuple(reason.value for reason in differs)
    why = "" if credit.found is None else credit.found.why
    return told or ((why,) if why and credit.status != "applied" else ())


def misfits_of(tx: Tx, credit: Credit, payment: Payment) -> tuple[Reason, ...]:
    """Say how a credit differs from what its payment asked for, from sums and times alone."""
    others = [
        one
        for one in kept.of_payment(tx, payment.key)
        if one.id != credit.id
        and one.status in {"applied", "held", "unapplied"}
        and (one.received_us, one.id) < (credit.received_us, credit.id)
    ]
    return misfits(
        payment,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        received_us=credit.received_us,
        others_minor=sum(one.amount_minor for one in others),
    )


def suggestions(tx: Tx, credit: Credit, *, find_project: FindProject) -> Sequence[Suggestion]:
    """Return the payments that a credit might pay as things stand now, the likeliest first."""
    where = Where(credit.provider, credit.account, find_project)
    arrival = Arrival(
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        earliest_us=credit.booked_us,
        latest_us=credit.booked_to_us,
        texts=credit.texts or ((credit.reference,) if credit.reference else ()),
        payer_name=credit.payer_name,
        payer_account=credit.payer_account,
    )
    told = finding.likely(tx, where, arrival).likely
    found = payments.payments_by_keys(tx, [key for key, _, _ in told]) if told else {}
    return [Suggestion(found[key], score, clues) for key, score, clues in told]


def foresee(tx: Tx, credit: Credit, payment: Payment, *, find_project: FindProject) -> Foreseen:
    """Return what `Apply` of a credit to a payment would do."""
    project = find_project(tx, payment.project_id)
    assert project is not None  # noqa: S101 - a foreign key keeps it
    held = tuple(
        one
        for one in kept.waiting_of_payment(tx, payment.key)
        if one.status == "held" and one.id != credit.id and one.currency == payment.currency
    )
    waits = credit.status in {"unapplied", "held"}
    moves = (payment.status, ev.StaffAccepted) in MOVES
    return Foreseen(
        payment=payment,
        project=project,
        sum_minor=credit.amount_minor + sum(one.amount_minor for one in held),
        others=held,
        can_be=waits and moves and credit.currency == payment.currency,
    )


def fitting(tx: Tx, reversal: Reversal, *, most: int) -> Sequence[Credit]:
    """Return the credits of its sum that an open reversal may have taken back, `most` looked at."""
    if reversal.status != "open":
        return ()
    return [
        one
        for one in kept.of_sum(tx, reversal, most=most)
        if one.status not in {"split", "merged"}
        and all(other.id == reversal.id for other in reversals.of_credit(tx, one.id))
    ]


def accounts_of(tx: Tx, project: Project) -> list[tuple[str, str]]:
    """Return (provider, account) of the accounts that a project's payments are paid to."""
    settings = project.settings
    if settings.provider != PROVIDER:
        return [(settings.provider, settings.payee_fps_id)]
    attached = fps_accounts.of_project(tx, project.id)
    return [(PROVIDER, one.account.key) for one in attached]


def known_accounts(tx: Tx, *, vault: Vault, now_us: int) -> dict[tuple[str, str], str]:
    """Return (provider, account) → name of all accounts, in their order; empty where none is given.

    Those that are set up, that a project uses, or that money ever came to.
    """
    of_projects = {
        (one.settings.provider, one.settings.payee_fps_id): ""
        for one in projects.every(tx, vault=vault, now_us=now_us)
        if one.settings.provider != PROVIDER and one.settings.payee_fps_id
    }
    known = dict.fromkeys(credit_lists.accounts(tx), "") | of_projects
    known |= named_accounts(tx, now_us=now_us)
    return dict(sorted(known.items()))


def named_accounts(tx: Tx, *, now_us: int) -> dict[tuple[str, str], str]:
    """Return (provider, account) → the name that people gave it, of FPS accounts."""
    return {
        (PROVIDER, card.account.key): card.account.name
        for card in fps_accounts.every(tx, now_us=now_us)
    }
