"""What every engine must keep about transactions, ids and tasks, as checks of `storage.engine`.

Derive a class whose name begins with `Test` from `TransactionSuite`,
`storage_rows_suite.RowSuite` and `storage_callbacks_suite.CallbackSuite`, give it `open_store`, and
let pytest collect it. Each check begins with a migrated, empty database of its own.
"""
# ruff: noqa: S101, PLR2004 - a check is made of assertions and of expected figures

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

import msgspec

from sampan.domain.payment import Customer, Payment, Targets
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.statuses import PaymentStatus
from sampan.storage import (
    credits,  # noqa: A004 - the table is called so
    journal,
    outbox,
    payments,
    projects,
)
from sampan.storage.engine import Conflict, Store, Tx
from sampan.storage.journal import Entry
from sampan.storage.outbox import Task
from sampan.storage.vault import Vault

CHECK_TIMEOUT_S: Final = 120.0
"""The longest that a check may take; what hangs is known by it also where a machine is busy."""
MANY: Final = 200
RACERS: Final = 16
PROJECT_ID: Final = 7
KIND: Final = "ask_provider"
MASTER_KEY: Final = "a master key of checks"
Story = Callable[[Store], Awaitable[None]]


class StoreSuite(ABC):
    """Opens stores for checks."""

    @abstractmethod
    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Open a store on this check's database; each call gives another store on the same one."""

    def check(self, story: Story) -> None:
        """Run a check with a store that has the project `PROJECT_ID`."""

        async def run() -> None:
            async with asyncio.timeout(CHECK_TIMEOUT_S), self.open_store() as store:
                await store.transact(lambda tx: add_project(tx, store))
                await story(store)

        asyncio.run(run())


def add_project(tx: Tx, store: Store) -> None:
    """Add the project that checks use."""
    project = Project(
        id=PROJECT_ID, name="shop", callback_url="", secrets=("s",), settings=ProjectSettings()
    )
    vault = Vault(MASTER_KEY, store.clock)
    projects.add(tx, project, vault=vault, now_us=1)


def new_payment(tx: Tx, payment_id: str = "p", **changes: object) -> Payment:
    """Return a payment in `processing` for HK$100.00, changed as told; nothing is written."""
    values = {
        "key": tx.new_id(),
        "project_id": PROJECT_ID,
        "id": payment_id,
        "status": PaymentStatus.PROCESSING,
        "currency": "HKD",
        "amount_minor": 10_000,
        "paid_minor": 0,
        "description": "",
        "customer": Customer(id="c"),
        "targets": Targets(),
        "display": None,
        "faults": (),
        "held_count": 0,
        "created_us": 1,
        "updated_us": 1,
        "decline_us": 100,
        "finished_us": None,
    }
    return Payment(**(values | changes))  # type: ignore[arg-type] # values of a check


def note(tx: Tx, why: str, *, payment: int = 1) -> None:
    """Append a row to the journal, the plainest durable thing."""
    entry = Entry(at_us=1, project_id=PROJECT_ID, payment=payment, what="seen", by="clock", why=why)
    journal.write(tx, entry)


def notes(tx: Tx, payment: int = 1) -> Sequence[str]:
    """Return what `note` has written."""
    return [entry.why for entry in journal.of_payment(tx, payment)]


def claim(tx: Tx, now_us: int = 10, *, most: int = 10, lane: str = "a") -> Sequence[Task]:
    """Claim tasks with a lease of 100 µs."""
    return outbox.claim(tx, KIND, lane=lane, now_us=now_us, lease_until_us=now_us + 100, most=most)


def put(tx: Tx, subject: int, *, due_us: int = 1, lane: str = "a") -> int:
    """Write a task."""
    return outbox.put(tx, KIND, lane=lane, subject=subject, due_us=due_us)


