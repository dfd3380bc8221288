"""Sessions and looks of the Payment Page mean the same on both engines."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final

import pytest

from sampan.domain.look import Look, Picture
from sampan.domain.project import Project, ProjectSettings
from sampan.storage import page_sessions, page_styles, projects
from sampan.storage.engine import Store, Tx
from sampan.storage.page_sessions import FORGET_MAX, PageSession
from sampan.storage.page_styles import Style
from sampan.storage.vault import Vault
from sampan.testing.storage_rows_suite import SAME_IDS, add_payment
from sampan.testing.storage_suite import MASTER_KEY, PROJECT_ID, StoreSuite
from tests.support.databases import open_store

OTHER_ID: Final = PROJECT_ID + 1


def session(token: str = "t", **changes: Any) -> PageSession:  # noqa: ANN401 - fields of every type
    """Return a session that has started nothing, changed as told."""
    values: dict[str, Any] = {
        "token": token,
        "project_id": PROJECT_ID,
        "payment_id": "p",
        "digest": "d",
        "request": '{"description":"茶; 🍵"}',
        "payment": None,
        "created_us": 1,
    }
    return PageSession(**(values | changes))


def style(number: int = 0, **look: Any) -> Style:  # noqa: ANN401 - fields of every type
    """Return a style with this look."""
    return Style(number=number, name=f"style {number}", look=Look(**look), updated_us=5)


def kept(tx: Tx, *sessions: PageSession) -> list[bool]:
    """Insert sessions; return which were new."""
    return [page_sessions.insert(tx, one) for one in sessions]


def found(tx: Tx, *tokens: str) -> list[PageSession]:
    """Return the sessions that are there."""
    many = [page_sessions.find(tx, token) for token in tokens]
    return [one for one in many if one is not None]


def started(tx: Tx, token: str, payment_id: str = "p") -> int:
    """Insert a session that has started a payment; return the payment's key."""
    key = add_payment(tx, payment_id).key
    assert page_sessions.insert(tx, session(token, payment_id=payment_id))
    page_sessions.attach(tx, token, payment=key)
    return key


def add_other_project(tx: Tx, store: Store) -> None:
    """Add a second project."""
    project = Project(
        id=OTHER_ID, name="other", callback_url="", secrets=("s",), settings=ProjectSettings()
    )
    projects.add(tx, project, vault=Vault(MASTER_KEY, store.clock), now_us=1)


class Pages(StoreSuite):
    """Opens stores on this test's database."""

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> None:
        self._url = database_url

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Open a store on the database of this check."""
        return open_store(self._url)


class TestSessions(Pages):
    """Rows of opened pages."""

    def test_kept_once(self) -> None:
        """A session is kept as it was first inserted; its token is never given to another."""

        async def story(store: Store) -> None:
            first, other = session(), session(payment_id="other", digest="e", created_us=9)
            assert await store.transact(lambda tx: kept(tx, first, other)) == [True, False]
            assert await store.transact(lambda tx: kept(tx, first)) == [False]
            assert await store.read(lambda tx: found(tx, "t")) == [first]

        self.check(story)

    def test_unknown_token(self) -> None:
        """A token that was never given out finds nothing, whatever it looks like."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: kept(tx, session("token")))
            asked = ("", "TOKEN", "token ", "t%", "_oken", "tok")
            assert await store.read(lambda tx: found(tx, *asked)) == []

        self.check(story)

    def test_attach(self) -> None:
        """A session learns which payment it started, and no other session does."""

        async def story(store: Store) -> None:
            def start(tx: Tx) -> int:
                kept(tx, session("other"))
                return started(tx, "t")

            key = await store.transact(start)
            both = await store.read(lambda tx: found(tx, "t", "other"))
            assert [one.payment for one in both] == [key, None]

        self.check(story)

    @pytest.mark.parametrize(("first", "second"), SAME_IDS)
    def test_of_payment_id(self, first: str, second: str) -> None:
        """Sessions are found by their payment id without regard to case, kept as it was sent."""

        async def story(store: Store) -> None:
            def write(tx: Tx) -> None:
                add_other_project(tx, store)
                kept(
                    tx,
                    session("1", payment_id=first),
                    session("2", payment_id=second),
                    session("3", payment_id=f"{first}!"),
                    session("4", payment_id=first, project_id=OTHER_ID),
                )

            await store.transact(write)
            same = await store.read(
                partial(page_sessions.of_payment_id, project_id=PROJECT_ID, payment_id=second)
            )
            assert {(one.token, one.payment_id) for one in same} == {("1", first), ("2", second)}

        self.check(story)

    def test_cancel(self) -> None:
        """Only what has started nothing is cancelled, once, and in its own project."""

        async def story(store: Store) -> None:
            def write(tx: Tx) -> None:
                add_other_project(tx, store)
                started(tx, "started")
                kept(
                    tx,
                    session("open"),
                    session("case", payment_id="P"),
                    session("cancelled", cancelled_us=3),
                    session("other id", payment_id="q"),
                    session("other project", project_id=OTHER_ID),
                )

            await store.transact(write)
            cancel = partial(page_sessions.cancel, project_id=PROJECT_ID, payment_id="p", now_us=8)
            assert await store.transact(cancel) == 2
            assert await store.transact(cancel) == 0
            tokens = ("open", "case", "cancelled", "started", "other id", "other project")
            now = await store.read(lambda tx: found(tx, *tokens))
            assert [one.cancelled_us for one in now] == [8, 8, 3, None, None, None]

        self.check(story)

    def test_forget(self) -> None:
        """What is old and never started a payment is forgotten; a payment's page stays."""

        async def story(store: Store) -> None:
            def write(tx: Tx) -> None:
                started(tx, "started")
                kept(
                    tx,
                    session("old", created_us=1),
                    session("cancelled", created_us=4, cancelled_us=2),
                    session("new", created_us=5),
                )

            await store.transact(write)
            assert await store.transact(partial(page_sessions.forget, before_us=5)) == 2
            left = await store.read(lambda tx: found(tx, "old", "cancelled", "started", "new"))
            assert [one.token for one in left] == ["started", "new"]
            assert await store.transact(partial(page_sessions.forget, before_us=5)) == 0

        self.check(story)

    def test_forget_takes_a_bounded_number(self) -> None:
        """However much is old, one transaction forgets so many, the oldest first."""

        async def story(store: Store) -> None:
            count = FORGET_MAX + 3
            many = [session(f"t{n}", created_us=count - n) for n in range(count)]
            await store.transact(lambda tx: kept(tx, *many))
            assert await store.transact(partial(page_sessions.forget, before_us=10**9)) == (
                FORGET_MAX
            )
            left = await store.read(lambda tx: found(tx, *[one.token for one in many]))
            assert [one.token for one in left] == ["t0", "t1", "t2"]
            assert await store.transact(partial(page_sessions.forget, before_us=10**9)) == 3

        self.check(story)


