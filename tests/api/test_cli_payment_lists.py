"""Payments are listed and found on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.test_cli import SECRET, Folder

PROJECT = 1234


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder in which three payments were asked for, one after another."""
    folder = Folder(Path(tmp_path_factory.mktemp("sold")), SAMPAN_RUN_WORKERS="false")
    folder.good("project", "add", "--id", PROJECT, "--secret", SECRET, "--callback-url", "")
    with folder.running("serve", ready="ready at"):
        for number in (1, 2, 3):
            folder.sell(f"Tea-{number}", amount=number * 1000)
    return folder


def test_pages_are_listed_newest_first(sold: Folder) -> None:
    """A list goes on where the page before ended, and is filtered by its options."""
    listing = ("payments", "list", "--project", PROJECT, "--status", "processing")
    first = sold.read(*listing, "--currency", "hkd", "--customer", "c1", "--most", 2)
    assert [row["payment_id"] for row in first["payments"]] == ["Tea-3", "Tea-2"]
    assert {row["amount_minor"] for row in first["payments"]} == {3000, 2000}
    same = (*listing, "--currency", "hkd", "--customer", "c1", "--after", first["next"])
    last = sold.read(*same)
    assert ([row["payment_id"] for row in last["payments"]], last["next"]) == (["Tea-1"], None)
    told = sold.good(*listing, "--most", 1, "--since", "2001-02-03")
    assert "HK$30.00" in told
    assert "More: --after " in told
    assert "No payments." in sold.good(*listing, "--held")
    assert "No payments." in sold.good(*listing, "--until", "1969-12-31T23:59:59.5+00:00")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--status", "paid", "is none of: processing"),
        ("--since", "yesterday", "--since: 'yesterday' is no ISO date"),
        ("--after", "nothing", "--after: not a cursor"),
    ],
)
def test_what_is_wrong_is_named(sold: Folder, option: str, value: str, told: str) -> None:
    """An option that cannot be read ends with exit code 2 and a sentence."""
    assert told in sold.bad(2, "payments", "list", option, value)


def test_a_payment_is_found_by_any_id(sold: Folder) -> None:
    """Ids of every kind lead to it; what leads nowhere has exit code 1."""
    (found,) = sold.read("payments", "find", "tea-2")
    assert (found["payment_id"], found["project_id"]) == ("Tea-2", PROJECT)
    story = sold.read("payments", "show", "--project", PROJECT, "Tea-2")
    assert sold.read("payments", "find", story["operations"][0]["id"]) == [found]
    assert "Tea-1" in sold.good("payments", "find", "c1", "--project", PROJECT)
    sold.bad(1, "payments", "find", "c1", "--project", 7)
