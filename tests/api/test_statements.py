"""Bank files through every door: the command line, HTTP, and the watched folder."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sampan.codecs import emv_qr
from sampan.providers.marks import mark
from sampan.storage import credits as kept
from sampan.storage import imports, journal, ledger, payments, reversals
from sampan.storage.engine import Tx
from sampan.workers.watching import WatchedFolder, account_of
from tests.api.test_cli import SECRET, Folder
from tests.support import camt
from tests.support.client import Answer
from tests.support.fps import AccountClient, add_account
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform, until

NUMBER = "004123456789001"


def file(*refs: str, text: str = "hello", account: str = NUMBER, back: bool = False) -> bytes:
    """A camt.053 of HK$100.00, come or taken back, for each reference of the bank."""
    way = "DBIT" if back else "CRDT"
    entries = tuple(
        camt.Ntry(
            bank_ref=ref,
            amount="100.00",
            direction=way,
            reversal="true" if back else "",
            txs=(camt.Tx(bank_ref=ref, amount="100.00", texts=(text,), direction=way),),
        )
        for ref in refs
    )
    statement = camt.Stmt(balances=(), entries=entries, account=account)
    return camt.File(message="camt.053", statements=(statement,)).xml()


@pytest.fixture
def shop(platform: RunningPlatform, merchant: Merchant) -> ProjectClient:
    """A project whose payments are paid to FPS accounts."""
    return platform.add_project(merchant.url, secret=merchant.secrets[0], provider="fps")


@pytest.fixture
def account(platform: RunningPlatform, shop: ProjectClient) -> AccountClient:
    """The account of `shop`; its QRs carry no reference."""
    made = add_account(platform, reference_mode="none")
    made.attach(shop)
    return made


def arrived(account: AccountClient) -> list[tuple[str, str]]:
    """Return (bank's id, status) of every credit on the account."""
    every = account.platform.read(lambda tx: kept.listing(tx, status=None, most=1000))
    return sorted(
        (one.bank_txn_id, one.status) for one in every if one.account == account.account.key
    )


def post(account: AccountClient, raw: bytes, *, key: str | None = None) -> Answer:
    """Post a bank file to the account's address."""
    headers = mark(key or account.key, raw, now_us=account.platform.clock.now_us())
    path = f"/notifications/fps/{account.account.id}/statements?name=day.xml"
    return account.platform.client.request("POST", path, body=raw, headers=headers)


# --- HTTP ---------------------------------------------------------------------------------------


def test_file_over_http_pays(
    shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """A marked file pays the one payment of its sum, with its callback; again, nothing changes."""
    shop.sell("p-1")
    merchant.callback("p-1", "awaiting customer action")
    now = account.platform.clock.now_us() // 1_000_000
    stamp = subprocess.check_output(["date", "-u", "-d", f"@{now}", "+%Y-%m-%dT%H:%M:%SZ"])
    raw = file("H1").replace(b"2026-11-22T15:04:06+08:00", stamp.strip())
    answer = post(account, raw)
    assert (answer.status, answer.body["status"], answer.body["imported_before"]) == (
        200,
        "running",
        False,
    )
    final = merchant.callback("p-1", "success").body
    assert final["operation"]["provider"]["payment_id"] == "H1"
    assert post(account, raw).body["imported_before"] is True
    assert arrived(account) == [("H1", "applied")]


def test_file_over_http_that_is_refused(account: AccountClient) -> None:
    """A wrong mark, an unknown account, and a file that breaks off; nothing is taken."""
    raw = file("H2")
    assert post(account, raw, key="another key").status == 401
    path = "/notifications/fps/1/statements"
    client = account.platform.client
    assert client.request("POST", path, body=raw, headers={}).status == 404
    answer = post(account, raw[:-30])
    assert (answer.status, answer.body["error"]) == (422, "refused")
    assert answer.body["why"].startswith("truncated: ")
    assert arrived(account) == []


# --- what the bank takes back, by notice ---------------------------------------------------------


def taken_back(account: AccountClient) -> list[tuple[str, str, bool]]:
    """Return (bank's id, status, whether its credit is known) of what was taken back."""
    every = account.platform.read(lambda tx: reversals.listing(tx, status=None, most=1000))
    mine = [one for one in every if one.account == account.account.key]
    return sorted((one.bank_txn_id, one.status, one.credit is not None) for one in mine)


def at_bank(account: AccountClient) -> int:
    """Return what our books say that the bank holds, cents of HKD."""
    held = account.platform.read(ledger.balances)
    name = f"bank/fps/{account.account.key}"
    return sum(one.amount_minor for one in held if one.account == name)


def posted(account: AccountClient, raw: bytes) -> Answer:
    """Post a file, and wait until all of it is taken."""
    answer = post(account, raw)
    key = answer.body["import"]
    found = account.platform.read
    until(lambda: (one := found(lambda tx: imports.find(tx, key))) and one.status == "done")
    return answer


def shown(shop: ProjectClient, merchant: Merchant, payment_id: str) -> str:
    """Sell, and return the reference in the QR."""
    shop.sell(payment_id)
    body = merchant.callback(payment_id, "awaiting customer action").body
    view = emv_qr.decode(body["qr"]["payload"]).fps
    assert view is not None
    assert view.bill_number
    return view.bill_number


def test_reversal_after_its_credit(account: AccountClient) -> None:
    """What waited is returned, under the same id of the bank; told again, nothing changes."""
    account.notify(account.credit("R1", ""))
    for _ in range(2):
        answer = account.notify(account.reversal("R1"))
        assert (answer.status, answer.body) == (200, {"taken": 1})
    assert arrived(account) == [("R1", "returned")]
    assert taken_back(account) == [("R1", "settled", True)]
    assert at_bank(account) == 0


def test_reversal_before_its_credit(
    shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """Money that was taken back before the bank told of it pays nothing."""
    account.change(reference_mode="both")
    reference = shown(shop, merchant, "p-1")
    account.notify(account.reversal("R1"), account.credit("R1", reference))
    assert arrived(account) == [("R1", "returned")]
    assert taken_back(account) == [("R1", "settled", True)]
    assert shop.status("p-1")["payment"]["status"] == "awaiting customer action"
    assert at_bank(account) == 0


def test_reversal_without_its_credit(account: AccountClient) -> None:
    """The books follow the bank at once; which money it was is for people."""
    account.notify(account.credit("R1", ""), account.reversal("R2", amount_minor=4_000))
    assert arrived(account) == [("R1", "unapplied")]
    assert taken_back(account) == [("R2", "open", False)]
    assert at_bank(account) == 6_000


def test_reversal_of_a_payments_money(
    shop: ProjectClient, account: AccountClient, merchant: Merchant
) -> None:
    """Found by its reference under another id: the payment stays paid, with an alarm."""
    account.change(reference_mode="both")
    reference = shown(shop, merchant, "p-1")
    account.notify(account.credit("R1", reference))
    merchant.callback("p-1", "success")
    account.notify(account.reversal("R2", reference))
    assert arrived(account) == [("R1", "applied")]
    assert taken_back(account) == [("R2", "open", True)]
    assert shop.status("p-1")["payment"]["status"] == "success"
    assert at_bank(account) == 0

    def alarms(tx: Tx) -> list[str]:
        payment = payments.payment_by_id(tx, shop.id, "p-1")
        assert payment is not None
        told = journal.of_payment(tx, payment.key)
        return [one.why for one in told if one.what == "alarm"]

    assert account.platform.read(alarms) == ["reversed: R2"]


@pytest.mark.parametrize("first", ["notice", "file"])
def test_reversal_by_notice_and_by_file_is_one(account: AccountClient, first: str) -> None:
    """The same id and sum of the bank, through whichever door first, is taken back once."""
    account.notify(account.credit("R1", ""))
    doors: list[Callable[[], Answer]] = [
        lambda: account.notify(account.reversal("R1")),
        lambda: posted(account, file("R1", back=True)),
    ]
    for door in doors if first == "notice" else doors[::-1]:
        assert door().status == 200
        assert taken_back(account) == [("R1", "settled", True)]
    assert arrived(account) == [("R1", "returned")]
    assert at_bank(account) == 0


def test_notice_of_an_unknown_type_takes_nothing(account: AccountClient) -> None:
    """Money that came beside what nobody can read is not taken either; whoever sent it is told."""
    answer = account.notify(account.credit("R1", ""), account.credit("R2", "", type="chargeback"))
    assert (answer.status, answer.body["error"]) == (422, "unreadable")
    assert "chargeback" in answer.body["why"]
    assert arrived(account) == []


# --- the watched folder -------------------------------------------------------------------------


def looking(platform: RunningPlatform, folder: Path) -> Callable[[], int]:
    """Return what looks into a folder once."""
    watched = WatchedFolder(platform.inside.store, folder)
    return lambda: platform.call(watched.look())


def test_folder(platform: RunningPlatform, account: AccountClient, tmp_path: Path) -> None:
    """What has stopped growing is taken and moved; a refused file has its reason beside it."""
    own = tmp_path / f"fps-{account.account.id}"
    own.mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.xml").write_bytes(file("X"))
    (own / ".hidden").write_bytes(file("X"))
    look = looking(platform, tmp_path)
    (own / "day.xml").write_bytes(file("F1")[:-30])
    assert look() == 0
    (own / "day.xml").write_bytes(file("F1"))
    assert look() == 0
    assert look() == 1
    until(lambda: arrived(account) == [("F1", "unapplied")])
    (own / "day.xml").write_bytes(file("F1"))
    (own / "bad.xml").write_bytes(b"<html></html>")
    look()
    assert look() == 2
    assert sorted(path.name for path in (own / "done").iterdir()) == ["day-2.xml", "day.xml"]
    assert (own / "refused" / "bad.xml.txt").read_text().startswith("not_statement: ")
    assert arrived(account) == [("F1", "unapplied")]
    assert look() == 0


def test_folder_has_one_watcher(platform: RunningPlatform, tmp_path: Path) -> None:
    """While somebody looks, nobody else does."""
    import fcntl

    look = looking(platform, tmp_path)
    look()
    with (tmp_path / ".sampan.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert look() == 0


def test_names_of_folders() -> None:
    """A sub-folder names provider and account."""
    assert account_of("fps-3") == ("fps", "fps:3")
    assert account_of("sandbox-1029384") == ("sandbox", "1029384")
    assert account_of("notes") is None
    assert account_of("fps-") is None


def test_folder_that_is_gone(platform: RunningPlatform, tmp_path: Path) -> None:
    """A folder that cannot be looked at is looked at again; nothing else stops."""

    async def once() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_soon(stop.set)
        await WatchedFolder(platform.inside.store, tmp_path / "gone").run(stop)

    platform.call(once())


# --- the command line ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with a project where two people decide about money."""
    folder = Folder(Path(tmp_path_factory.mktemp("statements")))
    folder.good(
        *("project", "add", "--id", 7, "--secret", SECRET, "--callback-url", ""),
        *("--set", "four_eyes=true"),
    )
    return folder


def written(tmp_path: Path, raw: bytes) -> Path:
    """Write a bank file."""
    path = tmp_path / "day.xml"
    path.write_bytes(raw)
    return path


def test_import_by_command(desk: Folder, tmp_path: Path) -> None:
    """A file is taken, once; decisions about its credits need a second person."""
    path = written(tmp_path, file("C1", "C2"))
    told = desk.read("credits", "import", path, "--account", "sandbox/1029384")
    assert (told["status"], told["became"]) == ("done", {"unapplied": 2})
    assert desk.read("credits", "import", path, "--account", "sandbox/1029384")["imported_before"]
    key = desk.read("credits", "list")[0]["id"]
    shown = desk.read("credits", "show", key)
    assert (shown["amount"], shown["reasons"], shown["suggestions"]) == (
        "HK$100.00",
        ["unknown reference"],
        [],
    )
    who = ("--by", "amy", "--why", "own transfer")
    made = desk.read("credits", "ignore", key, *who)
    assert made["status"] == "proposed"
    assert [one["id"] for one in desk.read("credits", "proposals")] == [made["id"]]
    assert "another person" in desk.bad(1, "credits", "approve", made["id"], *who)
    done = desk.read("credits", "approve", made["id"], "--by", "bob", "--why", "yes")
    assert done["status"] == "done"
    back = desk.read("credits", "take-back", key, *who)
    assert desk.read("credits", "turn-down", back["id"], *who)["status"] == "withdrawn"
    split = desk.read("credits", "split", key, "40.00", "60.00", *who)
    assert [part["amount_minor"] for part in split["asked"]["parts"]] == [4_000, 6_000]
    assert "there is no payment p-1" in desk.bad(1, "credits", "apply", key, "7/p-1", *who)
    assert "not a payment" in desk.bad(1, "credits", "apply", key, "p-1", *who)
    assert "not an amount" in desk.bad(1, "credits", "split", key, "x", "60.00", *who)
    assert "there is no credit 5" in desk.bad(1, "credits", "show", 5)
    assert "no credit 5" in desk.bad(1, "credits", "merge", 5, key, *who)
    assert "Proposed" in desk.good("credits", "return", key, *who)


def test_import_that_is_refused(desk: Folder, tmp_path: Path) -> None:
    """A file that breaks off takes nothing and fails; so does an account that is none."""
    path = written(tmp_path, file("D1")[:-30])
    refused = desk.bad(1, "credits", "import", path, "--account", "sandbox/1029384")
    assert "nothing was taken: truncated" in refused
    assert "not an account" in desk.bad(1, "credits", "import", path, "--account", "x")
    assert "no account fps:3" in desk.bad(1, "credits", "import", path, "--account", "fps:3")


def test_import_killed_half_way(desk: Folder, tmp_path: Path) -> None:
    """Killed without warning, a file is gone on with by the server: each entry is taken once."""
    refs = [f"K{number}" for number in range(1500)]
    path = written(tmp_path, file(*refs))
    words = ["credits", "import", str(path), "--account", "sandbox/7777777"]
    running = subprocess.Popen(
        [sys.executable, "-m", "sampan", *words],
        cwd=desk.path,
        env=desk.environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    count = "SELECT count(*) FROM credits WHERE account = '7777777'"

    def asked(sql: str) -> int:
        with closing(sqlite3.connect(desk.path / "sampan.db", timeout=30)) as line:
            return int(line.execute(sql).fetchone()[0])

    until(lambda: asked(count) > 100)
    running.kill()
    running.wait()
    assert asked(count) < len(refs)
    with desk.running("serve", ready="ready at"):
        until(lambda: asked("SELECT count(*) FROM imports WHERE status = 'running'") == 0)
    assert asked(count) == len(refs)
    assert (
        asked("SELECT count(DISTINCT bank_txn_id) FROM credits WHERE account = '7777777'") == 1500
    )
    assert desk.read("credits", "import", path, "--account", "sandbox/7777777")["imported_before"]
