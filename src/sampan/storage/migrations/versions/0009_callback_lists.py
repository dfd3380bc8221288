"""List callbacks and what people did: in pages, newest first, by filters.

Revision 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
WALK = ["status", "kind", "created_us", "id"]
BY_PEOPLE = (
    "\"by\" NOT IN ('bank', 'clock', 'customer', 'mail', 'merchant', 'provider') OR payment IS NULL"
)


def upgrade() -> None:
    """Lay the ways on which lists walk; one of them begins as the index by status did."""
    op.drop_index(op.f("ix_callbacks_status_id"), "callbacks")
    op.create_index("ix_callbacks_walk", "callbacks", WALK, unique=False)
    op.create_index("ix_callbacks_project_walk", "callbacks", ["project_id", *WALK], unique=False)
    op.create_index(
        "ix_journal_people",
        "journal",
        ["at_us", "id", "by", "what", "project_id"],
        unique=False,
        sqlite_where=sa.text(BY_PEOPLE),
        postgresql_where=sa.text(BY_PEOPLE),
    )
