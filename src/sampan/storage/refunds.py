"""Refunds, and the files that ask a bank for them."""

import base64
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import BigInteger, bindparam, cast, func, insert, select, tuple_, update

from sampan.domain.refunds import Doubt, Payee, RefundStatus
from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Tx

PAGE_MAX: Final = 1_000
_t = schema.refunds
_f = schema.refund_files
_payee: Final = msgspec.json.Decoder(Payee)
_doubts: Final = msgspec.json.Decoder(tuple[Doubt, ...])


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as kept. `by` decided it for `why`, as the journal writes people.

    `payment` is set where the credit is that payment's money; else all of the credit goes back.
    `debit` is the identity of the movement that confirmed it, `bank_txn_id` the bank's word for it.
    """

    id: int
    provider: str
    account: str
    credit: int
    payment: int | None
    project_id: int
    status: RefundStatus
    amount_minor: int
    currency: str
    payee: Payee
    doubts: tuple[Doubt, ...]
    by: str
    why: str
    created_us: int
    updated_us: int
    file: int | None = None
    debit: str = ""
    bank_txn_id: str = ""


class RefundFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was made for a bank; `data` is empty in lists."""

    id: int
    provider: str
    account: str
    format: str
    currency: str
    refunds_count: int
    amount_minor: int
    by: str
    created_us: int
    data: bytes = b""


_INSERT = Statement(insert(_t))
_ONE = Statement(select(_t).where(_t.c.id == bindparam("key")))
_OF_CREDIT = Statement(
    select(_t).where(_t.c.credit == bindparam("of_credit")).order_by(_t.c.created_us, _t.c.id)
)
_OF_SUM = Statement(
    select(_t)
    .where(
        _t.c.provider == bindparam("of_provider"),
        _t.c.account == bindparam("of_account"),
        _t.c.currency == bindparam("of_currency"),
        _t.c.amount_minor == bindparam("of_amount"),
        _t.c.status == "exported",
    )
    .order_by(_t.c.id)
)
_SET = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == bindparam("status_from"))
    .values(
        status=bindparam("status_to"),
        file=bindparam("of_file"),
        debit=bindparam("by_debit"),
        bank_txn_id=bindparam("by_bank"),
        updated_us=bindparam("now_us"),
    )
)
_INSERT_FILE = Statement(insert(_f))
_FILE = Statement(select(_f).where(_f.c.id == bindparam("key")))


def add(tx: Tx, refund: Refund) -> None:
    """Keep a refund."""
    row = {name: getattr(refund, name) for name in Refund.__struct_fields__}
    told = {
        "status": refund.status.value,
        "payee": msgspec.json.encode(refund.payee).decode(),
        "doubts": msgspec.json.encode(refund.doubts).decode(),
    }
    tx.do(_INSERT, row | told)


def find(tx: Tx, key: int) -> Refund | None:
    """Return a refund, None when there is none."""
    row = tx.one(_ONE, {"key": key})
    return _refund(row) if row else None


def of_credit(tx: Tx, credit: int) -> Sequence[Refund]:
    """Return the refunds of a credit, the oldest first."""
    return [_refund(row) for row in tx.all(_OF_CREDIT, {"of_credit": credit})]


def by_ids(tx: Tx, ids: Sequence[int]) -> Sequence[Refund]:
    """Return those refunds that there are, by id."""
    if not ids:
        return []
    return [_refund(row) for row in tx.query(select(_t).where(_t.c.id.in_(ids)).order_by(_t.c.id))]


def exported_of_sum(
    tx: Tx, provider: str, account: str, *, currency: str, amount_minor: int
) -> Sequence[Refund]:
    """Return the refunds of a sum that a bank was asked for and has not confirmed."""
    asked = {
        "of_provider": provider,
        "of_account": account,
        "of_currency": currency,
        "of_amount": amount_minor,
    }
    return [_refund(row) for row in tx.all(_OF_SUM, asked)]


def move(tx: Tx, before: Refund, after: Refund) -> bool:
    """Write what changed of a refund if it still stands as `before`; else False."""
    asked = {
        "key": before.id,
        "status_from": before.status.value,
        "status_to": after.status.value,
        "of_file": after.file,
        "by_debit": after.debit,
        "by_bank": after.bank_txn_id,
        "now_us": after.updated_us,
    }
    return tx.run(_SET, asked) == 1


def page(
    tx: Tx,
    *,
    statuses: Sequence[RefundStatus] = (),
    file: int | None = None,
    after: tuple[int, int] | None = None,
    most: int,
) -> Sequence[Refund]:
    """Return refunds, the newest first, from below (time, id); without statuses of all."""
    chosen = select(_t).order_by(_t.c.created_us.desc(), _t.c.id.desc()).limit(most)
    if statuses:
        chosen = chosen.where(_t.c.status.in_([status.value for status in statuses]))
    if file is not None:
        chosen = chosen.where(_t.c.file == file)
    if after is not None:
        chosen = chosen.where(tuple_(_t.c.created_us, _t.c.id) < after)
    return [_refund(row) for row in tx.query(chosen)]


def counts(tx: Tx) -> dict[str, int]:
    """Return status → how many refunds."""
    rows = tx.query(select(_t.c.status, func.count()).group_by(_t.c.status))
    return {row[0]: int(row[1]) for row in rows}


def confirmed_sums(tx: Tx) -> Sequence[tuple[str, str, str, int]]:
    """Return (provider, account, currency, sum) of what was refunded of payments' money."""
    rows = tx.query(
        select(
            _t.c.provider,
            _t.c.account,
            _t.c.currency,
            cast(func.sum(_t.c.amount_minor), BigInteger),
        )
        .where(_t.c.status == "confirmed", _t.c.payment.is_not(None))
        .group_by(_t.c.provider, _t.c.account, _t.c.currency)
        .order_by(_t.c.provider, _t.c.account, _t.c.currency)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def add_file(tx: Tx, made: RefundFile) -> None:
    """Keep a file for a bank."""
    row = {name: getattr(made, name) for name in RefundFile.__struct_fields__}
    tx.do(_INSERT_FILE, row | {"data": base64.b64encode(made.data).decode()})


def find_file(tx: Tx, key: int) -> RefundFile | None:
    """Return a file with its bytes, None when there is none."""
    row = tx.one(_FILE, {"key": key})
    if row is None:
        return None
    fields = dict(zip((column.name for column in _f.c), row, strict=True))
    return RefundFile(**fields | {"data": base64.b64decode(fields["data"])})


def files(tx: Tx, *, most: int) -> Sequence[RefundFile]:
    """Return the newest files, without their bytes."""
    columns = [column for column in _f.c if column.name != "data"]
    rows = tx.query(select(*columns).order_by(_f.c.created_us.desc(), _f.c.id.desc()).limit(most))
    names = [column.name for column in columns]
    return [RefundFile(**dict(zip(names, row, strict=True))) for row in rows]


def _refund(row: Row) -> Refund:
    fields = dict(zip((column.name for column in _t.c), row, strict=True))
    told = {
        "status": RefundStatus(fields["status"]),
        "payee": _payee.decode(fields["payee"]),
        "doubts": _doubts.decode(fields["doubts"]),
    }
    return Refund(**fields | told)
