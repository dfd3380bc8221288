"""Whose program asks, and how often it may."""

from __future__ import annotations

from typing import Final

import pytest

from sampan.clock import MINUTE_US, SECOND_US
from sampan.domain.rights import Right, Role
from sampan.flow import data_api, team
from sampan.flow.data_api import CALLS_MAX, Caller, Ended, Wait
from sampan.storage import api_tokens
from sampan.storage.api_tokens import Key
from sampan.storage.engine import Tx
from sampan.storage.users import User
from tests.support.flow_world import FlowWorld
from tests.support.people import ONE_ENGINE, People

FIRST: Final = Key("a" * 30, "a secret")
SECOND: Final = Key("b" * 30, "another secret")


class Asking(People):
    """A person and their programs."""

    def __init__(self, flow: FlowWorld) -> None:
        super().__init__(flow)
        self.amy = self.add()

    def give(self, key: Key = FIRST, user: User | None = None) -> None:
        """Give a person a token."""
        act, whose = self.act(""), user or self.amy
        self.flow.do(lambda tx: data_api.give_token(tx, whose, key, vault=self.vault, act=act))

    def caller(self, key: Key = FIRST) -> Caller | None:
        """Return who asks with a token."""
        return self.flow.do(lambda tx: data_api.caller(tx, key.token, vault=self.vault))

    def known(self, key: Key = FIRST) -> Caller:
        """Return who asks with a token that is somebody's."""
        found = self.caller(key)
        assert found is not None
        return found

    def admit(self, asking: Caller, at_us: int | None = None) -> Wait | Ended | None:
        """Count a call."""
        now_us = self.flow.next_us() if at_us is None else at_us
        return self.flow.do(lambda tx: data_api.admit(tx, asking, now_us=now_us))

    def admit_wide(self, asking: Caller, at_us: int) -> Wait | None:
        """Let somebody ask over a long period."""
        return self.flow.do(lambda tx: data_api.admit_wide(tx, asking, now_us=at_us))


@pytest.fixture
def asking(flow: FlowWorld) -> Asking:
    """An admin without a token."""
    return Asking(flow)


def test_new_keys(flow: FlowWorld) -> None:
    """A token has 30 characters, as the field's has; none is drawn twice; neither shows itself."""
    one, two = data_api.new_key(flow.clock), data_api.new_key(flow.clock)
    assert len(one.token) == 30
    assert len(one.secret) == 64
    assert len({one.token, two.token, one.secret, two.secret}) == 4
    assert one.secret not in repr(one)
    assert one.token not in repr(one)


def test_token_is_kept_sealed(asking: Asking) -> None:
    """What is kept of a secret is sealed to its row; the journal tells of neither."""
    asking.give()
    found = asking.flow.do(lambda tx: api_tokens.of_user(tx, asking.amy.id))
    assert found is not None
    assert FIRST.secret not in found.secret_sealed
    assert found.secret_sealed not in repr(found)
    assert api_tokens.secret_of(found, asking.vault) == FIRST.secret
    assert asking.known().secret == FIRST.secret
    assert FIRST.secret not in repr(asking.known())
    asking.give(SECOND)
    assert asking.caller(FIRST) is None
    assert asking.known(SECOND).secret == SECOND.secret
    made = ("data API token made", "staff:ops", "amy@tea.example")
    assert asking.journal()[1:] == [made, made]


def test_ended_token(asking: Asking) -> None:
    """A token that was taken away, also between being read and being counted, is nobody's."""
    asking.give()
    before, act = asking.known(), asking.act("")
    assert asking.flow.do(lambda tx: data_api.end_token(tx, asking.amy, act=act))
    assert not asking.flow.do(lambda tx: data_api.end_token(tx, asking.amy, act=act))
    assert asking.caller() is None
    assert asking.admit(before) == Ended()
    asking.give(SECOND)
    assert asking.admit(before) == Ended()
    assert [row[0] for row in asking.journal()[1:]] == [
        "data API token made",
        "data API token deleted",
        "data API token made",
    ]


