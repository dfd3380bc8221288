"""FPS accounts in the Dashboard: settings, keys, trying out, tills, and what a project uses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from base64 import b64decode
from html import unescape
from typing import Final

import pytest

from sampan.codecs import emv_qr, qr_image
from sampan.codecs.emv_qr import FpsView
from sampan.domain.fps_account import ATTACHED_MAX
from sampan.domain.rights import Role
from sampan.storage import fps_accounts as kept
from sampan.storage import journal_lists
from sampan.storage.fps_accounts import Card
from sampan.storage.journal_lists import Filter
from tests.support.client import Answer
from tests.support.fps import AccountClient, add_account
from tests.support.platform import ProjectClient, RunningPlatform
from tests.support.staff import Member, Staff, text_of

NEW: Final = {
    "name": "HSBC main",
    "proxy_kind": "fps_id",
    "proxy": "166069526",
    "clearing_code": "",
    "bank_account": "004-123456-838",
    "currencies": "HKD,CNY",
    "payee_name": "HARBOUR TEA HOUSE",
    "payee_name_zh": "海港茶舍",
}
OPENED: Final = {"opened": "yes", "payee": "right", "amount": "fixed"}
STRANGE: Final = ("茶" * 300, "🍵", "a\0b", "'; DROP TABLE fps_accounts; --", "1e9", "-1", "٣")


@pytest.fixture(scope="module")
def amy(platform: RunningPlatform) -> Member:
    """An admin at work."""
    return Staff(platform).member(email="amy.accounts@tea.example")


@pytest.fixture
def account(platform: RunningPlatform) -> AccountClient:
    """An account that carries references in both places."""
    return add_account(platform)


def path(account: AccountClient, end: str = "") -> str:
    """Return the address of an account's page."""
    return f"/accounts/{account.account.id}{end}"


def card(account: AccountClient) -> Card:
    """Return an account as it is kept."""
    now_us = account.platform.clock.now_us()
    found = account.platform.read(lambda tx: kept.card(tx, account.account.id, now_us=now_us))
    assert found is not None
    return found


def settings_of(account: AccountClient, **changes: object) -> dict[str, object]:
    """Return what a browser sends of the settings as they stand, changed; "" is no tick."""
    found = card(account)
    values = {name: getattr(found.account, name) for name in found.account.__struct_fields__}
    flags = {name: "1" if value else "" for name, value in values.items() if value in (True, False)}
    sent = {**values, **flags, "off_max_minor": found.account.off_max_minor}
    return {**sent, "updated_us": found.updated_us, **changes}


def told(member: Member, what: str) -> list[str]:
    """Return what the journal says of something that a person did, the newest first."""
    wanted = Filter(by=f"staff:{member.user.email}", what=what)
    page = member.platform.transact(
        lambda tx: journal_lists.page(tx, wanted, after=None, most=50),
    )
    return [row.why for row in page.rows]


def once(answer: Answer) -> str:
    """Return the key that a page shows this once."""
    found = re.search(r"KEY=(?:&#39;|')([^&'\n]+)", answer.raw.decode())
    assert found
    return unescape(found[1])


def read(picture: bytes) -> FpsView:
    """Return what the code in a picture says."""
    (payload,) = qr_image.read(picture)
    view = emv_qr.decode(payload).fps
    assert view is not None
    return view


def answers(
    first: dict[str, str], second: dict[str, str], *, step: str = "both"
) -> dict[str, object]:
    """Return the form of a trial with the answers for two apps."""
    both = (("1", {"name": "HSBC HK", **first}), ("2", {"name": "ZA Bank", **second}))
    told = {f"{name}-{number}": text for number, app in both for name, text in app.items()}
    return {"step": step, **told}


