"""Boards of figures that people make their own.

Revision 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make room for boards and their panels."""
    op.create_table(
        "boards",
        sa.Column("user_id", Int, autoincrement=False, nullable=False),
        sa.Column("last_number", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_boards_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_boards")),
        sqlite_strict=True,
    )
    op.create_table(
        "board_panels",
        sa.Column("user_id", Int, autoincrement=False, nullable=False),
        sa.Column("number", Int, autoincrement=False, nullable=False),
        sa.Column("position", Int, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("width", Int, nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.CheckConstraint("width IN (1, 2)", name=op.f("ck_board_panels_width_known")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["boards.user_id"], name=op.f("fk_board_panels_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "number", name=op.f("pk_board_panels")),
        sqlite_strict=True,
    )
