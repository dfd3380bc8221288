"""What bank apps did with the last test code of an FPS account.

Revision 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make room for it; accounts before it were not tried out."""
    op.add_column("fps_accounts", sa.Column("trial", sa.Text(), nullable=True))
