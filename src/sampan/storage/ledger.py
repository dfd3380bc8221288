"""The ledger's rows, and the sums that prove it."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    cast,
    func,
    insert,
    select,
)

from sampan.domain.ledger import Posting
from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Tx

_t = schema.ledger
_c = schema.credits
_INSERT = Statement(insert(_t))
_TXN_IDS = Statement(
    select(_c.c.bank_txn_id).where(
        _c.c.provider == bindparam("of_provider"), _c.c.account == bindparam("of_account")
    )
)


_OF_CREDIT = Statement(
    select(_t.c.posting, _t.c.account, _t.c.currency, _t.c.amount_minor, _t.c.posted_us)
    .where(_t.c.credit == bindparam("of_credit"))
    .order_by(_t.c.posted_us, _t.c.id)
)


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A posting about a credit, as money that goes from one account of the ledger to another."""

    posting: int
    posted_us: int
    currency: str
    amount_minor: int
    giver: str
    taker: str


class Balance(msgspec.Struct, frozen=True):
    """What stands on an account in a currency, signed minor units."""

    account: str
    currency: str
    amount_minor: int


def post(
    tx: Tx, posting: Posting, *, credit: int | None, now_us: int, reversal: int | None = None
) -> None:
    """Write a posting about a credit, a reversal, or both.

    Its lines must add up to zero: anything else is a bug of ours.
    """
    assert sum(line.amount_minor for line in posting) == 0  # noqa: S101 - our bug
    number = tx.new_id()
    for line in posting:
        tx.do(
            _INSERT,
            {
                "id": tx.new_id(),
                "posting": number,
                "account": line.account,
                "currency": line.currency,
                "amount_minor": line.amount_minor,
                "credit": credit,
                "posted_us": now_us,
                "reversal": reversal,
            },
        )


def of_credit(tx: Tx, credit: int) -> Sequence[Posted]:
    """Return the postings about a credit, the oldest first."""
    lines: dict[int, list[Row]] = {}
    for row in tx.all(_OF_CREDIT, {"of_credit": credit}):
        lines.setdefault(row[0], []).append(row)
    return [_posted(*sorted(pair, key=lambda row: int(row[3]))) for pair in lines.values()]


def _posted(less: Row, more: Row) -> Posted:
    # A positive line is what an account got of what the bank holds; waiting money stands negative.
    return Posted(
        posting=less[0],
        posted_us=less[4],
        currency=less[2],
        amount_minor=more[3],
        giver=more[1],
        taker=less[1],
    )


def balances(tx: Tx) -> Sequence[Balance]:
    """Return every account's balance by name and currency."""
    rows = tx.query(
        select(_t.c.account, _t.c.currency, _sum(_t.c.amount_minor))
        .group_by(_t.c.account, _t.c.currency)
        .order_by(_t.c.account, _t.c.currency)
    )
    return [Balance(*row) for row in rows]


def balances_of(tx: Tx, accounts: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return (account, currency) → signed minor units, of these accounts with a line at all."""
    rows = tx.query(
        select(_t.c.account, _t.c.currency, _sum(_t.c.amount_minor))
        .where(_t.c.account.in_(accounts))
        .group_by(_t.c.account, _t.c.currency)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def unbalanced(tx: Tx) -> Sequence[int]:
    """Return the numbers of postings whose lines do not add up to zero in each currency."""
    rows = tx.query(
        select(_t.c.posting)
        .group_by(_t.c.posting, _t.c.currency)
        .having(func.sum(_t.c.amount_minor) != 0)
    )
    return [row[0] for row in rows]


def credit_sums(tx: Tx) -> Sequence[tuple[str, str, str, str, int]]:
    """Return (provider, account, currency, status, sum in minor units) over all credits."""
    rows = tx.query(
        select(_c.c.provider, _c.c.account, _c.c.currency, _c.c.status, _sum(_c.c.amount_minor))
        .group_by(_c.c.provider, _c.c.account, _c.c.currency, _c.c.status)
        .order_by(_c.c.provider, _c.c.account, _c.c.currency, _c.c.status)
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def reversal_sums(tx: Tx) -> Sequence[tuple[str, str, str, int]]:
    """Return (provider, account, currency, sum) of what the bank took back and is not settled."""
    _r = schema.reversals
    rows = tx.query(
        select(_r.c.provider, _r.c.account, _r.c.currency, _sum(_r.c.amount_minor))
        .where(_r.c.status != "settled")
        .group_by(_r.c.provider, _r.c.account, _r.c.currency)
        .order_by(_r.c.provider, _r.c.account, _r.c.currency)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def paid_sums(tx: Tx) -> Sequence[tuple[int, str, int]]:
    """Return (project id, currency, sum paid in minor units) over all successful payments."""
    _p = schema.payments
    rows = tx.query(
        select(_p.c.project_id, _p.c.currency, _sum(_p.c.paid_minor))
        .where(_p.c.paid_minor > 0)
        .group_by(_p.c.project_id, _p.c.currency)
        .order_by(_p.c.project_id, _p.c.currency)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def applied_sums(tx: Tx) -> Sequence[tuple[int, str, int]]:
    """Return (project id, currency, sum in minor units) over all credits applied to payments."""
    _p = schema.payments
    rows = tx.query(
        select(_p.c.project_id, _c.c.currency, _sum(_c.c.amount_minor))
        .join_from(_c, _p, _c.c.payment == _p.c.id)
        .where(_c.c.status == "applied")
        .group_by(_p.c.project_id, _c.c.currency)
        .order_by(_p.c.project_id, _c.c.currency)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def txn_ids(tx: Tx, provider: str, *, account: str) -> frozenset[str]:
    """Return the bank's ids of all credits of an account at a bank."""
    rows = tx.all(_TXN_IDS, {"of_provider": provider, "of_account": account})
    return frozenset(row[0] for row in rows)


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    # PostgreSQL sums bigints as numeric; both engines shall give an integer.
    return cast(func.sum(column), BigInteger)
