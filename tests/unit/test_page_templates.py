"""The HTML of the Payment Page: every screen, in every language, whatever a text holds."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any, Final

import msgspec
import pytest
from starlette.requests import Request

from sampan.domain.look import Look
from sampan.domain.payment import Customer
from sampan.flow.page import PageRequest
from sampan.page import render
from sampan.page.render import Reader
from sampan.page.returning import Back, OpenedAs, Way, Ways
from sampan.page.view import Screen, View
from sampan.web.i18n import LANGUAGES
from sampan.web.render import static_files
from tests.support.page_examples import EXAMPLES, PROJECT, SHOP, project_with

VOID: Final = {"br", "hr", "img", "input", "link", "meta"}
SHAPES: Final = {"circle", "path", "rect"}
IGNORED: Final = {"script", "style", "title"}

EVIL: Final = (
    '"><script>alert(1)</script>',
    "'--></style></title></textarea><img src=x onerror=alert(1)>",
    "</script><!-- <script>",
    "&lt;b&gt; &amp; &#34; {{ 7 * 7 }} {% raw %} ${x} %(amount)s",
    "海港茶舍 鐵觀音",
    "🍵👩🏽‍🍳",
    "abc \u202e3HK$ txt.exe\u202c",
)
"""Texts that somebody may send."""


class Tree(HTMLParser):
    """Reads HTML and complains about tags that do not fit together."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.skeleton: list[tuple[str, tuple[str, ...]]] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        assert tag not in SHAPES, f"<{tag}> is not closed"
        self._note(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a shape of a drawing."""
        assert tag in SHAPES, f"<{tag}/> is no element of HTML"
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        assert self._open, f"</{tag}> closes nothing"
        assert tag == self._open.pop()

    def handle_data(self, data: str) -> None:
        """Keep a text with the element that it stands in."""
        self.texts.append((self._open[-1] if self._open else "", data))

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len({*names}) == len(names), f"<{tag}> has an attribute twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.skeleton.append((tag, tuple(names)))

    def of(self, tag: str) -> str:
        """Return the text of the elements with a tag."""
        return "".join(text for where, text in self.texts if where == tag).strip()

    def shown(self) -> str:
        """Return what is to be read."""
        return "".join(text for where, text in self.texts if where not in IGNORED)

    def by_id(self, name: str) -> dict[str, str]:
        """Return the attributes of the element with an id."""
        (found,) = [attrs for _, attrs in self.elements if attrs.get("id") == name]
        return found

    def all_of(self, name: str) -> list[str]:
        """Return the values of an attribute, wherever it stands."""
        return [attrs[name] for _, attrs in self.elements if name in attrs]


def asked(**headers: str) -> Request:
    """A browser's request."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": "/payment", "query_string": b""}
    return Request(scope | {"headers": raw})


def screen(view: View, language: str = "en") -> Tree:
    """Return a screen as the news of an open page bring it."""
    reads = Reader(language=language, opened=view.opened)
    return Tree(msgspec.json.decode(render.news(view, reads=reads))["html"])


def page(view: View, language: str = "en", **changes: Any) -> tuple[Tree, Mapping[str, str]]:  # noqa: ANN401 - settings of every type
    """Return a whole page and its headers."""
    reads = Reader(language=language, opened=view.opened)
    answer = render.document(asked(), view, reads=reads, project=project_with(**changes))
    return Tree(bytes(answer.body).decode()), answer.headers


def told(view: View) -> dict[str, Any] | None:
    """Return what the page around is told, as it would be read."""
    tree = screen(view)
    texts = [text for where, text in tree.texts if where == "script"]
    return json.loads("".join(texts)) if texts else None


def test_every_screen_has_an_example() -> None:
    """No screen is left without a look at it."""
    assert {view.screen for view in EXAMPLES.values()} == {*Screen}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_screen(name: str, language: str) -> None:
    """The heading of a screen is its title, and the screen names itself."""
    view = EXAMPLES[name]
    tree = screen(view, language)
    main = tree.by_id("screen")
    assert main["data-screen"] == view.screen
    assert tree.of("h1") == main["data-title"] != ""
    assert ("data-live" in main, "data-ended" in main) == (view.live, view.ended)
    assert "None" not in tree.shown()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_document(name: str, language: str) -> None:
    """A whole page holds the very screen, its title and a switch to the other languages."""
    view = EXAMPLES[name]
    tree, headers = page(view, language)
    alone = screen(view, language)
    assert tree.of("title") == alone.of("h1")
    start = tree.skeleton.index(alone.skeleton[0])
    assert tree.skeleton[start : start + len(alone.skeleton)] == alone.skeleton
    assert headers["content-language"] == LANGUAGES[language].html
    others = {one.html for one in LANGUAGES.values()} - {LANGUAGES[language].html}
    assert {*tree.all_of("hreflang")} == others
    assert view.title in tree.shown()


def test_languages_differ() -> None:
    """What stands on a page is the chosen language's, and the method's three lines in both."""
    said = {code: screen(EXAMPLES["pay"], code).shown() for code in LANGUAGES}
    assert len({*said.values()}) == len(LANGUAGES)
    for text in said.values():
        assert "二維碼有效期" in text
        assert "For one-time use only" in text


@pytest.mark.parametrize(
    ("name", "label", "proxy"),
    [("pay", "FPS ID", "1029384"), ("pay_last_minute", "Mobile number", "+852-91234567")],
)
def test_proxy_is_called_what_it_is(name: str, label: str, proxy: str) -> None:
    """A mobile number in the QR is not called an FPS ID."""
    said = screen(EXAMPLES[name]).shown()
    assert label in said
    assert proxy in said
    assert ("FPS ID" in said) == (label == "FPS ID")


def test_cents_off_are_said_openly() -> None:
    """The page says how much less than the shop's sum is to be paid, and only where it is."""
    shown = screen(msgspec.structs.replace(EXAMPLES["pay"], off_minor=3)).shown()
    assert "HK$0.03 off HK$268.03" in shown
    assert " off " not in screen(EXAMPLES["pay"]).shown()


# --- whatever a text holds ------------------------------------------------------------------


def filled(view: View, text: str) -> View:
    """Return a page on which every text of others is this one."""
    url = f"{SHOP}/?a={text.replace(' ', '')}"

    def leading(back: Back | None) -> Back | None:
        return back and msgspec.structs.replace(back, url=url)

    qr = view.qr and msgspec.structs.replace(
        view.qr, payload=text, payee=text, payee_zh=text, fps_id=text, reference=text
    )
    result = view.result and view.result | {"description": text, "return_url": url}
    return msgspec.structs.replace(
        view,
        title=text,
        payment_id=text,
        description=text,
        qr=qr,
        bank_app_url=view.bank_app_url and url,
        ways=Ways(leading(view.ways.button), leading(view.ways.automatic)),
        result=result,
    )


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize("name", EXAMPLES)
def test_texts_stay_texts(name: str, text: str) -> None:
    """Whatever a text holds, the page has the same elements, and shows the text as it is."""
    view, harmless = filled(EXAMPLES[name], text), filled(EXAMPLES[name], "x")
    assert screen(view).skeleton == screen(harmless).skeleton
    tree, _ = page(view)
    assert tree.skeleton == page(harmless)[0].skeleton
    assert text in tree.shown()
    assert told(view) == view.result


@pytest.mark.parametrize("text", EVIL)
def test_attributes_hold_texts(text: str) -> None:
    """What is copied, read aloud or written under a file is the text itself."""
    tree = screen(filled(EXAMPLES["pay"], text))
    assert tree.all_of("data-copy").count(text) == 2
    assert f"{text}.png" in tree.all_of("download")
    assert [alt for alt in tree.all_of("alt") if text in alt]


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize("name", ["paid", "declined", "retry_refused"])
def test_result_ends_no_element(name: str, text: str) -> None:
    """The JSON of a result holds no character that HTML could read."""
    view = filled(EXAMPLES[name], text)
    html = msgspec.json.decode(render.news(view, reads=Reader(language="en")))["html"]
    (result,) = re.findall(r'<script type="application/json" id="result">(.*?)</script>', html)
    assert {"<", ">", "&"}.isdisjoint(result)
    assert json.loads(result) == view.result


# --- ways back ------------------------------------------------------------------------------


def known_to_script() -> set[str]:
    """Return the ways that the page's script can go."""
    return set(re.findall(r'way === "(\w+)"', static_files()["page/page.js"].plain.decode()))


def test_script_knows_every_way() -> None:
    """The script goes every way that the matrix knows."""
    assert known_to_script() == {*Way} - {Way.NONE}


@pytest.mark.parametrize("name", EXAMPLES)
def test_ways_are_known(name: str) -> None:
    """A page asks its script for no way that the script does not know."""
    tree = screen(EXAMPLES[name])
    assert {*tree.all_of("data-way"), *tree.all_of("data-auto")} <= known_to_script()


@pytest.mark.parametrize(
    ("way", "tag", "target"),
    [
        (Way.EVENTS, "button", None),
        (Way.CLOSE, "button", None),
        (Way.INSIDE, "a", None),
        (Way.WHOLE, "a", "_top"),
        (Way.NEW_TAB, "a", "_blank"),
    ],
)
@pytest.mark.parametrize("name", ["choose", "pay", "paid"])
def test_way_without_script(name: str, way: Way, tag: str, target: str | None) -> None:
    """Ways to an address are links, which work without a script; the others wait for it."""
    back = Back(f"{SHOP}/back", way)
    tree = screen(msgspec.structs.replace(EXAMPLES[name], ways=Ways(back)))
    ((found, attrs),) = [one for one in tree.elements if "data-way" in one[1]]
    assert (found, attrs.get("target")) == (tag, target)
    assert ("hidden" in attrs) == (tag == "button")
    assert attrs.get("href") == (None if tag == "button" else f"{SHOP}/back")


@pytest.mark.parametrize("name", EXAMPLES)
def test_page_without_script(name: str) -> None:
    """Without a script a page that waits looks again, and one that leads away does so."""
    view = EXAMPLES[name]
    tree, _ = page(view)
    refresh = [a["content"] for _, a in tree.elements if a.get("http-equiv") == "refresh"]
    if view.leaving:
        assert view.ways.automatic is not None
        assert refresh == [f"0;url={view.ways.automatic.url}"]
    else:
        mode = "" if view.opened is OpenedAs.TAB else f"?mode={view.opened}"
        assert refresh == ([f"3;url={view.path}{mode}"] if view.live else [])


def test_leaving_shows_no_result() -> None:
    """Who is on the way back is told so, and gets a link in case nothing happens."""
    tree = screen(EXAMPLES["declined_leaving"])
    assert "Taking you back" in tree.shown()
    assert tree.by_id("screen")["data-auto-url"] == f"{SHOP}/cart"
    assert f"{SHOP}/cart" in tree.all_of("href")


# --- what stands on single screens ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("choose", "HK$268.00"),
        ("choose_too_much", "From HK$0.01 to HK$10,000.00."),
        ("choose_other_currency", "This currency cannot be paid by FPS here."),
        ("choose_until", "This page is open until 12:08:30."),
        ("pay", "9:13"),
        ("pay", "31 Jan 2026, 12:13:31"),
        ("pay_last_minute", "0:41"),
        ("pay_last_minute", "CN¥12,800.50"),
        ("late_again", "Get a new QR code"),
        ("retry_time_out", "The QR code ran out of time."),
        ("retry_refused", "The payment was refused in the bank app."),
        ("retry_declined", "The bank declined the payment."),
        ("retry_declined", "You can try again until 12:13:58."),
        ("paid_other_amount", "HK$300.00"),
        ("declined_refused", "The payment was refused in the bank app."),
        ("declined_amount", "Another amount arrived than was asked for."),
        ("declined", "The bank declined the payment."),
    ],
)
def test_words(name: str, says: str) -> None:
    """A screen says what this customer needs to know."""
    assert says in screen(EXAMPLES[name]).shown()


