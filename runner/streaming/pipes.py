"""Wait at the two ends of a stream, in threads that can be called back at any time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select

_CHUNK = 256 * 1024
_MOST = 1024 * 1024
_BROKEN = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Pipes:
    """Standard input and output, by their descriptors: pipes, files, terminals."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink
        self._woken, self._waker = os.pipe()
        self._ended = False
        self._input, self._more, self._output = select.poll(), select.poll(), select.poll()
        self._input.register(source, select.POLLIN)
        self._input.register(sink, 0)  # tells when nobody reads it any more
        self._more.register(source, select.POLLIN)
        self._output.register(sink, select.POLLOUT)
        for poll in (self._input, self._output):
            poll.register(self._woken, select.POLLIN)
        for end in (source, sink):
            # PERF: 64 KiB, a pipe's usual size, would be read in less time than a wake-up takes.
            with contextlib.suppress(OSError):
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, _MOST)

    def read(self) -> bytes:
        """Wait for input, and give all that is there, 1 MiB or so at most; nothing at its end.

        Raises BrokenPipeError once nobody reads the output.
        """
        while not self._ended:
            events = dict(self._input.poll())
            if self._woken in events:
                break
            if events.get(self._sink, 0) & _BROKEN:
                raise BrokenPipeError("nobody reads the output")
            if self._source in events:
                return self._all_there()
        return b""

    def _all_there(self) -> bytes:
        parts, size = [], 0
        while size < _MOST:
            part = os.read(self._source, _CHUNK)
            if not part:
                self._ended = True
                break
            parts.append(part)
            size += len(part)
            if not self._more.poll(0):
                break
        return b"".join(parts)

    def write(self, data: bytes) -> None:
        """Write all. Raises BrokenPipeError once nobody reads it."""
        view = memoryview(data)
        while view:
            events = dict(self._output.poll())
            if self._woken in events:
                return
            # A pipe that is ready takes so much without blocking, in which stop() finds nobody.
            view = view[os.write(self._sink, view[: select.PIPE_BUF]) :]

    def stop(self) -> None:
        """Have whoever waits return at once, and never wait again."""
        os.write(self._waker, b"!")
