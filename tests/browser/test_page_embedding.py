"""The Payment Page inside a shop of another origin: modal, iframe, embedded, by the library."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.buyer import Buyer
from tests.browser.conftest import World

pytestmark = pytest.mark.browser

HANDLERS = [
    "onRun",
    "onLoaded",
    "onFailLoading",
    "onPaymentMethodSelect",
    "onPaymentSent",
    "onPaymentSubmitResult",
    "onShowLoader",
    "onHideLoader",
    "onWithQrPay",
    "onResize",
    "onTemplateName",
    "onPaymentTryAgain",
    "onPaymentSuccess",
    "onPaymentFail",
    "onEmbeddedModeCheckValidationResponse",
    "onEnterKeyPressed",
    "onExit",
    "onDestroy",
]
SHOP = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{url}/shared/merchant.css">
<script src="{url}/shared/merchant.js"></script>
<h1>Shop</h1><button id="buy">Buy</button><div id="here"></div>
<script>
  window.seen = [];
  const config = {config};
  for (const name of {handlers}) config[name] = (data) => window.seen.push([name, data]);
  window.widget = EPayWidget.{call}(config{method});
</script></html>"""


class Shop:
    """A page of a shop on an origin of its own."""

    def __init__(self, buyer: Buyer, browser: Browser) -> None:
        self.buyer = buyer
        self._text = ""
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = shop._text.encode() if self.path == "/" else b"<h1>Thanks</h1>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self._context = browser.new_context(viewport={"width": 1000, "height": 800}, locale="en-HK")
        self.page = self._context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, payment_id: str, *, call: str = "run", method: str = "get", **more: Any) -> Page:  # noqa: ANN401
        """Show a shop that opens a payment with the library."""
        config = self.buyer.fields(payment_id, **more)
        self._text = SHOP.format(
            url=self.buyer.world.url,
            config=json.dumps(config),
            handlers=json.dumps(HANDLERS),
            call=call,
            method=f', "{method}"' if call != "bind" else "",
        )
        self.page.goto(self.url)
        return self.page

    @property
    def frame(self) -> FrameLocator:
        """The page of the payment."""
        return self.page.frame_locator("iframe")

    def seen(self) -> list[str]:
        """Return the names of handlers that were called, without repeats in a row."""
        names = [name for name, _ in self.page.evaluate("window.seen")]
        return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]

    def data(self, handler: str) -> Any:  # noqa: ANN401 - whatever the page says
        """Return what a handler was last called with; waits for the call."""
        self.page.wait_for_function("(name) => seen.some(([one]) => one === name)", arg=handler)
        return [data for name, data in self.page.evaluate("window.seen") if name == handler][-1]

    def close(self) -> None:
        """End the shop."""
        self._context.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def shop(world: World, browser: Browser) -> Iterator[Shop]:
    """A shop whose project lets the customer try again."""
    buyer = Buyer(world)
    buyer.set(retry_attempts_max=1)
    made = Shop(buyer, browser)
    yield made
    made.close()
    assert made.faults == []


@pytest.mark.parametrize("method", ["get", "POST"])
def test_modal(shop: Shop, method: str) -> None:
    """In a modal the shop hears every step, from the opening to the closing after the result."""
    payment_id = f"modal-{method}"
    page = shop.open(payment_id, method=method)
    expect(shop.frame.locator(".qr")).to_be_visible()
    assert shop.data("onLoaded")["height"] > 300
    assert shop.data("onPaymentMethodSelect")["payment_method_code"] == "hk-qr"
    assert "-" in shop.data("onPaymentSubmitResult")["request_id"]
    shop.buyer.act(payment_id, "refuse")
    failed = shop.data("onPaymentFail")
    assert failed["payment"]["is_new_attempts_available"] is True
    shop.frame.get_by_role("button", name="Try again").click()
    expect(shop.frame.locator(".qr")).to_be_visible()
    shop.buyer.act(payment_id)
    expect(shop.frame.get_by_role("heading", name="Payment successful")).to_be_visible()
    paid = shop.data("onPaymentSuccess")
    assert paid["general"]["payment_id"] == payment_id
    assert paid["sum_real"] == {"amount": 10_000, "currency": "HKD"}
    expect(shop.frame.get_by_role("button", name="Close")).to_be_hidden()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("iframe")).to_have_count(0)
    wanted = [
        "onRun",
        "onLoaded",
        "onPaymentMethodSelect",
        "onPaymentSent",
        "onPaymentSubmitResult",
        "onWithQrPay",
        "onPaymentFail",
        "onPaymentTryAgain",
        "onPaymentSuccess",
        "onExit",
    ]
    seen = shop.seen()
    assert [name for name in wanted if name not in seen] == []
    assert [seen.index(name) for name in wanted] == sorted(seen.index(name) for name in wanted)
    assert "onResize" in seen
    assert "onDestroy" not in seen


def test_modal_closed_before_the_result(shop: Shop) -> None:
    """Closing before the result is another event than closing after it."""
    page = shop.open("modal-early")
    expect(shop.frame.locator(".qr")).to_be_visible()
    shop.data("onLoaded")
    page.locator("#ep-modal-close").click()
    expect(page.locator("iframe")).to_have_count(0)
    assert shop.seen()[-2:] == ["onDestroy", "onExit"]


