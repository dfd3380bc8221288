"""A refund in a browser: from the money to the bank's debit, with a warning and two people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sampan.domain.rights import Role
from sampan.flow.refund_records import reference_of
from sampan.storage.credits import Credit
from tests.browser.conftest import barriers
from tests.browser.test_dashboard import context_of, watched
from tests.support.desk_world import ScreenWorld
from tests.support.platform import running, until
from tests.support.refund_world import RefundWorld, refund_world
from tests.support.staff import Staff

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreenWorld]:
    """A platform with one person."""
    folder = tmp_path_factory.mktemp("refunds")
    with running(f"sqlite:///{folder}/sampan.db") as platform:
        staff = Staff(platform)
        owner = staff.member(Role.ADMIN, name="Amy Wong")
        yield ScreenWorld(platform=platform, staff=staff, owner=owner)


@pytest.mark.parametrize(("size", "language"), [("desktop", "en"), ("phone", "zh-hant")])
def test_from_money_to_debit(
    browser: Browser, world: ScreenWorld, tmp_path: Path, size: str, language: str
) -> None:
    """Refund to another name, warned; approved by another person; filed; paid; books agree."""
    refunding = refund_world(world.platform, refund_alone_max_minor=0)
    credit = refunding.paid(f"TEA-{size}")
    ben = world.staff.member(Role.OPERATIONS, name="Ben Lee")
    contexts = [
        context_of(browser, world, size=size, language=language, token=token)
        for token in (world.owner.token, ben.token)
    ]
    (amys, faults), (bens, more_faults) = map(watched, contexts)
    try:
        _propose(amys, credit)
        _approve(bens, credit)
        _file_and_pay(amys, refunding, credit, tmp_path)
        amys.goto("/dashboard/ledger")
        expect(amys.locator("main .notice.good")).to_have_count(1)
        _look(amys)
    finally:
        for context in contexts:
            context.close()
    assert faults + more_faults == []


def _look(page: Page) -> None:
    """Check that a page is no barrier and does not scroll sideways."""
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def _propose(page: Page, credit: Credit) -> None:
    """Fill the form in for somebody else than who paid; tick that it is right."""
    page.goto(f"/dashboard/credits/{credit.id}")
    page.click("a[href$='/refund']")
    assert page.input_value("[name=amount]") == "100.00"
    page.fill("[name=amount]", "60.00")
    page.fill("[name=name]", "WONG SIU MING")
    page.select_option("[name=kind]", "mobile")
    page.fill("[name=number]", "9123 4567")
    page.fill("[name=bank_code]", "")
    page.click("main form .end button")
    expect(page.locator(".decide .notice.warn")).to_contain_text("WONG SIU MING")
    _look(page)
    page.fill("[name=why]", "Paid by her husband")
    page.click(".decide form .end button")
    # Without the tick the browser sends nothing.
    expect(page.locator("[name=checked]:invalid")).to_have_count(1)
    page.check("[name=checked]")
    page.click(".decide form .end button")
    page.wait_for_url(re.compile(r"/credits/\d+\?said=decision-proposed"))
    _look(page)


def _approve(page: Page, credit: Credit) -> None:
    """See as another person who is paid, and approve it."""
    page.goto(f"/dashboard/credits/{credit.id}")
    page.click("a[href*='/credits/decisions/']")
    expect(page.locator(".notice.warn")).to_contain_text("WONG SIU MING")
    expect(page.locator("dl.rows").first).to_contain_text("+852-91234567")
    _look(page)
    form = page.locator("details", has=page.locator("form[action$='/approve']"))
    form.locator("summary").click()
    form.locator("[name=why]").fill("She sent the receipt")
    form.locator("button").click()
    page.wait_for_url(re.compile(r"said=decision-approved"))


def _file_and_pay(page: Page, refunding: RefundWorld, credit: Credit, folder: Path) -> None:
    """Make the file for the bank, send its statement in, and see the refund paid."""
    (refund,) = refunding.refunds(credit)
    page.goto("/dashboard/refunds?status=approved")
    _look(page)
    page.check(f"[name=refund][value='{refund.id}']")
    page.click("form[action*='/refunds/files'] button")
    page.wait_for_url(re.compile(r"/refunds\?file=\d+"))
    with page.expect_download() as got:
        page.click(".decide a[download]")
    assert reference_of(refund) in Path(got.value.path()).read_text(encoding="utf-8")
    day = folder / "day.xml"
    day.write_bytes(refunding.file(refunding.debit_of(refund)))
    page.goto("/dashboard/credits/import")
    if page.locator("[name=account] option").count() > 1:
        page.select_option("[name=account]", f"fps/{refunding.account.account.key}")
    page.set_input_files("[name=file]", day)
    page.click("form[action$='/credits/import'] .end button")
    page.click("form[action$='/start'] button")
    until(lambda: refunding.again(refund).status == "confirmed" or None)
    page.goto(f"/dashboard/refunds/{refund.id}")
    expect(page.locator(".head .chip.good[title=confirmed]")).to_have_count(1)
    expect(page.locator(".line > li")).to_have_count(4)
    _look(page)
