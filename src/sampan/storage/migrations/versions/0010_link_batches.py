"""Payment links from a file: its lines, what became of each, and the task that makes them.

Revision 0010.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite, rebuild

revision = "0010"
down_revision = "0009"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KIND_KNOWN = "kind IN ('ask_provider', 'callback', 'link_batch', 'mail')"


def upgrade() -> None:
    """Let links be made many at once."""
    if on_sqlite():
        _rebuild_outbox()
    else:
        name = op.f("ck_outbox_kind_known")
        op.drop_constraint(name, "outbox", type_="check")
        op.create_check_constraint(name, "outbox", KIND_KNOWN)
    op.create_table(
        "link_batches",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("project_id", Int, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("lines_count", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("started_us", Int, nullable=True),
        sa.Column("finished_us", Int, nullable=True),
        sa.CheckConstraint(
            "status IN ('checked', 'running', 'done')", name=op.f("ck_link_batches_status_known")
        ),
        sa.CheckConstraint(
            "(status = 'done') = (finished_us IS NOT NULL)",
            name=op.f("ck_link_batches_done_is_finished"),
        ),
        sa.CheckConstraint("lines_count >= 1", name=op.f("ck_link_batches_lines_range")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_link_batches_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_batches")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_link_batches_created_us_id"), "link_batches", ["created_us", "id"], unique=False
    )
    _create_lines()


def _create_lines() -> None:
    op.create_table(
        "link_batch_lines",
        sa.Column("batch", Int, autoincrement=False, nullable=False),
        sa.Column("line", Int, autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("flaws", sa.Text(), nullable=False),
        sa.Column("payment", Int, nullable=True),
        sa.CheckConstraint(
            "status IN ('faulty', 'made', 'ready', 'refused')",
            name=op.f("ck_link_batch_lines_status_known"),
        ),
        sa.CheckConstraint(
            "(status = 'made') = (payment IS NOT NULL)",
            name=op.f("ck_link_batch_lines_made_has_payment"),
        ),
        sa.ForeignKeyConstraint(
            ["batch"], ["link_batches.id"], name=op.f("fk_link_batch_lines_batch")
        ),
        sa.ForeignKeyConstraint(
            ["payment"], ["payments.id"], name=op.f("fk_link_batch_lines_payment")
        ),
        sa.PrimaryKeyConstraint("batch", "line", name=op.f("pk_link_batch_lines")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_link_batch_lines_batch_status_line"),
        "link_batch_lines",
        ["batch", "status", "line"],
        unique=False,
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
