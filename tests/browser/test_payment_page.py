"""The Payment Page in a browser: from opening to the way back, on desktop and phone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pyzbar import pyzbar

from tests.browser.buyer import Buyer
from tests.browser.conftest import INSTRUCTIONS, World, barriers, watch
from tests.support.symbols import read_by_opencv

pytestmark = pytest.mark.browser

WEIGHT_BYTES_MAX = 15 * 1024
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
WORDS = {
    "en": {
        "pay": "Pay HK$100.00 by FPS",
        "bank": "Open the bank app",
        "retry": "Not paid yet",
        "again": "Try again",
        "paid": "Payment successful",
        "back": "Back to the shop",
        "late": "The QR code has expired",
    },
    "zh-hant": {
        "pay": "以轉數快支付 HK$100.00",
        "bank": "開啟銀行應用程式",
        "retry": "尚未付款",
        "again": "再試一次",
        "paid": "付款成功",
        "back": "返回商店",
        "late": "二維碼已過期",
    },
}


@pytest.fixture
def buyer(world: World) -> Buyer:
    """A shop whose project has the usual settings."""
    made = Buyer(world)
    made.set(retry_attempts_max=2)
    return made


def texts_in(picture: bytes) -> set[str]:
    """Return what two decoders that are not ours read in a picture."""
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    by_opencv = read_by_opencv(pixels)
    by_zbar = [found.data.decode() for found in pyzbar.decode(Image.open(BytesIO(picture)))]
    return {by_opencv, *by_zbar}


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("size", SIZES)
def test_paid_and_back_in_the_shop(
    browser: Browser, world: World, buyer: Buyer, size: str, language: str
) -> None:
    """Open, refuse, try again, pay at the bank in another tab, go back: with no reload by hand."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, base_url=world.url, locale="en-HK"
    )
    page = context.new_page()
    faults = watch(page, world)
    words, payment_id = WORDS[language], f"whole-{size}-{language}"
    back = f"{world.url}/shop/?thanks={payment_id}"
    page.goto(buyer.url(payment_id, language_code=language, merchant_success_url=back))
    expect(page.get_by_role("heading", name=words["pay"])).to_be_visible()
    assert re.search(r"/payment/s/[\w-]{24}$", page.url)
    assert barriers(page) == []
    with context.expect_page() as opened:
        page.get_by_role("link", name=words["bank"]).click()
    opened.value.locator("button[value=refuse]").click()
    expect(page.get_by_role("heading", name=words["retry"])).to_be_visible(timeout=5_000)
    page.get_by_role("button", name=words["again"]).click()
    expect(page.get_by_role("heading", name=words["pay"])).to_be_visible()
    with context.expect_page() as opened:
        page.get_by_role("link", name=words["bank"]).click()
    opened.value.locator("button[value=pay]").click()
    expect(page.get_by_role("heading", name=words["paid"])).to_be_visible(timeout=5_000)
    expect(page).to_have_title(words["paid"])
    assert barriers(page) == []
    page.get_by_role("link", name=words["back"]).click()
    expect(page).to_have_url(back)
    context.close()
    assert faults == []


