"""Sums by time, and triggers that forget a span as soon as a row of it changes.

Revision 0012.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite

revision = "0012"
down_revision = "0011"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HOUR = 3_600_000_000
EIGHT = 8 * HOUR
ENDED = "IN ('decline', 'error', 'expired', 'invoice canceled', 'success')"
OVER = "OLD.finished_us IS NOT NULL OR NEW.finished_us IS NOT NULL"
CHANGES = (
    ("operations", "operations", "INSERT", f"NEW.status {ENDED}", ("NEW.updated_us",)),
    (
        "operations",
        "operations",
        "UPDATE",
        f"NEW.status {ENDED} OR OLD.status {ENDED}",
        tuple(
            f"(CASE WHEN {row}.status {ENDED} THEN {row}.updated_us END)" for row in ("OLD", "NEW")
        ),
    ),
    ("payments made", "payments", "INSERT", "", ("NEW.created_us",)),
    ("payments made", "payments", "UPDATE", "", ("NEW.created_us",)),
    ("payments ended", "payments", "INSERT", "NEW.finished_us IS NOT NULL", ("NEW.finished_us",)),
    ("payments ended", "payments", "UPDATE", OVER, ("OLD.finished_us", "NEW.finished_us")),
    ("attempts", "attempts", "INSERT", "", ("NEW.at_us",)),
    ("attempts", "attempts", "UPDATE", "", ("NEW.at_us",)),
)
KEY = ("source", "hours", "start_us", "project_id", "kind", "status", "currency", "code", "slot")
SUMS = ("count", "amount_minor", "paid_minor", "time_ms")


def upgrade() -> None:
    """Let spans of time be added up once and read often."""
    op.create_index(
        "ix_payments_finished",
        "payments",
        ["finished_us", "id"],
        unique=False,
        sqlite_where=sa.text("finished_us IS NOT NULL"),
        postgresql_where=sa.text("finished_us IS NOT NULL"),
    )
    op.create_index(op.f("ix_attempts_at_us"), "attempts", ["at_us"], unique=False)
    _create_tables()
    for source, table, deed, when, times in CHANGES:
        name = f"rollup_{source.replace(' ', '_')}_{deed.lower()}"
        _trigger(name, (table, deed, when), body=_forgetting(source, times))
    _trigger(
        "rollup_spans_changed",
        ("rollup_spans", "UPDATE", "OLD.hours = 1 AND NEW.changes_count <> OLD.changes_count"),
        body="UPDATE rollup_spans"  # noqa: S608 - words of ours
        " SET is_built = 0, changes_count = changes_count + 1"
        " WHERE source = OLD.source AND hours = 8"
        f" AND start_us = OLD.start_us / {EIGHT} * {EIGHT};",
    )
    _trigger(
        "rollup_spans_forgotten",
        ("rollup_spans", "UPDATE", "OLD.is_built = 1 AND NEW.is_built = 0"),
        body="DELETE FROM rollups WHERE source = OLD.source AND hours = OLD.hours"
        " AND start_us = OLD.start_us;",
    )


def _create_tables() -> None:
    op.create_table(
        "rollup_spans",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("hours", Int, autoincrement=False, nullable=False),
        sa.Column("start_us", Int, autoincrement=False, nullable=False),
        sa.Column("opened_us", Int, nullable=False),
        sa.Column("changes_count", Int, nullable=False),
        sa.Column("is_built", Int, nullable=False),
        sa.CheckConstraint(
            "source IN ('attempts', 'operations', 'payments ended', 'payments made')",
            name=op.f("ck_rollup_spans_source_known"),
        ),
        sa.CheckConstraint("hours IN (1, 8)", name=op.f("ck_rollup_spans_hours_known")),
        sa.CheckConstraint(
            f"start_us / (hours * {HOUR}) * (hours * {HOUR}) = start_us",
            name=op.f("ck_rollup_spans_start_is_even"),
        ),
        sa.CheckConstraint("is_built IN (0, 1)", name=op.f("ck_rollup_spans_built_or_not")),
        sa.PrimaryKeyConstraint("source", "hours", "start_us", name=op.f("pk_rollup_spans")),
        sqlite_strict=True,
    )
    op.create_table(
        "rollups",
        *(
            sa.Column(name, Int, autoincrement=False, nullable=False)
            if name in {"hours", "start_us", "project_id", "slot"}
            else sa.Column(name, sa.Text(), nullable=False)
            for name in KEY
        ),
        *(sa.Column(name, Int, nullable=False) for name in SUMS),
        sa.CheckConstraint("count > 0", name=op.f("ck_rollups_count_range")),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_rollups")),
        sqlite_strict=True,
    )


def _forgetting(source: str, times: tuple[str, ...]) -> str:
    hours = [f"{at} / {HOUR} * {HOUR}" for at in times]
    those = f"= {hours[0]}" if len(hours) == 1 else f"IN ({', '.join(hours)})"
    return (
        "UPDATE rollup_spans"  # noqa: S608 - words of ours
        " SET is_built = 0, changes_count = changes_count + 1"
        f" WHERE source = '{source}' AND hours = 1 AND start_us {those};"
    )


def _trigger(name: str, on: tuple[str, str, str], *, body: str) -> None:
    table, deed, when = on
    if on_sqlite():
        condition = f" WHEN {when}" if when else ""
        op.execute(f"CREATE TRIGGER {name} AFTER {deed} ON {table}{condition} BEGIN {body} END")
        return
    condition = f" WHEN ({when})" if when else ""
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body} RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} AFTER {deed} ON {table} FOR EACH ROW{condition}"
        f" EXECUTE FUNCTION {name}()"
    )
