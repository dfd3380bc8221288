"""The sandbox bank's app, as a customer with a phone uses it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from sampan.clock import MINUTE_US
from sampan.codecs import qr_image
from sampan.codecs.emv_qr import FpsQr, encode
from sampan.codecs.emv_tlv import CRC_HEADER, crc
from tests.browser.conftest import World, barriers

pytestmark = pytest.mark.browser

FOREIGN = encode(FpsQr(fps_id="7654321", amount_minor=100))
_OTHER_BODY = (
    "00020101021226200011sg.paynow1101010252040000530370254041.005802SG5905HAWKR6009SINGAPORE"
)
OTHER_SCHEME = _OTHER_BODY + CRC_HEADER + crc(_OTHER_BODY + CRC_HEADER)


def open_pay(page: Page, payload: str) -> None:
    """Open the confirm screen as a link on a phone does."""
    page.goto(f"/bank/pay?payload={quote(payload)}")


def test_pasted_code_is_paid(page: Page, world: World) -> None:
    """From the text of a code to a receipt, seeing beforehand who gets how much."""
    order = world.bank_order()
    page.goto("/bank/")
    assert barriers(page) == []
    page.get_by_label("Text of the code").fill(order.payload)
    page.get_by_role("button", name="Continue").click()
    for told in ("HARBOUR TEA HOUSE", "海港茶舍", "1029384", "HK$128.00"):
        expect(page.get_by_role("main")).to_contain_text(told)
    assert barriers(page) == []
    page.get_by_role("button", name="Pay HK$128.00").click()
    expect(page.get_by_role("heading", name="Payment successful")).to_be_visible()
    assert barriers(page) == []


def test_picture_is_read(page: Page, world: World, tmp_path: Path) -> None:
    """A chosen picture is sent by itself and leads to the confirm screen."""
    picture = tmp_path / "code.png"
    picture.write_bytes(qr_image.png(world.bank_order().payload))
    page.goto("/bank/")
    page.set_input_files("input[type=file]", picture)
    expect(page.get_by_role("heading", name="Confirm the payment")).to_be_visible()


def test_all_works_without_scripts(plain_page: Page, world: World, tmp_path: Path) -> None:
    """Picture, confirm screen and payment need no JavaScript."""
    picture = tmp_path / "code.png"
    picture.write_bytes(qr_image.png(world.bank_order().payload))
    plain_page.goto("/bank/")
    plain_page.set_input_files("input[type=file]", picture)
    plain_page.get_by_role("button", name="Read the picture").click()
    plain_page.get_by_role("button", name="Pay HK$128.00").click()
    expect(plain_page.get_by_role("heading", name="Payment successful")).to_be_visible()


def test_camera_is_offered_only_where_it_can_read(page: Page) -> None:
    """A browser that cannot detect codes shows no dead button."""
    page.goto("/bank/")
    usable = page.evaluate(
        "async () => 'BarcodeDetector' in window && Boolean(navigator.mediaDevices)"
        " && (await BarcodeDetector.getSupportedFormats()).includes('qr_code')"
    )
    expect(page.locator("[data-camera]")).to_be_visible(visible=usable)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("", "There was nothing to read"),
        ("https://example.com/pay", "This is a link, not an FPS code"),
        ("hello", "This is plain text, not an FPS code"),
        ("000201010212269", "This payment code is damaged"),
        (FOREIGN[:-1] + ("0" if FOREIGN[-1] != "0" else "1"), "The checksum of this code is wrong"),
        (OTHER_SCHEME, "This is a payment code, but not an FPS one"),
        (FOREIGN, "This bank does not know the code"),
        ("0" * 5_000, "This text is too long for a QR code"),
    ],
)
def test_what_is_wrong_with_a_code_is_said(page: Page, payload: str, told: str) -> None:
    """Every text that cannot be paid gets its own explanation."""
    open_pay(page, payload)
    expect(page.get_by_role("alert")).to_contain_text(told)
    assert barriers(page) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"not a picture", "This file cannot be read as a picture"),
        (qr_image.png("x", module_px=1, quiet=0)[:60], "This file cannot be read as a picture"),
        (b"\0" * (9 * 1024 * 1024), "This picture is too large"),
    ],
)
def test_what_is_wrong_with_a_picture_is_said(page: Page, content: bytes, told: str) -> None:
    """A file that cannot be read is refused in words."""
    page.goto("/bank/")
    file = {"name": "code.png", "mimeType": "image/png", "buffer": content}
    page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]  # a FilePayload
    expect(page.get_by_role("alert")).to_contain_text(told)


def test_picture_without_a_code_is_told(page: Page, tmp_path: Path) -> None:
    """A picture of something else is no error of the customer's phone."""
    page.goto("/bank/")
    picture = tmp_path / "page.png"
    page.screenshot(path=picture)
    page.set_input_files("input[type=file]", picture)
    expect(page.get_by_role("alert")).to_contain_text("No QR code in this picture")


