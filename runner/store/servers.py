"""Keep what running servers say they serve, so that commands can see it and wait for it.

A server repeats itself every few seconds. What was not repeated for `STALE` seconds is of a server
that is gone without a word, and counts no more; but one whose process is still there on this
machine is only slow, for as long as its row is kept. Clocks of a store's machines should agree to
within a few seconds.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select

from runner.store.database import Database
from runner.store.schema import servers

STALE = 10.0
"""Seconds after which a server that says nothing is taken for gone."""

_REMOVED = timedelta(minutes=1)


@dataclass(frozen=True)
class Served:
    """What one server says of one service."""

    service: str
    version: int | None
    """The one that every answer is of, on all its front-ends."""
    target: int | None
    """The one that it serves, or tries to, by what it has seen of the store."""
    state: str
    """ready, starting, no_model; failed, if the target cannot start or its workers cannot."""
    reason: str
    revision: int
    """The store's revision by which it knows its target."""


@dataclass(frozen=True)
class Server:
    """A server and what it says of one service."""

    id: str
    host: str
    pid: int
    seen: datetime
    """UTC, aware."""
    served: Served


class Servers:
    """The servers of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, server: str, host: str, pid: int, served: Collection[Served]) -> None:
        """Replace all that ``server`` said before; remove what others said long ago."""
        now = datetime.now(UTC)
        old = (servers.c.server == server) | (servers.c.seen < now - _REMOVED)
        rows = [
            {"server": server, "host": host, "pid": pid, "seen": now, **asdict(each)}
            for each in served
        ]
        with self._database.writing() as connection:
            connection.execute(delete(servers).where(old))
            if rows:
                connection.execute(insert(servers), rows)

    def forget(self, server: str) -> None:
        """Remove what ``server`` said: it ends."""
        with self._database.writing() as connection:
            connection.execute(delete(servers).where(servers.c.server == server))

    def live(self, service: str) -> list[Server]:
        """Give the servers of a service that have said so lately, by host and process."""
        now = datetime.now(UTC)
        since = now - timedelta(seconds=STALE)
        query = (
            select(servers)
            .where(servers.c.service == service, servers.c.seen >= now - _REMOVED)
            .order_by(servers.c.host, servers.c.pid)
        )
        with self._database.reading() as connection:
            return [
                Server(
                    row.server,
                    row.host,
                    row.pid,
                    row.seen,
                    Served(service, row.version, row.target, row.state, row.reason, row.revision),
                )
                for row in connection.execute(query)
                if row.seen >= since or _runs(row.host, row.pid)
            ]


def _runs(host: str, pid: int) -> bool:
    """Whether this is a process of this machine that is still there."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
