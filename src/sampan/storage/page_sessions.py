"""Sessions of the Payment Page: one for each signed request, however often it is opened."""

from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx
from sampan.storage.payments import folded

FORGET_MAX: Final = 500

_t = schema.page_sessions


def _insert_or_nothing(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_t).on_conflict_do_nothing()


_COLUMNS = [column for column in _t.c if column.name != "payment_id_folded"]
_INSERT = Statement(_insert_or_nothing)
_ONE = Statement(select(*_COLUMNS).where(_t.c.token == bindparam("key")))
_OF_PAYMENT = Statement(
    select(*_COLUMNS).where(
        _t.c.project_id == bindparam("project_id"), _t.c.payment_id_folded == bindparam("folded")
    )
)
_ATTACH = Statement(
    update(_t).where(_t.c.token == bindparam("key")).values(payment=bindparam("payment_key"))
)
_DETACH = Statement(update(_t).where(_t.c.payment == bindparam("payment_key")).values(payment=None))
_CANCEL = Statement(
    update(_t)
    .where(
        _t.c.project_id == bindparam("of_project"),
        _t.c.payment_id_folded == bindparam("folded"),
        _t.c.payment.is_(None),
        _t.c.cancelled_us.is_(None),
    )
    .values(cancelled_us=bindparam("now_us"))
)
_OLD = (
    select(_t.c.token)
    .where(_t.c.created_us < bindparam("before_us"), _t.c.payment.is_(None))
    .order_by(_t.c.created_us)
    .limit(bindparam("most"))
)
_FORGET = Statement(delete(_t).where(_t.c.token.in_(_OLD.scalar_subquery())))


class PageSession(msgspec.Struct, frozen=True, kw_only=True):
    """An opened page. `token` is its unguessable address, `request` the JSON of what was asked.

    `digest` marks the signed text; `payment` is the key of the payment that this request started.
    """

    token: str
    project_id: int
    payment_id: str
    digest: str
    request: str
    payment: int | None
    created_us: int
    cancelled_us: int | None = None


def _session(row: Row) -> PageSession:
    names = PageSession.__struct_fields__
    return PageSession(**dict(zip(names, row, strict=True)))


def insert(tx: Tx, session: PageSession) -> bool:
    """Keep a session; False when its token is kept already."""
    row = {name: getattr(session, name) for name in session.__struct_fields__}
    return tx.run(_INSERT, row | {"payment_id_folded": folded(session.payment_id)}) == 1


def find(tx: Tx, token: str) -> PageSession | None:
    """Return a session by its token."""
    row = tx.one(_ONE, {"key": token})
    return _session(row) if row else None


def of_payment_id(tx: Tx, project_id: int, payment_id: str) -> list[PageSession]:
    """Return the sessions that were opened for a payment id."""
    rows = tx.all(_OF_PAYMENT, {"project_id": project_id, "folded": folded(payment_id)})
    return [_session(row) for row in rows]


def attach(tx: Tx, token: str, *, payment: int) -> None:
    """Note which payment a session started."""
    tx.do(_ATTACH, {"key": token, "payment_key": payment})


def detach(tx: Tx, *, payment: int) -> None:
    """Part a payment from every session that started it: another request begins it anew."""
    tx.do(_DETACH, {"payment_key": payment})


def cancel(tx: Tx, project_id: int, payment_id: str, *, now_us: int) -> int:
    """Cancel the sessions of a payment id that have started nothing; return how many."""
    named = {"of_project": project_id, "folded": folded(payment_id)}
    return tx.run(_CANCEL, named | {"now_us": now_us})


def forget(tx: Tx, *, before_us: int) -> int:
    """Delete up to `FORGET_MAX` old sessions that never started a payment; return how many."""
    return tx.run(_FORGET, {"before_us": before_us, "most": FORGET_MAX})
