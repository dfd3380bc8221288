"""`sampan refunds` as the merchant's staff use it, with the bank's files before and after."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.test_cli import Folder
from tests.support import camt

AMY = ("--by", "amy", "--why", "the customer sent it back")
BOB = ("--by", "bob", "--why", "agreed")
CHAN = ("--to", "Chan Tai Man", "--number", "987654321", "--bank", "024")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with a project that may refund from its account, up to HK$50.00 by one person."""
    made = Folder(tmp_path_factory.mktemp("refunds"))
    made.good("project", "add", "--id", "7", "--secret", "a secret", "--name", "Tea")
    made.good("fps", "add", "Main", "--fps-id", "166069526", "--payee", "TEA", "--key", "k",
              "--set", "bank_account=123456789001", "--set", "clearing_code=004")  # fmt: skip
    made.good("fps", "attach", "Main", "7")
    made.good("project", "set", "7", "--set", "provider=fps", "--set", "refunds=true",
              "--set", "refund_alone_max_minor=5000")  # fmt: skip
    return made


def tell(folder: Folder, ref: str, amount: str, **changes: Any) -> None:  # noqa: ANN401
    """Import a bank file with one movement."""
    one = camt.Tx(amount=amount, bank_ref=ref, **changes)
    direction = changes.get("direction", "CRDT")
    ntry = camt.Ntry(amount=amount, direction=direction, bank_ref=ref, txs=(one,))
    made = camt.Stmt(balances=(), entries=(ntry,), account="123456789001")
    path = folder.path / f"{ref}.xml"
    path.write_bytes(camt.File(message="camt.053", statements=(made,)).xml())
    account = folder.read("fps", "list")[0]["id"]
    folder.good("credits", "import", path, "--account", f"fps:{account}")


def credit(folder: Folder, ref: str) -> dict[str, Any]:
    """A credit by the bank's id."""
    found = folder.read("credits", "list")
    return next(one for one in found if one["bank_txn_id"] == ref)


def test_from_asking_to_the_debit(folder: Folder) -> None:
    """Proposed, approved by another person, in a file, written again, and paid by its debit."""
    tell(folder, "C1", "388.00")
    key = credit(folder, "C1")["id"]
    asked = folder.read("refunds", "ask", key, "388.00", *CHAN, *AMY)
    assert asked["status"] == "proposed"
    folder.good("credits", "approve", asked["decision"], *BOB)
    (refund,) = folder.read("refunds", "list", "--status", "approved")
    assert (refund["amount"], refund["doubts"]) == ("388.00", [])
    path = folder.path / "bank.xml"
    made = folder.read("refunds", "file", "--out", path, "--by", "amy")
    assert made["refunds"] == 1
    assert refund["reference"] in path.read_text(encoding="utf-8")
    again = folder.path / "again.xml"
    folder.good("refunds", "file", "--again", made["file"], "--out", again)
    assert again.read_bytes() == path.read_bytes()
    tell(folder, "D1", "388.00", direction="DBIT", end_to_end=refund["reference"])
    shown = folder.read("refunds", "show", refund["id"])
    assert (shown["status"], shown["bank_txn_id"]) == ("confirmed", "D1")
    assert "Chan Tai Man" in folder.good("refunds", "show", refund["id"])
    assert credit(folder, "C1")["status"] == "returned"
    assert folder.read("ledger", "verify")["ok"]


def test_by_hand(folder: Folder) -> None:
    """A small one is one person's; it may fail, be asked for anew, paid by hand and come back."""
    tell(folder, "C2", "20.00")
    key = credit(folder, "C2")["id"]
    mobile = ("--to", "Chan Tai Man", "--kind", "mobile", "--number", "+852-91234567")
    assert "Approved" in folder.good("refunds", "ask", key, "20.00", *mobile, *AMY)
    (one,) = folder.read("refunds", "list", "--status", "approved")
    assert folder.read("refunds", "withdraw", one["id"], *AMY)["status"] == "withdrawn"
    folder.good("refunds", "ask", key, "20.00", *CHAN, *AMY)
    (two,) = folder.read("refunds", "list", "--status", "approved")
    folder.good("refunds", "file", two["id"], "--format", "csv", "--out", folder.path / "b.csv")
    assert folder.read("refunds", "fail", two["id"], *AMY)["status"] == "failed"
    paid = folder.read("refunds", "confirm", two["id"], "--bank-id", "D2", *AMY)
    assert (paid["status"], paid["bank_txn_id"]) == ("confirmed", "D2")
    assert folder.read("refunds", "came-back", two["id"], *AMY)["status"] == "failed"
    assert credit(folder, "C2")["status"] == "unapplied"
    assert "failed" in folder.good("refunds", "list")
    assert folder.read("ledger", "verify")["ok"]


def test_what_is_refused(folder: Folder) -> None:
    """Each fault is one line that says what to do."""
    tell(folder, "C3", "30.00")
    key = credit(folder, "C3")["id"]
    wong = ("--to", "WONG", "--number", "987654321", "--bank", "024")
    assert "other name" in folder.bad(1, "refunds", "ask", key, "30.00", *wong, *AMY)
    assert "not more than came" in folder.bad(1, "refunds", "ask", key, "30.01", *CHAN, *AMY)
    assert "not an amount" in folder.bad(1, "refunds", "ask", key, "x", *CHAN, *AMY)
    assert "clearing code" in folder.bad(
        1, "refunds", "ask", key, "30.00", "--to", "CHAN", "--number", "987654321", *AMY
    )
    assert "no credit 5" in folder.bad(1, "refunds", "ask", 5, "1.00", *CHAN, *AMY)
    assert "no refund 5" in folder.bad(1, "refunds", "show", 5)
    assert "no file 5" in folder.bad(1, "refunds", "file", "--again", 5)
    assert "1 to 500" in folder.bad(1, "refunds", "file")
    assert "not a status" in folder.bad(1, "refunds", "list", "--status", "gone")
    assert "reason" in folder.bad(1, "refunds", "fail", 5, "--by", "amy", "--why", " ")
    folder.good("refunds", "ask", key, "30.00", *wong, "--despite-doubts", *AMY)
    (one,) = folder.read("refunds", "list", "--status", "approved")
    assert one["doubts"] == ["other name"]
    nowhere = folder.path / "nowhere" / "file.xml"
    told = folder.bad(1, "refunds", "file", "--out", nowhere)
    assert "--again" in told
