"""The first schema.

Revision 0001. A step that has been released is never changed; a new one follows it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATUS_KNOWN = (
    "status IN ('awaiting customer action', 'awaiting redirect result', 'decline', 'error',"
    " 'processing', 'success')"
)


def upgrade() -> None:
    """Create every table and the row from which ids are taken."""
    op.create_table(
        "bank_accounts",
        sa.Column("fps_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.PrimaryKeyConstraint("fps_id", name=op.f("pk_bank_accounts")),
        sqlite_strict=True,
    )
    op.create_table(
        "bank_notices",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due_us", Int, nullable=False),
        sa.Column("attempts_count", Int, nullable=False),
        sa.Column("copies_count", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'delivered')", name=op.f("ck_bank_notices_status_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_notices")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_bank_notices_status_due_us"), "bank_notices", ["status", "due_us"], unique=False
    )
    op.create_table(
        "bank_orders",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("fps_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("reference_mode", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expires_us", Int, nullable=False),
        sa.Column("closes_us", Int, nullable=False),
        sa.Column("autopay_ms", Int, nullable=False),
        sa.Column("autopay_due_us", Int, nullable=True),
        sa.Column("tries_count", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'paid', 'refused')", name=op.f("ck_bank_orders_status_known")
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_bank_orders")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_bank_orders_autopay_due_us"),
        "bank_orders",
        ["autopay_due_us"],
        unique=False,
        sqlite_where=sa.text("autopay_due_us IS NOT NULL"),
        postgresql_where=sa.text("autopay_due_us IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_bank_orders_payload"),
        "bank_orders",
        ["payload"],
        unique=False,
        sqlite_where=sa.text("reference_mode = 'none'"),
        postgresql_where=sa.text("reference_mode = 'none'"),
    )
    op.create_table(
        "bank_transfers",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("fps_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=False),
        sa.Column("booked_us", Int, nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_bank_transfers_amount_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_transfers")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_bank_transfers_fps_id_currency"),
        "bank_transfers",
        ["fps_id", "currency"],
        unique=False,
    )
    op.create_index(
        op.f("ix_bank_transfers_reference"), "bank_transfers", ["reference"], unique=False
    )
    op.create_table(
        "endpoints",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("failures_count", Int, nullable=False),
        sa.Column("failing_since_us", Int, nullable=True),
        sa.Column("updated_us", Int, nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_endpoints")),
        sqlite_strict=True,
    )
    op.create_table(
        "id_blocks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", Int, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_id_blocks")),
        sqlite_strict=True,
    )
    op.create_table(
        "inbox",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("received_us", Int, nullable=False),
        sa.PrimaryKeyConstraint("provider", "account", "notice_id", name=op.f("pk_inbox")),
        sqlite_strict=True,
    )
    op.create_table(
        "journal",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("at_us", Int, nullable=False),
        sa.Column("project_id", Int, nullable=False),
        sa.Column("payment", Int, nullable=True),
        sa.Column("operation", Int, nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("status_from", sa.Text(), nullable=True),
        sa.Column("status_to", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_journal_payment_id"), "journal", ["payment", "id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("subject", Int, nullable=False),
        sa.Column("due_us", Int, nullable=False),
        sa.Column("attempts_count", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.CheckConstraint(
            "kind IN ('ask_provider', 'callback')", name=op.f("ck_outbox_kind_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_outbox_kind_lane_due_us"), "outbox", ["kind", "lane", "due_us"], unique=False
    )
    op.create_table(
        "projects",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("secret_previous_sealed", sa.Text(), nullable=True),
        sa.Column("secret_previous_until_us", Int, nullable=True),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.CheckConstraint("id BETWEEN 1 AND 4294967295", name=op.f("ck_projects_id_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sqlite_strict=True,
    )
    op.create_table(
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
        sa.CheckConstraint("paid_minor >= 0", name=op.f("ck_payments_paid_range")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_payments_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint(
            "project_id", "payment_id_folded", name=op.f("uq_payments_project_id_payment_id_folded")
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_payments_open_until",
        "payments",
        ["decline_us"],
        unique=False,
        sqlite_where=sa.text("finished_us IS NULL AND held_count = 0"),
        postgresql_where=sa.text("finished_us IS NULL AND held_count = 0"),
    )
    op.create_index(
        op.f("ix_payments_project_id_id"), "payments", ["project_id", "id"], unique=False
    )
    op.create_table(
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
        sa.CheckConstraint(
            "kind IN ('intermediate', 'final', 'error', 'refund')",
            name=op.f("ck_callbacks_kind_known"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'delivered', 'dropped', 'exhausted')",
            name=op.f("ck_callbacks_status_known"),
        ),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_callbacks_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_callbacks_payment_id"), "callbacks", ["payment", "id"], unique=False)
    op.create_index(op.f("ix_callbacks_status_id"), "callbacks", ["status", "id"], unique=False)
    op.create_table(
        "credits",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("bank_txn_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=False),
        sa.Column("payment", Int, nullable=True),
        sa.Column("booked_us", Int, nullable=False),
        sa.Column("received_us", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.CheckConstraint(
            "status IN ('unapplied', 'held', 'applied', 'returned')",
            name=op.f("ck_credits_status_known"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('applied', 'held') OR payment IS NOT NULL",
            name=op.f("ck_credits_has_payment"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credits_amount_range")),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_credits_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits")),
        sa.UniqueConstraint(
            "provider",
            "account",
            "bank_txn_id",
            name=op.f("uq_credits_provider_account_bank_txn_id"),
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_credits_payment"), "credits", ["payment"], unique=False)
    op.create_index(op.f("ix_credits_status_id"), "credits", ["status", "id"], unique=False)
    op.create_table(
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
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_operations_payment_id"), "operations", ["payment", "id"], unique=False)
    op.create_index(
        op.f("ix_operations_project_id_request_id"),
        "operations",
        ["project_id", "request_id"],
        unique=False,
    )
    op.create_table(
        "attempts",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("callback", Int, nullable=False),
        sa.Column("number", Int, nullable=False),
        sa.Column("at_us", Int, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("http_status", Int, nullable=True),
        sa.Column("duration_ms", Int, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["callback"], ["callbacks.id"], name=op.f("fk_attempts_callback")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_attempts_callback_number"), "attempts", ["callback", "number"], unique=False
    )
    op.create_table(
        "ledger",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("posting", Int, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("credit", Int, nullable=False),
        sa.Column("posted_us", Int, nullable=False),
        sa.CheckConstraint("currency IN ('CNY', 'HKD')", name=op.f("ck_ledger_currency_known")),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_amount_range")),
        sa.ForeignKeyConstraint(["credit"], ["credits.id"], name=op.f("fk_ledger_credit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_ledger_account_currency"), "ledger", ["account", "currency"], unique=False
    )
    op.create_index(op.f("ix_ledger_credit"), "ledger", ["credit"], unique=False)
    op.create_index(op.f("ix_ledger_posting"), "ledger", ["posting"], unique=False)
    op.execute("INSERT INTO id_blocks (name, next) VALUES ('main', 1000000001)")
