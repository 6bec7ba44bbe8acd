"""Run one adapter process as a runner does: private folder, socket, lifeline (SPEC 2)."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from contracts import marker
from contracts.conform.broken import Broken
from contracts.conform.peer import Peer


class Process:
    """Hold one running adapter; `close` ends it and removes all that it left."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        """Start the command and wait until it takes connections. Raises Broken if it does not."""
        self._timeout = timeout
        self._scratch = Path(tempfile.mkdtemp(prefix="conform-"))
        self.folder = self._scratch / "socket"
        self.folder.mkdir(mode=0o700)
        self._path = self.folder / "adapter.sock"
        self._peers: list[Peer] = []
        output, errors = self._open("stdout"), self._open("stderr")
        try:
            self._popen = subprocess.Popen(
                [*command, "--socket", str(self._path)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        except OSError:
            shutil.rmtree(self._scratch)
            raise
        finally:
            output.close()
            errors.close()
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.close()
            raise

    def _open(self, name: str) -> IO[bytes]:
        return (self._scratch / name).open("wb")

    def _wait_until_it_listens(self) -> None:
        until = time.monotonic() + self._timeout
        while time.monotonic() < until:
            if self._popen.poll() is not None:
                raise Broken(
                    f"an exit with code {self._popen.returncode}: {self.errors()[-300:]}",
                    "a process that listens on the socket",
                )
            with contextlib.suppress(OSError):
                self._dial().close()
                return
            time.sleep(0.01)
        raise Broken(f"no socket after {self._timeout:g} s", f"a socket at {self._path.name}")

    def _dial(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._timeout)
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        return connection

    def connect(self) -> Peer:
        """Open one more connection and read its hello."""
        try:
            connection = self._dial()
        except OSError as ex:
            raise Broken(f"no connection: {ex}", "a connection") from ex
        peer = Peer(connection, self.folder, self._timeout)
        self._peers.append(peer)
        peer.read_hello()
        return peer

    def release(self) -> None:
        """Close the connections that are open."""
        for peer in self._peers:
            peer.close()
        self._peers.clear()

    def finish(self) -> None:
        """See that nothing more comes on any connection, and close them (SPEC 3.3)."""
        try:
            for peer in self._peers:
                peer.expect_silence()
        finally:
            self.release()

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._popen.poll() is None

    @property
    def marker(self) -> Path:
        """The file that tells what the model is at, if the adapter keeps one (SPEC 2.7)."""
        return Path(f"{self._path}{marker.SUFFIX}")

    def left_over(self) -> list[str]:
        """Name what lies in the folder beside the socket and the file of SPEC 2.7."""
        ours = {self._path.name, self.marker.name}
        return sorted(path.name for path in self.folder.iterdir() if path.name not in ours)

    def output(self) -> bytes:
        """Give what came on standard output so far."""
        return (self._scratch / "stdout").read_bytes()

    def errors(self) -> str:
        """Give what came on standard error so far."""
        return (self._scratch / "stderr").read_text(errors="replace")

    def forget_peak(self) -> int:
        """Give the bytes of memory in use, and let `peak` count from here (proc(5), clear_refs)."""
        for pid in _family(self._popen.pid):
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def peak(self) -> int:
        """Give the most bytes of memory in use since `forget_peak`, children added."""
        return self._memory("VmHWM")

    def _memory(self, key: str) -> int:
        return sum(_memory_of(pid, key) for pid in _family(self._popen.pid))

    def hang_up(self, grace: float) -> int | None:
        """Close standard input; give the exit code, or None if it still runs after ``grace`` s."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        try:
            return self._popen.wait(grace)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """End the process, its children too, whatever they do, and remove its folder."""
        self.release()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Process:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()


def _family(pid: int) -> list[int]:
    """Give a process and all that descend from it: an adapter may serve from a child."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                found += map(int, children.read_text().split())
    return found


def _memory_of(pid: int, key: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended meanwhile
        return 0
    found = re.search(rf"^{key}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
