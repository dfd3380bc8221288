"""Tokens of the Data API and how often each person's programs call it.

A person has one token: a new one takes the place of the old one. Calls are counted by person, so
that neither a new token nor another process gives more of them.
"""

from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx
from sampan.storage.vault import Vault

_t = schema.api_tokens
_c = schema.api_calls


def _put(dialect: str) -> Buildable:
    made: Any = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(_t)
    taken = ("token", "secret_sealed", "created_us", "last_used_us")
    return made.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["user_id"], set_={name: made.excluded[name] for name in taken}
    )


def _begin(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_c).on_conflict_do_nothing()


_PUT = Statement(_put)
_BY_TOKEN = Statement(select(_t).where(_t.c.token == bindparam("of_token")))
_BY_USER = Statement(select(_t).where(_t.c.user_id == bindparam("of_user")))
_DELETE = Statement(delete(_t).where(_t.c.user_id == bindparam("of_user")))
_USED = Statement(
    update(_t)
    .where(_t.c.user_id == bindparam("of_user"), _t.c.token == bindparam("of_token"))
    .values(last_used_us=bindparam("now_us"))
)
_BEGIN = Statement(_begin)
# SQLite has no FOR UPDATE and needs none: SQLAlchemy leaves it out there.
_HOLD = Statement(
    select(_c.c.recent, _c.c.wide_us).where(_c.c.user_id == bindparam("of_user")).with_for_update()
)
_KEEP = Statement(
    update(_c)
    .where(_c.c.user_id == bindparam("of_user"))
    .values(recent=bindparam("to_recent"), wide_us=bindparam("to_wide_us"))
)


class Key(msgspec.Struct, frozen=True):
    """A token and its secret, as a person is shown them once; its text form has neither."""

    token: str
    secret: str

    def __repr__(self) -> str:
        return "Key()"


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """A person's token as kept; its text form has no secret in it."""

    user_id: int
    token: str
    secret_sealed: str
    created_us: int
    last_used_us: int | None = None

    def __repr__(self) -> str:
        return f"ApiToken(user_id={self.user_id})"


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """When a person's programs called: lately, and for the last time over a long period."""

    recent: tuple[int, ...] = ()
    wide_us: int | None = None


def _row_name(user_id: int, token: str) -> str:
    return f"api_tokens/{user_id}/{token}/secret"


def _token(row: Row | None) -> ApiToken | None:
    return ApiToken(**dict(zip(ApiToken.__struct_fields__, row, strict=True))) if row else None


def put(tx: Tx, user_id: int, key: Key, *, vault: Vault, now_us: int) -> None:
    """Give a person a token with its secret; the one before it is worth nothing then."""
    values = {
        "user_id": user_id,
        "token": key.token,
        "secret_sealed": vault.seal(key.secret, _row_name(user_id, key.token)),
        "created_us": now_us,
        "last_used_us": None,
    }
    tx.do(_PUT, values)


def find(tx: Tx, token: str) -> ApiToken | None:
    """Return a token, None for one that is nobody's or no longer so."""
    return _token(tx.one(_BY_TOKEN, {"of_token": token}))


def of_user(tx: Tx, user_id: int) -> ApiToken | None:
    """Return a person's token, None without one."""
    return _token(tx.one(_BY_USER, {"of_user": user_id}))


def secret_of(found: ApiToken, vault: Vault) -> str:
    """Return the secret of a token, for signing."""
    return vault.unseal(found.secret_sealed, _row_name(found.user_id, found.token))


def forget(tx: Tx, user_id: int) -> bool:
    """Take a person's token away; False when there is none."""
    return tx.run(_DELETE, {"of_user": user_id}) == 1


def used(tx: Tx, user_id: int, token: str, *, now_us: int) -> bool:
    """Note that a token is used; False when it is no longer the person's."""
    return tx.run(_USED, {"of_user": user_id, "of_token": token, "now_us": now_us}) == 1


def hold_calls(tx: Tx, user_id: int) -> Calls:
    """Return a person's calls, which nobody else counts until this transaction ends."""
    tx.run(_BEGIN, {"user_id": user_id, "recent": "[]", "wide_us": None})
    row = tx.one(_HOLD, {"of_user": user_id})
    assert row is not None  # noqa: S101 - begun above
    return Calls(recent=msgspec.json.decode(row[0], type=tuple[int, ...]), wide_us=row[1])


def keep_calls(tx: Tx, user_id: int, calls: Calls) -> None:
    """Write a person's calls, held before."""
    recent = msgspec.json.encode(calls.recent).decode()
    tx.do(_KEEP, {"of_user": user_id, "to_recent": recent, "to_wide_us": calls.wide_us})
