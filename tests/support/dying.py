"""`sampan` that is killed, as by `kill -9`, at a chosen moment of writing the file of a report.

    python -m tests.support.dying STEP NUMBER ARGUMENTS…

STEP is `write` (half of a piece is written), `sync` (it is on the disk, nobody knows yet) or
`finish` (the file has its name, nobody knows yet); NUMBER says at which of them, 1 is the first.
Checkpoints are so near to each other that a few rows have several.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import Any

from sampan import cli
from sampan.reports import making
from sampan.reports.files import PartFile
from sampan.storage import report_rows

WHOLE_ROWS = 4
PART_ROWS = 3


def main() -> None:
    """Run the command until its end comes."""
    step, number, *arguments = sys.argv[1:]
    making.WHOLE_ROWS = WHOLE_ROWS  # type: ignore[misc] # many checkpoints of few rows
    report_rows.PART_ROWS = PART_ROWS  # type: ignore[misc] # several parts of each
    real = getattr(PartFile, step)
    steps = count(1)

    def deadly(self: PartFile, *given: Any) -> Any:  # noqa: ANN401 - as the real one
        if next(steps) < int(number):
            return real(self, *given)
        if step == "write":
            real(self, given[0][: len(given[0]) // 2])
        else:
            real(self)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(PartFile, step, deadly)
    sys.argv[1:] = arguments
    cli.main()


if __name__ == "__main__":
    main()
