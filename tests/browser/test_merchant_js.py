"""The script that shops include to open the payment page, in a shop with a strict policy.

The shop and the payment page are made up for the browser, each with an origin of its own.
The payment page says what a test makes it say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Frame, Locator, Page, Route, expect

import sampan
from tests.browser.conftest import barriers

pytestmark = pytest.mark.browser

SHARED = Path(sampan.__file__).parent / "web/static/shared"
SHOP = "https://shop.example"
PAY = "https://pay.example"
HTML = {"Content-Type": "text/html; charset=utf-8"}
POLICY = "default-src 'none'; script-src {0}; style-src {0}; frame-src {0}; form-action {0}"
SHOP_PAGE = f"""<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
<title>Shop</title><link rel="stylesheet" href="{PAY}/shared/merchant.css">
<script src="{PAY}/shared/merchant.js"></script><main><h1>Shop</h1>
<form action="/wrong"><button id="buy">Pay</button></form><div id="here"></div></main></html>"""
PAY_PAGE = """<!doctype html><html lang="en"><title>Payment</title><h1>Payment</h1><script>
  const heard = [];
  let guid = null;
  const say = (message, data, more) =>
    parent.postMessage(JSON.stringify({ message: "epframe." + message, guid, data, ...more }), "*");
  addEventListener("message", (event) => {
    const said = JSON.parse(event.data);
    heard.push(event.data);
    if (said.message !== "link") return;
    guid = said.guid;
    if (!location.search.includes("silent")) say("loaded", { width: 320, height: 500 });
  });
</script></html>"""
# A configuration that writes down every handler that is called; what a test adds goes first.
RECORDER = """
  window.told = [];
  window.configured = (changes) => new Proxy(
    { payment_id: "A-1", payment_currency: "HKD", ...changes },
    { get: (all, name) => typeof name !== "string" || name in all || !/^on[A-Z]/.test(name)
        ? all[name]
        : (data) => window.told.push([name, data && JSON.parse(JSON.stringify(data))]) });
"""
# Whether the customer is held inside the popup: locked scrolling, an inert shop.
HELD = "[document.documentElement.style.overflow, document.querySelector('main').inert]"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1000, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "user_agent": "Android Mobile"}
on_a_phone = pytest.mark.parametrize("stage", [PHONE], indirect=True, ids=["phone"])


@dataclass
class Stage:
    """A shop's page, and what the payment page was sent."""

    page: Page
    sent: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def box(self) -> Locator:
        """The popup."""
        return self.page.locator("#ep-modal-container")

    @property
    def frame(self) -> Frame:
        """The payment page in the shop's page, once it knows its guid."""
        found = self.page.locator(".ep-iframe").element_handle().content_frame()
        assert found is not None
        found.wait_for_function("typeof guid !== 'undefined' && guid")
        return found

    def start(self, changes: str = "{}", how: str = "run", method: str = "get") -> None:
        """Call the library with a recording configuration."""
        call = f"EPayWidget.{how}(configured({changes}), '{method}')"
        self.page.evaluate(f"void (window.widget = {call})")

    def open(self, changes: str = "{}", how: str = "run", method: str = "get") -> Frame:
        """Open the payment page in a frame, and wait until it says that it has rendered."""
        self.start(changes, how, method)
        self.until("onLoaded")
        return self.frame

    def say(self, word: str, **data: object) -> None:
        """Make the payment page say something, and wait until all it said has arrived."""
        self.frame.evaluate("([word, data]) => { say(word, data); say('done'); }", [word, data])
        self.until("onDone")
        self.page.evaluate("told.splice(told.findIndex(([one]) => one === 'onDone'), 1)")

    def until(self, handler: str) -> None:
        """Wait for a call of a handler."""
        self.page.wait_for_function("name => told.some(([one]) => one === name)", arg=handler)

    def told(self) -> list[str]:
        """The names of the handlers that were called, in their order."""
        return [name for name, _ in self.page.evaluate("told")]

    def data(self, handler: str) -> Any:  # noqa: ANN401  # whatever the page's message held
        """What a handler was last called with."""
        return [data for name, data in self.page.evaluate("told") if name == handler][-1]

    def serve(self, route: Route) -> None:
        """Answer for every server there is."""
        request, url = route.request, urlsplit(route.request.url)
        if url.path.startswith("/shared/"):
            route.fulfill(path=SHARED / url.path.removeprefix("/shared/"))
        elif request.url.startswith(SHOP):
            policy = {"Content-Security-Policy": POLICY.format(PAY)}
            route.fulfill(body=SHOP_PAGE, headers=HTML | policy)
        else:
            text = url.query if request.method == "GET" else request.post_data or ""
            fields = dict(parse_qsl(text, keep_blank_values=True))
            self.sent.append((request.method, url.path, fields))
            route.fulfill(body=PAY_PAGE, headers=HTML)


