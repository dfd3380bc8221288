"""Payments and their operations."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.domain.payment import (
    Customer,
    DisplayData,
    Fault,
    Operation,
    Payment,
    Targets,
)
from sampan.domain.statuses import OperationType, Origin, PaymentStatus
from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx

_p = schema.payments
_o = schema.operations


def _insert_or_nothing(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_p).on_conflict_do_nothing()


_PAYMENT_COLUMNS = [column for column in _p.c if column.name != "payment_id_folded"]
_OPERATION_COLUMNS = [
    column for column in _o.c if column.name not in {"request_digest", "merchant_refund_id"}
]
_INSERT = Statement(_insert_or_nothing)
_BY_KEY = Statement(select(*_PAYMENT_COLUMNS).where(_p.c.id == bindparam("key")))
_BY_NAME = Statement(
    select(*_PAYMENT_COLUMNS).where(
        _p.c.project_id == bindparam("project_id"), _p.c.payment_id_folded == bindparam("folded")
    )
)
_MOVE = Statement(
    update(_p)
    .where(
        _p.c.id == bindparam("key"),
        _p.c.status == bindparam("status_from"),
        _p.c.held_count == bindparam("held_from"),
        _p.c.attempts_count == bindparam("attempts_from"),
    )
    .values(
        status=bindparam("status_to"),
        paid_minor=bindparam("paid_minor"),
        display=bindparam("display"),
        faults=bindparam("faults"),
        held_count=bindparam("held_to"),
        attempts_count=bindparam("attempts_to"),
        retry_until_us=bindparam("retry_until"),
        decline_us=bindparam("decline_at"),
        updated_us=bindparam("now_us"),
        finished_us=bindparam("finished_us"),
    )
)
_RESTARTED = (
    "payment_id",
    "status",
    "currency",
    "amount_minor",
    "description",
    "customer_id",
    "customer",
    "targets",
    "faults",
    "updated_us",
    "decline_us",
    "finished_us",
    "origin",
    "merchant_data",
    "best_before_us",
)
_RESTART = Statement(
    update(_p)
    .where(_p.c.id == bindparam("key"), _p.c.status == PaymentStatus.ERROR.value)
    .values({name: bindparam(name) for name in _RESTARTED})
)
_OPEN_UNTIL = Statement(
    select(_p.c.id)
    .where(_p.c.finished_us.is_(None), _p.c.held_count == 0, _p.c.decline_us <= bindparam("now_us"))
    .order_by(_p.c.decline_us)
    .limit(bindparam("most"))
)
_INSERT_OPERATION = Statement(insert(_o))
_OPERATIONS = Statement(
    # By time, then id: ids of one process or thread grow, those of several may interleave.
    select(*_OPERATION_COLUMNS)
    .where(_o.c.payment == bindparam("key"))
    .order_by(_o.c.created_us, _o.c.id)
)
_NEWEST_OPERATIONS = Statement(
    select(*_OPERATION_COLUMNS)
    .where(_o.c.payment == bindparam("key"))
    .order_by(_o.c.created_us.desc(), _o.c.id.desc())
    .limit(bindparam("most"))
)
_OPERATION = Statement(select(*_OPERATION_COLUMNS).where(_o.c.id == bindparam("key")))
_DIGEST = Statement(
    select(_o.c.request_id).where(
        _o.c.payment == bindparam("key"), _o.c.request_digest == bindparam("digest")
    )
)
_BY_REFUND = Statement(
    select(_o.c.id).where(
        _o.c.payment == bindparam("key"), _o.c.merchant_refund_id == bindparam("refund_id")
    )
)
_BY_REQUEST = Statement(
    select(_o.c.payment).where(
        _o.c.project_id == bindparam("project_id"), _o.c.request_id == bindparam("request_id")
    )
)
_MOVE_OPERATION = Statement(
    update(_o)
    .where(_o.c.id == bindparam("key"))
    .values(
        status=bindparam("status"),
        code=bindparam("code"),
        message=bindparam("message"),
        provider_ref=bindparam("provider_ref"),
        updated_us=bindparam("now_us"),
    )
)

_encode = msgspec.json.encode
_customer = msgspec.json.Decoder(Customer)
_targets = msgspec.json.Decoder(Targets)
_display = msgspec.json.Decoder(DisplayData)
_faults = msgspec.json.Decoder(tuple[Fault, ...])


def folded(payment_id: str) -> str:
    """Return the form in which payment ids are compared: without regard to case."""
    return payment_id.casefold()


def _payment(row: Row) -> Payment:
    (
        key, project_id, payment_id, status, currency, amount, paid, description, _, customer,
        targets, display, faults, held, created, updated, decline, finished, origin,
        merchant_data, best_before, attempts, retry_until,
    ) = row  # fmt: skip
    return Payment(
        key=key,
        project_id=project_id,
        id=payment_id,
        status=PaymentStatus(status),
        currency=currency,
        amount_minor=amount,
        paid_minor=paid,
        description=description,
        customer=_customer.decode(customer),
        targets=_targets.decode(targets),
        display=None if display is None else _display.decode(display),
        faults=() if faults == "[]" else _faults.decode(faults),
        held_count=held,
        created_us=created,
        updated_us=updated,
        decline_us=decline,
        finished_us=finished,
        origin=Origin(origin),
        merchant_data=merchant_data,
        best_before_us=best_before,
        attempts_count=attempts,
        retry_until_us=retry_until,
    )


def _operation(row: Row) -> Operation:
    (
        key, payment, _, kind, status, amount, currency, request_id, code, message, provider_id,
        provider_ref, created, updated, account, qr_minor,
    ) = row  # fmt: skip
    return Operation(
        id=key,
        payment_key=payment,
        type=OperationType(kind),
        status=PaymentStatus(status),
        amount_minor=amount,
        currency=currency,
        request_id=request_id,
        code=code,
        message=message,
        provider_id=provider_id,
        provider_ref=provider_ref,
        created_us=created,
        updated_us=updated,
        account=account or "",
        qr_minor=qr_minor,
    )


def _columns(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": payment.id,
        "status": payment.status.value,
        "currency": payment.currency,
        "amount_minor": payment.amount_minor,
        "description": payment.description,
        "customer_id": payment.customer.id,
        "customer": _encode(payment.customer).decode(),
        "targets": _encode(payment.targets).decode(),
        "faults": _encode(payment.faults).decode() if payment.faults else "[]",
        "updated_us": payment.updated_us,
        "decline_us": payment.decline_us,
        "finished_us": payment.finished_us,
        "origin": payment.origin.value,
        "merchant_data": payment.merchant_data,
        "best_before_us": payment.best_before_us,
    }


def insert_payment(tx: Tx, payment: Payment) -> bool:
    """Insert a payment; False when its id is already used in the project."""
    row = _columns(payment)
    row["id"] = payment.key
    row["project_id"] = payment.project_id
    row["payment_id_folded"] = folded(payment.id)
    row["paid_minor"] = 0
    row["display"] = None
    row["held_count"] = 0
    row["attempts_count"] = 1
    row["retry_until_us"] = None
    row["created_us"] = payment.created_us
    return tx.run(_INSERT, row) == 1


def restart_payment(tx: Tx, payment: Payment) -> bool:
    """Lay a new request over a payment in `error`; False when it is no longer in `error`."""
    return tx.run(_RESTART, {"key": payment.key, **_columns(payment)}) == 1


def move_payment(tx: Tx, before: Payment, after: Payment) -> bool:
    """Write what a move changes, if the payment still stands as `before`; else False."""
    display = None if after.display is None else _encode(after.display).decode()
    return (
        tx.run(
            _MOVE,
            {
                "key": before.key,
                "status_from": before.status.value,
                "held_from": before.held_count,
                "status_to": after.status.value,
                "paid_minor": after.paid_minor,
                "display": display,
                "faults": _encode(after.faults).decode() if after.faults else "[]",
                "held_to": after.held_count,
                "attempts_from": before.attempts_count,
                "attempts_to": after.attempts_count,
                "retry_until": after.retry_until_us,
                "decline_at": after.decline_us,
                "now_us": after.updated_us,
                "finished_us": after.finished_us,
            },
        )
        == 1
    )


def payment_by_key(tx: Tx, key: int) -> Payment | None:
    """Return a payment by our own key."""
    row = tx.one(_BY_KEY, {"key": key})
    return _payment(row) if row else None


def payment_by_id(tx: Tx, project_id: int, payment_id: str) -> Payment | None:
    """Return a project's payment by the merchant's id, without regard to case."""
    row = tx.one(_BY_NAME, {"project_id": project_id, "folded": folded(payment_id)})
    return _payment(row) if row else None


def keys_past_decline(tx: Tx, *, now_us: int, most: int) -> Sequence[int]:
    """Return keys of open payments without held money whose time to decline has come."""
    return [row[0] for row in tx.all(_OPEN_UNTIL, {"now_us": now_us, "most": most})]


def insert_operation(
    tx: Tx, operation: Operation, *, project_id: int, digest: str, refund_id: str | None = None
) -> None:
    """Insert an operation; `digest` marks the signed request that asked for it.

    Its account and amount in the QR are not written: see `operation_accounts`.
    """
    tx.do(
        _INSERT_OPERATION,
        {
            "id": operation.id,
            "payment": operation.payment_key,
            "project_id": project_id,
            "type": operation.type.value,
            "status": operation.status.value,
            "amount_minor": operation.amount_minor,
            "currency": operation.currency,
            "request_id": operation.request_id,
            "request_digest": digest,
            "merchant_refund_id": refund_id,
            "code": operation.code,
            "message": operation.message,
            "provider_id": operation.provider_id,
            "provider_ref": operation.provider_ref,
            "created_us": operation.created_us,
            "updated_us": operation.updated_us,
            "account": None,
            "qr_minor": None,
        },
    )


def move_operation(tx: Tx, operation: Operation) -> None:
    """Write status, code, message and provider reference of an operation."""
    tx.do(
        _MOVE_OPERATION,
        {
            "key": operation.id,
            "status": operation.status.value,
            "code": operation.code,
            "message": operation.message,
            "provider_ref": operation.provider_ref,
            "now_us": operation.updated_us,
        },
    )


def operations_of(tx: Tx, payment_key: int) -> Sequence[Operation]:
    """Return a payment's operations, oldest first."""
    return [_operation(row) for row in tx.all(_OPERATIONS, {"key": payment_key})]


