"""Alembic's entry: runs the steps on the connection that `storage.migrate` hands over."""

from alembic import context

from sampan.storage import schema

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=schema.metadata,
    transaction_per_migration=False,
    transactional_ddl=False,
)
context.run_migrations()
