"""The Dashboard's team: inviting, roles, shutting out, second factors and sessions of others."""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import urlencode

import pytest

from sampan.dashboard.team import WHY_CHARS_MAX
from sampan.domain.rights import Role
from sampan.flow import team
from sampan.flow.team import Act
from sampan.storage import journal_lists, users
from sampan.storage.journal_lists import Filter, Noted
from sampan.storage.users import User
from tests.support.platform import RunningPlatform
from tests.support.staff import PASSWORD, Member, Staff, text_of

WHY = "asked for by mail"


@pytest.fixture
def staff(platform: RunningPlatform) -> Staff:
    """The people of the platform."""
    return Staff(platform)


@pytest.fixture
def amy(staff: Staff) -> Member:
    """An admin."""
    return staff.member(Role.ADMIN, name="Amy Au")


def now(staff: Staff, user: User) -> User:
    """A person as they stand."""
    found = staff.platform.transact(lambda tx: users.find(tx, user.id))
    assert found is not None
    return found


def did(staff: Staff, member: Member) -> list[Noted]:
    """What somebody did, the newest first."""
    by = f"staff:{member.user.email}"
    page = staff.platform.transact(lambda tx: journal_lists.page(tx, Filter(by=by), most=20))
    return list(page.rows)


def invitation_of(html: str) -> str:
    """The address of the invitation that a page shows, below `/dashboard`."""
    found = re.search(r"<code>http://[^<]+/dashboard(/invitation/[0-9a-f]{64})</code>", html)
    assert found, html
    return found[1]


def test_list(staff: Staff, amy: Member) -> None:
    """Everybody with roles, state and second factor; who is in is seen."""
    bob = staff.add(Role.FINANCE, Role.RISKS, name="Bob 陳 <b>")
    page = amy.get("/team")
    words = text_of(page)
    assert f"Bob 陳 <b> {bob.email} Finance, Risks Active Off not signed in" in words
    assert f"Amy Au {amy.user.email} Admin Active On" in words
    assert f'href="/dashboard/team/{bob.id}"' in page.raw.decode()


def test_invite(staff: Staff, amy: Member) -> None:
    """The address is shown once, opens once, and the person then signs in with these roles."""
    email = f"new{amy.user.id}@tea.example"
    form = {"email": email, "name": "Dan 李", "role": ["support", "risks"], "language": "zh-hant"}
    page = amy.post("/team/invite", **form)
    assert page.status == 200
    path = invitation_of(page.raw.decode())
    user = staff.platform.transact(lambda tx: users.by_email(tx, email))
    assert user is not None
    assert (user.name, user.roles, user.language) == (
        "Dan 李",
        (Role.SUPPORT, Role.RISKS),
        "zh-hant",
    )
    assert "/invitation/" not in amy.get(f"/team/{user.id}").raw.decode()
    assert "Invited" in text_of(amy.get("/team"))
    visitor, new = Member(staff.platform), "a password of my own"
    assert visitor.post(path, password=new, again=new).status == 303
    assert visitor.post("/sign-in", email=email, password=new).status == 303
    assert did(staff, amy)[0].what == "user added"


BAD = {
    "no address": ({"email": "nobody"}, "This is not an e-mail address."),
    "no address at all": ({"email": ""}, "This is not an e-mail address."),
    "NUL": ({"email": "a\0@tea.example"}, "This is not an e-mail address."),
    "long address": ({"email": "a" * 250 + "@tea.example"}, "This e-mail address is too long."),
    "long name": ({"name": "茶" * 101}, "A name has at most 100 printable characters."),
    "NUL in the name": ({"name": "a\0b"}, "A name has at most 100 printable characters."),
    "no role": ({"role": []}, "Choose at least one role."),
    "strange role": ({"role": ["admin", "king"]}, "There is no such role."),
}


@pytest.mark.parametrize(("changes", "told"), BAD.values(), ids=BAD)
def test_bad_invitation(amy: Member, changes: dict[str, object], told: str) -> None:
    """A bad form says what is wrong at its field and keeps what was typed."""
    form = {"email": "kept@tea.example", "name": "Kept 🛶", "role": ["finance"]} | changes
    page = amy.post("/team/invite", **form)
    assert page.status == 400
    assert told in text_of(page)
    html = page.raw.decode()
    assert ('value="Kept 🛶"' in html) == ("name" not in changes)
    assert ('value="finance" checked' in html) == ("role" not in changes)


def test_address_in_use(staff: Staff, amy: Member) -> None:
    """An address that somebody has is refused in whatever case, also with a sign of per cent."""
    staff.add(Role.SUPPORT, email="50%off@tea.example")
    for email in ("50%off@tea.example", "50%OFF@tea.example"):
        page = amy.post("/team/invite", email=email, role="support")
        assert page.status == 400
        assert "Somebody has this e-mail address already." in text_of(page)


def test_invite_anew(platform: RunningPlatform, staff: Staff, amy: Member) -> None:
    """A new invitation puts the older one out of use."""
    first = amy.post("/team/invite", email=f"x{amy.user.id}@tea.example", role="support")
    old = invitation_of(first.raw.decode())
    user = staff.platform.transact(lambda tx: users.by_email(tx, f"x{amy.user.id}@tea.example"))
    assert user is not None
    path = invitation_of(amy.post(f"/team/{user.id}/invite", why=WHY).raw.decode())
    visitor = Member(staff.platform)
    assert visitor.get(old).status == 404
    assert visitor.get(path).status == 200
    platform.clock.advance(72 * 3600 + 1)
    fresh = staff.member(Role.ADMIN)
    assert "Invitation is over" in text_of(fresh.get(f"/team/{user.id}"))


