"""Change what SQLite cannot alter: columns without a default, and checks."""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.schema import SchemaItem


def on_sqlite() -> bool:
    """Whether the step runs on SQLite; elsewhere a table is altered in place."""
    return op.get_bind().dialect.name == "sqlite"


def rebuild(name: str, *items: SchemaItem, fill: Mapping[str, str]) -> None:
    """Lay a table anew with these columns and checks, and keep its rows. SQLite only.

    A column takes its old value, or the SQL expression that `fill` has for it. The indexes are gone
    with the old table. References of other tables stay as they are, because `storage.migrate` has
    switched their enforcement off, and checks them all afterwards.
    """
    columns = [item.name for item in items if isinstance(item, sa.Column)]
    values = [fill.get(column, column) for column in columns]
    op.create_table(f"{name}_new", *items, sqlite_strict=True)
    op.execute(
        f"INSERT INTO {name}_new ({', '.join(columns)})"  # noqa: S608 - names of ours
        f" SELECT {', '.join(values)} FROM {name}"
    )
    op.drop_table(name)
    op.rename_table(f"{name}_new", name)
