"""Which database a URL means."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from runner.errors import ConfigError, Fault
from runner.store.database import Database
from runner.store.postgresql import open_postgresql
from runner.store.sqlite import open_sqlite

_EXPECTED = "sqlite:////absolute/path or postgresql://user:password@host/database"
_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}


def open_database(text: str, timeout: float) -> Database:
    """Open the database that a URL names; raise ConfigError for a URL that names none.

    SECURITY: no message quotes the URL, for a broken one may hold a password anywhere.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as ex:
        raise ConfigError([Fault("the store's URL cannot be parsed", _EXPECTED)]) from ex
    if url.drivername in _POSTGRESQL:
        return open_postgresql(url, timeout)
    if url.drivername != "sqlite":
        raise ConfigError([Fault(f"no store on {url.drivername!r}", _EXPECTED)])
    if url.host or url.username or url.query:
        raise ConfigError(
            [
                Fault(
                    "a SQLite URL has a path and nothing else (three slashes, no options)",
                    _EXPECTED,
                )
            ]
        )
    if not url.database or url.database == ":memory:":
        raise ConfigError([Fault("a store in memory would forget every model", _EXPECTED)])
    return open_sqlite(Path(url.database), timeout)
