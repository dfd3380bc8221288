"""Find operations: in a period by their last update, or all those of a payment id.

The newest change comes first, and of two changes at one moment the greater id. What has ended is
walked by an index of its own, and what has not is found by `storage.operation_ways`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, desc, exists, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from sampan.domain.payment import Operation, Payment
from sampan.domain.statuses import FINAL
from sampan.storage import credits as kept
from sampan.storage import operation_ways, payments, projects, schema
from sampan.storage.columns import unindexed
from sampan.storage.engine import Tx

LIST_MAX: Final = 1000
_p = schema.payments
_o = schema.operations
Condition = ColumnElement[bool]
_FINALS: Final = frozenset(status.value for status in FINAL)


class _Email(ColumnElement[str]):
    """The e-mail address of a payment's customer, NULL without one."""

    inherit_cache = True
    type = _p.c.customer.type


@compiles(_Email, "sqlite")
def _email_in_sqlite(_: _Email, compiler: SQLCompiler, **given: object) -> str:
    return f"json_extract({compiler.process(_p.c.customer, **given)}, '$.email')"


@compiles(_Email, "postgresql")
def _email_in_postgres(_: _Email, compiler: SQLCompiler, **given: object) -> str:
    return f"({compiler.process(_p.c.customer, **given)}::json ->> 'email')"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed: all that is set must hold, and None is no condition.

    `updated_from_us` belongs to the period, `updated_to_us` does not.
    """

    project_ids: tuple[int, ...] | None = None
    types: tuple[str, ...] | None = None
    statuses: tuple[str, ...] | None = None
    customer_ids: tuple[str, ...] | None = None
    customer_email: str | None = None
    updated_from_us: int | None = None
    updated_to_us: int | None = None
    only_ended: bool = False


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An operation with what belongs to it; `booked_us` is when the bank booked its money."""

    operation: Operation
    payment: Payment
    project_name: str
    booked_us: int | None


def listing(tx: Tx, wanted: Wanted, *, most: int, skipped: int = 0) -> Sequence[Listed]:
    """Return at most `most` operations behind the first `skipped` ones."""
    ways = [_way(operation_ways.ENDED, wanted)] if _may(wanted, ended=True) else []
    if _may(wanted, ended=False):
        ways += [_way(each, wanted) for each in operation_ways.OPEN]
    if not ways or not most:
        return []
    # Each way comes in this order by itself, so they are merged and not sorted.
    found = union_all(*ways).order_by(desc("updated_us"), desc("id"))
    rows = tx.query(found.limit(most).offset(skipped))
    return _whole(tx, [row[0] for row in rows])


def of_payment_id(tx: Tx, payment_id: str) -> Sequence[Listed]:
    """Return the operations of every project's payment with an id, without regard to case.

    The newest that was made comes first, at most `LIST_MAX`.
    """
    named = select(_p.c.id).where(
        # Each project is looked up by the index that keeps ids unique.
        _p.c.project_id.in_(select(schema.projects.c.id)),
        _p.c.payment_id_folded == payments.folded(payment_id),
    )
    chosen = select(_o.c.id).where(_o.c.payment.in_(named))
    rows = tx.query(chosen.order_by(_o.c.created_us.desc(), _o.c.id.desc()).limit(LIST_MAX))
    return _whole(tx, [row[0] for row in rows])


def _may(wanted: Wanted, *, ended: bool) -> bool:
    """Whether some operation that has ended, or has not, can fit."""
    if not ended and wanted.only_ended:
        return False
    return wanted.statuses is None or any((one in _FINALS) is ended for one in wanted.statuses)


def _way(which: Iterable[Any], wanted: Wanted) -> Select[tuple[int, int]]:
    return select(_o.c.id, _o.c.updated_us).where(*which, *_conditions(wanted))


def _conditions(wanted: Wanted) -> list[Condition]:
    found: list[Condition] = []
    if wanted.project_ids is not None:
        found.append(unindexed(_o.c.project_id).in_(wanted.project_ids))
    if wanted.types is not None:
        found.append(_o.c.type.in_(wanted.types))
    if wanted.statuses is not None:
        found.append(_o.c.status.in_(wanted.statuses))
    if wanted.updated_from_us is not None:
        found.append(_o.c.updated_us >= wanted.updated_from_us)
    if wanted.updated_to_us is not None:
        found.append(_o.c.updated_us < wanted.updated_to_us)
    if wanted.customer_ids is not None:
        theirs = select(_p.c.id).where(_p.c.customer_id.in_(wanted.customer_ids))
        found.append(_o.c.payment.in_(theirs))
    if wanted.customer_email is not None:
        # Asked of each operation in the period: no index leads to an address.
        found.append(exists().where(_p.c.id == _o.c.payment, _Email() == wanted.customer_email))
    return found


def _whole(tx: Tx, ids: Sequence[int]) -> Sequence[Listed]:
    """Return these operations in this order, with what belongs to them."""
    operations = payments.operations_by_ids(tx, ids)
    keys = sorted({operation.payment_key for operation in operations.values()})
    theirs, booked = payments.payments_by_keys(tx, keys), kept.booked(tx, keys)
    names = projects.names(tx)
    return [
        Listed(
            operation=operation,
            payment=theirs[operation.payment_key],
            project_name=names[theirs[operation.payment_key].project_id],
            booked_us=booked.get(operation.payment_key),
        )
        for operation in (operations[one] for one in ids)
    ]
