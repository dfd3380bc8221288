"""Who is one of the people of the Dashboard, and who makes it so."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from sampan.clock import HOUR_US
from sampan.domain.rights import Role
from sampan.errors import Refusal
from sampan.flow import team
from sampan.flow.sign_in import Fine, Wrong
from sampan.flow.team import Act, Newcomer
from sampan.storage import users
from sampan.storage.users import User
from tests.support.flow_world import FlowWorld
from tests.support.people import AMY, BOB, ONE_ENGINE, PASSWORD, QUICK, People


@pytest.fixture
def people(flow: FlowWorld) -> People:
    """A platform without people."""
    return People(flow)


def accept(people: People, token: str) -> User:
    """Accept an invitation."""
    now_us, made = people.flow.next_us(), QUICK.hash("another horse battery")
    return people.flow.do(
        lambda tx: team.accept_invitation(tx, token, password_hash=made, now_us=now_us)
    )


def refused(people: People, fn: Any, *arguments: Any, **named: Any) -> Refusal:  # noqa: ANN401
    """Do what must be refused."""
    with pytest.raises(Refusal) as caught:
        people.flow.do(lambda tx: fn(tx, *arguments, **named))
    return caught.value


# --- adding and inviting --------------------------------------------------------------------


def test_first_owner(people: People) -> None:
    """The operator adds the first person, who can sign in; the journal says so."""
    user = people.add("  Amy@tea.example ")
    assert (user.email, user.roles) == ("Amy@tea.example", (Role.ADMIN,))
    assert people.password() == Fine(user)
    assert people.journal() == [("user added", "staff:ops", "Amy@tea.example: admin")]


@ONE_ENGINE
def test_who_may_not_be_added(people: People) -> None:
    """A bad address, one in use in whatever case, no role, a bad name, nobody who adds."""
    people.add()
    for new, told in (
        (Newcomer("amy", [Role.ADMIN]), "not an e-mail"),
        (Newcomer("AMY@tea.example", [Role.ADMIN]), "already"),
        (Newcomer(BOB, []), "needs a role"),
        (Newcomer(BOB, [Role.RISKS], name="x\n"), "a name has"),
        (Newcomer(BOB, [Role.RISKS], name="x" * 101), "a name has"),
    ):
        assert told in refused(people, team.add_user, new, act=people.act()).message
    nobody = people.act(by=" ")
    refusal = refused(people, team.add_user, Newcomer(BOB, [Role.RISKS]), act=nobody)
    assert "needs a person" in refusal.message
    assert len(people.journal()) == 1


def test_only_an_admin_changes_the_team(people: People) -> None:
    """Who is signed in needs the right at that moment; an unknown or disabled person has none."""
    amy, bob = people.add(), people.add(BOB, Role.SUPPORT, Role.OPERATIONS)
    new = Newcomer("eve@tea.example", [Role.ADMIN])
    for user in (bob.id, 7):
        refusal = refused(people, team.add_user, new, act=people.act(user=user))
        assert refusal.http_status == 403
    act = people.act(user=amy.id, by=f"staff:{AMY}")
    people.flow.do(lambda tx: team.set_roles(tx, bob.id, roles=[Role.ADMIN], act=act))
    by_bob = people.act(user=bob.id)
    people.flow.do(lambda tx: team.disable(tx, amy.id, act=by_bob))
    refusal = refused(people, team.add_user, new, act=people.act(user=amy.id))
    assert refusal.http_status == 403


def test_invitation(people: People) -> None:
    """Who is invited sets a password, once; the address is worth nothing after."""
    people.add(invitation="token")
    assert people.password() == Wrong()
    now_us = people.flow.next_us()
    found = people.flow.do(lambda tx: team.invited(tx, "token", now_us=now_us))
    assert found is not None
    assert found.email == AMY
    accept(people, "token")
    assert isinstance(people.password("another horse battery"), Fine)
    with pytest.raises(Refusal, match="not good any more"):
        accept(people, "token")
    assert people.journal()[-1] == ("password set", f"staff:{AMY}", AMY)


@ONE_ENGINE
def test_invitation_ends(people: People) -> None:
    """An invitation is good for 72 hours, and a newer one takes its place."""
    user = people.add(invitation="old")
    act = people.act("lost")
    people.flow.do(lambda tx: team.invite(tx, user.id, token="new", act=act))
    for token in ("old", "no such"):
        with pytest.raises(Refusal):
            accept(people, token)
    people.clock.advance(72 * HOUR_US - 3)
    now_us = people.clock.now_us()
    assert people.flow.do(lambda tx: team.invited(tx, "new", now_us=now_us)) is not None
    people.clock.advance(1)
    with pytest.raises(Refusal):
        accept(people, "new")


def test_invitation_accepted_at_once(people: People) -> None:
    """Of two who open one invitation at the same moment one sets the password."""
    people.add(invitation="token")
    now_us = people.flow.next_us()
    got = people.flow.together(
        *[
            lambda tx, made=made: team.accept_invitation(
                tx, "token", password_hash=made, now_us=now_us
            )
            for made in ("one", "two", "three")
        ]
    )
    assert sum(isinstance(one, User) for one in got) == 1
    assert sum(isinstance(one, Refusal) for one in got) == 2


@ONE_ENGINE
def test_new_password_ends_sessions(people: People) -> None:
    """Who forgot the password is invited anew; the old one and its sessions are over then."""
    user, act = people.add(), people.act()
    people.open()
    people.flow.do(lambda tx: team.invite(tx, user.id, token="again", act=act))
    assert isinstance(people.password(), Fine)
    accept(people, "again")
    assert people.touch() is None
    assert people.password() == Wrong()


def test_bad_password_is_refused() -> None:
    """The rules are asked before a hash is made."""
    team.refuse_bad_password(PASSWORD, AMY)
    with pytest.raises(Refusal, match="at least"):
        team.refuse_bad_password("short", AMY)


# --- changing -------------------------------------------------------------------------------


def test_disable_and_enable(people: People) -> None:
    """Who is disabled is out at once, and comes back with the old password; twice is once."""
    people.add()
    bob = people.add(BOB, Role.FINANCE)
    people.open(BOB)
    for _ in range(2):
        made = partial(team.disable, user_id=bob.id, act=people.act("left"))
        people.flow.do(made)
    assert people.touch() is None
    assert people.password(email=BOB) == Wrong()
    assert "disabled" in refused(people, team.invite, bob.id, token="x", act=people.act()).message
    act = people.act("came back")
    people.flow.do(lambda tx: team.enable(tx, bob.id, act=act))
    assert isinstance(people.password(email=BOB), Fine)
    assert [what for what, _, _ in people.journal()[3:]] == ["user disabled", "user enabled"]
    assert people.journal()[3] == ("user disabled", "staff:ops", f"{BOB}: left")


def test_last_admin_stays(people: People) -> None:
    """Somebody who can sign in can always change the team; who is only invited does not count."""
    amy = people.add()
    people.add(BOB, invitation="token")
    people.add("eve@tea.example", Role.RISKS)
    last = "last admin"
    assert last in refused(people, team.disable, amy.id, act=people.act()).message
    roles = [Role.RISKS]
    refusal = refused(people, team.set_roles, amy.id, roles=roles, act=people.act())
    assert last in refusal.message
    accept(people, "token")
    act = people.act()
    after = people.flow.do(lambda tx: team.set_roles(tx, amy.id, roles=roles, act=act))
    assert after.roles == people.now().roles == (Role.RISKS,)
    bob = people.now(BOB).id
    assert last in refused(people, team.disable, bob, act=people.act()).message


def test_two_admins_disable_each_other(people: People) -> None:
    """At the same moment too, one of them stays."""
    keys = [people.add().id, people.add(BOB).id]
    acts = [Act(people.flow.next_us(), "staff:x", "quarrel", user=key) for key in keys]
    got = people.flow.together(
        lambda tx: team.disable(tx, keys[1], act=acts[0]),
        lambda tx: team.disable(tx, keys[0], act=acts[1]),
    )
    assert sum(isinstance(one, Refusal) for one in got) == 1
    everybody = people.flow.do(users.every)
    assert sum(user.disabled_us is None for user in everybody) == 1


@ONE_ENGINE
def test_changes_need_a_reason_and_somebody(people: People) -> None:
    """What is done to a person asks why, and for a person that there is."""
    amy = people.add()
    for fn, named in (
        (team.disable, {}),
        (team.enable, {}),
        (team.reset_totp, {}),
        (team.set_roles, {"roles": [Role.ADMIN]}),
    ):
        assert "reason" in refused(people, fn, amy.id, act=people.act(" "), **named).message
        assert "no such person" in refused(people, fn, 7, act=people.act(), **named).message


def test_roles_are_kept_in_order_and_once(people: People) -> None:
    """Roles given twice or in any order are kept as the table has them, and told."""
    people.add()
    bob, act = people.add(BOB, Role.SUPPORT), people.act("moved")
    roles = [Role.FINANCE, Role.OPERATIONS, Role.FINANCE]
    people.flow.do(lambda tx: team.set_roles(tx, bob.id, roles=roles, act=act))
    assert people.now(BOB).roles == (Role.OPERATIONS, Role.FINANCE)
    told = f"{BOB}: support → operations, finance: moved"
    assert people.journal()[-1] == ("roles set", "staff:ops", told)


@ONE_ENGINE
def test_secrets_are_not_shown(people: People) -> None:
    """Neither a text form nor the journal has a hash or a token."""
    new = Newcomer(BOB, [Role.ADMIN], password_hash="$argon2id$", invitation="token-1")
    act = people.act()
    user = people.flow.do(lambda tx: team.add_user(tx, new, act=act))
    shown = f"{new!r} {user!r} {people.journal()}"
    assert not any(text in shown for text in ("argon2", "token-1", team.sha_of("token-1")))
