"""Payments that money without a sure reference might belong to."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, select

from sampan.domain.payment import Operation, Payment
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.storage import payments, schema
from sampan.storage.engine import Statement, Tx

RIVALS_MAX: Final = 50
"""More than so many payments of one sum are told apart by nobody."""
_p = schema.payments
_o = schema.operations
_UNSHOWN: Final = (
    PaymentStatus.ERROR.value,
    PaymentStatus.AWAITING_PAYMENT.value,
    PaymentStatus.INVOICE_SENT.value,
    PaymentStatus.EXPIRED.value,
    PaymentStatus.INVOICE_CANCELED.value,
)
"""Nobody was shown a QR for these."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Payments of a sum, made from `from_us` to `to_us`, that could be paid at `open_us`; newest.

    `open_us` 0: also those that could not be paid any more.
    """

    amount_minor: int
    currency: str
    from_us: int
    to_us: int
    open_us: int
    most: int


_COULD_BE_PAID = (
    _p.c.decline_us >= bindparam("open_us"),
    *(_p.c.status != status for status in _UNSHOWN),
)
_OF_ACCOUNT = Statement(
    select(_o.c.payment)
    .join(_p, _p.c.id == _o.c.payment)
    .where(
        # Said for SQLite, which uses an index of some rows only where it reads its words.
        _o.c.account.is_not(None),
        _o.c.account == bindparam("account"),
        _o.c.currency == bindparam("currency"),
        _o.c.qr_minor == bindparam("amount_minor"),
        _o.c.created_us >= bindparam("from_us"),
        _o.c.created_us <= bindparam("to_us"),
        *_COULD_BE_PAID,
    )
    .order_by(_o.c.created_us.desc())
    .limit(bindparam("most"))
)
_RECENT = Statement(
    select(_p.c.id)
    .where(
        _p.c.created_us >= bindparam("from_us"),
        _p.c.created_us <= bindparam("to_us"),
        _p.c.amount_minor == bindparam("amount_minor"),
        _p.c.currency == bindparam("currency"),
        *_COULD_BE_PAID,
    )
    .order_by(_p.c.created_us.desc())
    .limit(bindparam("most"))
)


def of_account(tx: Tx, account: str, asked: Asked) -> Sequence[Payment]:
    """Return payments whose QR named an account and a sum."""
    rows = tx.all(_OF_ACCOUNT, {"account": account, **msgspec.structs.asdict(asked)})
    return _payments(tx, [row[0] for row in rows])


def recent(tx: Tx, asked: Asked) -> Sequence[Payment]:
    """Return payments of a sum, whatever their account: walks through all of the period."""
    return _payments(tx, [row[0] for row in tx.all(_RECENT, msgspec.structs.asdict(asked))])


def _payments(tx: Tx, keys: Sequence[int]) -> list[Payment]:
    found = payments.payments_by_keys(tx, list(dict.fromkeys(keys))) if keys else {}
    return [found[key] for key in dict.fromkeys(keys)]


def sales_by_ids(tx: Tx, ids: Sequence[int]) -> Sequence[Operation]:
    """Return the sales among operations of these ids."""
    found = payments.operations_by_ids(tx, ids) if ids else {}
    return [one for one in found.values() if one.type is OperationType.SALE]


def sales_of(tx: Tx, payment_keys: Sequence[int]) -> dict[int, list[Operation]]:
    """Return the sales of payments, payment key → its sales, the oldest first."""
    if not payment_keys:
        return {}
    rows = tx.query(
        select(_o.c.id).where(_o.c.payment.in_(payment_keys), _o.c.type == OperationType.SALE.value)
    )
    sales: dict[int, list[Operation]] = {}
    found = payments.operations_by_ids(tx, [row[0] for row in rows]).values()
    for one in sorted(found, key=lambda sale: (sale.created_us, sale.id)):
        sales.setdefault(one.payment_key, []).append(one)
    return sales
