"""Money that the bank says arrived, and the notices already taken in.

Lists for people are in `storage.credit_lists`.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx
from sampan.storage.reversals import Reversal

_t = schema.credits
_i = schema.inbox


def _take(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_i).on_conflict_do_nothing()


_TAKE = Statement(_take)
_LEAVE = Statement(
    delete(_i).where(
        _i.c.provider == bindparam("provider"),
        _i.c.account == bindparam("account"),
        _i.c.notice_id == bindparam("notice_id"),
    )
)
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
_KEY = (
    _t.c.provider == bindparam("provider"),
    _t.c.account == bindparam("account"),
    _t.c.identity == bindparam("identity"),
)
_KNOWN = Statement(select(_t).where(*_KEY, _t.c.part == 0))
_LAST_PART = Statement(select(func.max(_t.c.part)).where(*_KEY))
_ALIKE = Statement(
    select(_t)
    .where(
        _t.c.provider == bindparam("provider"),
        _t.c.account == bindparam("account"),
        _t.c.bank_txn_id == bindparam("bank_txn_id"),
    )
    .order_by(_t.c.id)
)
_OF_SUM = Statement(
    select(_t)
    .where(
        _t.c.provider == bindparam("provider"),
        _t.c.account == bindparam("account"),
        _t.c.amount_minor == bindparam("amount_minor"),
        _t.c.currency == bindparam("currency"),
        _t.c.part == 0,
    )
    .order_by(_t.c.id.desc())
    .limit(bindparam("most"))
)
_PARTS = Statement(
    # Said for SQLite, which uses an index of some rows only where it reads its words.
    select(_t)
    .where(_t.c.parent.is_not(None), _t.c.parent == bindparam("parent"))
    .order_by(_t.c.part)
)
_PLAIN = tuple(column.name for column in _t.c)[:-3]
_SET = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == bindparam("status_from"))
    .values(
        status=bindparam("status_to"), payment=bindparam("payment"), updated_us=bindparam("now_us")
    )
)
# The sum and the status are looked at by the same statement that takes the sum, so two people at
# once cannot refund more than came.
_REFUND = Statement(
    update(_t)
    .where(
        _t.c.id == bindparam("key"),
        _t.c.status == bindparam("status_from"),
        (_t.c.refunded_minor + bindparam("more_minor")).between(0, _t.c.amount_minor),
    )
    .values(
        status=bindparam("status_to"),
        refunded_minor=_t.c.refunded_minor + bindparam("more_minor"),
        updated_us=bindparam("now_us"),
    )
)


_texts = msgspec.json.Decoder(tuple[str, ...])


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a credit's payment was found, or what spoke for which as it arrived: for people.

    `how` is empty where nothing was certain; then `why` says what was missing, and `likely` are
    (payment key, score, clues), the likeliest first.
    """

    how: str = ""
    why: str = ""
    likely: tuple[tuple[int, int, tuple[str, ...]], ...] = ()


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A credit as kept.

    `status`: unapplied, held (for a payment), applied, returned, ignored (no payment), merged (the
    same money is kept as another credit), split (its parts are credits of their own) or refunding
    (a refund of all of it is under way). It was booked between `booked_us` and `booked_to_us`; they
    differ where the bank tells only the day. `identity` is unique for its account, and shared by
    the parts of one credit alone. `texts` are all in which a reference may stand. `source` is
    notice, file or hand. `refunded_minor` sums up its refunds that are under way or paid.
    """

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
    identity: str = ""
    part: int = 0
    parent: int | None = None
    source: str = "notice"
    import_id: int | None = None
    booked_to_us: int = 0
    payer_account: str = ""
    texts: tuple[str, ...] = ()
    found: Found | None = None
    refunded_minor: int = 0


_found = msgspec.json.Decoder(Found)


def credit_of(row: Row) -> Credit:
    """Return the credit of a row with all columns of the table, in their order."""
    return Credit(
        **dict(zip(_PLAIN, row[: len(_PLAIN)], strict=True)),
        texts=() if row[-3] == "[]" else _texts.decode(row[-3]),
        found=_found.decode(row[-2]) if row[-2] else None,
        refunded_minor=row[-1],
    )


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


def wait_for_notice(tx: Tx, provider: str, account: str, *, notice_id: str, now_us: int) -> None:
    """Let whoever is taking this notice in at this moment end first; nothing is remembered.

    Who wants to take it from now on waits for the end of this transaction, so whichever is second
    sees what the other one did. PostgreSQL lets those who write one row wait for each other.
    """
    if take_notice(tx, provider, account, notice_id=notice_id, now_us=now_us):
        key = {"provider": provider, "account": account, "notice_id": notice_id}
        tx.do(_LEAVE, key)


def known_notices(tx: Tx, provider: str, account: str, *, names: Sequence[str]) -> frozenset[str]:
    """Return which of these notices were taken before."""
    chosen = select(_i.c.notice_id).where(
        _i.c.provider == provider, _i.c.account == account, _i.c.notice_id.in_(names)
    )
    return frozenset(row[0] for row in tx.query(chosen))


def insert_credit(tx: Tx, credit: Credit) -> None:
    """Insert a credit; without an identity, the bank's id is it.

    Raises `Conflict` when the identity is known for the account.
    """
    row = {name: getattr(credit, name) for name in _PLAIN}
    row["identity"] = credit.identity or credit.bank_txn_id
    row["booked_to_us"] = credit.booked_to_us or credit.booked_us
    row["texts"] = msgspec.json.encode(credit.texts).decode() if credit.texts else "[]"
    row["found"] = "" if credit.found is None else msgspec.json.encode(credit.found).decode()
    row["refunded_minor"] = credit.refunded_minor
    tx.do(_INSERT, row)


def find_known(tx: Tx, provider: str, account: str, *, identity: str) -> Credit | None:
    """Return the credit of an identity, None when it is not known."""
    key = {"provider": provider, "account": account, "identity": identity}
    row = tx.one(_KNOWN, key)
    return credit_of(row) if row else None


def named_alike(tx: Tx, provider: str, account: str, *, bank_txn_id: str) -> Sequence[Credit]:
    """Return the credits of an account that have the bank's id, the oldest first."""
    rows = tx.all(_ALIKE, {"provider": provider, "account": account, "bank_txn_id": bank_txn_id})
    return [credit_of(row) for row in rows]


