"""`sampan ledger verify`, run as an operator runs it."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.support import commands


def ledger_verify(database_url: str, master_key: str) -> dict[str, Any]:
    """Run the command on a database and return its JSON; exit code and `ok` must say the same.

    Each of `checks` names an `account` and what was `found_minor` there and `expected_minor`.
    """
    made = {"SAMPAN_DATABASE_URL": database_url, "SAMPAN_MASTER_KEY": master_key}
    done = commands.run("ledger", "verify", "--json", env={**os.environ, **made})
    assert done.stdout, done.stderr.decode()
    proof: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert proof["ok"] == (done.returncode == 0), done.stderr.decode()
    return proof
