"""People of the Dashboard and their sessions.

Who changes a person takes the row with one of the `hold` functions first and then writes it whole
with `change`: on a server the row stays locked until the commit, and SQLite has one writer anyway.
So what was read is still true when it is written, and two guesses at once are counted as two.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Select, bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.domain.passwords import folded
from sampan.domain.rights import Role
from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx

_t = schema.users
_s = schema.user_sessions
_COLUMNS = [column for column in _t.c if column.name != "email_folded"]
_PLAIN: Select[tuple[object, ...]] = select(*_COLUMNS)


def _insert_or_nothing(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(_t).on_conflict_do_nothing()


_INSERT = Statement(_insert_or_nothing)
_BY_EMAIL = Statement(_PLAIN.where(_t.c.email_folded == bindparam("folded")))
_BY_INVITATION = Statement(_PLAIN.where(_t.c.invited_sha == bindparam("sha")))
_EVERY = Statement(_PLAIN.order_by(_t.c.email_folded))
_ONE = Statement(_PLAIN.where(_t.c.id == bindparam("key")))
# SQLite has no FOR UPDATE and needs none: SQLAlchemy leaves it out there.
_HOLD = Statement(_PLAIN.where(_t.c.id == bindparam("key")).with_for_update())
_HOLD_BY_EMAIL = Statement(_PLAIN.where(_t.c.email_folded == bindparam("folded")).with_for_update())
_HOLD_BY_INVITATION = Statement(
    _PLAIN.where(_t.c.invited_sha == bindparam("sha")).with_for_update()
)
# In one order, so that two who hold everybody never wait for each other.
_HOLD_EVERY = Statement(_PLAIN.order_by(_t.c.id).with_for_update())
_KEPT = {"id", "email", "email_folded", "created_us"}
_CHANGE = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"))
    .values({c.name: bindparam(f"to_{c.name}", type_=c.type) for c in _t.c if c.name not in _KEPT})
)
_OPEN = Statement(insert(_s))
_SESSION = Statement(select(_s).where(_s.c.token_sha == bindparam("sha")))
_SESSIONS = Statement(
    select(_s).where(_s.c.user_id == bindparam("of_user")).order_by(_s.c.created_us, _s.c.token_sha)
)
_SEEN = Statement(
    update(_s).where(_s.c.token_sha == bindparam("sha")).values(seen_us=bindparam("now_us"))
)
_PASS = Statement(update(_s).where(_s.c.token_sha == bindparam("sha")).values(passed_totp=1))
_END = Statement(
    delete(_s).where(_s.c.user_id == bindparam("of_user"), _s.c.token_sha == bindparam("sha"))
)
_END_ALL = Statement(
    delete(_s).where(_s.c.user_id == bindparam("of_user"), _s.c.token_sha != bindparam("but"))
)

_FORGET = Statement(
    delete(_s).where(or_(_s.c.ends_us <= bindparam("now_us"), _s.c.seen_us <= bindparam("idle_us")))
)


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person. Its text form has no secret in it.

    `recovery` holds the SHA-256 of each recovery code that is left, `invited_sha` that of the
    token of an open invitation. A second factor counts once `totp_step` is set: the last time step
    whose code was taken.
    """

    id: int
    email: str
    name: str
    password_hash: str | None = None
    totp_sealed: str | None = None
    totp_step: int | None = None
    recovery: tuple[str, ...] = ()
    roles: tuple[Role, ...]
    language: str = "en"
    created_us: int
    updated_us: int
    disabled_us: int | None = None
    failures_count: int = 0
    locked_until_us: int | None = None
    invited_sha: str | None = None
    invited_until_us: int | None = None

    def __repr__(self) -> str:
        return f"User(id={self.id}, email={self.email!r})"

    @property
    def has_totp(self) -> bool:
        """Whether a second factor has been proved, so that it is asked for."""
        return self.totp_step is not None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person is signed in; known by the SHA-256 of its token."""

    token_sha: str
    user_id: int
    created_us: int
    seen_us: int
    ends_us: int
    ip_address: str
    agent: str
    passed_totp: bool

    def __repr__(self) -> str:
        return f"Session(user_id={self.user_id}, created_us={self.created_us})"


def _user(row: Row) -> User:
    values = dict(zip(User.__struct_fields__, row, strict=True))
    values["recovery"] = msgspec.json.decode(values["recovery"], type=tuple[str, ...])
    values["roles"] = msgspec.json.decode(values["roles"], type=tuple[Role, ...])
    return User(**values)


def _found(row: Row | None) -> User | None:
    return _user(row) if row else None


def _values(user: User) -> dict[str, object]:
    values = {name: getattr(user, name) for name in User.__struct_fields__}
    values["recovery"] = msgspec.json.encode(user.recovery).decode()
    values["roles"] = msgspec.json.encode(user.roles).decode()
    return values


def add(tx: Tx, user: User) -> bool:
    """Keep a new person; False when the e-mail address is somebody's, in whatever case."""
    return tx.run(_INSERT, {**_values(user), "email_folded": folded(user.email)}) == 1


