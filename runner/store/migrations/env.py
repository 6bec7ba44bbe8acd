"""What Alembic runs: migrate over the connection, and in the transaction, that migrate.py began."""

from alembic import context

attributes = context.config.attributes
context.configure(connection=attributes["connection"], version_table=attributes["version_table"])
context.run_migrations()