def newest_operations_of(tx: Tx, payment_key: int, *, most: int) -> Sequence[Operation]:
    """Return the newest operations of a payment, oldest first."""
    rows = tx.all(_NEWEST_OPERATIONS, {"key": payment_key, "most": most})
    return [_operation(row) for row in reversed(rows)]


def operation_by_id(tx: Tx, operation_id: int) -> Operation | None:
    """Return an operation."""
    row = tx.one(_OPERATION, {"key": operation_id})
    return _operation(row) if row else None


def request_id_of_repeat(tx: Tx, payment_key: int, digest: str) -> str | None:
    """Return the request id first answered to this very request, None when it is a new one."""
    row = tx.one(_DIGEST, {"key": payment_key, "digest": digest})
    return str(row[0]) if row else None


def refund_id_used(tx: Tx, payment_key: int, refund_id: str) -> bool:
    """Tell whether a refund of this payment carried this `merchant_refund_id`."""
    return tx.one(_BY_REFUND, {"key": payment_key, "refund_id": refund_id}) is not None


def payment_key_by_request(tx: Tx, project_id: int, request_id: str) -> int | None:
    """Return the key of the payment that a request of the project was about."""
    row = tx.one(_BY_REQUEST, {"project_id": project_id, "request_id": request_id})
    return int(row[0]) if row else None


def changes(tx: Tx, keys: Sequence[int]) -> dict[int, int]:
    """Return when each of these payments last changed, key → microseconds."""
    rows = tx.query(select(_p.c.id, _p.c.updated_us).where(_p.c.id.in_(keys)))
    return {row[0]: row[1] for row in rows}


def payments_by_keys(tx: Tx, keys: Sequence[int]) -> dict[int, Payment]:
    """Return payments by our own keys, key → payment."""
    rows = tx.query(select(*_PAYMENT_COLUMNS).where(_p.c.id.in_(keys)))
    return {row[0]: _payment(row) for row in rows}


def operations_by_ids(tx: Tx, ids: Sequence[int]) -> dict[int, Operation]:
    """Return operations, id → operation."""
    rows = tx.query(select(*_OPERATION_COLUMNS).where(_o.c.id.in_(ids)))
    return {row[0]: _operation(row) for row in rows}
