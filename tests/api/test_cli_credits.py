"""`sampan credits`: columns of bank files, money entered by hand, and what the bank took back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.test_cli import Folder
from tests.api.test_statements import file
from tests.support.flow_world import open_world

MASTER_KEY = "a master key for tests"
SANDBOX = "sandbox/1029384"
WHO = ("--by", "amy", "--why", "the bank phoned")
ROWS = (
    '"Transaction Date","Details","Payer","Bank Ref","Withdrawals","Deposits"\n'
    '"02/01/2026","{ref}","CHAN TAI MAN","{ref}1","","388.00"\n'
    '"31/01/2026","茶葉","陳大文","{ref}2","","1,050.00"\n'
)
BARE = "20260102;C;388,00;CHAN TAI MAN\n20260102;D;20,00;CHARGES\n"
CHOSEN = (
    *("--set", "header_row=0", "--set", "date=1", "--set", "direction=2", "--set", "amount=3"),
    *("--set", "payer_name=4", "--set", "decimal=,", "--set", "thousands=."),
    *("--set", "debits_are_positive=true"),
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with project 123, whose payment `p-1` over HK$100.00 waits, and an FPS account."""
    folder = Folder(tmp_path_factory.mktemp("credits"), SAMPAN_MASTER_KEY=MASTER_KEY)
    folder.good("fps", "add", "Main", "--fps-id", "166069526", "--payee", "TEA", "--key", "a key")
    with open_world(folder.environment["SAMPAN_DATABASE_URL"]) as flow:
        flow.waiting()
    return folder


@pytest.fixture
def account(desk: Folder) -> tuple[str, str]:
    """The option that names the FPS account."""
    return "--account", f"fps:{desk.read('fps', 'list')[0]['id']}"


def written(tmp_path: Path, raw: bytes | str, name: str = "day.csv") -> Path:
    """Write a bank file."""
    path = tmp_path / name
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return path


