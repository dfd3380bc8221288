"""Operations that made payment links are found by when they changed last.

Revision 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Lay a way through them; other operations cost it nothing."""
    op.create_index(
        "ix_operations_invoices",
        "operations",
        ["updated_us", "id"],
        unique=False,
        sqlite_where=sa.text("type = 'invoice'"),
        postgresql_where=sa.text("type = 'invoice'"),
    )
