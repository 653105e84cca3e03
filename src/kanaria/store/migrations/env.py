"""What Alembic runs: the steps that are missing, in the transaction of the connection it was given."""

from __future__ import annotations

from alembic import context

from kanaria.store.schema import TABLES

given = context.config.attributes["connection"]
context.configure(connection=given, target_metadata=TABLES, transactional_ddl=True)
context.run_migrations()
