"""E-mails, and the tasks that send them.

Revision 0005.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite, rebuild

revision = "0005"
down_revision = "0004"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KIND_KNOWN = "kind IN ('ask_provider', 'callback', 'mail')"
MAILS_CHECKS = {
    "attempts_range": "attempts_count >= 0",
    "ended_is_finished": "(status IN ('sent', 'given up')) = (finished_us IS NOT NULL)",
    "secret_is_forgotten": "link_sealed IS NULL OR finished_us IS NULL",
    "status_known": "status IN ('pending', 'sending', 'sent', 'given up')",
}


def upgrade() -> None:
    """Keep e-mails, and let a task be one."""
    if on_sqlite():
        _rebuild_outbox()
    else:
        op.drop_constraint(op.f("ck_outbox_kind_known"), "outbox", type_="check")
        op.create_check_constraint(op.f("ck_outbox_kind_known"), "outbox", sa.text(KIND_KNOWN))
    _create_mails()


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


def _create_mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("project_id", Int, nullable=True),
        sa.Column("payment", Int, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("link_sealed", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("attempts_count", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("until_us", Int, nullable=False),
        sa.Column("finished_us", Int, nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_mails_{name}"))
            for name, condition in MAILS_CHECKS.items()
        ),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_mails_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sqlite_strict=True,
    )
    for way in (["payment"], ["created_us", "id"], ["status", "created_us", "id"]):
        op.create_index(op.f(f"ix_mails_{'_'.join(way)}"), "mails", way, unique=False)
