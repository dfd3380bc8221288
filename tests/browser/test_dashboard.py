"""The Dashboard in a browser: a merchant's whole way, and every screen for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sampan.domain.project import Project
from sampan.domain.rights import Role
from tests.browser.conftest import barriers
from tests.support.desk_world import MISSING, DeskWorld, ScreenWorld, desk_world
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, until
from tests.support.staff import PASSWORD, Member

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIZES: Final = {"desktop": (1280, 800), "phone": (390, 844)}
LANGUAGES: Final = ("en", "zh-hant")
MOMENTS_MIN: Final = 6


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskWorld]:
    """A merchant's day."""
    with desk_world(tmp_path_factory.mktemp("desk")) as made:
        yield made


def context_of(
    browser: Browser,
    desk: ScreenWorld,
    *,
    size: str,
    language: str,
    token: str = "",
    **more: Any,  # noqa: ANN401 - options of the browser
) -> BrowserContext:
    """Return a browser of a size and language, signed in with a session's token."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        base_url=desk.platform.url,
        locale={"en": "en-HK", "zh-hant": "zh-HK"}[language],
        **more,
    )
    if token:
        name = desk.staff.cookie(token).split("=")[0]
        context.add_cookies([{"name": name, "value": token, "url": desk.platform.url}])
    return context


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    """Return a page and what goes wrong on it: errors, refused sources, foreign requests."""
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda line: faults.append(line.text) if line.type in {"error", "warning"} else None,
    )
    return page, faults


# --- a merchant's whole way ---------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_from_sign_in_to_a_paid_link(
    browser: Browser, desk: DeskWorld, size: str, language: str
) -> None:
    """Sign in, project, link, payment, story, callback again, and a colleague who only looks."""
    merchant = Merchant(secrets=[], clock=lambda: desk.platform.clock.now_us() / 1e6)
    context = context_of(browser, desk, size=size, language=language)
    page, faults = watched(context)
    try:
        _sign_in(page, desk)
        number, secret = _add_project(page, merchant.url)
        merchant.secrets = (secret,)
        project = ProjectClient(desk.platform, _project(desk, number))
        url = _add_link(page, number)
        payment_id = _pay(browser, desk, url=url, project=project, merchant=merchant)
        key = _story(page, project, payment_id)
        _send_again(page, key, merchant=merchant, payment_id=payment_id)
        _only_looks(browser, desk, key=key, where=(size, language))
    finally:
        context.close()
        merchant.close()
    assert faults == []


def _sign_in(page: Page, desk: DeskWorld) -> None:
    """Sign in with a password and set up the second factor; then sign in with both."""
    user = desk.staff.add(Role.ADMIN)
    page.goto("/dashboard/projects")
    page.fill("[name=email]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.wide")
    page.wait_for_url("**/profile/second-factor")
    secret = (page.text_content("details code") or "").replace(" ", "")
    page.fill("[name=code]", pyotp.TOTP(secret).at(desk.platform.clock.now_us() // 1_000_000))
    page.click("main button.wide")
    expect(page.locator(".codes code")).to_have_count(10)
    code = page.locator(".codes code").first.inner_text()
    page.click("form[action$='sign-out'] button")
    page.fill("[name=email]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.wide")
    page.wait_for_url("**/dashboard/code*")
    page.fill("[name=code]", code)
    page.click("main button.wide")
    page.wait_for_url("**/dashboard/")


def _project(desk: DeskWorld, number: int) -> Project:
    found = desk.platform.read(lambda tx: desk.platform.inside.projects.in_tx(tx, number))
    assert found is not None
    return found


def _add_project(page: Page, callback_url: str) -> tuple[int, str]:
    """Add a project; return its number and the key that is shown this once."""
    page.goto("/dashboard/projects/new")
    page.fill("[name=name]", "Tea by the Harbour 海港茶")
    page.fill("[name=payee_fps_id]", "1029385")
    page.fill("[name=payee_name]", "TEA BY THE HARBOUR")
    page.fill("[name=callback_url]", callback_url)
    page.click("main form[action$='/projects/new'] button.button")
    shown = page.locator(".once code")
    expect(shown).to_have_count(2)
    number, secret = shown.all_inner_texts()
    assert secret not in page.url
    page.goto(f"/dashboard/projects/{number}")
    assert secret not in page.content()
    return int(number), secret


def _add_link(page: Page, number: int) -> str:
    """Make a payment link over HK$268.50; return its address."""
    page.goto("/dashboard/links/new")
    page.select_option("[name=project]", str(number))
    page.fill("[name=amount]", "268.50")
    page.fill("[name=description]", "Tasting for two 雙人品茶")
    page.click("main form[action$='/links/new'] .end button")
    page.wait_for_url(re.compile(r"/dashboard/links/\d+"))
    url = page.locator(".address code").inner_text()
    assert url.startswith("http")
    return url


def _pay(
    browser: Browser, desk: DeskWorld, *, url: str, project: ProjectClient, merchant: Merchant
) -> str:
    """Open the link on a telephone and pay it; the merchant's server fails to take the result."""
    first = merchant.wait(lambda one: one.body["payment"]["status"] == "awaiting payment")[0]
    payment_id = str(first.payment_id)
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-HK")
    payer = context.new_page()
    payer.goto(url)
    assert "268.50" in payer.content()
    merchant.answer(500)
    payer.click("form[action$='/start'] button")
    expect(payer.locator("#screen[data-screen=pay]")).to_be_visible()
    payment = project.payment(payment_id)
    assert payment is not None
    assert payment.display is not None
    desk.platform.bank.act(payment.display.payload, "pay")
    expect(payer.locator("#screen[data-screen=paid]")).to_be_visible()
    context.close()
    return payment_id