def test_who_is_shut_out(asking: Asking) -> None:
    """A disabled person's token is nobody's until they are let in again."""
    bob = asking.add("bob@tea.example", Role.FINANCE)
    asking.give(user=bob)
    act = asking.act("left")
    asking.flow.do(lambda tx: team.disable(tx, bob.id, act=act))
    assert asking.caller() is None
    asking.flow.do(lambda tx: team.enable(tx, bob.id, act=act))
    assert asking.known().user.email == bob.email


@ONE_ENGINE
def test_rights(asking: Asking) -> None:
    """A program may what its person may."""
    bob = asking.add("bob@tea.example", Role.SUPPORT)
    asking.give(user=bob)
    assert asking.known().may(Right.VIEW_PAYMENTS)
    assert not asking.known().may(Right.FINANCE)


def test_calls_are_counted(asking: Asking) -> None:
    """Sixty in any minute: the window moves with the calls, and refused ones are not in it."""
    asking.give()
    amy, start = asking.known(), asking.flow.next_us()
    for number in range(CALLS_MAX):
        assert asking.admit(amy, start + number * SECOND_US // 2) is None
    # The sixtieth was 29.5 s after the first.
    assert asking.admit(amy, start + 30 * SECOND_US) == Wait(30)
    assert asking.admit(amy, start + 30 * SECOND_US + 1) == Wait(30)
    assert asking.admit(amy, start + MINUTE_US - 1) == Wait(3)
    assert asking.admit(amy, start + MINUTE_US) is None
    assert asking.admit(amy, start + MINUTE_US) == Wait(3)
    assert asking.admit(amy, start + MINUTE_US + SECOND_US // 2) is None
    used = asking.flow.do(lambda tx: api_tokens.of_user(tx, asking.amy.id))
    assert used is not None
    assert used.last_used_us == start + MINUTE_US + SECOND_US // 2


def test_clock_set_back(asking: Asking) -> None:
    """Calls that lie ahead of a clock that was set back shut nobody out."""
    asking.give()
    amy, start = asking.known(), asking.flow.next_us()
    for number in range(CALLS_MAX):
        assert asking.admit(amy, start + number) is None
    assert asking.admit_wide(amy, start) is None
    assert asking.admit(amy, start - 60 * MINUTE_US) is None
    assert asking.admit_wide(amy, start - 60 * MINUTE_US) is None


def test_calls_counted_in_another_order(asking: Asking) -> None:
    """Of two processes the one that read the clock first may count last: no call is forgotten."""
    asking.give()
    amy, start = asking.known(), asking.flow.next_us()
    for number in range(CALLS_MAX):
        assert asking.admit(amy, start - number) is None
    assert asking.admit(amy, start - CALLS_MAX) == Wait(61)
    assert asking.admit(amy, start + 1) == Wait(60)
    assert asking.admit_wide(amy, start) is None
    assert asking.admit_wide(amy, start - 1) == Wait(11)


def test_long_periods(asking: Asking) -> None:
    """One long period in ten seconds; a token in the place of another changes nothing about it."""
    asking.give()
    amy, start = asking.known(), asking.flow.next_us()
    assert asking.admit_wide(amy, start) is None
    assert asking.admit_wide(amy, start + 1) == Wait(10)
    assert asking.admit(amy, start + 1) is None
    asking.give(SECOND)
    again = asking.known(SECOND)
    assert asking.admit_wide(again, start + 9_500_000) == Wait(3)
    assert asking.admit_wide(again, start + 10 * SECOND_US) is None


def test_calls_at_once(asking: Asking) -> None:
    """Seventy calls at the same moment: sixty are admitted, and kept to the last one."""
    asking.give()
    amy, now_us = asking.known(), asking.flow.next_us()

    def call(tx: Tx) -> Wait | Ended | None:
        return data_api.admit(tx, amy, now_us=now_us)

    outcomes = asking.flow.together(*[call] * 70)
    assert outcomes.count(None) == CALLS_MAX
    assert outcomes.count(Wait(60)) == 10
    calls = asking.flow.do(lambda tx: api_tokens.hold_calls(tx, asking.amy.id))
    assert calls.recent == (now_us,) * CALLS_MAX
