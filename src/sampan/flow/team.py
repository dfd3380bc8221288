"""The people of the Dashboard: who is one, with which roles, and how one becomes one.

Each use case takes hold of the whole team first, which is small: so that no two admins take the
last admin away from each other at the same moment. Passwords come hashed and tokens are made
outside, see `flow.passwords`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

import msgspec

from sampan.clock import HOUR_US
from sampan.domain.codes import Code
from sampan.domain.passwords import email_fault, password_fault
from sampan.domain.rights import Right, Role, rights_of
from sampan.errors import Refusal
from sampan.storage import journal, users
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.users import User

INVITATION_US: Final = 72 * HOUR_US
TOKEN_BYTES: Final = 32
"""Of invitations and sessions; what is kept of either is its SHA-256."""
NAME_CHARS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does to the team: when, who, why; stands in the journal.

    `user` is the id of who is signed in and needs the right; None is the command line, which
    belongs to whoever owns the machine.
    """

    now_us: int
    by: str
    why: str = ""
    user: int | None = None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who is to be added; with a password's hash, or with the token of an invitation."""

    email: str
    roles: Sequence[Role]
    name: str = ""
    language: str = "en"
    password_hash: str | None = field(default=None, repr=False)
    invitation: str | None = field(default=None, repr=False)


def sha_of(token: str) -> str:
    """Return what is kept of a token, of which nobody can make the token again."""
    return hashlib.sha256(token.encode()).hexdigest()


def add_user(tx: Tx, new: Newcomer, *, act: Act) -> User:
    """Add a person. Raises `Refusal` for a bad address, one in use, no role, or no right."""
    hold_team(tx, act)
    email = new.email.strip()
    fault = email_fault(email)
    if fault is not None:
        _refuse(fault, http_status=400)
    if not new.name.isprintable() or len(new.name) > NAME_CHARS_MAX:
        _refuse(f"a name has at most {NAME_CHARS_MAX} printable characters", http_status=400)
    user = User(
        id=tx.new_id(),
        email=email,
        name=new.name,
        password_hash=new.password_hash,
        roles=_checked(new.roles),
        language=new.language,
        created_us=act.now_us,
        updated_us=act.now_us,
        invited_sha=None if new.invitation is None else sha_of(new.invitation),
        invited_until_us=None if new.invitation is None else act.now_us + INVITATION_US,
    )
    if not users.add(tx, user):
        _refuse(f"somebody has the e-mail address {email} already")
    note(tx, user, "user added", act=act, change=_names(user.roles))
    return user


def invite(tx: Tx, user_id: int, *, token: str, act: Act) -> User:
    """Invite a person, anew when invited before: the older invitation is worth nothing then.

    The old password, if any, is good until the new one is set. Raises `Refusal`.
    """
    user = _one(hold_team(tx, act), user_id)
    if user.disabled_us is not None:
        _refuse(f"{user.email} is disabled")
    until_us = act.now_us + INVITATION_US
    after = _changed(tx, user, act, invited_sha=sha_of(token), invited_until_us=until_us)
    note(tx, user, "user invited", act=act)
    return after


def invited(tx: Tx, token: str, *, now_us: int) -> User | None:
    """Return whom a token invites at this time, None when nobody."""
    return _still(users.by_invitation(tx, sha_of(token)), now_us)


def accept_invitation(tx: Tx, token: str, *, password_hash: str, now_us: int) -> User:
    """Set the password of who was invited; ends the sessions that the old password opened.

    Raises `Refusal` when the invitation is unknown, used, replaced or too old.
    """
    user = _still(users.hold_by_invitation(tx, sha_of(token)), now_us)
    if user is None:
        _refuse("this invitation is not good any more; ask for a new one", http_status=404)
    act = Act(now_us, f"staff:{user.email}")
    after = _changed(
        tx,
        user,
        act,
        password_hash=password_hash,
        failures_count=0,
        locked_until_us=None,
        invited_sha=None,
        invited_until_us=None,
    )
    users.end_sessions(tx, user.id)
    note(tx, user, "password set", act=act)
    return after


def refuse_bad_password(password: str, email: str) -> None:
    """Raise `Refusal` for a password that a person with this address must not take."""
    fault = password_fault(password, email)
    if fault is not None:
        _refuse(fault, http_status=400)


