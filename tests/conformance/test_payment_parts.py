"""The newest parts of a payment mean the same on both engines, however many there are."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from sampan.domain.payment import Operation, Payment
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.storage import callbacks, journal, payments, projects
from sampan.storage import credits as kept
from sampan.storage.callbacks import Attempt, Callback
from sampan.storage.credits import Credit
from sampan.storage.engine import Store, Tx
from sampan.storage.journal import Entry
from sampan.testing.storage_rows_suite import add_payment
from sampan.testing.storage_suite import PROJECT_ID, StoreSuite
from tests.support.databases import open_store

TIMES = (3, 1, 5, 2, 4)
"""Written in this order, so that neither ids nor the order of writing tell the time."""
NEWEST = [3, 4, 5]


def _write(tx: Tx, payment: Payment, at_us: int) -> None:
    """Write one part of each kind, made at a moment."""
    entry = Entry(at_us=at_us, project_id=PROJECT_ID, what="x", by="y", payment=payment.key)
    journal.write(tx, entry)
    credit = Credit(
        id=tx.new_id(),
        provider="p",
        account="a",
        bank_txn_id=f"{payment.key}-{at_us}",
        status="unapplied",
        amount_minor=1,
        currency="HKD",
        reference="",
        payer_name="",
        payment=payment.key,
        booked_us=at_us,
        received_us=at_us,
        updated_us=at_us,
    )
    kept.insert_credit(tx, credit)
    operation = Operation(
        id=tx.new_id(),
        payment_key=payment.key,
        type=OperationType.SALE,
        status=PaymentStatus.PROCESSING,
        amount_minor=1,
        currency="HKD",
        request_id=f"r-{at_us}",
        code="",
        message="",
        provider_id=1,
        provider_ref="",
        created_us=at_us,
        updated_us=at_us,
    )
    payments.insert_operation(tx, operation, project_id=PROJECT_ID, digest="")
    callback = Callback(
        id=tx.new_id(),
        project_id=PROJECT_ID,
        payment=payment.key,
        operation=operation.id,
        kind="final",
        status="pending",
        url="",
        body="{}",
        note="",
        attempts_count=0,
        created_us=at_us,
        finished_us=None,
    )
    callbacks.insert_callback(tx, callback)
    attempt = Attempt(
        callback=callback.id,
        number=1,
        at_us=at_us,
        url="",
        http_status=None,
        duration_ms=0,
        answer="",
        error="",
    )
    callbacks.insert_attempt(tx, attempt)


def _newest(tx: Tx, key: int, most: int) -> list[list[int]]:
    """Return the times of each kind of part."""
    return [
        [one.at_us for one in journal.newest_of_payment(tx, key, most=most)],
        [one.received_us for one in kept.newest_of_payment(tx, key, most=most)],
        [one.created_us for one in payments.newest_operations_of(tx, key, most=most)],
        [one.created_us for one in callbacks.newest_of_payment(tx, key, most=most)],
        [one.at_us for one in callbacks.newest_attempts_of_payment(tx, key, most=most)],
    ]


class TestParts(StoreSuite):
    """What belongs to a payment, and the names of projects."""

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> None:
        self._url = database_url

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Open a store on the database of this check."""
        return open_store(self._url)

    def test_newest_parts(self) -> None:
        """The newest come, oldest of them first, and nothing of another payment."""

        async def story(store: Store) -> None:
            def write(tx: Tx) -> Payment:
                mine, other = add_payment(tx, "mine"), add_payment(tx, "other")
                for at_us in TIMES:
                    _write(tx, mine, at_us)
                    _write(tx, other, at_us + 10)
                return mine

            mine = await store.transact(write)
            assert await store.read(lambda tx: _newest(tx, mine.key, 3)) == [NEWEST] * 5
            assert await store.read(lambda tx: _newest(tx, mine.key, 9)) == [sorted(TIMES)] * 5
            assert await store.read(lambda tx: _newest(tx, 1, 9)) == [[]] * 5

        self.check(story)

    def test_names_of_projects(self) -> None:
        """Names are read without opening a secret."""

        async def story(store: Store) -> None:
            names = await store.read(projects.names)
            assert list(names) == [PROJECT_ID]

        self.check(story)
