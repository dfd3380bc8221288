"""Payment links on the command line."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sampan.codecs.signature import sign
from tests.api.test_cli import SECRET, Folder, ask

PROJECT = 1234
CREATE = ("link", "create", PROJECT)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with a project that tells nobody, and a project that is off."""
    folder = Folder(Path(tmp_path_factory.mktemp("links")))
    folder.good("project", "add", "--id", PROJECT, "--secret", SECRET, "--callback-url", "")
    folder.good("project", "add", "--id", 7, "--callback-url", "", "--set", "enabled=false")
    return folder


def test_a_link_is_made_shown_opened_and_taken_back(shop: Folder) -> None:
    """The address that is printed opens the page, until the link is cancelled."""
    options = ("--payment-id", "Tea-1", "--description", "Oolong", "--language", "zh-hant")
    made = shop.read(*CREATE, "268.50", *options, "--customer", "chan", "--email", "a@b.hk")
    assert (made["payment_id"], made["status"]) == ("Tea-1", "awaiting payment")
    assert (made["amount_minor"], made["currency"], made["customer_id"]) == (26_850, "HKD", "chan")
    assert shop.read("link", "show", PROJECT, "tea-1") == made
    shown = shop.good("link", "show", PROJECT, "Tea-1")
    for text in ("HK$268.50", "Oolong", "awaiting payment", made["payment_link"]):
        assert text in shown
    path = urlsplit(made["payment_link"]).path
    with shop.running("serve", ready="ready at"):
        address = f"http://127.0.0.1:{shop.port}{path}"
        status, page = ask(address)
        assert status == 200
        assert b'data-screen="choose"' in page
        assert b'lang="zh-Hant-HK"' in page
        cancel = ("link", "cancel", PROJECT, "Tea-1", "--by", "amy")
        assert "must say something" in shop.bad(2, *cancel, "--why", " ")
        assert "Tea-1: invoice canceled" in shop.good(*cancel, "--why", "sold out")
        assert shop.read(*cancel, "--why", "sold out")["status"] == "invoice canceled"
        assert b'data-screen="cancelled"' in ask(address)[1]
        asked = {"general": {"project_id": PROJECT, "payment_id": "Tea-1"}}
        asked["general"]["signature"] = sign(SECRET, asked)
        told = shop.post("/v2/payment/status", asked)
        assert told["payment"]["type"] == "invoice"
    story = shop.read("payments", "show", "--project", PROJECT, "Tea-1")
    who = [(entry["by"], entry["why"]) for entry in story["journal"]]
    assert who[0][0] == "staff:command line"
    assert who[1] == ("staff:amy", "sold out")


def test_an_id_is_made_up(shop: Folder) -> None:
    """Without an id a link has one that nobody else has; the plain form prints the address."""
    one, other = shop.read(*CREATE, "5"), shop.read(*CREATE, "5")
    assert one["payment_id"].startswith("link-")
    assert one["payment_id"] != other["payment_id"]
    assert one["customer_id"] == one["payment_id"]
    first, told = shop.good(*CREATE, "5", "--expires", "12h").splitlines()
    assert first.startswith("http://")
    assert "good until" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("5", "--expires", "soon"), "--expires: 'soon' is neither"),
        (("5", "--expires", "31d"), "--expires: must lie ahead, by at most 30 days"),
        (("5", "--expires", "2001-02-03"), "--expires: must lie ahead"),
        (("5", "--currency", "EUR"), "--currency: must be HKD or CNY"),
        (("1.001",), "AMOUNT: not an amount in HKD"),
        (("0",), "AMOUNT: must be above nothing"),
        (("20000",), "payment.amount: Operation amount is greater than limit"),
        (("5", "--payment-id", "a;b"), "--payment-id: 1 to 255 characters"),
        (("5", "--customer", "x" * 256), "--customer: at most 255"),
        (("5", "--description", "x" * 256), "--description: at most 255"),
        (("5", "--email", "nobody"), "--email: no e-mail address"),
    ],
)
def test_what_is_wrong_is_named(shop: Folder, arguments: tuple[str, ...], told: str) -> None:
    """An option that does not fit makes no link, and ends with exit code 2 and a sentence."""
    assert told in shop.bad(2, *CREATE, *arguments)


def test_what_cannot_be_done_is_told(shop: Folder) -> None:
    """A used id, a project that is off or unknown, and what is no link, end with exit code 1."""
    shop.good(*CREATE, "5", "--payment-id", "used")
    assert "already exists" in shop.bad(1, *CREATE, "5", "--payment-id", "used")
    assert "takes no payments" in shop.bad(1, "link", "create", 7, "5")
    assert "no project 8" in shop.bad(1, "link", "create", 8, "5")
    assert "no payment link" in shop.bad(1, "link", "show", PROJECT, "unknown")
    told = shop.bad(1, "simulate", "pay", "--project", PROJECT, "used")
    assert "has no QR: nobody has confirmed its link" in told
    why = ("--by", "amy", "--why", "x")
    assert "not found" in shop.bad(1, "link", "cancel", PROJECT, "unknown", *why)
