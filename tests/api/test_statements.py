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

from sampan.providers.marks import mark
from sampan.storage import credits as kept
from sampan.workers.watching import WatchedFolder, account_of
from tests.api.test_cli import SECRET, Folder
from tests.support import camt
from tests.support.client import Answer
from tests.support.fps import AccountClient, add_account
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform, until

NUMBER = "004123456789001"


def file(*refs: str, text: str = "hello", account: str = NUMBER) -> bytes:
    """A camt.053 of HK$100.00 for each reference of the bank."""
    entries = tuple(
        camt.Ntry(
            bank_ref=ref,
            amount="100.00",
            txs=(camt.Tx(bank_ref=ref, amount="100.00", texts=(text,)),),
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
