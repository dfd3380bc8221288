"""People and their sessions mean the same on both engines."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest

from sampan.domain.rights import Role
from sampan.storage import saved_filters, users
from sampan.storage.engine import Conflict, Store, Tx
from sampan.storage.saved_filters import FILTERS_MAX, SavedFilter
from sampan.storage.users import Session, User
from sampan.testing.storage_suite import StoreSuite
from tests.support.databases import open_store

BIG = 2**53 - 1


def person(key: int = 1, **changes: Any) -> User:  # noqa: ANN401 - fields of every type
    """Return a person, changed as told."""
    values: dict[str, Any] = {
        "id": key,
        "email": f"P{key}@tea.example",
        "name": "陳大文 🍵",
        "roles": (Role.SUPPORT,),
        "created_us": 1,
        "updated_us": 1,
    }
    return User(**(values | changes))


WHOLE: dict[str, Any] = {
    "password_hash": "$argon2id$…",
    "totp_sealed": "sealed",
    "totp_step": 0,
    "recovery": ("a", "b"),
    "roles": (Role.OPERATIONS, Role.ADMIN),
    "language": "zh-hant",
    "updated_us": BIG,
    "disabled_us": BIG,
    "failures_count": 3,
    "locked_until_us": BIG,
    "invited_sha": "sha",
    "invited_until_us": BIG,
}


def session(sha: str, user: int = 1, **changes: Any) -> Session:  # noqa: ANN401 - fields of every type
    """Return a session, changed as told."""
    values: dict[str, Any] = {
        "token_sha": sha,
        "user_id": user,
        "created_us": 1,
        "seen_us": 1,
        "ends_us": 9,
        "ip_address": "::1",
        "agent": "茶",
        "passed_totp": False,
    }
    return Session(**(values | changes))


def saved(key: int, name: str, **changes: Any) -> SavedFilter:  # noqa: ANN401 - all types
    """Return a filter that person 1 keeps, changed as told."""
    values: dict[str, Any] = {"user_id": 1, "list": "payments", "query": "a=1", "updated_us": 1}
    values |= {"id": key, "name": name}
    return SavedFilter(**(values | changes))


def add(tx: Tx, *people: User) -> list[bool]:
    """Add people; return who was new."""
    return [users.add(tx, one) for one in people]


class TestUsers(StoreSuite):
    """Rows of people and sessions."""

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> None:
        self._url = database_url

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Open a store on the database of this check."""
        return open_store(self._url)

    def test_kept_whole(self) -> None:
        """Every field comes back, by each way of finding and holding, and after a change."""

        async def story(store: Store) -> None:
            first, other = person(), person(2)
            whole = person(**WHOLE)
            assert await store.transact(lambda tx: add(tx, first, other)) == [True, True]
            assert await store.read(partial(users.find, user_id=1)) == first
            await store.transact(lambda tx: users.change(tx, whole))

            def ways(tx: Tx) -> list[User | None]:
                return [
                    users.find(tx, 1),
                    users.by_email(tx, "p1@TEA.example"),
                    users.by_invitation(tx, "sha"),
                    users.hold(tx, 1),
                    users.hold_by_email(tx, " P1@tea.example"),
                    users.hold_by_invitation(tx, "sha"),
                ]

            assert await store.transact(ways) == [whole] * 6
            assert await store.read(users.every) == [whole, other]
            assert await store.transact(users.hold_every) == [whole, other]

        self.check(story)

    def test_nobody(self) -> None:
        """Who is not there is not found; nobody's missing invitation is everybody's."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: add(tx, person()))

            def ways(tx: Tx) -> list[User | None]:
                return [
                    users.find(tx, 2),
                    users.by_email(tx, "%"),
                    users.by_invitation(tx, ""),
                    users.hold(tx, 2),
                    users.hold_by_email(tx, ""),
                    users.hold_by_invitation(tx, "None"),
                ]

            assert await store.transact(ways) == [None] * 6

        self.check(story)

    def test_address_once(self) -> None:
        """An e-mail address is one person's, in whatever case, and the first one stays."""

        async def story(store: Store) -> None:
            twin = person(2, email="p1@tea.EXAMPLE")
            assert await store.transact(lambda tx: add(tx, person(), twin)) == [True, False]
            assert await store.read(users.every) == [person()]

        self.check(story)

    def test_what_cannot_be(self) -> None:
        """The database itself refuses a half-kept person."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: add(tx, person()))
            halves: list[dict[str, Any]] = [
                {"totp_step": 1},
                {"failures_count": -1},
                {"invited_sha": "x"},
                {"invited_until_us": 1},
            ]
            for changes in halves:
                with pytest.raises(Conflict):
                    await store.transact(partial(users.change, user=person(**changes)))
            assert await store.read(users.every) == [person()]

        self.check(story)

    def test_sessions(self) -> None:
        """A session is kept, used, passed and ended, and only by its own person."""

        async def story(store: Store) -> None:
            many = [session("a"), session("b", created_us=0), session("c", 2, passed_totp=True)]

            def write(tx: Tx) -> None:
                add(tx, person(), person(2))
                for one in many:
                    users.open_session(tx, one)

            await store.transact(write)
            assert await store.read(partial(users.sessions_of, user_id=1)) == [many[1], many[0]]
            assert await store.read(partial(users.session, sha="c")) == many[2]

            def use(tx: Tx) -> list[bool]:
                users.seen(tx, "a", now_us=5)
                users.pass_totp(tx, "a")
                return [users.end_session(tx, key, sha) for key, sha in ((1, "c"), (2, "c"))]

            assert await store.transact(use) == [False, True]
            used = session("a", seen_us=5, passed_totp=True)
            assert await store.read(partial(users.session, sha="a")) == used
            assert await store.transact(partial(users.end_sessions, user_id=1, but="a")) == 1
            assert await store.read(partial(users.sessions_of, user_id=1)) == [used]
            assert await store.transact(partial(users.end_sessions, user_id=1)) == 1
            assert await store.read(partial(users.session, sha="a")) is None

        self.check(story)

    def test_saved_filters(self) -> None:
        """A filter is its person's and its list's; one of the same name takes its place."""

        async def story(store: Store) -> None:
            def write(tx: Tx) -> list[bool]:
                add(tx, person(), person(2))
                mine = [saved(1, "茶 🍵"), saved(2, "a"), saved(3, "a", query="b=2", updated_us=5)]
                others = [saved(4, "a", user_id=2), saved(5, "a", list="links")]
                return [saved_filters.save(tx, one) for one in mine + others]

            assert await store.transact(write) == [True] * 5
            mine = partial(saved_filters.of_user, user_id=1, of_list="payments")
            kept = await store.read(mine)
            assert [(one.name, one.query, one.updated_us) for one in kept] == [
                ("a", "b=2", 5),
                ("茶 🍵", "a=1", 1),
            ]
            # Not another person's, not another list's, not what is not there.
            gone = [(2, "payments", kept[0].id), (1, "links", kept[0].id), (1, "payments", 999)]
            for user_id, of_list, key in [*gone, (1, "payments", kept[0].id)]:
                removed = await store.transact(
                    partial(saved_filters.remove, user_id=user_id, of_list=of_list, filter_id=key)
                )
                assert removed == (len(await store.read(mine)) == 1)

        self.check(story)

    def test_saved_filters_are_bounded(self) -> None:
        """One too many is not kept; one in the place of another still is."""

        async def story(store: Store) -> None:
            def fill(tx: Tx) -> set[bool]:
                add(tx, person())
                names = [f"n{n:02}" for n in range(FILTERS_MAX)]
                return {saved_filters.save(tx, saved(n, name)) for n, name in enumerate(names, 1)}

            assert await store.transact(fill) == {True}
            assert not await store.transact(partial(saved_filters.save, saved=saved(99, "more")))
            again = saved(99, "n00", query="new")
            assert await store.transact(partial(saved_filters.save, saved=again))

        self.check(story)

    def test_columns(self) -> None:
        """Columns are kept for a person and a list, and chosen anew as a whole."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: add(tx, person(), person(2)))
            choose = partial(saved_filters.choose_columns, user_id=1, of_list="payments")
            look = partial(saved_filters.columns_of, of_list="payments")
            assert await store.read(partial(look, user_id=1)) is None
            for columns in (["a", "茶"], ["b"]):
                await store.transact(partial(choose, columns=columns))
                assert await store.read(partial(look, user_id=1)) == columns
            assert await store.read(partial(look, user_id=2)) is None

        self.check(story)

    def test_forgotten_sessions(self) -> None:
        """Sessions that have ended, or were idle too long, are forgotten; others stay."""

        async def story(store: Store) -> None:
            kept = session("kept", seen_us=7, ends_us=11)
            gone = [session("ended", seen_us=7, ends_us=10), session("idle", seen_us=6, ends_us=99)]

            def write(tx: Tx) -> None:
                add(tx, person())
                for one in (kept, *gone):
                    users.open_session(tx, one)

            await store.transact(write)
            assert await store.transact(partial(users.forget_sessions, now_us=10, idle_us=6)) == 2
            assert await store.read(partial(users.sessions_of, user_id=1)) == [kept]

        self.check(story)
