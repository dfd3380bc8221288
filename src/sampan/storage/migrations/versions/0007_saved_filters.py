"""What a person keeps for the lists of the Dashboard: filters by name, and chosen columns.

Revision 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make room for saved filters and chosen columns."""
    op.create_table(
        "saved_filters",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("user_id", Int, nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_filters_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint(
            "user_id", "list", "name", name=op.f("uq_saved_filters_user_id_list_name")
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "list_columns",
        sa.Column("user_id", Int, autoincrement=False, nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_list_columns_user_id")),
        sa.PrimaryKeyConstraint("user_id", "list", name=op.f("pk_list_columns")),
        sqlite_strict=True,
    )
