"""`sampan user` as the operator uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sampan.flow.passwords import Passwords
from tests.api.test_cli import Folder

AMY, BOB = "amy@tea.example", "bob@tea.example"
PASSWORD = "correct horse battery"
WHO = ("--by", "ops", "--why", "asked by phone")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder without anything in it."""
    return Folder(tmp_path)


def test_people(folder: Folder) -> None:
    """The first is invited, the second has a password; both are listed without secrets."""
    said = folder.good("user", "add", AMY, "--name", "Amy 陳")
    assert re.search(r"^/dashboard/invitation/[0-9a-f]{64}$", said, re.MULTILINE)
    made = folder.run(
        *("user", "add", BOB, "--role", "finance", "--role", "admin", "--password-stdin", "--json"),
        stdin=f"{PASSWORD}\n",
    )
    assert made.returncode == 0
    assert PASSWORD not in made.stdout + made.stderr
    listed = folder.read("user", "list")
    assert [(one["email"], one["roles"], one["state"]) for one in listed] == [
        (AMY, ["admin"], "invited"),
        (BOB, ["finance", "admin"], "active"),
    ]
    assert "argon2" not in str(listed)
    again = folder.read("user", "invite", AMY, *WHO)
    assert again["invitation"].startswith("/dashboard/invitation/")
    assert again["invitation"] not in said
    raw = (folder.path / "sampan.db").read_bytes()
    assert not any(secret.encode() in raw for secret in (PASSWORD, again["invitation"][-64:]))
    kept = re.search(rb"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[\w+/]{22}\$[\w+/]{43}", raw)
    assert kept
    assert Passwords().verify(kept[0].decode(), PASSWORD).right


def test_shutting_out(folder: Folder) -> None:
    """Somebody is disabled and enabled with a reason, but not the last admin."""
    folder.good("user", "add", BOB)
    folder.good("user", "add", AMY, "--password-stdin", stdin=f"{PASSWORD}\r\n")
    assert f"{BOB} is disabled" in folder.good("user", "disable", "BOB@tea.example", *WHO)
    assert "last admin" in folder.bad(1, "user", "disable", AMY, *WHO)
    assert folder.read("user", "enable", BOB, *WHO)["state"] == "no password"
    assert "second factor" in folder.good("user", "reset-2fa", BOB, *WHO)


def test_token(folder: Folder) -> None:
    """A person's token is made with a reason and shown this once; its secret is kept sealed."""
    folder.good("user", "add", AMY)
    made = folder.read("user", "token", AMY, *WHO)
    assert (len(made["token"]), len(made["secret"])) == (30, 64)
    said = folder.good("user", "token", AMY, *WHO)
    assert re.search(r"^token  [0-9a-f]{30}\nsecret [0-9a-f]{64}$", said, re.MULTILINE)
    assert made["token"] not in said
    assert made["secret"].encode() not in (folder.path / "sampan.db").read_bytes()


@pytest.mark.parametrize(
    ("code", "arguments", "stdin", "told"),
    [
        (1, ("add", AMY, "--password-stdin"), "short\n", "at least 12"),
        (2, ("add", AMY, "--password-stdin"), b"\xff\xfe\n", "not UTF-8"),
        (2, ("add", AMY, "--role", "king"), "", "support, operations"),
        (1, ("disable", AMY, *WHO), "", "nobody has"),
        (1, ("token", AMY, *WHO), "", "nobody has"),
        (2, ("token", AMY, "--by", "ops", "--why", " "), "", "must say something"),
    ],
)
def test_refused(
    folder: Folder, code: int, arguments: tuple[str, ...], stdin: str | bytes, told: str
) -> None:
    """What cannot be is one line that says why."""
    assert told in folder.bad(code, "user", *arguments, stdin=stdin)
