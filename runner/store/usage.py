"""Keep what is counted of usage, up to where in the log it is counted, and the trail's heads.

What one part of a log adds is written in one transaction with the position behind it, and only if
the position before it is still the one that the count began at. So nothing is counted twice or left
out, whoever is killed, and however many count the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, select

from runner.store.database import Database
from runner.store.schema import heads, positions, usage
from runner.store.upsert import INSERTS, Insert

KEYS = ("hour", "service", "version", "client", "outcome")
# NOTE: a name of a column is a string of its own kind, which orjson takes for no key.
COUNTS = tuple(str(c.name) for c in usage.c if c.name not in ("log", *KEYS))
"""Requests, rows, …, then the buckets of the latency histogram."""

Counted = Mapping[tuple[Any, ...], Sequence[int]]
"""Values of `KEYS` → values of `COUNTS`; hours are aware datetimes."""


@dataclass(frozen=True)
class Head:
    """The last record of a writer that is known here."""

    writer: str
    sequence: int
    digest: str
    log: str = ""


@dataclass(frozen=True)
class Part:
    """A piece of a log file that was counted: the file by its identity, from where to where."""

    file: str
    name: str
    begin: int
    end: int
    counted: Counted = field(default_factory=dict)
    heads: Sequence[Head] = ()


class Usage:
    """The tables of usage in a store; each public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(self, log: str) -> dict[str, int]:
        """Give up to where each file of a log is counted."""
        with self._database.reading() as connection:
            found = connection.execute(
                select(positions.c.file, positions.c.position).where(positions.c.log == log)
            )
            return {row.file: row.position for row in found}

    def add(self, log: str, part: Part) -> bool:
        """Add what was counted; give False, and add nothing, if somebody else was before us."""
        with self._database.writing() as connection:
            if not _move(connection, log, part):
                return False
            _count(connection, log, part.counted)
            _anchor(connection, log, part.heads)
        return True

    def replace(self, log: str, parts: Sequence[Part], counted: Counted) -> None:
        """Put new counts in the place of all that a log has, and count on behind the parts."""
        with self._database.writing() as connection:
            for table in (usage, positions):
                connection.execute(delete(table).where(table.c.log == log))
            for part in parts:
                _move(connection, log, part)
            _count(connection, log, counted)

    def anchor(self, log: str, found: Iterable[Head]) -> None:
        """Keep the heads of writers; one that is further already stays."""
        with self._database.writing() as connection:
            _anchor(connection, log, found)

    def heads(self) -> dict[str, Head]:
        """Give the heads of all writers."""
        with self._database.reading() as connection:
            return {
                row.writer: Head(row.writer, row.sequence, row.digest, row.log)
                for row in connection.execute(select(heads))
            }

    def counts(
        self,
        by: Sequence[str],
        *,
        since: datetime | None = None,
        log: str | None = None,
        client: str | None = None,
    ) -> list[dict[str, Any]]:
        """Give the sums by some of `KEYS`, in their order; of one log or one client if told."""
        keys = [usage.c[name] for name in by]
        sums = [func.sum(usage.c[name]).label(name) for name in COUNTS]
        query = select(*keys, *sums).group_by(*keys).order_by(*keys)
        if since is not None:
            query = query.where(usage.c.hour >= since)
        if log is not None:
            query = query.where(usage.c.log == log)
        if client is not None:
            query = query.where(usage.c.client == client)
        with self._database.reading() as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
        # PostgreSQL's sum of big integers is a decimal; without groups the sum of nothing is none.
        return [
            {**row, **{name: int(row[name]) for name in COUNTS}}
            for row in found
            if row["requests"] is not None
        ]


class _Statements:
    """What one part of a log needs, for one dialect.

    PERF: made once a process. To put these together takes SQLAlchemy 0.1 s of processor time, which
    a projector would spend every second.
    """

    def __init__(self, insert: Callable[[Table], Insert]) -> None:
        self.begin = (
            insert(positions)
            .values({name: bindparam(name) for name in ("log", "file", "name", "position")})
            .on_conflict_do_nothing()
            .returning(positions.c.file)
        )
        self.further = (
            positions.update()
            .where(
                positions.c.log == bindparam("of_log"),
                positions.c.file == bindparam("of_file"),
                positions.c.position == bindparam("begin"),
            )
            .values(name=bindparam("name"), position=bindparam("position"))
            .returning(positions.c.file)
        )
        counts = insert(usage)
        self.count = counts.on_conflict_do_update(
            index_elements=[usage.c[name] for name in ("log", *KEYS)],
            set_={name: usage.c[name] + counts.excluded[name] for name in COUNTS},
        )
        anchored = insert(heads)
        self.anchor = anchored.on_conflict_do_update(
            index_elements=[heads.c.writer],
            set_={name: anchored.excluded[name] for name in ("log", "sequence", "digest", "at")},
            where=heads.c.sequence < anchored.excluded.sequence,
        )


@cache
def _statements(dialect: str) -> _Statements:
    return _Statements(INSERTS[dialect])


def _move(connection: Connection, log: str, part: Part) -> bool:
    """Move a file's position on, if it is still where the part begins."""
    statements = _statements(connection.dialect.name)
    if part.begin == 0:
        row = {"log": log, "file": part.file, "name": part.name, "position": part.end}
        return connection.execute(statements.begin, row).first() is not None
    further = {"of_log": log, "of_file": part.file, "begin": part.begin}
    moved = {**further, "name": part.name, "position": part.end}
    return connection.execute(statements.further, moved).first() is not None


def _count(connection: Connection, log: str, counted: Counted) -> None:
    # In one order, so that no two writers wait for one another in a circle.
    rows = [
        {"log": log, **dict(zip(KEYS, key, strict=True)), **dict(zip(COUNTS, counts, strict=True))}
        for key, counts in sorted(counted.items())
    ]
    if rows:
        connection.execute(_statements(connection.dialect.name).count, rows)


def _anchor(connection: Connection, log: str, found: Iterable[Head]) -> None:
    now = datetime.now(UTC)
    rows = [
        {**asdict(head), "log": log, "at": now}
        for head in sorted(found, key=lambda each: each.writer)
    ]
    if rows:
        connection.execute(_statements(connection.dialect.name).anchor, rows)
