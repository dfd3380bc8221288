"""Reports on the command line: into a file, to standard output, taken up again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from sampan.clock import SystemClock
from sampan.domain.report_spec import Period, ReportType, Spec
from sampan.domain.rights import Role
from sampan.flow import reports as flow
from sampan.storage import users
from sampan.storage.engine import Tx
from sampan.storage.users import User
from tests.api.test_cli import SECRET, Folder
from tests.support.databases import open_store
from tests.support.reporting import DAY, add_payments

PROJECT = 1234
ROWS = 14
RUN = ("report", "run", "payments", "--from", DAY, "--to", DAY)
AMY = "amy@tea.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with some payments of a day, and a person who keeps a template."""
    made = Folder(Path(tmp_path_factory.mktemp("reports")))
    made.good("project", "add", "--id", PROJECT, "--secret", SECRET, "--callback-url", "")

    def write(tx: Tx) -> None:
        add_payments(tx, PROJECT, count=ROWS)
        amy = User(
            id=tx.new_id(), email=AMY, name="", roles=(Role.ADMIN,), created_us=1, updated_us=1
        )
        assert users.add(tx, amy)
        spec = Spec(
            type=ReportType.PAYMENTS,
            period=Period.TODAY,
            columns=("payment_id", "description", "created_at"),
            separator=";",
            bom=False,
        )
        flow.save_template(tx, "short", spec, user_id=amy.id, now_us=1)

    async def fill() -> None:
        async with open_store(made.environment["SAMPAN_DATABASE_URL"], SystemClock()) as store:
            await store.transact(write)

    asyncio.run(fill())
    return made


def test_report_of_a_day(folder: Folder) -> None:
    """The whole last day is in it, in the days of the zone that is asked for."""
    told = folder.good(*RUN, "--out", "-", "--columns", "payment_id, created_at", "--no-bom")
    lines = told.split("\r\n")
    assert lines[:2] == ["payment_id,created_at", "R-0,2023-11-15T06:13:20.000+08:00"]
    assert len(lines) == ROWS + 2
    assert folder.good(*RUN, "--out", "-", "--zone", "UTC").count("\r\n") == 1
    moment = ("--from", "2023-11-14T22:13:21+00:00", "--to", "2023-11-15T06:13:22")
    some = folder.good("report", "run", "payments", *moment, "--out", "-")
    assert [line.split(",")[0] for line in some.split("\r\n")[1:-1]] == ["R-2", "R-3"]
    filters = ("--status", "decline", "--currency", "hkd", "--only", "gate", "--by", "finished")
    assert folder.good(*RUN, *filters, "--project", PROJECT, "--out", "-").count("\r\n") == ROWS + 1
    assert folder.good(*RUN, "--project", 7, "--out", "-").count("\r\n") == 1


def test_file_replaces_the_one_before_at_once(folder: Folder) -> None:
    """The file has its name when it is whole; nothing else is left beside it."""
    out = folder.path / "out" / "report.csv"
    out.parent.mkdir()
    out.write_bytes(b"old")
    manner = ("--separator", "semicolon", "--decimal", "comma", "--heads", "en")
    folder.good(*RUN, "--out", out, *manner)
    text = out.read_bytes().decode("utf-8-sig")
    assert text.startswith("Payment id;Project id;Type;Status;Amount;")
    assert "R-0;1234;purchase;decline;100,00;0,00;HKD;茶;'=1+1;20105;" in text
    assert list(out.parent.iterdir()) == [out]


def test_template_is_begun_with(folder: Folder) -> None:
    """A person's template gives what no option says."""
    begun = ("report", "run", "payments", "--out", "-", "--template", "short", "--user", AMY)
    assert folder.good(*begun) == "payment_id;description;created_at\r\n"
    day = folder.good(*begun, "--from", DAY, "--to", DAY, "--columns", "payment_id,description")
    assert day.split("\r\n")[:2] == ["payment_id;description", "R-0;'=1+1"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--from: Say from when to when."),
        (("--period", "some day"), "--period: 'some day' is none of: today"),
        (("--period", "today", "--from", DAY), "--period: Choose a period or dates, not both."),
        (("--from", "15.11.2023", "--to", DAY), "--from: '15.11.2023' is no ISO date"),
        (("--from", DAY, "--to", "2023-11-13"), "--to: The end lies before the beginning."),
        (("--period", "today", "--status", "paid"), "--status: This is not known here: paid"),
        (("--period", "today", "--columns", "x"), "--columns: This is not known here: x"),
        (("--period", "today", "--decimal", "comma"), "--decimal: Separator and decimal mark"),
        (("--period", "today", "--zone", "Asia/Tokyo"), "--zone: 'Asia/Tokyo' is none of"),
        (("--period", "today", "--template", "x", "--user", AMY), "has none of this name"),
        (("--period", "today", "--template", "short"), "--user: a template belongs to a person"),
        (("--resume",), "--resume: nothing of"),
    ],
)
def test_what_is_wrong_is_named(folder: Folder, options: tuple[str, ...], told: str) -> None:
    """What cannot be made ends with exit code 2 and a sentence, and leaves no file."""
    out = folder.path / "none.csv"
    assert told in folder.bad(2, "report", "run", "payments", "--out", out, *options)
    assert list(folder.path.glob("none*")) == []


def test_wrong_words_and_places(folder: Folder) -> None:
    """A type that does not exist, and a file that cannot be written, are told in a sentence."""
    assert "TYPE: 'cards' is none of: payments" in folder.bad(2, "report", "columns", "cards")
    out = folder.path / "sampan.db" / "x.csv"
    assert "cannot be written" in folder.bad(1, *RUN, "--out", out)
    wrong = ("report", "run", "credits", "--period", "today", "--out", "-")
    kept = ("--template", "short", "--user", AMY)
    assert "--template: it is one of payments" in folder.bad(2, *wrong, *kept)


@pytest.mark.parametrize(("step", "number"), [("write", 4), ("sync", 2), ("finish", 1)])
def test_killed_report_is_taken_up_again(folder: Folder, step: str, number: int) -> None:
    """Killed anywhere, a report goes on with --resume: the same file as without."""
    out = folder.path / f"{step}.csv"
    died = subprocess.run(
        [sys.executable, "-m", "tests.support.dying", step, str(number), *RUN, "--out", str(out)],
        env=folder.environment,
        check=False,
        capture_output=True,
    )
    assert died.returncode == -9, died.stderr
    if step == "finish":
        # It has its name already, so it is whole; nothing is to be gone on with.
        assert "nothing of" in folder.bad(2, *RUN, "--out", out, "--resume")
    else:
        assert not out.exists()
        other = ("report", "run", "credits", "--out", out, "--resume")
        assert "is a report of payments" in folder.bad(2, *other)
        assert folder.bad(0, *RUN, "--out", out, "--resume").startswith("note going on behind row")
        assert list(folder.path.glob(f"{step}*")) == [out]
    whole = folder.good(*RUN, "--out", "-")
    assert out.read_bytes() == whole.encode()


def test_columns_and_reports_are_listed(folder: Folder) -> None:
    """What a report may have, and what is asked for, is told to people and to programs."""
    columns = folder.read("report", "columns", "payments")
    assert {"name": "payment_id", "usual": True} in columns
    assert {"name": "customer_email", "usual": False} in columns
    assert "Customer e-mail" in folder.good("report", "columns", "payments")
    assert folder.good("report", "list") == "No reports.\n"
