"""What people decide about money, by one person or, where a project says so, by two.

Each decision is kept with its person and reason. With `four_eyes`, and where it is a refund of more
than one person may decide, it is only proposed, until somebody else approves it; then it is carried
out as if it had been made at that moment, so it is refused where the money has moved in between.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from sampan.domain.fps_account import PROVIDER, id_of_key
from sampan.domain.money_decisions import (
    NAMES,
    Enter,
    Explain,
    Note,
    Refund,
    Wish,
    payments_of,
)
from sampan.domain.project import Project
from sampan.flow import credit_acts, refund_records
from sampan.flow.credit_moves import missing, refuse
from sampan.flow.finding import FindProject
from sampan.flow.settle import Step
from sampan.storage import credits as kept
from sampan.storage import decisions, fps_accounts, journal, payments, projects, reversals
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry


def decide(tx: Tx, wish: Wish, *, find_project: FindProject, step: Step) -> Decision:
    """Carry a decision out and keep it; where two must decide, keep it as a proposal.

    `step` has the person and the reason; both must be told. Raises `Refusal` 404 for what does not
    exist and 409 for what cannot be decided so, a repeat among it.
    """
    ask_for_a_reason(step)
    about = _about(tx, wish)
    involved = list(_involved(tx, wish, about, find_project=find_project))
    needs_two = any(_wants_two(wish, project) for project in involved)
    if needs_two and isinstance(wish, Refund):
        # Whoever has to approve it shall not be asked for what cannot be.
        refund_records.check(tx, wish, find_project=find_project)
    if not needs_two:
        credit = credit_acts.carry_out(tx, wish, find_project=find_project, step=step)
        about = about._replace(credit=about.credit or credit)
    made = Decision(
        id=tx.new_id(),
        what=NAMES[type(wish)],
        status="proposed" if needs_two else "done",
        credit=about.credit,
        payment=about.payments[0] if about.payments else None,
        project_id=involved[0].id if involved else None,
        asked=wish,
        by=step.by,
        why=step.why,
        created_us=step.now_us,
        ended_by="" if needs_two else step.by,
        ended_us=None if needs_two else step.now_us,
    )
    decisions.add(tx, made)
    if needs_two:
        _note(tx, made, "decision proposed", step=step)
    return made


def needs_two(tx: Tx, wish: Wish, *, find_project: FindProject) -> bool:
    """Whether a decision would only be proposed. Raises `Refusal` 404 as `decide` does."""
    found = _involved(tx, wish, _about(tx, wish), find_project=find_project)
    return any(_wants_two(wish, project) for project in found)


def approve(tx: Tx, key: int, *, find_project: FindProject, step: Step) -> Decision:
    """Carry a proposal out, as another person than the one who made it.

    Raises `Refusal` 404, and 409 where it has ended, for the same person, and for what cannot be
    decided so any more: then it can only be refused or withdrawn.
    """
    ask_for_a_reason(step)
    proposed = _proposed(tx, key)
    if proposed.by == step.by:
        refuse("another person has to approve this")
    both = Step(step.now_us, step.by, f"{proposed.why} ({proposed.by}); {step.why}")
    credit_acts.carry_out(tx, proposed.asked, find_project=find_project, step=both)
    return _end(tx, proposed, "done", what="decision approved", step=step)


def turn_down(tx: Tx, key: int, *, step: Step) -> Decision:
    """End a proposal without carrying it out: refused, or withdrawn by the one who made it."""
    ask_for_a_reason(step)
    proposed = _proposed(tx, key)
    status = "withdrawn" if proposed.by == step.by else "refused"
    return _end(tx, proposed, status, what=f"decision {status}", step=step)


def ask_for_a_reason(step: Step) -> None:
    """Raise `Refusal` where a decision has no person or no reason."""
    if not step.why.strip() or not step.by.strip():
        refuse("a decision about money needs a person and a reason")


def _wants_two(wish: Wish, project: Project) -> bool:
    settings = project.settings
    is_great = isinstance(wish, Refund) and wish.amount_minor > settings.refund_alone_max_minor
    return settings.four_eyes or is_great


class _About(NamedTuple):
    """What a decision is about; `payments` also has the one that its credit was matched to."""

    credit: int | None
    payments: tuple[int, ...]
    provider: str
    account: str


def _about(tx: Tx, wish: Wish) -> _About:
    if isinstance(wish, Enter):
        return _About(None, payments_of(wish), wish.provider, wish.account)
    if isinstance(wish, Explain | Note):
        reversal = reversals.find(tx, wish.reversal)
        if reversal is None:
            missing("reversal", wish.reversal)
        return _About(
            getattr(wish, "credit", reversal.credit), (), reversal.provider, reversal.account
        )
    named = payments_of(wish)
    key = getattr(wish, "credit", None)
    if key is None:
        return _About(None, named, "", "")
    credit = kept.find(tx, key)
    if credit is None:
        missing("credit", key)
    matched = () if credit.payment is None else (credit.payment,)
    return _About(key, (*named, *matched), credit.provider, credit.account)


def _involved(tx: Tx, wish: Wish, about: _About, *, find_project: FindProject) -> Iterator[Project]:
    """Yield the projects of which each may demand a second person."""
    yield from _projects(tx, about, find_project)
    if isinstance(wish, Refund):
        credit = credit_acts.find_credit(tx, wish.credit)
        project = refund_records.allowing(tx, credit, find_project=find_project)
        if project is not None:
            yield project


def _projects(tx: Tx, about: _About, find_project: FindProject) -> Iterator[Project]:
    """Yield the projects whose money is decided about: those of payments, else of the account."""
    keys = list(dict.fromkeys(about.payments))
    found = payments.payments_by_keys(tx, keys) if keys else {}
    for key in keys:
        if key not in found:
            missing("payment", key)
    ids = [found[key].project_id for key in keys] or _ids_of_account(tx, about)
    for project_id in dict.fromkeys(ids):
        project = find_project(tx, project_id)
        if project is not None and (keys or project.settings.provider == about.provider):
            yield project


def _ids_of_account(tx: Tx, about: _About) -> list[int]:
    account_id = id_of_key(about.account) if about.provider == PROVIDER else None
    if account_id is not None:
        return list(fps_accounts.projects_of(tx, account_id))
    return list(projects.names(tx))


def _proposed(tx: Tx, key: int) -> Decision:
    found = decisions.find(tx, key)
    if found is None:
        missing("decision", key)
    if found.status != "proposed":
        refuse(f"this decision is {found.status} already")
    return found


def _end(tx: Tx, proposed: Decision, status: str, *, what: str, step: Step) -> Decision:
    after = msgspec.structs.replace(
        proposed, status=status, ended_by=step.by, ended_why=step.why, ended_us=step.now_us
    )
    if not decisions.end(tx, after):
        refuse("somebody else ended this decision just now")
    _note(tx, after, what, step=step)
    return after


def _note(tx: Tx, decision: Decision, what: str, *, step: Step) -> None:
    entry = Entry(
        at_us=step.now_us,
        project_id=decision.project_id or 0,
        payment=decision.payment,
        what=what,
        by=step.by,
        why=f"{decision.what}: {step.why}",
    )
    journal.write(tx, entry)
