"""Find payments: lists in pages, newest first, and search by ids from outside.

Revision 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
NEWEST = ["created_us", "id"]


def upgrade() -> None:
    """Lay the ways on which lists walk; nothing used the project's index by id."""
    op.drop_index(op.f("ix_payments_project_id_id"), "payments")
    for way in (["project_id", *NEWEST], NEWEST, ["customer_id", *NEWEST]):
        op.create_index(op.f(f"ix_payments_{'_'.join(way)}"), "payments", way, unique=False)
    for name, where in (("open", "finished_us IS NULL"), ("held", "held_count > 0")):
        _create_partial(f"ix_payments_{name}", NEWEST, where=where, table="payments")
    reference = op.f("ix_operations_provider_ref")
    _create_partial(reference, ["provider_ref"], where="provider_ref <> ''", table="operations")


def _create_partial(name: str, columns: list[str], *, where: str, table: str) -> None:
    only = sa.text(where)
    op.create_index(name, table, columns, unique=False, sqlite_where=only, postgresql_where=only)
