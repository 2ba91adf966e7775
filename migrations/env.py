"""Alembic's entry: online migrations only, under a lock, on the URL that the caller gives."""

from alembic import context
from sqlalchemy import NullPool, create_engine, text

from coordinator.schema import metadata
from coordinator.settings import CoordinatorSettings

url = context.config.attributes.get("url")
if url is None:  # the alembic command itself was called
    url = CoordinatorSettings().database_url
if url is None:
    message = "set DATABASE_URL to the database that is to be migrated"
    raise SystemExit(message)

with create_engine(url, poolclass=NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata())
    with context.begin_transaction():
        # Replicas that start together take turns; all but the first find nothing to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('migrate', 0))"))
        context.run_migrations()
