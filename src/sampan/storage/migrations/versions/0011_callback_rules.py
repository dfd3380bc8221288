"""Callback rules of a project, and since when its secret is in use.

Revision 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make room for both; empty means no rules, and a secret of which nobody noted the time."""
    op.add_column("projects", sa.Column("callback_rules", sa.Text(), nullable=True))
    op.add_column("projects", sa.Column("secret_set_us", Int, nullable=True))
    op.execute(
        "UPDATE projects SET secret_set_us = created_us WHERE secret_previous_sealed IS NULL"
    )
