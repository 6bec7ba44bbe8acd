"""A server's own processes are killed: what is left goes on, or ends, and nothing stays behind."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from benchmarks.faults.kill_server import sigkill_front_end, sigkill_master, sigkill_supervisor
from benchmarks.serving.multiplier import multiplier
from benchmarks.serving.server import Server, serving, until


def test_sigkill_front_end(tmp_path: Path) -> None:
    """A killed front-end costs its own requests at most; no worker is restarted for it."""
    outcome = sigkill_front_end(tmp_path, trials=2, connections=4)
    assert [] == outcome.breaches, outcome.notes


def test_sigkill_master(tmp_path: Path) -> None:
    """gunicorn is started again, and the workers, which are not its children, live on."""
    outcome = sigkill_master(tmp_path, trials=1, connections=4, limit=60)
    assert [] == outcome.breaches, outcome.notes


def test_sigkill_supervisor(tmp_path: Path) -> None:
    """All its processes end by themselves, and the next start removes its folder."""
    outcome = sigkill_supervisor(tmp_path, trials=1, connections=4, limit=60)
    assert [] == outcome.breaches, outcome.notes


def test_live_asks_nobody(tmp_path: Path) -> None:
    """/health/live answers while supervisor and workers stand still: it asks neither."""
    project = multiplier(tmp_path / "python")
    project.fit()
    with serving(project) as server:
        stopped = [psutil.Process(pid) for pid in server.worker_pids("python")]
        stopped.append(psutil.Process(server.process.pid))
        try:
            for process in stopped:
                process.send_signal(signal.SIGSTOP)
            assert 200 == server.get("/health/live")[0]
        finally:
            for process in stopped:
                process.send_signal(signal.SIGCONT)


def test_ready_speaks_for_all_front_ends(tmp_path: Path) -> None:
    """While one has not heard of the present worker, none says ready; one that is killed may not.

    Its callers would be told that the worker is being started.
    """
    project = multiplier(tmp_path / "python")
    project.fit()
    with serving(project, options=("--workers", "2")) as server:
        until(lambda: len(server.front_ends()) == 2)
        still = server.front_ends()[0]
        still.suspend()
        try:
            _replace_worker(server)
            until(lambda: _not_ready(server) == ["front-ends"], 60)
            still.resume()
            until(lambda: _not_ready(server) == [], 60)
            still.suspend()
            _replace_worker(server)
            until(lambda: _not_ready(server) == ["front-ends"], 60)
        finally:
            still.kill()
        until(lambda: _not_ready(server) == [], 60)


def _replace_worker(server: Server) -> None:
    (former,) = server.worker_pids("python")
    psutil.Process(former).kill()
    until(lambda: server.worker_pids("python") not in ([], [former]), 60)


def _not_ready(server: Server) -> list[str]:
    status, body = server.get("/health/ready")
    return [] if status == 200 else [each["service"] for each in body["metadata"]["details"]]
