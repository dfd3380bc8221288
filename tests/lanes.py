"""Run all tests, some folders side by side: `python -m tests.lanes`.

Half of the time tests wait: for browsers, for processes that are killed, for clocks. Each lane is a
pytest of its own with its own servers and databases; when one ends the next begins. What a lane
says is shown at its end, and last of all a line about each. The exit code is 0 when all passed.

Coverage is measured where it tells something, for it costs a lane a third of its time: in the tests
of single rooms and of the doors, on the default engine. The other lanes take no branch of the rooms
that must be covered whole (`pyproject.toml` names them) that those do not take.
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
COMMANDS: Final = "tests/api/test_cli*.py"
"""Modules that start processes and wait for them."""
SQLITE: Final = ("-m", "not postgres")
POSTGRES: Final = ("-m", "postgres")
AT_ONCE: Final = 4
"""Lanes at once; with two processors more only make those wait that watch the clock."""
ALONE: Final = "tests/browser/test_page_cut.py"
"""Holds a hundred pages to a second each, so it runs when nothing else does."""
NEITHER: Final = ("bench", "support", "npm", "vectors")

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only a folder of our own in it is used
MEMORY_BYTES_MIN: Final = 4 * 2**30


def lanes() -> list[Lane]:
    """Return every lane, in the order in which they begin; what has none of its own is in the last.

    `ALONE` is in none of them.
    """
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    names = {path.relative_to(ROOT / "tests").parts[0] for path in folders} - {*NEITHER}
    commands = [f"tests/api/{path.name}" for path in sorted(ROOT.glob(COMMANDS))]
    doors = ("tests/api", *(f"--ignore={path}" for path in commands))
    own = {"unit", "api", "browser", "fault", "conformance"}
    assert names >= own
    return [
        Lane("tests/unit", *SQLITE, measured=True),
        Lane(*doors, *SQLITE, measured=True),
        Lane("tests/unit", *doors, *POSTGRES),
        Lane("tests/browser", f"--ignore={ALONE}"),
        Lane(*commands),
        Lane("tests/fault"),
        Lane("tests/conformance"),
        Lane(*(f"tests/{name}" for name in sorted(names - own))),
    ]


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
    """Some of the tests, named as for pytest: `run` them, then `show` what they said."""

    def __init__(self, *chosen: str, measured: bool = False) -> None:
        self.chosen = chosen
        self.measured = measured
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - ours until the end
        self._took_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """What was chosen, without what is left out."""
        return " ".join(word for word in self.chosen if not word.startswith("--ignore"))

    @property
    def code(self) -> int:
        """The exit code, 1 when it did not come to one."""
        if self._process is None or self._process.returncode is None:
            return 1
        return self._process.returncode

    def run(self, environment: dict[str, str]) -> None:
        """Run the tests to their end."""
        began_s = time.monotonic()
        coverage = ["-m", "coverage", "run", "--parallel-mode"] if self.measured else []
        self._process = subprocess.Popen(
            [sys.executable, *coverage, "-m", "pytest", *self.chosen],
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
        sys.stdout.buffer.write(f"\n— {self.name}\n".encode() + self._said.read())
        sys.stdout.flush()

    def kill(self) -> None:
        """End the tests at once, and forget what they said."""
        if self._process is not None:
            self._process.kill()
        self._said.close()

    def __str__(self) -> str:
        """Say how it went."""
        how = "FAILED" if self.code else "passed"
        return f"{how} in {self._took_s:3.0f} s: {self.name}"


def main() -> int:
    """Run all lanes and join what they covered."""
    with in_memory() as environment:
        return run(environment)


def run(environment: dict[str, str]) -> int:
    """Run all lanes in an environment and join what they covered."""
    subprocess.run([sys.executable, "-m", "coverage", "erase"], cwd=ROOT, check=True)
    with ExitStack() as opened:
        made = [*lanes(), Lane(ALONE)]
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
