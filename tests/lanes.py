"""Run all tests, some folders side by side: `python -m tests.lanes`.

Half of the time tests wait: for browsers, for processes that are killed, for clocks. Each lane is a
pytest of its own with its own servers and databases, measured for coverage; when one ends the next
begins. What a lane says is shown at its end, and last of all a line about each. The exit code is 0
when all passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parents[1]
LONGEST: Final = ("unit", "api", "browser", "fault", "conformance")
"""Folders with a lane each, in the order in which they begin; all others share the last lane."""
AT_ONCE: Final = 4
"""Lanes at once; with two processors more only make those wait that watch the clock."""
ALONE: Final = "tests/browser/test_page_cut.py"
"""Holds a hundred pages to a second each, so it runs when nothing else does."""
NEITHER: Final = ("bench", "support", "npm", "vectors")

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only a folder of our own in it is used
MEMORY_BYTES_MIN: Final = 4 * 2**30


def lanes() -> list[list[str]]:
    """Return the folders of each lane, in the order in which they begin."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    names = {path.relative_to(ROOT / "tests").parts[0] for path in folders} - {*NEITHER}
    assert names >= {*LONGEST}
    others = [f"tests/{name}" for name in sorted(names - {*LONGEST})]
    # The doors take too long for one lane: every other module goes into a second.
    api = [f"tests/api/{path.name}" for path in sorted((ROOT / "tests/api").glob("test_*.py"))]
    own = {
        "api": [api[::2], api[1::2]],
        "browser": [["tests/browser", f"--ignore={ALONE}"]],
    }
    longest = [lane for name in LONGEST for lane in own.get(name, [[f"tests/{name}"]])]
    return [*longest, others]


@contextmanager
def in_memory() -> Iterator[dict[str, str]]:
    """Return an environment whose temporary files are kept in memory, where there is enough of it.

    Databases then do not wait for a disk at each commit. Nothing less is tested: what a process has
    written outlives its death in memory as on a disk, and no test cuts the power.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES_MIN:
        yield {**os.environ}
        return
    # A short name: sockets lie in there, whose paths may have no more than about 100 letters.
    with tempfile.TemporaryDirectory(prefix="sampan-", dir=MEMORY) as folder:
        Path(folder).chmod(0o755)  # a server that drops root has a folder of its own in there
        yield {**os.environ, "TMPDIR": folder}


class Lane:
    """The tests of some folders: `run` them, then `show` what they said."""

    def __init__(self, folders: list[str], said: IO[bytes]) -> None:
        self.folders = folders
        self._said = said
        self._took_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def code(self) -> int:
        """The exit code, 1 when it did not come to one."""
        if self._process is None or self._process.returncode is None:
            return 1
        return self._process.returncode

    def run(self, environment: dict[str, str]) -> None:
        """Run the tests to their end."""
        began_s = time.monotonic()
        pytest = [sys.executable, "-m", "coverage", "run", "--parallel-mode", "-m", "pytest"]
        self._process = subprocess.Popen(
            [*pytest, *self.folders],
            cwd=ROOT,
            env=environment,
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )
        self._process.wait()
        self._took_s = time.monotonic() - began_s

    def show(self) -> None:
        """Show what was said."""
        self._said.seek(0)
        sys.stdout.buffer.write(f"\n— {' '.join(self.folders)}\n".encode() + self._said.read())
        sys.stdout.flush()

    def kill(self) -> None:
        """End the tests at once."""
        if self._process is not None:
            self._process.kill()

    def __str__(self) -> str:
        """Say how it went."""
        how = "FAILED" if self.code else "passed"
        return f"{how} in {self._took_s:3.0f} s: {self.folders[0]} … ({len(self.folders)})"


def main() -> int:
    """Run all lanes and join what they covered."""
    with in_memory() as environment:
        return run(environment)


def run(environment: dict[str, str]) -> int:
    """Run all lanes in an environment and join what they covered."""
    subprocess.run([sys.executable, "-m", "coverage", "erase"], cwd=ROOT, check=True)
    with ExitStack() as opened:
        made = [
            Lane(one, opened.enter_context(tempfile.TemporaryFile())) for one in (*lanes(), [ALONE])
        ]
        places = opened.enter_context(ThreadPoolExecutor(AT_ONCE))
        running = {places.submit(lane.run, environment): lane for lane in made[:-1]}
        try:
            for ended in as_completed(running):
                running[ended].show()
            made[-1].run(environment)
            made[-1].show()
        finally:
            places.shutdown(wait=False, cancel_futures=True)
            for lane in made:
                lane.kill()
    sys.stdout.writelines(f"{lane}\n" for lane in made)
    sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "coverage", "combine", "--quiet"], cwd=ROOT, check=True)
    return next((lane.code for lane in made if lane.code), 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
