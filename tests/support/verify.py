"""`sampan ledger verify`, run as an operator runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

TIME_S_MAX = 60.0


def ledger_verify(database_url: str, master_key: str) -> dict[str, Any]:
    """Run the command on a database and return its JSON; exit code and `ok` must say the same.

    Each of `checks` names an `account` and what was `found_minor` there and `expected_minor`.
    """
    done = subprocess.run(
        [sys.executable, "-m", "sampan", "ledger", "verify", "--json"],
        env={
            **os.environ,
            "SAMPAN_DATABASE_URL": database_url,
            "SAMPAN_MASTER_KEY": master_key,
        },
        capture_output=True,
        text=True,
        timeout=TIME_S_MAX,
        check=False,
    )
    assert done.stdout, done.stderr
    proof: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert proof["ok"] == (done.returncode == 0), done.stderr
    return proof
