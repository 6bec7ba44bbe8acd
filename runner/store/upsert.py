"""Give the INSERT that may meet a row that is there, in the words of either database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert

INSERTS: dict[str, Callable[[Table], Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""An INSERT with ``on_conflict_do_update`` and ``on_conflict_do_nothing``, by dialect."""


def upsert(connection: Connection, table: Table) -> Insert:
    """Begin such an INSERT for a connection."""
    return INSERTS[connection.dialect.name](table)
