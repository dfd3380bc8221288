"""Decisions of people about money, and those that wait for a second person."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, insert, or_, select, tuple_, update

from sampan.domain.money_decisions import Wish
from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Tx

_t = schema.decisions
_wish: Final = msgspec.json.Decoder(Wish)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wished: proposed, done, refused by a second person, or withdrawn.

    `by` wished it for `why`, as the journal writes people; `ended_by` is the second person, or the
    same one where one suffices. `credit`, `payment` and `project_id` are what it is about, the
    first of several.
    """

    id: int
    what: str
    status: str
    credit: int | None
    payment: int | None
    project_id: int | None
    asked: Wish
    by: str
    why: str
    created_us: int
    ended_by: str = ""
    ended_why: str = ""
    ended_us: int | None = None


_INSERT = Statement(insert(_t))
_ONE = Statement(select(_t).where(_t.c.id == bindparam("key")))
_END = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == "proposed")
    .values(
        status=bindparam("status_to"),
        ended_by=bindparam("who"),
        ended_why=bindparam("because"),
        ended_us=bindparam("now_us"),
    )
)
_ABOUT = Statement(
    select(_t)
    .where(or_(_t.c.credit == bindparam("credit_key"), _t.c.payment == bindparam("payment_key")))
    .order_by(_t.c.created_us, _t.c.id)
)


def _decision(row: Row) -> Decision:
    fields = dict(zip(Decision.__struct_fields__, row, strict=True))
    return Decision(**fields | {"asked": _wish.decode(fields["asked"])})


def add(tx: Tx, decision: Decision) -> None:
    """Keep a decision."""
    row = {name: getattr(decision, name) for name in Decision.__struct_fields__}
    tx.do(_INSERT, row | {"asked": msgspec.json.encode(decision.asked).decode()})


def find(tx: Tx, key: int) -> Decision | None:
    """Return a decision, None when there is none."""
    row = tx.one(_ONE, {"key": key})
    return _decision(row) if row else None


def end(tx: Tx, after: Decision) -> bool:
    """Write how a proposed decision ended; False when it has ended already."""
    asked = {
        "key": after.id,
        "status_to": after.status,
        "who": after.ended_by,
        "because": after.ended_why,
        "now_us": after.ended_us,
    }
    return tx.run(_END, asked) == 1


def about(tx: Tx, *, credit: int | None = None, payment: int | None = None) -> Sequence[Decision]:
    """Return what was decided or wished about a credit or a payment, the oldest first."""
    # No row has the key 0.
    rows = tx.all(_ABOUT, {"credit_key": credit or 0, "payment_key": payment or 0})
    return [_decision(row) for row in rows]


def page(
    tx: Tx, *, status: str | None, after: tuple[int, int] | None = None, most: int
) -> Sequence[Decision]:
    """Return decisions of a status, None of all, the newest first, from below (time, id)."""
    chosen = select(_t).order_by(_t.c.created_us.desc(), _t.c.id.desc()).limit(most)
    if status is not None:
        chosen = chosen.where(_t.c.status == status)
    if after is not None:
        chosen = chosen.where(tuple_(_t.c.created_us, _t.c.id) < after)
    return [_decision(row) for row in tx.query(chosen)]