@pytest.fixture
def stage(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A shop's page on a desktop, or as told; any error or breach of the policy fails the test."""
    context = browser.new_context(base_url=SHOP, **getattr(request, "param", DESKTOP))
    stage = Stage(context.new_page())
    faults = stage.faults
    stage.page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
    stage.page.on("console", lambda line: faults.extend([line.text] * (line.type == "error")))
    context.route("**/*", stage.serve)
    stage.page.goto("/checkout?cart=1")
    stage.page.evaluate(RECORDER)
    yield stage
    context.close()
    assert faults == []


@pytest.mark.parametrize("method", ["get", "POST"])
def test_popup_is_the_default(stage: Stage, method: str) -> None:
    """Scalars are sent as JavaScript writes them, beside what the library itself adds."""
    sent = {"payment_id": "B 2", "baseUrl": f"{PAY}/", "submit": "a & b+c;é 茶", "redirect": "0"}
    left_out = {"gone": None, "parts": [1], "deep": {"a": 1}}
    others = {"payment_amount": 12800, "redirect_on_mobile": True}
    frame = stage.open(json.dumps(sent | left_out | others), method=method)
    used, path, fields = stage.sent[-1]
    sizes = {name: fields.pop(name) for name in ("_sw", "_sh") if name in fields}
    assert (used, path) == (method.upper(), "/payment")
    sent |= {"payment_currency": "HKD", "payment_amount": "12800", "redirect_on_mobile": "true"}
    assert fields == sent | {"frame_mode": "popup", "_referrer": ""}
    assert sizes == ({"_sw": "1000", "_sh": "800"} if method == "get" else {})
    element = stage.page.locator("#ep-modal-container > #ep-modal-wrap > #ep-modal-body > iframe")
    guid = frame.evaluate("guid")
    for name, value in (("id", f"iframe-{guid}"), ("name", f"iframe-{guid}"), ("title", "Payment")):
        expect(element).to_have_attribute(name, value)
    expect(stage.page.locator("form")).to_have_count(1)
    assert frame.evaluate("document.featurePolicy.allowsFeature('clipboard-write')")
    assert frame.evaluate("heard") == [f'{{"message":"link","guid":"{guid}"}}']


@pytest.mark.parametrize("target", ["'here'", "document.getElementById('here')"])
def test_it_opens_in_an_element(stage: Stage, target: str) -> None:
    """A second opening in the same element takes the place of the first."""
    # Only a purchase needs an id and a currency.
    changes = f"{{ target_element: {target}, mode: 'payout', payment_id: '' }}"
    stage.open(changes)
    assert stage.sent[-1][2]["frame_mode"] == "iframe"
    expect(stage.box).to_have_count(0)
    stage.open(changes)
    expect(stage.page.locator("#here > iframe")).to_have_count(1)
    stage.frame.evaluate("say('exit')")
    expect(stage.page.locator("iframe")).to_have_count(0)
    assert stage.told() == ["onRun", "onLoaded", "onRun", "onLoaded", "onExit"]


@pytest.mark.parametrize(
    ("method", "flag"), [("GET", "redirect: 1"), ("Post", "redirect_on_mobile: 'true'")]
)
@on_a_phone
def test_redirect_leaves_the_shop(stage: Stage, method: str, flag: str) -> None:
    """The whole page goes to the payment page, whatever element was named."""
    with stage.page.expect_navigation(url=re.compile(f"^{PAY}/payment")):
        stage.start(f"{{ {flag}, target_element: 'here' }}", method=method)
    used, _, fields = stage.sent[-1]
    assert (used, fields["frame_mode"], fields["payment_id"]) == (method.upper(), "tab", "A-1")


@on_a_phone
def test_popup_fills_a_phone(stage: Stage) -> None:
    """On a phone the popup is a sheet over the whole screen, which assistive software can use."""
    stage.open()
    expect(stage.box).to_have_class("shown modal-mobile loaded")
    wrap = stage.page.locator("#ep-modal-wrap")
    assert wrap.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    assert stage.faults == []
    assert barriers(stage.page) == []
    stage.faults.clear()  # axe fetches the style sheet, which the shop's policy forbids


def test_bad_configuration_throws(stage: Stage) -> None:
    """Nothing is opened, and no handler is called."""
    faults = stage.page.evaluate("""
      [{ mode: "gift" }, { payment_id: "" }, { payment_currency: null },
       { mode: "purchase", payment_id: undefined }, { target_element: "nowhere" },
       { target_element: 7 }, { frame_mode: "embedded" }].map((changes) => {
         try { EPayWidget.run(configured(changes)); } catch (fault) { return fault.message; }
      })
    """)
    reasons = ["mode gift", "_id", "_currency", "_id", *["target_element"] * 3]
    assert all(map(str.endswith, faults, reasons))
    assert (stage.told(), stage.sent) == ([], [])


def test_bound_button_opens(stage: Stage) -> None:
    """A click opens instead of sending the shop's form; a missing button does no harm."""
    stage.page.evaluate("for (const id of ['none', 'buy']) EPayWidget.bind(id, configured({}))")
    stage.page.get_by_role("button", name="Pay").click()
    stage.until("onLoaded")
    assert stage.page.url == f"{SHOP}/checkout?cart=1"


def test_created_widget_takes_an_encrypted_path(stage: Stage) -> None:
    """The address is the base and the path; a created widget waits for its start."""
    stage.start("{ payment_id: '' }", "create", "post")
    stage.page.evaluate("widget.setEncryptedURL('/hidden/abc?x=1'); void widget.run()")
    stage.until("onLoaded")
    assert stage.sent == [("GET", "/hidden/abc", {"x": "1"})]


def test_second_load_keeps_the_first(stage: Stage) -> None:
    """Loading twice changes nothing."""
    stage.page.evaluate("window.first = EPayWidget")
    stage.page.add_script_tag(url=f"{PAY}/shared/merchant.js")
    assert stage.page.evaluate("[first === EPayWidget, EPayWidget.getBaseUrl()]") == [True, PAY]
    assert re.fullmatch("[a-z0-9]{24}", stage.page.evaluate("EPayWidget.guid(24)"))
    assert not stage.page.evaluate("EPayWidget.isMobile()")


def test_strangers_are_not_heard(stage: Stage) -> None:
    """A wrong guid, another sender and nonsense are ignored; another domain may lack the guid."""
    frame = stage.open()
    frame.evaluate("""
      say("one", {}, { guid: "wrong" });
      for (const bad of ["{", "null", "{}", { message: "two" }, 7]) parent.postMessage(bad, "*");
      say("four", {}, { guid: null, from_another_domain: true });
    """)
    strange = {"message": "epframe.three", "guid": frame.evaluate("guid")}
    stage.page.evaluate("text => postMessage(text, '*')", json.dumps(strange))
    stage.say("five")
    assert stage.told() == ["onRun", "onLoaded", "onFour", "onFive"]


def test_messages_become_handlers(stage: Stage) -> None:
    """Names are camel-cased; a size is told only when it is new, and the frame follows it."""
    stage.open("{ target_element: 'here' }")
    for word in ("resize", "resize", "payment.try_again", "embedded_mode_check_response"):
        stage.say(word, width=400, height=731.5)
    stage.say("resize", width=400, height=90)
    handlers = ["onResize", "onPaymentTryAgain", "onEmbeddedModeCheckResponse", "onResize"]
    assert stage.told()[2:] == handlers
    assert stage.data("onResize") == {"width": 400, "height": 90}
    expect(stage.page.locator(".ep-iframe")).to_have_css("height", "90px")


def test_tall_form_scrolls_inside_the_popup(stage: Stage) -> None:
    """The popup never outgrows the window, and the page learns of a new size of the window."""
    frame = stage.open()
    stage.say("resize", width=320, height=3000)
    stage.say("with_qr_pay")
    size = stage.page.locator("#ep-modal-wrap").bounding_box()
    assert size == {"x": 40, "y": 24, "width": 920, "height": 752}
    assert stage.page.evaluate("document.getElementById('ep-modal-body').scrollHeight") == 3000
    stage.page.set_viewport_size({"width": 900, "height": 700})
    frame.wait_for_function('heard.includes(\'{"message":"resize"}\')')


def test_page_dresses_the_popup(stage: Stage) -> None:
    """Classes of the shop and of the page, and the colour of the cross."""
    stage.open("{ css_modal_wrap: 'wide  blue' }")
    stage.say("add_css_class", **{"class": "one two"})
    stage.say("remove_css_class", **{"class": "one"})
    stage.say("cross_color", color="rgb(1, 2, 3)")
    expect(stage.box).to_have_class("shown wide blue loaded two")
    expect(stage.page.locator("#ep-modal-close")).to_have_css("color", "rgb(1, 2, 3)")


def test_only_a_web_address_is_followed(stage: Stage) -> None:
    """Neither the window nor the shop's handler gets another; a web address takes the window."""
    urls = ["javascript:told=1", " java\nscript:told=1", "data:text/html,x", "vbscript:x",
            "file:///etc/passwd", "/wrong", "https://", "", 7, None]  # fmt: skip
    frame = stage.open()
    frame.evaluate("urls => urls.forEach((url) => say('redirect', { url }))", urls)
    stage.say("after")
    assert stage.told() == ["onRun", "onLoaded", "onAfter"]
    with stage.page.expect_navigation(url=f"{PAY}/thanks"):
        stage.frame.evaluate(f"say('redirect', {{ url: '{PAY}/thanks' }})")


def test_silence_is_a_network_problem(stage: Stage) -> None:
    """Five seconds after loading without a word, the popup closes and the shop is told."""
    stage.page.clock.install()
    stage.start("{ payment_id: 'silent' }")
    assert stage.frame.evaluate("heard.length") == 1
    stage.page.clock.fast_forward(1000)
    expect(stage.box).to_be_visible()
    stage.page.clock.fast_forward(4000)
    expect(stage.box).to_be_hidden()
    assert stage.told() == ["onRun", "onFailLoading"]
    told = stage.data("onFailLoading")
    assert (told["message"], told["config"]["payment_id"]) == ("Network problem", "silent")


def test_failing_handler_breaks_nothing(stage: Stage) -> None:
    """What a handler throws is reported as the shop's own error."""
    stage.open("{ onPaymentSent() { throw new Error('of the shop'); } }")
    with stage.page.expect_event("pageerror"):
        stage.say("payment_sent")
    assert stage.faults.pop() == "page error: of the shop"


@pytest.mark.parametrize("status", ["success", "error"])
def test_shop_decides_on_submitting(stage: Stage, status: str) -> None:
    """The page asks before it submits and gets one answer."""
    handler = f"onCheckSubmit(data, success, error) {{ {status}(); success(); error(); }}"
    frame = stage.open(f"{{ target_element: 'here', frame_mode: 'embedded', {handler} }}")
    assert stage.sent[-1][2]["frame_mode"] == "embedded"
    stage.say("embedded_mode.check_submit", name="hk-qr")
    frame.wait_for_function("heard.length > 1")
    answer = {"message": "epframe.embedded_mode.check_submit.result", "data": {"status": status}}
    assert frame.evaluate("heard.slice(1).map(JSON.parse)") == [answer]


def test_shop_gives_orders(stage: Stage) -> None:
    """Each call of the widget is a message to the page; one that asks nothing lets it submit."""
    frame = stage.open("{ target_element: 'here', onCheckSubmit: null }", "runEmbedded")
    assert stage.sent[-1][2]["frame_mode"] == "embedded"
    stage.say("embedded_mode.check_submit")
    for call in ("trySubmit", "checkValidation", "submit", "buttonsDisable", "buttonsEnable",
                 "externalSubmit", "closePopup"):  # fmt: skip
        stage.page.evaluate(f"widget.{call}()")
    stage.page.evaluate("widget.sendPostMessage({ message: 'own', data: 1 })")
    frame.wait_for_function("heard.length > 8")
    words = ["try_submit", "check_validation", "submit", "buttons_disable", "buttons_enable"]
    said = [f"epframe.embedded_mode.{word}" for word in ("check_submit.result", *words)]
    said += ["epframe.external_widget_form_submission", "own"]
    assert frame.evaluate("heard.slice(1).map((text) => JSON.parse(text).message)") == said


@pytest.mark.parametrize("way", ["cross", "escape", "backdrop"])
def test_popup_closes(stage: Stage, way: str) -> None:
    """However it is closed: the page and the shop are told once, and the shop is as before."""
    page, button = stage.page, stage.page.get_by_role("button", name="Pay")
    button.focus()
    frame = stage.open("{ close_on_missclick: true }")
    expect(page.get_by_role("dialog", name="Payment")).to_be_focused()
    assert page.evaluate(HELD) == ["hidden", True]
    frame.evaluate("addEventListener('message', (event) => console.info(event.data))")
    with page.expect_console_message(lambda line: line.text == '{"message":"close"}'):
        if way == "cross":
            page.get_by_role("button", name="Close").click()
        elif way == "escape":
            page.keyboard.press("Escape")
        else:
            page.mouse.click(5, 5)
    expect(stage.box).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Escape")
    assert stage.told() == ["onRun", "onLoaded", "onDestroy", "onExit"]
    assert page.evaluate(HELD) == ["", False]


@pytest.mark.parametrize("word", ["payment_success", "payment_fail"])
def test_closing_after_a_result_destroys_nothing(stage: Stage, word: str) -> None:
    """After a result only `onExit` is told, and a click beside the popup does nothing unasked."""
    stage.open("{ close_on_missclick: 0 }")
    stage.say(word, status="known")
    stage.page.mouse.click(5, 5)
    expect(stage.box).to_be_visible()
    stage.page.evaluate("widget.closePopup(); widget.closePopup()")
    assert stage.told()[3:] == ["onExit"]


@pytest.mark.parametrize("word", ["exit", "destroy", "fail_loading"])
def test_page_closes_the_popup(stage: Stage, word: str) -> None:
    """The page's own word calls its own handler alone; the popup can be opened again."""
    handler = "on" + word.title().replace("_", "")
    stage.open().evaluate(f"say('{word}', {{ message: 'Application error' }})")
    stage.until(handler)
    expect(stage.box).to_be_hidden()
    assert stage.told() == ["onRun", "onLoaded", handler]
    assert stage.data(handler)["message"] == "Application error"
    stage.page.evaluate("void widget.run()")
    expect(stage.box).to_have_class("shown loaded")
    expect(stage.box).to_have_count(1)
