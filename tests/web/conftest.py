"""An application over services in memory, in this process or behind a real gunicorn."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import falcon.testing
import orjson
import pytest

from runner.web.app import create_app
from runner.web.limits import Limits
from runner.web.server import command, listen
from tests.web.twin import Log, Service, Services

LIMITS = Limits(max_body=100_000, max_rows=2000)


@dataclass
class Application:
    """The application, a client of it, and what it stands on."""

    services: Services
    log: Log
    client: falcon.testing.TestClient


def application() -> Application:
    """One service, iris, that adds up two floats."""
    services, log = Services(Service()), Log()
    return Application(services, log, falcon.testing.TestClient(create_app(services, log, LIMITS)))


@pytest.fixture
def web() -> Application:
    """The application, anew for each test."""
    return application()


@dataclass
class Server:
    """A running gunicorn with one front-end, and how to talk to it."""

    port: int
    process: subprocess.Popen[bytes]
    errors: Path
    limits: Limits = field(default_factory=Limits)

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def say(self, *parts: bytes) -> bytes:
        """Send on a connection of its own, close that side of it, and give all that comes back."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return everything(connection)

    def line_of(self, request_id: str) -> dict[str, Any] | None:
        """Give what the front-end has logged of a request, once it has."""
        for line in self.errors.read_bytes().splitlines():
            if request_id.encode() in line:
                told: dict[str, Any] = orjson.loads(line)
                return told
        return None


def everything(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    read = b""
    while part := connection.recv(65_536):
        read += part
    return read


def one_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one answer with a Content-Length: status, header fields, body."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = connection.recv(65_536)
        assert part, f"the connection ended after {read!r}"
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in rest)
    while len(body) < int(fields["content-length"]):
        part = connection.recv(65_536)
        assert part, f"the connection ended after {body!r}"
        body += part
    return int(first.split()[1]), fields, body


@contextmanager
def serving(folder: Path, limits: Limits, **options: Any) -> Iterator[Server]:
    """Serve tests.web.standin with gunicorn, and end it; further options are `command`'s."""
    listener = listen("127.0.0.1", 0)
    argv, env = command(
        listener,
        folder / "none",
        within=limits,
        application="tests.web.standin:app()",
        **options,
    )
    errors = folder / "errors"
    with errors.open("wb") as output:
        process = subprocess.Popen(
            argv,
            env={**env, "PYTHONPATH": os.getcwd()},
            pass_fds=[listener.fileno()],
            stderr=output,
        )
    port = listener.getsockname()[1]
    listener.close()
    try:
        server = Server(port, process, errors, limits)
        # The socket listens already: the first answer waits until there is a front-end.
        assert server.say(b"GET /health/live HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
        yield server
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn with low limits of size."""
    limits = Limits(max_body=100_000, max_head=8192)
    with serving(tmp_path_factory.mktemp("server"), limits) as running:
        yield running


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn with short deadlines."""
    limits = Limits(body_timeout=1.0, head_timeout=1.0, keep_alive=1.0)
    with serving(tmp_path_factory.mktemp("impatient"), limits) as running:
        yield running
