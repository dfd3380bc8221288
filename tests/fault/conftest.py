"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.lives import SECRET, Databases
from tests.support.merchant import Merchant


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> Databases:
    """Databases of one engine."""
    server = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
    return Databases(tmp_path, server, sqlite_template)


@pytest.fixture
def sqlite_databases(sqlite_template: Path, tmp_path: Path) -> Databases:
    """Databases of the default engine."""
    return Databases(tmp_path, None, sqlite_template)


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    """A merchant who always answers 200."""
    made = Merchant(secrets=[SECRET])
    yield made
    made.close()
