"""What e-mails say: the same in text and HTML, and nothing of a stranger's looks like ours."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from sampan.domain.mails import Facts, Invitation, LinkCancelled, PaymentLink, Trial
from sampan.web import i18n, mails

AT_US = 1_800_000_000_000_000
LINK = "https://pay.tea.example/pay/0123?a=1&b=2"
PAYMENT_LINK = PaymentLink(
    merchant="Tea House 海港",
    payment_id="INV-1",
    amount_minor=128_850,
    currency="HKD",
    link=LINK,
    expires_us=AT_US,
    description="Tea & <b>cups</b>",
)
EVERY: dict[str, Facts] = {
    "payment link": PAYMENT_LINK,
    "bare payment link": PaymentLink(
        merchant="T", payment_id="1", amount_minor=1, currency="CNY", link=LINK, expires_us=AT_US
    ),
    "cancelled": LinkCancelled(
        merchant="Tea House", payment_id="INV-1", amount_minor=1, currency="HKD"
    ),
    "invitation": Invitation(link=LINK, expires_us=AT_US, name="Amy"),
    "invitation without a name": Invitation(link=LINK, expires_us=AT_US),
    "test": Trial(at_us=AT_US),
}


class Reader(HTMLParser):
    """Reads what a person sees of a page, its links, and what it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        found = dict(attrs)
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.loads += [value or "" for name, value in attrs if name in {"src", "background"}]
        assert "script" not in found
        assert not any(name.startswith("on") for name in found)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(" ".join(data.split()))


@pytest.mark.parametrize("code", i18n.LANGUAGES)
@pytest.mark.parametrize("facts", EVERY.values(), ids=EVERY)
def test_text_and_html_say_the_same(facts: Facts, code: str) -> None:
    """Each line of the text stands in the HTML too, which loads nothing and runs nothing."""
    written = mails.write(facts, code)
    page = Reader(written.html)
    seen = " ".join(page.texts)
    for line in filter(None, written.text.splitlines()):
        for part in line.replace("：", ": ").split(": ", 1):
            assert part in seen
    assert page.loads == []
    assert not {"script", "img", "link", "iframe", "form"} & {*page.tags}
    assert f'<html lang="{i18n.LANGUAGES[code].html}">' in written.html
    assert written.subject in page.texts


def test_payment_link() -> None:
    """A payment link says who asks, how much, for what, until when in Hong Kong, and where."""
    written = mails.write(PAYMENT_LINK, "en")
    assert written.subject == "Payment link from Tea House 海港"
    assert written.text.splitlines() == [
        "Tea House 海港 asks you to pay HK$1,288.50",
        "",
        "Open the link and pay by FPS with the app of your bank.",
        "",
        "Merchant: Tea House 海港",
        "Amount: HK$1,288.50",
        "Payment ID: INV-1",
        "Description: Tea & <b>cups</b>",
        "Pay before: 15 Jan 2027, 16:00:00, Hong Kong time",
        "",
        "Pay HK$1,288.50",
        LINK,
        "",
        "If you did not expect this e-mail, ignore it.",
    ]
    page = Reader(written.html)
    assert page.links == [LINK, LINK]
    assert "Tea & <b>cups</b>" in page.texts
    assert "b" not in page.tags


@pytest.mark.parametrize("name", ["cancelled", "test"])
def test_without_a_link(name: str) -> None:
    """Where there is nothing to open, there is no link."""
    assert Reader(mails.write(EVERY[name], "en").html).links == []


def test_unknown_language() -> None:
    """A language that we do not have is English."""
    assert mails.write(PAYMENT_LINK, "xx") == mails.write(PAYMENT_LINK, "en")


def test_texts_of_others_stay_on_their_line() -> None:
    """Line breaks and marks of direction in a name or a description make no line of their own."""
    evil = "Tea\r\n\r\nPay here: https://evil.example\u2028\u202etxt"
    facts = PaymentLink(
        merchant=evil,
        payment_id=evil,
        amount_minor=1,
        currency="HKD",
        link=LINK,
        expires_us=AT_US,
        description=evil,
    )
    written = mails.write(facts, "en")
    plain = mails.write(EVERY["bare payment link"], "en")
    # One line more: the bare one has no description.
    assert len(written.text.splitlines()) == len(plain.text.splitlines()) + 1
    assert "\u202e" not in written.text + written.html + written.subject
    assert written.subject.isprintable()
    assert Reader(written.html).links == [LINK, LINK]


def test_percent_in_a_name() -> None:
    """A name is never read as a pattern."""
    facts = LinkCancelled(merchant="100%(x)s %s", payment_id="1", amount_minor=1, currency="HKD")
    assert "100%(x)s %s" in mails.write(facts, "en").subject
