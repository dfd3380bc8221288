"""Refunds of money that came to a merchant's own account, and the files that ask for them.

Revision 0020.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite, rebuild

revision = "0020"
down_revision = "0019"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CREDIT_STATUS_KNOWN = (
    "status IN ('unapplied', 'held', 'applied', 'returned', 'ignored', 'merged', 'split',"
    " 'refunding')"
)
REFUNDED_RANGE = "refunded_minor BETWEEN 0 AND amount_minor"
STATUS_KNOWN = "status IN ('approved', 'exported', 'confirmed', 'failed', 'withdrawn')"


def upgrade() -> None:
    """Count what is refunded of each credit, and keep refunds and their files."""
    if on_sqlite():
        _rebuild_credits()
        _index_credits()
    else:
        _alter_credits()
    _create_files()
    _create_refunds()


def _alter_credits() -> None:
    op.add_column("credits", sa.Column("refunded_minor", Int, nullable=True))
    op.execute("UPDATE credits SET refunded_minor = 0")
    op.alter_column("credits", "refunded_minor", nullable=False)
    op.create_check_constraint(op.f("ck_credits_refunded_range"), "credits", REFUNDED_RANGE)
    known = op.f("ck_credits_status_known")
    op.drop_constraint(known, "credits", type_="check")
    op.create_check_constraint(known, "credits", CREDIT_STATUS_KNOWN)


def _rebuild_credits() -> None:
    rebuild(
        "credits",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("provider", "account")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("bank_txn_id", "status")),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=False),
        sa.Column("payment", Int, nullable=True),
        *(sa.Column(f"{name}_us", Int, nullable=False) for name in ("booked", "received")),
        sa.Column("updated_us", Int, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("part", Int, nullable=False),
        sa.Column("parent", Int, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("import_id", Int, nullable=True),
        sa.Column("booked_to_us", Int, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("payer_account", "texts")),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("refunded_minor", Int, nullable=False),
        sa.CheckConstraint(CREDIT_STATUS_KNOWN, name=op.f("ck_credits_status_known")),
        sa.CheckConstraint(
            "source IN ('notice', 'file', 'hand')", name=op.f("ck_credits_source_known")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credits_amount_range")),
        sa.CheckConstraint(
            "status NOT IN ('applied', 'held') OR payment IS NOT NULL",
            name=op.f("ck_credits_has_payment"),
        ),
        sa.CheckConstraint(
            "(part > 0) = (parent IS NOT NULL)", name=op.f("ck_credits_part_has_parent")
        ),
        sa.CheckConstraint(REFUNDED_RANGE, name=op.f("ck_credits_refunded_range")),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_credits_payment")),
        sa.ForeignKeyConstraint(["parent"], ["credits.id"], name=op.f("fk_credits_parent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits")),
        sa.UniqueConstraint(
            "provider",
            "account",
            "identity",
            "part",
            name=op.f("uq_credits_provider_account_identity_part"),
        ),
        fill={"refunded_minor": "0"},
    )


def _index_credits() -> None:
    for name, columns in (
        ("payment", ["payment"]),
        ("status_id", ["status", "id"]),
        ("received_us_id", ["received_us", "id"]),
        ("provider_account_bank_txn_id", ["provider", "account", "bank_txn_id"]),
        ("walk", ["status", "received_us", "id"]),
        ("booked", ["provider", "account", "booked_us"]),
    ):
        op.create_index(op.f(f"ix_credits_{name}"), "credits", columns, unique=False)
    op.create_index(
        "ix_credits_parent",
        "credits",
        ["parent"],
        unique=False,
        sqlite_where=sa.text("parent IS NOT NULL"),
    )


def _create_files() -> None:
    op.create_table(
        "refund_files",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("refunds_count", Int, nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_files")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_refund_files_created_us_id"), "refund_files", ["created_us", "id"], unique=False
    )


def _create_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("credit", Int, nullable=False),
        sa.Column("payment", Int, nullable=True),
        sa.Column("project_id", Int, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("doubts", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("file", Int, nullable=True),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("bank_txn_id", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.CheckConstraint(STATUS_KNOWN, name=op.f("ck_refunds_status_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount_range")),
        sa.CheckConstraint(
            "status <> 'exported' OR file IS NOT NULL", name=op.f("ck_refunds_exported_has_file")
        ),
        sa.ForeignKeyConstraint(["credit"], ["credits.id"], name=op.f("fk_refunds_credit")),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_refunds_payment")),
        sa.ForeignKeyConstraint(["file"], ["refund_files.id"], name=op.f("fk_refunds_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sqlite_strict=True,
    )
    for columns in (["status", "created_us", "id"], ["created_us", "id"], ["credit"], ["file"]):
        op.create_index(op.f(f"ix_refunds_{'_'.join(columns)}"), "refunds", columns, unique=False)
    op.create_index(
        "ix_refunds_debit",
        "refunds",
        ["provider", "account", "currency", "amount_minor"],
        unique=False,
    )