def test_what_cannot_be_paid_cannot_be_confirmed() -> None:
    """A sum outside the limits leaves nothing to press but the way back."""
    assert "button" in {tag for tag, _ in screen(EXAMPLES["choose"]).elements}
    for name in ("choose_too_much", "choose_other_currency"):
        assert "button" not in {tag for tag, _ in screen(EXAMPLES[name]).elements}


def test_details_that_a_qr_does_not_tell_are_left_out() -> None:
    """A QR that we cannot read is shown without empty rows."""
    said = screen(EXAMPLES["pay_unread_qr"]).shown()
    for label in ("Payee", "FPS ID", "Reference"):
        assert label not in said


def test_count_down_can_be_read_by_the_script() -> None:
    """The script gets the seconds as a number."""
    assert screen(EXAMPLES["pay"]).all_of("data-left") == ["553"]


# --- around it ------------------------------------------------------------------------------


def named(text: str) -> str:
    """Return the hash by which a policy names a script or a style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("name", ["pay", "pay_own_look", "paid", "choose"])
def test_policy_names_what_runs(name: str) -> None:
    """Every style and the script of a page are named by their hashes, and nothing else is."""
    view = EXAMPLES[name]
    reads = Reader(language="en")
    answer = render.document(asked(), view, reads=reads, project=PROJECT)
    html = bytes(answer.body).decode()
    policy = answer.headers["content-security-policy"]
    styles = " ".join(map(named, re.findall(r"<style>(.*?)</style>", html, re.DOTALL)))
    (script,) = re.findall(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    assert f"style-src {styles};" in policy
    assert f"script-src {named(script)};" in policy
    assert not re.search(r'\s(style|on\w+)="', html)


@pytest.mark.parametrize(
    ("look", "count"),
    [(Look(), 1), (Look(accent="#8a2be2"), 2), (Look(background="#f7f1e5"), 2)],
)
def test_own_colours(look: Look, count: int) -> None:
    """A look of its own adds one style, and a look of the house none."""
    tree, _ = page(msgspec.structs.replace(EXAMPLES["pay"], look=look))
    styles = [text for where, text in tree.texts if where == "style"]
    assert len(styles) == count
    for colour in filter(None, (look.accent, look.background)):
        assert colour in styles[-1]


def test_pictures_of_the_merchant() -> None:
    """Logo and artwork are shown where a look has them, from the page's own address."""
    tree, _ = page(EXAMPLES["pay_own_look"])
    path = EXAMPLES["pay_own_look"].path
    assert {f"{path}/logo.img", f"{path}/artwork.img"} < {*tree.all_of("src")}
    assert all(src.startswith("data:") for src in page(EXAMPLES["pay"])[0].all_of("src"))


