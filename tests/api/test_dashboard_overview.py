"""The Dashboard's overview: figures of Hong Kong days, alarms with their lists, the first steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import msgspec
import pytest
from sqlalchemy import update

from sampan.clock import DAY_US
from sampan.dashboard.asked import day_text, day_us
from sampan.domain.rights import Role
from sampan.flow import delivery
from sampan.storage import callbacks, payments, schema
from sampan.storage.engine import Statement, Tx
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform, running, until
from tests.support.staff import Member, Staff, text_of

WAITING = "awaiting customer action"


@pytest.fixture
def empty(sqlite_url: str) -> Iterator[RunningPlatform]:
    """A platform without anything."""
    with running(sqlite_url) as made:
        yield made


def move(platform: RunningPlatform, project: ProjectClient, payment_id: str, *, to_us: int) -> None:
    """Let a payment have been begun at another time."""
    key = key_of(platform, project, payment_id)
    table = schema.payments
    moved = Statement(update(table).where(table.c.id == key).values(created_us=to_us))
    platform.transact(lambda tx: tx.run(moved, {}))


def key_of(platform: RunningPlatform, project: ProjectClient, payment_id: str) -> int:
    """The key of a payment."""
    found = platform.read(lambda tx: payments.payment_by_id(tx, project.id, payment_id))
    assert found is not None
    return found.key


def pay(project: ProjectClient, merchant: Merchant, payment_id: str, *, how: str = "pay") -> None:
    """Sell, and let the customer act."""
    project.sell(payment_id, amount=12_345)
    shown = merchant.callback(payment_id, WAITING)
    project.platform.bank.act(shown.body["qr"]["payload"], how)


def test_first_steps(empty: RunningPlatform) -> None:
    """Who has nothing yet is told what comes next, by what they may do."""
    amy, sue = Staff(empty).member(Role.ADMIN), Staff(empty).member(Role.SUPPORT)
    assert "Begin with a project." in text_of(amy.get("/"))
    assert 'href="/dashboard/projects"' in amy.get("/").raw.decode()
    assert "An admin makes it." in text_of(sue.get("/"))
    empty.add_project("https://shop.example/callbacks")
    assert "All is ready for the first payment." in text_of(amy.get("/"))
    assert "Make a payment link" in text_of(amy.get("/"))
    assert "Make a payment link" not in text_of(sue.get("/"))


def test_figures(empty: RunningPlatform) -> None:
    """Today and the week count what was begun in them, to the microsecond of Hong Kong."""
    merchant = Merchant(secrets=["s"], clock=lambda: empty.clock.now_us() / 1e6)
    project = empty.add_project(merchant.url, secret="s")
    amy = Staff(empty).member(Role.SUPPORT)
    today = day_us(day_text(empty.clock.now_us()))
    assert today is not None
    for number in range(4):
        pay(project, merchant, f"paid-{number}")
        merchant.callback(f"paid-{number}", "success")
    project.sell("waits")
    merchant.callback("waits", WAITING)
    move(empty, project, "paid-1", to_us=today)
    move(empty, project, "paid-2", to_us=today - 1)
    move(empty, project, "paid-3", to_us=today - 6 * DAY_US - 1)
    page = amy.get("/")
    words = text_of(page)
    assert "Today HK$246.90 Turnover 3 Payments 100.0% Paid of finished 1 Waiting" in words
    assert "The last 7 days HK$370.35 Turnover 4 Payments 100.0% Paid of finished" in words
    assert "All is well" in words
    day = day_text(today)
    html = unescape(page.raw.decode())
    span = f"/dashboard/payments?created_from={day}&created_to={day}"
    assert f'href="{span}&status=success&currency=HKD"' in html
    week = f"created_from={day_text(today - 6 * DAY_US)}&created_to={day}"
    assert f'href="/dashboard/payments?{week}"' in html
    assert "status=awaiting%20customer%20action&status=awaiting%20redirect%20result" in html
    table = re.search(rf'<time datetime="{day}">.*?</tr>', html, re.DOTALL)
    assert table
    assert " ".join(re.sub(r"<[^>]+>", " ", table[0]).split()) == f"{day} 3 2 0 100.0% HK$246.90"
    merchant.close()


def test_charts(amy_and_payments: Member) -> None:
    """Charts are named drawings without script or style, with their numbers in a table."""
    html = amy_and_payments.get("/").raw.decode()
    drawings = re.findall(r'<svg class="chart" .*?</svg>', html, re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert 'role="img"' in drawing
        assert "<title " in drawing
        assert "style" not in drawing
        assert "<rect" in drawing
    assert "style=" not in html
    assert "The numbers as a table" in html


@pytest.fixture
def amy_and_payments(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> Member:
    """Somebody of Support, on a platform with a payment that was paid."""
    pay(project, merchant, "paid")
    merchant.callback("paid", "success")
    return Staff(platform).member(Role.SUPPORT)


def test_alarms(
    platform: RunningPlatform,
    amy_and_payments: Member,
    project: ProjectClient,
    merchant: Merchant,
) -> None:
    """Each alarm is counted and leads to its list; a number that is unknown stays unknown."""
    pay(project, merchant, "short", how="short")
    sent = platform.callbacks_of(project, "short")[0]

    def break_things(tx: Tx) -> None:
        lost = msgspec.structs.replace(sent, id=tx.new_id(), status="exhausted")
        callbacks.insert_callback(tx, lost)
        for _ in range(delivery.FAILING_AFTER):
            callbacks.note_failure(tx, "https://down.example", now_us=1)

    platform.transact(break_things)
    # The bank tells us in its own time.
    held = "1 payment with money that does not fit"
    until(lambda: held in text_of(amy_and_payments.get("/")) or None)
    page = amy_and_payments.get("/")
    words = text_of(page)
    for alarm, to in {
        held: "/dashboard/payments?held=1",
        "1 address for callbacks is failing": "/dashboard/callbacks?failing=1",
        "1 callback was given up": "/dashboard/callbacks?status=exhausted",
    }.items():
        assert alarm in words
        assert f'href="{to}"' in page.raw.decode()
    # A second payment of one QR code belongs to nothing that waits.
    payload = merchant.callback("paid", WAITING).body["qr"]["payload"]
    platform.bank.act(payload, "pay")
    told = "1 credit that belongs to no payment: HK$123.45"
    until(lambda: told in text_of(amy_and_payments.get("/")) or None)
    platform.transact(lambda tx: callbacks.note_success(tx, "https://down.example", now_us=2))


@pytest.mark.parametrize("query", ["?said=x", "?lang=zh-hant", "?lang=zh", "?%00=1"])
def test_opens_in_every_language(amy_and_payments: Member, query: str) -> None:
    """The first page opens for everybody."""
    assert amy_and_payments.get(f"/{query}").status == 200
