"""What the bank can do with an order, and the books and notices that follow from it.

A scenario belongs to an order and says what happens when its payer confirms; an action is what
somebody asks for now. Both come down to a deed: how it differs from plain, prompt payment.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from sampan.clock import SECOND_US
from sampan.domain.codes import Code
from sampan.storage import bank as rows
from sampan.storage.engine import Tx

LATE_US: Final = SECOND_US
"""How long after the end of all grace a late notice is said."""
OUT_OF_ORDER_US: Final = SECOND_US
"""How long after the newer notice the older one is said."""
CHANGE_MINOR: Final = 100
"""How much more or less than asked is paid; half of the amount where it is no more than this."""
PAYER_NAME: Final = "CHAN TAI MAN"


class Scenario(StrEnum):
    """What happens when the payer of an order confirms; `docs/providers.md` describes each."""

    BY_AMOUNT = "by_amount"
    LATE = "late"
    TWICE = "twice"
    SHORT = "short"
    OVER = "over"
    REFUSED = "refused"
    SILENT = "silent"
    NOTICE_REPEATED = "notice_repeated"
    NOTICE_OUT_OF_ORDER = "notice_out_of_order"
    BANK_SLOW = "bank_slow"
    BANK_DOWN = "bank_down"
    WRONG_CURRENCY = "wrong_currency"


class Action(StrEnum):
    """What a payer, or a test in the payer's place, does with a QR."""

    PAY = "pay"
    REFUSE = "refuse"
    SHORT = "short"
    OVER = "over"
    LATE = "late"
    TWICE = "twice"
    WRONG_CURRENCY = "wrong-currency"


class ActResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an action did: the order's status now, money booked by this action, notices written.

    `amount_minor` is the sum of the action's transfers, 0 for a refusal. `notices_count` counts
    every delivery to come; the first is due at `notice_due_us`, None when nothing will be said.
    """

    status: str
    amount_minor: int
    currency: str
    notices_count: int
    notice_due_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """How something differs from one transfer of the asked amount with one notice at once.

    `refusal` is the code of a refusal in place of money; `late` and `silent` are about the notice;
    `old_refusal` adds one that was overtaken by the money.
    """

    refusal: str = ""
    change_minor: int = 0
    transfers_count: int = 1
    copies_count: int = 1
    other_currency: bool = False
    late: bool = False
    silent: bool = False
    old_refusal: bool = False


_PLAIN: Final = Deed()
_DECLINED: Final = Deed(refusal=Code.DECLINED_BY_PROVIDER)
_CANCELLED: Final = Deed(refusal=Code.CANCELLED_BY_CUSTOMER)
_LESS: Final = Deed(change_minor=-CHANGE_MINOR)
_MORE: Final = Deed(change_minor=CHANGE_MINOR)
_LATE: Final = Deed(late=True)
_TWICE: Final = Deed(transfers_count=2)
_OTHER_CURRENCY: Final = Deed(other_currency=True)

_BY_AMOUNT: Final = {40_000: _DECLINED, 40_400: _DECLINED, 90_000: _LESS}
"""Amount → deed under `by_amount`; every other amount is plain."""

_BY_SCENARIO: Final[dict[str, Deed]] = {
    Scenario.LATE: _LATE,
    Scenario.TWICE: _TWICE,
    Scenario.SHORT: _LESS,
    Scenario.OVER: _MORE,
    Scenario.REFUSED: _CANCELLED,
    Scenario.SILENT: Deed(silent=True),
    Scenario.NOTICE_REPEATED: Deed(copies_count=3),
    Scenario.NOTICE_OUT_OF_ORDER: Deed(old_refusal=True),
    Scenario.BANK_SLOW: _PLAIN,
    Scenario.BANK_DOWN: _PLAIN,
    Scenario.WRONG_CURRENCY: _OTHER_CURRENCY,
}

_BY_ACTION: Final[dict[Action, Deed]] = {
    Action.REFUSE: _CANCELLED,
    Action.SHORT: _LESS,
    Action.OVER: _MORE,
    Action.LATE: _LATE,
    Action.TWICE: _TWICE,
    Action.WRONG_CURRENCY: _OTHER_CURRENCY,
}

_SWAP: Final = {"HKD": "CNY", "CNY": "HKD"}


def deed(order: rows.Order, action: Action = Action.PAY) -> Deed:
    """Return what an action means for an order; only `pay` asks for the order's scenario."""
    if action is not Action.PAY:
        return _BY_ACTION[action]
    if order.scenario == Scenario.BY_AMOUNT:
        return _BY_AMOUNT.get(order.amount_minor, _PLAIN)
    return _BY_SCENARIO[order.scenario]


