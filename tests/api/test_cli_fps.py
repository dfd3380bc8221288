"""`sampan fps` as the operator uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest

from sampan.codecs.emv_qr import FpsView, decode
from tests.api.test_cli import Folder
from tests.support.symbols import read_by_opencv

MAIN = ("fps", "add", "HSBC main", "--fps-id", "166069526", "--payee", "HARBOUR TEA HOUSE")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with a project and an account."""
    made = Folder(tmp_path_factory.mktemp("fps"))
    made.good("project", "add", "--id", "7", "--secret", "a secret", "--name", "Tea")
    made.good(*MAIN, "--key", "the first key")
    return made


def view(payload: str) -> FpsView:
    """What a code says."""
    found = decode(payload).fps
    assert found is not None
    return found


def account(folder: Folder, name: str) -> dict[str, Any]:
    """An account as it is listed."""
    return next(one for one in folder.read("fps", "list") if one["name"] == name)


def test_account_from_the_first_to_the_last(folder: Folder) -> None:
    """Added, given to a project that is told what it lacks, changed, and taken away."""
    made = folder.read("fps", "add", "Second", "--mobile", "+852-91234567", "--payee", "TEA",
                       "--set", "currencies=HKD,CNY")  # fmt: skip
    assert len(made["key"]) == 64
    assert made["notices_to"].endswith(f"/notifications/fps/{made['id']}")
    done = folder.run("fps", "attach", made["id"], "7")
    assert "provider=fps" in done.stderr
    folder.good("project", "set", "7", "--set", "provider=fps")
    assert folder.run("fps", "attach", "HSBC main", "7", "--first").stderr == ""
    assert account(folder, "Second")["projects"] == [7]
    assert "Second" in folder.good("fps", "list")
    assert folder.read("fps", "change", "Second", "--set", "is_on=false")["is_on"] is False
    assert "changed" in folder.good("fps", "change", "Second", "--set", "mcc=5499")
    assert folder.read("fps", "show", "Second")["mcc"] == "5499"
    assert "+852-91234567" in folder.good("fps", "show", made["id"])
    found = {one["what"]: one for one in folder.read("doctor")["findings"]}["FPS accounts of 7"]
    assert (found["state"], found["found"]) == ("warn", "none that is on takes CNY")
    folder.good("fps", "change", "Second", "--set", "is_on=true")
    found = {one["what"]: one for one in folder.read("doctor")["findings"]}["FPS accounts of 7"]
    assert (found["state"], found["found"]) == ("ok", "2 for HKD and CNY")
    folder.good("fps", "detach", "Second", "7")
    assert account(folder, "Second")["projects"] == []


def test_keys_are_shown_once(folder: Folder) -> None:
    """A key that was made is printed, one that was given is not, and none is listed."""
    made = folder.read("fps", "key", "HSBC main", "--overlap-s", "60")
    assert len(made["key"]) == 64
    assert "key" not in folder.read("fps", "key", "HSBC main", "--key", "another")
    printed = folder.good("fps", "key", "HSBC main")
    assert "shown this once" in printed
    told = folder.good("fps", "list") + folder.good("fps", "show", "HSBC main", "--json")
    assert made["key"] not in told
    assert "another" not in told


def test_code_for_a_till_is_drawn(folder: Folder) -> None:
    """The picture reads back to the text: no reference, no end, and the amount that was wanted."""
    made = folder.read("fps", "qr", "HSBC main", "--amount", "18.80", "--out", "till.png")
    picture = cv2.imread(str(Path(folder.path, "till.png")), cv2.IMREAD_GRAYSCALE)
    assert read_by_opencv(picture) == made["payload"]
    shown = view(made["payload"])
    assert (shown.proxy, shown.amount_minor, shown.one_off) == ("166069526", 1880, False)
    assert (shown.bill_number, shown.reference_label, shown.timeout_us) == (None, None, None)
    plain = folder.run("fps", "qr", "HSBC main", "--out", "till.png")
    assert "written to till.png" in plain.stderr
    assert view(plain.stdout.strip()).amount_minor is None


def test_code_to_try_with_carries_the_mode_that_is_tried(folder: Folder) -> None:
    """Whatever mode the account has; nothing is changed by it."""
    tried = view(folder.read("fps", "test-code", "HSBC main", "--mode", "bill_number")["payload"])
    assert tried.bill_number
    assert (tried.amount_minor, tried.one_off) == (100, True)
    assert view(folder.read("fps", "test-code", "HSBC main")["payload"]).bill_number is None


@pytest.mark.parametrize(
    ("code", "arguments", "told"),
    [
        (2, ("add", "X", "--payee", "TEA"), "one of --fps-id, --mobile and --email"),
        (2, ("add", "X", "--payee", "TEA", "--fps-id", "12"), "7 to 9 digits"),
        (2, ("add", "X", "--payee", "TEA", "--fps-id", "1234567", "--key", ""), "key is empty"),
        (1, (*MAIN[1:],), "called 'HSBC main' already"),
        (1, ("show", "Nobody"), "no FPS account 'Nobody'"),
        (1, ("show", "12"), "no FPS account '12'"),
        (1, ("attach", "HSBC main", "8"), "no project 8"),
        (2, ("change", "HSBC main", "--set", "colour=red"), "colour"),
        (2, ("change", "HSBC main", "--set", "colour"), "KEY=VALUE"),
        (2, ("key", "HSBC main", "--key", ""), "key is empty"),
        (2, ("qr", "HSBC main", "--amount", "1.234"), "--amount"),
        (2, ("qr", "HSBC main", "--currency", "USD", "--amount", "1"), "HKD or CNY"),
        (1, ("qr", "HSBC main", "--currency", "CNY"), "disabled"),
        (1, ("qr", "HSBC main", "--out", "/nowhere/a.png"), "cannot write"),
        (2, ("test-code", "HSBC main", "--mode", "always"), "--mode"),
    ],
)
def test_refused(folder: Folder, code: int, arguments: tuple[str, ...], told: str) -> None:
    """What cannot be done is told in a sentence, and ends with an exit code of its own."""
    assert told in folder.bad(code, "fps", *arguments)
