"""Decisions that wait for a second person: seen, approved, turned down."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sampan.dashboard import bank_accounts, credit_card, credit_words, refund_words
from sampan.dashboard.bank_accounts import BankAccount
from sampan.dashboard.credit_card import key_of, missing
from sampan.dashboard.credit_list import PATH
from sampan.dashboard.money_forms import Notice, ToldError, carried_out, step_of
from sampan.dashboard.told import people_names
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.money_decisions import Enter, Refund, payments_of
from sampan.domain.payment import Payment
from sampan.domain.refunds import Doubt, doubts
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import credit_decisions
from sampan.storage import credits as kept
from sampan.storage import decisions, payments, users
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.web.i18n import mark

ONE: Final = f"{PATH}/decisions/{{key:key}}"
YOURS: Final = mark("You proposed it, so somebody else has to approve it.")
IMPOSSIBLE: Final = mark(
    "It cannot be carried out as things stand now. Nothing has changed; turn it down if it is over."
)


class Shown(NamedTuple):
    """A decision with what it is about."""

    decision: Decision
    credit: Credit | None
    payments: list[Payment]
    accounts: list[BankAccount]
    people: dict[str, str]


async def one(visit: Visit) -> Response:
    """Show a decision, and the forms that end it while it waits."""
    return await _shown(visit)


async def approve(visit: Visit) -> Response:
    """Carry a proposal out, as another person than the one who made it."""

    def change(tx: Tx) -> Decision:
        decision = _find(tx, key_of(visit))
        if decision.by == visit.by and decision.status == "proposed":
            raise ToldError(YOURS)
        try:
            return credit_decisions.approve(
                tx, decision.id, find_project=visit.desk.find_project, step=step_of(visit)
            )
        except Refusal as refusal:
            # What it names is there for good; only what can be decided about it changes.
            raise ToldError(IMPOSSIBLE) from refusal

    return await _ended(visit, f"approve-{key_of(visit)}", change=change)


async def refuse(visit: Visit) -> Response:
    """End a proposal without carrying it out."""

    def change(tx: Tx) -> Decision:
        decision = _find(tx, key_of(visit))
        return credit_decisions.turn_down(tx, decision.id, step=step_of(visit))

    return await _ended(visit, f"refuse-{key_of(visit)}", change=change)


async def _ended(visit: Visit, form: str, *, change: Callable[[Tx], Decision]) -> Response:
    await visit.desk.store.read(lambda tx: _find(tx, key_of(visit)))
    made = await carried_out(visit, form, change=change)
    if isinstance(made, Notice):
        return await _shown(visit, made)
    said = {"done": "approved"}.get(made.status, made.status)
    if made.credit is not None:
        return visit.go(f"{PATH}/{made.credit}", said=f"decision-{said}")
    return visit.go(f"{PATH}/decisions/{made.id}", said=f"decision-{said}")


async def _shown(visit: Visit, notice: Notice | None = None) -> Response:
    shown = await visit.desk.store.read(lambda tx: _read(visit, tx))
    decision = shown.decision
    in_error = notice if notice is not None and notice.at else None
    entered = decision.asked if isinstance(decision.asked, Enter) else None
    refund = decision.asked if isinstance(decision.asked, Refund) else None
    context: dict[str, Any] = {
        "decision": decision,
        "shown": shown,
        "entered": entered,
        "payee": refund.payee if refund else None,
        "doubts": _doubts(shown.credit, refund) if refund and shown.credit else (),
        "kinds": refund_words.KINDS,
        "account_names": bank_accounts.names(shown.accounts),
        "parts_asked": getattr(decision.asked, "parts", ()),
        "by_key": {payment.key: payment for payment in shown.payments},
        "me": visit.by,
        "may_decide": Right.DECIDE_MONEY in visit.rights,
        "notice": "" if notice is None or in_error else notice.text,
        "wrong": in_error,
        "decided": credit_words.DECIDED,
        **credit_card.TABLES,
    }
    return visit.page("decision.html", context, status=200 if notice is None else notice.status)


def _doubts(credit: Credit, refund: Refund) -> tuple[Doubt, ...]:
    return doubts(refund.payee, payer_name=credit.payer_name, payer_account=credit.payer_account)


def _read(visit: Visit, tx: Tx) -> Shown:
    decision = _find(tx, key_of(visit))
    keys = {*payments_of(decision.asked), decision.payment}
    found = payments.payments_by_keys(tx, sorted(key for key in keys if key)) if any(keys) else {}
    return Shown(
        decision,
        None if decision.credit is None else kept.find(tx, decision.credit),
        list(found.values()),
        list(bank_accounts.every(visit, tx)),
        people_names(users.every(tx)),
    )


def _find(tx: Tx, key: int) -> Decision:
    found = decisions.find(tx, key)
    if found is None:
        raise missing()
    return found


WAYS: Final = (
    Way("GET", ONE, one, Right.CREDITS),
    Way("POST", f"{ONE}/approve", approve, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/refuse", refuse, Right.DECIDE_MONEY),
)
