"""A disk that answers EIO: no answer without its record, no record twice, and a log that is whole.

strace lets write(2) or fsync(2) of the audit log fail in a real front-end, and nothing else. Lines
are torn by the kernel's own limit on the size of a file.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.faults.outcome import Outcome
from benchmarks.faults.records import Asking, compare
from tests.audit.test_record import VALIDATOR
from tests.injecting import injecting
from tests.requirements import need
from tests.serving.project import RUNNER, Project, run, tricky
from tests.serving.server import Server, serving, until

pytestmark = need("strace")

LOG = "runner-audit.jsonl"
ACTIONS = ("start", "stop", "resume")

both = pytest.mark.parametrize("on_failure", ["refuse", "continue"])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fit a service that nothing is recorded of."""
    project = tricky(tmp_path_factory.mktemp("fitted") / "tricks")
    project.config = Path(_with(project, {"to": "none"}))
    project.fit()
    return project.folder


def recorded(fitted: Path, folder: Path, **audit: str) -> Project:
    """Take the fitted service to a folder of its own, and have it recorded."""
    shutil.copytree(fitted, folder / "tricks")
    project = Project(folder / "tricks")
    project.config = Path(_with(project, {"path": LOG, **audit}))
    return project


def _with(project: Project, audit: dict[str, str]) -> str:
    """Write the config with ``audit`` in it, beside the one without."""
    path = project.folder / "recorded.yaml"
    path.write_text(f"{project.config.read_text()}audit: {json.dumps(audit)}\n")
    return str(path)


def ask(server: Server, name: str, x: float = 3.0) -> int:
    """Ask under an id; give the status of an answer that is right, or says what is wrong."""
    status, body, _ = server.request("GET", f"/predict?x={x}", **{"X-Request-Id": name})
    told = body["result"] if status == 200 else body["metadata"]["error"]
    assert told == (2 * x if status == 200 else "unrecorded")
    return status


def records(project: Project) -> dict[str, list[dict[str, Any]]]:
    """Give the log's records by request's id, pieces of lines left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (project.folder / LOG).read_bytes().splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        VALIDATOR.validate(told)
        found.setdefault(told.get("http.request.id", told["event.action"]), []).append(told)
    return found


def verified(project: Project) -> None:
    """Hold the log against its chains."""
    done = run("audit", "verify", "-c", str(project.config))
    assert (done.code, done.stderr) == (0, ""), done.stdout


def logged(server: Server, awaited: str) -> dict[str, dict[str, Any]]:
    """Give the last event of each kind of the server's own log, once there is the one awaited."""
    return until(
        lambda: (found := {event["event"]: event for event in server.events}).get(awaited) and found
    )


def log_of(project: Project) -> Path:
    return project.folder / LOG


@both
def test_write(fitted: Path, tmp_path: Path, on_failure: str) -> None:
    """While no record can be written: 503 or the answer, all else served; the loss is counted."""
    project = recorded(fitted, tmp_path, on_failure=on_failure)
    expected = 503 if on_failure == "refuse" else 200
    with serving(project) as server:
        assert 200 == ask(server, "before")
        (front_end,) = server.front_ends()
        size = log_of(project).stat().st_size
        with injecting(
            front_end.pid, "write:error=EIO", log_of(project), tmp_path / "trace"
        ) as eio:
            for number in range(12):
                assert expected == ask(server, f"during-{number}")
                assert 200 == server.get("/health/live")[0]
                assert 200 == server.get("/list")[0]
            assert 12 == eio.count
        assert size == log_of(project).stat().st_size
        assert 200 == ask(server, "after")
        told = logged(server, "usage records are written again")
    shout = told["usage records cannot be written"]
    assert "Input/output error" in shout["reason"]
    goes_on = "predictions are refused" if on_failure == "refuse" else "predictions go on"
    assert (shout["effect"], shout["level"]) == (goes_on, "error")
    assert 12 == told["usage records are written again"]["lost"]
    found = records(project)
    assert ["before", "after"] == [name for name in found if name not in ACTIONS]
    assert [12] == [each["runner.lost"] for each in found["resume"]]
    verified(project)


