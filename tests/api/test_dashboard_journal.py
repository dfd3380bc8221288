"""The Dashboard's journal: what people did first, everything on demand, by any filter."""

from __future__ import annotations

import re
from html import unescape

import msgspec
import pytest

from sampan.clock import DAY_US
from sampan.dashboard import journal as pages
from sampan.dashboard.asked import day_text
from sampan.domain.rights import Role
from sampan.flow import team
from sampan.flow.team import Act
from sampan.storage import journal, journal_lists, payments
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform
from tests.support.staff import Member, Staff, text_of

WHATS = {"took it", "shut it", "long ago", "the last", "the first"}


@pytest.fixture
def staff(platform: RunningPlatform) -> Staff:
    """The people of the platform."""
    return Staff(platform)


@pytest.fixture
def amy(staff: Staff) -> Member:
    """Somebody of Risks, who reads the journal and changes nothing."""
    return staff.member(Role.RISKS, name="Amy 100% <b>")


def write(platform: RunningPlatform, *entries: Entry) -> None:
    """Append entries."""

    def append(tx: Tx) -> None:
        for entry in entries:
            journal.write(tx, entry)

    platform.transact(append)


def rows(member: Member, **query: object) -> list[str]:
    """The rows that a filter shows, in words."""
    answer = member.get("/journal", **query)
    assert answer.status == 200
    body = re.search(r"<tbody>(.*)</tbody>", answer.raw.decode(), re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", body[1] if body else "", re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def test_people_first(
    staff: Staff, amy: Member, project: ProjectClient, merchant: Merchant
) -> None:
    """Without a filter it shows what people did, with their names, and no move by itself."""
    project.sell("p-1")
    merchant.callback("p-1", "awaiting customer action")
    bob = staff.member(Role.ADMIN, name="Bob 陳")
    bob.post(f"/team/{amy.user.id}/roles", role="risks", why="asked for <b>it</b>")
    newest = rows(amy)[0]
    assert "Bob 陳 Changed the roles of a person" in newest
    assert newest.endswith(f"{amy.user.email}: risks → risks: asked for <b>it</b>")
    assert not any("QR code" in row for row in rows(amy))
    assert "Amy 100% <b> Signed in" in " ".join(rows(amy, by=f"staff:{amy.user.email}"))


def test_everything(amy: Member, project: ProjectClient, merchant: Merchant) -> None:
    """Whoever wants all of it sees the moves too, by who made them."""
    project.sell("p-1")
    merchant.callback("p-1", "awaiting customer action")
    mine = rows(amy, payment="P-1", project=project.id)
    assert len(mine) == 2
    assert "The payment provider The QR code was made p-1" in mine[0]
    assert "The shop's server The payment was taken in p-1" in mine[1]
    every = rows(amy, by="all", project=project.id)
    assert every == mine
    assert rows(amy, by="merchant", project=project.id) == mine[1:]
    assert rows(amy, by="merchant", project=project.id, what="accepted") == mine[1:]
    assert rows(amy, by="bank", project=project.id) == []
    assert rows(amy, payment="p-1", by="provider", project=project.id) == mine[:1]
    html = amy.get("/journal", payment="p-1").raw.decode()
    assert re.search(r'href="/dashboard/payments/\d+">p-1<', html)


@pytest.mark.parametrize("by", ["staff:zoe@tea.example", "loose"])
def test_period(platform: RunningPlatform, amy: Member, project: ProjectClient, by: str) -> None:
    """A period shows its days of Hong Kong and no other, whoever it is about."""
    end = platform.clock.now_us() // DAY_US * DAY_US - 8 * 3_600_000_000
    times = {
        "long ago": end - 9 * DAY_US - 1,
        "the first": end - 9 * DAY_US,
        "the last": end - 8 * DAY_US - 1,
        "shut it": end - 8 * DAY_US,
    }
    entries = [
        Entry(at_us=at, project_id=project.id, what=what, by=by.replace("loose", "bank"))
        for what, at in times.items()
    ]
    write(platform, *entries)
    day = day_text(end - 9 * DAY_US)
    found = rows(amy, by=by, project=project.id, **{"from": day, "to": day})
    assert [next(w for w in WHATS if w in row) for row in found] == ["the last", "the first"]
    newer = rows(amy, by=by, project=project.id, **{"from": day_text(end - 8 * DAY_US)})
    assert [next(w for w in WHATS if w in row) for row in newer] == ["shut it"]


