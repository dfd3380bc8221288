"""What bank apps did with the last test code of an FPS account.

Revision 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make room for it; accounts before it were not tried out."""
    op.add_column("fps_accounts", sa.Column("trial", sa.Text(), nullable=True))
