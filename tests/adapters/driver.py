"""Drive an adapter's command over its socket, one blocking step at a time."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.messages import (
    ErrorReply,
    Fit,
    Hello,
    Load,
    Persist,
    Ping,
    Predict,
    Read,
    Reply,
    Request,
    Source,
    decode_reply,
    encode_request,
)
from contracts.table import Column, Table
from contracts.wire import FrameReader, frame

START = 60.0
"""Seconds that an adapter may take until it listens; Julia compiles."""

ANSWER = 120.0
"""Seconds after which a missing reply fails the test instead of hanging it."""


class AdapterProcess:
    """Run an adapter's command with a pipe as its lifeline; use as a context manager.

    ``arguments``: the command without ``--socket``. ``folder``: where socket and stderr go.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.socket = folder / "adapter.sock"
        self._log = folder / "stderr.txt"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*arguments, "--socket", str(self.socket)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=env,
            )

    @classmethod
    def python_module(cls, module: str, folder: Path, **options: Any) -> AdapterProcess:
        """Run ``python -m module`` with the interpreter of the tests."""
        return cls([sys.executable, "-m", module], folder, **options)

    @property
    def stderr(self) -> str:
        """What the adapter, and the model in it, have written so far."""
        return self._log.read_text(errors="replace")

    @property
    def stdin(self) -> Any:
        """The writing end of the lifeline."""
        return self.process.stdin

    def connect(self) -> Client:
        """Connect and read the hello; waits for the adapter to listen."""
        deadline = time.monotonic() + START
        while True:
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                peer.connect(str(self.socket))
                return Client(peer, self.folder)
            except OSError:
                peer.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    message = f"adapter does not listen (exit {self.process.returncode})"
                    raise AssertionError(f"{message}:\n{self.stderr}") from None
                time.sleep(0.01)

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for the end; gives the exit code."""
        return self.process.wait(timeout)

    def hang_up(self) -> int:
        """Close the lifeline and wait; gives the exit code."""
        self.stdin.close()
        return self.wait()

    def __enter__(self) -> AdapterProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()


class Client:
    """Speak the contract over one connection.

    The methods named after ops send one request and give its reply; `send` and `receive` do one
    half each, for pipelining.
    """

    def __init__(self, peer: socket.socket, folder: Path) -> None:
        self.socket = peer
        self.socket.settimeout(ANSWER)
        self._folder = folder
        self._frames = FrameReader()
        self._payloads: list[bytes] = []
        self._number = 0
        self.hello = Hello.decode(self.receive_payload())

    def fit(self, model: Mapping[str, Any], table: Table, target: Column) -> Reply:
        """Fit; raises the Failure that the adapter tells, as all these do."""
        return self.ask(Fit(self.next_id(), model, table, target))

    def fit_source(self, model: Mapping[str, Any], source: Source) -> Reply:
        """Fit to what a source gives."""
        return self.ask(Fit(self.next_id(), model, source=source))

    def predict(self, table: Table, method: str = "predict", **params: Any) -> Reply:
        """Predict a table."""
        return self.ask(Predict(self.next_id(), table, method=method, params=params))

    def predict_source(self, source: Source, method: str = "predict") -> Reply:
        """Predict what a source gives."""
        return self.ask(Predict(self.next_id(), source=source, method=method))

    def persist(self) -> Reply:
        """Get the model's artifact."""
        return self.ask(Persist(self.next_id()))

    def load(
        self, artifact: bytes, format: str, sha256: str, model: Mapping[str, Any] | None = None
    ) -> Reply:
        """Restore an artifact."""
        return self.ask(Load(self.next_id(), artifact, format, sha256, model or {}))

    def read(self, source: Source) -> Reply:
        """Read a source."""
        return self.ask(Read(self.next_id(), source))

    def ping(self) -> Reply:
        """Ask for a sign of life."""
        return self.ask(Ping(self.next_id()))

    def next_id(self) -> int:
        """Give a number that no request here had."""
        self._number += 1
        return self._number

    def ask(self, request: Request) -> Reply:
        """Send a request and give its reply; raises the Failure that an error reply tells."""
        self.send(request)
        reply = self.receive()
        assert request.id == reply.id
        if isinstance(reply, ErrorReply):
            raise reply.failure()
        return reply

    def send(self, *requests: Request) -> None:
        """Send requests in one write, so that they queue up together."""
        self.send_bytes(b"".join(frame(encode_request(each, self._folder)) for each in requests))

    def send_bytes(self, raw: bytes) -> None:
        """Send bytes, well formed or not."""
        self.socket.sendall(raw)

    def receive(self) -> Reply | ErrorReply:
        """Wait for the next reply, whatever it answers."""
        return decode_reply(self.receive_payload(), self._folder)

    def receive_payload(self) -> bytes:
        """Wait for the next frame. Raises EOFError when the adapter has closed the connection."""
        while not self._payloads:
            try:
                received = self.socket.recv(1 << 20)
            except ConnectionError as ex:
                raise EOFError(str(ex)) from ex
            if not received:
                raise EOFError("the adapter closed the connection")
            self._payloads = self._frames.feed(received)
        return self._payloads.pop(0)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
