"""The Dashboard's callbacks: the log and its filters, one with its tries, and sending again."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from sampan.clock import DAY_US
from sampan.dashboard import callbacks as pages
from sampan.domain.rights import Role
from sampan.flow import delivery
from sampan.storage import callbacks, journal
from sampan.storage.callbacks import Attempt, Callback
from sampan.storage.engine import Tx
from tests.support.merchant import Merchant, Reply
from tests.support.platform import ProjectClient, RunningPlatform, until
from tests.support.staff import Member, Staff, text_of

WAITING = "awaiting customer action"
HONG_KONG = timezone(timedelta(hours=8))


@pytest.fixture
def amy(platform: RunningPlatform) -> Member:
    """Somebody of Operations."""
    return Staff(platform).member(Role.OPERATIONS)


@pytest.fixture
def told(project: ProjectClient, merchant: Merchant) -> Callback:
    """The delivered callback of a payment `p-1` that shows its QR."""
    project.sell("p-1")
    merchant.callback("p-1", WAITING)
    return until(lambda: [c for c in found(project) if c.status == "delivered"])[0]


def found(project: ProjectClient) -> list[Callback]:
    """The callbacks of `p-1` as kept, oldest first."""
    return list(project.platform.callbacks_of(project, "p-1"))


def add(platform: RunningPlatform, like: Callback, **changes: Any) -> Callback:  # noqa: ANN401
    """Keep another callback like one that there is; nobody is about to send it."""

    def write(tx: Tx) -> Callback:
        made = msgspec.structs.replace(like, id=tx.new_id(), **changes)
        callbacks.insert_callback(tx, made)
        return made

    return platform.transact(write)


def given_up(platform: RunningPlatform, like: Callback, **changes: Any) -> Callback:  # noqa: ANN401
    """Keep a callback that was given up."""
    wanted = {"status": "exhausted", "attempts_count": 120, **changes}
    return add(platform, like, **wanted)


def ids(member: Member, **query: object) -> list[int]:
    """The callbacks that the log shows for a filter, in its order."""
    answer = member.get("/callbacks", **query)
    assert answer.status == 200
    links = re.findall(r'<tr>\s*<td[^>]*><a href="/dashboard/callbacks/(\d+)"', answer.raw.decode())
    return [int(link) for link in links]


def day(us: int) -> str:
    """The day of Hong Kong that a moment is in."""
    return datetime.fromtimestamp(us / 1e6, HONG_KONG).date().isoformat()


# --- the log --------------------------------------------------------------------------------


def test_log_shows_what_was_told(amy: Member, told: Callback) -> None:
    """A row names payment, state and answer, and leads to the callback and the payment's card."""
    page = amy.get("/callbacks", project=told.project_id)
    assert f'href="/dashboard/callbacks/{told.id}"' in page.raw.decode()
    assert f'href="/dashboard/payments/{told.payment}"' in page.raw.decode()
    assert "p-1" in text_of(page)
    assert "Delivered HTTP 200 1" in text_of(page)


def test_filters(platform: RunningPlatform, amy: Member, told: Callback) -> None:
    """Each filter shows exactly what fits, and all of them together narrow it down."""
    project, at = told.project_id, told.created_us
    lost = given_up(platform, told, created_us=at - 3 * DAY_US)
    failed = add(
        platform, told, status="pending", attempts_count=2, created_us=at - DAY_US, kind="refund"
    )
    fresh = add(platform, told, status="pending", attempts_count=0, created_us=at - 2 * DAY_US)
    every = [told.id, failed.id, fresh.id, lost.id]
    assert ids(amy, project=project) == every
    assert ids(amy, project=project, status="exhausted") == [lost.id]
    assert ids(amy, project=project, status="pending") == [failed.id, fresh.id]
    assert ids(amy, project=project, kind="refund") == [failed.id]
    assert ids(amy, project=project, failing=1) == [failed.id, lost.id]
    assert ids(amy, project=project, payment="P-1") == every
    assert ids(amy, project=project, payment="p-1", failing=1) == [failed.id, lost.id]
    assert ids(amy, project=project, payment="p-1", status="pending", kind="refund") == [failed.id]
    assert ids(amy, project=project, payment="p-") == []
    begin, end = day(at - 2 * DAY_US), day(at - DAY_US)
    assert ids(amy, project=project, created_from=begin, created_to=end) == [failed.id, fresh.id]
    assert ids(amy, project=project, created_from=end, failing=1) == [failed.id]
    assert ids(amy, project=project + 1_000_000) == []


def test_hong_kong_days(platform: RunningPlatform, amy: Member, told: Callback) -> None:
    """A day begins at midnight in Hong Kong and its last microsecond belongs to it."""
    midnight = datetime(2024, 3, 1, tzinfo=HONG_KONG).timestamp() * 1_000_000
    first = add(platform, told, created_us=int(midnight))
    last = add(platform, told, created_us=int(midnight) + DAY_US - 1)
    add(platform, told, created_us=int(midnight) - 1)
    add(platform, told, created_us=int(midnight) + DAY_US)
    asked = {"created_from": "2024-03-01", "created_to": "2024-03-01"}
    assert ids(amy, project=told.project_id, **asked) == [last.id, first.id]


