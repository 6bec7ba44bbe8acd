"""Fill the disk of the runtime folder, and that of the store, while a server works."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from benchmarks.faults.leftovers import Inventory
from benchmarks.faults.load import Load
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.project import Done, Project
from benchmarks.serving.server import Server, serving, until

LARGE = 150_000
"""Rows of a request, or of training data, that do not fit into a frame beside others: 1.2 MB."""


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a tmpfs with these options; needs root. Raises subprocess.CalledProcessError."""
    folder.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        check=True,
        capture_output=True,
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave no byte on a disk."""
    ballast = disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65_536))
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def no_more_files(disk: Path) -> Iterator[Callable[[], None]]:
    """Leave no inode on a disk: not even an empty folder can be made.

    Gives what takes those, too, that have become free since.
    """
    folder = disk / "ballast"
    folder.mkdir()
    numbers = itertools.count()

    def take() -> None:
        with contextlib.suppress(OSError):
            for number in numbers:
                (folder / str(number)).touch()

    try:
        take()
        yield take
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


@scenario(
    15,
    "disk full in the runtime folder: no byte left, then no file",
    "a clear error, nothing half written, goes on when there is room; small requests: 0 failed",
    trials=3,
)
def disk_full_runtime(folder: Path, trials: int = 20) -> Outcome:
    """``worst_seconds``: from when there is room until a worker that was killed is back."""
    project = multiplier(folder / "good", name="good")
    factors = fit_factors(project, [2.0])
    large = multiplier(folder / "large", name="large")
    rows = "\n".join(f"{x}.0,{2 * x}.0" for x in range(LARGE))
    (large.folder / "data.csv").write_text(f"x,y\n{rows}\n", encoding="utf-8")
    outcome = Outcome(trials, limit_seconds=30.0)
    with small_disk(folder / "run", "size=12m,nr_inodes=200") as disk:
        runtime = {"RUNNER_RUNTIME": str(disk)}
        with serving(project, **runtime) as server:
            before = Inventory.settled(server)
            with Load(server.port, "good", factors, connections=4, rate=100) as load:
                _large_requests(server, disk, trials, outcome)
                with full(disk):
                    _refused(large.run("fit", **runtime), "a fit", outcome)
                outcome.check(large.run("fit", **runtime).code == 0, "no fit with room again")
                load.wait_for(20)
            outcome.requests, outcome.failed, outcome.wrong = load.counts().values()
            outcome.notes += load.complaints()
            _worker_without_room(server, disk, outcome)
            outcome.breaches += before.differences(server, 30.0)
        outcome.breaches += before.remains()
        with no_more_files(disk):
            done = project.run("serve", "--port", "0", timeout=60, **runtime)
            _refused(done, "a start", outcome)
        left = [path.name for path in disk.iterdir()]
        outcome.check(not left, f"left behind on the disk: {left}")
    return outcome.judge()


def _large_requests(server: Server, disk: Path, trials: int, outcome: Outcome) -> None:
    """Send tables that must travel beside their frame: refused when full, answered after."""
    rows = [{"x": float(x)} for x in range(LARGE)]
    expected = [2.0 * x for x in range(LARGE)]
    refused = 0
    for _ in range(trials):
        files = _files(disk)
        with full(disk):
            status, body, headers = server.request("POST", "/predict", rows)
            error = body["metadata"].get("error")
            refused += (status, error) == (503, "no_room") and "retry-after" in {
                name.lower() for name in headers
            }
        outcome.check(_files(disk) == files, f"{_files(disk) - files} half written")
        status, body, _ = server.request("POST", "/predict", rows)
        outcome.check(status == 200 and body["result"] == expected, f"with room again: {status}")
    outcome.check(refused == trials, f"{trials - refused} large requests without `no_room`")
    outcome.notes.append(f"{refused} of {trials} large requests refused with 503 no_room")


def _worker_without_room(server: Server, disk: Path, outcome: Outcome) -> None:
    """Kill the worker while no other can have its folder; see it back when there is room."""
    with no_more_files(disk) as take:

        def without_worker() -> bool:
            for pid in server.worker_pids("good"):
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).kill()
            take()  # what the dead one's folder had, or the next worker would
            return not server.worker_pids("good") and server.get("/health/ready")[0] == 503

        until(without_worker, 60, "no worker has room")
        _, body = server.get("/health/ready")
        outcome.notes.append(f"not ready for: {str(body)[:200]}")
    began = time.monotonic()
    until(lambda: server.get("/health/ready")[0] == 200, 90, "ready when there is room")
    outcome.worst_seconds = time.monotonic() - began
    outcome.check(server.predict("good", x=4.0)[1]["result"] == 8.0, "wrong afterwards")


def _files(disk: Path) -> set[str]:
    return {path.relative_to(disk).as_posix() for path in disk.rglob("*")}


def _refused(done: Done, what: str, outcome: Outcome) -> None:
    """Demand exit code 5 and one clear sentence about room."""
    words = ("no space", "no room", "full")
    said = done.stderr.strip()
    clear = any(word in said.lower() for word in words) and "Traceback" not in said
    outcome.check(done.code == 5, f"{what} without room ended with {done.code}, expected 5")
    outcome.check(clear, f"{what} without room said {said[-400:]!r}")
    outcome.notes.append(f"{what}: {said.splitlines()[-1][:200] if said else ''}")


@scenario(
    15,
    "disk full for the store (SQLite): fit and activate",
    "a clear error, nothing half written, goes on when there is room; predictions: 0 failed",
    trials=2,
)
def disk_full_store(folder: Path, trials: int = 10) -> Outcome:
    """``requests`` are predictions meanwhile."""
    with small_disk(folder / "disk", "size=1m") as disk:
        project = multiplier(
            folder / "good",
            name="good",
            # The audit log would lie beside the store, and predictions are refused without one.
            more=f"store: {{url: 'sqlite:///{disk}/runner.db'}}\n"
            f"audit: {{path: {folder}/audit.jsonl}}\n",
        )
        factors = fit_factors(project, [2.0, 3.0])
        with serving(project) as server:
            before = Inventory.settled(server)
            with Load(server.port, "good", factors, connections=4, rate=100) as load:
                load.wait_for(4)
                outcome = Outcome(2 * trials)
                for _ in range(trials):
                    known = _versions(project)
                    with full(disk):
                        _refused(project.run("fit"), "fit", outcome)
                        _refused(project.run("activate", "1"), "activate", outcome)
                        outcome.check(_versions(project) == known, "a version came or went")
                    outcome.notes = outcome.notes[:2]  # all trials tell the same
                    outcome.check(_versions(project) == known, "a version came or went")
                    number = max(known) + 1
                    factors[number] = 3.0
                    outcome.check(project.fit() == number, f"the next fit is not {number}")
                load.wait_for(100)
            outcome.requests, outcome.failed, outcome.wrong = load.counts().values()
            outcome.notes += load.complaints()
            latest = max(_versions(project))
            until(lambda: server.predict("good", x=1.0)[1]["metadata"]["model_version"] == latest)
            outcome.breaches += before.differences(server, 15.0)
        left = sorted(path.name for path in disk.iterdir())
        outcome.check(left == ["runner.db"], f"files beside the store: {left}")
        with contextlib.closing(sqlite3.connect(disk / "runner.db")) as connection:
            (found,) = connection.execute("PRAGMA integrity_check").fetchone()
        outcome.check(found == "ok", f"SQLite's integrity_check: {found}")
    return outcome.judge()


def _versions(project: Project) -> dict[int, bool]:
    """Give version → whether it is active, as `runner list` tells."""
    done = project.run("list", "--json")
    assert done.code == 0, done.stderr
    return {each["version"]: each["active"] for each in done.json["models"]}
