"""Kill the server's own processes: a front-end, gunicorn, the supervisor."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import psutil

from benchmarks.faults.leftovers import Inventory
from benchmarks.faults.load import Load
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.server import serving, until


@scenario(
    8,
    "SIGKILL a front-end of two under load",
    "its own in-flight requests at most; workers untouched; replaced",
    trials=3,
)
def sigkill_front_end(folder: Path, trials: int = 20, connections: int = 16) -> Outcome:
    """``failed``: requests beyond those that the killed front-ends had in flight, one a connection.

    ``worst_seconds``: from the kill until there are two front-ends again.
    """
    project = multiplier(folder / "python")
    factors = fit_factors(project, [2.0])
    outcome = Outcome(trials, worst_seconds=0.0)
    in_flight = 0
    with serving(project, options=("--workers", "2")) as server:
        until(lambda: len(server.front_ends()) == 2)
        workers = server.worker_pids("python")
        before = Inventory.settled(server)
        with Load(server.port, "python", factors, connections=connections) as load:
            for trial in range(trials):
                load.wait_for(2 * connections)
                former = server.front_ends()
                victim = former[trial % 2]
                in_flight += sum(
                    each.status == psutil.CONN_ESTABLISHED for each in victim.net_connections("tcp")
                )
                began = time.monotonic()
                victim.kill()
                pids = {each.pid for each in former}
                until(
                    lambda pids=pids: (
                        len({each.pid for each in server.front_ends() if each.is_running()} - pids)
                        == 1
                    )
                )
                outcome.worst_seconds = max(outcome.worst_seconds or 0, time.monotonic() - began)
            load.wait_for(2 * connections)
        outcome.check(workers == server.worker_pids("python"), "workers were replaced")
        outcome.breaches += before.differences(server)
    outcome.notes.append(f"{load.failed} requests failed of at most {in_flight} in flight")
    outcome.requests, outcome.wrong = load.requests, load.wrong
    outcome.failed = max(0, load.failed - in_flight)
    outcome.breaches += before.remains()
    return outcome.judge()


@scenario(
    8,
    "SIGKILL gunicorn's master under load",
    "workers untouched; front-ends are back by themselves; afterwards 0 failed",
    trials=1,
)
def sigkill_master(
    folder: Path, trials: int = 3, connections: int = 8, limit: float = 12.0
) -> Outcome:
    """``worst_seconds``: from the kill to a new front-end; the third in a minute waits 8.

    ``failed``: of requests after it. Those of the kill itself have no front-end to go to.
    """
    project = multiplier(folder / "python")
    factors = fit_factors(project, [2.0])
    outcome = Outcome(trials, worst_seconds=0.0, limit_seconds=limit)
    with serving(project) as server:
        workers = server.worker_pids("python")
        before = Inventory.settled(server)
        for _ in range(trials):
            former = {each.pid for each in server.front_ends()}
            with Load(server.port, "python", factors, connections=connections) as load:
                load.wait_for(10 * connections)
                began = time.monotonic()
                (master,) = server.masters()
                master.kill()
                until(lambda former=former: former.isdisjoint(_pids(server.front_ends())), 60)
                until(lambda: server.get("/health/ready")[0] == 200, 60)
                outcome.worst_seconds = max(outcome.worst_seconds or 0, time.monotonic() - began)
            outcome.wrong += load.wrong
            with Load(server.port, "python", factors, connections=connections) as load:
                load.wait_for(10 * connections)
            outcome.count(load)
            outcome.notes += load.complaints()
        outcome.check(workers == server.worker_pids("python"), "workers were replaced")
        roles, now = before.count("processes"), Inventory.settled(server).count("processes")
        outcome.check(roles == now, f"{roles} before, {now} after")
    outcome.breaches += before.remains()
    return outcome.judge()


def _pids(processes: list[psutil.Process]) -> set[int]:
    return {each.pid for each in processes if each.is_running()}


@scenario(
    9,
    "SIGKILL the supervisor under load",
    "workers and front-ends end by themselves within 5 s; a new start is clean",
    trials=1,
)
def sigkill_supervisor(
    folder: Path, trials: int = 10, connections: int = 8, limit: float = 5.0
) -> Outcome:
    """``worst_seconds``: from the kill to the end of the last of its processes.

    ``requests`` are those before the kill: with the server gone all others fail.
    """
    project = multiplier(folder / "python")
    factors = fit_factors(project, [2.0])
    outcome = Outcome(trials, worst_seconds=0.0, limit_seconds=limit)
    folders: list[Path] = []
    for _ in range(trials):
        with serving(project, options=("--workers", "2")) as server:
            left = [each for each in folders if each.exists()]
            outcome.check(not left, f"the next start left {left}")
            folders = server.runtime_folders()
            with Load(server.port, "python", factors, connections=connections) as load:
                load.wait_for(10 * connections)
                outcome.count(load)
                outcome.notes += load.complaints()
                left_behind = server.descendants()
                began = time.monotonic()
                server.end(signal.SIGKILL)
                _, alive = psutil.wait_procs(left_behind, timeout=60)
                outcome.worst_seconds = max(outcome.worst_seconds or 0, time.monotonic() - began)
            for process in alive:
                outcome.check(False, f"{process} is still there")
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    with serving(project) as server:
        before = Inventory.settled(server)
        outcome.check(server.predict("python", x=3.0)[0] == 200, "the new start does not answer")
        outcome.check(not any(each.exists() for each in folders), f"{folders} are still there")
    outcome.breaches += before.remains()
    return outcome.judge()