def test_pages(
    platform: RunningPlatform, amy: Member, told: Callback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages go on where the last one ended, without a gap or a repeat, and keep the filter."""
    monkeypatch.setattr(pages, "PAGE_ROWS", 2)
    made = [
        given_up(platform, told, created_us=told.created_us - n // 2 * 1000).id for n in range(5)
    ]
    seen: list[int] = []
    path = f"/callbacks?status=exhausted&project={told.project_id}"
    for _ in range(3):
        html = amy.get(path).raw.decode()
        seen += [
            int(one) for one in re.findall(r'<td[^>]*><a href="/dashboard/callbacks/(\d+)"', html)
        ]
        following = re.search(r'rel="next" href="\?([^"]+)"', html)
        path = "/callbacks?" + (following[1].replace("&amp;", "&") if following else "")
    assert not following
    assert len(seen) == 5
    assert sorted(seen) == sorted(made)


BAD = ["x", "-1", "9" * 40, "a\0b", "密碼", "🛶", "' OR 1=1 --", "2024-02-30", "\ud800"]


@pytest.mark.parametrize("bad", BAD)
def test_strange_filters(amy: Member, bad: str) -> None:
    """Whatever stands in the address, there is a page, and it says what it left out."""
    raw = bad.encode("utf-8", "surrogatepass")
    for name in ("project", "status", "kind", "created_from", "created_to", "after"):
        answer = amy.get("/callbacks", **{name: raw})
        assert answer.status == 200
        assert (name != "after") == ("was left out" in text_of(answer))
    assert amy.get("/callbacks", payment=raw).status == 200


def test_health(platform: RunningPlatform, amy: Member) -> None:
    """An address that fails stands above the log, and after five times it is an alarm."""
    origin = "https://down.tea.example"
    for count in range(1, delivery.FAILING_AFTER + 1):
        platform.transact(lambda tx: callbacks.note_failure(tx, origin, now_us=1))
        words = text_of(amy.get("/callbacks"))
        state = "Failing" if count == delivery.FAILING_AFTER else "Unsteady"
        assert f"{state} {origin} {count} failure" in words
    platform.transact(lambda tx: callbacks.note_success(tx, origin, now_us=2))
    assert origin not in text_of(amy.get("/callbacks"))


# --- one ------------------------------------------------------------------------------------


def test_callback_with_every_try(
    platform: RunningPlatform, amy: Member, project: ProjectClient, merchant: Merchant
) -> None:
    """Body, address and each try with its answer; what the server said is text, never markup."""
    merchant.answer(Reply(500, body=b"<b>down</b>"))
    project.sell("p-1")
    until(lambda: any(c.status == "pending" and c.attempts_count for c in found(project)))
    platform.clock.advance(11)
    (kept,) = until(lambda: [c for c in found(project) if c.status == "delivered"])
    page = amy.get(f"/callbacks/{kept.id}")
    words = text_of(page)
    assert "Try 1: HTTP 500" in words
    assert "Try 2: HTTP 200" in words
    assert "<b>down</b>" in words
    assert "<b>down" not in page.raw.decode()
    assert merchant.url in words
    assert '"project_id": ' in words
    assert "signature" not in kept.body
    assert f'href="/dashboard/payments/{kept.payment}"' in page.raw.decode()


def test_try_without_outcome(platform: RunningPlatform, amy: Member, told: Callback) -> None:
    """A try that was cut short says so, and one without an answer says why."""
    open_one = add(platform, told, status="sending", attempts_count=2)
    tries = [(1, "timeout: 30 s", 30_000), (2, delivery.NO_OUTCOME, 0)]

    def write(tx: Tx) -> None:
        for number, error, duration in tries:
            callbacks.insert_attempt(
                tx,
                Attempt(
                    callback=open_one.id,
                    number=number,
                    at_us=number,
                    url=told.url,
                    http_status=None,
                    duration_ms=duration,
                    answer="",
                    error=error,
                ),
            )

    platform.transact(write)
    words = text_of(amy.get(f"/callbacks/{open_one.id}"))
    assert "Try 1: no answer 30000 ms timeout: 30 s" in words
    assert "Try 2: no outcome known: under way, or cut short" in words


def test_unsent(platform: RunningPlatform, amy: Member, told: Callback) -> None:
    """What has no address says why nothing was sent, and cannot be sent."""
    note = "no callback address is set"
    unsent = add(platform, told, status="dropped", url="", note=note, attempts_count=0)
    words = text_of(amy.get(f"/callbacks/{unsent.id}"))
    assert note in words
    assert "It was never sent." in words
    assert "Send again now" not in words
    answer = amy.post(f"/callbacks/{unsent.id}/resend")
    assert answer.status == 400
    assert "has no address" in text_of(answer)


@pytest.mark.parametrize("number", ["0", "7", "x", "9" * 30, "-1", "1e3", "%00", "%E8%8C%B6"])
def test_no_such_callback(amy: Member, number: str) -> None:
    """A callback that there is not is not found, shown or sent."""
    assert amy.get(f"/callbacks/{number}").status == 404
    assert amy.post(f"/callbacks/{number}/resend").status == 404


# --- again ----------------------------------------------------------------------------------


def test_resend(platform: RunningPlatform, amy: Member, merchant: Merchant, told: Callback) -> None:
    """A delivered callback goes out again, and the journal names who wanted it."""
    answer = amy.post(f"/callbacks/{told.id}/resend")
    assert answer.headers["location"] == f"/dashboard/callbacks/{told.id}?said=callback-resent"
    until(lambda: len(merchant.of("p-1")) == 2)
    rows = platform.read(lambda tx: journal.of_payment(tx, told.payment))
    assert [(row.what, row.by, row.why) for row in rows][-1] == (
        "callback resent",
        f"staff:{amy.user.email}",
        str(told.id),
    )


def test_who_may_not_resend(platform: RunningPlatform, told: Callback) -> None:
    """Support reads the log and sees no button that they must not press."""
    sue = Staff(platform).member(Role.SUPPORT)
    assert "Resend" not in text_of(sue.get("/callbacks"))
    assert "Send again" not in text_of(sue.get(f"/callbacks/{told.id}"))
    assert sue.post(f"/callbacks/{told.id}/resend").status == 403


def test_resend_failed_counts_first(
    platform: RunningPlatform, amy: Member, merchant: Merchant, told: Callback
) -> None:
    """It says how many there are and sends nothing; the form then sends just those."""
    asked = {"project": str(told.project_id), "created_from": day(told.created_us - DAY_US)}
    failed = [given_up(platform, told).id for _ in range(3)]
    failed.append(add(platform, told, status="pending", attempts_count=7).id)
    old = given_up(platform, told, created_us=told.created_us - 5 * DAY_US)
    page = amy.get("/callbacks/resend-failed", **asked)
    assert "4 failed callbacks" in text_of(page)
    assert len(merchant.of("p-1")) == 1
    answer = amy.post("/callbacks/resend-failed", **asked)
    assert "4 callbacks go out again now." in text_of(answer)
    until(lambda: len(merchant.of("p-1")) == 5)
    kept = platform.read(lambda tx: callbacks.find(tx, old.id))
    assert kept == old
    rows = platform.read(lambda tx: journal.of_payment(tx, told.payment))
    resent = [row.why for row in rows if row.by == f"staff:{amy.user.email}"]
    assert sorted(resent) == sorted(map(str, failed))
    until(lambda: ids(amy, failing=1, **asked) == [])
    assert "0 callbacks" in text_of(amy.post("/callbacks/resend-failed", **asked))


def test_resend_failed_goes_on(
    platform: RunningPlatform,
    amy: Member,
    merchant: Merchant,
    told: Callback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More than one request may take goes on where it stopped, and sends nothing twice."""
    monkeypatch.setattr(delivery, "RESEND_CHUNK", 2)
    monkeypatch.setattr(pages, "RESEND_MAX", 4)
    for n in range(7):
        given_up(platform, told, created_us=told.created_us - n)
    page = amy.post("/callbacks/resend-failed", project=told.project_id)
    words = text_of(page)
    assert "4 callbacks go out again now." in words
    assert "3 failed callbacks" in words
    assert "Go on with the rest" in words
    after = re.search(r'name="after" value="([^"]+)"', page.raw.decode())
    assert after
    page = amy.post("/callbacks/resend-failed", project=told.project_id, after=after[1])
    assert "3 callbacks go out again now." in text_of(page)
    until(lambda: len(merchant.of("p-1")) == 8)
    assert "Go on" not in text_of(page)


@pytest.mark.parametrize("name", ["project", "created_from", "created_to"])
def test_resend_of_a_filter_that_cannot_be_read(
    platform: RunningPlatform, amy: Member, told: Callback, name: str
) -> None:
    """A period that makes no sense sends nothing: all of them is not what was meant."""
    lost = given_up(platform, told)
    answer = amy.post("/callbacks/resend-failed", **{name: "soon"})
    assert answer.status == 400
    assert "nothing was sent" in text_of(answer)
    assert platform.read(lambda tx: callbacks.find(tx, lost.id)) == lost
    platform.transact(
        lambda tx: callbacks.move(
            tx, msgspec.structs.replace(lost, status="dropped"), status_from="exhausted"
        )
    )


def test_body_is_shown_as_it_is(platform: RunningPlatform, amy: Member, told: Callback) -> None:
    """Chinese, emoji and markup in a body are read as they were sent."""
    body = json.loads(told.body)
    body["payment"]["description"] = "茶 🛶 <script>x</script>"
    odd = add(platform, told, body=json.dumps(body, ensure_ascii=False), status="dropped")
    page = amy.get(f"/callbacks/{odd.id}").raw.decode()
    assert "茶 🛶 &lt;script&gt;x&lt;/script&gt;" in page
