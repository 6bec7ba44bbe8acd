"""The tables as the code of today sees them; `migrations/` is what builds them.

    runner_state        one row: the revision, a count of committed changes
    runner_models       one row a service: its last number used, its active version
    runner_versions     one row a version; a deleted one stays as a tombstone
    runner_artifacts    size and digest of an artifact; where it lies, if not in chunks
    runner_leftovers    where artifacts of deleted versions lie until their place lets them go
    runner_chunks       the artifact's bytes; gone when the version is deleted
    runner_activations  append-only
    runner_servers      one row a running server and service: what it serves now
    runner_usage        what was counted, per log, hour, service, version, client, outcome
    runner_usage_positions  up to where each file of a log is counted
    runner_audit_heads  the last record of each writer of a log
    runner_jobs         one row a job: what was asked for, how far it is, how it ended
    runner_refits       one row a service: the moment of its schedule that was taken last

All names start with `runner_`: the database may be shared with other programs, among them
Palladium, whose own tables are called `models` and `model_chunks`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, in UTC on both databases; SQLite itself forgets time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


# SQLite counts by itself only in a column declared exactly INTEGER PRIMARY KEY.
_RowId = BigInteger().with_variant(Integer, "sqlite")

tables = MetaData()

state = Table(
    "runner_state",
    tables,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)

models = Table(
    "runner_models",
    tables,
    Column("service", Text, primary_key=True),
    Column("last_number", Integer, nullable=False),
    Column("active_number", Integer),
)

artifacts = Table(
    "runner_artifacts",
    tables,
    Column("id", _RowId, primary_key=True),
    Column("format", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("location", Text),
)

chunks = Table(
    "runner_chunks",
    tables,
    Column("artifact_id", _RowId, ForeignKey("runner_artifacts.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

versions = Table(
    "runner_versions",
    tables,
    Column("service", Text, ForeignKey("runner_models.service"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created", UtcDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("artifact_id", _RowId, ForeignKey("runner_artifacts.id"), nullable=False),
    Column("deleted", UtcDateTime),
    Column("deleted_by", Text),
)

# Listing the newest few must not wade through tombstones.
Index(
    "runner_versions_stored",
    versions.c.service,
    versions.c.number,
    sqlite_where=versions.c.deleted.is_(None),
    postgresql_where=versions.c.deleted.is_(None),
)

activations = Table(
    "runner_activations",
    tables,
    Column("id", _RowId, primary_key=True),
    Column("service", Text, ForeignKey("runner_models.service"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", Text, nullable=False),
    Column("from_number", Integer),
    Column("to_number", Integer),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(
        ["service", "to_number"], ["runner_versions.service", "runner_versions.number"]
    ),
    Index("runner_activations_by_service", "service", "id"),
)

LATENCIES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
"""Upper ends of the buckets of the histogram, in milliseconds; the last bucket has none."""

usage = Table(
    "runner_usage",
    tables,
    Column("log", Text, primary_key=True),
    Column("hour", UtcDateTime, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("client", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Column("nanoseconds", BigInteger, nullable=False),
    *(Column(f"latency_{at}", BigInteger, nullable=False) for at in range(len(LATENCIES) + 1)),
)

positions = Table(
    "runner_usage_positions",
    tables,
    Column("log", Text, primary_key=True),
    Column("file", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
)

heads = Table(
    "runner_audit_heads",
    tables,
    Column("writer", String(64), primary_key=True),
    Column("log", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

servers = Table(
    "runner_servers",
    tables,
    Column("server", String(32), primary_key=True),
    Column("service", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Integer),
    Column("target", Integer),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("seen", UtcDateTime, nullable=False),
)

leftovers = Table(
    "runner_leftovers",
    tables,
    Column("location", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Index("runner_leftovers_by_service", "service"),
)

jobs = Table(
    "runner_jobs",
    tables,
    Column("id", String(32), primary_key=True),
    Column("service", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("server", String(32), nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("started", UtcDateTime),
    Column("ended", UtcDateTime),
    Column("seen", UtcDateTime, nullable=False),
    Column("cancelling", Boolean, nullable=False),
    Column("log", Text, nullable=False),
    Column("result", Text),
    Index("runner_jobs_by_service", "service", "created"),
)

refits = Table(
    "runner_refits",
    tables,
    Column("service", Text, primary_key=True),
    Column("moment", UtcDateTime, nullable=False),
)
