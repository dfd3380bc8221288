"""What the bank took back: of which credit that was, or that people know what it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from sampan.dashboard import bank_accounts, credit_card
from sampan.dashboard.bank_accounts import BankAccount
from sampan.dashboard.credit_card import key_of, missing
from sampan.dashboard.credit_list import PATH
from sampan.dashboard.money_forms import Notice, decide, said_of
from sampan.dashboard.payments import number_of
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain import money_decisions as wanted
from sampan.domain.money_decisions import Wish
from sampan.domain.payment import Payment
from sampan.domain.rights import Right
from sampan.flow import credit_decisions, credit_views
from sampan.storage import credits as kept
from sampan.storage import payments, reversals
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from sampan.storage.reversals import Reversal

ONE: Final = f"{PATH}/reversals/{{key:key}}"
FITTING_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A reversal with the credits that it may take back."""

    reversal: Reversal
    credit: Credit | None
    fitting: Sequence[Credit]
    payments: Mapping[int, Payment]
    accounts: Sequence[BankAccount]
    needs_two: bool


async def one(visit: Visit) -> Response:
    """Show what the bank took back, and which money that may have been."""
    return await _shown(visit)


async def explain(visit: Visit) -> Response:
    """Say which credit it was."""
    key, credit = key_of(visit), number_of(visit.text("credit"))

    def wish(tx: Tx) -> Wish:
        credit_card.find_credit(tx, credit)
        return wanted.Explain(reversal=key, credit=credit)

    return await _made(visit, f"explain-{credit}", wish=wish)


async def note(visit: Visit) -> Response:
    """Note that people know what it is, and nothing more is to be done."""
    key = key_of(visit)
    return await _made(visit, "note", wish=lambda _: wanted.Note(reversal=key))


async def _made(visit: Visit, form: str, *, wish: Callable[[Tx], Wish]) -> Response:
    key = key_of(visit)
    await visit.desk.store.read(lambda tx: _find(tx, key))
    made = await decide(visit, form, wish=wish)
    if isinstance(made, Notice):
        return await _shown(visit, made)
    return visit.go(f"{PATH}/reversals/{key}", said=said_of(made, "reversal-done"))


async def _shown(visit: Visit, notice: Notice | None = None) -> Response:
    shown = await visit.desk.store.read(lambda tx: _read(visit, tx))
    reversal = shown.reversal
    in_error = notice if notice is not None and notice.at else None
    names = bank_accounts.names(shown.accounts)
    context = {
        "reversal": reversal,
        "shown": shown,
        "account": names.get((reversal.provider, reversal.account), reversal.account),
        "may_decide": Right.DECIDE_MONEY in visit.rights and reversal.status == "open",
        "notice": "" if notice is None or in_error else notice.text,
        "wrong": in_error,
        **credit_card.TABLES,
    }
    return visit.page("reversal.html", context, status=200 if notice is None else notice.status)


def _read(visit: Visit, tx: Tx) -> Shown:
    reversal = _find(tx, key_of(visit))
    free = credit_views.fitting(tx, reversal, most=FITTING_MAX)
    keys = sorted({one.payment for one in free if one.payment is not None})
    return Shown(
        reversal=reversal,
        credit=None if reversal.credit is None else kept.find(tx, reversal.credit),
        fitting=free,
        payments=payments.payments_by_keys(tx, keys) if keys else {},
        accounts=bank_accounts.every(visit, tx),
        needs_two=credit_decisions.needs_two(
            tx, wanted.Note(reversal=reversal.id), find_project=visit.desk.find_project
        ),
    )


def _find(tx: Tx, key: int) -> Reversal:
    found = reversals.find(tx, key)
    if found is None:
        raise missing()
    return found


WAYS: Final = (
    Way("GET", ONE, one, Right.CREDITS),
    Way("POST", f"{ONE}/explain", explain, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/note", note, Right.DECIDE_MONEY),
)
