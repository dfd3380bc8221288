"""Looks of the Payment Page, by project and number."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from sampan.domain.look import Look
from sampan.storage import schema
from sampan.storage.engine import Statement, Tx

_t = schema.page_styles
_INSERT = Statement(insert(_t))
_DELETE = Statement(
    delete(_t).where(_t.c.project_id == bindparam("of_project"), _t.c.number == bindparam("of_no"))
)
_OF_PROJECT = Statement(
    select(_t.c.number, _t.c.name, _t.c.look, _t.c.updated_us)
    .where(_t.c.project_id == bindparam("of_project"))
    .order_by(_t.c.number)
)
_ONE = Statement(
    # The wished one before the default.
    select(_t.c.number, _t.c.name, _t.c.look, _t.c.updated_us)
    .where(_t.c.project_id == bindparam("of_project"), _t.c.number.in_([0, bindparam("of_no")]))
    .order_by(_t.c.number.desc())
    .limit(1)
)
_look = msgspec.json.Decoder(Look)


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """A look with its number (`style_id`; 0 is the default) and a name for people."""

    number: int
    name: str
    look: Look
    updated_us: int


def put(tx: Tx, project_id: int, style: Style) -> None:
    """Keep a style in place of the one with its number."""
    remove(tx, project_id, style.number)
    tx.do(
        _INSERT,
        {
            "id": tx.new_id(),
            "project_id": project_id,
            "number": style.number,
            "name": style.name,
            "look": msgspec.json.encode(style.look).decode(),
            "updated_us": style.updated_us,
        },
    )


def remove(tx: Tx, project_id: int, number: int) -> bool:
    """Remove a style; False where there is none."""
    return tx.run(_DELETE, {"of_project": project_id, "of_no": number}) == 1


def of_project(tx: Tx, project_id: int) -> Sequence[Style]:
    """Return a project's styles by number."""
    return [
        Style(number=row[0], name=row[1], look=_look.decode(row[2]), updated_us=row[3])
        for row in tx.all(_OF_PROJECT, {"of_project": project_id})
    ]


def find(tx: Tx, project_id: int, number: int) -> Look:
    """Return the look with a number, else the project's default, else the house's."""
    row = tx.one(_ONE, {"of_project": project_id, "of_no": number})
    return _look.decode(row[2]) if row else Look()
