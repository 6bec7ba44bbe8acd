"""Start one server, ask it, look at the memory of its processes, stop it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from benchmarks.iris import rows
from benchmarks.peers.peer import Peer, Place
from benchmarks.servers import free_port
from benchmarks.wrk import Request

_PATIENCE = 60.0  # seconds until ready
_PAUSE = 0.005  # seconds between two tries


class DidNotServe(Exception):
    """A server that ended, or never answered, with the end of what it printed."""


class Server:
    """A server that has answered its first predict with 200."""

    def __init__(self, peer: Peer, port: int, pid: int, ready_seconds: float) -> None:
        self.peer = peer
        self.port = port
        self.pid = pid
        self.ready_seconds = ready_seconds
        """From before the exec to the first answer with 200."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, request: Request) -> bytes:
        """Send one request on a connection of its own. Raises DidNotServe unless 200."""
        return _ask(self.port, request)

    def memory(self) -> Mapping[str, int]:
        """Give the proportional set size of each process of the tree, in bytes, by command."""
        parent = psutil.Process(self.pid)
        return {
            f"{process.pid} {' '.join(process.cmdline())[:120]}": _pss(process.pid)
            for process in [parent, *parent.children(recursive=True)]
        }


@contextlib.contextmanager
def started(peer: Peer, place: Place) -> Iterator[Server]:
    """Start the peer and wait until it has predicted; stop it with its processes afterwards.

    Raises DidNotServe.
    """
    port = free_port()
    path = f"{place.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    env = {**os.environ, "PATH": path, **peer.environ(place, port)}
    argv = list(peer.argv(place, port))
    log = place.folder / f"{peer.name}.log"
    with log.open("wb") as out:
        begun = time.perf_counter()
        process = subprocess.Popen(
            argv, stdout=out, stderr=out, cwd=place.folder, env=env, start_new_session=True
        )
    try:
        while True:
            try:
                _ask(port, peer.one(rows()[0]))
                break
            except (OSError, http.client.HTTPException, DidNotServe) as ex:
                waited = time.perf_counter() - begun
                if process.poll() is not None or waited > _PATIENCE:
                    told = log.read_text(errors="replace")[-2000:]
                    raise DidNotServe(f"not ready after {waited:.0f} s: {ex}\n{told}") from ex
                time.sleep(_PAUSE)
        yield Server(peer, port, process.pid, time.perf_counter() - begun)
    finally:
        _stop(process)


def _ask(port: int, request: Request) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(
            request.method, request.target, request.body or None, dict(request.headers)
        )
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise DidNotServe(f"{request.target} gave {answer.status}: {body[:500]!r}")
    return body


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process as an operator would, then whatever of its session is left."""
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(15)


def _pss(pid: int) -> int:
    told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) << 10 for line in told.splitlines() if line.startswith("Pss:"))
