"""What must be true of a payment and of the books when everything has come to rest."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import func, select

from sampan.storage import schema
from tests.fault.lives import AMOUNT, FPS_ID, OPEN, PROJECT, Books, Inbox, Shop
from tests.fault.victim import MASTER_KEY
from tests.support.client import assert_good_callback
from tests.support.merchant import Received
from tests.support.verify import ledger_verify

WAITING: Final = "awaiting customer action"


async def payment_faults(
    shop: Shop,
    payment_id: str,
    status: str,
    *,
    project: int = PROJECT,
    shown: bool = True,
    link: bool = False,
) -> list[str]:
    """Say what is wrong with a payment that should have ended in `status`.

    `shown` tells that its merchant must have been sent the QR, or with `link` the link.
    """
    told = await shop.status(payment_id, project=project)
    faults = list(_answer_faults(told, status, wanted=["invoice", "sale"] if link else ["sale"]))
    faults += _row_faults(shop.books, payment_id, status)
    first = OPEN if link else WAITING
    faults += _callback_faults(shop.inbox, payment_id, (first, status), shown=shown)
    return [f"{payment_id}: {fault}" for fault in faults]


def _answer_faults(told: dict[str, Any], status: str, *, wanted: list[str]) -> Iterator[str]:
    if told["payment"]["status"] != status:
        yield f"stands in {told['payment']['status']}, not in {status}"
    kinds = [operation["type"] for operation in told["operations"]]
    if kinds != wanted:
        yield f"its operations are {kinds}"


def _row_faults(books: Books, payment_id: str, status: str) -> Iterator[str]:
    p, j, c, m = schema.payments, schema.journal, schema.callbacks, schema.credits
    found = books.rows(select(p.c.id, p.c.paid_minor).where(p.c.payment_id == payment_id))
    if len(found) != 1:
        yield f"{len(found)} payments of this id"
        return
    key, paid_minor = found[0]
    if books.count(j, j.c.payment == key, j.c.status_to == status, j.c.what != "alarm") != 1:
        yield f"did not move into {status} once"
    if books.count(j, j.c.payment == key, j.c.what == "alarm"):
        yield "raised an alarm"
    paid = status == "success"
    if paid_minor != (AMOUNT if paid else 0):
        yield f"paid {paid_minor}"
    credited = books.rows(select(m.c.status).where(m.c.payment == key))
    if credited != [("applied",)] * paid:
        yield f"its credits are {credited}"
    kinds = books.rows(select(c.c.kind, c.c.status, c.c.note).where(c.c.payment == key))
    for kind in ("intermediate", "link", "final"):
        if sum(row[0] == kind for row in kinds) > 1:
            yield f"more than one {kind} callback"
    for kind, state, note in kinds:
        if state != "delivered" and (state, "overtaken" in note) != ("dropped", True):
            yield f"its {kind} callback is {state}: {note}"


def _callback_faults(
    inbox: Inbox, payment_id: str, statuses: tuple[str, str], *, shown: bool
) -> Iterator[str]:
    early, late = (inbox.told(payment_id, status) for status in statuses)
    if shown and not early:
        yield "no intermediate callback arrived"
    if not late:
        yield "no final callback arrived"
    for some in (early, late):
        if len({one.headers["webhook-id"] for one in some}) > 1:
            yield "one fact was told under two ids"
        if len({_unsigned(one) for one in some}) > 1:
            yield "one fact was told in two ways"
    if early and late and early[-1].at_s > late[0].at_s:
        yield "an intermediate callback arrived after the final one"
    if len(early) + len(late) != len(inbox.of(payment_id)):
        yield "something else was told as well"
    for one in (*early, *late):
        try:
            # A platform whose clock is wrong stamps by it; whether stamps are fresh is no question.
            assert_good_callback(replace(one, clock_s=float(one.headers["webhook-timestamp"])))
        except Exception as error:  # noqa: BLE001 - whatever its verifier says is a fault
            yield f"a callback does not verify: {error!r}"


def _unsigned(one: Received) -> str:
    return str({name: value for name, value in one.body.items() if name != "signature"})


async def books_faults(shop: Shop) -> list[str]:
    """Say where the ledger, the payments and the bank disagree, and what is still unfinished."""
    books, lg, t = shop.books, schema.ledger, schema.bank_transfers
    faults = [f"left over: {left}"] if (left := books.unsettled()) else []
    amount = func.sum(lg.c.amount_minor)
    odd = books.rows(select(lg.c.posting).group_by(lg.c.posting).having(amount != 0))
    if odd:
        faults.append(f"postings out of balance: {odd}")
    balances = {
        account: int(total)
        for account, total in books.rows(select(lg.c.account, amount).group_by(lg.c.account))
    }
    paid = sum(int(row[0]) for row in books.rows(select(schema.payments.c.paid_minor)))
    moved = sum(int(row[0]) for row in books.rows(select(t.c.amount_minor)))
    held = balances.get(f"bank/sandbox/{FPS_ID}", 0)
    bank = await shop.bank_balance()
    if not bank == moved == held == paid:
        faults.append(f"bank {bank}, its transfers {moved}, our books {held}, payments {paid}")
    if balances.get(f"unapplied/sandbox/{FPS_ID}", 0):
        faults.append(f"money without a payment: {balances}")
    twice = select(t.c.reference).group_by(t.c.reference).having(func.count() != 1)
    if found := books.rows(twice):
        faults.append(f"transferred twice: {found}")
    proof = await asyncio.to_thread(ledger_verify, shop.home.url, MASTER_KEY)
    if not proof["ok"]:
        faults.append(f"sampan ledger verify: {proof}")
    return faults
