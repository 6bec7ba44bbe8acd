"""Bring a database to the schema that this code knows, once, however many open it at a time.

Opening a store that is up to date costs two small queries: Alembic is imported only to migrate.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, text

from runner.errors import Unavailable
from runner.store.database import Database

HEAD = "0006"
"""The newest revision under `migrations/versions`; a test keeps the two together."""

VERSION_TABLE = "runner_schema"
"""Our own name: another program in the same database may use Alembic, too."""

_FIND_VERSION_TABLE = {
    "sqlite": f"SELECT name FROM sqlite_master WHERE name = '{VERSION_TABLE}'",
    "postgresql": f"SELECT to_regclass('{VERSION_TABLE}')",
}

# Any constant number will do; it reads "runner" in ASCII.
_ADVISORY_LOCK = int.from_bytes(b"runner", "big")

# Alembic's `context` and `op` are global to the process.
_migrating = threading.Lock()


def migrate(database: Database) -> None:
    """Apply the migrations that are missing, all of them in one transaction.

    Raises Unavailable for a database that a newer runner has migrated further.
    """
    with database.reading() as connection:
        if _is_current(connection, database.label):
            return
    with _migrating, database.writing() as connection:
        # SQLite's BEGIN IMMEDIATE has already made us the only one.
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        if not _is_current(connection, database.label):
            _upgrade(connection)


def stored_revision(connection: Connection) -> str | None:
    """Return the revision of the database's schema, None if it has none of our tables."""
    if connection.scalar(text(_FIND_VERSION_TABLE[connection.dialect.name])) is None:
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return revision


def _is_current(connection: Connection, label: str) -> bool:
    revision = stored_revision(connection)
    # Revisions are numbered, so their order is known without loading the scripts.
    if revision is not None and revision > HEAD:
        raise Unavailable(
            f"the store {label} has schema {revision}, newer than {HEAD}, the newest that this "
            "runner knows: upgrade polyglot-runner"
        )
    return revision == HEAD


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  PERF: a third of a second, needed once
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    scripts = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    command.upgrade(config, "head")
