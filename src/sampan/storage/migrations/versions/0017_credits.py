"""Credits from every door: identity, parts, reversals, bank files, decisions of people.

Revision 0017.
"""

import sqlalchemy as sa
from alembic import op

from sampan.storage.migrations.rebuild import on_sqlite, rebuild

revision = "0017"
down_revision = "0016"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KIND_KNOWN = "kind IN ('ask_provider', 'callback', 'link_batch', 'mail', 'report', 'statement')"
STATUS_KNOWN = (
    "status IN ('unapplied', 'held', 'applied', 'returned', 'ignored', 'merged', 'split')"
)
SOURCE_KNOWN = "source IN ('notice', 'file', 'hand')"
PART_HAS_PARENT = "(part > 0) = (parent IS NOT NULL)"
ABOUT_SOMETHING = "credit IS NOT NULL OR reversal IS NOT NULL"


def upgrade() -> None:
    """Keep more of each credit, and what people and files say of money."""
    _create_reversals()
    if on_sqlite():
        _rebuild_credits()
        _rebuild_ledger()
        _rebuild_outbox()
    else:
        _alter()
    _index_credits()
    _create_pending()
    _create_imports()
    _create_decisions()


def _create_reversals() -> None:
    op.create_table(
        "reversals",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("bank_txn_id", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("credit", Int, nullable=True),
        sa.Column("booked_us", Int, nullable=False),
        sa.Column("received_us", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'settled', 'noted')", name=op.f("ck_reversals_status_known")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_reversals_amount_range")),
        sa.CheckConstraint(
            "status <> 'settled' OR credit IS NOT NULL",
            name=op.f("ck_reversals_settled_has_credit"),
        ),
        sa.ForeignKeyConstraint(["credit"], ["credits.id"], name=op.f("fk_reversals_credit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reversals")),
        sa.UniqueConstraint(
            "provider", "account", "identity", name=op.f("uq_reversals_provider_account_identity")
        ),
        sqlite_strict=True,
    )
    for columns in (["status", "received_us", "id"], ["credit"]):
        op.create_index(
            op.f(f"ix_reversals_{'_'.join(columns)}"), "reversals", columns, unique=False
        )