def test_attempts_used_up(page: Page, world: World, buyer: Buyer) -> None:
    """After the last attempt the page leads to the shop's address for failures."""
    buyer.set(retry_attempts_max=0)
    page.goto(buyer.url("again-2", merchant_fail_url=f"{world.url}/shop/?failed=1"))
    buyer.act("again-2", "refuse")
    expect(page.get_by_role("heading", name="Payment declined")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("link", name="Back to the shop").click()
    expect(page).to_have_url(f"{world.url}/shop/?failed=1")


def test_time_passes(browser: Browser, world: World, buyer: Buyer) -> None:
    """When the QR's time is over it goes away by itself, at every size and in every language."""
    until = (datetime.now(UTC) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    context = browser.new_context(base_url=world.url)
    shown: dict[str, tuple[Page, str]] = {}
    for size, (width, height) in SIZES.items():
        for language, words in WORDS.items():
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": height})
            payment_id = f"late-{size}-{language}"
            page.goto(buyer.url(payment_id, language_code=language, best_before=until))
            expect(page.locator(".qr")).to_be_visible()
            expect(page.get_by_role("timer")).to_have_class(re.compile("soon"))
            shown[payment_id] = page, words["late"]
    for page, late in shown.values():
        expect(page.get_by_role("heading", name=late)).to_be_visible(timeout=9_000)
        expect(page.locator(".qr")).to_have_count(0)
        assert barriers(page) == []
    # Money that was on its way is still taken, and looked at by people.
    page, _ = shown["late-phone-en"]
    buyer.act("late-phone-en", "short")
    expect(page.get_by_role("heading", name="Your payment is being checked")).to_be_visible()
    assert barriers(page) == []
    context.close()


def test_expired_page(page: Page, buyer: Buyer) -> None:
    """A page that is opened too late says so."""
    page.goto(buyer.url("late-2", best_before="2020-01-01T00:00:00+00:00"))
    expect(page.get_by_role("heading", name="This payment page has expired")).to_be_visible()
    assert barriers(page) == []


def test_confirmation(page: Page, buyer: Buyer) -> None:
    """Where the project asks for it the customer presses once, and sees the QR."""
    buyer.set(page_confirm=True)
    page.goto(buyer.url("confirm-1"))
    expect(page.get_by_role("heading", name="Pay HK$100.00")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".qr")).to_be_visible()
    assert page.evaluate("document.activeElement.tagName") == "H1"


@pytest.mark.parametrize("way", ["refresh", "form"])
def test_without_scripts(plain_page: Page, world: World, buyer: Buyer, way: str) -> None:
    """A browser without scripts pays too: forms, and a page that looks again by itself."""
    buyer.set(page_confirm=way == "form", retry_attempts_max=1)
    payment_id, back = f"plain-{way}", f"{world.url}/shop/?plain={way}"
    plain_page.goto(buyer.url(payment_id, merchant_success_url=back))
    if way == "form":
        plain_page.get_by_role("button", name="Continue").click()
    expect(plain_page.locator(".qr")).to_be_visible()
    buyer.act(payment_id, "refuse")
    expect(plain_page.get_by_role("heading", name="Not paid yet")).to_be_visible(timeout=8_000)
    plain_page.get_by_role("button", name="Try again").click()
    expect(plain_page.locator(".qr")).to_be_visible()
    buyer.act(payment_id)
    expect(plain_page.get_by_role("heading", name="Payment successful")).to_be_visible(
        timeout=8_000
    )
    plain_page.get_by_role("link", name="Back to the shop").click()
    expect(plain_page).to_have_url(back)


def test_led_back_by_itself(page: Page, plain_page: Page, world: World, buyer: Buyer) -> None:
    """With an automatic address nobody stays on the result, with scripts or without."""
    for number, one in enumerate((page, plain_page)):
        back = f"{world.url}/shop/?done={number}"
        one.goto(buyer.url(f"auto-{number}", redirect_success_url=back))
        buyer.act(f"auto-{number}")
        expect(one).to_have_url(back, timeout=8_000)


def test_qr_screen_says_all_that_it_must(page: Page, buyer: Buyer) -> None:
    """Instructions in both languages, amount, payee, id, expiry, and what can be copied."""
    page.goto(buyer.url("told-1"))
    main = page.get_by_role("main")
    told = (*INSTRUCTIONS, "HK$100.00", "HARBOUR TEA HOUSE", "海港茶舍", "told-1", "Two teas")
    for text in told:
        expect(main).to_contain_text(text)
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^(10|9):\d\d$"))
    expect(main).to_contain_text("Waiting for your payment")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for name, text in (("Copy the amount", "100.00"), ("Copy: FPS ID", "1029384")):
        page.get_by_role("button", name=name).click()
        expect(page.locator("#said")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_qr_is_read_by_others(page: Page, buyer: Buyer, scheme: Any) -> None:  # noqa: ANN401
    """Other decoders read the QR in a screenshot, on white and large enough, in both themes."""
    page.emulate_media(color_scheme=scheme)
    payment_id = f"read-{scheme}"
    page.goto(buyer.url(payment_id))
    expect(page.locator(".qr")).to_be_visible()
    assert texts_in(page.locator(".plate").screenshot()) == {buyer.payload(payment_id)}
    size = page.locator(".qr").bounding_box()
    assert size is not None
    modules = 57
    assert size["width"] * modules / (modules + 8) >= 220
    shown = Image.open(BytesIO(page.locator(".qr").screenshot())).convert("RGB")
    assert shown.getpixel((shown.width // 2, 4)) == (255, 255, 255)
    assert barriers(page) == []


def test_saved_picture(page: Page, buyer: Buyer) -> None:
    """One tap saves a picture that other decoders read."""
    page.goto(buyer.url("saved-1"))
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the QR image").click()
    assert saved.value.suggested_filename == "saved-1.png"
    picture = saved.value.path().read_bytes()
    assert texts_in(picture) == {buyer.payload("saved-1")}
    assert Image.open(BytesIO(picture)).width >= 900


def test_weight(page: Page, world: World, buyer: Buyer) -> None:
    """Everything that the QR screen loads is one answer of at most 15 KiB, and nobody else's."""
    loaded: dict[str, float] = {}
    urls: dict[str, str] = {}
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on(
        "Network.requestWillBeSent", lambda e: urls.update({e["requestId"]: e["request"]["url"]})
    )
    network.on(
        "Network.loadingFinished",
        lambda e: loaded.update({e["requestId"]: e["encodedDataLength"]}),
    )
    answer = page.goto(buyer.url("weight-1"))
    assert answer is not None
    expect(page.locator(".qr")).to_be_visible()
    page.wait_for_timeout(500)
    fetched = [url for url in urls.values() if not url.startswith("data:")]
    follows = [url for url in fetched if url.endswith("/events")]
    assert len(fetched) - len(follows) == 1
    assert all(url.startswith(world.url) for url in fetched)
    assert sum(loaded.values()) <= WEIGHT_BYTES_MAX, loaded
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert answer.headers["content-encoding"] == "gzip"


def test_reload_and_killed_tab(page: Page, buyer: Buyer) -> None:
    """The address in the bar brings the page back, here or on another device."""
    page.goto(buyer.url("tab-1"))
    expect(page.locator(".qr")).to_be_visible()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".qr")).to_be_visible()
    buyer.act("tab-1")
    expect(page.get_by_role("heading", name="Payment successful")).to_be_visible()


def test_switch_of_language(page: Page, buyer: Buyer) -> None:
    """The customer switches the language and stays on the same payment."""
    page.goto(buyer.url("lang-1"))
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans-HK")
    buyer.act("lang-1")
    expect(page.get_by_role("heading", name="付款成功")).to_be_visible()


def test_polling_replaces_events(page: Page, buyer: Buyer) -> None:
    """Where a proxy swallows the stream of events, the page asks."""
    page.route("**/events*", lambda route: route.fulfill(status=404))
    page.goto(buyer.url("poll-1"))
    buyer.act("poll-1")
    expect(page.get_by_role("heading", name="Payment successful")).to_be_visible(timeout=4_000)


@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_sideways_scrolling(page: Page, buyer: Buyer, width: int) -> None:
    """The screens fit from 320 px on, with the longest texts."""
    page.set_viewport_size({"width": width, "height": 640})
    long_id = f"{width}-" + "w" * 200
    page.goto(buyer.url(long_id, payment_description="描述" * 100))
    expect(page.locator(".qr")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    buyer.act(long_id)
    expect(page.get_by_role("heading", name="Payment successful")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_refused_request_is_a_page(page: Page, buyer: Buyer) -> None:
    """A request that is not taken gets a page for people."""
    answer = page.goto(buyer.url("bad-1").replace("payment_amount=10000", "payment_amount=1"))
    assert answer is not None
    assert answer.status == 400
    expect(page.get_by_role("heading", name="This payment cannot be opened")).to_be_visible()
    assert barriers(page) == []


def test_keyboard_alone(page: Page, world: World, buyer: Buyer) -> None:
    """Everything on the QR screen can be reached and used with the keyboard."""
    page.goto(buyer.url("keys-1", merchant_return_url=f"{world.url}/shop/?keys=1"))
    reached: list[str] = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(document.activeElement.getAttribute('aria-label')"
                " || document.activeElement.textContent).trim()"
            )
        )
    wanted = ["Save the QR image", "Open the bank app", "Copy the amount", "Back to the shop"]
    assert [text for text in wanted if text not in reached] == []
