"""Keep jobs: what was asked for, how far each is, what it said, and how it ended.

The server that runs a job repeats every second or so that it is there. A job of a server that has
said nothing for `STALE` seconds has failed, whatever its row says: nothing runs for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update

from runner.errors import NotFound, Refused
from runner.store.database import Database
from runner.store.schema import jobs
from runner.store.servers import STALE


class State(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (State.QUEUED, State.RUNNING)
GONE = "the server that ran it is gone"


@dataclass(frozen=True)
class Job:
    """One job as it is now; times are UTC, aware."""

    id: str
    service: str
    kind: str
    arguments: Mapping[str, Any]
    by: str
    state: State
    reason: str
    """Why it failed."""
    created: datetime
    started: datetime | None
    ended: datetime | None
    log: str
    """What it has said: its steps, and the last lines of the model's own output."""
    result: Mapping[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Give what programs read; times in ISO 8601."""
        times = {"created": self.created, "started": self.started, "ended": self.ended}
        return {**vars(self), **{k: at and at.isoformat() for k, at in times.items()}}


class Jobs:
    """The jobs of one store; each public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: str, service: str, kind: str, arguments: Mapping[str, Any], by: str,
            server: str) -> None:  # fmt: skip
        """Write down a new job, queued at ``server``."""
        now = datetime.now(UTC)
        row = {
            "id": job, "service": service, "kind": kind, "arguments": json.dumps(arguments),
            "by": by, "server": server, "state": State.QUEUED, "reason": "", "created": now,
            "seen": now, "cancelling": False, "log": "",
        }  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(insert(jobs), row)

    def start(self, job: str) -> None:
        """Say that a job has begun."""
        self._set(job, state=State.RUNNING, started=datetime.now(UTC))

    def end(
        self,
        job: str,
        state: State,
        *,
        reason: str = "",
        log: str = "",
        result: Mapping[str, Any] | None = None,
    ) -> None:
        """Say how a job ended."""
        told = None if result is None else json.dumps(result)
        self._set(job, state=state, reason=reason, ended=datetime.now(UTC), log=log, result=told)

    def beat(self, server: str, logs: Mapping[str, str]) -> set[str]:
        """Say that a server is at its jobs, and what they have said; give those to be cancelled."""
        mine = (jobs.c.server == server) & jobs.c.state.in_(ACTIVE)
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(mine).values(seen=datetime.now(UTC)))
            for job, log in logs.items():
                connection.execute(update(jobs).where(jobs.c.id == job).values(log=log))
            return set(connection.scalars(select(jobs.c.id).where(mine, jobs.c.cancelling)))

    def cancel(self, job: str) -> Job:
        """Ask for a job's end. Raises NotFound, Refused for one that has ended."""
        found = self.get(job)
        if found.state not in ACTIVE:
            raise Refused(f"job {job} is {found.state} already")
        self._set(job, cancelling=True)
        return found

    def get(self, job: str) -> Job:
        """Give one job. Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job)).one_or_none()
        if row is None:
            raise NotFound(f"there is no job {job[:100]!r}")
        return _job(row)

    def newest(self, service: str, limit: int = 100) -> list[Job]:
        """Give the newest jobs of a service, oldest first."""
        query = select(jobs).where(jobs.c.service == service)
        query = query.order_by(jobs.c.created.desc(), jobs.c.id).limit(limit)
        with self._database.reading() as connection:
            return [_job(row) for row in reversed(connection.execute(query).all())]

    def _set(self, job: str, **values: Any) -> None:
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job).values(**values))


def _job(row: Row[Any]) -> Job:
    state, reason, ended = State(row.state), row.reason, row.ended
    if state in ACTIVE and row.seen < datetime.now(UTC) - timedelta(seconds=STALE):
        state, reason, ended = State.FAILED, GONE, row.seen
    return Job(
        row.id, row.service, row.kind, json.loads(row.arguments), row.by, state, reason,
        row.created, row.started, ended, row.log,
        None if row.result is None else json.loads(row.result),
    )  # fmt: skip
