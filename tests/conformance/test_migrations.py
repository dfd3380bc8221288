"""The steps of the schema lead to the tables that the code knows, on both engines."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, column, insert, inspect, table, text
from sqlalchemy.exc import IntegrityError

from sampan.clock import ManualClock
from sampan.domain.payment import Payment
from sampan.domain.statuses import Origin, PaymentStatus
from sampan.errors import SetupError
from sampan.storage import migrate, payments, schema
from sampan.storage import open as opening

STARTERS = 4


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Connect to a database; what is written is committed at the end."""
    engine = opening.make_engine(url)
    try:
        with engine.begin() as conn:
            yield conn
    finally:
        engine.dispose()


def described(conn: Connection) -> dict[str, Any]:
    """Return all that the database itself says about its tables, but Alembic's."""
    if conn.dialect.name == "sqlite":
        rows = conn.execute(text("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
        # A table that was laid anew has its name in quotes.
        plain = str.maketrans({",": " ", '"': None})
        texts = {row[0]: " ".join(sorted(row[1].translate(plain).split())) for row in rows}
        return {name: sql for name, sql in texts.items() if name != "alembic_version"}
    seen = inspect(conn)
    found: dict[str, Any] = {}
    for name in sorted(set(seen.get_table_names()) - {"alembic_version"}):
        found[name] = [
            [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)],
            seen.get_pk_constraint(name),
            sorted(map(str, seen.get_unique_constraints(name))),
            sorted(map(str, seen.get_check_constraints(name))),
            sorted(map(str, seen.get_foreign_keys(name))),
            sorted(map(str, seen.get_indexes(name))),
        ]
    return found


def test_steps_make_the_schema(database_url: str) -> None:
    """Alembic sees no difference between the migrated database and the tables of the code."""
    with connected(database_url) as conn:
        assert compare_metadata(MigrationContext.configure(conn), schema.metadata) == []


def test_steps_make_every_constraint(database_url: str, empty_database_url: str) -> None:
    """Columns, keys, checks and partial indexes are those that the tables of the code create."""
    if database_url.split(":", maxsplit=1)[0] != empty_database_url.split(":", maxsplit=1)[0]:
        return
    with connected(empty_database_url) as conn:
        schema.metadata.create_all(conn)
        made = described(conn)
    with connected(database_url) as conn:
        assert described(conn) == made
    assert len(made) >= len(schema.metadata.tables)


def test_repeat_changes_nothing(empty_database_url: str) -> None:
    """Migrating a migrated database is nothing."""
    opening.prepare(empty_database_url)
    with connected(empty_database_url) as conn:
        before = described(conn)
    opening.prepare(empty_database_url)
    with connected(empty_database_url) as conn:
        assert described(conn) == before
        assert conn.execute(text("SELECT count(*) FROM id_blocks")).scalar_one() == 1


def test_started_at_once(empty_database_url: str) -> None:
    """Processes that start at once on an empty database all succeed, and migrate it once."""
    code = "import sys; from sampan.storage.open import prepare; prepare(sys.argv[1])"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_database_url], stderr=subprocess.PIPE, text=True
        )
        for _ in range(STARTERS)
    ]
    faults = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * STARTERS, faults
    with connected(empty_database_url) as conn:
        assert conn.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_newer_schema(database_url: str) -> None:
    """A database of a newer Sampan is refused, and left as it is."""
    with connected(database_url) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match="newer"):
        opening.prepare(database_url)
    with connected(database_url) as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_unreachable() -> None:
    """A server that does not answer is a `SetupError`."""
    with pytest.raises(SetupError, match="does not answer"):
        opening.prepare("postgresql://nobody@127.0.0.1:1/none")


