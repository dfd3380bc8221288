"""Who asks the Data API, how often, and the token that a person's programs ask with.

The way of the door: `caller` finds who a token belongs to, the door verifies the signature outside
any transaction, then `admit` counts the call. Only calls that are signed are counted, so nobody
uses up what another one may ask.
"""

from dataclasses import dataclass, field
from typing import Final

from sampan.clock import MINUTE_US, SECOND_US, Clock
from sampan.domain.rights import Right, rights_of
from sampan.flow.team import Act, note
from sampan.storage import api_tokens, users
from sampan.storage.api_tokens import Calls, Key
from sampan.storage.engine import Tx
from sampan.storage.users import User
from sampan.storage.vault import Vault

CALLS_MAX: Final = 60
"""So many calls of one person in any minute (Data API docs, interaction)."""
WIDE_GAP_US: Final = 10 * SECOND_US
"""Between two calls over a long period (Data API docs, retrieving data)."""
WAIT_S_MIN: Final = 3
"""What a program is told to wait at least (Data API docs, interaction)."""
TOKEN_BYTES: Final = 15
"""Thirty characters (Data API docs, interaction)."""
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose program asks; its text form has no secret in it."""

    user: User
    token: str
    secret: str = field(repr=False)

    def may(self, right: Right) -> bool:
        """Whether the person has a right, and that to ask by program at all."""
        return {right, Right.DATA_API_TOKENS} <= rights_of(self.user.roles)


@dataclass(frozen=True, slots=True)
class Wait:
    """Too many calls: come again after so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The token was taken away or replaced since it was read."""


def new_key(clock: Clock) -> Key:
    """Return a token and its secret that nobody can guess."""
    return Key(clock.token(TOKEN_BYTES), clock.token(SECRET_BYTES))


def give_token(tx: Tx, user: User, key: Key, *, vault: Vault, act: Act) -> None:
    """Give a person a token; the one before it ends at once. The journal tells of neither."""
    api_tokens.put(tx, user.id, key, vault=vault, now_us=act.now_us)
    note(tx, user, "data API token made", act=act)


def end_token(tx: Tx, user: User, *, act: Act) -> bool:
    """Take a person's token away for good; False when there is none, and nothing is written."""
    ended = api_tokens.forget(tx, user.id)
    if ended:
        note(tx, user, "data API token deleted", act=act)
    return ended


def caller(tx: Tx, token: str, *, vault: Vault) -> Caller | None:
    """Return whose program asks with a token; None for a token of nobody who may sign in."""
    found = api_tokens.find(tx, token)
    user = None if found is None else users.find(tx, found.user_id)
    if found is None or user is None or user.disabled_us is not None:
        return None
    return Caller(user, found.token, api_tokens.secret_of(found, vault))


def admit(tx: Tx, asking: Caller, *, now_us: int) -> Wait | Ended | None:
    """Count a call of a person; `Wait` when it is one too many, and it is not counted then."""
    if not api_tokens.used(tx, asking.user.id, asking.token, now_us=now_us):
        return Ended()
    calls = api_tokens.hold_calls(tx, asking.user.id)
    # A call that read the clock later may be counted first, so times somewhat ahead count. Those
    # further ahead are left by a clock that was set back, and count no more.
    recent = sorted(at_us for at_us in calls.recent if abs(now_us - at_us) < MINUTE_US)
    if len(recent) >= CALLS_MAX:
        return _wait_until(recent[-CALLS_MAX] + MINUTE_US, now_us)
    api_tokens.keep_calls(
        tx, asking.user.id, Calls(recent=(*recent, now_us), wide_us=calls.wide_us)
    )
    return None


def admit_wide(tx: Tx, asking: Caller, *, now_us: int) -> Wait | None:
    """Let a person ask over a long period; `Wait` when they did so a moment ago."""
    calls = api_tokens.hold_calls(tx, asking.user.id)
    wide_us = calls.wide_us
    if wide_us is not None and abs(now_us - wide_us) < WIDE_GAP_US:
        return _wait_until(wide_us + WIDE_GAP_US, now_us)
    api_tokens.keep_calls(tx, asking.user.id, Calls(recent=calls.recent, wide_us=now_us))
    return None


def _wait_until(at_us: int, now_us: int) -> Wait:
    return Wait(max(WAIT_S_MIN, -((now_us - at_us) // SECOND_US)))