def credits_of(desk: Folder, *, status: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the bank's id → credit."""
    wanted = () if status is None else ("--status", status)
    return {one["bank_txn_id"]: one for one in desk.read("credits", "list", *wanted)}


# --- columns ------------------------------------------------------------------------------------


def test_columns_are_guessed_saved_and_used(
    desk: Folder, account: tuple[str, str], tmp_path: Path
) -> None:
    """A guess is shown with what it gives; saved, it reads this file and the next."""
    path = written(tmp_path, ROWS.format(ref="G"))
    assert "sampan credits mapping" in desk.bad(1, "credits", "import", path, *account)
    assert "No mapping is known" in desk.good("credits", "mapping", *account)
    seen = desk.read("credits", "mapping", path, *account)
    assert (seen["source"], seen["saved"], seen["is_right"]) == ("guessed", False, True)
    assert seen["mapping"]["credit"] == "Deposits"
    assert [one["amount_minor"] for one in seen["entries"]] == [38_800, 105_000]
    assert seen["header"][2] == "Payer"
    assert desk.read("credits", "mapping", *account)["mapping"] is None
    said = desk.good("credits", "mapping", path, *account, "--save")
    assert "陳大文" in said
    assert "2 lines can be read. Saved." in said
    saved = desk.read("credits", "mapping", *account)
    assert (saved["source"], saved["mapping"]) == ("saved", seen["mapping"])
    assert desk.read("credits", "import", path, *account)["became"] == {"unapplied": 2}
    second = written(tmp_path, ROWS.format(ref="H"))
    seen = desk.read("credits", "mapping", second, *account)
    assert (seen["source"], seen["saved"]) == ("saved", True)


def test_columns_are_chosen(desk: Folder, account: tuple[str, str], tmp_path: Path) -> None:
    """Fields that a person sets are tried; what cannot read every line is not saved."""
    path = written(tmp_path, BARE)
    before = desk.read("credits", "mapping", *account)["mapping"]
    wrong = desk.run("credits", "mapping", path, *account, "--guess", *CHOSEN[:-2],
                     "--set", "date_pattern=DD/MM/YYYY", "--save")  # fmt: skip
    assert wrong.returncode == 1
    assert "date: row 1" in wrong.stdout
    assert "not saved: not every line" in wrong.stderr
    assert desk.read("credits", "mapping", *account)["mapping"] == before
    chosen = (*CHOSEN, "--set", "date_pattern=YYYYMMDD")
    seen = desk.read("credits", "mapping", path, *account, "--guess", *chosen)
    assert (seen["source"], seen["is_right"], seen["faults"]) == ("chosen", True, [])
    assert [one["amount_minor"] for one in seen["entries"]] == [38_800, -2_000]
    assert seen["entries"][0]["payer_name"] == "CHAN TAI MAN"


def test_references_and_columns_by_number(
    desk: Folder, account: tuple[str, str], tmp_path: Path
) -> None:
    """A number becomes the column's name; several texts may carry the reference; "" clears."""
    path = written(tmp_path, ROWS.format(ref="N"))
    chosen = ("--guess", "--set", "references=2", "--set", "references=Payer", "--set", "bank_ref=")
    seen = desk.read("credits", "mapping", path, *account, *chosen)["mapping"]
    assert seen["references"] == ["Details", "Payer"]
    assert seen["bank_ref"] is None


def test_rows_that_nobody_can_guess(desk: Folder, tmp_path: Path) -> None:
    """Where no day and no sum is found, the rows are shown, and a person has to choose."""
    path = written(tmp_path, "tea,cups\ngreen,two\n")
    seen = desk.read("credits", "mapping", path, "--account", SANDBOX)
    assert (seen["mapping"], seen["source"]) == (None, None)
    assert "no column with days was found" in seen["doubts"]
    assert "green" in desk.good("credits", "mapping", path, "--account", SANDBOX)
    told = desk.bad(1, "credits", "mapping", path, "--account", SANDBOX, "--save")
    assert "not saved: choose columns" in told
    told = desk.bad(2, "credits", "mapping", path, "--account", SANDBOX, "--set", "date=1")
    assert "amount column" in told


@pytest.mark.parametrize(
    ("code", "content", "options", "said"),
    [
        (2, ROWS, ("--set", "tea=1"), "no field 'tea'"),
        (2, ROWS, ("--set", "account=1"), "no field 'account'"),
        (2, ROWS, ("--set", "date"), "FIELD=VALUE"),
        (2, ROWS, ("--set", "encoding=klingon"), "encoding"),
        (1, "", (), "empty"),
        (1, "<Document/>", (), "needs no mapping"),
    ],
)
def test_odd_columns(
    desk: Folder,
    tmp_path: Path,
    code: int,
    content: str,
    options: tuple[str, ...],
    said: str,
) -> None:
    """What makes no sense is told in one line."""
    path = written(tmp_path, content)
    assert said in desk.bad(code, "credits", "mapping", path, "--account", SANDBOX, *options)


def test_columns_need_a_file(desk: Folder) -> None:
    """Nothing is chosen or saved that was not tried."""
    assert "give a file" in desk.bad(2, "credits", "mapping", "--account", SANDBOX, "--save")


# --- money entered by hand ----------------------------------------------------------------------


def test_money_is_entered(desk: Folder, account: tuple[str, str], tmp_path: Path) -> None:
    """It is a credit at once, at Hong Kong's time; what the bank tells under its id adds none."""
    told = ("--payer", "陳大文", "--reference", "TEA 7", "--booked", "2026-01-02T15:04")
    made = desk.read("credits", "enter", "100.00", *account, *WHO, "--id", "E1", *told)
    assert (made["what"], made["status"]) == ("enter", "done")
    entered = credits_of(desk)["E1"]
    assert entered["id"] == made["credit"]
    assert (entered["amount_minor"], entered["currency"]) == (10_000, "HKD")
    assert (entered["source"], entered["payer_name"]) == ("hand", "陳大文")
    assert (entered["reference"], entered["booked_us"]) == ("TEA 7", 1_767_337_440_000_000)
    path = written(tmp_path, file("E1"), "day.xml")
    assert desk.read("credits", "import", path, *account)["became"] == {"repeated": 1}
    assert "told of this money already" in desk.bad(
        1, "credits", "enter", "100.00", *account, *WHO, "--id", "E1"
    )
    said = desk.good("credits", "enter", "1.50", *account, *WHO, "--currency", "CNY")
    assert ", credit " in said


def test_money_is_entered_for_a_payment(desk: Folder) -> None:
    """What does not find its payment by itself pays the one that is named."""
    made = desk.read("credits", "enter", "90.00", "--account", SANDBOX, *WHO, "--pays", "123/p-1")
    assert desk.read("credits", "show", made["credit"])["status"] == "applied"
    assert desk.read("payments", "find", "p-1")[0]["status"] == "success"


@pytest.mark.parametrize(
    ("code", "options", "said"),
    [
        (1, ("--account", "sandbox/mistyped"), "known are: "),
        (1, ("--account", "fps:1"), "there is no account fps:1"),
        (1, ("--pays", "123/none"), "there is no payment none"),
        (1, ("--why", " "), "needs a person and a reason"),
        (2, ("--currency", "USD"), "--currency"),
        (2, ("--booked", "yesterday"), "no ISO date"),
        (2, ("--booked", "2999-01-01"), "has not come yet"),
        (2, ("--booked", "1969-01-01"), "before 1970"),
        (2, ("--id", "a b"), "bank_txn_id"),
        (2, ("--payer", "x" * 141), "payer_name"),
    ],
)
def test_odd_entries(desk: Folder, code: int, options: tuple[str, ...], said: str) -> None:
    """What cannot be money is refused, and nothing is entered."""
    before = len(credits_of(desk))
    usual = ("--account", SANDBOX, *WHO)
    assert said in desk.bad(code, "credits", "enter", "1.00", *usual, *options)
    assert len(credits_of(desk)) == before


@pytest.mark.parametrize(("amount", "code"), [("1.234", 1), ("tea", 1), ("0", 2)])
def test_odd_amounts(desk: Folder, amount: str, code: int) -> None:
    """An amount is a plain decimal above zero."""
    assert "amount" in desk.bad(code, "credits", "enter", amount, "--account", SANDBOX, *WHO)


# --- what the bank took back --------------------------------------------------------------------


def test_reversals_are_explained_and_noted(
    desk: Folder, account: tuple[str, str], tmp_path: Path
) -> None:
    """An open one is listed with the credits of its sum; people say what it was, once."""
    path = written(tmp_path, file("R1", "R2"), "in.xml")
    desk.good("credits", "import", path, *account)
    path = written(tmp_path, file("X1", "X2", text="", back=True), "back.xml")
    assert desk.read("credits", "import", path, *account)["became"] == {"reversed": 2}
    found = {one["bank_txn_id"]: one for one in desk.read("credits", "reversals")}
    credit = credits_of(desk)["R1"]["id"]
    first, second = found["X1"], found["X2"]
    assert (first["status"], first["credit"], first["amount_minor"]) == ("open", None, 10_000)
    assert credit in first["fitting"]
    assert str(credit) in desk.good("credits", "reversals", "--status", "open")
    made = desk.read("credits", "explain", first["id"], credit, *WHO)
    assert (made["what"], made["status"], made["credit"]) == ("explain", "done", credit)
    assert credits_of(desk, status="returned")["R1"]["id"] == credit
    assert desk.read("credits", "note", second["id"], *WHO)["status"] == "done"
    for status, left in (("settled", ["X1"]), ("noted", ["X2"]), ("open", [])):
        told = desk.read("credits", "reversals", "--status", status)
        assert [one["bank_txn_id"] for one in told] == left
    assert "No reversals." in desk.good("credits", "reversals", "--status", "open")
    assert "noted already" in desk.bad(1, "credits", "note", second["id"], *WHO)
    assert "settled already" in desk.bad(1, "credits", "explain", first["id"], credit, *WHO)
    assert "there is no reversal 5" in desk.bad(1, "credits", "note", 5, *WHO)