def of_sum(tx: Tx, like: Credit | Reversal, *, most: int) -> Sequence[Credit]:
    """Return the newest credits of the same account and sum as `like`, without parts."""
    asked = {
        "provider": like.provider,
        "account": like.account,
        "currency": like.currency,
        "amount_minor": like.amount_minor,
        "most": most,
    }
    return [credit_of(row) for row in tx.all(_OF_SUM, asked)]


def parts_of(tx: Tx, credit_id: int) -> Sequence[Credit]:
    """Return what a credit was split into, in order."""
    return [credit_of(row) for row in tx.all(_PARTS, {"parent": credit_id})]


def parts_count(tx: Tx, credit: Credit) -> int:
    """Return how many parts of a credit's identity there are, those of parts among them."""
    key = {"provider": credit.provider, "account": credit.account, "identity": credit.identity}
    row = tx.one(_LAST_PART, key)
    return 0 if row is None else int(row[0] or 0)


def find(tx: Tx, credit_id: int) -> Credit | None:
    """Return a credit."""
    row = tx.one(_ONE, {"key": credit_id})
    return credit_of(row) if row else None


def waiting_of_payment(tx: Tx, payment_key: int) -> Sequence[Credit]:
    """Return the credits of a payment that are neither applied nor returned, oldest first."""
    return [credit_of(row) for row in tx.all(_HELD, {"key": payment_key})]


def of_payment(tx: Tx, payment_key: int) -> Sequence[Credit]:
    """Return every credit that was matched to a payment, oldest first."""
    return [credit_of(row) for row in tx.all(_OF_PAYMENT, {"key": payment_key})]


def newest_of_payment(tx: Tx, payment_key: int, *, most: int) -> Sequence[Credit]:
    """Return the newest credits that were matched to a payment, oldest first."""
    rows = tx.all(_NEWEST_OF_PAYMENT, {"key": payment_key, "most": most})
    return [credit_of(row) for row in reversed(rows)]


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
    return [credit_of(row) for row in tx.query(chosen)]


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


def refund(tx: Tx, before: Credit, *, status: str, more_minor: int, now_us: int) -> bool:
    """Count `more_minor` (negative: less) as refunded, and write the status.

    False when it does not stand as `before` any more, or more would be refunded than came.
    """
    asked = {
        "key": before.id,
        "status_from": before.status,
        "status_to": status,
        "more_minor": more_minor,
        "now_us": now_us,
    }
    return tx.run(_REFUND, asked) == 1
