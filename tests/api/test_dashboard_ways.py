"""Every way of the Dashboard is closed to who has no business there.

One test goes all ways, and what it says names those that went wrong. That the guard is the same on
both engines is seen by who may go everywhere; the rest is gone on the default engine.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sampan.dashboard.door import WAYS
from sampan.dashboard.ways import Way, Who
from sampan.domain.rights import Right, Role, rights_of
from tests.support.platform import RunningPlatform, running
from tests.support.staff import Member, Staff

SIGN_IN: Final = "/dashboard/sign-in"
OF_RIGHTS: Final = [way for way in WAYS if isinstance(way.needs, Right)]
POSTS: Final = [way for way in WAYS if way.method == "POST"]


@pytest.fixture(scope="module")
def quick(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    """A platform on the default engine on which nothing works: no way is gone to its end."""
    path = tmp_path_factory.mktemp("platform") / "sampan.db"
    shutil.copyfile(sqlite_template, path)
    with running(f"sqlite:///{path}", run_workers=False) as made:
        yield made


@pytest.fixture(scope="module")
def admin(quick: RunningPlatform) -> Member:
    """A person who may go everywhere."""
    return Staff(quick).member(Role.ADMIN)


def name(way: Way) -> str:
    """Return how a way is called where it went wrong."""
    return f"{way.method} {way.path or '(bare)'}"


def path_of(way: Way) -> str:
    """Return an address that a way takes; whatever it names does not exist."""
    return re.sub(r"\{(\w+)(:\w+)?\}", "1", way.path)


def send(member: Member, way: Way) -> tuple[int, str]:
    """Go a way with an empty form; return status and where it leads."""
    answer = member.get(path_of(way)) if way.method == "GET" else member.post(path_of(way))
    return answer.status, answer.headers.get("location", "")


def assert_rights(member: Member, role: Role) -> None:
    """Check that a member gets where the role has the right to, and to no other place."""
    got = {name(way): send(member, way)[0] for way in OF_RIGHTS}
    shut = {name(way) for way in OF_RIGHTS if way.needs not in rights_of([role])}
    assert {way for way, status in got.items() if status == 403} == shut
    assert {way: status for way, status in got.items() if status >= 500} == {}


def test_every_way_of_who_may_most(platform: RunningPlatform) -> None:
    """Every way is open to an admin as far as the right goes, on each engine, and none breaks."""
    assert_rights(Staff(platform).member(Role.ADMIN), Role.ADMIN)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_every_way_and_role(quick: RunningPlatform, role: Role) -> None:
    """A way is open to exactly the roles that have its right; 403 is nobody else's answer."""
    assert_rights(Staff(quick).member(role), role)


def test_no_way_for_visitors(quick: RunningPlatform) -> None:
    """Who is not signed in is led to the sign-in, whatever they ask for."""
    visitor = Member(quick)
    led = {name(way): send(visitor, way) for way in WAYS if way.needs is not Who.ANYBODY}
    assert len(led) > len(OF_RIGHTS)
    assert {
        way: (status, to)
        for way, (status, to) in led.items()
        if (status, to.split("?")[0]) != (303, SIGN_IN)
    } == {}


def test_no_way_without_second_factor(quick: RunningPlatform) -> None:
    """An admin who has set up no second factor gets nowhere but to setting it up."""
    staff = Staff(quick)
    user = staff.add(Role.ADMIN)
    fresh = Member(quick, user, token=staff.session(user))
    led = {send(fresh, way) for way in OF_RIGHTS}
    assert led == {(303, "/dashboard/profile/second-factor")}


def test_no_way_with_half_a_session(quick: RunningPlatform) -> None:
    """With the password alone, who has a second factor gets no further than its question."""
    staff = Staff(quick)
    user = staff.add(Role.SUPPORT)
    staff.factor(user)
    led = {}
    for way in WAYS:
        if isinstance(way.needs, Right) or way.needs is Who.SIGNED_IN:
            # A session each: what one way does to it says nothing of the next.
            half = Member(quick, user, token=staff.session(user, passed_totp=False))
            status, to = send(half, way)
            led[name(way)] = (status, to.split("?")[0])
    wrong = {way for way, to in led.items() if to not in {(303, "/dashboard/code"), (303, SIGN_IN)}}
    assert wrong == set()


@pytest.mark.parametrize("forged", ["", "0" * 64, "x", "é"])
def test_forms_of_others(admin: Member, forged: str) -> None:
    """A form without this session's token changes nothing."""
    body = f"csrf={forged}".encode()
    got = {
        name(way): admin.post_raw(path_of(way), body).status
        for way in POSTS
        if way.needs is not Who.HALF
    }
    assert {way: status for way, status in got.items() if status != 403} == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)
def test_posts_from_elsewhere(admin: Member, headers: dict[str, str]) -> None:
    """A form sent by a page of another site is refused, though its token were right."""
    body = f"csrf={admin.csrf}".encode()
    got = {name(way): admin.post_raw(path_of(way), body, headers).status for way in POSTS}
    # Who is signed in is led away from the second factor's question before its form is read.
    assert got == {name(way): 303 if way.needs is Who.HALF else 403 for way in POSTS}
