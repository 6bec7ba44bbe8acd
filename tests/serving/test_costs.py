"""What a prediction costs, counted and not timed: system calls, frames, model calls, SQL.

A burst is made exact by stopping the front-end while its requests arrive: when it goes on, all of
them lie in its sockets, as they do under load.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.serving.project import Project, write_project
from tests.serving.server import Server, serving

CALLERS = 64
BURSTS = 20
REQUESTS = CALLERS * BURSTS

_MODEL = '''
"""Answers x * 2 and notes each call of predict as a byte in a file."""
class Counting:
    def __init__(self, notes):
        self.notes = notes

    def fit(self, X, y):
        return self

    def predict(self, X):
        with open(self.notes, "ab") as notes:
            notes.write(b".")
        return X[:, 0] * 2.0
'''


class Calls:
    """The calls of predict so far."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes

    def __call__(self) -> int:
        return self._notes.stat().st_size


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("counting")
    project = write_project(
        folder,
        f"""\
        service_metadata: {{service_name: counting, service_version: "1.0"}}
        dataset_loader_train: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        model: {{"!": counting.Counting, notes: {folder / "notes"}}}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n3.0,6.0\n",
        counting__py=_MODEL,
    )
    project.fit()
    return project


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    with serving(project) as server:
        yield server


@pytest.fixture
def calls(project: Project) -> Calls:
    return Calls(project.folder / "notes")


class Callers:
    """Connections that are kept, as clients under load keep theirs."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        (self.front_end,) = server.front_ends()
        self._sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(CALLERS)
        ]
        self._asked = 0
        self.burst()  # each connection is accepted, and the model called, once

    def burst(self) -> None:
        """Ask once on each connection, all at the same moment, and check every answer."""
        with stopped(self.front_end):
            for caller in self._sockets:
                self._asked += 1
                caller.sendall(b"GET /predict?x=%d HTTP/1.1\r\nHost: a\r\n\r\n" % self._asked)
        first = self._asked - len(self._sockets) + 1
        for x, caller in enumerate(self._sockets, first):
            answer = caller.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
            assert answer.endswith(b'"result":%.1f}' % (2.0 * x)), answer


@contextmanager
def stopped(process: psutil.Process) -> Iterator[None]:
    process.suspend()
    try:
        yield
    finally:
        process.resume()


@pytest.fixture
def callers(server: Server) -> Iterator[Callers]:
    with ExitStack() as stack:
        yield Callers(server, stack)


def system_calls(process: psutil.Process) -> int:
    """Reads and writes of a process so far, as the kernel counts them."""
    counters = process.io_counters()
    return counters.read_count + counters.write_count


def test_concurrent_requests_share_calls_of_the_model(callers: Callers, calls: Calls) -> None:
    """What arrives together is one call of the model, two where it arrives on an edge."""
    before = calls()
    for _ in range(BURSTS):
        callers.burst()
    assert BURSTS <= calls() - before <= 3 * BURSTS


def test_a_request_alone_is_one_call(server: Server, calls: Calls) -> None:
    """Nothing is asked twice, and nothing is asked for in advance."""
    before = calls()
    for x in range(20):
        status, body = server.predict("counting", x=x)
        assert (200, 2.0 * x) == (status, body["result"])
    assert 20 == calls() - before


def test_system_calls_and_frames(server: Server, callers: Callers) -> None:
    """Under load a request costs the front-end one read and one write: its own.

    Frames to and from the worker, log and records are shared by all of a turn. The worker reads and
    writes once for each frame, not for each request.
    """
    (worker,) = map(psutil.Process, server.worker_pids("counting"))
    before, frames = system_calls(callers.front_end), worker.num_ctx_switches().voluntary
    for _ in range(BURSTS):
        callers.burst()
    spent = (system_calls(callers.front_end) - before) / REQUESTS
    assert 2.0 <= spent <= 2.4
    # A worker that has answered sleeps until the next frame.
    assert worker.num_ctx_switches().voluntary - frames <= 8 * BURSTS


def page_faults(process: psutil.Process) -> int:
    """Pages that a process has touched for the first time since it got them: minflt in proc(5)."""
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[7])


def test_large_requests_use_the_same_memory_again(server: Server) -> None:
    """After the first few, requests of many rows need no fresh pages in a worker.

    A front-end's own are Python's, which takes objects' memory from the kernel without malloc.
    """
    xs = [float(x) for x in range(40_000)]
    (worker,) = map(psutil.Process, server.worker_pids("counting"))

    def ask(times: int) -> None:
        for _ in range(times):
            status, answer, _ = server.request("POST", "/predict", {"columns": {"x": xs}})
            assert (200, [2.0 * x for x in xs]) == (status, answer["result"])

    ask(10)
    before = page_faults(worker)
    ask(BURSTS)
    # 360 a request when malloc was left alone.
    assert page_faults(worker) - before < 120 * BURSTS


def test_no_sql_and_no_question_to_the_supervisor(server: Server, callers: Callers) -> None:
    """The store is the supervisor's alone; while that stands still, predictions go on."""
    supervisor = psutil.Process(server.process.pid)
    os.kill(supervisor.pid, signal.SIGSTOP)
    try:
        for _ in range(BURSTS):
            callers.burst()
    finally:
        os.kill(supervisor.pid, signal.SIGCONT)
