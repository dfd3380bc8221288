"""What holds for every file that is, or is about to be, in the repository."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("run", "test")

# Where a checkout without git (an unpacked archive) has things that do not belong to it.
NOT_OURS = {".git", ".venv", "__pycache__", "build", "dist", "htmlcov", "node_modules"}

# The brackets keep the patterns from finding themselves.
REGISTRY = re.compile(
    r"pyp[i]\.org|python[h]osted\.org|npm[j]s\.(org|com)|--(extra-)?index-ur[l]|--find-link[s]"
)
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])/(hom[e]|wor[k]|User[s]|roo[t])/\w|[A-Z]:\\+User[s]\\|(?<![\w./-])/tm[p]/\w"
)


@cache
def files() -> dict[str, str]:
    """Path -> text of every text file that is tracked, or would be with `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    paths = listed.stdout.split("\0") if listed.returncode == 0 else list(_walk(ROOT))
    texts = {}
    for path in filter(None, paths):
        try:
            texts[path] = (ROOT / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a binary file, or one that is deleted and not yet committed so
    return texts


def _walk(folder: Path) -> Iterator[str]:
    """Paths of all files below a folder, without what is not ours."""
    for path in folder.iterdir():
        if path.name in NOT_OURS or path.name.endswith("_cache"):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path.relative_to(ROOT).as_posix()


def found(pattern: re.Pattern[str]) -> list[str]:
    """Every line of every file in which a pattern is found."""
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in files().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def requirements(lock: str) -> list[str]:
    """The entries of a lock, each with its hashes on the lines that follow it."""
    text = (ROOT / f"requirements/{lock}.lock").read_text(encoding="utf-8")
    return re.split(r"\n(?=\S)", text.strip())


def pins(lock: str) -> set[str]:
    """The first lines of the entries: name, version and marker."""
    return {entry.split("\\")[0].strip() for entry in requirements(lock)}


def test_some_files_are_read() -> None:
    """The tests below look at something."""
    assert {"pyproject.toml", "README.md", "tests/tidy/test_repo.py"} <= set(files())


def test_no_registry_is_named() -> None:
    """Where packages come from is the choice of who installs them."""
    assert not found(REGISTRY)


def test_no_path_of_a_machine_is_named() -> None:
    """Nothing depends on, or tells about, the machine that it was written on."""
    assert not found(MACHINE_PATH)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_hashes_alone(lock: str) -> None:
    """Every entry of a lock is one version with its hashes, and none has an address."""
    shape = re.compile(r"[a-z0-9.-]+==[\w.!+]+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in requirements(lock) if not shape.fullmatch(entry)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_what_is_asked_for(lock: str) -> None:
    """A dependency that is added to pyproject.toml is also locked."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["build"]
    if lock == "test":
        wanted += project["project"]["optional-dependencies"]["test"]
    locked = {pin.split("==")[0] for pin in pins(lock)}
    assert {re.split(r"[\[<>=~! ;]", name)[0].lower() for name in wanted} <= locked


def test_test_lock_holds_all_of_the_run_lock() -> None:
    """Tests run with the very versions that are run."""
    names = {pin.split(" ;")[0] for pin in pins("test")}
    assert {pin.split(" ;")[0] for pin in pins("run")} <= names


def test_changelog_has_room_for_the_next_change() -> None:
    """The changelog begins with what is not yet released."""
    sections = re.findall(r"^## (.*)$", files()["CHANGELOG.md"], re.MULTILINE)
    assert sections[0] == "[Unreleased]"


def test_decisions_are_numbered_without_gaps() -> None:
    """Decision records count up from 1, and each one's title has its number."""
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [path.name[:5] for path in records] == [f"{n:04}-" for n in range(1, len(records) + 1)]
    titles = [path.read_text(encoding="utf-8").split(".")[0] for path in records]
    assert titles == [f"# {n}" for n in range(1, len(records) + 1)]
