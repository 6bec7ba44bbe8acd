"""Take the database away for a while."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.faults.leftovers import Inventory
from benchmarks.faults.load import Load
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.postgres import Cluster, find_binary
from benchmarks.serving.project import Project
from benchmarks.serving.server import serving, until

_ACTIONS = "server: {actions: true}\n"
_FIRST = {"model_version": 1}


@scenario(
    11,
    "SQLite locked by another process for 30 s",
    "predictions: 0 failed; writes: 503 within 2 s, commands exit code 5; normal within 5 s after",
    seconds=4.0,
)
def sqlite_locked(
    folder: Path,
    seconds: float = 30.0,
    connections: int = 16,
    limit: float = 5.0,
    refusal: float = 2.0,
) -> Outcome:
    """``worst_seconds``: from the lock's end until an activation is in force."""
    project = multiplier(folder / "python", more=_ACTIONS)
    return _away(
        project, _locked(project.folder / "runner.db"), seconds, connections, limit, refusal
    )


@scenario(
    11,
    "PostgreSQL stopped for 30 s",
    "predictions: 0 failed; writes: 503 within 2 s, commands exit code 5; normal within 5 s after",
    seconds=4.0,
)
def postgresql_stopped(
    folder: Path,
    seconds: float = 30.0,
    connections: int = 16,
    limit: float = 5.0,
    refusal: float = 2.0,
) -> Outcome:
    """``worst_seconds``: from when PostgreSQL accepts again until an activation is in force."""
    initdb, postgres = find_binary("initdb"), find_binary("postgres")
    if initdb is None or postgres is None:
        return Outcome(0, breaches=["PostgreSQL's server is not installed"])
    # A folder that the user whom PostgreSQL runs as may enter, which a scenario's own is not.
    with tempfile.TemporaryDirectory(prefix="pg-") as home:
        cluster = Cluster(Path(home), initdb, postgres)
        cluster.start()
        try:
            store = f"store: {{url: {json.dumps(cluster.create_database())}}}\n"
            project = multiplier(folder / "python", more=store + _ACTIONS)
            return _away(project, _stopped(cluster), seconds, connections, limit, refusal)
        finally:
            cluster.stop()


def _away(
    project: Project,
    fault: AbstractContextManager[None],
    seconds: float,
    connections: int,
    limit: float,
    refusal: float,
) -> Outcome:
    """Predict under load while the database is away, and try to activate all the while.

    Both over HTTP and by the command, whose own start takes longer than its refusal.
    """
    factors = fit_factors(project, [2.0, 3.0])
    outcome = Outcome(1, limit_seconds=limit)
    with serving(project) as server:
        with Load(server.port, "python", factors, connections=connections, rate=400) as load:
            load.wait_for(connections)
            with fault:
                until_then = time.monotonic() + seconds
                slowest, refusals = 0.0, 0
                while time.monotonic() < until_then:
                    began = time.monotonic()
                    status, _, _ = server.request("POST", "/activate", _FIRST)
                    slowest, refusals = max(slowest, time.monotonic() - began), refusals + 1
                    outcome.check(status == 503, f"POST /activate: {status}")
                    done = project.run("activate", "1")
                    outcome.check(done.code == 5, f"activate: exit code {done.code}")
                    lines = done.stderr.strip().splitlines()
                    outcome.check(len(lines) == 1, f"activate said {done.stderr!r}")
                outcome.check(server.get("/health/live")[0] == 200, "/health/live is not 200")
                outcome.check(server.get("/health/ready")[0] == 200, "/health/ready is not 200")
            began = time.monotonic()
            until(lambda: server.request("POST", "/activate", _FIRST)[0] == 200, 60, "it is back")
            outcome.worst_seconds = time.monotonic() - began
            outcome.check(project.run("activate", "1").code == 0, "activate fails afterwards")
            load.wait_for(connections)
            outcome.check(load.versions[1] > 0, "no answer of the activated version")
        before = Inventory.settled(server)
    outcome.check(slowest <= refusal, f"a refusal took {slowest:.2f} s, at most {refusal:g}")
    outcome.notes.append(f"slowest of {refusals} refusals over HTTP {slowest:.2f} s")
    outcome.notes += load.complaints()
    for name, count in load.counts().items():
        setattr(outcome, name, count)
    outcome.breaches += before.remains()
    return outcome.judge()


@contextlib.contextmanager
def _stopped(cluster: Cluster) -> Iterator[None]:
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()