def test_modal_on_a_phone(shop: Shop) -> None:
    """On a phone the modal fills the screen, and nothing is cut off."""
    shop.page.set_viewport_size({"width": 390, "height": 844})
    page = shop.open("modal-phone")
    expect(shop.frame.locator(".qr")).to_be_visible()
    shop.data("onLoaded")
    box = page.locator("iframe").bounding_box()
    assert box is not None
    assert box["width"] >= 380
    shop.frame.locator(".steps").scroll_into_view_if_needed()
    expect(shop.frame.locator(".steps")).to_be_in_viewport()


def test_iframe(shop: Shop) -> None:
    """In an iframe the height follows, and the result stays in the shop with events alone."""
    back = f"{shop.url}/thanks"
    page = shop.open("frame-1", target_element="here", merchant_success_url=back)
    expect(shop.frame.locator(".qr")).to_be_visible()
    shop.data("onLoaded")
    page.wait_for_function(
        "document.querySelector('iframe').getBoundingClientRect().height > 700", timeout=5_000
    )
    shop.frame.get_by_role("button", name="Close").click()
    shop.data("onDestroy")
    page.evaluate("widget.run()")
    expect(shop.frame.locator(".qr")).to_be_visible()
    shop.buyer.act("frame-1")
    shop.data("onPaymentSuccess")
    shop.frame.get_by_role("button", name="Back to the shop").click()
    shop.data("onExit")
    assert page.url == f"{shop.url}/"


@pytest.mark.parametrize(
    ("mode", "place"), [("parent_page", "page"), ("iframe", "frame"), ("blank_page", "tab")]
)
def test_way_back_from_an_iframe(shop: Shop, mode: str, place: str) -> None:
    """With `enabled` 2 the shop's address opens where the mode says."""
    back = f"{shop.url}/thanks"
    page = shop.open(
        f"frame-{mode}",
        target_element="here",
        merchant_success_url=back,
        merchant_success_enabled=2,
        merchant_success_redirect_mode=mode,
    )
    expect(shop.frame.locator(".qr")).to_be_visible()
    shop.data("onLoaded")
    shop.buyer.act(f"frame-{mode}")
    link = shop.frame.get_by_role("link", name="Back to the shop")
    expect(link).to_be_visible()
    if place == "tab":
        with page.context.expect_page() as opened:
            link.click()
        expect(opened.value).to_have_url(back)
    else:
        link.click()
        if place == "page":
            expect(page).to_have_url(back)
        else:
            expect(shop.frame.get_by_role("heading", name="Thanks")).to_be_visible()
            assert page.url == f"{shop.url}/"


def test_led_back_by_itself_from_a_modal(shop: Shop) -> None:
    """An automatic return to the parent page leaves the modal with the whole shop."""
    back = f"{shop.url}/thanks"
    page = shop.open(
        "modal-auto",
        redirect_success_url=back,
        redirect_success_mode="parent_page",
    )
    expect(shop.frame.locator(".qr")).to_be_visible()
    shop.data("onLoaded")
    shop.buyer.act("modal-auto")
    expect(page).to_have_url(back)


def test_embedded(shop: Shop) -> None:
    """Embedded, the shop's own button starts the payment, when the shop's own check agrees."""
    page = shop.open("embedded-1", call="runEmbedded", target_element="here")
    expect(shop.frame.get_by_role("heading", name="Pay HK$100.00")).to_be_visible()
    shop.data("onLoaded")
    assert shop.buyer.payment("embedded-1") is None
    page.evaluate("widget.checkValidation()")
    assert shop.data("onEmbeddedModeCheckValidationResponse") == {"errors": {}}
    asked = "(data, yes, no) => (window.fine ? yes() : no())"
    page.evaluate(f"() => {{ config.onCheckSubmit = {asked}; }}")
    page.evaluate("widget.trySubmit()")
    page.wait_for_timeout(300)
    assert shop.buyer.payment("embedded-1") is None
    page.evaluate("window.fine = true; widget.trySubmit()")
    expect(shop.frame.locator(".qr")).to_be_visible()
    shop.data("onHideLoader")
    shop.frame.locator("h1").press("Enter")
    shop.data("onEnterKeyPressed")
    seen = shop.seen()
    assert seen.index("onPaymentSent") < seen.index("onPaymentSubmitResult")
    assert seen.index("onShowLoader") < seen.index("onHideLoader")


def test_bad_request_in_a_modal(shop: Shop) -> None:
    """A refused request is an event for the shop, and the modal goes away."""
    page = shop.open("modal-bad")
    expect(shop.frame.locator(".qr")).to_be_visible()
    page.evaluate("widget.closePopup(); window.seen = []; config.payment_amount = '1'")
    page.evaluate("EPayWidget.run(config)")
    assert "cannot be opened" in shop.data("onFailLoading")["message"]


def test_framed_by_whom_the_project_allows(shop: Shop) -> None:
    """A shop that the project does not name cannot frame the page, and hears of it."""
    shop.buyer.set(page_frame_ancestors="https://shop.example")
    shop.page.clock.install()
    page = shop.open("framed-1")
    page.wait_for_timeout(500)
    page.clock.run_for(6_000)
    assert shop.data("onFailLoading")["message"] == "Network problem"
    expect(page.locator(".qr")).to_have_count(0)


def test_redirect(shop: Shop) -> None:
    """With `redirect` the shop's own page leads to the payment."""
    page = shop.open("redirect-1", redirect="1")
    expect(page.locator(".qr")).to_be_visible()
    assert page.url.startswith(f"{shop.buyer.world.url}/payment/s/")
