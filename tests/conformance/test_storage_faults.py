"""A database that goes away or is busy: callers hear the truth, and work goes on afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial

import psycopg
import pytest

from sampan.errors import Unavailable
from sampan.storage import open as opening
from sampan.storage.credits import take_notice
from sampan.storage.engine import Store, Tx
from sampan.testing.storage_suite import note, notes
from tests.support.databases import open_store

TIMEOUT_S = 30.0


def run(url: str, story: Callable[[Store], Awaitable[None]]) -> None:
    """Run a story with a store on a database."""

    async def main() -> None:
        async with asyncio.timeout(TIMEOUT_S), open_store(url) as store:
            await story(store)

    asyncio.run(main())


def hang_up(url: str) -> int:
    """End every other connection to a database; return how many there were."""
    with psycopg.connect(url, autocommit=True) as conn:
        found = conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(found.fetchall())


@pytest.mark.postgres
def test_idle_connections_ended(postgres_url: str) -> None:
    """Connections that the server ended while idle are replaced, and no caller notices."""

    async def story(store: Store) -> None:
        await asyncio.gather(*(store.read(notes) for _ in range(32)))
        for number in range(3):
            await store.transact(lambda tx: note(tx, "kept"))
            assert await asyncio.to_thread(hang_up, postgres_url) > 0
            assert await store.read(notes) == ["kept"] * (number + 1)

    run(postgres_url, story)


@pytest.mark.postgres
@pytest.mark.parametrize("beside", [0, 5])
def test_ended_in_the_middle(postgres_url: str, beside: int) -> None:
    """A transaction cut off before its COMMIT runs again and counts once; so do those beside."""

    async def story(store: Store) -> None:
        tries: list[int] = []

        def cut_off(tx: Tx) -> None:
            note(tx, "kept")
            notes(tx)
            tries.append(1)
            if len(tries) == 1:
                hang_up(postgres_url)
                notes(tx)

        others = [store.transact(lambda tx: note(tx, "beside")) for _ in range(beside)]
        await asyncio.gather(store.transact(cut_off), *others)
        assert len(tries) == 2
        assert sorted(await store.read(notes)) == ["beside"] * beside + ["kept"]

    run(postgres_url, story)


@pytest.mark.postgres
def test_answer_to_commit_lost(postgres_url: str) -> None:
    """Cut off at its COMMIT, a transaction is `Unavailable` and counts at most once."""

    async def story(store: Store) -> None:
        def cut_off(tx: Tx) -> None:
            note(tx, "perhaps")
            notes(tx)
            hang_up(postgres_url)

        with pytest.raises(Unavailable):
            await store.transact(cut_off)
        assert len(await store.read(notes)) <= 1

    run(postgres_url, story)


@pytest.mark.postgres
def test_always_ended(postgres_url: str) -> None:
    """A server that hangs up every time is `Unavailable`; afterwards everything works."""

    async def story(store: Store) -> None:
        def cut_off(tx: Tx) -> None:
            note(tx, "lost")
            notes(tx)
            hang_up(postgres_url)
            notes(tx)

        with pytest.raises(Unavailable):
            await store.transact(cut_off)
        await store.transact(lambda tx: note(tx, "kept"))
        assert await store.read(notes) == ["kept"]

    run(postgres_url, story)


def test_no_such_server() -> None:
    """Without a server to connect to, transactions and reads are `Unavailable`."""

    async def story(store: Store) -> None:
        with pytest.raises(Unavailable):
            await store.transact(lambda tx: note(tx, "lost"))
        with pytest.raises(Unavailable):
            await opening.ping(store)

    run("postgresql://nobody@127.0.0.1:1/none", story)


@pytest.mark.postgres
def test_row_locked_elsewhere(postgres_url: str) -> None:
    """A function that waits for a row locked elsewhere does not keep those beside it waiting."""

    async def story(store: Store) -> None:
        await store.transact(lambda tx: note(tx, "first", payment=2))
        with psycopg.connect(postgres_url) as conn:
            conn.execute("INSERT INTO inbox VALUES ('p', 'a', 'n', 1)")
            taking = asyncio.ensure_future(store.transact(partial(take, notice_id="n")))
            beside = [store.transact(partial(take, notice_id=str(number))) for number in range(8)]
            assert await asyncio.gather(*beside) == [True] * 8
            conn.commit()
            assert not await taking

    run(postgres_url, story)


@pytest.mark.postgres
def test_deadlock(postgres_url: str) -> None:
    """Two stores that lock two rows in opposite order both finish."""

    async def story(store: Store) -> None:
        async with open_store(postgres_url) as other:
            orders = [("x", "y"), ("y", "x")] * 10

            def both(tx: Tx, names: tuple[str, str]) -> None:
                for name in names:
                    take(tx, notice_id=name)
                note(tx, "done")

            await asyncio.gather(
                *(
                    (store, other)[number % 2].transact(partial(both, names=names))
                    for number, names in enumerate(orders)
                )
            )
        assert len(await store.read(notes)) == len(orders)

    run(postgres_url, story)


def take(tx: Tx, *, notice_id: str) -> bool:
    """Take a notice in."""
    return take_notice(tx, "p", "a", notice_id=notice_id, now_us=1)


def test_locked_by_another(sqlite_url: str) -> None:
    """While another process writes, SQLite's loop goes on; the transaction follows afterwards."""

    async def story(store: Store) -> None:
        path = opening.database_file(sqlite_url)
        assert path is not None
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            conn.execute("BEGIN IMMEDIATE")
            writing = asyncio.ensure_future(store.transact(lambda tx: note(tx, "kept")))
            for _ in range(20):
                assert await store.read(notes) == []
            assert not writing.done()
            conn.execute("COMMIT")
            await writing
        assert await store.read(notes) == ["kept"]

    run(sqlite_url, story)
