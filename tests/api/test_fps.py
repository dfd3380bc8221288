"""Real FPS accounts: a sale shows the account's QR, and a marked notice of its bank ends it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sampan.codecs import emv_qr
from sampan.codecs.emv_qr import FpsView
from sampan.providers.marks import mark
from sampan.storage import credits as kept
from tests.support.client import Body
from tests.support.fps import AccountClient, add_account
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform
from tests.support.symbols import read_by_opencv

ROOT = Path(__file__).parents[2]
WAITING = "awaiting customer action"


@pytest.fixture
def shop(platform: RunningPlatform, merchant: Merchant) -> ProjectClient:
    """A project whose payments are paid to FPS accounts; it has none yet."""
    return platform.add_project(merchant.url, secret=merchant.secrets[0], provider="fps")


@pytest.fixture
def account(platform: RunningPlatform, shop: ProjectClient) -> AccountClient:
    """The account of `shop`."""
    made = add_account(platform)
    made.attach(shop)
    return made


def shown(merchant: Merchant, shop: ProjectClient, payment_id: str, **sale: Any) -> Body:  # noqa: ANN401 - what `sell` takes
    """Sell, and return the callback that shows the QR."""
    shop.sell(payment_id, **sale)
    return dict(merchant.callback(payment_id, WAITING).body)


def read(body: Body) -> FpsView:
    """Return what the QR of a callback says."""
    view = emv_qr.decode(body["qr"]["payload"]).fps
    assert view is not None
    return view


def reference_of(body: Body) -> str:
    """Return the reference in the QR of a callback."""
    return read(body).bill_number or ""


def proxy_of(body: Body) -> str:
    """Return whom the QR of a callback pays."""
    return read(body).proxy or ""


def arrived(account: AccountClient) -> list[tuple[str, str]]:
    """Return (bank's id, status) of every credit on the account."""
    every = account.platform.read(lambda tx: kept.listing(tx, status=None, most=1000))
    mine = [one for one in every if (one.provider, one.account) == ("fps", account.account.key)]
    return sorted((one.bank_txn_id, one.status) for one in mine)


# --- the main way ------------------------------------------------------------------------------


def test_sale_is_paid_by_a_notice_of_the_accounts_bank(
    shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """The picture in the callback is the account's QR; a marked credit gives the final callback."""
    body = shown(merchant, shop, "p-1")
    picture = np.frombuffer(b64decode(body["display_data"][0]["data"]), np.uint8)
    assert read_by_opencv(cv2.imdecode(picture, cv2.IMREAD_GRAYSCALE)) == body["qr"]["payload"]
    view = read(body)
    assert (view.proxy, view.amount_minor, view.currency) == (account.account.proxy, 10_000, "HKD")
    assert (view.merchant_name, view.merchant_name_zh) == ("HARBOUR TEA HOUSE", "海港茶舍")
    assert body["operation"]["provider"]["id"] == 2
    answer = account.notify(account.credit("FRN1", reference_of(body)))
    assert (answer.status, answer.body) == (200, {"taken": 1})
    final = merchant.callback("p-1", "success").body
    assert final["operation"]["provider"] == {"id": 2, "payment_id": "FRN1", "auth_code": ""}
    assert final["payment"]["sum"] == {"amount": 10_000, "currency": "HKD"}
    assert arrived(account) == [("FRN1", "applied")]


def test_notice_again_changes_nothing(
    shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """The same credit is the same money: replayed as it was, or told anew with a new mark."""
    credit = account.credit("FRN1", reference_of(shown(merchant, shop, "p-1")))
    for _ in range(3):
        assert account.notify(credit).status == 200
    merchant.callback("p-1", "success")
    assert arrived(account) == [("FRN1", "applied")]


def test_documented_example_is_taken(
    shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """The lines of docs/providers.md, with a payment's own reference, end that payment."""
    reference = reference_of(shown(merchant, shop, "p-1", amount=38_800))
    page = (ROOT / "docs" / "providers.md").read_text()
    script = page.split("```sh\n")[1].split("```")[0].replace("0007XKQ2M9TB", reference)
    now_s = account.platform.clock.now_us() // 1_000_000
    if shutil.which("curl") and shutil.which("openssl"):
        done = subprocess.run(
            ["sh", "-eu", "-c", f"date() {{ echo {now_s}; }}\n{script}"],
            env={**os.environ, "URL": account.url, "KEY": account.key, "NO_PROXY": "*"},
            capture_output=True,
            check=True,
            timeout=20,
        )
        assert json.loads(done.stdout) == {"taken": 1}
    else:
        body = script.split("'")[1].encode()
        assert account.post(body, mark(account.key, body, now_us=now_s * 1_000_000)).status == 200
    final = merchant.callback("p-1", "success").body
    assert final["operation"]["provider"]["payment_id"] == "FRN20261122XYZ0001"


# --- who speaks --------------------------------------------------------------------------------


def test_only_the_accounts_own_fresh_mark_is_heard(
    platform: RunningPlatform, shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """A wrong mark, one of ten minutes ago and the mark of another account are all answered 401."""
    credit = account.credit("FRN1", reference_of(shown(merchant, shop, "p-1")))
    other = add_account(platform)
    assert account.notify(credit, key="a guess").status == 401
    assert account.notify(credit, key=other.key).status == 401
    assert account.notify(credit, age_s=600).status == 401
    assert account.notify(credit, age_s=-600).status == 401
    assert account.post(b'{"notices": []}', {}).status == 401
    assert arrived(account) == []


def test_account_speaks_for_no_other(
    platform: RunningPlatform, shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """A credit on another account that names this payment is kept as money without a payment."""
    reference = reference_of(shown(merchant, shop, "p-1"))
    other = add_account(platform)
    other.attach(shop)
    assert other.notify(other.credit("FRN9", reference)).status == 200
    assert arrived(other) == [("FRN9", "unapplied")]
    assert shop.status("p-1")["payment"]["status"] == WAITING
    assert arrived(account) == []


@pytest.mark.parametrize("name", ["1", "fps:7", "9" * 30, "%00", "%D9%A1"])
def test_unknown_account_is_not_found(
    platform: RunningPlatform, account: AccountClient, name: str
) -> None:
    """Nobody listens at the address of an account that there is not."""
    raw = b'{"notices": []}'
    headers = mark(account.key, raw, now_us=platform.clock.now_us())
    answer = account.post(raw, headers, name=name)
    assert (answer.status, answer.body) == (404, {"error": "unknown account"})


def test_other_providers_have_no_accounts_here(platform: RunningPlatform) -> None:
    """The sandbox has one address; and without an account nobody has a key for `fps`."""
    assert platform.bank.post(b"{}", platform.bank.mark(b"{}"), provider="sandbox/1").status == 404
    assert platform.bank.post(b"{}", platform.bank.mark(b"{}"), provider="fps").status == 401


def test_key_changes_without_a_gap(platform: RunningPlatform, account: AccountClient) -> None:
    """During the overlap both keys mark; afterwards the new one alone does."""
    old = account.key
    account.rotate("a new key", overlap_s=60)
    assert account.notify(account.credit("A", ""), key=old).status == 200
    assert account.notify(account.credit("B", "")).status == 200
    platform.clock.advance(61)
    assert account.notify(account.credit("C", ""), key=old).status == 401
    assert account.notify(account.credit("D", "")).status == 200
    assert [one[0] for one in arrived(account)] == ["A", "B", "D"]


def test_marked_message_that_cannot_be_read_says_why(account: AccountClient) -> None:
    """Whoever writes the script behind a bank learns what is wrong with its message."""
    answer = account.notify(account.credit("A", "", amount_minor="100"))
    assert answer.status == 422
    assert answer.body["error"] == "unreadable"
    assert "amount_minor" in answer.body["why"]
    assert arrived(account) == []


def test_another_currency_waits_for_people(
    shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """The figure in the other currency pays nothing and is kept."""
    reference = reference_of(shown(merchant, shop, "p-1"))
    assert account.notify(account.credit("FRN1", reference, currency="CNY")).status == 200
    assert arrived(account) == [("FRN1", "unapplied")]
    assert shop.status("p-1")["payment"]["status"] == WAITING


def test_cents_off_are_told_on_the_way_and_in_the_end(
    shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """The second of two equal sums is asked for a cent less, in the QR and beside it."""
    account.change(off_max_minor=5, reference_mode="bill_number")
    shown(merchant, shop, "p-1")
    body = shown(merchant, shop, "p-2")
    assert body["payment"]["sum"]["amount"] == 10_000
    assert (read(body).amount_minor, body["qr"]["amount"]) == (9_999, 9_999)
    assert shop.status("p-2")["qr"] == body["qr"]
    account.notify(account.credit("FRN2", reference_of(body), amount_minor=9_999))
    final = merchant.callback("p-2", "success").body
    assert final["payment"]["sum"]["amount"] == 9_999
    assert final["operation"]["sum_initial"]["amount"] == 10_000


# --- which account -----------------------------------------------------------------------------


def test_project_without_an_account_is_told_at_once(
    platform: RunningPlatform, shop: ProjectClient, merchant: Merchant
) -> None:
    """No account: 310; none for the currency: 3023. Both are `error` and may be sent again."""
    shop.sell("p-1")
    told = merchant.callback("p-1", "error").body
    assert [fault["code"] for fault in told["errors"]] == ["310"]
    add_account(platform).attach(shop)
    shop.sell("p-2", currency="CNY")
    told = merchant.callback("p-2", "error").body
    assert [(fault["code"], fault["field"]) for fault in told["errors"]] == [
        ("3023", "payment.currency")
    ]
    assert proxy_of(shown(merchant, shop, "p-1")).startswith("16")


def test_account_that_is_off_takes_no_new_payment(
    platform: RunningPlatform, shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """Another account takes over; money for a QR that is out is still heard of."""
    body = shown(merchant, shop, "p-1")
    second = add_account(platform)
    second.attach(shop)
    account.change(is_on=False)
    assert proxy_of(shown(merchant, shop, "p-2")) == second.account.proxy
    account.notify(account.credit("FRN1", reference_of(body)))
    merchant.callback("p-1", "success")


def test_currency_decides_before_the_rule(
    platform: RunningPlatform, shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """A payment in CNY goes to the account that takes CNY, wherever that stands."""
    yuan = add_account(platform, currencies="CNY")
    yuan.attach(shop)
    assert proxy_of(shown(merchant, shop, "p-1")) == account.account.proxy
    body = shown(merchant, shop, "p-2", currency="CNY")
    assert (proxy_of(body), read(body).currency) == (yuan.account.proxy, "CNY")


@pytest.mark.parametrize(
    ("rule", "order"), [("first", "aaaa"), ("turns", "abab"), ("least_today", "abba")]
)
def test_rule_chooses_among_accounts(
    platform: RunningPlatform,
    shop: ProjectClient,
    account: AccountClient,
    merchant: Merchant,
    rule: str,
    order: str,
) -> None:
    """The first one that can; each in its turn; or the one asked for the least today."""
    second = add_account(platform)
    second.attach(shop)
    shop.change(account_rule=rule)
    names = {account.account.proxy: "a", second.account.proxy: "b"}
    amounts = (10_000, 6_000, 7_000, 1_000)
    bodies = [
        shown(merchant, shop, f"p-{number}", amount=amount) for number, amount in enumerate(amounts)
    ]
    assert "".join(names[proxy_of(body)] for body in bodies) == order
