"""`sampan project rules` as the operator uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.api.test_cli import Folder

ADDED = re.compile(r"Rule (\d+) added")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with a project."""
    made = Folder(tmp_path)
    made.good("project", "add", "--id", "7", "--secret", "a secret", "--name", "Tea")
    return made


def test_rules(folder: Folder) -> None:
    """Rules are added, listed in their order, switched and removed."""
    rules = ("project", "rules", "7")
    assert "No rule" in folder.good(*rules)
    first = ADDED.search(
        folder.good(*rules, "add", "https://a.example/1", "--result", "success", "--type", "any")
    )
    assert first
    folder.good(*rules, "add", "https://a.example/2", "--type", "purchase", "--method", "hk-qr")
    folder.good(*rules, "off", first[1])
    listed = folder.read(*rules, "list")
    assert [(one["url"], one["result"], one["payment_type"], one["enabled"]) for one in listed] == [
        ("https://a.example/1", "success", "any", False),
        ("https://a.example/2", "any", "purchase", True),
    ]
    folder.good(*rules, "on", first[1])
    assert "https://a.example/1" in folder.good(*rules)
    folder.good(*rules, "remove", first[1])
    assert [one["url"] for one in folder.read(*rules, "list")] == ["https://a.example/2"]


@pytest.mark.parametrize(
    ("code", "arguments", "told"),
    [
        (2, ("7", "add", "ftp://a.example"), "http or https"),
        (2, ("7", "add", "https://a.example", "--result", "maybe"), "no such rule"),
        (1, ("7", "remove", "99"), "no rule 99"),
        (1, ("8", "add", "https://a.example"), "no project 8"),
        (1, ("8",), "no project 8"),
    ],
)
def test_refused(folder: Folder, code: int, arguments: tuple[str, ...], told: str) -> None:
    """What cannot be done is told in a sentence, and ends with an exit code of its own."""
    assert told in folder.bad(code, "project", "rules", *arguments)
