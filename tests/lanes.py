"""Run all tests in lanes side by side: `python -m tests.lanes`.

Half of the time tests wait: for browsers, for processes that are killed, for clocks. Each lane is a
pytest of its own with its own servers and databases, measured for coverage. The first speaks as it
runs; what another says is shown when all have ended, and then a line about each. The exit code is 0
when all passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parents[1]
OWN: Final = ("api", "browser", "fault")
"""Folders with a lane each: they wait much, and some of their tests watch the clock."""
NEITHER: Final = ("bench", "support", "npm", "vectors")
YIELDING: Final = 5
"""The niceness of the lane of all other folders, which waits for nothing and takes what is left."""

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only a folder of our own in it is used
MEMORY_BYTES_MIN: Final = 4 * 2**30


def lanes() -> list[list[str]]:
    """Return the folders of each lane; a folder that is new goes into the first."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    names = sorted({path.relative_to(ROOT / "tests").parts[0] for path in folders} - {*NEITHER})
    others = [f"tests/{name}" for name in names if name not in OWN]
    return [others, *([f"tests/{name}"] for name in OWN)]


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
    """The tests of some folders, running; `said` is where they speak to, None for the terminal."""

    def __init__(
        self, folders: list[str], environment: dict[str, str], *, said: IO[bytes] | None
    ) -> None:
        self.folders = folders
        self.said = said
        self.took_s = 0.0
        self._began_s = time.monotonic()
        pytest = [sys.executable, "-m", "coverage", "run", "--parallel-mode", "-m", "pytest"]
        self.process = subprocess.Popen(
            [*pytest, *folders],
            cwd=ROOT,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT if said else None,
        )
        self._watch = threading.Thread(target=self._wait, daemon=True)
        self._watch.start()

    def _wait(self) -> None:
        self.process.wait()
        self.took_s = time.monotonic() - self._began_s

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        self._watch.join()
        return self.process.wait()

    def show(self) -> None:
        """Show what was said."""
        if self.said is not None:
            self.said.seek(0)
            sys.stdout.buffer.write(self.said.read())
            sys.stdout.flush()

    def __str__(self) -> str:
        """Say how it went."""
        how = "FAILED" if self.process.returncode else "passed"
        return f"{how} in {self.took_s:3.0f} s: {' '.join(self.folders)}"


def main() -> int:
    """Run all lanes and join what they covered."""
    with in_memory() as environment:
        return run(environment)


def run(environment: dict[str, str]) -> int:
    """Run all lanes in an environment and join what they covered."""
    subprocess.run([sys.executable, "-m", "coverage", "erase"], cwd=ROOT, check=True)
    running: list[Lane] = []
    with ExitStack() as opened:
        try:
            for folders in lanes():
                said = opened.enter_context(tempfile.TemporaryFile()) if running else None
                running.append(Lane(folders, environment, said=said))
            if hasattr(os, "setpriority"):
                os.setpriority(os.PRIO_PROCESS, running[0].process.pid, YIELDING)
            codes = [lane.end() for lane in running]
        finally:
            for lane in running:
                lane.process.kill()
        for lane in running:
            lane.show()
        sys.stdout.writelines(f"{lane}\n" for lane in running)
        sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "coverage", "combine", "--quiet"], cwd=ROOT, check=True)
    return next(filter(None, codes), 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
