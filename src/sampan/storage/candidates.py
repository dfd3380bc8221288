"""Payments that money without a sure reference might belong to."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, bindparam, select

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


def _of_sum() -> Select[Any]:
    return (
        select(_p.c.id)
        .where(
            _p.c.amount_minor == bindparam("amount_minor"),
            _p.c.created_us >= bindparam("from_us"),
            _p.c.created_us <= bindparam("to_us"),
            _p.c.currency == bindparam("currency"),
            *(_p.c.status != status for status in _UNSHOWN),
        )
        .order_by(_p.c.created_us.desc())
        .limit(bindparam("most"))
    )


_OF_SUM = Statement(_of_sum())
_OF_SUM_THEN = Statement(_of_sum().where(_p.c.decline_us >= bindparam("open_us")))


def of_sum(  # noqa: PLR0913 - a sum and three times
    tx: Tx,
    amount_minor: int,
    currency: str,
    *,
    from_us: int,
    to_us: int,
    open_us: int | None = None,
    most: int = RIVALS_MAX,
) -> Sequence[Payment]:
    """Return the newest payments of a sum that were made from `from_us` to `to_us`.

    With `open_us`, only those that could still be paid then. Payments for which no QR was shown
    are left out.
    """
    asked = {
        "amount_minor": amount_minor,
        "currency": currency,
        "from_us": from_us,
        "to_us": to_us,
        "most": most,
    }
    if open_us is None:
        rows = tx.all(_OF_SUM, asked)
    else:
        rows = tx.all(_OF_SUM_THEN, asked | {"open_us": open_us})
    found = payments.payments_by_keys(tx, [row[0] for row in rows]) if rows else {}
    return [found[row[0]] for row in rows]


def sales_by_ids(tx: Tx, ids: Sequence[int]) -> Sequence[Operation]:
    """Return the sales among operations of these ids."""
    found = payments.operations_by_ids(tx, ids) if ids else {}
    return [one for one in found.values() if one.type is OperationType.SALE]


def sales_of(tx: Tx, payment_keys: Sequence[int]) -> dict[int, list[Operation]]:
    """Return the sales of payments, payment key → its sales."""
    if not payment_keys:
        return {}
    rows = tx.query(
        select(_o.c.id).where(_o.c.payment.in_(payment_keys), _o.c.type == OperationType.SALE.value)
    )
    sales: dict[int, list[Operation]] = {}
    for one in payments.operations_by_ids(tx, [row[0] for row in rows]).values():
        sales.setdefault(one.payment_key, []).append(one)
    return sales