@pytest.mark.parametrize("accepts", [True, False])
def test_packed(accepts: bool) -> None:  # noqa: FBT001 - a column
    """A browser that can unpack gets a packed page."""
    request = asked(**({"accept-encoding": "br, gzip"} if accepts else {}))
    reads = Reader(language="en")
    answer = render.document(request, EXAMPLES["pay"], reads=reads, project=PROJECT)
    assert (answer.headers.get("content-encoding") == "gzip") == accepts
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("status", "code"), [(400, "3261"), (403, "303"), (404, "2442"), (413, "702"), (500, "501")]
)
def test_error_page(status: int, code: str, language: str) -> None:
    """A refusal is a page for people, with a code for the shop and news for who frames it."""
    answer = render.error(asked(), status, code=code, reads=Reader(language=language))
    tree = Tree(bytes(answer.body).decode())
    assert answer.status_code == status
    assert code in tree.shown()
    assert tree.of("h1")
    main = tree.by_id("screen")
    assert (main["data-screen"], main["data-fault"]) == ("error", tree.of("title"))
    assert "frame-ancestors *" in answer.headers["content-security-policy"]


# --- who reads ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reads", "query"),
    [
        (Reader(language="en"), ""),
        (Reader(language="zh", chosen="zh"), "?lang=zh"),
        (Reader(language="en", opened=OpenedAs.POPUP), "?mode=popup"),
        (Reader(language="zh", chosen="zh", opened=OpenedAs.IFRAME), "?lang=zh&mode=iframe"),
    ],
)
def test_addresses_carry_on(reads: Reader, query: str) -> None:
    """Every address of the page keeps the chosen language and the way of opening."""
    assert reads.query() == query


