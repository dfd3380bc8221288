"""The Data API: tokens of people, how often they call, and the ways to what it tells.

Revision 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ENDED = sa.text("status IN ('decline', 'error', 'expired', 'invoice canceled', 'success')")


def upgrade() -> None:
    """Make room for tokens, and lay the ways to operations and balances."""
    op.create_table(
        "api_tokens",
        sa.Column("user_id", Int, autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("last_used_us", Int, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token", name=op.f("uq_api_tokens_token")),
        sqlite_strict=True,
    )
    op.create_table(
        "api_calls",
        sa.Column("user_id", Int, autoincrement=False, nullable=False),
        sa.Column("recent", sa.Text(), nullable=False),
        sa.Column("wide_us", Int, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_calls_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_api_calls")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_operations_ended",
        "operations",
        ["updated_us", "id"],
        unique=False,
        sqlite_where=ENDED,
        postgresql_where=ENDED,
    )
    op.drop_index(op.f("ix_ledger_account_currency"), "ledger")
    balances = op.f("ix_ledger_account_currency_amount_minor")
    op.create_index(balances, "ledger", ["account", "currency", "amount_minor"], unique=False)
