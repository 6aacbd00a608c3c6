"""Alembic runs this for every command; the connection comes from ``adapters.sql.core.migration.migrate``."""

from alembic import context

from adapters.sql.core.columns import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
