"""Payment links from a file on the command line."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.api.test_cli import SECRET, WAIT_S, Folder, ask
from tests.support.platform import until

PROJECT = 1234
BATCH = ("link", "batch", PROJECT)
HEAD = "payment_id;amount;currency;expires\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with a project that tells nobody."""
    folder = Folder(Path(tmp_path_factory.mktemp("batches")))
    folder.good("project", "add", "--id", PROJECT, "--secret", SECRET, "--callback-url", "")
    return folder


def file(tmp_path: Path, text: str) -> Path:
    """Write a file of links."""
    path = tmp_path / "links.csv"
    path.write_text(text)
    return path


def test_every_line_has_its_link(shop: Folder, tmp_path: Path) -> None:
    """Each line is made once, and its address opens the page."""
    lines = "".join(f"B-{number};1.50;HKD;7\n" for number in range(30))
    path = file(tmp_path, HEAD + lines)
    checked = shop.read(*BATCH, path, "--check")
    assert (checked["status"], checked["ready"], checked["made"]) == ("checked", 30, 0)
    made = shop.read(*BATCH, path, "--by", "amy")
    assert (made["status"], made["made"], made["refused"]) == ("done", 30, 0)
    assert [line["payment_id"] for line in made["lines"]] == [f"B-{n}" for n in range(30)]
    story = shop.read("payments", "show", "--project", PROJECT, "B-0")
    assert story["journal"][0]["by"] == "staff:amy"
    with shop.running("serve", ready="ready at"):
        link = urlsplit(made["lines"][29]["payment_link"]).path
        assert ask(f"http://127.0.0.1:{shop.port}{link}")[0] == 200
    assert "nothing is made" in shop.bad(1, *BATCH, path)


def test_faults_have_their_lines(shop: Folder, tmp_path: Path) -> None:
    """A file with a fault makes nothing, unless its faulty lines are to be left out."""
    path = file(tmp_path, HEAD + "C-1;x;HKD;7\n;5;HKD;7\n")
    told = shop.bad(1, *BATCH, path)
    assert "line 2: amount: Write the amount in dollars" in told
    assert "lines with faults: 1" in told
    out = shop.good(*BATCH, path, "--skip-faults")
    first, second = out.splitlines()
    assert first.startswith("2\tC-1\tamount: Write the amount")
    assert second.startswith("3\tLINK-")
    assert "/payment/s/" in second
    empty = shop.bad(1, *BATCH, file(tmp_path, ""))
    assert "links.csv: The file is empty" in empty


def asked(shop: Folder, sql: str) -> int:
    """Read a number from the database beside whoever works on it."""
    with closing(sqlite3.connect(shop.path / "sampan.db", timeout=30)) as line:
        return int(line.execute(sql).fetchone()[0])


MADE = "SELECT count(*) FROM link_batch_lines WHERE status = 'made' AND payment_id LIKE 'K-%'"
PAYMENTS = "SELECT count(*) FROM payments WHERE payment_id LIKE 'K-%'"


def test_killed_half_way(shop: Folder, tmp_path: Path) -> None:
    """Killed without warning, a file is gone on with by the server: nothing lost or made twice."""
    count = 600
    lines = "".join(f"K-{number};1.50;HKD;7\n" for number in range(count))
    path = file(tmp_path, HEAD + lines)
    command = [sys.executable, "-m", "sampan", *map(str, BATCH), str(path)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=shop.path, env=shop.environment, stdout=quiet, stderr=quiet
    ) as killed:
        try:
            until(lambda: asked(shop, MADE), timeout_s=WAIT_S)
        finally:
            killed.kill()
    made = asked(shop, MADE)
    assert 0 < made < count
    assert asked(shop, PAYMENTS) == made
    with shop.running("serve", ready="ready at"):
        until(lambda: asked(shop, MADE) == count)
    assert asked(shop, PAYMENTS) == count
    assert asked(shop, "SELECT count(*) FROM link_batches WHERE status = 'running'") == 0
