"""Run `runner serve` and talk to it over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from benchmarks.serving.project import RUNNER, Project
from runner.workers.runtime import runtime_parent


class Server:
    """A running `runner serve` and what it logged."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log
        self.port = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        """The log's lines that are JSON."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def request(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Send one request on a new connection; give status, parsed JSON and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode()
                headers = {"Content-Type": "application/json", **headers}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None, dict(response.getheaders())
        finally:
            connection.close()

    def get(self, path: str, **params: Any) -> tuple[int, Any]:
        query = f"?{urlencode(params)}" if params else ""
        status, body, _ = self.request("GET", path + query)
        return status, body

    def predict(self, service: str, **params: Any) -> tuple[int, Any]:
        return self.get(f"/services/{service}/predict", **params)

    def worker_pids(self, service: str) -> list[int]:
        """The adapter processes of a service, as /alive tells them."""
        _, body = self.get("/alive")
        return [w["pid"] for w in body["workers"] if w["service"] == service and w["pid"]]

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def front_ends(self) -> list[psutil.Process]:
        """The processes that answer HTTP: the children of gunicorn's master, or of two masters."""
        found: list[psutil.Process] = []
        for master in self.masters():
            with contextlib.suppress(psutil.NoSuchProcess):
                found += master.children()
        return found

    def masters(self) -> list[psutil.Process]:
        """gunicorn's masters: one, or two while one takes over from the other."""
        found: list[psutil.Process] = []
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # ended, or not yet waited for
                if "gunicorn" in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def runtime_folders(self) -> list[Path]:
        """Where this server keeps its sockets and attachments."""
        return sorted(runtime_parent().glob(f"runner-{self.process.pid}-*"))

    def end(self, number: int = signal.SIGTERM, timeout: float = 60) -> int:
        """Send a signal and wait; give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout)


def until(condition: Callable[[], Any], seconds: float = 30.0, what: str = "") -> Any:
    """Wait for a condition to become true; give its value; fail if it does not."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not true within {seconds:g} s: {what or condition}"
        time.sleep(0.02)


@contextlib.contextmanager
def serving(
    *projects: Project, wait: bool = True, options: tuple[str, ...] = (), **env: str
) -> Iterator[Server]:
    """Serve the projects on a free port; ready, unless ``wait`` is False. Ended at the end."""
    log = projects[0].folder / "server.log"
    configs = [part for project in projects for part in ("-c", str(project.config))]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*RUNNER, "serve", *configs, "--port", "0", *options],
            stdout=out,
            stderr=out,
            env={**os.environ, "RUNNER_LOG": "json", **env},
        )
    server = Server(process, log)
    try:
        server.port = until(lambda: _port(server), what="the server announces its port")
        if wait:
            until(lambda: _ready(server), 60, "the server is ready")
        yield server
    except BaseException:
        print(log.read_text(errors="replace")[-8000:])
        raise
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(server: Server) -> int:
    assert server.process.poll() is None, server.log.read_text()
    for event in server.events:
        if event.get("event") == "serving":
            return int(event["url"].rsplit(":", 1)[1])
    return 0


def _ready(server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    with contextlib.suppress(OSError, http.client.HTTPException):
        return server.get("/health/ready")[0] == 200
    return False
