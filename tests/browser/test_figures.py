"""Analytics, reports and tokens in a browser: what a person does with them from end to end."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sampan.domain.rights import Role
from sampan.storage.api_tokens import Key
from tests.browser.conftest import barriers
from tests.browser.test_dashboard import context_of, watched
from tests.support import payment_examples
from tests.support.data_client import Program
from tests.support.desk_world import ScreenWorld, weeks_world
from tests.support.merchant import Merchant
from tests.support.platform import running
from tests.support.staff import Staff

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WHO: Final = [("desktop", "en"), ("phone", "zh-hant")]
READY_MS: Final = 60_000
"""A report is made by a process of its own, which takes a moment to start."""


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreenWorld]:
    """Weeks of figures."""
    with weeks_world(tmp_path_factory.mktemp("weeks")) as made:
        yield made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreenWorld]:
    """A few payments, and workers that make reports of them."""
    folder = tmp_path_factory.mktemp("shop")
    with running(f"sqlite:///{folder}/sampan.db") as platform:
        staff, merchant = Staff(platform), Merchant(secrets=["secret of a shop"])
        try:
            project = platform.add_project(merchant.url, secret="secret of a shop")
            payment_examples.fill(project, merchant)
            owner = staff.member(Role.ADMIN, name="Amy Wong")
            yield ScreenWorld(platform=platform, staff=staff, owner=owner)
        finally:
            merchant.close()


def opened(
    browser: Browser, world: ScreenWorld, *, size: str, language: str, roles: tuple[Role, ...] = ()
) -> tuple[BrowserContext, Page, list[str]]:
    """Return a browser of a new person, its page, and what goes wrong on it."""
    token = world.staff.member(*roles).token
    context = context_of(browser, world, size=size, language=language, token=token)
    page, faults = watched(context)
    return context, page, faults


@pytest.mark.parametrize(
    ("size", "scheme", "language"), [("desktop", "light", "en"), ("phone", "dark", "zh-hant")]
)
def test_every_screen(
    browser: Browser, weeks: ScreenWorld, size: str, scheme: str, language: str
) -> None:
    """No screen of figures is a barrier, has an error, or scrolls sideways."""
    told: list[str] = []
    token = weeks.owner.token
    context = context_of(
        browser, weeks, size=size, language=language, token=token, color_scheme=scheme
    )
    page, faults = watched(context)
    for name, path in weeks.screens().items():
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, name
        told += [f"{name}: {fault}" for fault in barriers(page)]
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        told += [f"{name}: {wide} px too wide"] if wide > 0 else []
    context.close()
    assert told + faults == []


@pytest.mark.parametrize(("size", "language"), WHO)
def test_a_board_of_ones_own(
    browser: Browser, weeks: ScreenWorld, size: str, language: str
) -> None:
    """A chart is put on the board, goes to the front, gets a name, and is taken off again."""
    context, page, faults = opened(browser, weeks, size=size, language=language)
    page.goto("/dashboard/analytics")
    panels = page.locator("section.card", has=page.locator(".panel-head"))
    before = panels.count()
    assert before >= 3
    page.goto("/dashboard/analytics/time-to-pay?period=30days")
    page.locator("form[action$='/panels/add'] button").first.click()
    page.goto("/dashboard/analytics")
    expect(panels).to_have_count(before + 1)
    for place in range(before, 0, -1):
        mine = panels.nth(place)
        mine.locator("details.tools > summary").click()
        mine.locator("button[value=up]").click()
        page.wait_for_url(re.compile(r"said=board-changed"))
    mine = panels.first
    mine.locator("details.tools > summary").click()
    mine.locator("input[name=title]").fill("茶 in 30 days")
    mine.locator("button[value=rename]").click()
    expect(panels.first.locator("h2")).to_contain_text("茶 in 30 days")
    with page.expect_download() as got:
        panels.first.locator("a[href*='.csv']").click()
    assert len(rows_of(Path(got.value.path()))) > 30
    panels.first.locator("details.tools > summary").click()
    panels.first.locator("details details > summary").click()
    panels.first.locator("button[value=remove]").click()
    expect(panels).to_have_count(before)
    context.close()
    assert faults == []


def rows_of(path: Path) -> list[list[str]]:
    """Read a CSV file."""
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


@pytest.mark.parametrize(("size", "language"), WHO)
def test_a_report(browser: Browser, shop: ScreenWorld, size: str, language: str) -> None:
    """A report is asked for, is seen to become ready, and its file has the payments."""
    context, page, faults = opened(browser, shop, size=size, language=language)
    page.goto("/dashboard/reports/new?type=payments")
    page.locator("select[name=period]").select_option("today")
    page.locator("main form .end > button.button:not(.quiet)").first.click()
    page.wait_for_url(re.compile(r"/dashboard/reports/\d+"))
    link = page.locator("main a[href$='/file']").first
    # Nobody reloads the page: it follows the report by itself.
    expect(link).to_be_visible(timeout=READY_MS)
    assert barriers(page) == []
    with page.expect_download() as got:
        link.click()
    head, *rows = rows_of(Path(got.value.path()))
    assert "payment_id" in head or len(head) > 5
    assert {"TEA-20418", "TEA-20421"} <= {cell for row in rows for cell in row}
    page.goto("/dashboard/reports")
    expect(page.locator("main a[href$='/file']").first).to_be_visible()
    context.close()
    assert faults == []


@pytest.mark.parametrize(("size", "language"), WHO)
def test_a_token(browser: Browser, shop: ScreenWorld, size: str, language: str) -> None:
    """The secret is shown once; the token works until it is deleted."""
    context, page, faults = opened(browser, shop, size=size, language=language)
    page.goto("/dashboard/profile")
    page.locator("form[action$='/profile/token'] button").click()
    shown = page.locator("main code").all_inner_texts()
    token, secret = (next(one for one in shown if len(one) == size) for size in (30, 64))
    assert barriers(page) == []
    program = Program(shop.platform.client, Key(token, secret))
    assert program.operations(limit=1)
    page.goto("/dashboard/profile")
    assert secret not in page.content()
    page.locator("details:has(form[action$='/token/delete']) > summary").click()
    page.locator("form[action$='/profile/token/delete'] button").click()
    page.wait_for_load_state()
    assert program.ask("/v1/balance/get").status == 401
    context.close()
    assert faults == []
