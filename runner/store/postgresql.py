"""PostgreSQL as the store's database, through psycopg 3, for more than one machine."""

from __future__ import annotations

import math

from sqlalchemy import URL, Connection, create_engine, event

from runner.errors import Unavailable
from runner.store.database import WRITES, Database


def open_postgresql(url: URL, timeout: float) -> Database:
    """Return the database at `url`; `timeout` seconds is the wait for connections and locks."""
    url = url.set(drivername="postgresql+psycopg")
    # Without these a machine that fell silent would be waited for by the kernel's own patience.
    patience = {
        "connect_timeout": max(2, math.ceil(timeout)),
        "tcp_user_timeout": math.ceil(timeout * 1000),
    }
    try:
        engine = create_engine(
            url,
            connect_args={key: value for key, value in patience.items() if key not in url.query},
            pool_pre_ping=True,  # a connection that died with the server is replaced unnoticed
            pool_timeout=timeout,
            hide_parameters=True,
        )
    except ImportError as ex:
        raise Unavailable(
            "PostgreSQL needs psycopg: pip install 'polyglot-runner[postgresql]'"
        ) from ex

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES, False):
            # Per transaction, not per session: poolers in between share sessions.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {math.ceil(timeout * 1000)}")

    return Database(
        engine,
        label=URL.create(
            "postgresql", url.username, None, url.host, url.port, url.database
        ).render_as_string(),
        secret=url.password or _in_query(url, "password"),
        # Readers run several statements that must agree with one another.
        reader_options={"isolation_level": "REPEATABLE READ"},
        # Writers lock a row, then read it: they must see what the holder before them committed.
        writer_options={"isolation_level": "READ COMMITTED"},
    )


def _in_query(url: URL, key: str) -> str | None:
    """Return an option of the URL, where libpq takes a password, too."""
    value = url.query.get(key)
    return value if isinstance(value, str) else None
