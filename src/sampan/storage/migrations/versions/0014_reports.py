"""Reports, templates of people and schedules, the task that makes a report, and its ways.

Revision 0014.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite, rebuild

revision = "0014"
down_revision = "0013"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KIND_KNOWN = "kind IN ('ask_provider', 'callback', 'link_batch', 'mail', 'report')"
STATUSES = "'waiting', 'running', 'ready', 'failed', 'cancelled', 'gone'"


def upgrade() -> None:
    """Let reports be asked for; credits are found by when they came."""
    if on_sqlite():
        _rebuild_outbox()
    else:
        name = op.f("ck_outbox_kind_known")
        op.drop_constraint(name, "outbox", type_="check")
        op.create_check_constraint(name, "outbox", KIND_KNOWN)
    _create_reports()
    _create_plans()
    op.create_index(
        op.f("ix_credits_received_us_id"), "credits", ["received_us", "id"], unique=False
    )


def _create_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("type", "title", "spec")),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rows_done", Int, nullable=False),
        sa.Column("rows_all", Int, nullable=True),
        sa.Column("bytes_done", Int, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("deaths_count", Int, nullable=False),
        sa.Column("made_by", Int, nullable=True),
        sa.Column("schedule", Int, nullable=True),
        sa.Column("mail_to", sa.Text(), nullable=False),
        sa.Column("mail_language", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        *(sa.Column(f"{name}_us", Int, nullable=True) for name in ("started", "finished", "gone")),
        *_checks(),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"], name=op.f("fk_reports_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_reports_created_us_id"), "reports", ["created_us", "id"], unique=False)
    for name, column, where in (
        ("ix_reports_ready", "gone_us", sa.text("status = 'ready'")),
        ("ix_reports_open", "status", sa.text("finished_us IS NULL")),
    ):
        op.create_index(
            name, "reports", [column], unique=False, sqlite_where=where, postgresql_where=where
        )


def _checks() -> list[sa.CheckConstraint]:
    conditions = {
        "type_known": "type IN ('callbacks', 'credits', 'operations', 'payments')",
        "status_known": f"status IN ({STATUSES})",
        "ended_is_finished": "(status IN ('waiting', 'running')) = (finished_us IS NULL)",
        "ready_goes": "(status IN ('ready', 'gone')) = (gone_us IS NOT NULL)",
        "progress_range": "rows_done >= 0 AND bytes_done >= 0",
        "deaths_range": "deaths_count >= 0",
    }
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_reports_{name}"))
        for name, condition in conditions.items()
    ]


def _create_plans() -> None:
    op.create_table(
        "report_templates",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("user_id", Int, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_report_templates_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_templates")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_report_templates_user_id_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "report_schedules",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("made_by", Int, nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "spec", "rule")),
        sa.Column("is_on", Int, nullable=False),
        sa.Column("next_us", Int, nullable=False),
        sa.Column("mail_to", sa.Text(), nullable=False),
        sa.Column("mail_language", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.CheckConstraint("is_on IN (0, 1)", name=op.f("ck_report_schedules_is_on_known")),
        sa.ForeignKeyConstraint(
            ["made_by"], ["users.id"], name=op.f("fk_report_schedules_made_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_schedules")),
        sqlite_strict=True,
    )
    on = sa.text("is_on = 1")
    op.create_index(
        "ix_report_schedules_due",
        "report_schedules",
        ["next_us"],
        unique=False,
        sqlite_where=on,
        postgresql_where=on,
    )


def _rebuild_outbox() -> None:
    rebuild(
        "outbox",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("subject", Int, nullable=False),
        sa.Column("due_us", Int, nullable=False),
        sa.Column("attempts_count", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.CheckConstraint(KIND_KNOWN, name=op.f("ck_outbox_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        fill={},
    )
    op.create_index(
        op.f("ix_outbox_kind_lane_due_us"), "outbox", ["kind", "lane", "due_us"], unique=False
    )
