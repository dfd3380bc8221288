"""The sandbox bank's own books: accounts, orders, transfers and notices.

They share the database with the platform and nothing else: no foreign key leads out of them and no
other file touches these tables. A notice is open (`due_us` is when to say it, or the end of the
lease of who is saying it) → delivered.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, case, func, insert, literal_column, null, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.money import DECIMALS
from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx

_accounts = schema.bank_accounts
_orders = schema.bank_orders
_transfers = schema.bank_transfers
_notices = schema.bank_notices

WAKE: Final = "bank"
"""What `Store.on_wake` is told after a commit that left the bank something to say or to pay."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A payee's account at the bank, named by its FPS id."""

    fps_id: str
    name: str
    name_zh: str
    created_us: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A QR that the bank has issued. Money in minor units, times in microseconds UTC.

    `status` is open, paid or refused. `reference_mode` says where the QR carries the reference.
    With `autopay_due_us` the bank pays by itself then; None when it never will or has done so.
    `tries_count` counts the requests that a bank which is down has left without an answer.
    """

    reference: str
    fps_id: str
    payload: str
    reference_mode: str
    amount_minor: int
    currency: str
    scenario: str
    status: str
    expires_us: int
    closes_us: int
    autopay_ms: int
    autopay_due_us: int | None
    tries_count: int
    created_us: int


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Money in (positive minor units) on an account; `id` is given by `Tx.new_id`."""

    id: int
    fps_id: str
    reference: str
    amount_minor: int
    currency: str
    payer_name: str
    booked_us: int


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to be said. `attempts_count` counts the claims and names the lease.

    `body` is the JSON as it will be sent, `copies_count` how often it is still to be delivered.
    """

    id: int
    body: str
    due_us: int
    attempts_count: int = 0
    copies_count: int = 1


def _put(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_orders).on_conflict_do_nothing()


def _open(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    made = make(_accounts)
    return made.on_conflict_do_update(
        index_elements=["fps_id"],
        set_={"name": made.excluded.name, "name_zh": made.excluded.name_zh},
    )


def _claim(dialect: str) -> Buildable:
    due = (
        select(_notices.c.id)
        .where(_notices.c.status == "open", _notices.c.due_us <= bindparam("now_us"))
        .order_by(_notices.c.due_us, _notices.c.id)
        .limit(bindparam("most"))
    )
    if dialect != "sqlite":
        due = due.with_for_update(skip_locked=True)
    return (
        update(_notices)
        .where(_notices.c.id.in_(due.scalar_subquery()))
        .values(due_us=bindparam("lease_until_us"), attempts_count=_notices.c.attempts_count + 1)
        .returning(*(_notices.c[name] for name in Notice.__struct_fields__))
    )


def _take_autopay(dialect: str) -> Buildable:
    due = (
        select(_orders.c.reference)
        .where(_orders.c.autopay_due_us <= bindparam("now_us"))
        .order_by(_orders.c.autopay_due_us)
        .limit(bindparam("most"))
    )
    if dialect != "sqlite":
        due = due.with_for_update(skip_locked=True)
    return (
        update(_orders)
        .where(_orders.c.reference.in_(due.scalar_subquery()))
        .values(autopay_due_us=null())
        .returning(*_orders.c)
    )


_ACCOUNT = Statement(select(_accounts).where(_accounts.c.fps_id == bindparam("of_fps_id")))
_OPEN = Statement(_open)
_PUT = Statement(_put)
_ORDER = Statement(select(_orders).where(_orders.c.reference == bindparam("of_reference")))
_ORDER_HELD = Statement(
    select(_orders).where(_orders.c.reference == bindparam("of_reference")).with_for_update()
)
_BY_PAYLOAD = Statement(
    select(_orders)
    .where(
        _orders.c.payload == bindparam("of_payload"),
        # A literal, for a parameter would keep SQLite from using the partial index.
        _orders.c.reference_mode == literal_column("'none'"),
    )
    .order_by(_orders.c.created_us.desc())
    .limit(1)
)
_STATUS = Statement(
    update(_orders)
    .where(_orders.c.reference == bindparam("of_reference"))
    .values(status=bindparam("status_to"), autopay_due_us=null())
)
_TRY = Statement(
    update(_orders)
    .where(_orders.c.reference == bindparam("of_reference"))
    .values(tries_count=_orders.c.tries_count + 1)
)
_ARM = Statement(
    update(_orders)
    .where(_orders.c.reference == bindparam("of_reference"))
    .values(autopay_due_us=bindparam("pay_us"))
)
_TAKE_AUTOPAY = Statement(_take_autopay)
_BOOK = Statement(insert(_transfers))
_BALANCES = Statement(
    select(_transfers.c.currency, func.sum(_transfers.c.amount_minor))
    .where(_transfers.c.fps_id == bindparam("of_fps_id"))
    .group_by(_transfers.c.currency)
)
_SUMS = Statement(
    select(_transfers.c.fps_id, _transfers.c.currency, func.sum(_transfers.c.amount_minor))
    .group_by(_transfers.c.fps_id, _transfers.c.currency)
    .order_by(_transfers.c.fps_id, _transfers.c.currency)
)
_TRANSFERS = Statement(
    select(_transfers)
    .where(_transfers.c.fps_id == bindparam("of_fps_id"))
    .order_by(_transfers.c.id)
)
_SAID = Statement(select(_notices.c.body).where(_notices.c.status == "delivered"))
_ADD = Statement(insert(_notices))
_CLAIM = Statement(_claim)
_FINISH = Statement(
    update(_notices)
    .where(_notices.c.id == bindparam("key"), _notices.c.attempts_count == bindparam("attempt"))
    .values(
        status=bindparam("status_to"), due_us=bindparam("next_us"), copies_count=bindparam("copies")
    )
)
_HURRY = Statement(
    update(_notices)
    .where(_notices.c.status == "open", _notices.c.created_us > bindparam("now_us"))
    .values(
        due_us=case(
            (_notices.c.attempts_count > 0, bindparam("now_us", type_=schema.Int)),
            else_=_notices.c.due_us - _notices.c.created_us + bindparam("now_us", type_=schema.Int),
        )
    )
)
_NEXT_NOTICE = Statement(select(func.min(_notices.c.due_us)).where(_notices.c.status == "open"))
_NEXT_AUTOPAY = Statement(
    select(func.min(_orders.c.autopay_due_us)).where(_orders.c.autopay_due_us.is_not(None))
)


def _order(row: Row) -> Order:
    return Order(**dict(zip(Order.__struct_fields__, row, strict=True)))


def find_account(tx: Tx, fps_id: str) -> Account | None:
    """Return an account, None when there is none."""
    row = tx.one(_ACCOUNT, {"of_fps_id": fps_id})
    return Account(**dict(zip(Account.__struct_fields__, row, strict=True))) if row else None


def open_account(tx: Tx, account: Account) -> None:
    """Open an account; one that exists takes the new names and keeps everything else."""
    # Most orders are for a known account: reading first spares them a write to one hot row.
    known = find_account(tx, account.fps_id)
    if known is None or (known.name, known.name_zh) != (account.name, account.name_zh):
        tx.run(_OPEN, {name: getattr(account, name) for name in Account.__struct_fields__})


def put_order(tx: Tx, order: Order) -> Order:
    """Write an order and return it; when its reference is known, return the first one unchanged."""
    if tx.run(_PUT, {name: getattr(order, name) for name in Order.__struct_fields__}) == 1:
        if order.autopay_due_us is not None:
            tx.wake(WAKE)
        return order
    first = find_order(tx, order.reference)
    assert first is not None, "orders are never deleted"  # noqa: S101 - our bug
    return first


def find_order(tx: Tx, reference: str, *, held: bool = False) -> Order | None:
    """Return an order; `held` keeps others from changing it until the transaction ends."""
    row = tx.one(_ORDER_HELD if held else _ORDER, {"of_reference": reference})
    return _order(row) if row else None


def find_order_by_payload(tx: Tx, payload: str) -> Order | None:
    """Return the newest order whose QR has this text and carries no reference."""
    row = tx.one(_BY_PAYLOAD, {"of_payload": payload})
    return _order(row) if row else None


def set_status(tx: Tx, reference: str, *, status: str) -> None:
    """Write an order's status; what is paid or refused is no longer paid by the bank itself."""
    tx.run(_STATUS, {"of_reference": reference, "status_to": status})