def set_roles(tx: Tx, user_id: int, *, roles: Sequence[Role], act: Act) -> User:
    """Give a person these roles and no others, from the next request on.

    Raises `Refusal` without a reason, a role or the right, and when no admin would be left.
    """
    team = hold_team(tx, act)
    _ask_for_a_reason(act)
    user, wanted = _one(team, user_id), _checked(roles)
    if Role.ADMIN not in wanted:
        _keep_an_admin(team, user)
    after = _changed(tx, user, act, roles=wanted)
    change = f"{_names(user.roles)} → {_names(wanted)}"
    note(tx, user, "roles set", act=act, change=change)
    return after


def disable(tx: Tx, user_id: int, *, act: Act) -> User:
    """Shut a person out at once: sessions and invitations end. A repeat changes nothing.

    Raises `Refusal` without a reason or the right, and when no admin would be left.
    """
    team = hold_team(tx, act)
    _ask_for_a_reason(act)
    user = _one(team, user_id)
    if user.disabled_us is not None:
        return user
    _keep_an_admin(team, user)
    after = _changed(tx, user, act, disabled_us=act.now_us, invited_sha=None, invited_until_us=None)
    users.end_sessions(tx, user.id)
    note(tx, user, "user disabled", act=act)
    return after


def enable(tx: Tx, user_id: int, *, act: Act) -> User:
    """Let a person in again, with the old password, and lift a lock.

    Raises `Refusal` without a reason or the right.
    """
    team = hold_team(tx, act)
    _ask_for_a_reason(act)
    user = _one(team, user_id)
    after = _changed(tx, user, act, disabled_us=None, failures_count=0, locked_until_us=None)
    note(tx, user, "user enabled", act=act)
    return after


def reset_totp(tx: Tx, user_id: int, *, act: Act) -> User:
    """Take a person's second factor and recovery codes away; sessions end.

    Raises `Refusal` without a reason or the right. Who resets has made sure who asks.
    """
    team = hold_team(tx, act)
    _ask_for_a_reason(act)
    user = _one(team, user_id)
    after = _changed(tx, user, act, totp_sealed=None, totp_step=None, recovery=())
    users.end_sessions(tx, user.id)
    note(tx, user, "second factor reset", act=act)
    return after


def hold_team(tx: Tx, act: Act) -> dict[int, User]:
    """Hold everybody, by id. Raises `Refusal` for who has not the right to change the team."""
    team = {user.id: user for user in users.hold_every(tx)}
    if not act.by.strip():
        _refuse("a change of the team needs a person")
    if act.user is not None:
        actor = team.get(act.user)
        allowed = actor is not None and actor.disabled_us is None
        if actor is None or not allowed or Right.TEAM not in rights_of(actor.roles):
            _refuse("this needs the right to change the team", http_status=403)
    return team


def note(tx: Tx, user: User, what: str, *, act: Act, change: str = "") -> None:
    """Write into the journal what was done to a person, and what changed in which way."""
    told = ": ".join(text for text in (user.email, change, act.why) if text)
    journal.write(tx, Entry(at_us=act.now_us, project_id=0, what=what, by=act.by, why=told))


def _one(team: dict[int, User], user_id: int) -> User:
    user = team.get(user_id)
    if user is None:
        _refuse("there is no such person", http_status=404)
    return user


def _keep_an_admin(team: dict[int, User], leaving: User) -> None:
    """Refuse to take away the last admin who can sign in."""
    others = [
        user
        for user in team.values()
        if user.id != leaving.id
        and Role.ADMIN in user.roles
        and user.disabled_us is None
        and user.password_hash is not None
    ]
    if Role.ADMIN in leaving.roles and leaving.disabled_us is None and not others:
        _refuse(f"{leaving.email} is the last admin who can sign in; make another one first")


def _changed(tx: Tx, user: User, act: Act, **values: object) -> User:
    after = msgspec.structs.replace(user, updated_us=act.now_us, **values)
    users.change(tx, after)
    return after


def _still(user: User | None, now_us: int) -> User | None:
    if user is None or user.invited_until_us is None or now_us >= user.invited_until_us:
        return None
    return user


def _checked(roles: Sequence[Role]) -> tuple[Role, ...]:
    if not roles:
        _refuse("a person needs a role", http_status=400)
    return tuple(role for role in Role if role in roles)


def _names(roles: Sequence[Role]) -> str:
    return ", ".join(role.value for role in roles)


def _ask_for_a_reason(act: Act) -> None:
    if not act.why.strip():
        _refuse("a change of the team needs a reason")


def _refuse(why: str, *, http_status: int = 409) -> NoReturn:
    raise Refusal(Code.STATUS_FORBIDS, why, http_status=http_status)
