"""Both engines keep the contract of storage."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Final

import pytest
from sqlalchemy import insert, select, text

from sampan.storage import schema
from sampan.storage.engine import Store, Tx
from sampan.testing.storage_callbacks_suite import CallbackSuite
from sampan.testing.storage_rows_suite import RowSuite, add_payment
from sampan.testing.storage_suite import TransactionSuite, note, notes
from tests.support.databases import open_store

BAD_PAYMENTS: Final[tuple[dict[str, object], ...]] = (
    {"status": "finished"},
    {"status": "decline", "finished_us": None},
    {"status": "processing", "finished_us": 5},
    {"status": "success", "finished_us": 5, "paid_minor": 0},
    {"status": "decline", "finished_us": 5, "paid_minor": 10},
    {"amount_minor": -1},
    {"amount_minor": 10**13 + 1},
    {"paid_minor": -1},
    {"held_count": -1},
    {"project_id": 999},
    {"payment_id": None},
    {"amount_minor": "ten"},
    {"amount_minor": 2**63},
    {"created_us": -(2**63) - 1},
)
"""Changes to a good row that no code may ever write."""


class TestStorage(TransactionSuite, RowSuite, CallbackSuite):
    """The shipped checks, on SQLite and on PostgreSQL."""

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> None:
        self._url = database_url

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Open a store on the database of this check."""
        return open_store(self._url)

    @pytest.mark.parametrize("change", BAD_PAYMENTS, ids=str)
    def test_refused_payment(self, change: dict[str, object]) -> None:
        """The table refuses what the code must never write, and nothing of it stays."""

        async def story(store: Store) -> None:
            good = await store.transact(add_payment)
            row = await store.read(
                lambda tx: tx.query(select(schema.payments).where(schema.payments.c.id == good.key))
            )
            values = dict(zip(schema.payments.c.keys(), row[0], strict=True))
            values |= {"id": good.key + 1, "payment_id_folded": "other"} | change

            def write(tx: Tx) -> None:
                note(tx, "lost")
                tx.query(insert(schema.payments).values(values).returning(schema.payments.c.id))

            told = await asyncio.gather(store.transact(write), return_exceptions=True)
            assert isinstance(told[0], Exception)
            assert await store.read(notes) == []

        self.check(story)

    def test_past_decline_is_indexed(self) -> None:
        """Looking for payments past their time reads the partial index, not the table."""

        async def story(store: Store) -> None:
            def plan(tx: Tx) -> str:
                sqlite = self._url.startswith("sqlite")
                if not sqlite:
                    tx.query(text("SELECT set_config('enable_seqscan', 'off', true)"))
                query = (
                    "SELECT id FROM payments WHERE finished_us IS NULL AND held_count = 0"
                    " AND decline_us <= 5 ORDER BY decline_us LIMIT 5"
                )
                rows = tx.query(text(f"EXPLAIN {'QUERY PLAN' if sqlite else ''} {query}"))
                return str(rows)

            assert "ix_payments_open_until" in await store.read(plan)

        self.check(story)
