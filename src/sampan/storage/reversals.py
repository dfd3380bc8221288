"""What the bank took back, and what it announced and has not booked."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx

PAGE_MAX: Final = 1_000
_t = schema.reversals
_p = schema.pending_credits
_texts = msgspec.json.Decoder(tuple[str, ...])


class Reversal(msgspec.Struct, frozen=True, kw_only=True):
    """Money that the bank took back, a positive sum.

    `status`: open (nobody knows from which credit, or that credit was applied), settled (`credit`
    is returned) or noted (people said what it was). `credit` is what it takes back, where known.
    """

    id: int
    provider: str
    account: str
    bank_txn_id: str
    identity: str
    status: str
    amount_minor: int
    currency: str
    payer_name: str
    texts: tuple[str, ...]
    credit: int | None
    booked_us: int
    received_us: int
    updated_us: int


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """Money that the bank announced and has not booked. Nothing is posted for it."""

    provider: str
    account: str
    identity: str
    amount_minor: int
    currency: str
    reference: str
    payer_name: str
    seen_us: int


def _remember(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_p).on_conflict_do_nothing()


_INSERT = Statement(insert(_t))
_ONE = Statement(select(_t).where(_t.c.id == bindparam("key")))
_OPEN = Statement(
    select(_t)
    .where(
        _t.c.status == "open",
        _t.c.credit.is_(None),
        _t.c.provider == bindparam("provider"),
        _t.c.account == bindparam("account"),
        _t.c.currency == bindparam("currency"),
        _t.c.amount_minor == bindparam("amount_minor"),
    )
    .order_by(_t.c.received_us, _t.c.id)
)
_OF_CREDIT = Statement(select(_t).where(_t.c.credit == bindparam("credit")).order_by(_t.c.id))
_SET = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == bindparam("status_from"))
    .values(
        status=bindparam("status_to"), credit=bindparam("credit"), updated_us=bindparam("now_us")
    )
)
_REMEMBER = Statement(_remember)
_KEY = (
    _p.c.provider == bindparam("provider"),
    _p.c.account == bindparam("account"),
    _p.c.identity == bindparam("identity"),
)
_FORGET = Statement(delete(_p).where(*_KEY))
_FORGET_OLD = Statement(delete(_p).where(_p.c.seen_us < bindparam("before_us")))


def _reversal(row: Row) -> Reversal:
    fields = dict(zip(Reversal.__struct_fields__, row, strict=True))
    return Reversal(**fields | {"texts": _texts.decode(fields["texts"])})


def add(tx: Tx, reversal: Reversal) -> None:
    """Insert a reversal. Raises `Conflict` when its identity is known for the account."""
    row = {name: getattr(reversal, name) for name in Reversal.__struct_fields__}
    tx.do(_INSERT, row | {"texts": msgspec.json.encode(reversal.texts).decode()})


def find(tx: Tx, key: int) -> Reversal | None:
    """Return a reversal, None when there is none."""
    row = tx.one(_ONE, {"key": key})
    return _reversal(row) if row else None


def unexplained(
    tx: Tx, provider: str, account: str, *, currency: str, amount_minor: int
) -> Sequence[Reversal]:
    """Return open reversals of a sum of which the credit is not known, the oldest first."""
    key = {
        "provider": provider,
        "account": account,
        "currency": currency,
        "amount_minor": amount_minor,
    }
    return [_reversal(row) for row in tx.all(_OPEN, key)]


def of_credit(tx: Tx, credit: int) -> Sequence[Reversal]:
    """Return what the bank took back of a credit."""
    return [_reversal(row) for row in tx.all(_OF_CREDIT, {"credit": credit})]


def move(tx: Tx, before: Reversal, after: Reversal) -> bool:
    """Write status and credit of a reversal if it still stands as `before`; else False."""
    return (
        tx.run(
            _SET,
            {
                "key": before.id,
                "status_from": before.status,
                "status_to": after.status,
                "credit": after.credit,
                "now_us": after.updated_us,
            },
        )
        == 1
    )


def listing(tx: Tx, *, status: str | None = "open", most: int) -> Sequence[Reversal]:
    """Return the newest reversals of a status, None: of all."""
    chosen = select(_t).order_by(_t.c.received_us.desc(), _t.c.id.desc()).limit(most)
    if status is not None:
        chosen = chosen.where(_t.c.status == status)
    return [_reversal(row) for row in tx.query(chosen)]


def remember(tx: Tx, pending: Pending) -> bool:
    """Remember announced money; False when it is remembered already."""
    row = {name: getattr(pending, name) for name in Pending.__struct_fields__}
    return tx.run(_REMEMBER, row) == 1


def forget(tx: Tx, provider: str, account: str, *, identity: str) -> bool:
    """Forget announced money, because it is booked now; False when it was not announced."""
    key = {"provider": provider, "account": account, "identity": identity}
    return tx.run(_FORGET, key) == 1


def forget_old(tx: Tx, *, before_us: int) -> int:
    """Forget what was announced so long ago that it will not be booked; return how much."""
    return tx.run(_FORGET_OLD, {"before_us": before_us})


def announced(tx: Tx, *, most: int) -> Sequence[Pending]:
    """Return announced money, the newest first."""
    rows = tx.query(select(_p).order_by(_p.c.seen_us.desc()).limit(most))
    return [Pending(**dict(zip(Pending.__struct_fields__, row, strict=True))) for row in rows]
