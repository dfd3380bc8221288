"""The demo shop on a whole platform: a purchase by the public protocol, seen in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page, expect

from sampan.codecs import qr_image
from sampan.shop.orders import Order
from tests.browser.buyer import Buyer
from tests.browser.conftest import INSTRUCTIONS, World, barriers

pytestmark = pytest.mark.browser

FRAME = "iframe.ep-iframe"


@pytest.fixture(scope="module", autouse=True)
def _further_attempts(world: World) -> None:
    """The project of the shop lets its customers try again on the Payment Page."""
    Buyer(world).set(retry_attempts_max=5)


def order_tea(page: Page) -> None:
    """Put two teas into the cart and go as far as the QR code."""
    page.goto("/shop/")
    page.get_by_role("button", name="One more of Iron Goddess oolong").click()
    page.get_by_role("button", name="One more of Milk tea blend").click()
    page.get_by_role("button", name="Check out").click()
    page.get_by_role("button", name="Pay HK$196.00 by FPS").click()
    expect(page.locator(".qr")).to_be_visible(timeout=10_000)


def place(page: Page, road: str) -> None:
    """Order two teas that are paid on a road, as the check-out names it."""
    page.goto("/shop/checkout?oolong=1&milk-tea=1")
    page.get_by_role("radio", name=road).check()
    page.get_by_role("button", name="Pay HK$196.00 by FPS").click()


def at_bank(page: Page, of: Page | FrameLocator, button: str) -> None:
    """Press a button at the sandbox bank, which the Payment Page opens in another tab."""
    with page.context.expect_page() as opened:
        of.get_by_role("link", name="Open the bank app").click()
    opened.value.get_by_role("button", name=button).click()
    expect(opened.value.locator(".badge")).to_be_visible()
    opened.value.close()


def told(order: Order) -> list[str]:
    """Return the statuses that the shop was told, all of them signed."""
    assert all(seen.signature_valid for seen in order.callbacks)
    return [seen.status for seen in order.callbacks]


def test_purchase_from_shelf_to_thanks(page: Page, world: World) -> None:
    """The order's page turns into the result by itself, within a second of the bank's word."""
    # Without asking: the result must come by the stream of events.
    page.route("**/state", lambda route: route.abort())
    page.goto("/shop/")
    assert barriers(page) == []
    page.get_by_role("button", name="One more of Iron Goddess oolong").click()
    page.get_by_role("button", name="One more of Milk tea blend").click()
    expect(page.locator("[data-total]")).to_have_text("HK$196.00")
    page.get_by_role("button", name="Check out").click()
    assert barriers(page) == []
    page.get_by_role("button", name="Pay HK$196.00 by FPS").click()
    expect(page.locator(".qr")).to_be_visible(timeout=10_000)
    assert barriers(page) == []
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the sandbox bank").click()
    bank = opened.value
    expect(bank.get_by_role("main")).to_contain_text("HARBOUR TEA HOUSE")
    bank.get_by_role("button", name="Pay HK$196.00").click()
    expect(bank.get_by_role("heading", name="Payment successful")).to_be_visible()
    expect(page.get_by_role("heading", name="Paid – thank you")).to_be_visible(timeout=5_000)
    assert barriers(page) == []
    order = world.shop_order(page)
    assert [seen.status for seen in order.callbacks] == ["awaiting customer action", "success"]
    assert all(seen.signature_valid for seen in order.callbacks)
    assert order.paid_as_asked


def test_qr_screen_says_all_that_it_must(page: Page, world: World) -> None:
    """Instructions in both languages, expiry, amount, id, and a code large enough to scan."""
    order_tea(page)
    order = world.shop_order(page)
    main = page.get_by_role("main")
    for told in (*INSTRUCTIONS, order.id, "HK$196.00"):
        expect(main).to_contain_text(told)
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^(10|9):\d\d$"))
    size = page.locator(".qr").bounding_box()
    assert size is not None
    assert min(size["width"], size["height"]) >= 220
    shown = page.locator(".qr").screenshot()
    assert qr_image.read(shown) == [order.qr_payload]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_code_stands_on_white(page: Page, scheme: str) -> None:
    """Cameras want dark on light, whatever the theme."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
    order_tea(page)
    assert barriers(page) == []
    plate = Image.open(BytesIO(page.locator(".white").screenshot())).convert("RGB")
    assert plate.getpixel((plate.width // 2, 6)) == (255, 255, 255)


def test_saved_image_is_the_code(page: Page, world: World) -> None:
    """The file to keep is named after the payment and can be read by a bank app."""
    order_tea(page)
    order = world.shop_order(page)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save image").click()
    assert saved.value.suggested_filename == f"{order.id}.png"
    assert qr_image.read(saved.value.path().read_bytes()) == [order.qr_payload]


def test_purchase_without_scripts(plain_page: Page) -> None:
    """Typed quantities, and a page that looks again by itself."""
    plain_page.goto("/shop/")
    plain_page.get_by_label("Quantity of Jasmine pearls").fill("2")
    plain_page.get_by_role("button", name="Check out").click()
    plain_page.get_by_role("button", name="Pay HK$196.00 by FPS").click()
    expect(plain_page.locator(".qr")).to_be_visible(timeout=15_000)
    order_page = plain_page.url
    bank = plain_page.get_by_role("link", name="Open the sandbox bank").get_attribute("href")
    assert bank is not None
    plain_page.goto(bank)
    plain_page.get_by_role("button", name="Pay HK$196.00").click()
    plain_page.goto(order_page)
    expect(plain_page.get_by_role("heading", name="Paid – thank you")).to_be_visible(timeout=15_000)


def test_refusal_at_the_bank_is_shown(page: Page) -> None:
    """The customer refuses, and the shop offers to try again with the same cart."""
    order_tea(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the sandbox bank").click()
    opened.value.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("heading", name="Payment declined")).to_be_visible(timeout=5_000)
    assert barriers(page) == []
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("button", name="Pay HK$196.00 by FPS")).to_be_visible()


def test_time_passes(page: Page, world: World) -> None:
    """The code goes away when its time is over; the decline comes later and is explained."""
    order_tea(page)
    order = world.shop_order(page)
    world.expire(order)
    expect(page.get_by_role("heading", name="The QR code has expired")).to_be_visible()
    expect(page.locator(".qr")).to_have_count(0)
    assert barriers(page) == []
    world.refuse_by_platform(order, "20602")
    expect(page.get_by_role("heading", name="Time is up")).to_be_visible()


def test_polling_replaces_events(page: Page) -> None:
    """Where a proxy swallows the stream of events, the page asks."""
    page.route("**/events", lambda route: route.fulfill(status=404))
    order_tea(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the sandbox bank").click()
    opened.value.get_by_role("button", name="Pay HK$196.00").click()
    expect(page.get_by_role("heading", name="Paid – thank you")).to_be_visible(timeout=8_000)


def test_order_that_the_platform_refuses(page: Page) -> None:
    """Above the method's limit nothing is paid, and the page says so."""
    page.goto("/shop/checkout?puer=9&gaiwan=9&oolong=9&jasmine=9&milk-tea=9&chrysanthemum=9")
    page.locator("form button").click()
    expect(page.locator(".qr, .badge.bad")).to_be_visible(timeout=10_000)
    assert barriers(page) == []


def test_forged_callback_is_refused(page: Page, world: World) -> None:
    """A callback that is not signed by the platform gets 400 and pays nothing."""
    order_tea(page)
    order = world.shop_order(page)
    forged = {
        "project_id": 1,
        "payment": {"id": order.id, "status": "success"},
        "signature": "A" * 86 + "==",
    }
    assert page.request.post("/shop/callbacks", data=forged).status == 400
    assert page.request.post("/shop/callbacks", data="no json").status == 400
    expect(page.locator(".qr")).to_be_visible()
    assert not order.callbacks[-1].signature_valid


def test_repeated_callback_changes_nothing(page: Page, world: World) -> None:
    """At-least-once delivery is answered 200 each time."""
    order_tea(page)
    order = world.shop_order(page)
    for _ in range(2):
        again = page.request.post("/shop/callbacks", data=dict(order.callbacks[0].body))
        assert again.status == 200
    expect(page.locator(".qr")).to_be_visible()


def test_empty_cart_leads_back(page: Page) -> None:
    """There is no check-out without goods."""
    page.goto("/shop/checkout")
    assert page.url.endswith("/shop/")
    expect(page.get_by_role("button", name="Check out")).to_be_disabled()


def test_chinese_is_whole(page: Page) -> None:
    """Goods, pages and results speak Traditional Chinese."""
    page.goto("/shop/?lang=zh-hant")
    page.get_by_role("button", name="鐵觀音 加一").click()
    page.get_by_role("button", name="結帳").click()
    page.get_by_role("button", name="以轉數快支付 HK$128.00").click()
    expect(page.get_by_role("heading", name="以轉數快支付 HK$128.00")).to_be_visible(timeout=10_000)
    assert barriers(page) == []


def test_smallest_phone_needs_no_sideways_scrolling(page: Page) -> None:
    """All screens fit into 320 px, and the code keeps its size."""
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/shop/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    cut = "(e) => e.filter((each) => each.scrollWidth > each.clientWidth).length"
    assert page.locator(".product").evaluate_all(cut) == 0
    order_tea(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    size = page.locator(".qr").bounding_box()
    assert size is not None
    assert size["width"] >= 220


def test_unknown_order_gets_a_page(page: Page) -> None:
    """A stale link is explained, not answered with JSON."""
    answer = page.goto("/shop/orders/HTH-NONE")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    assert barriers(page) == []


def test_check_out_offers_three_roads(page: Page) -> None:
    """One group of radio buttons, usable by keyboard, with the first road chosen."""
    page.goto("/shop/checkout?oolong=1")
    roads = page.get_by_role("group", name="Payment").get_by_role("radio")
    expect(roads).to_have_count(3)
    expect(page.get_by_role("radio", name="Pay here")).to_be_checked()
    page.get_by_role("radio", name="Pay here").focus()
    for name in ("On the payment page", "In a window over the shop"):
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("radio", name=name)).to_be_checked()
        assert barriers(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_over_the_payment_page_and_back(page: Page, world: World) -> None:
    """Paid at the bank in another tab, seen on the page, and back to an order that is paid."""
    place(page, "On the payment page")
    expect(page.get_by_role("heading", name="Pay HK$196.00 by FPS")).to_be_visible()
    assert "/payment" in page.url
    at_bank(page, page, "Pay HK$196.00")
    expect(page.get_by_role("heading", name="Payment successful")).to_be_visible()
    page.get_by_role("link", name="Back to the shop").click()
    expect(page.get_by_role("heading", name="Paid – thank you")).to_be_visible()
    order = world.shop_order(page)
    assert told(order) == ["success"]
    assert order.paid_as_asked
    page.get_by_text("For developers").click()
    for shown in (order.page_url, '"merchant_callback_url"', "success"):
        expect(page.locator(".wire")).to_contain_text(shown)
    assert barriers(page) == []


def test_order_waits_for_the_payment_page(page: Page, world: World) -> None:
    """Who comes back unpaid sees a waiting order, which follows what happens in another tab."""
    place(page, "On the payment page")
    page.get_by_role("link", name="Back to the shop").click()
    waiting = page.get_by_role("heading", name="Waiting for the result of the payment page")
    expect(waiting).to_be_visible()
    assert barriers(page) == []
    other = page.context.new_page()
    other.goto(world.shop_order(page).page_url)
    at_bank(other, other, "Refuse")
    expect(other.get_by_role("heading", name="Not paid yet")).to_be_visible()
    expect(page.get_by_role("heading", name="Not paid yet")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"until \d\d:\d\d:\d\d"))
    assert barriers(page) == []
    other.close()
    page.get_by_role("link", name="Open the payment page again").click()
    page.get_by_role("button", name="Try again").click()
    at_bank(page, page, "Pay HK$196.00")
    page.get_by_role("link", name="Back to the shop").click()
    expect(page.get_by_role("heading", name="Paid – thank you")).to_be_visible()
    assert told(world.shop_order(page)) == ["awaiting customer", "success"]


def test_giving_up_on_the_payment_page(page: Page, world: World) -> None:
    """Back in the shop after a refusal the order ends by itself; buying again keeps the road."""
    place(page, "On the payment page")
    at_bank(page, page, "Refuse")
    page.get_by_role("link", name="Back to the shop").click()
    expect(page.get_by_role("heading", name="Payment declined")).to_be_visible()
    assert told(world.shop_order(page)) == ["awaiting customer", "decline"]
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("radio", name="On the payment page")).to_be_checked()


def test_time_for_another_attempt_passes(page: Page, world: World) -> None:
    """When nobody may try again any more, the order only waits for its result."""
    place(page, "On the payment page")
    page.get_by_role("link", name="Back to the shop").click()
    order = world.shop_order(page)
    now_us = world.platform.clock.now_us()
    assert order.stage(now_us) == "on_page"
    order.retry_until_us = now_us + 1
    assert [order.stage(now_us), order.stage(now_us + 1)] == ["retry", "on_page"]


def test_in_a_window_over_the_shop(page: Page, world: World) -> None:
    """It opens by itself, shows the result, and closes to an order that is paid."""
    place(page, "In a window over the shop")
    window = page.frame_locator(FRAME)
    expect(window.get_by_role("heading", name="Pay HK$196.00 by FPS")).to_be_visible()
    at_bank(page, window, "Refuse")
    window.get_by_role("button", name="Try again").click()
    at_bank(page, window, "Pay HK$196.00")
    expect(window.get_by_role("heading", name="Payment successful")).to_be_visible()
    window.get_by_role("button", name="Back to the shop").click()
    expect(page.locator(FRAME)).to_have_count(0)
    expect(page.get_by_role("heading", name="Paid – thank you")).to_be_focused()
    assert barriers(page) == []
    order = world.shop_order(page)
    assert told(order) == ["awaiting customer", "success"]
    assert order.paid_as_asked


def test_closed_window_opens_again(page: Page) -> None:
    """Closed early, the order waits, and the window comes back when it is asked for only."""
    place(page, "In a window over the shop")
    expect(page.locator("#ep-modal-container.loaded")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(FRAME)).to_have_count(0)
    waiting = page.get_by_role("heading", name="Waiting for the result of the payment page")
    expect(waiting).to_be_focused()
    assert barriers(page) == []
    page.reload()
    expect(waiting).to_be_visible()
    expect(page.locator(FRAME)).to_have_count(0)
    page.get_by_role("link", name="Open the payment page").click()
    window = page.frame_locator(FRAME)
    expect(window.get_by_role("heading", name="Pay HK$196.00 by FPS")).to_be_visible()
    at_bank(page, window, "Pay HK$196.00")
    expect(window.get_by_role("heading", name="Payment successful")).to_be_visible()
    page.locator("#ep-modal-close").click()
    expect(page.get_by_role("heading", name="Paid – thank you")).to_be_focused()


@pytest.mark.parametrize("broken", ["**/shared/merchant.js", "**/payment?*frame_mode=popup*"])
def test_window_that_does_not_open(page: Page, broken: str) -> None:
    """Without the library, or without an answer in the window, the link leads to the page."""
    page.route(broken, lambda route: route.fulfill(status=404, body="gone"))
    place(page, "In a window over the shop")
    if "frame_mode" in broken:
        expect(page.get_by_text("The window did not open.")).to_be_visible(timeout=10_000)
        assert barriers(page) == []
    page.get_by_role("link", name="Open the payment page").click()
    expect(page.get_by_role("heading", name="Pay HK$196.00 by FPS")).to_be_visible()
    assert "/payment" in page.url


def test_payment_page_without_scripts(plain_page: Page) -> None:
    """Forms and links lead there and back, and both pages look again by themselves."""
    place(plain_page, "On the payment page")
    page_url = plain_page.url
    bank = plain_page.get_by_role("link", name="Open the bank app").get_attribute("href")
    assert bank is not None
    plain_page.goto(bank)
    plain_page.get_by_role("button", name="Pay HK$196.00").click()
    plain_page.goto(page_url)
    expect(plain_page.get_by_role("heading", name="Payment successful")).to_be_visible()
    plain_page.get_by_role("link", name="Back to the shop").click()
    expect(plain_page.get_by_role("heading", name="Paid – thank you")).to_be_visible(timeout=15_000)


def test_window_without_scripts(plain_page: Page) -> None:
    """The order's page has a plain link to the Payment Page."""
    place(plain_page, "In a window over the shop")
    plain_page.get_by_role("link", name="Open the payment page").click()
    expect(plain_page.get_by_role("heading", name="Pay HK$196.00 by FPS")).to_be_visible()


@pytest.fixture
def platform_origin(world: World) -> Iterator[str]:
    """Let the shop find the platform at another origin than its own; return that."""
    shop = world.platform.shop
    assert shop is not None
    kept, origin = shop.config, world.url.replace("127.0.0.1", "localhost")
    assert origin != world.url
    shop.config = replace(kept, page_url=origin)
    yield origin
    shop.config = kept


def test_shop_with_an_origin_of_its_own(
    browser: Browser, world: World, platform_origin: str
) -> None:
    """A platform at another origin is let in on both its roads, and only where it is needed."""
    context = browser.new_context(base_url=world.url, locale="en-HK")
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    place(page, "On the payment page")
    expect(page.get_by_role("heading", name="Pay HK$196.00 by FPS")).to_be_visible()
    assert page.url.startswith(f"{platform_origin}/payment")
    page.get_by_role("link", name="Back to the shop").click()
    expect(page.get_by_role("heading", name="Waiting for the result")).to_be_visible()
    answer = page.reload()
    assert answer is not None
    assert platform_origin not in answer.headers["content-security-policy"]
    place(page, "In a window over the shop")
    window = page.frame_locator(FRAME)
    expect(window.get_by_role("heading", name="Pay HK$196.00 by FPS")).to_be_visible()
    at_bank(page, window, "Pay HK$196.00")
    expect(window.get_by_role("heading", name="Payment successful")).to_be_visible()
    page.locator("#ep-modal-close").click()
    expect(page.get_by_role("heading", name="Paid – thank you")).to_be_focused()
    context.close()
    assert faults == []