def _story(page: Page, project: ProjectClient, payment_id: str) -> int:
    """Find the payment by its id and read its story; return its key."""
    page.fill("[data-find]", payment_id)
    page.press("[data-find]", "Enter")
    page.wait_for_url(re.compile(r"/dashboard/payments/\d+"))
    payment = project.payment(payment_id)
    assert payment is not None
    until(lambda: _tells(page, "HTTP 500") or None)
    assert _tells(page, "HK$268.50")
    assert page.locator(".line > li").count() > MOMENTS_MIN
    return payment.key


def _tells(page: Page, text: str) -> bool:
    page.reload()
    return text in page.locator(".line").inner_text()


def _send_again(page: Page, key: int, *, merchant: Merchant, payment_id: str) -> None:
    """Send the callback again that failed, from the payment's card to the callback's page."""
    page.goto(f"/dashboard/payments/{key}")
    page.locator("a[href^='/dashboard/callbacks/']").last.click()
    with page.expect_navigation():
        page.click("form[action$='/resend'] button")
    merchant.callback(payment_id, "success")
    until(lambda: _delivered(page) or None)


def _delivered(page: Page) -> bool:
    page.reload()
    return page.locator(".chip.good[title=delivered]").count() > 0


def _only_looks(browser: Browser, desk: DeskWorld, *, key: int, where: tuple[str, str]) -> None:
    """A colleague of the role Support sees the story and finds nothing to change anything with."""
    bob: Member = desk.staff.member(Role.SUPPORT)
    size, language = where
    context = context_of(browser, desk, size=size, language=language, token=bob.token)
    page = context.new_page()
    page.goto(f"/dashboard/payments/{key}")
    assert page.locator(".line > li").count() > MOMENTS_MIN
    posts = page.locator("main form[method=post]")
    assert posts.count() == 0
    assert page.locator(".menu a[href='/dashboard/team']").count() == 0
    answer = page.goto("/dashboard/links")
    assert answer is not None
    assert answer.status == 403
    context.close()


# --- every screen ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "scheme", "language"), [("desktop", "light", "en"), ("phone", "dark", "zh-hant")]
)
def test_every_screen(
    browser: Browser, desk: DeskWorld, size: str, scheme: str, language: str
) -> None:
    """No screen is a barrier, has an error, reaches outside or scrolls sideways."""
    told: list[str] = []
    # One browser for each person: a new one draws its first page for twice the time.
    opened: dict[str, tuple[Page, list[str]]] = {}
    for name, path in desk.screens().items():
        token = desk.token_of(name)
        if token not in opened:
            context = context_of(
                browser, desk, size=size, language=language, token=token, color_scheme=scheme
            )
            opened[token] = watched(context)
        page, faults = opened[token]
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == (404 if name == MISSING else 200), name
        told += [f"{name}: {barrier}" for barrier in barriers(page)]
        told += [f"{name}: {one}" for one in faults if name != MISSING or "404" not in one]
        faults.clear()
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        told += [f"{name}: {wide} px too wide"] if wide > 0 else []
    for page, _ in opened.values():
        page.context.close()
    assert told == []


def test_keys(browser: Browser, desk: DeskWorld) -> None:
    """`/` goes to the search, `j` and `k` through the rows, Enter opens one."""
    context = context_of(browser, desk, size="desktop", language="en", token=desk.owner.token)
    page = context.new_page()
    page.goto("/dashboard/payments")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    for key in "jjk":
        page.keyboard.press(key)
    first = page.locator("table.list tbody tr").first
    expect(first).to_have_class(re.compile("chosen"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/dashboard/payments/\d+"))
    context.close()


def test_without_scripts(browser: Browser, desk: DeskWorld) -> None:
    """Filters and forms work in a browser that runs no scripts."""
    context = context_of(
        browser,
        desk,
        size="phone",
        language="en",
        token=desk.owner.token,
        java_script_enabled=False,
    )
    page = context.new_page()
    page.goto("/dashboard/payments?status=success")
    assert page.locator("table.list tbody tr").count() >= 2
    page.goto("/dashboard/links/new")
    page.fill("[name=amount]", "1.00")
    page.select_option("[name=project]", str(desk.project.id))
    page.click("main form[action$='/links/new'] .end button")
    assert page.locator(".address code").count() == 1
    context.close()
