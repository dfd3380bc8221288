"""Payment Page URLs as shops make them: by the public Python and JavaScript packages.

Nothing of Sampan is used here. Fields are named as on the wire and given as a shop's program has
them: booleans, numbers, text. `best_before` is a `datetime`. Each package adds an `interface_type`
of its own and the signature.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest
from payment_page_sdk.gate import Gate
from payment_page_sdk.payment import Payment

NPM_FOLDER: Final = Path(__file__).resolve().parents[1] / "npm"
PAGE: Final = "/payment"
TIMEOUT_S: Final = 60.0


def has_npm() -> bool:
    """Whether Node and the npm package are there; `dev.py test` installs the package."""
    package = NPM_FOLDER / "node_modules/ecommpay/package.json"
    return shutil.which("node") is not None and package.exists()


def python_url(base_url: str, secret: str, fields: Mapping[str, object]) -> str:
    """Return the URL that the PyPI package `ecommpay-sdk` makes.

    `base_url` is the whole address of the page, with `/payment`.
    """
    others = dict(fields)
    payment = Payment(others.pop("project_id"))
    for name, value in others.items():
        setattr(payment, name, value)
    return str(Gate(secret, base_url).get_purchase_payment_page_url(payment))


def npm_url(base_url: str, secret: str, fields: Mapping[str, object]) -> str:
    """Return the URL that the npm package `ecommpay` makes; skips the test where it cannot.

    `base_url` is the whole address of the page, with `/payment`, as for `python_url`.
    """
    return npm_urls(base_url, secret, [fields])[0]


def npm_urls(base_url: str, secret: str, many: Sequence[Mapping[str, object]]) -> list[str]:
    """Return one URL for each set of fields, as `npm_url`, all made by one process."""
    if not has_npm():
        pytest.skip("there is no Node, or no npm package in tests/npm")
    assert base_url.endswith(PAGE), "the package itself adds /payment to an origin"
    request = {"origin": base_url.removesuffix(PAGE), "secret": secret}
    lines = [json.dumps({**request, "fields": dict(one)}, default=_text) for one in many]
    done = subprocess.run(
        ["node", str(NPM_FOLDER / "url.js")],
        input="\n".join(lines),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _text(value: object) -> str:
    """Return a date as the text that a JavaScript shop has; that package leaves dates alone."""
    assert isinstance(value, datetime), f"JSON has no {type(value).__name__}"
    return value.isoformat()
