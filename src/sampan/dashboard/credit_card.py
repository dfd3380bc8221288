"""A credit's card: what it is, what it might pay and why, its story, and what may be decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from sampan.dashboard import bank_accounts, credit_story, credit_words, refund_words, words
from sampan.dashboard.asked import TEXT_CHARS_MAX
from sampan.dashboard.bank_accounts import BankAccount
from sampan.dashboard.credit_list import PATH
from sampan.dashboard.money_forms import Notice
from sampan.dashboard.told import people_names
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import KEY_MAX, Way
from sampan.domain.codes import Code
from sampan.domain.money_decisions import Ignore
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import credit_decisions, credit_views, refund_records
from sampan.flow.credit_views import CreditView, Foreseen, Suggestion
from sampan.storage import credits as kept
from sampan.storage import imports, ledger, payment_lists, payments, projects, refunds, users
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from sampan.storage.imports import Import
from sampan.storage.ledger import Posted
from sampan.storage.refunds import Refund

ONE: Final = f"{PATH}/{{key:key}}"
FOUND_MAX: Final = 10
SCORE_FULL: Final = 170
"""What a suggestion has for which everything speaks: reference, sum, payer and time."""
SCORE_LEAST: Final = 5
"""So much of the meter is full for the worst suggestion: an empty one looks like a fault."""
ALIKE_MAX: Final = 50
WAITING: Final = frozenset({"unapplied", "held"})
UNDOABLE: Final = frozenset({"ignored", "returned", "merged"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A payment that a credit might pay: what speaks for it, and what would happen."""

    foreseen: Foreseen
    score: int
    clues: tuple[str, ...]

    @property
    def percent(self) -> int:
        """How much speaks for it, from 0 to 100."""
        return max(SCORE_LEAST, min(100, 100 * self.score // SCORE_FULL))

    @property
    def difference_minor(self) -> int:
        """What would be paid more (or less, negative) than was asked for."""
        return self.foreseen.sum_minor - self.foreseen.payment.amount_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that a card shows."""

    view: CreditView
    offers: Sequence[Offer]
    found: Sequence[Offer] | None
    postings: Sequence[Posted]
    by_hand: Sequence[Credit]
    file: Import | None
    needs_two: bool
    refunds: Sequence[Refund]
    left_minor: int
    accounts: Sequence[BankAccount]
    projects: Mapping[int, str]
    people: Mapping[str, str]


async def card(visit: Visit) -> Response:
    """Show a credit with everything that is known of it."""
    return await show(visit, key_of(visit))


async def show(visit: Visit, key: int, *, notice: Notice | None = None) -> Response:
    """Return a credit's card, with what was amiss with a form."""
    found = await visit.desk.store.read(lambda tx: _read(tx, visit, key=key))
    credit, view = found.view.credit, found.view
    in_error = notice if notice is not None and notice.at else None
    may_decide = Right.DECIDE_MONEY in visit.rights
    settled = any(one.status == "settled" for one in view.reversals)
    context = {
        "card": found,
        "view": view,
        "credit": credit,
        "line": credit_story.line(view, people=found.people),
        "steps": credit_story.steps(
            list(found.postings),
            accounts=bank_accounts.names(found.accounts),
            projects=found.projects,
        ),
        "account": bank_accounts.names(found.accounts).get((credit.provider, credit.account)),
        "proposals": [one for one in view.decisions if one.status == "proposed"],
        "waits": credit.status in WAITING,
        "may_decide": may_decide,
        "may_take_back": may_decide and credit.status in UNDOABLE and not settled,
        "me": visit.by,
        "find": visit.asked("find"),
        "notice": "" if notice is None or in_error else notice.text,
        "wrong": in_error,
        **TABLES,
    }
    return visit.page("credit.html", context, status=200 if notice is None else notice.status)


TABLES: Final[Mapping[str, Any]] = {
    "statuses": words.CREDIT_STATUSES,
    "payment_statuses": words.STATUSES,
    "refund_statuses": refund_words.STATUSES,
    "why": credit_words.WHY,
    "clues": credit_words.CLUES,
    "how": credit_words.FOUND,
    "sources": credit_words.SOURCES,
    "wishes": credit_words.WISHES,
    "decision_statuses": credit_words.DECISION_STATUSES,
    "reversal_statuses": credit_words.REVERSAL_STATUSES,
}


def key_of(visit: Visit) -> int:
    """Return the key in the address; 0, which is nobody's, for one that is too large."""
    key: int = visit.request.path_params["key"]
    return key if key < KEY_MAX else 0


def missing() -> Refusal:
    """Return the refusal for what does not exist."""
    return Refusal(Code.NOT_FOUND, "", http_status=404)


def find_credit(tx: Tx, key: int) -> Credit:
    """Return a credit. Raises `Refusal` with 404."""
    credit = kept.find(tx, key)
    if credit is None:
        raise missing()
    return credit


def _read(tx: Tx, visit: Visit, *, key: int) -> Card:
    credit = find_credit(tx, key)
    find_project = visit.desk.find_project
    waits, text = credit.status in WAITING, visit.asked("find")
    told: Sequence[Suggestion] = ()
    if waits:
        told = credit_views.suggestions(tx, credit, find_project=find_project)
    view = credit_views.view(tx, credit)
    return Card(
        view=view,
        offers=_offers(tx, visit, view=view, told=told),
        found=searched(tx, visit, credit=credit, text=text) if waits and text else None,
        postings=ledger.of_credit(tx, credit.id),
        by_hand=_by_hand(tx, credit),
        file=None if credit.import_id is None else imports.find(tx, credit.import_id),
        needs_two=credit_decisions.needs_two(
            tx, Ignore(credit=credit.id), find_project=find_project
        ),
        refunds=refunds.of_credit(tx, credit.id),
        left_minor=refund_records.left_of(tx, credit, find_project=find_project),
        accounts=bank_accounts.every(visit, tx),
        projects=projects.names(tx),
        people=people_names(users.every(tx)),
    )


def _offers(tx: Tx, visit: Visit, *, view: CreditView, told: Sequence[Suggestion]) -> list[Offer]:
    """Return what a person can choose at once: the payment that it was for, then suggestions."""
    find_project = visit.desk.find_project
    credit, own = view.credit, view.payment
    offers = []
    if own is not None and credit.status in WAITING:
        foreseen = credit_views.foresee(tx, credit, own, find_project=find_project)
        how = "" if credit.found is None else credit.found.how
        clues = (how or "its reference is named", *(one.value for one in view.misfits))
        offers.append(Offer(foreseen=foreseen, score=SCORE_FULL, clues=clues))
    for one in told:
        if own is None or one.payment.key != own.key:
            foreseen = credit_views.foresee(tx, credit, one.payment, find_project=find_project)
            offers.append(Offer(foreseen=foreseen, score=one.score, clues=one.clues))
    return offers


def searched(tx: Tx, visit: Visit, *, credit: Credit, text: str) -> list[Offer]:
    """Return the payments that an exact id names."""
    rows = payment_lists.search(tx, text, None) if len(text) <= TEXT_CHARS_MAX else ()
    keys = [row.key for row in rows[:FOUND_MAX]]
    found = payments.payments_by_keys(tx, keys) if keys else {}
    return [
        Offer(
            foreseen=credit_views.foresee(
                tx, credit, found[key], find_project=visit.desk.find_project
            ),
            score=0,
            clues=(),
        )
        for key in keys
    ]


def _by_hand(tx: Tx, credit: Credit) -> list[Credit]:
    """Return what was entered by hand before and may be the same money."""
    if credit.status != "unapplied" or credit.source == "hand":
        return []
    alike = kept.of_sum(tx, credit, most=ALIKE_MAX)
    return [one for one in alike if one.source == "hand" and one.status != "merged"]


WAYS: Final = (Way("GET", ONE, card, Right.CREDITS),)
