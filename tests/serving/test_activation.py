"""A listening socket that systemd hands over, and keeps over a restart of the server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.faults.load import Load
from runner.errors import Unavailable
from runner.web.activation import inherited
from tests.requirements import need
from tests.serving.project import RUNNER, Project, tricky
from tests.serving.server import until
from tests.store.servers import free_port

AS_SYSTEMD = ("sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 </dev/null', "sh")
"""Start a command as systemd does, with what is its standard input as the socket."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    found = tricky(tmp_path_factory.mktemp("projects") / "tricks")
    assert found.fit() == 1
    return found


@contextmanager
def _served(project: Project, *around: str, given: socket.socket | None = None) -> Iterator[Path]:
    """Run `runner serve` within another command; gives its log. Ended in order."""
    log = project.folder / "server.log"
    argv = [*around, *RUNNER, "serve", "-c", str(project.config), "--port", "1"]
    with (
        log.open("wb") as out,
        subprocess.Popen(argv, stdin=given, stdout=out, stderr=out) as process,
    ):
        try:
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.read_text()


def test_restart_refuses_nobody(project: Project) -> None:
    """While one server ends and the next starts, connections wait, and all are answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        port = listener.getsockname()[1]
        with Load(port, "tricks", {1: 2.0}, connections=4, rate=40) as load:
            for last in (False, True):
                with _served(project, *AS_SYSTEMD, given=listener) as log:
                    until(lambda: "version serves" in log.read_text(), 90)
                    load.wait_for(40)
                    if last:
                        load.stop()
        assert f"http://127.0.0.1:{port}" in log.read_text()
    # Between the front-ends' start and the worker's a server says 503: it is there, not ready.
    assert load.wrong == 0
    assert 0 not in load.statuses
    assert set(load.statuses) <= {200, 503}


@need("systemd")
def test_socket_of_systemd(project: Project) -> None:
    """systemd's own tool listens, and starts the server at the first connection."""
    program = shutil.which("systemd-socket-activate")
    assert program is not None
    port = free_port()
    path = f"PATH={os.environ['PATH']}"
    with _served(project, program, "-l", f"127.0.0.1:{port}", "-E", path) as log:
        until(lambda: "Listening on" in log.read_text())
        with socket.create_connection(("127.0.0.1", port), timeout=90) as client:
            client.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        (told,) = (line for line in log.read_text().splitlines() if '"serving"' in line)
        assert json.loads(told)["url"] == f"http://127.0.0.1:{port}"


def test_what_is_for_others() -> None:
    """What is meant for another process, or is none or several sockets, is not taken."""
    pid = str(os.getpid())
    assert inherited({}) is None
    other = {"LISTEN_PID": "1", "LISTEN_FDS": "1"}
    assert inherited(other) is None
    assert other == {}
    assert inherited({"LISTEN_PID": pid, "LISTEN_FDS": "0"}) is None
    with pytest.raises(Unavailable, match="hands over 2 sockets; expected one ListenStream="):
        inherited({"LISTEN_PID": pid, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"})


@pytest.mark.parametrize("kind", ["unix", "udp", "silent", "file"])
def test_other_sockets(kind: str, tmp_path: Path) -> None:
    """What does not listen for TCP is refused, and the message says what is expected."""
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    form = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    with socket.socket(family, form) as given, (tmp_path / "file").open("w") as file:
        if kind == "unix":
            given.bind(str(tmp_path / "s"))
            given.listen()
        take = "from runner.web.activation import inherited; inherited()"
        done = subprocess.run(
            [*AS_SYSTEMD, sys.executable, "-c", take],
            stdin=file if kind == "file" else given,
            capture_output=True,
            text=True,
            check=False,
        )
    told = "is no socket" if kind == "file" else "expected ListenStream=PORT"
    assert told in done.stderr.splitlines()[-1]