@both
def test_a_torn_line(fitted: Path, tmp_path: Path, on_failure: str) -> None:
    """A write that ends within a line, and EIO at the rest of it: the next record is whole."""
    project = recorded(fitted, tmp_path, on_failure=on_failure)
    with serving(project) as server:
        assert 200 == ask(server, "before")
        (front_end,) = server.front_ends()
        before = log_of(project).read_bytes()
        limits = front_end.rlimit(psutil.RLIMIT_FSIZE)
        fault = "write:error=EIO:when=2+"
        with injecting(front_end.pid, fault, log_of(project), tmp_path / "trace") as eio:
            front_end.rlimit(psutil.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
            status = ask(server, "torn")
            front_end.rlimit(psutil.RLIMIT_FSIZE, limits)
            assert 1 == eio.count
            refused = ask(server, "refused")
        assert {503 if on_failure == "refuse" else 200} == {status, refused}
        torn = log_of(project).read_bytes().removeprefix(before)
        assert (100, 0) == (len(torn), torn.count(b"\n"))
        assert 200 == ask(server, "after")
    found = records(project)
    assert ["before", "after"] == [name for name in found if name not in ACTIONS]
    (resumed,) = found["resume"]
    assert (2, 1) == (resumed["runner.lost"], len(resumed["runner.torn"]))
    verified(project)


@both
def test_fsync(fitted: Path, tmp_path: Path, on_failure: str) -> None:
    """A record that does not reach the disk refuses its answer, or is told to be in doubt."""
    project = recorded(fitted, tmp_path, on_failure=on_failure, durability="disk")
    expected = 503 if on_failure == "refuse" else 200
    with serving(project) as server:
        assert 200 == ask(server, "before")
        (front_end,) = server.front_ends()
        with injecting(
            front_end.pid, "fsync:error=EIO", log_of(project), tmp_path / "trace"
        ) as eio:
            for number in range(8):
                assert expected == ask(server, f"during-{number}")
            assert 8 == eio.count
        assert 200 == ask(server, "after")
        told = logged(server, "usage records reach the disk again")
    assert "Input/output error" in told["usage records do not reach the disk"]["reason"]
    assert 8 == told["usage records reach the disk again"]["in_doubt"]
    found = records(project)
    assert [1] * 8 == [len(found[f"during-{number}"]) for number in range(8)]
    verified(project)


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_under_load(fitted: Path, tmp_path: Path, durability: str) -> None:
    """Of two front-ends every third write or fsync fails under load: each 200 has its record."""
    project = recorded(fitted, tmp_path, durability=durability)
    call = "write" if durability == "process" else "fsync"
    outcome = Outcome(1)
    with serving(project, options=("--workers", "2")) as server:
        first, second = server.front_ends()
        log = log_of(project)
        with (
            Asking(server.port, 8) as asking,
            injecting(first.pid, f"{call}:error=EIO:when=1+3", log, tmp_path / "trace-1") as one,
            injecting(second.pid, f"{call}:error=EIO:when=2+3", log, tmp_path / "trace-2") as two,
        ):
            until(lambda: min(one.count, two.count) >= 10, 60, "both front-ends fail 10 times")
    compare(project, asking.answered, outcome)
    assert [] == outcome.breaches
    assert len(asking.answered) < asking.sent


def test_a_command_waits_for_the_disk(fitted: Path, tmp_path: Path) -> None:
    """With durability disk a command's record is on the disk before the store hears of it."""
    project = recorded(fitted, tmp_path, durability="disk")
    trace = tmp_path / "trace"
    argv = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
    subprocess.run(
        [*argv, *RUNNER, "activate", "1", "-c", str(project.config)],
        check=True,
        capture_output=True,
    )
    log, store = (
        [at for at, line in enumerate(trace.read_text().splitlines()) if f"/{name}>" in line]
        for name in (LOG, "runner.db")
    )
    assert log
    assert store[0] < log[0] < store[-1]  # activated, recorded, and the head of the chain kept
