"""One's own token of the Data API in the Dashboard."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from sampan.domain.rights import Role
from sampan.storage import schema
from tests.support.data_client import OPERATIONS, Program, shown_key
from tests.support.platform import RunningPlatform
from tests.support.staff import Member, Staff, text_of


@pytest.fixture
def staff(platform: RunningPlatform) -> Staff:
    """The people of the platform."""
    return Staff(platform)


def journal_of(platform: RunningPlatform, email: str) -> list[str]:
    """Return what the journal says that a person did about tokens, oldest first."""
    t = schema.journal.c
    rows = select(t.what, t.why).where(t.by == f"staff:{email}", t.project_id == 0)
    found = platform.read(lambda tx: tx.query(rows.order_by(t.at_us, t.id)))
    assert all(why == email for what, why in found if "token" in what)
    return [row[0] for row in found if "token" in row[0]]


def test_from_making_to_deleting(platform: RunningPlatform, staff: Staff) -> None:
    """Made, used, replaced, deleted: the profile shows the token and never again its secret."""
    amy = staff.member(Role.SUPPORT)
    assert "Make a token" in text_of(amy.get("/profile"))
    page = amy.post("/profile/token")
    assert page.status == 200
    assert page.headers["cache-control"] == "no-store"
    assert f"{platform.inside.settings.public_url}/v1" in text_of(page)
    first = shown_key(page)
    shown = text_of(amy.get("/profile"))
    assert first.token in shown
    assert first.secret not in shown
    assert "Not yet" in shown
    program = Program(platform.client, first)
    assert program.ask(OPERATIONS).status == 200
    assert "Not yet" not in text_of(amy.get("/profile"))
    second = shown_key(amy.post("/profile/token"))
    assert program.ask(OPERATIONS).status == 401
    assert Program(platform.client, second).ask(OPERATIONS).status == 200
    assert first.token not in text_of(amy.get("/profile"))
    for _ in range(2):
        answer = amy.post("/profile/token/delete")
        assert answer.headers["location"] == "/dashboard/profile?said=token-deleted"
    assert Program(platform.client, second).ask(OPERATIONS).status == 401
    assert "Make a token" in text_of(amy.get("/profile"))
    assert journal_of(platform, amy.user.email) == [
        "data API token made",
        "data API token made",
        "data API token deleted",
    ]


def test_own_token_alone(staff: Staff) -> None:
    """Nobody sees or ends the token of another person, whatever a form says."""
    amy, bob = staff.member(Role.FINANCE), staff.member(Role.ADMIN)
    key = shown_key(amy.post("/profile/token"))
    assert key.token not in bob.get("/profile").raw.decode()
    bob.post("/profile/token/delete", user=str(amy.user.id), token=key.token)
    assert Program(staff.platform.client, key).ask(OPERATIONS).status == 200


def test_without_a_second_factor(staff: Staff) -> None:
    """Who has not set up what their role obliges to is not offered a token."""
    user = staff.add(Role.ADMIN)
    admin = Member(staff.platform, user, token=staff.session(user))
    answer = admin.post("/profile/token")
    assert answer.headers["location"] == "/dashboard/profile/second-factor"


@pytest.mark.parametrize("language", ["en", "zh-hant", "zh"])
def test_every_language(staff: Staff, language: str) -> None:
    """The page with the secret can be read in each language, without scripts."""
    amy = staff.member(Role.RISKS)
    page = amy.post(f"/profile/token?lang={language}")
    html = page.raw.decode()
    assert shown_key(page).secret
    assert re.search(r"<h1>[^<]+</h1>", html)
    assert "<script>" not in html
    assert amy.get("/profile/token", lang="en").headers["location"] == "/dashboard/profile"
