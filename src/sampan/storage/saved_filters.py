"""What people keep for the lists of the Dashboard: filters under a name, and chosen columns."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from sampan.storage import schema_users
from sampan.storage.engine import Buildable, Statement, Tx

FILTERS_MAX: Final = 50
"""So many filters one person keeps for one list."""

_f = schema_users.saved_filters
_c = schema_users.list_columns


def _save(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    row = make(_f)
    return row.on_conflict_do_update(
        index_elements=["user_id", "list", "name"],
        set_={"query": row.excluded.query, "updated_us": row.excluded.updated_us},
    )


def _choose(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    row = make(_c)
    return row.on_conflict_do_update(
        index_elements=["user_id", "list"], set_={"columns": row.excluded.columns}
    )


_SAVE = Statement(_save)
_CHOOSE = Statement(_choose)
_OF_USER = Statement(
    select(_f)
    .where(_f.c.user_id == bindparam("of_user"), _f.c.list == bindparam("of_list"))
    .order_by(_f.c.name)
)
_OTHERS = Statement(
    select(func.count()).where(
        _f.c.user_id == bindparam("of_user"),
        _f.c.list == bindparam("of_list"),
        _f.c.name != bindparam("but_name"),
    )
)
_DELETE = Statement(
    delete(_f).where(
        _f.c.id == bindparam("key"),
        _f.c.user_id == bindparam("of_user"),
        _f.c.list == bindparam("of_list"),
    )
)
_COLUMNS = Statement(
    select(_c.c.columns).where(
        _c.c.user_id == bindparam("of_user"), _c.c.list == bindparam("of_list")
    )
)


class SavedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter that a person keeps: `query` is that of the list's address."""

    id: int
    user_id: int
    list: str
    name: str
    query: str
    updated_us: int


def save(tx: Tx, saved: SavedFilter) -> bool:
    """Keep a filter, in place of the person's one of this name; False when there are too many."""
    asked = {"of_user": saved.user_id, "of_list": saved.list, "but_name": saved.name}
    others = tx.one(_OTHERS, asked)
    if others is not None and others[0] >= FILTERS_MAX:
        return False
    tx.do(_SAVE, {name: getattr(saved, name) for name in SavedFilter.__struct_fields__})
    return True


def of_user(tx: Tx, user_id: int, *, of_list: str) -> Sequence[SavedFilter]:
    """Return a person's filters of a list by name."""
    rows = tx.all(_OF_USER, {"of_user": user_id, "of_list": of_list})
    names = SavedFilter.__struct_fields__
    return [SavedFilter(**dict(zip(names, row, strict=True))) for row in rows]


def remove(tx: Tx, user_id: int, *, of_list: str, filter_id: int) -> bool:
    """Forget a filter; False when the person has none of this id in the list."""
    return tx.run(_DELETE, {"key": filter_id, "of_user": user_id, "of_list": of_list}) == 1


def choose_columns(tx: Tx, user_id: int, *, of_list: str, columns: Sequence[str]) -> None:
    """Keep which columns a person wants to see in a list, in this order."""
    told = msgspec.json.encode(list(columns)).decode()
    tx.do(_CHOOSE, {"user_id": user_id, "list": of_list, "columns": told})


def columns_of(tx: Tx, user_id: int, *, of_list: str) -> Sequence[str] | None:
    """Return the columns that a person chose for a list, None when they never did."""
    row = tx.one(_COLUMNS, {"of_user": user_id, "of_list": of_list})
    return None if row is None else msgspec.json.decode(row[0], type=list[str])
