"""The database goes away: predictions do not notice, and commands say so."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from benchmarks.faults.database import postgresql_stopped, sqlite_locked
from benchmarks.serving.multiplier import fit_factors, multiplier
from runner.store import Store
from runner.workers.acknowledged import wait
from tests.requirements import need
from tests.serving.project import tricky
from tests.serving.server import Server, serving, until


def test_sqlite_locked(tmp_path: Path) -> None:
    """No prediction fails, commands are refused in a line, and all is well afterwards."""
    outcome = sqlite_locked(tmp_path, seconds=2.0, connections=4, limit=60, refusal=60)
    assert [] == outcome.breaches, outcome.notes


@need("postgresql")
def test_postgresql_stopped(tmp_path: Path) -> None:
    """The same of a database server that is gone, and comes back."""
    outcome = postgresql_stopped(tmp_path, seconds=2.0, connections=4, limit=60, refusal=60)
    assert [] == outcome.breaches, outcome.notes


def test_a_start_waits_for_who_writes(tmp_path: Path) -> None:
    """A server that starts while somebody writes into its store waits, and does not give up."""
    project = tricky(tmp_path / "project")
    project.fit()
    lock = sqlite3.connect(project.folder / "runner.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    with serving(project, wait=False) as server:
        time.sleep(3.0)  # longer than a running server waits
        assert server.process.poll() is None
        lock.execute("ROLLBACK")
        until(lambda: server.get("/health/ready")[0] == 200, 60)
    lock.close()


def test_an_activation_waits_for_who_writes(tmp_path: Path) -> None:
    """A lock that lasts longer than a server waits for it is no failure of what is activated."""
    project = multiplier(tmp_path / "python")
    fit_factors(project, [2.0, 3.0])
    path = project.folder / "runner.db"
    lock = sqlite3.connect(path, isolation_level=None)
    with serving(project) as server, Store.open(f"sqlite:///{path}") as store:
        store.activate("python", 1, by="test")
        until(lambda: len(server.get("/alive")[1]["workers"]) == 2, 60, "another worker starts")
        lock.execute("BEGIN EXCLUSIVE")
        said = {"worker waits for its store", "version cannot start"}
        until(lambda: said & _said(server), 60, "it has been refused the model")
        lock.execute("ROLLBACK")
        wait(store, "python", 1, timeout=60.0)
        assert "version cannot start" not in _said(server)
    lock.close()


def _said(server: Server) -> set[str]:
    return {event["event"] for event in server.events}
