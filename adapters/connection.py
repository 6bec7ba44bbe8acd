"""Hold one client's connection: whole payloads in, buffered frames out, never a wait."""

from __future__ import annotations

import selectors
import socket
from pathlib import Path

from contracts.wire import MAX_FRAME, FrameReader, frame

HIGH_WATER = 1024 * 1024
"""Bytes of replies that may wait before we stop reading from a client that does not read."""

MAX_UNSENT = 2 * MAX_FRAME
"""Bytes of replies that may wait before such a client is dropped."""

MAX_QUEUED = 64 * 1024 * 1024
"""Bytes of requests of one client that may wait, `REQUEST_COST` added to each."""

REQUEST_COST = 1024
"""About what a small request takes as objects, beyond its bytes."""

_READS = 4


class Connection:
    """Buffer both directions of one non-blocking socket."""

    def __init__(self, peer: socket.socket, max_unsent: int = MAX_UNSENT) -> None:
        peer.setblocking(False)
        self.socket = peer
        self.open = True
        self.queued = 0
        """Cost of the requests read from here that wait for the model."""
        self.watched = 0
        """Events that the selector knows to wait for; the loop's note."""
        self._reader = FrameReader()
        self._out: list[bytes] = []
        self._unsent = 0
        self._max_unsent = max_unsent
        self._attachments: list[Path] = []

    def receive(self, buffer: memoryview) -> list[bytes]:
        """Give the payloads that are whole by now; ``open`` turns false at the stream's end.

        Reads until nothing is left, for the end may stand right behind the last request, whose
        answer then reaches nobody; but only a few times, so that no client can hold the turn.
        Raises BadFrame.
        """
        payloads: list[bytes] = []
        for _ in range(_READS):
            try:
                size = self.socket.recv_into(buffer)
            except BlockingIOError:
                break
            except OSError:
                size = 0
            if size == 0:
                self.open = False
                break
            payloads += self._reader.feed(buffer[:size])
        return payloads

    def write(self, payload: bytes) -> None:
        """Add a reply to what goes out with the next `flush`. Raises BadFrame if it is too long."""
        framed = frame(payload)
        self._out.append(framed)
        self._unsent += len(framed)

    def flush(self) -> None:
        """Send what the socket takes now, in one call."""
        if not self._out or not self.open:
            return
        joined = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        try:
            sent = self.socket.send(joined)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.open = False
            return
        self._out = [joined[sent:]] if sent < len(joined) else []
        self._unsent = len(joined) - sent
        if self._unsent > self._max_unsent:
            self.open = False

    def promise(self, attachment: Path) -> None:
        """Remember a file that a reply names: whoever leaves without it leaves no file behind."""
        self._attachments = [path for path in self._attachments if path.exists()]
        self._attachments.append(attachment)

    @property
    def events(self) -> int:
        """What to wait for: room if something is unsent, bytes unless too much waits already."""
        writing = selectors.EVENT_WRITE if self._out else 0
        if self._unsent > HIGH_WATER or self.queued > MAX_QUEUED:
            return writing
        return writing | selectors.EVENT_READ

    def close(self) -> None:
        """Close the socket and forget what was not sent."""
        self.open = False
        self.socket.close()
        self._out.clear()
        for path in self._attachments:
            path.unlink(missing_ok=True)
