"""One platform for each engine and session; each test has a project and a merchant of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from sampan.storage import open as opening
from tests.fixtures import ENGINES
from tests.support.books import assert_books, assert_told
from tests.support.client import assert_good_callback
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform, running
from tests.support.postgres import PostgresServer

SECRET = "first secret of the project"


@pytest.fixture(scope="module", params=ENGINES)
def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    """A platform for the tests of a module, once for each engine; gone before other tests run."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path_factory.mktemp("platform") / "sampan.db"
        shutil.copyfile(template, path)
        with running(f"sqlite:///{path}") as made:
            yield made
            _prove(made)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        with server.database() as url, running(url) as made:
            yield made
            _prove(made)


def _prove(platform: RunningPlatform) -> None:
    """Check the books and what was told of everything that all tests did."""
    platform.read(assert_books)
    platform.read(assert_told)


@pytest.fixture
def merchant(platform: RunningPlatform) -> Iterator[Merchant]:
    """A callback receiver; whatever it received must keep every promise about callbacks."""
    made = Merchant(secrets=[SECRET], clock=lambda: platform.clock.now_us() / 1e6)
    try:
        yield made
    finally:
        made.close()
    for got in made.received:
        assert_good_callback(got)


@pytest.fixture
def project(platform: RunningPlatform, merchant: Merchant) -> ProjectClient:
    """A project with default settings whose callbacks go to `merchant`."""
    return platform.add_project(merchant.url, secret=SECRET)


@pytest.fixture
def broken(platform: RunningPlatform) -> Callable[[str], AbstractContextManager[None]]:
    """Take a table away as long as a block lasts: a fault of ours that is real."""

    @contextmanager
    def away(table: str) -> Iterator[None]:
        _rename(platform.database_url, table, f"{table}_away")
        try:
            yield
        finally:
            _rename(platform.database_url, f"{table}_away", table)

    return away


def _rename(database_url: str, before: str, after: str) -> None:
    engine = opening.make_engine(database_url)
    try:
        with engine.begin() as conn:
            conn.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))
    finally:
        engine.dispose()
