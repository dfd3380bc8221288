"""A merchant's own FPS account in a browser: tried out, read by files, and decided about by people.

Each story is one that a person goes through from end to end, and each ends where money is counted:
at Gate, in the shop's callbacks and in the proof of the books.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sampan.codecs import emv_qr
from sampan.codecs.emv_reader import EPOCH, HONG_KONG, FpsView
from sampan.dashboard.trial_words import REASONS
from sampan.domain.fps_trial import Step, Why
from sampan.domain.payment import Payment
from sampan.domain.rights import Role
from sampan.flow import fps_codes
from sampan.storage import fps_accounts
from sampan.web.i18n import translate
from tests.browser.test_dashboard import context_of, watched
from tests.support import bank_csv
from tests.support.bank_csv import Line
from tests.support.desk_world import ScreenWorld
from tests.support.fps import AccountClient, add_account
from tests.support.fps_desk import Shop
from tests.support.merchant import Merchant
from tests.support.platform import running
from tests.support.staff import Staff
from tests.support.symbols import read_by_opencv

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WHO: Final = [("desktop", "en"), ("phone", "zh-hant")]
SECRET: Final = "secret of a tea house"
TILL_DECLINED_S: Final = 1_000
"""Longer than the life of a QR code and the time that the bank has to tell of it (`hk-qr`)."""
STEPPED_DOWN: Final = "An app refused the last code. This one carries less; scan it with both apps."
_numbers: Final = itertools.count(1)


@dataclass(kw_only=True)
class Desk(ScreenWorld):
    """A platform, its people, and a shop's address for callbacks."""

    merchant: Merchant

    def shop(self, account: AccountClient | None = None) -> Shop:
        """Return a new project with an account, by default one that carries bill numbers."""
        used = account or add_account(self.platform, reference_mode="bill_number")
        return Shop(used, self.merchant)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A platform of merchants with accounts of their own."""
    with running(f"sqlite:///{tmp_path_factory.mktemp('fps')}/sampan.db") as platform:
        staff, merchant = Staff(platform), Merchant(secrets=[SECRET])
        try:
            owner = staff.member(Role.ADMIN, name="Amy Wong")
            yield Desk(platform=platform, staff=staff, owner=owner, merchant=merchant)
        finally:
            merchant.close()


class Person:
    """Somebody at a browser: what is done there, and what is read there in their language."""

    def __init__(self, browser: Browser, desk: Desk, size: str, language: str) -> None:
        token = desk.staff.member(Role.OPERATIONS, Role.ADMIN).token
        self._context = context_of(browser, desk, size=size, language=language, token=token)
        self.page, self._faults = watched(self._context)
        self._language = language

    def words(self, text: str, **values: object) -> str:
        """Return a sentence of ours as this person reads it; one nobody translated is a fault."""
        said = translate(self._language, text)
        assert self._language == "en" or said != text, text
        return said % values if values else said

    def reads(self, where: Locator, text: str, **values: object) -> None:
        """Wait until a sentence of ours stands somewhere."""
        expect(where).to_contain_text(self.words(text, **values))

    def said(self, text: str) -> None:
        """Wait until the page says what was done."""
        self.reads(self.page.locator("main > .notice.good[role=status]"), text)

    def opens(self, path: str) -> Page:
        """Open a page, and hold that nothing on it lies beside the screen."""
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        self.fits()
        return self.page

    def fits(self) -> None:
        """Hold that the page does not scroll sideways."""
        self.page.wait_for_load_state()
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{self.page.url}: {wide} px too wide"

    def leaves(self) -> None:
        """Hold that the books agree and that nothing went wrong on the way; close the browser."""
        self.opens("/dashboard/ledger")
        self.reads(self.page.locator(".notice.good"), "The books agree.")
        self._context.close()
        assert self._faults == []


def view(payload: str) -> FpsView:
    """Return what a code says."""
    found = emv_qr.decode(payload).fps
    assert found is not None
    return found


def scanned(picture: Locator) -> str:
    """Return what a bank's app reads where a code is shown."""
    # A page is there before its pictures are.
    picture.evaluate("one => one.decode()")
    pixels = cv2.imdecode(np.frombuffer(picture.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return read_by_opencv(pixels)


# --- trying an account out ----------------------------------------------------------------------


@pytest.mark.parametrize(("size", "language"), WHO)
def test_an_account_is_tried_out(browser: Browser, desk: Desk, size: str, language: str) -> None:
    """Two apps and two codes later the account carries the reference that its bank gives back."""
    amy = Person(browser, desk, size, language)
    account = _added(amy, desk, name=f"HSBC {size}")
    page = amy.page
    page.locator("a.button[href$='/trial']").click()
    page.wait_for_url("**/trial")
    _shows(amy, account, Step.BOTH)
    _tells(amy, "1", name="HSBC HK", opened="yes", payee="right", amount="fixed", shown="both")
    _tells(amy, "2", name="ZA Bank", opened="refused")
    expect(page.locator("[name=payee-1]")).to_be_visible()
    expect(page.locator("[name=payee-2]")).to_be_hidden()
    page.locator("main form .end button").click()
    page.wait_for_url("**/trial?step=bill_number")
    amy.reads(page.locator(".notice.warn"), STEPPED_DOWN)
    bill = _shows(amy, account, Step.BILL_NUMBER)
    told = {"opened": "yes", "payee": "right", "shown": "bill_number", "booked": "bill_number"}
    _tells(amy, "1", name="HSBC HK", amount="fixed", ended="refused", **told)
    _tells(amy, "2", name="ZA Bank", amount="changeable", **told)
    # Whoever scans pays it, and the money of a trial is nobody's payment.
    assert account.notify(account.credit(f"TRIAL-{size}", bill)).body == {"taken": 1}
    page.locator("main form .end button").click()
    page.wait_for_url("**/trial/result")
    amy.fits()
    advice = page.locator(".advice")
    amy.reads(advice, "As bill number")
    amy.reads(advice, REASONS[Why.BOOKED])
    amy.reads(advice, REASONS[Why.AMOUNT_CHANGEABLE])
    amy.reads(advice, REASONS[Why.TIMEOUT_HEEDED])
    page.locator("main form[action$='/result'] button.button").click()
    amy.said("The account is set as the trial advised.")
    expect(page.locator("[name=reference_mode]")).to_have_value("bill_number")
    payment = desk.shop(account).asks(f"TRIED-{size}", 38_800)
    assert payment.display is not None
    code = view(payment.display.payload)
    assert (code.proxy, code.reference_label) == (account.account.proxy, None)
    assert code.bill_number
    amy.leaves()


def _added(amy: Person, desk: Desk, *, name: str) -> AccountClient:
    """Add an account by its form; return it with the key that is shown this once."""
    page = amy.opens("/dashboard/accounts/new")
    told = {"name": name, "proxy": "166069526", "payee_name": "HARBOUR TEA HOUSE"}
    for field, text in (told | {"payee_name_zh": "海港茶舍"}).items():
        page.fill(f"[name={field}]", text)
    page.locator("main form .end button").click()
    shown = page.locator(".once code")
    expect(shown).to_have_count(2)
    amy.fits()
    url, key = shown.all_inner_texts()
    platform, number = desk.platform, int(url.rpartition("/")[2])
    now_us = platform.clock.now_us()
    found = platform.read(lambda tx: fps_accounts.card(tx, number, now_us=now_us))
    assert found is not None
    return AccountClient(platform, found.account, key)


def _shows(amy: Person, account: AccountClient, step: Step) -> str:
    """Scan the code of a step from the screen: exactly what it must be; return its bill number."""
    plate = amy.page.locator(".plate")
    expect(plate).to_contain_text("HK$1.00")
    amy.fits()
    for here in (".menu", ".way"):
        expect(amy.page.locator(f"{here} [aria-current]")).to_be_in_viewport(ratio=0.9)
    payload = scanned(plate.locator("img"))
    code = view(payload)
    assert code.timeout_us is not None
    left_us = code.timeout_us - account.platform.clock.now_us()
    assert 0 < left_us <= fps_codes.TEST_LIFETIME_US
    made_us = code.timeout_us - fps_codes.TEST_LIFETIME_US
    wanted = fps_codes.step_payload(account.account, step, currency="HKD", now_us=made_us)
    assert payload == wanted
    assert (code.proxy, code.amount_minor, code.currency) == ("166069526", 100, "HKD")
    assert (code.merchant_name, code.merchant_name_zh) == ("HARBOUR TEA HOUSE", "海港茶舍")
    assert (code.reference_label is not None) == (step is Step.BOTH)
    return code.bill_number or ""


def _tells(amy: Person, number: str, *, name: str, **told: str) -> None:
    """Answer the questions about an app."""
    amy.page.fill(f"[name=name-{number}]", name)
    for question, answer in told.items():
        amy.page.select_option(f"[name={question}-{number}]", answer)


# --- a bank's file ------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "language"), WHO)
def test_a_file_whose_columns_are_corrected(
    browser: Browser, desk: Desk, size: str, language: str
) -> None:
    """The guess misses who paid; it is corrected, tried, saved, and the file's money has names."""
    shop, amy = desk.shop(), Person(browser, desk, size, language)
    payment_id = f"FILE-{size}"
    _sent(amy, shop, _file(shop, shop.asks(payment_id, 123_400)))
    _corrected(amy)
    assert shop.gate(payment_id)[0] == "awaiting customer action"
    amy.page.locator("main form[action$='/start'] button").click()
    _became(amy)
    _named(amy, payment_id)
    assert shop.told(payment_id, "sale")["sum"] == {"amount": 123_400, "currency": "HKD"}
    assert shop.gate(payment_id) == ("success", 123_400)
    amy.leaves()


def _sent(amy: Person, shop: Shop, raw: bytes) -> None:
    """Send a file of an account; its columns are asked for."""
    page = amy.opens("/dashboard/credits/import")
    page.select_option("[name=account]", f"fps/{shop.account.account.key}")
    file: Any = {"name": "戶口往來.csv", "mimeType": "text/csv", "buffer": raw}
    page.set_input_files("[name=file]", file)
    page.locator("main form[action$='/import'] .end button").click()
    page.wait_for_url("**/import/columns/*")
    amy.fits()


def _corrected(amy: Person) -> None:
    """Look at the guess line by line, name the column of payers, see the lines anew, and save."""
    page = amy.page
    understood = page.locator("#tried tbody tr")
    expect(understood).to_have_count(3)
    expect(understood.nth(0)).to_contain_text("HK$1,234.00")
    expect(understood.nth(1)).to_contain_text("HK$56.70")
    expect(understood.nth(2)).to_contain_text("-HK$20.00")
    expect(page.locator("#tried")).not_to_contain_text("陳大文")
    expect(page.locator("[name=credit] option:checked")).to_contain_text("存入")
    expect(page.locator("[name=debit] option:checked")).to_contain_text("支出")
    expect(page.locator("[name=date_pattern]")).to_have_value("DD/MM/YYYY")
    page.select_option("[name=payer_name]", str(bank_csv.HEADER.index(bank_csv.PAYER) + 1))
    page.locator("button", has_text=amy.words("Try it on the file")).click()
    expect(understood.nth(0)).to_contain_text("陳大文")
    expect(understood.nth(0)).to_be_in_viewport()
    expect(understood.nth(1)).to_contain_text("何嘉欣")
    page.locator("button[name=save]").click()
    amy.said("How this account's files are read is saved.")
    amy.fits()


def _named(amy: Person, payment_id: str) -> None:
    """See the credits of the file: sums, payers, and what became of each."""
    page = amy.page
    page.locator("a.button[href*='/credits?file=']").click()
    waits = page.locator("table.credits tbody tr")
    expect(waits).to_have_count(1)
    expect(waits).to_contain_text("何嘉欣")
    expect(waits).to_contain_text("HK$56.70")
    page.goto(page.url + "&status=any")
    paid = page.locator("table.credits tbody tr", has_text=payment_id)
    expect(paid).to_contain_text("陳大文")
    expect(paid).to_contain_text("HK$1,234.00")
    amy.reads(paid, "Taken as the payment")
    expect(page.locator(".of-file")).to_contain_text("戶口往來.csv")


def _file(shop: Shop, payment: Payment) -> bytes:
    """Return the bank's file of today: the payment's money, other money in, and money out."""
    now = EPOCH + timedelta(microseconds=shop.project.platform.clock.now_us())
    day = now.astimezone(HONG_KONG).strftime("%d/%m/%Y")
    names = [f"FT{next(_numbers):08}" for _ in range(3)]
    reference = shop.reference(payment)
    lines = (
        Line(day, "轉數快轉入", "陳大文", reference, names[0], came="1,234.00"),
        Line(day, "轉數快轉入", "何嘉欣", "茶葉", names[1], came="56.70"),
        Line(day, "服務費", "", "", names[2], gone="20.00"),
    )
    return bank_csv.written(lines)


def _became(amy: Person) -> None:
    """Wait, as a person does, until the page says of itself what became of the file."""
    results = amy.page.locator(".results")
    amy.reads(amy.page.locator(".head"), "Done")
    for outcome in ("Paid a payment", "Money out"):
        amy.reads(results, outcome)


# --- money that does not fit --------------------------------------------------------------------


def _found(amy: Person, payment_id: str, why: str) -> Page:
    """Find the money of a payment among the credits that wait, for this reason; open its card."""
    page = amy.opens("/dashboard/credits")
    row = page.locator("table.credits tbody tr", has_text=payment_id)
    amy.reads(row, why)
    row.locator("a").first.click()
    page.wait_for_url(re.compile(r"/dashboard/credits/\d+$"))
    amy.fits()
    return page


@pytest.mark.parametrize(("size", "language"), WHO)
def test_late_money_is_accepted(browser: Browser, desk: Desk, size: str, language: str) -> None:
    """Money for a payment that ran out of time makes it paid, and the shop hears of it."""
    shop, payment_id = desk.shop(), f"LATE-{size}"
    payment = shop.asks(payment_id, 45_000)
    shop.merchant.callback(payment_id, "awaiting customer action")
    desk.platform.clock.advance(TILL_DECLINED_S)
    shop.merchant.callback(payment_id, "decline")
    shop.comes(45_000, payment)
    assert shop.gate(payment_id)[0] == "decline"
    amy = Person(browser, desk, size, language)
    page = _found(amy, payment_id, "Too late")
    expect(page.locator(".head h1")).to_have_text("HK$450.00")
    amy.reads(page.locator(".clues"), "too late")
    page.locator(".offer", has_text=payment_id).locator("a.button").click()
    will = page.locator(".effects")
    amy.reads(will, "The shop is told: paid, %(sum)s.", sum="HK$450.00")
    amy.fits()
    expect(will.locator(".chip")).to_have_text([amy.words("Declined"), amy.words("Paid")])
    page.fill("[name=why]", "客人來電 the customer phoned")
    page.locator("main form[action$='/apply'] button").click()
    amy.said("The money is taken as the payment.")
    amy.reads(page.locator(".stats.top"), "Taken as the payment")
    told = shop.told(payment_id, "manual change")
    assert (told["status"], told["sum"]["amount"]) == ("success", 45_000)
    page.locator(".stats.top a", has_text=payment_id).click()
    operations = page.get_by_role("region", name=amy.words("Operations of the payment"))
    amy.reads(operations, "Decision of staff")
    expect(page.locator(".line")).to_contain_text(shop.account.account.name)
    amy.fits()
    assert shop.gate(payment_id) == ("success", 45_000)
    assert shop.operations(payment_id) == [("sale", "decline"), ("manual change", "success")]
    amy.leaves()


@pytest.mark.parametrize(("size", "language"), WHO)
def test_double_money_is_returned(browser: Browser, desk: Desk, size: str, language: str) -> None:
    """What came once more for a paid payment is marked as returned, and is listed so."""
    shop, payment_id = desk.shop(), f"DOUBLE-{size}"
    payment = shop.asks(payment_id, 16_800)
    shop.comes(16_800, payment)
    shop.told(payment_id, "sale")
    second = shop.comes(16_800, payment)
    amy = Person(browser, desk, size, language)
    page = _found(amy, payment_id, "Paid once more")
    expect(page.locator(".offer a.button")).to_have_count(0)
    page.locator("details.decision > summary", has_text=amy.words("Note that it went back")).click()
    page.locator("form[action$='/return'] [name=why]").fill("由滙豐退回 sent back from HSBC")
    page.locator("form[action$='/return'] button").click()
    amy.said("It is noted that the money went back.")
    amy.reads(page.locator(".stats.top"), "Sent back")
    amy.reads(page.locator(".line"), "It was noted that the money went back")
    expect(page.locator(".line")).to_contain_text("由滙豐退回 sent back from HSBC")
    amy.opens(f"/dashboard/credits?status=returned&text={second}")
    row = page.locator("table.credits tbody tr", has_text=payment_id)
    expect(row).to_contain_text("HK$168.00")
    amy.reads(row, "Sent back")
    amy.opens("/dashboard/credits")
    expect(page.locator("main", has_text=payment_id)).to_have_count(0)
    assert shop.gate(payment_id) == ("success", 16_800)
    assert shop.operations(payment_id) == [("sale", "success")]
    amy.leaves()


@pytest.mark.parametrize(("size", "language"), WHO)
def test_short_money_is_accepted(browser: Browser, desk: Desk, size: str, language: str) -> None:
    """A payment that was paid short is accepted with what came: that sum is what it is paid."""
    shop, payment_id = desk.shop(), f"SHORT-{size}"
    shop.comes(120_000, shop.asks(payment_id, 128_000))
    assert shop.gate(payment_id)[0] == "awaiting customer action"
    amy = Person(browser, desk, size, language)
    page = _found(amy, payment_id, "Too little")
    amy.reads(page.locator(".offer"), "%(sum)s too little", sum="HK$80.00")
    page.locator(".stats.top a", has_text=payment_id).click()
    amy.reads(page.locator("section.decide"), "Money waits for a decision")
    amy.fits()
    expect(page.locator("section.decide")).to_contain_text("HK$1,200.00")
    decision = page.locator("details.decision", has=page.locator("form[action$='/accept']"))
    decision.locator("summary").click()
    decision.locator("[name=why]").fill("熟客 a regular customer")
    decision.locator("button").click()
    amy.reads(page.locator(".stats.top"), "Paid")
    expect(page.locator(".stats.top")).to_contain_text("HK$1,200.00")
    expect(page.locator(".line")).to_contain_text("熟客 a regular customer")
    told = shop.told(payment_id, "manual change")
    assert (told["status"], told["sum"]["amount"]) == ("success", 120_000)
    assert shop.gate(payment_id) == ("success", 120_000)
    amy.leaves()
