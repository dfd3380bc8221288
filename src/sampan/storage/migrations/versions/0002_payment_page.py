"""Payment Page: sessions, looks, further attempts.

Revision 0002.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite, rebuild

revision = "0002"
down_revision = "0001"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATUS_KNOWN = (
    "status IN ('awaiting customer', 'awaiting customer action', 'awaiting redirect result',"
    " 'decline', 'error', 'processing', 'success')"
)
ORIGIN_KNOWN = "origin IN ('gate', 'page')"
ATTEMPTS_RANGE = "attempts_count >= 1"


def upgrade() -> None:
    """Let a payment be tried again, and keep what was opened and how it looks."""
    if on_sqlite():
        _rebuild_payments()
        _rebuild_operations()
    else:
        _alter()
    _create()


def _rebuild_payments() -> None:
    fill = {
        "origin": "'gate'",
        "merchant_data": "''",
        "best_before_us": "NULL",
        "attempts_count": "1",
        "retry_until_us": "NULL",
    }
    rebuild(
        "payments",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("project_id", Int, nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("payment_id_folded", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("paid_minor", Int, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("targets", sa.Text(), nullable=False),
        sa.Column("display", sa.Text(), nullable=True),
        sa.Column("faults", sa.Text(), nullable=False),
        sa.Column("held_count", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.Column("decline_us", Int, nullable=False),
        sa.Column("finished_us", Int, nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("merchant_data", sa.Text(), nullable=False),
        sa.Column("best_before_us", Int, nullable=True),
        sa.Column("attempts_count", Int, nullable=False),
        sa.Column("retry_until_us", Int, nullable=True),
        sa.CheckConstraint(
            "(status = 'success') = (paid_minor > 0)", name=op.f("ck_payments_paid_when_success")
        ),
        sa.CheckConstraint(
            "(status IN ('decline', 'error', 'success')) = (finished_us IS NOT NULL)",
            name=op.f("ck_payments_final_is_finished"),
        ),
        sa.CheckConstraint(STATUS_KNOWN, name=op.f("ck_payments_status_known")),
        sa.CheckConstraint(
            "amount_minor BETWEEN 0 AND 10000000000000", name=op.f("ck_payments_amount_range")
        ),
        sa.CheckConstraint("held_count >= 0", name=op.f("ck_payments_held_range")),
        sa.CheckConstraint(ORIGIN_KNOWN, name=op.f("ck_payments_origin_known")),
        sa.CheckConstraint(ATTEMPTS_RANGE, name=op.f("ck_payments_attempts_range")),
        sa.CheckConstraint("paid_minor >= 0", name=op.f("ck_payments_paid_range")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_payments_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint(
            "project_id", "payment_id_folded", name=op.f("uq_payments_project_id_payment_id_folded")
        ),
        fill=fill,
    )
    op.create_index(
        "ix_payments_open_until",
        "payments",
        ["decline_us"],
        unique=False,
        sqlite_where=sa.text("finished_us IS NULL AND held_count = 0"),
    )
    op.create_index(
        op.f("ix_payments_project_id_id"), "payments", ["project_id", "id"], unique=False
    )


def _rebuild_operations() -> None:
    rebuild(
        "operations",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("payment", Int, nullable=False),
        sa.Column("project_id", Int, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.Text(), nullable=False),
        sa.Column("merchant_refund_id", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("provider_id", Int, nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.CheckConstraint(STATUS_KNOWN, name=op.f("ck_operations_status_known")),
        sa.CheckConstraint(
            "type IN ('manual change', 'refund', 'sale')", name=op.f("ck_operations_type_known")
        ),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_operations_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
        fill={},
    )
    op.create_index(op.f("ix_operations_payment_id"), "operations", ["payment", "id"], unique=False)
    op.create_index(
        op.f("ix_operations_project_id_request_id"),
        "operations",
        ["project_id", "request_id"],
        unique=False,
    )


def _alter() -> None:
    """Do the same where a table can be altered; what is there came through Gate."""
    for column, default in (
        (sa.Column("origin", sa.Text(), nullable=False, server_default="gate"), True),
        (sa.Column("merchant_data", sa.Text(), nullable=False, server_default=""), True),
        (sa.Column("best_before_us", Int, nullable=True), False),
        (sa.Column("attempts_count", Int, nullable=False, server_default="1"), True),
        (sa.Column("retry_until_us", Int, nullable=True), False),
    ):
        op.add_column("payments", column)
        if default:
            op.alter_column("payments", column.name, server_default=None)
    for table in ("payments", "operations"):
        name = op.f(f"ck_{table}_status_known")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, STATUS_KNOWN)
    op.create_check_constraint(op.f("ck_payments_origin_known"), "payments", ORIGIN_KNOWN)
    op.create_check_constraint(op.f("ck_payments_attempts_range"), "payments", ATTEMPTS_RANGE)


def _create() -> None:
    op.create_table(
        "page_sessions",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("project_id", Int, nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("payment_id_folded", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("payment", Int, nullable=True),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("cancelled_us", Int, nullable=True),
        sa.ForeignKeyConstraint(
            ["payment"], ["payments.id"], name=op.f("fk_page_sessions_payment")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_page_sessions_project_id")
        ),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_page_sessions")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_page_sessions_created_us"), "page_sessions", ["created_us"], unique=False
    )
    op.create_index(op.f("ix_page_sessions_payment"), "page_sessions", ["payment"], unique=False)
    op.create_index(
        op.f("ix_page_sessions_project_id_payment_id_folded"),
        "page_sessions",
        ["project_id", "payment_id_folded"],
        unique=False,
    )
    op.create_table(
        "page_styles",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("project_id", Int, nullable=False),
        sa.Column("number", Int, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("look", sa.Text(), nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_page_styles_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page_styles")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_page_styles_project_id_number")),
        sqlite_strict=True,
    )