ROWS_AT_0001: dict[str, list[dict[str, Any]]] = {
    "projects": [
        {
            "id": 7,
            "name": "Tea house",
            "callback_url": "https://shop.example/callbacks",
            "secret_sealed": "sealed",
            "secret_previous_sealed": None,
            "secret_previous_until_us": None,
            "settings": "{}",
            "created_us": 1,
            "updated_us": 2,
        }
    ],
    "payments": [
        {
            "id": key,
            "project_id": 7,
            "payment_id": f"Order-{key}",
            "payment_id_folded": f"order-{key}",
            "status": status,
            "currency": "HKD",
            "amount_minor": 10_000,
            "paid_minor": paid_minor,
            "description": "茶; tea",
            "customer_id": "c",
            "customer": '{"id":"c"}',
            "targets": "{}",
            "display": None,
            "faults": "[]",
            "held_count": 0,
            "created_us": 3,
            "updated_us": 4,
            "decline_us": 5,
            "finished_us": finished_us,
        }
        for key, status, paid_minor, finished_us in (
            (11, "success", 10_000, 4),
            (12, "awaiting customer action", 0, None),
        )
    ],
    "operations": [
        {
            "id": key,
            "payment": payment,
            "project_id": 7,
            "type": kind,
            "status": status,
            "amount_minor": 10_000,
            "currency": "HKD",
            "request_id": f"r{key}",
            "request_digest": f"d{key}",
            "merchant_refund_id": refund_id,
            "code": "0",
            "message": "Success",
            "provider_id": 1,
            "provider_ref": "T1",
            "created_us": 3,
            "updated_us": 4,
        }
        for key, payment, kind, status, refund_id in (
            (21, 11, "sale", "success", None),
            (22, 11, "refund", "decline", "f1"),
            (23, 12, "sale", "awaiting customer action", None),
        )
    ],
    "journal": [
        {
            "id": 31,
            "at_us": 4,
            "project_id": 7,
            "payment": 11,
            "operation": 21,
            "what": "credited",
            "status_from": "processing",
            "status_to": "success",
            "by": "bank",
            "why": "T1",
        }
    ],
    "callbacks": [
        {
            "id": 41,
            "project_id": 7,
            "payment": 11,
            "operation": 21,
            "kind": "final",
            "status": "delivered",
            "url": "https://shop.example/callbacks",
            "body": "{}",
            "note": "",
            "attempts_count": 1,
            "created_us": 4,
            "finished_us": 5,
        }
    ],
    "outbox": [
        {
            "id": 45,
            "kind": "callback",
            "lane": "https://shop.example",
            "subject": 41,
            "due_us": 6,
            "attempts_count": 2,
            "created_us": 4,
        }
    ],
    "credits": [
        {
            "id": 51,
            "provider": "sandbox",
            "account": "acc",
            "bank_txn_id": "T1",
            "status": "applied",
            "amount_minor": 10_000,
            "currency": "HKD",
            "reference": "ref",
            "payer_name": "CHAN TAI MAN",
            "payment": 11,
            "booked_us": 4,
            "received_us": 4,
            "updated_us": 4,
        }
    ],
    "ledger": [
        {
            "id": 60 + number,
            "posting": posting,
            "account": account,
            "currency": "HKD",
            "amount_minor": amount_minor,
            "credit": 51,
            "posted_us": 4,
        }
        for number, (posting, account, amount_minor) in enumerate(
            (
                (1, "bank/sandbox/acc", 10_000),
                (1, "unapplied/sandbox/acc", -10_000),
                (2, "unapplied/sandbox/acc", 10_000),
                (2, "project/7", -10_000),
            )
        )
    ],
}
"""A row or more of every table that tells of money, as the first schema has them."""
NEW_SINCE_0001: dict[str, dict[str, Any]] = {
    "projects": {"callback_rules": None, "secret_set_us": 1},
    "payments": {
        "origin": "gate",
        "merchant_data": "",
        "best_before_us": None,
        "attempts_count": 1,
        "retry_until_us": None,
    },
    "credits": {
        "identity": "T1",
        "part": 0,
        "parent": None,
        "source": "notice",
        "import_id": None,
        "booked_to_us": 4,
        "payer_account": "",
        "texts": "[]",
        "found": "",
        "refunded_minor": 0,
    },
    "ledger": {"reversal": None},
    "operations": {"account": None, "qr_minor": None},
}


def fill_first_schema(url: str) -> None:
    """Make a database of revision 0001 with rows in it."""
    with connected(url) as conn:
        command.upgrade(migrate.config(conn), "0001")
        for name, rows in ROWS_AT_0001.items():
            conn.execute(insert(table(name, *map(column, rows[0]))), rows)