def test_add(amy: Member) -> None:
    """An account is added with its key shown once, listed, told in the journal, and never twice."""
    answer = amy.post("/accounts/new", **NEW)
    assert answer.status == 200
    key = once(answer)
    where = re.search(r"/dashboard(/accounts/[0-9]+)", answer.raw.decode())
    assert where
    page = amy.get(where[1])
    assert page.status == 200
    assert key not in page.raw.decode()
    assert key not in amy.get(f"{where[1]}/notices").raw.decode()
    listed = text_of(amy.get("/accounts"))
    assert all(text in listed for text in ("HSBC main", "166069526", "海港茶舍", "HKD, CNY"))
    assert told(amy, "FPS account added")[0].endswith("HSBC main: fps_id 166069526")
    again = amy.post("/accounts/new", **NEW)
    assert again.status == 400
    assert "Another account is called so." in text_of(again)
    assert 'value="166069526"' in again.raw.decode()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("name", ""),
        ("name", "12345"),
        ("name", "x" * 61),
        ("proxy_kind", "hkid"),
        ("proxy", "123"),
        ("proxy", ""),
        ("clearing_code", "4"),
        ("bank_account", "a b"),
        ("currencies", "USD"),
        ("payee_name", "海港茶舍"),
        ("payee_name", "a;b"),
        ("payee_name_zh", "茶" * 26),
        ("payee_name_zh", "🍵"),
    ],
)
def test_a_bad_value_is_told_at_its_field(amy: Member, name: str, text: str) -> None:
    """A new account with a fault is not added; the sentence stands at that field and no other."""
    answer = amy.post("/accounts/new", **{**NEW, "name": "Faulty", name: text})
    html = answer.raw.decode()
    assert answer.status == 400
    assert re.findall(r'<p class="error" id="d-([^"]*)"', html) == [name]
    assert "Faulty" not in text_of(amy.get("/accounts"))


@pytest.mark.parametrize("text", STRANGE)
def test_strange_values_do_no_harm(amy: Member, account: AccountClient, text: str) -> None:
    """Whatever is typed into every field at once, a page answers and nothing is written."""
    before = card(account)
    sent = dict.fromkeys(settings_of(account), text)
    assert amy.post("/accounts/new", **sent).status == 400
    assert amy.post(path(account), **sent).status == 400
    trial = {f"{name}-{number}": text for name in (*OPENED, "name", "booked") for number in (1, 2)}
    assert amy.post(path(account, "/trial"), step=text, **trial).status == 400
    assert amy.get(path(account, "/till"), amount=text, currency=text).status == 400
    assert amy.post(path(account, "/notices"), overlap_s=text, key_set_us=text).status == 400
    assert amy.post(path(account, "/trial/result"), told_us=text).status in {303, 409}
    assert card(account) == before


@pytest.mark.parametrize(
    ("typed", "kept_as"),
    [
        ("9123 4567", "+852-91234567"),
        ("+852 9123-4567", "+852-91234567"),
        ("85291234567", "+852-91234567"),
        ("+86-13800138000", "+86-13800138000"),
    ],
)
def test_a_mobile_number_may_be_typed_as_people_do(
    amy: Member, account: AccountClient, typed: str, kept_as: str
) -> None:
    """A number of Hong Kong is kept as FPS writes it, however it was typed."""
    sent = settings_of(account, proxy_kind="mobile", proxy=typed)
    assert amy.post(path(account), **sent).status == 303
    assert card(account).account.proxy == kept_as


def test_settings_are_changed_and_told(amy: Member, account: AccountClient) -> None:
    """What is saved is kept; the journal says by whom and what; saving it again writes nothing."""
    changes = {"payee_name": "TEA HOUSE", "off_max_minor": "30", "is_on": "", "amount_lock": ""}
    assert amy.post(path(account), **settings_of(account, **changes)).status == 303
    after = card(account).account
    assert (after.payee_name, after.off_max_minor) == ("TEA HOUSE", 30)
    assert (after.is_on, after.amount_lock, after.timeout_in_qr) == (False, False, True)
    rows = told(amy, "FPS account changed")
    assert "payee_name=HARBOUR TEA HOUSE → TEA HOUSE" in rows[0]
    assert "is_on=true → false" in rows[0]
    amy.post(path(account), **settings_of(account))
    assert told(amy, "FPS account changed") == rows


