"""Append lines to a file that others append to as well, and that may be renamed at any time.

1. Every process opens the file with O_APPEND and writes whole lines with one write(2).
2. Before each write it looks whether the path still names the file it has open; if not, it opens
   the path anew. So rotation is by rename, and no signal is needed.
3. A write that ends within a line (a full disk; SIGKILL, since the kernel looks for it after each
   page) leaves a piece behind. It cannot be cut off, since another process may have written behind
   it. Instead each write begins with a line's end where the file ends within a line, and who failed
   writes the whole line again. `lines` in runner.audit.reading knows such pieces, also where a
   record follows on the same line: of a write that waited for the one that was killed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MODE = 0o640
"""Of a new file: its owner writes, a log shipper in its group reads."""

_FLAGS = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


@dataclass(frozen=True)
class Written:
    """What became of an attempt: lines written from the first on, why no more, pieces left."""

    lines: int
    error: OSError | None = None
    torn: tuple[str, ...] = ()
    """SHA-256 (hex) of each piece that a later line will not begin with."""


class LogFile:
    """The end of a log file. It is opened at the first write."""

    def __init__(self, path: Path, *, to_disk: bool = False) -> None:
        self.path = path
        self._to_disk = to_disk
        self._descriptor = -1
        self._identity = (-1, -1)
        self._within_line = False
        self._readable = False
        self._replaced: list[int] = []
        self._new = False

    def append(self, lines: Sequence[bytes]) -> Written:
        """Write lines, as many as there is room for."""
        try:
            self._follow()
        except OSError as ex:
            return Written(0, ex)
        done = 0
        pieces: list[bytes] = []
        try:
            while done < len(lines):
                complete, piece = self._write(lines[done:])
                done += complete
                if piece:
                    pieces.append(piece)
        except OSError as ex:
            # The line that the pieces belong to will not be written again.
            torn = tuple(hashlib.sha256(piece).hexdigest() for piece in pieces)
            return Written(done, ex, torn)
        return Written(done)

    def sync(self) -> None:
        """Wait until all that was written is on the disk. May run in another thread."""
        replaced, self._replaced = self._replaced, []
        new, self._new = self._new, False
        try:
            for descriptor in [*replaced, self._descriptor]:
                if descriptor >= 0:
                    os.fsync(descriptor)
            if new:  # else its name might be gone
                _sync_folder(self.path.parent)
        finally:
            for descriptor in replaced:
                os.close(descriptor)

    def close(self) -> None:
        """Close the file."""
        for descriptor in [*self._replaced, self._descriptor]:
            if descriptor >= 0:
                os.close(descriptor)
        self._replaced.clear()
        self._descriptor = -1
        self._identity = (-1, -1)

    def _write(self, lines: Sequence[bytes]) -> tuple[int, bytes]:
        """Write once; give the number of complete lines, and the piece behind them."""
        start = b"\n" if self._within_line else b""
        data = start + b"".join(lines)
        count = os.write(self._descriptor, data)
        if count == len(data):
            self._within_line = False
            return len(lines), b""
        if not count:
            raise OSError("nothing was written")
        count -= len(start)
        for complete, line in enumerate(lines):
            if count < len(line):
                self._within_line = count > 0
                return complete, line[:count]
            count -= len(line)
        raise AssertionError("more was written than there was")

    def _follow(self) -> None:
        """Have the file open that the path names now."""
        try:
            found = os.stat(self.path)
            if (found.st_dev, found.st_ino) == self._identity:
                if self._readable:
                    self._within_line = _ends_within_line(self._descriptor, found.st_size)
                return
        except FileNotFoundError:
            pass
        descriptor, self._readable = _open(self.path)
        if self._descriptor >= 0 and self._to_disk:
            self._replaced.append(self._descriptor)  # `sync` has still to wait for it
        elif self._descriptor >= 0:
            os.close(self._descriptor)
        found = os.fstat(descriptor)
        self._new = not found.st_size
        self._descriptor = descriptor
        self._identity = (found.st_dev, found.st_ino)
        self._within_line = self._readable and _ends_within_line(descriptor, found.st_size)


class Pipe:
    """Standard output, or whatever else a descriptor is: lines go out, nothing is looked after."""

    path = None

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def append(self, lines: Sequence[bytes]) -> Written:
        """Write each line with a write(2) of its own: a pipe keeps up to PIPE_BUF bytes whole."""
        for done, line in enumerate(lines):
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError as ex:
                return Written(done, ex)
        return Written(len(lines))

    def sync(self) -> None:
        """Do nothing: whoever reads the pipe keeps the lines."""

    def close(self) -> None:
        """Do nothing: the descriptor is not ours."""


def _open(path: Path) -> tuple[int, bool]:
    """Give a descriptor, and whether it can be read from."""
    try:
        return os.open(path, os.O_RDWR | _FLAGS, MODE), True
    except PermissionError:  # it may be ours to write and not to read
        return os.open(path, os.O_WRONLY | _FLAGS, MODE), False


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _ends_within_line(descriptor: int, size: int) -> bool:
    """Say whether somebody has left a piece of a line; whoever is still writing is waited for.

    NOTE: a file's size grows while a write(2) is under way. Setting its times takes the lock that
    the write holds: if the size is the same afterwards, nobody was writing.
    """
    while size and os.pread(descriptor, 1, size - 1) not in (b"\n", b""):
        os.utime(descriptor)
        seen, size = size, os.fstat(descriptor).st_size
        if size == seen:
            return True
    return False