def test_set_roles(staff: Staff, amy: Member) -> None:
    """New roles hold at once, and the journal tells which they were and why."""
    bob = staff.member(Role.SUPPORT)
    page = f"/team/{bob.user.id}"
    assert amy.post(f"{page}/roles", role=["support", "admin"], why=WHY).status == 303
    assert bob.get("/team").status == 200
    row = did(staff, amy)[0]
    assert (row.what, row.why) == (
        "roles set",
        f"{bob.user.email}: support → support, admin: {WHY}",
    )
    assert amy.post(f"{page}/roles", role="support", why=WHY).status == 303
    assert bob.get("/team").status == 403
    assert "Choose at least one role." in text_of(amy.post(f"{page}/roles", why=WHY))


DEEDS = ("roles", "disable", "enable", "second-factor", "sessions", "invite")


BAD_WHYS = ("  ", "x" * (WHY_CHARS_MAX + 1), "a\0b", "two\nlines")


def test_everything_asks_for_a_reason(staff: Staff, amy: Member) -> None:
    """Without a reason, in one line that is not endless, nothing changes."""
    bob = staff.member(Role.SUPPORT)
    before = now(staff, bob.user)
    for deed, why in [(deed, "") for deed in DEEDS] + [("roles", why) for why in BAD_WHYS]:
        page = amy.post(f"/team/{bob.user.id}/{deed}", why=why, role="risks")
        assert page.status == 400
        assert "Say why" in text_of(page)
    assert now(staff, bob.user) == before
    assert bob.get("/profile").status == 200


@pytest.mark.parametrize("why", ["茶 🛶 沒有了", "50% of 'them' <b>", "x" * WHY_CHARS_MAX])
def test_reasons_as_they_are_typed(staff: Staff, amy: Member, why: str) -> None:
    """Any line is a reason, and the card of who did it shows it as text."""
    bob = staff.member(Role.SUPPORT)
    assert amy.post(f"/team/{bob.user.id}/disable", why=why).status == 303
    assert f"Shut a person out {bob.user.email}: {why}" in text_of(amy.get(f"/team/{amy.user.id}"))


def test_shut_out_and_let_in(staff: Staff, amy: Member) -> None:
    """Who is shut out is out at once; let in again, the old password opens."""
    bob = staff.member(Role.SUPPORT)
    page = f"/team/{bob.user.id}"
    assert amy.post(f"{page}/disable", why=WHY).status == 303
    assert bob.get("/profile").status == 303
    assert "Shut out" in text_of(amy.get(page))
    assert "Let them in first" in text_of(amy.post(f"{page}/invite", why=WHY))
    assert amy.post(f"{page}/enable", why=WHY).status == 303
    visitor = Member(staff.platform)
    assert visitor.post("/sign-in", email=bob.user.email, password=PASSWORD).status == 303


def test_second_factor_of_others(staff: Staff, amy: Member) -> None:
    """A lost second factor goes away with the sessions, and the journal tells who took it."""
    bob = staff.member(Role.SUPPORT)
    assert amy.post(f"/team/{bob.user.id}/second-factor", why=WHY).status == 303
    assert not now(staff, bob.user).has_totp
    assert bob.get("/profile").status == 303
    assert did(staff, amy)[0].what == "second factor reset"


def test_sessions_of_others(staff: Staff, amy: Member) -> None:
    """Somebody's sessions end; of one's own all but this one."""
    bob = staff.member(Role.SUPPORT)
    assert amy.post(f"/team/{bob.user.id}/sessions", why=WHY).status == 303
    assert bob.get("/profile").status == 303
    other = Member(staff.platform, amy.user, token=staff.session(amy.user))
    assert amy.post(f"/team/{amy.user.id}/sessions", why=WHY).status == 303
    assert other.get("/profile").status == 303
    assert amy.get("/profile").status == 200


def test_last_admin_stays(staff: Staff, amy: Member) -> None:
    """The last admin who can sign in cannot be taken away; the page says so."""
    act = Act(staff.platform.clock.now_us(), "staff:operator", "test")
    for user in staff.platform.transact(users.every):
        if user.id != amy.user.id and Role.ADMIN in user.roles and user.disabled_us is None:
            staff.platform.transact(partial(team.disable, user_id=user.id, act=act))
    page = f"/team/{amy.user.id}"
    for answer in (
        amy.post(f"{page}/disable", why=WHY),
        amy.post(f"{page}/roles", role="support", why=WHY),
    ):
        assert answer.status == 400
        assert "This is the last admin who can sign in." in text_of(answer)
        assert 'value="asked for by mail"' in answer.raw.decode()
    assert amy.get("/team").status == 200


@pytest.mark.parametrize("number", ["0", "7", "x", "9" * 30, "-1", "%00"])
def test_nobody(amy: Member, number: str) -> None:
    """Somebody who is not there is not shown and cannot be changed."""
    assert amy.get(f"/team/{number}").status == 404
    for deed in DEEDS:
        form = {"why": WHY, "role": "admin"}
        assert amy.post(f"/team/{number}/{deed}", **form).status == 404


def test_form_with_a_file(amy: Member) -> None:
    """A file where a role or a reason belongs is no role and no reason."""
    page = amy.upload("/team/invite", file=b"x", name="role", email="f@tea.example")
    assert page.status == 400
    assert "Choose at least one role." in text_of(page)


def test_many_roles(amy: Member) -> None:
    """A role that is sent many times is one; more fields than a form may have are refused."""
    form = [("csrf", amy.csrf), ("email", f"many{amy.user.id}@tea.example")]
    few = form + [("role", "support")] * 50
    assert amy.post_raw("/team/invite", urlencode(few).encode()).status == 200
    many = form + [("role", "support")] * 200
    assert amy.post_raw("/team/invite", urlencode(many).encode()).status == 400