def key_of(platform: RunningPlatform, project: ProjectClient, payment_id: str) -> int:
    """The key of a payment."""
    found = platform.read(lambda tx: payments.payment_by_id(tx, project.id, payment_id))
    assert found is not None
    return found.key


def follow(member: Member, path: str) -> list[str]:
    """Go through all pages; return the marks in the rows, in order."""
    seen: list[str] = []
    for _ in range(50):
        html = member.get(path).raw.decode()
        seen += re.findall(r"<span>mark (\d+)</span>", html)
        following = re.search(r'rel="next" href="\?([^"]+)"', html)
        if not following:
            return seen
        path = "/journal?" + unescape(following[1])
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("by", ["staff:yan@tea.example", "loose"])
def test_pages(
    platform: RunningPlatform,
    amy: Member,
    project: ProjectClient,
    by: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pages go on without a gap or a repeat, also in the middle of a microsecond."""
    monkeypatch.setattr(pages, "PAGE_ROWS", 2)
    now, actor = platform.clock.now_us(), by.replace("loose", "bank")
    for number in range(5):
        what = f"mark {number}"
        write(platform, Entry(at_us=now + number, project_id=project.id, what=what, by=actor))
    for _ in range(4):
        write(platform, Entry(at_us=now + 9, project_id=project.id, what="mark 9", by=actor))
    seen = follow(amy, f"/journal?by={by}&project={project.id}")
    assert seen == ["9"] * 4 + ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize("looked", [1, 3, 10_000])
def test_pages_along_payments(
    platform: RunningPlatform,
    amy: Member,
    project: ProjectClient,
    merchant: Merchant,
    looked: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Moves are read payment by payment, the newest first, also where few of them fit."""
    monkeypatch.setattr(pages, "PAGE_ROWS", 3)
    monkeypatch.setattr(journal_lists, "LOOKED_MAX", looked)
    monkeypatch.setattr(journal_lists, "FIRST_LOOK", 2)
    for number in range(6):
        project.sell(f"p-{number}")
        merchant.callback(f"p-{number}", "awaiting customer action")
    for number in (0, 1, 5):
        key = key_of(platform, project, f"p-{number}")
        row = Entry(at_us=0, project_id=project.id, what="", by="customer", payment=key)
        for part in (1, 2):
            write(platform, msgspec.structs.replace(row, at_us=part, what=f"mark {number}{part}"))
    path = f"/journal?project={project.id}&by="
    assert follow(amy, f"{path}customer") == ["52", "51", "12", "11", "02", "01"]
    assert follow(amy, f"{path}all") == ["52", "51", "12", "11", "02", "01"]
    assert follow(amy, f"{path}clock") == []


BAD = ["x" * 300, "-1", "9" * 40, "a\0b", "密碼", "🛶", "' OR 1=1 --", "2024-02-30", "\ud800", "%"]


@pytest.mark.parametrize("bad", BAD)
def test_strange_filters(amy: Member, bad: str) -> None:
    """Whatever stands in the address, there is a page."""
    raw = bad.encode("utf-8", "surrogatepass")
    for name in ("by", "what", "project", "payment", "from", "to", "after"):
        assert amy.get("/journal", **{name: raw}).status == 200
    assert "was left out" in text_of(amy.get("/journal", **{"from": raw}))


def test_who_reads_it(staff: Staff) -> None:
    """The journal is for Risks and admins; others see no way to it."""
    bob = staff.member(Role.FINANCE)
    assert bob.get("/journal").status == 403
    assert "Journal" not in text_of(bob.get("/profile"))


def test_names_of_people_who_are_not_listed(platform: RunningPlatform, amy: Member) -> None:
    """The command line and people who are no users are named as they are."""
    now = platform.clock.now_us()
    write(
        platform,
        Entry(at_us=now, project_id=0, what="callback resent", by="command line", why="17"),
        Entry(at_us=now + 1, project_id=0, what="something new", by="staff:Mr 100% Wong"),
    )
    assert "Mr 100% Wong something new" in rows(amy)[0]
    assert "The command line Sent a callback again – Callback 17" in rows(amy)[1]


def test_sign_in_that_was_locked(staff: Staff, amy: Member) -> None:
    """A guessed password is among what people did: somebody should look at it."""
    user = staff.add(Role.SUPPORT)
    act = Act(staff.platform.clock.now_us(), "visitor", "5 failures in a row")
    staff.platform.transact(lambda tx: team.note(tx, user, "sign-in locked", act=act))
    assert "A visitor The sign-in was locked after too many failures" in rows(amy)[0]
