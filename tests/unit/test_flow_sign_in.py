"""Signing in: what is right passes once, what is guessed is slowed, sessions end."""

from __future__ import annotations

from functools import partial

import pyotp
import pytest

from sampan.clock import HOUR_US, MINUTE_US, SECOND_US
from sampan.domain.rights import Role
from sampan.errors import Refusal
from sampan.flow import sign_in, team
from sampan.flow.passwords import Passwords, Verdict
from sampan.flow.sign_in import Fine, Locked, Wrong
from sampan.storage import users
from sampan.storage.users import Session
from tests.support.flow_world import FlowWorld
from tests.support.people import AMY, BOB, ONE_ENGINE, PASSWORD, VISITOR, People

STEP_US = sign_in.STEP_US


@pytest.fixture
def people(flow: FlowWorld) -> People:
    """A platform with Amy, an admin with a password."""
    made = People(flow)
    made.add()
    return made


def code_of(people: People, secret: str, *, steps: int = 0) -> str:
    """Return what the app shows now, or so many steps later."""
    return pyotp.TOTP(secret).generate_otp(people.clock.now_us() // STEP_US + steps)


def enrolled(people: People, *recovery: str) -> str:
    """Give Amy a second factor; return its secret. The next step's code is not used yet."""
    secret, here = people.begin(), people.open()
    assert people.prove(here, code_of(people, secret), recovery=recovery)
    people.clock.advance(STEP_US)
    return secret


# --- passwords ------------------------------------------------------------------------------


@ONE_ENGINE
def test_right_password(people: People) -> None:
    """The right password is Amy's, in whatever case her address is written."""
    assert people.password(email="AMY@tea.example ") == Fine(people.now())


@ONE_ENGINE
def test_wrong_or_nobody(people: People) -> None:
    """A wrong password and an unknown address are told alike."""
    assert people.password("wrong horse battery") == Wrong()
    assert people.password(email="nobody@tea.example") == Wrong()
    assert people.now().failures_count == 1


@ONE_ENGINE
def test_lock(people: People) -> None:
    """Five failures lock for a minute, each further one twice as long, up to an hour."""
    for _ in range(4):
        people.password("wrong horse battery")
        assert people.now().locked_until_us is None
    waits = []
    for _ in range(9):
        assert people.password("wrong horse battery") == Wrong()
        until_us = people.now().locked_until_us or 0
        assert people.password() == Locked(until_us)
        waits.append((until_us - people.clock.now_us() + 1) // MINUTE_US)
        people.clock.advance(until_us - people.clock.now_us())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert isinstance(people.password(), Fine)
    assert people.journal()[1][:2] == ("sign-in locked", "visitor")
    people.open()
    assert (people.now().failures_count, people.now().locked_until_us) == (0, None)


def test_guesses_at_once(people: People) -> None:
    """Guesses at the same moment are counted each: after five nothing is looked at."""
    kept, now_us = people.now().password_hash, people.flow.next_us()
    verdict = Verdict(right=False, against=kept)
    got = people.flow.together(
        *[lambda tx: sign_in.check_password(tx, AMY, verdict=verdict, now_us=now_us)] * 12
    )
    assert sum(isinstance(one, Wrong) for one in got) == 5
    assert sum(isinstance(one, Locked) for one in got) == 7


@ONE_ENGINE
def test_password_changed_meanwhile(people: People) -> None:
    """A password that was right for a hash that has been replaced is wrong."""
    verdict = Verdict(right=True, against="an older hash")
    now_us = people.flow.next_us()
    got = people.flow.do(lambda tx: sign_in.check_password(tx, AMY, verdict=verdict, now_us=now_us))
    assert got == Wrong()


def test_no_session_by_an_older_password(people: People) -> None:
    """Between the right password and the session another one is set, which ends all sessions."""
    checked, act, now_us = people.password(), people.act(), people.flow.next_us()
    assert isinstance(checked, Fine)
    people.flow.do(lambda tx: team.invite(tx, checked.user.id, token="new", act=act))
    people.flow.do(
        lambda tx: team.accept_invitation(tx, "new", password_hash="another", now_us=now_us)
    )
    with pytest.raises(Refusal):
        people.flow.do(
            lambda tx: sign_in.open_session(
                tx, checked.user, token="t9", visitor=VISITOR, passed_totp=False, now_us=now_us
            )
        )
    assert people.touch("t9") is None


@ONE_ENGINE
def test_rehash(people: People) -> None:
    """A hash of older parameters is replaced when its password is given."""
    kept, now_us = people.now().password_hash, people.flow.next_us()
    verdict = Passwords(time_cost=2, memory_kib=64).verify(kept, PASSWORD)
    people.flow.do(lambda tx: sign_in.check_password(tx, AMY, verdict=verdict, now_us=now_us))
    assert people.now().password_hash == verdict.rehashed != kept


# --- the second factor ----------------------------------------------------------------------


def test_enrolling(people: People) -> None:
    """A factor counts once a code proves it; then this session has passed, and others end."""
    here, _ = people.open(token="here"), people.open(token="other")
    older, secret = people.begin(), people.begin()
    assert not people.prove(here, code_of(people, older))
    assert not people.prove(here, "")
    assert not people.now().has_totp
    assert people.prove(here, code_of(people, secret))
    assert not people.prove(here, code_of(people, secret, steps=1))
    assert people.touch("other") is None
    signed_in = people.touch("here")
    assert signed_in is not None
    assert signed_in.session.passed_totp
    assert not signed_in.is_half
    with pytest.raises(Refusal, match="already"):
        people.begin()
    assert people.journal()[-1] == ("second factor added", f"staff:{AMY}", AMY)


def test_code_is_good_once(people: People) -> None:
    """A code passes once, of this step or the ones beside it; never one before the last."""
    secret = enrolled(people)
    assert people.code(code_of(people, secret, steps=-1)) == Wrong()
    now = code_of(people, secret)
    assert isinstance(people.code(f"{now[:3]} {now[3:]}"), Fine)
    assert people.code(now) == Wrong()
    assert isinstance(people.code(code_of(people, secret, steps=1)), Fine)
    assert people.code(code_of(people, secret, steps=2)) == Wrong()
    people.clock.advance(10 * STEP_US)
    late = code_of(people, secret, steps=-1)
    wide = late.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    assert isinstance(people.code(wide), Fine)


def test_codes_at_once(people: People) -> None:
    """One code shown at the same moment in two places passes in one."""
    secret = enrolled(people)
    key, code, now_us = people.now().id, code_of(people, secret), people.flow.next_us()
    check = partial(sign_in.check_code, user_id=key, code=code, vault=people.vault, now_us=now_us)
    got = people.flow.together(*[check] * 4)
    assert sum(isinstance(one, Fine) for one in got) == 1


def test_recovery_codes(people: People) -> None:
    """A recovery code stands for the app once, however it is written."""
    codes = sign_in.new_recovery_codes(people.clock)
    assert len(set(codes)) == 10
    enrolled(people, *codes)
    assert isinstance(people.code(codes[3].lower().replace("-", " ")), Fine)
    assert people.code(codes[3]) == Wrong()
    assert isinstance(people.code(codes[4]), Fine)
    assert len(people.now().recovery) == 8
    rows = people.journal()
    assert ("recovery code used", f"staff:{AMY}", f"{AMY}: 9 left") in rows
    assert not any(code in str(rows) for code in (*codes, *people.now().recovery))


def test_guessed_codes_lock(people: People) -> None:
    """Wrong codes count like wrong passwords, and the right password between does not forgive."""
    secret = enrolled(people)
    for _ in range(5):
        assert isinstance(people.password(), Fine)
        people.open(token=f"half {people.flow.next_us()}")
        assert people.code("no code") == Wrong()
    assert isinstance(people.code(code_of(people, secret)), Locked)
    assert isinstance(people.password(), Locked)


@ONE_ENGINE
def test_no_code_without_a_factor(people: People) -> None:
    """Who has no proved second factor passes with no code."""
    secret = people.begin()
    assert people.code(code_of(people, secret)) == Wrong()
    assert people.now().failures_count == 0


@ONE_ENGINE
def test_reset(people: People) -> None:
    """A lost factor is taken away with its codes and sessions; a new one can be added."""
    enrolled(people, "AAAA-BBBB")
    key, act = people.now().id, people.act("lost the phone")
    people.flow.do(lambda tx: team.reset_totp(tx, key, act=act))
    user = people.now()
    assert (user.totp_sealed, user.totp_step, user.recovery) == (None, None, ())
    assert people.touch() is None
    enrolled(people)
    assert people.now().has_totp


@ONE_ENGINE
def test_secret_is_sealed_for_its_row(people: People) -> None:
    """What is kept is not the secret, and in another person's row it opens nothing."""
    secret = people.begin()
    sealed = people.now().totp_sealed or ""
    assert secret not in sealed
    assert people.vault.unseal(sealed, f"users/{people.now().id}/totp") == secret
    assert sign_in.totp_address(secret, AMY) == (
        f"otpauth://totp/Sampan:amy%40tea.example?secret={secret}&issuer=Sampan"
    )


# --- sessions -------------------------------------------------------------------------------


def test_session(people: People) -> None:
    """A session is found by its token, which is not kept, and says where it was opened."""
    session = people.open()
    signed_in = people.touch()
    assert signed_in is not None
    assert (signed_in.user, signed_in.session) == (people.now(), session)
    assert people.touch("t2") is people.touch(session.token_sha) is None
    assert (session.ip_address, session.agent) == (VISITOR.ip_address, VISITOR.agent)
    assert session.token_sha not in repr(session)
    assert people.journal()[-1] == ("signed in", f"staff:{AMY}", f"{AMY}: {VISITOR.ip_address}")


def test_sessions_opened_at_once(people: People) -> None:
    """A person who signs in at many places at the same moment is signed in at each."""
    people.password("wrong horse battery")
    user, now_us = people.now(), people.flow.next_us()
    opening = partial(
        sign_in.open_session, user=user, visitor=VISITOR, passed_totp=False, now_us=now_us
    )
    got = people.flow.together(*[partial(opening, token=f"t{n}") for n in range(8)])
    assert all(isinstance(one, Session) for one in got)
    assert all(people.touch(f"t{n}") for n in range(8))
    assert people.now().failures_count == 0


@ONE_ENGINE
def test_idle(people: People) -> None:
    """Half an hour without a use ends a session; a use makes it last."""
    key = people.open().user_id
    for _ in range(3):
        people.clock.advance(29 * MINUTE_US)
        assert people.touch() is not None
    people.clock.advance(30 * MINUTE_US)
    assert people.touch() is None
    assert people.flow.do(lambda tx: users.sessions_of(tx, key)) == []


@ONE_ENGINE
def test_use_is_written_once_a_minute(people: People) -> None:
    """A page that asks every second writes nothing."""
    opened = people.open()
    people.clock.advance(30 * SECOND_US)
    first = people.touch()
    people.clock.advance(31 * SECOND_US)
    second = people.touch()
    assert first is not None
    assert second is not None
    assert first.session.seen_us == opened.seen_us < second.session.seen_us


@ONE_ENGINE
def test_absolute_limit(people: People) -> None:
    """However busy, a session ends after twelve hours."""
    session = people.open()
    while people.clock.now_us() + 20 * MINUTE_US < session.ends_us:
        people.clock.advance(20 * MINUTE_US)
        assert people.touch() is not None
    assert session.ends_us - session.created_us == 12 * HOUR_US
    people.clock.advance(20 * MINUTE_US)
    assert people.touch() is None


def test_half_session(people: People) -> None:
    """Before the code a session is half and short; with the code a whole one takes its place."""
    enrolled(people)
    half = people.open(token="half")
    signed_in = people.touch("half")
    assert signed_in is not None
    assert signed_in.is_half
    assert half.ends_us - half.created_us == 10 * MINUTE_US
    people.open(token="whole", passed=True)
    assert people.touch("half") is None
    whole = people.touch("whole")
    assert whole is not None
    assert not whole.is_half
    whats = [what for what, _, _ in people.journal()]
    assert whats.count("signed in") == 2


@ONE_ENGINE
def test_disabled_person_is_not_signed_in(people: People) -> None:
    """A session that was opened while its person was being disabled is worth nothing."""
    bob = people.add(BOB, Role.RISKS)
    act = people.act()
    people.flow.do(lambda tx: team.disable(tx, bob.id, act=act))
    people.open(BOB)
    assert people.touch() is None


def test_close(people: People) -> None:
    """A person ends one session, once, or all but this; nobody ends another's by its hash."""
    bob = people.add(BOB, Role.RISKS)
    sessions = [people.open(token=f"t{n}") for n in range(4)]
    amy, now_us = people.now(), people.flow.next_us()

    def close(user: users.User, session: Session) -> bool:
        sha = session.token_sha
        return people.flow.do(lambda tx: sign_in.close(tx, user, token_sha=sha, now_us=now_us))

    assert not close(bob, sessions[0])
    assert close(amy, sessions[0])
    assert not close(amy, sessions[0])
    own = people.act(user=amy.id, by=f"staff:{AMY}")
    kept = sessions[1].token_sha
    assert people.flow.do(lambda tx: sign_in.close_all(tx, amy, but_sha=kept, act=own)) == 2
    assert [people.touch(f"t{n}") is not None for n in range(4)] == [False, True, False, False]
    by_bob = people.act(user=bob.id)
    with pytest.raises(Refusal):
        people.flow.do(lambda tx: sign_in.close_all(tx, amy, act=by_bob))
    operator = people.act()
    assert people.flow.do(lambda tx: sign_in.close_all(tx, amy, act=operator)) == 1


def test_agent_is_kept_short_and_plain(people: People) -> None:
    """What a browser says of itself cannot fill the database or break a line."""
    user, now_us = people.now(), people.flow.next_us()
    visitor = sign_in.Visitor("::1", "a\n\0\ud800" + "b" * 999)
    session = people.flow.do(
        lambda tx: sign_in.open_session(
            tx, user, token="t", visitor=visitor, passed_totp=False, now_us=now_us
        )
    )
    assert session.agent == "a" + "b" * 199
