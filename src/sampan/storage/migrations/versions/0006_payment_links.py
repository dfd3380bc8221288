"""Payment links: their statuses, their operation, their callbacks.

Revision 0006.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite, rebuild

revision = "0006"
down_revision = "0005"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEWEST = ["created_us", "id"]
STATUS_KNOWN = (
    "status IN ('awaiting customer', 'awaiting customer action', 'awaiting payment',"
    " 'awaiting redirect result', 'decline', 'error', 'expired', 'invoice canceled',"
    " 'invoice sent', 'processing', 'success')"
)
FINAL_IS_FINISHED = (
    "(status IN ('decline', 'error', 'expired', 'invoice canceled', 'success'))"
    " = (finished_us IS NOT NULL)"
)
ORIGIN_KNOWN = "origin IN ('gate', 'link', 'page')"
TYPE_KNOWN = "type IN ('invoice', 'manual change', 'refund', 'sale')"
KIND_KNOWN = "kind IN ('intermediate', 'final', 'error', 'refund', 'link')"


def upgrade() -> None:
    """Let a payment wait for its customer as a link."""
    if on_sqlite():
        _rebuild_payments()
        _rebuild_operations()
        _rebuild_callbacks()
    else:
        _alter()


def _rebuild_payments() -> None:
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
        sa.CheckConstraint(FINAL_IS_FINISHED, name=op.f("ck_payments_final_is_finished")),
        sa.CheckConstraint(STATUS_KNOWN, name=op.f("ck_payments_status_known")),
        sa.CheckConstraint(
            "amount_minor BETWEEN 0 AND 10000000000000", name=op.f("ck_payments_amount_range")
        ),
        sa.CheckConstraint("held_count >= 0", name=op.f("ck_payments_held_range")),
        sa.CheckConstraint(ORIGIN_KNOWN, name=op.f("ck_payments_origin_known")),
        sa.CheckConstraint("attempts_count >= 1", name=op.f("ck_payments_attempts_range")),
        sa.CheckConstraint("paid_minor >= 0", name=op.f("ck_payments_paid_range")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_payments_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint(
            "project_id", "payment_id_folded", name=op.f("uq_payments_project_id_payment_id_folded")
        ),
        fill={},
    )
    for way in (["project_id", *NEWEST], NEWEST, ["customer_id", *NEWEST]):
        op.create_index(op.f(f"ix_payments_{'_'.join(way)}"), "payments", way, unique=False)
    for name, columns, where in (
        ("open", NEWEST, "finished_us IS NULL"),
        ("held", NEWEST, "held_count > 0"),
        ("open_until", ["decline_us"], "finished_us IS NULL AND held_count = 0"),
    ):
        only = sa.text(where)
        op.create_index(f"ix_payments_{name}", "payments", columns, unique=False, sqlite_where=only)


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
        sa.CheckConstraint(TYPE_KNOWN, name=op.f("ck_operations_type_known")),
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
    op.create_index(
        op.f("ix_operations_provider_ref"),
        "operations",
        ["provider_ref"],
        unique=False,
        sqlite_where=sa.text("provider_ref <> ''"),
    )


def _rebuild_callbacks() -> None:
    rebuild(
        "callbacks",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("project_id", Int, nullable=False),
        sa.Column("payment", Int, nullable=False),
        sa.Column("operation", Int, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("attempts_count", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("finished_us", Int, nullable=True),
        sa.CheckConstraint(KIND_KNOWN, name=op.f("ck_callbacks_kind_known")),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'delivered', 'dropped', 'exhausted')",
            name=op.f("ck_callbacks_status_known"),
        ),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_callbacks_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
        fill={},
    )
    for way in ("payment", "status"):
        op.create_index(op.f(f"ix_callbacks_{way}_id"), "callbacks", [way, "id"], unique=False)


def _alter() -> None:
    """Do the same where a table can be altered."""
    for table, check, text in (
        ("payments", "status_known", STATUS_KNOWN),
        ("payments", "final_is_finished", FINAL_IS_FINISHED),
        ("payments", "origin_known", ORIGIN_KNOWN),
        ("operations", "status_known", STATUS_KNOWN),
        ("operations", "type_known", TYPE_KNOWN),
        ("callbacks", "kind_known", KIND_KNOWN),
    ):
        name = op.f(f"ck_{table}_{check}")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, text)
