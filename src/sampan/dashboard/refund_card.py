"""A refund: to whom, why, by whom; what became of it, and what may be said of it now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from sampan.dashboard import bank_accounts, credit_card, refund_story, refund_words
from sampan.dashboard.credit_card import key_of, missing
from sampan.dashboard.credit_new import ID_CHARS_MAX, NO_ID
from sampan.dashboard.money_forms import Notice, carried_out, step_of, typed_why
from sampan.dashboard.refund_list import PATH, SECTION
from sampan.dashboard.told import people_names
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.payment import Payment
from sampan.domain.refunds import NEXT, Act
from sampan.domain.rights import Right
from sampan.flow import refund_records
from sampan.flow.refund_records import FILE_PREFIX
from sampan.storage import credits as kept
from sampan.storage import decisions, payments, refunds, users
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.refunds import Refund, RefundFile

ONE: Final = f"{PATH}/{{key:key}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """All that a card shows. `can` is what may be said of the refund as it stands."""

    refund: Refund
    credit: Credit
    payment: Payment | None
    decision: Decision | None
    file: RefundFile | None
    entries: tuple[Entry, ...]
    can: frozenset[Act]
    account: str
    people: Mapping[str, str]


async def card(visit: Visit) -> Response:
    """Show a refund with everything that is known of it."""
    return await _shown(visit)


async def withdraw(visit: Visit) -> Response:
    """Give up a refund that no bank was asked for."""
    key, step = key_of(visit), step_of(visit)
    return await _noted(
        visit, Act.WITHDRAW, change=lambda tx: refund_records.withdraw(tx, key, step=step)
    )


async def confirm(visit: Visit) -> Response:
    """Note that the bank has paid it, with the bank's id where the person has one."""
    key, step, txn = key_of(visit), step_of(visit), visit.text("bank_txn_id")
    plain = txn.isascii() and txn.isprintable() and " " not in txn and len(txn) <= ID_CHARS_MAX
    if not plain:
        await visit.desk.store.read(lambda tx: _find(tx, key))
        return await _shown(visit, Notice(text="", status=400, at=Act.CONFIRM.value), fault=NO_ID)

    def change(tx: Tx) -> Refund:
        return refund_records.confirm(tx, key, bank_txn_id=txn, step=step)

    return await _noted(visit, Act.CONFIRM, change=change)


async def fail(visit: Visit) -> Response:
    """Note that the bank has not paid it, and will not."""
    key, step = key_of(visit), step_of(visit)
    return await _noted(visit, Act.FAIL, change=lambda tx: refund_records.fail(tx, key, step=step))


async def come_back(visit: Visit) -> Response:
    """Note that its money is on the account again."""
    key, step = key_of(visit), step_of(visit)
    return await _noted(
        visit, Act.COME_BACK, change=lambda tx: refund_records.come_back(tx, key, step=step)
    )


async def _noted(visit: Visit, act: Act, *, change: Callable[[Tx], Refund]) -> Response:
    key = key_of(visit)
    await visit.desk.store.read(lambda tx: _find(tx, key))
    made = await carried_out(visit, act.value, change=change)
    if isinstance(made, Notice):
        return await _shown(visit, made)
    return visit.go(f"{PATH}/{key}", said="refund-noted")


async def _shown(visit: Visit, notice: Notice | None = None, *, fault: str = "") -> Response:
    shown = await visit.desk.store.read(lambda tx: _read(visit, tx))
    refund = shown.refund
    in_error = notice if notice is not None and notice.at else None
    context: dict[str, Any] = {
        "shown": shown,
        "refund": refund,
        "credit": shown.credit,
        "reference": refund_records.reference_of(refund),
        "line": refund_story.line(
            refund,
            shown.entries,
            decision=shown.decision,
            file=shown.file,
            people=shown.people,
        ),
        "path": SECTION,
        "prefix": FILE_PREFIX,
        "suffixes": refund_words.SUFFIXES,
        "refund_statuses": refund_words.STATUSES,
        "kinds": refund_words.KINDS,
        "may_decide": Right.DECIDE_MONEY in visit.rights,
        "bank_txn_id": visit.text("bank_txn_id")[:ID_CHARS_MAX] if in_error else "",
        "id_fault": fault,
        "typed_why": typed_why(visit) if fault else "",
        "notice": "" if notice is None or in_error else notice.text,
        "wrong": in_error,
        **credit_card.TABLES,
    }
    return visit.page("refund.html", context, status=200 if notice is None else notice.status)


def _read(visit: Visit, tx: Tx) -> Shown:
    refund = _find(tx, key_of(visit))
    credit = kept.find(tx, refund.credit)
    assert credit is not None  # noqa: S101 - a foreign key keeps it
    can = {act for status, act in NEXT if status is refund.status} - {Act.EXPORT}
    if not refund_records.can_pay(tx, refund):
        can -= {Act.CONFIRM}
    made = [
        one
        for one in decisions.about(tx, credit=refund.credit)
        if one.what == "refund" and one.status == "done" and one.ended_us == refund.created_us
    ]
    named = bank_accounts.names(bank_accounts.every(visit, tx))
    return Shown(
        refund=refund,
        credit=credit,
        payment=None if refund.payment is None else payments.payment_by_key(tx, refund.payment),
        decision=made[0] if len(made) == 1 else None,
        file=None if refund.file is None else refunds.find_file(tx, refund.file),
        entries=tuple(refund_records.story(tx, refund)),
        can=frozenset(can),
        account=named.get((refund.provider, refund.account), refund.account),
        people=people_names(users.every(tx)),
    )


def _find(tx: Tx, key: int) -> Refund:
    found = refunds.find(tx, key)
    if found is None:
        raise missing()
    return found


WAYS: Final = (
    Way("GET", ONE, card, Right.CREDITS),
    Way("POST", f"{ONE}/withdraw", withdraw, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/confirm", confirm, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/fail", fail, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/come-back", come_back, Right.DECIDE_MONEY),
)
