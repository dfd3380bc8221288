"""Run all tests in two lanes side by side: `python -m tests.lanes`.

Half of the time tests wait: for browsers, for processes that are killed, for clocks. Each lane is a
pytest of its own with its own servers and databases, measured for coverage; what the second says is
shown when the first has ended. The exit code is 0 when both passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SLOW: Final = ("fault", "api")
"""The lane of these folders takes about as long as that of all others."""
NEITHER: Final = ("bench", "support", "npm", "vectors")

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only a folder of our own in it is used
MEMORY_BYTES_MIN: Final = 4 * 2**30


def lanes() -> tuple[list[str], list[str]]:
    """Return the folders of both lanes; a folder that is new goes into the first."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    names = sorted({path.relative_to(ROOT / "tests").parts[0] for path in folders} - {*NEITHER})
    first = [f"tests/{name}" for name in names if name not in SLOW]
    return first, [f"tests/{name}" for name in SLOW]


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


def main() -> int:
    """Run both lanes and join what they covered."""
    with in_memory() as environment:
        return run(environment)


def run(environment: dict[str, str]) -> int:
    """Run both lanes in an environment and join what they covered."""
    pytest = [sys.executable, "-m", "coverage", "run", "--parallel-mode", "-m", "pytest"]
    first, second = lanes()
    subprocess.run([sys.executable, "-m", "coverage", "erase"], cwd=ROOT, check=True)
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(
            [*pytest, *second],
            cwd=ROOT,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            code = subprocess.run(
                [*pytest, *first], cwd=ROOT, env=environment, check=False
            ).returncode
            code = beside.wait() or code
        finally:
            beside.kill()
        said.seek(0)
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "coverage", "combine", "--quiet"], cwd=ROOT, check=True)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