def find(tx: Tx, user_id: int) -> User | None:
    """Return a person, None when there is none."""
    return _found(tx.one(_ONE, {"key": user_id}))


def by_email(tx: Tx, email: str) -> User | None:
    """Return the person with an e-mail address, in whatever case it is written."""
    return _with_email(tx, _BY_EMAIL, email)


def _with_email(tx: Tx, statement: Statement, email: str) -> User | None:
    # What PostgreSQL cannot hold is nobody's address.
    if "\0" in email or any("\ud800" <= char <= "\udfff" for char in email):
        return None
    return _found(tx.one(statement, {"folded": folded(email)}))


def by_invitation(tx: Tx, sha: str) -> User | None:
    """Return who was invited with a token of this SHA-256, also when it is too late."""
    return _found(tx.one(_BY_INVITATION, {"sha": sha}))


def every(tx: Tx) -> Sequence[User]:
    """Return everybody by e-mail address."""
    return [_user(row) for row in tx.all(_EVERY, {})]


def hold(tx: Tx, user_id: int) -> User | None:
    """Return a person whom nobody else changes until this transaction ends."""
    return _found(tx.one(_HOLD, {"key": user_id}))


def hold_by_email(tx: Tx, email: str) -> User | None:
    """Do what `by_email` does, as `hold`."""
    return _with_email(tx, _HOLD_BY_EMAIL, email)


def hold_by_invitation(tx: Tx, sha: str) -> User | None:
    """Do what `by_invitation` does, as `hold`."""
    return _found(tx.one(_HOLD_BY_INVITATION, {"sha": sha}))


def hold_every(tx: Tx) -> Sequence[User]:
    """Return everybody, as `hold`, by id."""
    return [_user(row) for row in tx.all(_HOLD_EVERY, {})]


def change(tx: Tx, user: User) -> None:
    """Write a person that this transaction holds; id, e-mail and beginning stay."""
    changed = {f"to_{name}": v for name, v in _values(user).items() if name not in _KEPT}
    tx.do(_CHANGE, {**changed, "key": user.id})


def open_session(tx: Tx, session: Session) -> None:
    """Keep a new session."""
    values = {name: getattr(session, name) for name in Session.__struct_fields__}
    tx.do(_OPEN, {**values, "passed_totp": int(session.passed_totp)})


def _session(row: Row) -> Session:
    values = dict(zip(Session.__struct_fields__, row, strict=True))
    return Session(**{**values, "passed_totp": bool(values["passed_totp"])})


def session(tx: Tx, sha: str) -> Session | None:
    """Return a session, None when there is none; whether it has ended is not looked at."""
    row = tx.one(_SESSION, {"sha": sha})
    return _session(row) if row else None


def sessions_of(tx: Tx, user_id: int) -> Sequence[Session]:
    """Return a person's sessions, oldest first."""
    return [_session(row) for row in tx.all(_SESSIONS, {"of_user": user_id})]


def seen(tx: Tx, sha: str, *, now_us: int) -> None:
    """Note that a session is used."""
    tx.do(_SEEN, {"sha": sha, "now_us": now_us})


def pass_totp(tx: Tx, sha: str) -> None:
    """Note that a session has passed the second factor."""
    tx.do(_PASS, {"sha": sha})


def end_session(tx: Tx, user_id: int, sha: str) -> bool:
    """Forget one session of a person; False when it is not there."""
    return tx.run(_END, {"of_user": user_id, "sha": sha}) == 1


def end_sessions(tx: Tx, user_id: int, *, but: str = "") -> int:
    """Forget a person's sessions, all but the one with this SHA-256; return how many."""
    return tx.run(_END_ALL, {"of_user": user_id, "but": but})


def forget_sessions(tx: Tx, *, now_us: int, idle_us: int) -> int:
    """Forget every session that has ended by `now_us` or was last used by `idle_us`."""
    return tx.run(_FORGET, {"now_us": now_us, "idle_us": idle_us})