def test_switch_keeps_the_way_of_opening() -> None:
    """Another language is shown in the same frame."""
    tree, _ = page(EXAMPLES["pay_in_iframe"])
    assert f"{EXAMPLES['pay'].path}?lang=zh-hant&mode=iframe" in tree.all_of("href")


def wished(language: str) -> PageRequest:
    """A request that names a language."""
    customer = Customer(id="c")
    return PageRequest(
        payment_id="p", amount_minor=1, currency="HKD", customer=customer, language=language
    )


READERS: Final[Mapping[str, Callable[[Request], Reader]]] = {
    "page": lambda request: render.reader(
        request, wished("zh"), project=PROJECT, opened=OpenedAs.TAB
    ),
    "error": render.error_reader,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("query", "language"),
    [("lang=zh-hant", "zh-hant"), ("lang=ZH-HANT", "zh-hant"), ("lang=en", "en")],
)
def test_language_that_is_switched_to(name: str, query: str, language: str) -> None:
    """What the customer switches to wins over everything."""
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query.encode()}
    request = Request(scope | {"headers": [(b"accept-language", b"zh-CN")]})
    assert READERS[name](request).language == language


def test_language_that_does_not_exist() -> None:
    """A switch to nothing leaves the language of the request, and is carried on nowhere."""
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"lang=xx"}
    reads = READERS["page"](Request(scope | {"headers": []}))
    assert (reads.language, reads.query()) == ("zh", "")