class TestStyles(Pages):
    """Rows of looks."""

    def test_house(self) -> None:
        """A project without a style has the house's look, whichever is asked for."""

        async def story(store: Store) -> None:
            for number in (0, 1, 999_999_999):
                look = await store.read(
                    partial(page_styles.find, project_id=PROJECT_ID, number=number)
                )
                assert look == Look()

        self.check(story)

    def test_find(self) -> None:
        """The style that is asked for, else the default, and never another project's."""

        async def story(store: Store) -> None:
            def write(tx: Tx) -> None:
                add_other_project(tx, store)
                page_styles.put(tx, OTHER_ID, style(7, title="other"))
                page_styles.put(tx, PROJECT_ID, style(3, title="three"))

            await store.transact(write)

            async def titles() -> list[str]:
                return await store.read(
                    lambda tx: [page_styles.find(tx, PROJECT_ID, n).title for n in (0, 3, 7, 2)]
                )

            assert await titles() == ["", "three", "", ""]
            await store.transact(
                lambda tx: page_styles.put(tx, PROJECT_ID, style(0, title="default"))
            )
            assert await titles() == ["default", "three", "default", "default"]

        self.check(story)

    def test_put_replaces(self) -> None:
        """A style has its number once, and is kept whole."""

        async def story(store: Store) -> None:
            picture = Picture("image/png", bytes(range(256)) * 256)
            whole = style(
                2, title="海港茶舍 🍵", accent="#8a2be2", background="#f7f1e5", logo=picture
            )

            def write(tx: Tx) -> None:
                page_styles.put(tx, PROJECT_ID, style(2, title="first", accent="#000000"))
                page_styles.put(tx, PROJECT_ID, style(1))
                page_styles.put(tx, PROJECT_ID, whole)

            await store.transact(write)
            of_project = partial(page_styles.of_project, project_id=PROJECT_ID)
            assert await store.read(of_project) == [style(1), whole]

        self.check(story)

    def test_remove(self) -> None:
        """A style is removed once, and its project falls back to the default."""

        async def story(store: Store) -> None:
            def write(tx: Tx) -> None:
                page_styles.put(tx, PROJECT_ID, style(0, title="default"))
                page_styles.put(tx, PROJECT_ID, style(1, title="one"))

            await store.transact(write)
            remove = partial(page_styles.remove, project_id=PROJECT_ID, number=1)
            assert await store.transact(remove)
            assert not await store.transact(remove)
            look = await store.read(partial(page_styles.find, project_id=PROJECT_ID, number=1))
            assert look.title == "default"

        self.check(story)