def count_try(tx: Tx, reference: str) -> None:
    """Count a request that the bank leaves without an answer."""
    tx.run(_TRY, {"of_reference": reference})


def arm_autopay(tx: Tx, reference: str, *, due_us: int) -> None:
    """Let the bank pay an order by itself at `due_us`."""
    tx.run(_ARM, {"of_reference": reference, "pay_us": due_us})
    tx.wake(WAKE)


def take_autopays(tx: Tx, *, now_us: int, most: int) -> Sequence[Order]:
    """Take up to `most` orders that the bank is to pay by now; each is returned only once."""
    return [_order(row) for row in tx.all(_TAKE_AUTOPAY, {"now_us": now_us, "most": most})]


def book_transfer(tx: Tx, transfer: Transfer) -> None:
    """Book money on an account. Booked money is never changed. Raises `Conflict` for a used id."""
    tx.run(_BOOK, {name: getattr(transfer, name) for name in Transfer.__struct_fields__})


def balances(tx: Tx, fps_id: str) -> dict[str, int]:
    """Return currency → sum of all transfers in minor units; 0 where there are none."""
    sums = dict.fromkeys(DECIMALS, 0)
    for currency, total in tx.all(_BALANCES, {"of_fps_id": fps_id}):
        sums[currency] = int(total)
    return sums


