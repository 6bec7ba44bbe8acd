"""Collect bytes in a file without a name, from which they can be sent without a copy (SPEC 4.6).

What arrives for a worker piece by piece is written once, where the worker will map it. The file
vanishes with the last process that has it; an attachment that is made of it is a name for it.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import weakref
from pathlib import Path

from contracts.buffers import ALIGN, Buffer, write_at


class Spool:
    """A file that grows by `append`, until `whole` maps it.

    ``skip``: bytes of the beginning that stay empty, so that what follows is aligned (`ALIGN`).
    """

    def __init__(self, folder: Path, skip: int = 0) -> None:
        """Make a file beside the folder's sockets. Raises OSError."""
        self._descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._close = weakref.finalize(self, os.close, self._descriptor)
        self._skip = self._size = skip

    def append(self, part: Buffer) -> None:
        """Write behind what is there. Raises OSError if there is no room."""
        write_at(self._descriptor, memoryview(part), self._size)
        self._size += len(part)

    def whole(self) -> memoryview:
        """Map all that was written; the view, and each of its slices, keeps the file."""
        self._close.detach()
        mapped = Mapped(self._descriptor, self._size)
        return memoryview(mapped)[self._skip :]


class Mapped(mmap.mmap):
    """A mapped file that knows where in it a view lies: ``view.obj`` leads here."""

    _descriptor: int
    _end: int

    def __new__(cls, descriptor: int, size: int) -> Mapped:
        """Map ``size`` bytes, and own the descriptor."""
        self = super().__new__(cls, descriptor, size)
        weakref.finalize(self, os.close, descriptor)
        self._descriptor = descriptor
        self._end = size
        return self

    def offset(self, view: Buffer) -> int:
        """Tell where in the file a view begins; what is of elsewhere is written at its end."""
        if not len(view):
            return 0
        if isinstance(view, memoryview) and view.obj is self:
            return _address(view) - _address(memoryview(self))
        start = -(-self._end // ALIGN) * ALIGN
        write_at(self._descriptor, memoryview(view), start)
        self._end = start + len(view)
        return start

    def link(self, path: Path) -> int:
        """Give the file a name, or a copy of it the second time; give its size. Raises OSError."""
        own = self._descriptor
        # NOTE: without a dir_fd, which an absolute path does not need, Python would call link(2),
        # and that does not follow symbolic links whatever is asked for.
        try:
            os.link(f"/proc/self/fd/{own}", path, src_dir_fd=own, follow_symlinks=True)
        except FileNotFoundError:
            # It had a name before, and whoever got it has taken it: no second one is possible.
            self._copy(path)
        return self._end

    def _copy(self, path: Path) -> None:
        copy = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            at = 0
            while at < self._end:
                sent = os.sendfile(copy, self._descriptor, at, self._end - at)
                if not sent:
                    raise OSError(errno.EIO, f"the file ends at {at} of {self._end} bytes")
                at += sent
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(copy)


def _address(view: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(view))
