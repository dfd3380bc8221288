"""What happened to a credit: its arrival, what people decided, what the bank took back. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from sampan.dashboard import credit_words
from sampan.dashboard.story import Fact, Moment, cut
from sampan.flow.credit_views import CreditView
from sampan.storage.decisions import Decision
from sampan.storage.ledger import Posted
from sampan.web.i18n import mark, money_text

VALUE_CHARS_MAX: Final = 160
WHY_CHARS_MAX: Final = 600

KINDS: Final[Mapping[str, str]] = {
    "bank": mark("Bank account %(name)s"),
    "unapplied": mark("Waits for a payment"),
    "project": mark("Project %(name)s"),
    "ignored": mark("Set aside: no payment"),
    "reversed": mark("Taken back by the bank"),
    "refunded": mark("Paid back out of payments"),
}
"""Kind of a ledger account → its name for people."""


class LedgerName(NamedTuple):
    """A ledger account in words: a marked text and what it takes; a name that is ours."""

    text: str
    name: str


def ledger_name(
    account: str,
    *,
    accounts: Mapping[tuple[str, str], str],
    projects: Mapping[int, str],
) -> LedgerName:
    """Say what an account of the ledger is."""
    kind, _, rest = account.partition("/")
    provider, _, number = rest.partition("/")
    name = accounts.get((provider, number), rest)
    if kind == "project":
        name = projects.get(int(rest), rest)
    return LedgerName(KINDS.get(kind, account), name)


def line(view: CreditView, *, people: Mapping[str, str]) -> list[Moment]:
    """Return what happened to a credit, the oldest first. `people`: as the journal → name."""
    told = [_arrival(view), *_decisions(view, people), *_reversals(view)]
    return sorted(told, key=lambda moment: moment.at_us)


def _arrival(view: CreditView) -> Moment:
    credit = view.credit
    amount = money_text(credit.amount_minor, credit.currency)
    text = mark("%(amount)s was entered") if credit.source == "hand" else mark("%(amount)s arrived")
    return Moment(
        at_us=credit.received_us,
        text=text,
        values={"amount": amount},
        tone="good" if credit.status == "applied" else "busy",
        facts=[Fact(mark("Booked by the bank"), us=credit.booked_us)],
    )


def _decisions(view: CreditView, people: Mapping[str, str]) -> Iterator[Moment]:
    for one in view.decisions:
        waited = one.status != "done" or one.ended_by != one.by
        if waited:
            yield Moment(
                at_us=one.created_us,
                text=credit_words.WISHES[one.what],
                tone="busy",
                person=_person(one.by, people),
                why=cut(one.why, WHY_CHARS_MAX),
                status="proposed",
            )
        if one.ended_us is not None:
            yield _ended(one, people, why=one.ended_why if waited else one.why)


def _ended(one: Decision, people: Mapping[str, str], *, why: str) -> Moment:
    done = one.status == "done"
    return Moment(
        at_us=one.ended_us or 0,
        text=credit_words.DECIDED[one.what] if done else mark("The proposal ended"),
        tone="good" if done else "idle",
        person=_person(one.ended_by, people),
        why=cut(why, WHY_CHARS_MAX),
        status="" if done else one.status,
    )


def _reversals(view: CreditView) -> Iterator[Moment]:
    for one in view.reversals:
        yield Moment(
            at_us=one.received_us,
            text=mark("The bank took %(amount)s back"),
            values={"amount": money_text(one.amount_minor, one.currency)},
            tone="bad",
            facts=[
                Fact(mark("Booked by the bank"), us=one.booked_us),
                Fact(mark("The bank's id"), cut(one.bank_txn_id, VALUE_CHARS_MAX)),
            ],
        )


def _person(by: str, people: Mapping[str, str]) -> str:
    return people.get(by, by.removeprefix("staff:"))


class Step(NamedTuple):
    """A posting in words: from where to where."""

    posted: Posted
    giver: LedgerName
    taker: LedgerName


def steps(
    posted: list[Posted],
    *,
    accounts: Mapping[tuple[str, str], str],
    projects: Mapping[int, str],
) -> list[Step]:
    """Return postings with their accounts in words."""
    return [
        Step(
            one,
            ledger_name(one.giver, accounts=accounts, projects=projects),
            ledger_name(one.taker, accounts=accounts, projects=projects),
        )
        for one in posted
    ]
