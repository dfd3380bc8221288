"""Copy a database of SQLite into one of PostgreSQL: for books that take long to make."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from sampan.storage import open as opening
from sampan.storage import schema


def copy(sqlite_url: str, postgres_url: str) -> None:
    """Copy every row of a migrated database into another, which is migrated and empty."""
    source, target = opening.make_engine(sqlite_url), opening.make_engine(postgres_url)
    try:
        with source.connect() as read, target.begin() as write:
            raw: Any = write.connection.driver_connection
            for table in schema.metadata.sorted_tables:
                # The first schema step writes a row.
                write.execute(table.delete())
                names = [column.name for column in table.columns]
                quoted = ",".join(f'"{name}"' for name in names)
                with (
                    raw.cursor() as cursor,
                    cursor.copy(f"COPY {table.name} ({quoted}) FROM STDIN") as to,
                ):
                    for row in read.execute(select(table)):
                        to.write_row(list(row))
    finally:
        source.dispose()
        target.dispose()
