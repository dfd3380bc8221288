"""Bank files: balances of accounts, files whose columns somebody has to name; days of credits.

Revision 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Keep balances of files, and drafts; find the credits of a day of the bank."""
    op.add_column("imports", sa.Column("balances", sa.Text(), nullable=True))
    op.create_table(
        "file_drafts",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_drafts")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_file_drafts_created_us"), "file_drafts", ["created_us"], unique=False)
    op.create_index(
        "ix_credits_booked", "credits", ["provider", "account", "booked_us"], unique=False
    )
