"""The boards of figures that people have made their own."""

import msgspec
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from sampan.domain.analytics_spec import Spec
from sampan.domain.board import Panel, Panels
from sampan.storage import schema
from sampan.storage.engine import Buildable, Statement, Tx

_b, _p = schema.boards, schema.board_panels
_spec = msgspec.json.Decoder(Spec)


def _take(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    row = make(_b)
    return row.on_conflict_do_update(
        index_elements=["user_id"], set_={"updated_us": row.excluded.updated_us}
    ).returning(_b.c.last_number)


_TAKE = Statement(_take)
_BOARD = Statement(select(_b.c.last_number).where(_b.c.user_id == bindparam("of_user")))
_NUMBER = Statement(
    _b.update()
    .where(_b.c.user_id == bindparam("of_user"))
    .values(last_number=bindparam("to_number"))
)
_FORGET = Statement(delete(_b).where(_b.c.user_id == bindparam("of_user")))
_PANELS = Statement(
    select(_p.c.number, _p.c.title, _p.c.width, _p.c.spec)
    .where(_p.c.user_id == bindparam("of_user"))
    .order_by(_p.c.position)
)
_INSERT = Statement(insert(_p))
_DELETE = Statement(delete(_p).where(_p.c.user_id == bindparam("of_user")))


def of_user(tx: Tx, user_id: int) -> Panels | None:
    """Return a person's panels in their order; None when they never changed the board.

    A panel that this version cannot read is left out.
    """
    if tx.one(_BOARD, {"of_user": user_id}) is None:
        return None
    return [
        Panel(number=number, title=title, width=width, spec=spec)
        for number, title, width, text in tx.all(_PANELS, {"of_user": user_id})
        if (spec := _read(text)) is not None
    ]


def take(tx: Tx, user_id: int, *, now_us: int) -> int:
    """Make the board the person's own, and let nobody else change it before this is committed.

    Returns the last number that a panel of it was given: 0 when the board is new.
    """
    row = tx.one(_TAKE, {"user_id": user_id, "last_number": 0, "updated_us": now_us})
    assert row is not None  # noqa: S101 - it was inserted, or it was there
    return int(row[0])


def keep(tx: Tx, user_id: int, panels: Panels, *, last_number: int) -> None:
    """Keep these panels in this order, in place of all others of the person."""
    tx.run(_DELETE, {"of_user": user_id})
    for position, panel in enumerate(panels):
        tx.do(
            _INSERT,
            {
                "user_id": user_id,
                "number": panel.number,
                "position": position,
                "title": panel.title,
                "width": panel.width,
                "spec": msgspec.json.encode(panel.spec).decode(),
            },
        )
    tx.run(_NUMBER, {"of_user": user_id, "to_number": last_number})


def forget(tx: Tx, user_id: int) -> None:
    """Forget a person's board: it is again as it comes."""
    tx.run(_DELETE, {"of_user": user_id})
    tx.run(_FORGET, {"of_user": user_id})


def _read(text: str) -> Spec | None:
    """Read a spec; None for one that this version does not know."""
    try:
        return _spec.decode(text)
    except msgspec.ValidationError:
        return None