def _rebuild_credits() -> None:
    rebuild(
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
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("part", Int, nullable=False),
        sa.Column("parent", Int, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("import_id", Int, nullable=True),
        sa.Column("booked_to_us", Int, nullable=False),
        sa.Column("payer_account", sa.Text(), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.CheckConstraint(STATUS_KNOWN, name=op.f("ck_credits_status_known")),
        sa.CheckConstraint(SOURCE_KNOWN, name=op.f("ck_credits_source_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credits_amount_range")),
        sa.CheckConstraint(
            "status NOT IN ('applied', 'held') OR payment IS NOT NULL",
            name=op.f("ck_credits_has_payment"),
        ),
        sa.CheckConstraint(PART_HAS_PARENT, name=op.f("ck_credits_part_has_parent")),
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
        fill={
            "identity": "bank_txn_id",
            "part": "0",
            "parent": "NULL",
            "source": "'notice'",
            "import_id": "NULL",
            "booked_to_us": "booked_us",
            "payer_account": "''",
            "texts": "'[]'",
            "found": "''",
        },
    )
    op.create_index(op.f("ix_credits_payment"), "credits", ["payment"], unique=False)
    op.create_index(op.f("ix_credits_status_id"), "credits", ["status", "id"], unique=False)
    op.create_index(
        op.f("ix_credits_received_us_id"), "credits", ["received_us", "id"], unique=False
    )


def _rebuild_ledger() -> None:
    rebuild(
        "ledger",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("posting", Int, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("credit", Int, nullable=True),
        sa.Column("posted_us", Int, nullable=False),
        sa.Column("reversal", Int, nullable=True),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_amount_range")),
        sa.CheckConstraint("currency IN ('CNY', 'HKD')", name=op.f("ck_ledger_currency_known")),
        sa.CheckConstraint(ABOUT_SOMETHING, name=op.f("ck_ledger_about_something")),
        sa.ForeignKeyConstraint(["credit"], ["credits.id"], name=op.f("fk_ledger_credit")),
        sa.ForeignKeyConstraint(["reversal"], ["reversals.id"], name=op.f("fk_ledger_reversal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        fill={"reversal": "NULL"},
    )
    for columns in (["account", "currency", "amount_minor"], ["credit"], ["posting"]):
        op.create_index(op.f(f"ix_ledger_{'_'.join(columns)}"), "ledger", columns, unique=False)


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


def _alter() -> None:
    """Do what the three rebuilds do where a table is altered in place."""
    checks = {
        "outbox": {"kind_known": KIND_KNOWN},
        "credits": {
            "status_known": STATUS_KNOWN,
            "source_known": SOURCE_KNOWN,
            "part_has_parent": PART_HAS_PARENT,
        },
        "ledger": {"about_something": ABOUT_SOMETHING},
    }
    for name, kind, fill in (
        ("identity", sa.Text(), "bank_txn_id"),
        ("part", Int, "0"),
        ("parent", Int, "NULL"),
        ("source", sa.Text(), "'notice'"),
        ("import_id", Int, "NULL"),
        ("booked_to_us", Int, "booked_us"),
        ("payer_account", sa.Text(), "''"),
        ("texts", sa.Text(), "'[]'"),
        ("found", sa.Text(), "''"),
    ):
        op.add_column("credits", sa.Column(name, kind, nullable=True))
        if fill != "NULL":
            op.execute(f"UPDATE credits SET {name} = {fill}")  # noqa: S608 - names of ours
            op.alter_column("credits", name, nullable=False)
    op.drop_constraint("uq_credits_provider_account_bank_txn_id", "credits", type_="unique")
    op.create_unique_constraint(
        op.f("uq_credits_provider_account_identity_part"),
        "credits",
        ["provider", "account", "identity", "part"],
    )
    op.create_foreign_key(op.f("fk_credits_parent"), "credits", "credits", ["parent"], ["id"])
    op.alter_column("ledger", "credit", nullable=True)
    op.add_column("ledger", sa.Column("reversal", Int, nullable=True))
    op.create_foreign_key(op.f("fk_ledger_reversal"), "ledger", "reversals", ["reversal"], ["id"])
    for table, named in checks.items():
        for name, condition in named.items():
            constraint = op.f(f"ck_{table}_{name}")
            if (table, name) in {("outbox", "kind_known"), ("credits", "status_known")}:
                op.drop_constraint(constraint, table, type_="check")
            op.create_check_constraint(constraint, table, condition)


def _index_credits() -> None:
    op.create_index(
        op.f("ix_credits_provider_account_bank_txn_id"),
        "credits",
        ["provider", "account", "bank_txn_id"],
        unique=False,
    )
    op.create_index("ix_credits_walk", "credits", ["status", "received_us", "id"], unique=False)
    op.create_index(
        "ix_credits_parent",
        "credits",
        ["parent"],
        unique=False,
        sqlite_where=sa.text("parent IS NOT NULL"),
        postgresql_where=sa.text("parent IS NOT NULL"),
    )


def _create_pending() -> None:
    op.create_table(
        "pending_credits",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("amount_minor", Int, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=False),
        sa.Column("seen_us", Int, nullable=False),
        sa.PrimaryKeyConstraint("provider", "account", "identity", name=op.f("pk_pending_credits")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_pending_credits_seen_us"), "pending_credits", ["seen_us"], unique=False
    )


def _create_imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("entries_count", Int, nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("file_account", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("finished_us", Int, nullable=True),
        sa.CheckConstraint(
            "status IN ('reading', 'running', 'done', 'refused')",
            name=op.f("ck_imports_status_known"),
        ),
        sa.CheckConstraint(
            "(status IN ('done', 'refused')) = (finished_us IS NOT NULL)",
            name=op.f("ck_imports_ended_is_finished"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sqlite_strict=True,
    )
    for columns in (["created_us", "id"], ["provider", "account", "sha256"]):
        op.create_index(op.f(f"ix_imports_{'_'.join(columns)}"), "imports", columns, unique=False)
    op.create_table(
        "import_entries",
        sa.Column("import_id", Int, autoincrement=False, nullable=False),
        sa.Column("number", Int, autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("credit", Int, nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_import_entries_import_id")
        ),
        sa.ForeignKeyConstraint(["credit"], ["credits.id"], name=op.f("fk_import_entries_credit")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_entries")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_import_entries_import_id_outcome_number"),
        "import_entries",
        ["import_id", "outcome", "number"],
        unique=False,
    )
    op.create_table(
        "account_files",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("file_account", sa.Text(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=True),
        sa.Column("updated_us", Int, nullable=False),
        sa.PrimaryKeyConstraint("provider", "account", name=op.f("pk_account_files")),
        sqlite_strict=True,
    )


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("credit", Int, nullable=True),
        sa.Column("payment", Int, nullable=True),
        sa.Column("project_id", Int, nullable=True),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("ended_why", sa.Text(), nullable=False),
        sa.Column("ended_us", Int, nullable=True),
        sa.CheckConstraint(
            "status IN ('proposed', 'done', 'refused', 'withdrawn')",
            name=op.f("ck_decisions_status_known"),
        ),
        sa.CheckConstraint(
            "(status = 'proposed') = (ended_us IS NULL)", name=op.f("ck_decisions_ended")
        ),
        sa.ForeignKeyConstraint(["credit"], ["credits.id"], name=op.f("fk_decisions_credit")),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_decisions_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sqlite_strict=True,
    )
    for columns in (["status", "created_us", "id"], ["credit"], ["payment"]):
        op.create_index(
            op.f(f"ix_decisions_{'_'.join(columns)}"), "decisions", columns, unique=False
        )
