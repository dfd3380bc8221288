"""Who gets into the Dashboard: sign-in, second factor, sessions, forms of others."""

from __future__ import annotations

import re

import pyotp
import pytest

from sampan.dashboard.door import WAYS
from sampan.domain.rights import Role
from sampan.flow import team
from sampan.flow.team import Act
from sampan.storage import users
from tests.support.platform import RunningPlatform
from tests.support.staff import PASSWORD, Member, Staff, text_of, token_of

SIGN_IN = "/dashboard/sign-in"


@pytest.fixture
def staff(platform: RunningPlatform) -> Staff:
    """The people of the platform."""
    return Staff(platform)


@pytest.fixture(scope="module")
def members(platform: RunningPlatform) -> dict[Role, Member]:
    """One person of each role, all with a second factor."""
    made = Staff(platform)
    return {role: made.member(role) for role in Role}


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/payments/7/accept", "/payments/7"),
        ("/payments/7/credits/8/return", "/payments/7"),
        ("/payments/filters", "/payments"),
        ("/links/7/deactivate", "/links/7"),
        ("/callbacks/7/resend", "/callbacks/7"),
        ("/team/7/roles", "/team/7"),
        ("/projects/7/callbacks/rules/8", "/projects/7/callbacks"),
        ("/profile/password", "/profile"),
    ],
)
def test_another_language_after_a_form(members: dict[Role, Member], form: str, page: str) -> None:
    """The answer to a form leads to other languages: of the page that the form is on."""
    answer = members[Role.ADMIN].get(form, lang="zh-hant")
    assert (answer.status, answer.headers["location"]) == (303, f"/dashboard{page}?lang=zh-hant")


def test_other_sessions_token(staff: Staff) -> None:
    """The token of one session is worth nothing in another one of the same person."""
    amy = staff.member()
    other = Member(staff.platform, amy.user, token=staff.session(amy.user))
    body = f"csrf={amy.csrf}".encode()
    assert other.post_raw("/profile/sessions/end-others", body).status == 403