class TransactionSuite(StoreSuite):
    """Checks of transactions, ids and the outbox."""

    def test_durable_before_answer(self) -> None:
        """What `transact` has answered, another store on the database sees."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: note(tx, "one"))
            async with self.open_store() as other:
                assert await other.read(notes) == ["one"]

        self.check(story)

    def test_failure_rolls_back_itself_alone(self) -> None:
        """A function that raises loses its own changes; those beside it stand."""

        async def story(store: Store) -> None:
            def run(number: int) -> Callable[[Tx], int]:
                def fn(tx: Tx) -> int:
                    note(tx, str(number))
                    if number % 3 == 0:
                        raise ValueError(number)
                    return number

                return fn

            answers = await asyncio.gather(
                *(store.transact(run(number)) for number in range(60)), return_exceptions=True
            )
            kept = [number for number in range(60) if number % 3]
            assert [one for one in answers if isinstance(one, int)] == kept
            assert sum(isinstance(one, ValueError) for one in answers) == 20
            assert sorted(map(int, await store.read(notes))) == kept

        self.check(story)

    def test_duplicate_key(self) -> None:
        """A key that is taken is a `Conflict`, and the rest of its function is undone."""

        async def story(store: Store) -> None:
            def again(tx: Tx) -> None:
                note(tx, "lost")
                add_project(tx, store)
                note(tx, "lost too")

            told = await asyncio.gather(
                store.transact(again),
                store.transact(lambda tx: note(tx, "kept")),
                return_exceptions=True,
            )
            assert isinstance(told[0], Conflict)
            assert await store.read(notes) == ["kept"]

        self.check(story)

    def test_many_at_once(self) -> None:
        """Each of 200 transactions at once is done once and gets its own answer."""

        async def story(store: Store) -> None:
            def run(number: int) -> Callable[[Tx], int]:
                def fn(tx: Tx) -> int:
                    note(tx, str(number))
                    return number

                return fn

            numbers = list(range(MANY))
            assert await asyncio.gather(*(store.transact(run(n)) for n in numbers)) == numbers
            assert sorted(map(int, await store.read(notes))) == numbers

        self.check(story)

    def test_snapshot(self) -> None:
        """A read sees every transaction that was answered before it began."""

        async def story(store: Store) -> None:
            for number in range(30):
                await store.transact(lambda tx: note(tx, "x"))
                assert len(await store.read(notes)) == number + 1

        self.check(story)

    def test_ids_unique(self) -> None:
        """Two stores on one database, all at once, never give an id twice; all are below 2^53."""

        async def story(store: Store) -> None:
            def some(tx: Tx) -> list[int]:
                return [tx.new_id() for _ in range(500)]

            async with self.open_store() as other:
                blocks = await asyncio.gather(
                    *(one.transact(some) for one in (store, other) for _ in range(20))
                )
            ids = [one for block in blocks for one in block]
            assert len(set(ids)) == len(ids) == 20_000
            assert 0 < min(ids) <= max(ids) < 2**53

        self.check(story)

    def test_wakes_after_commit(self) -> None:
        """Listeners hear of the work a commit left, and of none that was rolled back."""

        async def story(store: Store) -> None:
            heard: list[str] = []
            store.on_wake(heard.append)

            def failing(tx: Tx) -> None:
                put(tx, 1)
                raise ValueError

            told = await asyncio.gather(store.transact(failing), return_exceptions=True)
            assert isinstance(told[0], ValueError)
            assert heard == []
            await store.transact(lambda tx: put(tx, 1))
            assert heard == [KIND]

        self.check(story)

    def test_claimed_once(self) -> None:
        """Claimers of two stores that race share the tasks: each is claimed once."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: [put(tx, number) for number in range(100)])
            async with self.open_store() as other:
                shares = await asyncio.gather(
                    *(one.transact(claim) for one in (store, other) for _ in range(RACERS))
                )
            subjects = [task.subject for share in shares for task in share]
            assert sorted(subjects) == list(range(100))

        self.check(story)

    def test_oldest_due_first(self) -> None:
        """Of more due tasks than are asked for, those due longest are claimed; others not."""

        async def story(store: Store) -> None:
            dues = (5, 3, 9, 1, 11)
            await store.transact(lambda tx: [put(tx, due, due_us=due) for due in dues])
            first = await store.transact(lambda tx: claim(tx, most=2))
            assert {task.subject for task in first} == {1, 3}
            rest = await store.transact(claim)
            assert {task.subject for task in rest} == {5, 9}

        self.check(story)

    def test_lease_ends(self) -> None:
        """A task whose lease has ended is claimed again with one attempt more; not before."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: put(tx, 1))
            (first,) = await store.transact(lambda tx: claim(tx, 10))
            assert await store.transact(lambda tx: claim(tx, 109)) == []
            (second,) = await store.transact(lambda tx: claim(tx, 110))
            assert (first.attempts_count, second.attempts_count) == (1, 2)

        self.check(story)

    def test_lost_lease_changes_nothing(self) -> None:
        """Who lost a lease can neither finish, put back nor postpone; who holds it can."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: put(tx, 1))
            (lost,) = await store.transact(lambda tx: claim(tx, 10))
            (held,) = await store.transact(lambda tx: claim(tx, 110))
            assert not await store.transact(lambda tx: outbox.done(tx, lost))
            assert not await store.transact(lambda tx: outbox.put_back(tx, lost, due_us=1))
            assert not await store.transact(lambda tx: outbox.postpone(tx, lost, due_us=1))
            assert await store.transact(lambda tx: claim(tx, 120)) == []
            assert await store.transact(lambda tx: outbox.done(tx, held))
            assert await store.transact(lambda tx: claim(tx, 999)) == []

        self.check(story)

    def test_postponed_counts_no_attempt(self) -> None:
        """A task that was postponed comes back as if never claimed; one put back has counted."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: put(tx, 1))
            (task,) = await store.transact(claim)
            assert await store.transact(lambda tx: outbox.postpone(tx, task, due_us=20))
            (task,) = await store.transact(lambda tx: claim(tx, 20))
            assert task.attempts_count == 1
            assert await store.transact(lambda tx: outbox.put_back(tx, task, due_us=30))
            (task,) = await store.transact(lambda tx: claim(tx, 30))
            assert task.attempts_count == 2

        self.check(story)

    def test_lanes_due(self) -> None:
        """Each lane with a due task is named once; empty, claimed and later ones are not."""

        async def story(store: Store) -> None:
            def fill(tx: Tx) -> None:
                for lane, due_us in (("b", 1), ("a", 1), ("a", 2), ("c", 50), ("d", 1), ("", 1)):
                    put(tx, 1, lane=lane, due_us=due_us)
                claim(tx, lane="d")

            await store.transact(fill)
            lanes = await store.read(lambda tx: outbox.lanes_due(tx, KIND, now_us=10))
            assert sorted(lanes) == ["", "a", "b"]
            assert await store.read(lambda tx: outbox.lanes_due(tx, "callback", now_us=10)) == []

        self.check(story)

    def test_dropped(self) -> None:
        """`drop` deletes the tasks about one subject; who held one has lost it."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: [put(tx, 1), put(tx, 2)])
            claimed = await store.transact(claim)
            held = next(task for task in claimed if task.subject == 1)
            await store.transact(lambda tx: outbox.drop(tx, KIND, lane="a", subject=1))
            assert not await store.transact(lambda tx: outbox.done(tx, held))
            left = await store.transact(lambda tx: claim(tx, 999))
            assert [task.subject for task in left] == [2]

        self.check(story)

    def test_notice_taken_once(self) -> None:
        """Of 64 who take the same notice at once, one does."""

        async def story(store: Store) -> None:
            def take(tx: Tx) -> bool:
                return credits.take_notice(tx, "fps", "acc", notice_id="n", now_us=1)

            taken = await asyncio.gather(*(store.transact(take) for _ in range(64)))
            assert sum(taken) == 1

        self.check(story)

    def test_guarded_move(self) -> None:
        """Of 16 moves at once from the same state exactly one wins."""

        async def story(store: Store) -> None:
            before = await store.transact(new_payment)
            await store.transact(lambda tx: payments.insert_payment(tx, before))
            after = _declined(before)
            async with self.open_store() as other:
                won = await asyncio.gather(
                    *(
                        one.transact(lambda tx: payments.move_payment(tx, before, after))
                        for one in (store, other)
                        for _ in range(RACERS // 2)
                    )
                )
            assert sum(won) == 1

        self.check(story)


def _declined(payment: Payment) -> Payment:
    return msgspec.structs.replace(payment, status=PaymentStatus.DECLINE, finished_us=2)