def test_two_people_do_not_overwrite_each_other(amy: Member, account: AccountClient) -> None:
    """Who saves what somebody has changed meanwhile is shown both, and nothing is written."""
    sent = settings_of(account, payee_name="MINE")
    amy.post(path(account), **settings_of(account, payee_name="THEIRS"))
    answer = amy.post(path(account), **sent)
    assert answer.status == 409
    assert "Kept meanwhile: THEIRS" in text_of(answer)
    assert card(account).account.payee_name == "THEIRS"


def test_a_name_that_is_taken_is_told(
    platform: RunningPlatform, amy: Member, account: AccountClient
) -> None:
    """An account cannot take another one's name."""
    other = add_account(platform)
    answer = amy.post(path(account), **settings_of(account, name=other.account.name))
    assert answer.status == 400
    assert "Another account is called so." in text_of(answer)


def test_a_new_key_marks_and_the_old_one_for_a_while(amy: Member, account: AccountClient) -> None:
    """Of a new key, shown once, the bank's notices are taken; of the old one until its time."""
    seen = card(account).key_set_us
    answer = amy.post(path(account, "/notices"), overlap_s="3600", key_set_us=seen)
    new = once(answer)
    notice = account.credit("new key", "")
    assert account.notify({**notice, "bank_txn_id": "NEW"}, key=new).status == 200
    assert account.notify({**notice, "bank_txn_id": "OLD"}).status == 200
    assert "Still good" in text_of(amy.get(path(account, "/notices")))
    again = amy.post(path(account, "/notices"), overlap_s="3600", key_set_us=seen)
    assert again.status == 409
    assert account.notify({**notice, "bank_txn_id": "OLD2"}, key=new).status == 200
    assert told(amy, "FPS key rotated")


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="the example needs both"
)
def test_the_example_is_taken(amy: Member, account: AccountClient) -> None:
    """The commands that stand beside a new key run as they are, and the notice is taken."""
    seen = card(account).key_set_us
    answer = amy.post(path(account, "/notices"), overlap_s="0", key_set_us=seen)
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", answer.raw.decode(), re.DOTALL)
    assert shown
    done = subprocess.run(
        ["sh", "-eu", "-c", unescape(shown[1])],
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert json.loads(done.stdout) == {"taken": 1}


def test_the_code_of_a_trial(amy: Member, account: AccountClient) -> None:
    """The page shows the code of its step: HK$1.00 with two different texts, then with less."""
    for step, bill, label in (("both", True, True), ("bill_number", True, False)):
        html = amy.get(path(account, "/trial"), step=step).raw.decode()
        found = re.search(r'src="data:image/png;base64,([^"]+)"', html)
        assert found

        view = read(b64decode(found[1]))
        assert (view.amount_minor, view.proxy) == (100, account.account.proxy)
        assert ((view.bill_number or "").startswith("BILL")) == bill
        assert ((view.reference_label or "").startswith("REFL")) == label


def test_a_trial_sets_the_account(amy: Member, account: AccountClient) -> None:
    """Answers for two apps lead to what is set and why; it is set once somebody says so."""
    first = {**OPENED, "shown": "both", "booked": "bill_number", "ended": "refused"}
    answer = amy.post(path(account, "/trial"), **answers(first, OPENED))
    assert answer.headers["location"] == f"/dashboard{path(account, '/trial/result')}"
    assert card(account).account.reference_mode == "both"
    page = amy.get(path(account, "/trial/result"))
    assert "As both → becomes As bill number" in text_of(page)
    found = re.search(r'name="told_us" value="([0-9]+)"', page.raw.decode())
    assert found
    assert amy.post(path(account, "/trial/result"), told_us=found[1]).status == 303
    assert card(account).account.reference_mode == "bill_number"
    assert "The account is set so" in text_of(amy.get(path(account, "/trial/result")))
    assert "HSBC HK: opened, payee right" in told(amy, "FPS account tried out")[0]
    assert "reference_mode=both → bill_number" in told(amy, "FPS account changed")[0]


def test_a_refused_code_leads_to_a_barer_one(amy: Member, account: AccountClient) -> None:
    """An app that refuses leads to the next code, with the apps' names kept; nothing is set."""
    before = card(account).account
    refused = answers({"opened": "refused"}, OPENED)
    answer = amy.post(path(account, "/trial"), **refused)
    assert answer.headers["location"].endswith("/trial?step=bill_number")
    page = amy.get(path(account, "/trial"), step="bill_number").raw.decode()
    assert 'value="HSBC HK"' in page
    assert "An app refused the last code" in page
    assert card(account).account == before
    assert "There is another code to try" in text_of(amy.get(path(account, "/trial/result")))
    assert amy.post(path(account, "/trial/result"), told_us=0).status == 409


def test_another_payee_stops_a_trial(amy: Member, account: AccountClient) -> None:
    """Where an app names somebody else there is nothing to set, and the page says why."""
    amy.post(path(account, "/trial"), **answers({**OPENED, "payee": "other"}, OPENED))
    assert "An app named another payee." in text_of(amy.get(path(account, "/trial/result")))
    told_us = card(account).trial
    assert told_us is not None
    assert amy.post(path(account, "/trial/result"), told_us=told_us.at_us).status == 409


@pytest.mark.parametrize(
    ("first", "second", "wrong"),
    [
        ({"opened": ""}, OPENED, "opened-1"),
        ({"opened": "yes", "payee": "right"}, OPENED, "amount-1"),
        (OPENED, {**OPENED, "payee": "nobody"}, "payee-2"),
        (OPENED, {**OPENED, "name": ""}, "name-2"),
        (OPENED, {**OPENED, "name": "x" * 41}, "name-2"),
        (OPENED, {**OPENED, "name": "hsbc hk"}, "name-2"),
    ],
)
def test_answers_that_are_missing(
    amy: Member, account: AccountClient, first: dict[str, str], second: dict[str, str], wrong: str
) -> None:
    """Who leaves a needed answer out is shown where, and nothing is kept."""
    answer = amy.post(path(account, "/trial"), **answers(first, second))
    assert answer.status == 400
    assert re.findall(r'<p class="error" id="d-([^"]*)"', answer.raw.decode()) == [wrong]
    assert card(account).trial is None


def test_who_tries_again_meanwhile(amy: Member, account: AccountClient) -> None:
    """What was set follows from the trial that the person saw, never from a later one."""
    amy.post(path(account, "/trial"), **answers({**OPENED, "shown": "both"}, OPENED))
    seen = card(account).trial
    assert seen is not None
    account.platform.clock.advance(1)
    amy.post(path(account, "/trial"), **answers(OPENED, OPENED, step="no_timeout"))
    assert amy.post(path(account, "/trial/result"), told_us=seen.at_us).status == 409
    assert card(account).account.timeout_in_qr


def test_a_code_for_a_till(platform: RunningPlatform, amy: Member) -> None:
    """The picture carries payee and currency, an amount only where one is wanted, and no end."""
    account = add_account(platform, currencies="HKD,CNY")
    view = read(amy.get(path(account, "/till/qr.png")).raw)
    assert (view.proxy, view.currency, view.amount_minor) == (account.account.proxy, "HKD", None)
    assert (view.one_off, view.timeout, view.bill_number) == (False, None, None)
    saved = amy.get(path(account, "/till/qr.png"), amount="1,018.80", currency="CNY", save=1)
    view = read(saved.raw)
    assert (view.currency, view.amount_minor) == ("CNY", 101_880)
    assert saved.headers["content-type"] == "image/png"
    assert "attachment" in saved.headers["content-disposition"]
    page = text_of(amy.get(path(account, "/till"), amount="18.80"))
    assert "HK$18.80" in page
    assert "海港茶舍" in text_of(amy.get(path(account, "/till/print")))


@pytest.mark.parametrize("amount", ["0", "-1", "1.234", "x", "9" * 20])
def test_a_bad_amount_makes_no_code(amy: Member, account: AccountClient, amount: str) -> None:
    """An amount that no code can carry is told at its field; picture and sheet are not made."""
    answer = amy.get(path(account, "/till"), amount=amount)
    assert answer.status == 400
    assert "An amount such as 18.80, or nothing." in text_of(answer)
    assert amy.get(path(account, "/till/qr.png"), amount=amount).status == 400
    assert amy.get(path(account, "/till/print"), amount=amount).status == 303


def test_a_project_uses_accounts_in_an_order(
    platform: RunningPlatform, amy: Member, project: ProjectClient
) -> None:
    """Accounts are given to a project, put first and taken away; the page warns of gaps."""
    first, second = add_account(platform), add_account(platform, currencies="CNY")
    bank = f"/projects/{project.id}/bank"
    assert "They are used once" in text_of(amy.get(bank))
    for one in (first, second, first):
        assert amy.post(f"{bank}/accounts", account=one.account.id).status == 303
    assert used(platform, project) == [first.account.id, second.account.id]
    amy.post(f"{bank}/accounts/{second.account.id}", to="first")
    assert used(platform, project) == [second.account.id, first.account.id]
    amy.post(f"{bank}/accounts/{first.account.id}", to="away")
    assert used(platform, project) == [second.account.id]
    assert project.id in platform.read(lambda tx: kept.projects_of(tx, second.account.id))
    assert len(told(amy, "FPS account attached")) == 2


def test_a_live_project_warns_of_a_currency_without_account(
    platform: RunningPlatform, amy: Member
) -> None:
    """A project of real accounts tells which currency nobody could pay in."""
    shop = platform.add_project("", secret="a secret", provider="fps")
    add_account(platform).attach(shop)
    assert "No payment can be taken in CNY" in text_of(amy.get(f"/projects/{shop.id}/bank"))


def test_a_project_takes_no_more_accounts_than_it_may(
    platform: RunningPlatform, amy: Member, project: ProjectClient
) -> None:
    """One account too many is refused with a sentence."""
    for _ in range(ATTACHED_MAX):
        add_account(platform).attach(project)
    last = add_account(platform).account.id
    answer = amy.post(f"/projects/{project.id}/bank/accounts", account=last)
    assert answer.status == 409
    assert "A project uses at most 20 accounts." in text_of(answer)


def test_addresses_of_nothing(amy: Member, account: AccountClient, project: ProjectClient) -> None:
    """An account or project that is not there answers 404 everywhere, however long its number."""
    for key in ("1", "9" * 15, "9" * 5000):
        for end in ("", "/trial", "/trial/result", "/till", "/till/qr.png", "/notices"):
            assert amy.get(f"/accounts/{key}{end}").status == 404
        assert amy.post(f"/accounts/{key}", **settings_of(account)).status == 404
        assert amy.post(f"/projects/{project.id}/bank/accounts/{key}", to="first").status == 404
        assert amy.post(f"/projects/{project.id}/bank/accounts", account=key).status == 404
    ours = account.account.id
    assert amy.post(f"/projects/{project.id}/bank/accounts/{ours}", to="first").status == 404
    assert amy.post(f"/projects/{project.id}/bank/accounts/{ours}", to="up").status == 400
    assert amy.post("/projects/4294967295/bank/accounts", account=ours).status == 404


def test_who_may_only_look(platform: RunningPlatform, account: AccountClient) -> None:
    """Support sees accounts, tills and addresses, without a form that changes anything."""
    sue = Staff(platform).member(Role.SUPPORT)
    for end in ("", "/till", "/notices"):
        html = sue.get(path(account, end)).raw.decode()
        assert re.findall(r'<form method="post" action="([^"]*)"', html) == ["/dashboard/sign-out"]
    assert "/accounts/new" not in sue.get("/accounts").raw.decode()
    assert account.key not in sue.get(path(account, "/notices")).raw.decode()


def used(platform: RunningPlatform, project: ProjectClient) -> list[int]:
    """Return the ids of a project's accounts in their order."""
    found = platform.read(lambda tx: kept.of_project(tx, project.id))
    return [one.account.id for one in found]