def fault(order: rows.Order, action: Action, *, now_us: int) -> str | None:
    """Say why the bank will not do an action, None when it will.

    `late` is always done. Other named actions play a bank that breaks its rules, so expiry stops
    only `pay`.
    """
    if action is Action.LATE:
        return None
    if order.status == "refused":
        return "the order was refused"
    if action is Action.REFUSE and order.status == "paid":
        return "the order is paid"
    if action is Action.PAY and now_us >= order.expires_us:
        return "the QR has expired"
    return None


def carry_out(
    tx: Tx, order: rows.Order, *, done: Deed, now_us: int, payer_name: str = PAYER_NAME
) -> ActResult:
    """Book a deed and write its notices, in one transaction. A repeat is another deed."""
    if done.refusal:
        rows.set_status(tx, order.reference, status="refused")
        body = _refusal_body(tx, order, code=done.refusal)
        rows.add_notice(tx, _notice(tx, body, due_us=now_us), now_us=now_us)
        return _result("refused", order.currency, total_minor=0, count=1, due_us=now_us)
    rows.set_status(tx, order.reference, status="paid")
    due_us = max(now_us, order.closes_us + LATE_US) if done.late else now_us
    currency = _SWAP[order.currency] if done.other_currency else order.currency
    total_minor = count = 0
    for _ in range(done.transfers_count):
        transfer = rows.Transfer(
            id=tx.new_id(),
            fps_id=order.fps_id,
            reference=order.reference,
            amount_minor=_changed(order.amount_minor, done.change_minor),
            currency=currency,
            payer_name=payer_name,
            booked_us=now_us,
        )
        rows.book_transfer(tx, transfer)
        total_minor += transfer.amount_minor
        if not done.silent:
            notice = _notice(tx, _credit_body(order, transfer), due_us=due_us)
            notice = msgspec.structs.replace(notice, copies_count=done.copies_count)
            rows.add_notice(tx, notice, now_us=now_us)
            count += done.copies_count
    if done.old_refusal:
        body = _refusal_body(tx, order, code=Code.CANCELLED_BY_CUSTOMER)
        rows.add_notice(tx, _notice(tx, body, due_us=due_us + OUT_OF_ORDER_US), now_us=now_us)
        count += 1
    said_us = due_us if count else None
    return _result("paid", currency, total_minor=total_minor, count=count, due_us=said_us)


def _changed(amount_minor: int, change_minor: int) -> int:
    """Return the amount that is really paid: never nothing, and never less than nothing."""
    if change_minor < 0 and amount_minor <= -change_minor:
        return max(1, amount_minor // 2)
    return amount_minor + change_minor


def _credit_body(order: rows.Order, transfer: rows.Transfer) -> str:
    return _body(
        {
            "type": "credit",
            "account": transfer.fps_id,
            "bank_txn_id": rows.txn_id(transfer),
            "amount_minor": transfer.amount_minor,
            "currency": transfer.currency,
            # A bank tells the payee what the payer's app read, and that app read no reference.
            "reference": "" if order.reference_mode == "none" else order.reference,
            "booked_us": transfer.booked_us,
            "payer_name": transfer.payer_name,
        }
    )


def _refusal_body(tx: Tx, order: rows.Order, *, code: str) -> str:
    return _body(
        {
            "type": "refusal",
            "account": order.fps_id,
            "notice_id": f"RF{tx.new_id()}",
            "reference": order.reference,
            "code": code,
        }
    )


def _body(notice: dict[str, str | int]) -> str:
    return msgspec.json.encode({"notices": [notice]}).decode()


def _notice(tx: Tx, body: str, *, due_us: int) -> rows.Notice:
    return rows.Notice(id=tx.new_id(), body=body, due_us=due_us)


def _result(
    status: str, currency: str, *, total_minor: int, count: int, due_us: int | None
) -> ActResult:
    return ActResult(
        status=status,
        amount_minor=total_minor,
        currency=currency,
        notices_count=count,
        notice_due_us=due_us,
    )