@pytest.mark.parametrize(
    ("button", "told", "amount"),
    [
        ("Pay less", "Paid, but less than asked", "HK$127.00"),
        ("Pay more", "Paid, but more than asked", "HK$129.00"),
        ("Pay twice", "Paid twice", "HK$256.00"),
        ("Pay in another currency", "Paid in another currency", "CN¥128.00"),
        ("Pay too late", "Paid, but too late", "HK$128.00"),
    ],
)
def test_other_endings(page: Page, world: World, *, button: str, told: str, amount: str) -> None:
    """What a merchant must be ready for can be tried, and the receipt says what was done."""
    open_pay(page, world.bank_order().payload)
    page.get_by_text("Other endings").click()
    assert barriers(page) == []
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", name=told)).to_be_visible()
    expect(page.locator(".figure")).to_have_text(amount)


def test_refusing_moves_no_money(page: Page, world: World) -> None:
    """The receipt says so, and the code cannot be paid afterwards."""
    order = world.bank_order()
    open_pay(page, order.payload)
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("heading", name="You refused to pay")).to_be_visible()
    open_pay(page, order.payload)
    expect(page.get_by_role("heading", name="This payment was refused")).to_be_visible()
    expect(page.get_by_role("button", name="Pay HK$128.00")).to_have_count(0)


def test_expired_code_is_not_paid(page: Page, world: World) -> None:
    """Time over: no button to pay, but the late ending can be tried."""
    now_us = world.platform.clock.now_us()
    times = {"expires_us": now_us - MINUTE_US, "closes_us": now_us + MINUTE_US}
    open_pay(page, world.bank_order(**times).payload)
    expect(page.get_by_role("heading", name="This code has expired")).to_be_visible()
    expect(page.get_by_role("button", name="Pay HK$128.00")).to_have_count(0)
    assert barriers(page) == []


def test_paid_code_is_paid_again_only_on_purpose(page: Page, world: World) -> None:
    """A confirm screen left open does not pay twice; the button for that does."""
    order = world.bank_order()
    open_pay(page, order.payload)
    other = page.context.new_page()
    open_pay(other, order.payload)
    other.get_by_role("button", name="Pay HK$128.00").click()
    expect(other.get_by_role("heading", name="Payment successful")).to_be_visible()
    page.get_by_role("button", name="Pay HK$128.00").click()
    expect(page.get_by_role("heading", name="This code is already paid")).to_be_visible()
    assert barriers(page) == []
    page.get_by_text("Other endings").click()
    page.get_by_role("button", name="Pay a second time").click()
    expect(page.get_by_role("heading", name="Paid once more")).to_be_visible()


def test_sending_a_form_again_shows_the_same_receipt(page: Page, world: World) -> None:
    """Going back and paying again on the same page is one payment."""
    open_pay(page, world.bank_order().payload)
    form = {
        name: page.locator(f"form.buttons input[name={name}]").input_value()
        for name in ("payload", "token")
    }
    answers = [
        page.request.post("/bank/app/act", form={**form, "action": "twice"}) for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].url == answers[1].url
    assert "HK$256.00" in answers[1].text()


def test_chinese_is_whole(page: Page, world: World) -> None:
    """The switch changes the language, keeps the code, and is remembered."""
    open_pay(page, world.bank_order().payload)
    page.get_by_role("link", name="繁體中文").click()
    expect(page.get_by_role("button", name="支付 HK$128.00")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "zh-Hant-HK"
    assert barriers(page) == []
    page.goto("/bank/")
    expect(page.get_by_role("heading", name="掃碼付款")).to_be_visible()


def test_smallest_phone_needs_no_sideways_scrolling(page: Page, world: World) -> None:
    """All screens fit into 320 px."""
    page.set_viewport_size({"width": 320, "height": 640})
    for where in ("/bank/", f"/bank/pay?payload={quote(world.bank_order().payload)}"):
        page.goto(where)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_foreign_site_cannot_make_a_customer_pay(page: Page, world: World) -> None:
    """A post that a page of another site sends is refused."""
    order = world.bank_order()
    form: dict[str, str | float | bool] = {
        "payload": order.payload,
        "token": "x",
        "action": "pay",
    }
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert page.request.post("/bank/app/act", form=form, headers=headers).status == 403
    open_pay(page, order.payload)
    expect(page.get_by_role("heading", name="Confirm the payment")).to_be_visible()