def test_rows_are_kept(empty_database_url: str) -> None:
    """A database of the first schema keeps every row; what came through Gate says so."""
    fill_first_schema(empty_database_url)
    opening.prepare(empty_database_url)
    with connected(empty_database_url) as conn:
        for name, rows in ROWS_AT_0001.items():
            found = conn.execute(text(f"SELECT * FROM {name} ORDER BY id")).mappings()  # noqa: S608
            expected = [row | NEW_SINCE_0001.get(name, {}) for row in rows]
            assert [dict(row) for row in found] == expected


def test_references_are_kept(empty_database_url: str) -> None:
    """After the step each reference still names its row, and a row that is named cannot go."""
    fill_first_schema(empty_database_url)
    opening.prepare(empty_database_url)
    with connected(empty_database_url) as conn:
        if conn.dialect.name == "sqlite":
            assert conn.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
            assert conn.execute(text("PRAGMA foreign_key_check")).fetchall() == []
        seen = inspect(conn)
        named = {
            (name, key["constrained_columns"][0], key["referred_table"])
            for name in ROWS_AT_0001
            for key in seen.get_foreign_keys(name)
        }
    assert named == {
        ("payments", "project_id", "projects"),
        ("operations", "payment", "payments"),
        ("callbacks", "payment", "payments"),
        ("credits", "payment", "payments"),
        ("credits", "parent", "credits"),
        ("ledger", "credit", "credits"),
        ("ledger", "reversal", "reversals"),
    }
    for name in ("projects", "payments", "credits"):
        with pytest.raises(IntegrityError), connected(empty_database_url) as conn:
            conn.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - names of ours


def test_rows_of_the_first_schema_are_read(empty_database_url: str) -> None:
    """The code reads an old payment, and moves it into a status that the first schema lacked."""
    fill_first_schema(empty_database_url)

    async def story() -> Payment | None:
        store = await opening.open_store(empty_database_url, ManualClock())
        try:
            before = await store.read(lambda tx: payments.payment_by_id(tx, 7, "ORDER-12"))
            assert before is not None
            after = msgspec.structs.replace(
                before, status=PaymentStatus.AWAITING_CUSTOMER, retry_until_us=9
            )
            assert await store.transact(lambda tx: payments.move_payment(tx, before, after))
            return await store.read(lambda tx: payments.payment_by_key(tx, before.key))
        finally:
            await store.close()

    found = asyncio.run(story())
    assert found is not None
    assert (found.status, found.origin) == (PaymentStatus.AWAITING_CUSTOMER, Origin.GATE)
    assert (found.attempts_count, found.retry_until_us) == (1, 9)


@pytest.mark.parametrize(
    ("status", "finished_us"), [("awaiting payment", None), ("invoice canceled", 9)]
)
def test_rows_of_the_first_schema_make_room_for_links(
    empty_database_url: str, status: str, finished_us: int | None
) -> None:
    """Beside old rows a migrated database takes a link, its operation and its callback."""
    fill_first_schema(empty_database_url)
    opening.prepare(empty_database_url)
    first = {name: rows[0] | NEW_SINCE_0001.get(name, {}) for name, rows in ROWS_AT_0001.items()}
    ids = {"payment_id": "L", "payment_id_folded": "l", "finished_us": finished_us}
    new: dict[str, dict[str, Any]] = {
        "payments": {"id": 19, "status": status, "origin": "link", "paid_minor": 0} | ids,
        "operations": {"id": 29, "payment": 19, "type": "invoice", "status": status},
        "callbacks": {"id": 49, "payment": 19, "operation": 29, "kind": "link"},
    }
    with connected(empty_database_url) as conn:
        for name, changes in new.items():
            row = first[name] | changes
            conn.execute(insert(table(name, *map(column, row))), [row])
    for name, wrong in (
        ("payments", {"origin": "post"}),
        ("payments", {"finished_us": 9 if finished_us is None else None}),
        ("operations", {"type": "link"}),
        ("callbacks", {"kind": "invoice"}),
    ):
        row = first[name] | new[name] | {"id": 99} | wrong
        if name == "payments":
            row["payment_id_folded"] = "other"
        with pytest.raises(IntegrityError), connected(empty_database_url) as conn:
            conn.execute(insert(table(name, *map(column, row))), [row])