def sums(tx: Tx) -> Sequence[tuple[str, str, int]]:
    """Return (FPS id, currency, sum of all transfers in minor units) of every account in use."""
    return [(row[0], row[1], int(row[2])) for row in tx.all(_SUMS, {})]


def transfers_of(tx: Tx, fps_id: str) -> Sequence[Transfer]:
    """Return every transfer on an account, oldest first."""
    return [
        Transfer(**dict(zip(Transfer.__struct_fields__, row, strict=True)))
        for row in tx.all(_TRANSFERS, {"of_fps_id": fps_id})
    ]


def txn_id(transfer: Transfer) -> str:
    """Return the name by which notices tell of a transfer."""
    return f"FT{transfer.id}"


def txn_ids_delivered(tx: Tx) -> frozenset[str]:
    """Return the names of all transfers of which a notice was delivered, at every account."""
    told = (msgspec.json.decode(row[0])["notices"] for row in tx.all(_SAID, {}))
    return frozenset(each["bank_txn_id"] for some in told for each in some if "bank_txn_id" in each)


def add_notice(tx: Tx, notice: Notice, *, now_us: int) -> None:
    """Write a notice in the transaction that makes it true; the bank is woken after the commit."""
    tx.run(
        _ADD,
        {name: getattr(notice, name) for name in Notice.__struct_fields__}
        | {"status": "open", "created_us": now_us},
    )
    tx.wake(WAKE)


def claim_notices(tx: Tx, *, now_us: int, lease_until_us: int, most: int) -> Sequence[Notice]:
    """Claim up to `most` due notices until `lease_until_us`, the longest due first.

    Nobody else gets them before the lease ends; who dies leaves them to be claimed again.
    """
    rows = tx.all(_CLAIM, {"now_us": now_us, "lease_until_us": lease_until_us, "most": most})
    claimed = [Notice(**dict(zip(Notice.__struct_fields__, row, strict=True))) for row in rows]
    # RETURNING promises no order. Ids grow with time within a process.
    return sorted(claimed, key=lambda notice: notice.id)


def finish_notice(tx: Tx, notice: Notice, *, copies_count: int, next_us: int) -> bool:
    """End a claim: `copies_count` are still to be delivered from `next_us` on, none when 0.

    Returns False and changes nothing when the lease was lost to another worker.
    """
    changed = tx.run(
        _FINISH,
        {
            "key": notice.id,
            "attempt": notice.attempts_count,
            "status_to": "open" if copies_count else "delivered",
            "next_us": next_us,
            "copies": copies_count,
        },
    )
    return changed == 1


def hurry_notices(tx: Tx, *, now_us: int) -> None:
    """After the clock was set back: what was written later than now does not wait for that time.

    Notices that were being said are due at once, others wait as long as they were to.
    """
    tx.run(_HURRY, {"now_us": now_us})


def next_due_us(tx: Tx) -> int | None:
    """Return when the next notice or payment of the bank itself is due; None when nothing waits."""
    found = [row[0] for row in (tx.one(_NEXT_NOTICE, {}), tx.one(_NEXT_AUTOPAY, {})) if row]
    return min((due_us for due_us in found if due_us is not None), default=None)
