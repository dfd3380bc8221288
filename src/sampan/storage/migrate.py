"""Bring a database to the newest schema (Alembic; the steps are in `migrations/versions`)."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from sampan.errors import SetupError

_FOLDER: Final = Path(__file__).with_name("migrations")
_LOCK_KEY: Final = 0x53_41_4D_50
"""Advisory lock of PostgreSQL that two processes starting at once take in turn."""


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for our steps, bound to a connection."""
    made = Config()
    made.set_main_option("script_location", str(_FOLDER))
    made.attributes["connection"] = connection
    return made


def newest() -> str:
    """Return the revision that this program needs."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None, "there is at least one step"  # noqa: S101 - our bug
    return head


def current(engine: Engine) -> str | None:
    """Return the revision that a database has, None when there are no tables yet."""
    with engine.connect() as conn:
        return MigrationContext.configure(conn).get_current_revision()


def upgrade(engine: Engine) -> str:
    """Run every step that is missing; return the revision reached."""
    head = newest()
    with engine.connect() as conn:
        lite = conn.dialect.name == "sqlite"
        if lite:
            # A step may lay a table anew that others refer to; the references are checked below.
            conn.exec_driver_sql("PRAGMA foreign_keys=OFF")
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        current = MigrationContext.configure(conn).get_current_revision()
        known = {step.revision for step in ScriptDirectory.from_config(config()).walk_revisions()}
        if current is not None and current not in known:
            raise SetupError(f"the database is of a newer Sampan (schema {current}); update first")
        if current != head:
            command.upgrade(config(conn), "head")
            if lite:
                broken = conn.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                assert not broken, broken  # noqa: S101 - a step of ours lost rows
        conn.commit()
    return head
