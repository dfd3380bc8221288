"""Money that the bank says arrived, and the notices already taken in."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx

_t = schema.credits
_i = schema.inbox


def _take(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_i).on_conflict_do_nothing()


_TAKE = Statement(_take)
_INSERT = Statement(insert(_t))
_ONE = Statement(select(_t).where(_t.c.id == bindparam("key")))
_HELD = Statement(
    select(_t)
    .where(_t.c.payment == bindparam("key"), or_(_t.c.status == "held", _t.c.status == "unapplied"))
    .order_by(_t.c.received_us, _t.c.id)
)
# By time, then id: ids of one process or thread grow, those of several may interleave.
_OF_PAYMENT = Statement(
    select(_t).where(_t.c.payment == bindparam("key")).order_by(_t.c.received_us, _t.c.id)
)
_NEWEST_OF_PAYMENT = Statement(
    select(_t)
    .where(_t.c.payment == bindparam("key"))
    .order_by(_t.c.received_us.desc(), _t.c.id.desc())
    .limit(bindparam("most"))
)
_SET = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == bindparam("status_from"))
    .values(
        status=bindparam("status_to"), payment=bindparam("payment"), updated_us=bindparam("now_us")
    )
)


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A credit as kept: `status` unapplied, held (for a payment), applied or returned."""

    id: int
    provider: str
    account: str
    bank_txn_id: str
    status: str
    amount_minor: int
    currency: str
    reference: str
    payer_name: str
    payment: int | None
    booked_us: int
    received_us: int
    updated_us: int


def _credit(row: Row) -> Credit:
    return Credit(**dict(zip(Credit.__struct_fields__, row, strict=True)))


def take_notice(tx: Tx, provider: str, account: str, *, notice_id: str, now_us: int) -> bool:
    """Remember a notice; False when it was taken before: the same money, nothing to do."""
    return (
        tx.run(
            _TAKE,
            {
                "provider": provider,
                "account": account,
                "notice_id": notice_id,
                "received_us": now_us,
            },
        )
        == 1
    )


def insert_credit(tx: Tx, credit: Credit) -> None:
    """Insert a credit. Raises `Conflict` when the bank's id is known for the account."""
    tx.do(_INSERT, {name: getattr(credit, name) for name in Credit.__struct_fields__})


def find(tx: Tx, credit_id: int) -> Credit | None:
    """Return a credit."""
    row = tx.one(_ONE, {"key": credit_id})
    return _credit(row) if row else None


def waiting_of_payment(tx: Tx, payment_key: int) -> Sequence[Credit]:
    """Return the credits of a payment that are neither applied nor returned, oldest first."""
    return [_credit(row) for row in tx.all(_HELD, {"key": payment_key})]


def of_payment(tx: Tx, payment_key: int) -> Sequence[Credit]:
    """Return every credit that was matched to a payment, oldest first."""
    return [_credit(row) for row in tx.all(_OF_PAYMENT, {"key": payment_key})]


def newest_of_payment(tx: Tx, payment_key: int, *, most: int) -> Sequence[Credit]:
    """Return the newest credits that were matched to a payment, oldest first."""
    rows = tx.all(_NEWEST_OF_PAYMENT, {"key": payment_key, "most": most})
    return [_credit(row) for row in reversed(rows)]


def booked(tx: Tx, payment_keys: Sequence[int]) -> dict[int, int]:
    """Return when the bank booked what was applied to each of these payments, the last of it."""
    # Of all statuses: asked for one, SQLite would walk through all credits of it instead.
    rows = tx.query(
        select(_t.c.payment, _t.c.booked_us, _t.c.status)
        .where(_t.c.payment.in_(payment_keys))
        .order_by(_t.c.booked_us)
    )
    return {row[0]: row[1] for row in rows if row[2] == "applied"}


def listing(tx: Tx, *, status: str | None, most: int) -> Sequence[Credit]:
    """Return the newest credits, optionally of one status."""
    chosen = select(_t).order_by(_t.c.id.desc()).limit(most)
    if status is not None:
        chosen = chosen.where(_t.c.status == status)
    return [_credit(row) for row in tx.query(chosen)]


def unapplied(tx: Tx, *, most: int) -> Sequence[tuple[str, int, int]]:
    """Return (currency, count, sum) of what belongs to no payment; of the oldest `most` only."""
    waiting = select(_t.c.currency, _t.c.amount_minor).where(_t.c.status == "unapplied")
    oldest = waiting.order_by(_t.c.id).limit(most).subquery().c
    sums = (func.count(), func.sum(oldest.amount_minor))
    rows = tx.query(
        select(oldest.currency, *sums).group_by(oldest.currency).order_by(oldest.currency)
    )
    return [(row[0], int(row[1]), int(row[2])) for row in rows]


def move(tx: Tx, before: Credit, after: Credit) -> bool:
    """Write status and payment of a credit if it still stands as `before`; else False."""
    return (
        tx.run(
            _SET,
            {
                "key": before.id,
                "status_from": before.status,
                "status_to": after.status,
                "payment": after.payment,
                "now_us": after.updated_us,
            },
        )
        == 1
    )
