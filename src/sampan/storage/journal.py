"""The journal: append-only rows of what moved, when, why and by whom."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, bindparam, insert, literal_column, or_, select

from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Tx

_t = schema.journal
INDEXED: Final[ColumnElement[Any]] = literal_column(f"({schema.JOURNAL_INDEXED})")
"""Which rows the index has, in the same words as it has them, or SQLite does not use it."""
_WRITE = Statement(insert(_t))
# By time, then id: ids of one process or thread grow, those of several may interleave.
_OF_PAYMENT = Statement(
    select(_t).where(_t.c.payment == bindparam("key")).order_by(_t.c.at_us, _t.c.id)
)
_NEWEST_OF_PAYMENT = Statement(
    select(_t)
    .where(_t.c.payment == bindparam("key"))
    .order_by(_t.c.at_us.desc(), _t.c.id.desc())
    .limit(bindparam("most"))
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `what` names the event, `by` the actor: `merchant`, `bank`, `clock`, `staff:…`."""

    at_us: int
    project_id: int
    what: str
    by: str
    payment: int | None = None
    operation: int | None = None
    status_from: str | None = None
    status_to: str | None = None
    why: str = ""


def write(tx: Tx, entry: Entry) -> None:
    """Append an entry."""
    tx.do(
        _WRITE,
        {
            "id": tx.new_id(),
            "at_us": entry.at_us,
            "project_id": entry.project_id,
            "payment": entry.payment,
            "operation": entry.operation,
            "what": entry.what,
            "status_from": entry.status_from,
            "status_to": entry.status_to,
            "by": entry.by,
            "why": entry.why,
        },
    )


def of_payment(tx: Tx, payment_key: int) -> Sequence[Entry]:
    """Return a payment's entries, oldest first."""
    return [_entry(row) for row in tx.all(_OF_PAYMENT, {"key": payment_key})]


def newest_of_payment(tx: Tx, payment_key: int, *, most: int) -> Sequence[Entry]:
    """Return the newest of a payment's entries, oldest first."""
    rows = tx.all(_NEWEST_OF_PAYMENT, {"key": payment_key, "most": most})
    return [_entry(row) for row in reversed(rows)]


def loose(tx: Tx, begins: Sequence[str], *, since_us: int) -> Sequence[Entry]:
    """Return entries of no payment since a moment whose reason begins so, oldest first."""
    begun = or_(*(_t.c.why.startswith(text, autoescape=True) for text in begins))
    chosen = (
        select(_t)
        .where(INDEXED, _t.c.at_us >= since_us, _t.c.payment.is_(None), begun)
        .order_by(_t.c.at_us, _t.c.id)
    )
    return [_entry(row) for row in tx.query(chosen)]


def alarms(
    tx: Tx, begins: str, *, payment_keys: Sequence[int], loose_since_us: int | None
) -> Sequence[str]:
    """Return the reasons that begin so of alarms: of payments, and since a moment of no payment."""
    alarming = (_t.c.what == "alarm", _t.c.why.startswith(begins, autoescape=True))
    chosen = []
    if payment_keys:
        chosen.append(select(_t.c.why).where(_t.c.payment.in_(payment_keys), *alarming))
    if loose_since_us is not None:
        loose_ones = (INDEXED, _t.c.at_us >= loose_since_us, _t.c.payment.is_(None))
        chosen.append(select(_t.c.why).where(*loose_ones, *alarming))
    return [row[0] for one in chosen for row in tx.query(one)]


def _entry(row: Row) -> Entry:
    return Entry(
        at_us=row[1],
        project_id=row[2],
        payment=row[3],
        operation=row[4],
        what=row[5],
        status_from=row[6],
        status_to=row[7],
        by=row[8],
        why=row[9],
    )
