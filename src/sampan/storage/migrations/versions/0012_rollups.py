"""Sums by the hour, and triggers that forget an hour as soon as a row of it changes.

Revision 0012.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite

revision = "0012"
down_revision = "0011"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HOUR = 3_600_000_000
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
KEY = ("source", "start_us", "project_id", "kind", "status", "currency", "code", "slot")
SUMS = ("count", "amount_minor", "paid_minor", "time_ms")


def upgrade() -> None:
    """Let hours be added up once and read often."""
    op.create_index(
        "ix_payments_finished",
        "payments",
        ["finished_us", "id"],
        unique=False,
        sqlite_where=sa.text("finished_us IS NOT NULL"),
        postgresql_where=sa.text("finished_us IS NOT NULL"),
    )
    op.create_index(op.f("ix_attempts_at_us"), "attempts", ["at_us"], unique=False)
    op.create_table(
        "rollup_hours",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("start_us", Int, autoincrement=False, nullable=False),
        sa.Column("opened_us", Int, nullable=False),
        sa.Column("changes_count", Int, nullable=False),
        sa.Column("is_built", Int, nullable=False),
        sa.CheckConstraint(
            "source IN ('attempts', 'operations', 'payments ended', 'payments made')",
            name=op.f("ck_rollup_hours_source_known"),
        ),
        sa.CheckConstraint(
            f"start_us / {HOUR} * {HOUR} = start_us", name=op.f("ck_rollup_hours_start_is_an_hour")
        ),
        sa.CheckConstraint("is_built IN (0, 1)", name=op.f("ck_rollup_hours_built_or_not")),
        sa.PrimaryKeyConstraint("source", "start_us", name=op.f("pk_rollup_hours")),
        sqlite_strict=True,
    )
    op.create_table(
        "rollups",
        *(
            sa.Column(name, Int, autoincrement=False, nullable=False)
            if name in {"start_us", "project_id", "slot"}
            else sa.Column(name, sa.Text(), nullable=False)
            for name in KEY
        ),
        *(sa.Column(name, Int, nullable=False) for name in SUMS),
        sa.CheckConstraint("count > 0", name=op.f("ck_rollups_count_range")),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_rollups")),
        sqlite_strict=True,
    )
    for source, table, deed, when, times in CHANGES:
        name = f"rollup_{source.replace(' ', '_')}_{deed.lower()}"
        _trigger(name, (table, deed, when), body=_forgetting(source, times))
    _trigger(
        "rollup_hours_forgotten",
        ("rollup_hours", "UPDATE", "OLD.is_built = 1 AND NEW.is_built = 0"),
        body="DELETE FROM rollups WHERE source = OLD.source AND start_us = OLD.start_us;",
    )


def _forgetting(source: str, times: tuple[str, ...]) -> str:
    hours = [f"{at} / {HOUR} * {HOUR}" for at in times]
    those = f"= {hours[0]}" if len(hours) == 1 else f"IN ({', '.join(hours)})"
    return (
        "UPDATE rollup_hours"  # noqa: S608 - words of ours
        " SET is_built = 0, changes_count = changes_count + 1"
        f" WHERE source = '{source}' AND start_us {those};"
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