def test_sign_in_with_second_factor(staff: Staff) -> None:
    """Password, then code, then the page that was asked for; each code opens once."""
    user = staff.add(email="amy.full@tea.example")
    secret = staff.factor(user)
    visitor = Member(staff.platform)
    shown = visitor.get("/sign-in", next="/dashboard/team?x=1")
    assert "/dashboard/team?x=1" in shown.raw.decode()
    form = {"email": "AMY.full@tea.example", "password": PASSWORD, "next": "/dashboard/team"}
    answer = visitor.post("/sign-in", **form)
    assert answer.headers["location"] == "/dashboard/code?next=%2Fdashboard%2Fteam"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    half = Member(staff.platform, user, token=token_of(answer))
    assert half.get("/profile").headers["location"].startswith("/dashboard/code?")
    half._csrf = csrf_of(half.get("/code").raw.decode())
    assert half.post("/code", code="000000").status == 403
    code = pyotp.TOTP(secret).at(staff.platform.clock.now_us() // 1_000_000)
    answer = half.post("/code", code=code, next="/dashboard/team")
    assert answer.headers["location"] == "/dashboard/team"
    whole = Member(staff.platform, user, token=token_of(answer))
    assert whole.token != half.token
    assert whole.get("/profile").status == 200
    # The half session is gone, and the code is used up.
    assert half.get("/profile").headers["location"].startswith(SIGN_IN)


def csrf_of(html: str) -> str:
    """Return the token of the forms on a page."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', html)
    assert found
    return found[1]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/dashboard@evil",
        "/\\evil",
        "/shop/",
        "x\n",
        "//[",
        "",
    ],
)
def test_next_leads_nowhere_else(staff: Staff, elsewhere: str) -> None:
    """After the sign-in nobody is led out of the Dashboard."""
    user = staff.add(Role.SUPPORT)
    form = {"email": user.email, "password": PASSWORD, "next": elsewhere}
    assert Member(staff.platform).post("/sign-in", **form).headers["location"] == "/dashboard/"


def test_same_words_for_everybody(staff: Staff) -> None:
    """A wrong password, nobody, a disabled and a locked person are told apart by nothing."""
    user, gone, locked = staff.add(), staff.add(), staff.add()
    act = Act(staff.platform.clock.now_us(), "staff:operator", "left")
    staff.platform.transact(lambda tx: team.disable(tx, gone.id, act=act))
    visitor = Member(staff.platform)
    for _ in range(6):
        visitor.post("/sign-in", email=locked.email, password="not this one")
    tries = [
        (user.email, "not this one"),
        ("nobody@tea.example", PASSWORD),
        (gone.email, PASSWORD),
        (locked.email, PASSWORD),
    ]
    answers = [visitor.post("/sign-in", email=e, password=p) for e, p in tries]
    assert {answer.status for answer in answers} == {403}
    assert len({text_of(answer) for answer in answers}) == 1
    assert all("set-cookie" not in answer.headers for answer in answers)


@pytest.mark.parametrize("password", ["", "a\0b", "x" * 300, "密碼" * 40, "\ud800"])
def test_strange_passwords(staff: Staff, password: str) -> None:
    """Whatever is typed for a password is only wrong."""
    user = staff.add()
    body = f"email={user.email}&password=".encode() + password.encode("utf-8", "surrogatepass")
    assert Member(staff.platform).post_raw("/sign-in", body).status == 403


@pytest.mark.parametrize("email", ["a\0b@tea.example", "\0", "x" * 9_000, "\U0001f375"])
def test_strange_addresses(platform: RunningPlatform, email: str) -> None:
    """Whatever is typed for an e-mail address is only nobody's."""
    assert Member(platform).post("/sign-in", email=email, password=PASSWORD).status == 403


def test_session_of_a_strange_name(staff: Staff) -> None:
    """What names no session ends none, however it looks."""
    amy = staff.member()
    assert amy.post("/profile/sessions/end", session="a\0b").status == 303
    assert amy.get("/profile").status == 200


@pytest.mark.parametrize("codec", ["utf-7", "unicode_escape", "undefined", "punycode"])
def test_form_of_a_strange_codec(platform: RunningPlatform, codec: str) -> None:
    """A form is read as UTF-8 and by no codec that its sender names."""
    part = b'Content-Disposition: form-data; name="email"\r\n\r\n+2AA-\\ud800'
    body = b"--m\r\n" + part + b"\r\n--m--\r\n"
    headers = {"Content-Type": f"multipart/form-data; charset={codec}; boundary=m"}
    assert Member(platform).post_raw("/sign-in", body, headers).status == 400


def test_lock_is_over_after_a_while(platform: RunningPlatform, staff: Staff) -> None:
    """After five wrong passwords even the right one is refused for a minute."""
    user, visitor = staff.add(Role.SUPPORT), Member(staff.platform)
    for _ in range(5):
        visitor.post("/sign-in", email=user.email, password="not this one")
    assert visitor.post("/sign-in", email=user.email, password=PASSWORD).status == 403
    platform.clock.advance(61)
    assert visitor.post("/sign-in", email=user.email, password=PASSWORD).status == 303


@pytest.mark.parametrize(("idle_s", "there"), [(29 * 60, True), (31 * 60, False)])
def test_idle_session(platform: RunningPlatform, staff: Staff, idle_s: int, *, there: bool) -> None:
    """A session that nobody used for half an hour has ended."""
    amy = staff.member()
    platform.clock.advance(idle_s)
    assert (amy.get("/profile").status == 200) == there


def test_long_session(platform: RunningPlatform, staff: Staff) -> None:
    """However busy, a session ends after twelve hours."""
    amy = staff.member()
    for _ in range(27):
        assert amy.get("/profile").status == 200
        platform.clock.advance(27 * 60)
    assert amy.get("/profile").headers["location"].startswith(SIGN_IN)


def test_sign_out(staff: Staff) -> None:
    """Signing out ends the session on the server, not only in the browser."""
    amy = staff.member()
    answer = amy.post("/sign-out")
    assert answer.headers["location"] == f"{SIGN_IN}?said=signed-out"
    assert token_of(answer) == ""
    assert amy.get("/profile").headers["location"].startswith(SIGN_IN)


def test_sessions_are_listed_and_ended(staff: Staff) -> None:
    """A person sees where they are signed in and ends one of them, or all others."""
    amy = staff.member()
    second, third = (
        Member(staff.platform, amy.user, token=staff.session(amy.user)) for _ in range(2)
    )
    assert text_of(amy.get("/profile")).count("a browser of tests") == 3
    amy.post("/profile/sessions/end", session=team.sha_of(second.token))
    assert second.get("/profile").status == 303
    assert third.get("/profile").status == 200
    amy.post("/profile/sessions/end-others")
    assert third.get("/profile").status == 303
    assert amy.get("/profile").status == 200


def test_nobody_ends_sessions_of_others(staff: Staff) -> None:
    """The mark of another person's session ends nothing."""
    amy, bob = staff.member(), staff.member()
    amy.post("/profile/sessions/end", session=team.sha_of(bob.token))
    assert bob.get("/profile").status == 200


def test_change_password(staff: Staff) -> None:
    """The old password is asked for; the new one holds at once and other sessions end."""
    amy = staff.member(Role.SUPPORT)
    other = Member(staff.platform, amy.user, token=staff.session(amy.user))
    new = "another horse battery"
    wrong = amy.post("/profile/password", old="not this one", password=new, again=new)
    assert wrong.status == 400
    assert amy.post("/profile/password", old=PASSWORD, password=new, again="x").status == 400
    assert amy.post("/profile/password", old=PASSWORD, password="x", again="x").status == 400
    assert amy.post("/profile/password", old=PASSWORD, password=new, again=new).status == 303
    assert other.get("/profile").status == 303
    assert amy.get("/profile").status == 200
    visitor = Member(staff.platform)
    assert visitor.post("/sign-in", email=amy.user.email, password=PASSWORD).status == 403
    assert visitor.post("/sign-in", email=amy.user.email, password=new).status == 303


def test_invitation_ends_with_the_password(staff: Staff) -> None:
    """Who was invited anew and remembers: once they change the password, the invitation is over."""
    amy, act = staff.member(Role.SUPPORT), Act(staff.platform.clock.now_us(), "staff:operator")
    staff.platform.transact(lambda tx: team.invite(tx, amy.user.id, token="lost", act=act))
    new = "another horse battery"
    assert amy.get("/invitation/lost").status == 200
    assert amy.post("/profile/password", old=PASSWORD, password=new, again=new).status == 303
    assert amy.get("/invitation/lost").status == 404


def test_set_up_second_factor(staff: Staff) -> None:
    """The secret stays the same until its first code; then codes for lost phones are shown once."""
    user = staff.add()
    amy = Member(staff.platform, user, token=staff.session(user))
    page = "/profile/second-factor"
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", amy.get(page).raw.decode())
    assert secret
    assert amy.post(page, code="000000").status == 400
    assert secret[1] in amy.get(page).raw.decode()
    totp = pyotp.TOTP(secret[1].replace(" ", ""))
    shown = amy.post(page, code=totp.at(staff.platform.clock.now_us() // 1_000_000))
    codes = re.findall(r"<code>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</code>", shown.raw.decode())
    assert len(codes) == 10
    assert amy.get(page).headers["location"] == "/dashboard/profile"
    assert not any(code in amy.get("/profile").raw.decode() for code in codes)
    recovered = Member(staff.platform, user, token=staff.session(user, passed_totp=False))
    recovered._csrf = csrf_of(recovered.get("/code").raw.decode())
    assert recovered.post("/code", code=codes[0].lower()).status == 303


def test_renew_recovery_codes(staff: Staff) -> None:
    """New recovery codes ask for a code and put the old ones out of use."""
    user = staff.add(Role.SUPPORT)
    secret = staff.factor(user)
    amy = Member(staff.platform, user, token=staff.session(user))
    assert amy.post("/profile/recovery", code="000000").status == 400
    code = pyotp.TOTP(secret).at(staff.platform.clock.now_us() // 1_000_000)
    shown = amy.post("/profile/recovery", code=code).raw.decode()
    assert len(re.findall(r"<code>[A-Z2-7-]{19}</code>", shown)) == 10


def test_invitation(staff: Staff) -> None:
    """An invitation sets a password once; then it is over."""
    clock = staff.platform.clock
    user, token = staff.add(), clock.token(team.TOKEN_BYTES)
    act = Act(clock.now_us(), "staff:operator")
    staff.platform.transact(lambda tx: team.invite(tx, user.id, token=token, act=act))
    visitor, new = Member(staff.platform), "a password of my own"
    path = f"/invitation/{token}"
    assert user.email in text_of(visitor.get(path))
    assert visitor.post(path, password="short", again="short").status == 400
    assert visitor.post(path, password=new, again="other").status == 400
    assert visitor.post(path, password=new, again=new).status == 303
    assert visitor.post(path, password=new, again=new).status == 404
    assert visitor.get(path).status == 404
    assert visitor.post("/sign-in", email=user.email, password=new).status == 303


def test_disabled_is_out_at_once(staff: Staff) -> None:
    """Who is disabled is out with the next request."""
    amy = staff.member(Role.SUPPORT)
    act = Act(staff.platform.clock.now_us(), "staff:operator", "left")
    staff.platform.transact(lambda tx: team.disable(tx, amy.user.id, act=act))
    assert amy.get("/profile").status == 303


def test_nothing_secret_is_shown(staff: Staff) -> None:
    """No page says a hash, a sealed secret or the session's token."""
    amy = staff.member()
    kept = staff.platform.transact(lambda tx: users.find(tx, amy.user.id))
    assert kept is not None
    secrets = [kept.password_hash, kept.totp_sealed, amy.token, *kept.recovery]
    for way in WAYS:
        if way.method == "GET" and "{" not in way.path:
            page = amy.get(way.path).raw.decode()
            assert not any(secret and secret in page for secret in secrets)


def test_page_headers(staff: Staff) -> None:
    """Pages run only our scripts, stand in no frame and are kept by nobody."""
    headers = staff.member().get("/profile").headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store"


def test_question_without_second_factor(staff: Staff) -> None:
    """Who has no second factor is not asked for one."""
    user = staff.add(Role.SUPPORT)
    amy = Member(staff.platform, user, token=staff.session(user))
    assert amy.get("/code").headers["location"] == "/dashboard/"
