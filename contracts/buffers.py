"""Place the bulk of a message in its frame or in a file beside the socket (SPEC 4.6)."""

from __future__ import annotations

import mmap
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from contracts.errors import BadMessage, BadTable

Buffer = bytes | memoryview
"""Raw bytes. A memoryview must be contiguous and of format ``B``, so that len() counts bytes."""

INLINE = 1024 * 1024
"""Bytes of buffers that senders here put into a frame; beyond, they go into an attachment."""

ALIGN = 64
"""Buffers of an attachment begin at multiples of this, so that receivers can use them in place."""

OVERLAP = 8
"""What the buffers of a message may be together, in attachments (SPEC 4.4)."""

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@runtime_checkable
class File(Protocol):
    """A file that holds bytes already (`contracts.spool.Mapped`)."""

    def offset(self, view: Buffer) -> int:
        """Tell where in the file a buffer lies, or put it there."""

    def link(self, path: Path) -> int:
        """Give the file a name; give its size."""


class BufferWriter:
    """Place the buffers of one message: inline while they are small together, else in a file.

    Collect with `place`, in the order of the message; then `attach` writes the file, if one is
    needed, and gives the message's ``attachment`` entry. `folder` is the socket's, or None where
    attachments are not possible; `total` is the bytes to come. ``file``: one that holds some of the
    buffers already, so that it need not be written.
    """

    def __init__(self, total: int, folder: Path | None, file: File | None = None) -> None:
        self._folder = folder if total > INLINE else None
        self._file = file
        self._placed: list[tuple[int, Buffer]] = []
        self._size = 0

    def place(self, buffer: Buffer) -> Buffer | list[int]:
        """Give the wire form of a buffer: itself as ``bin``, or ``[offset, length]``."""
        if self._folder is None:
            return buffer
        if self._file is not None:
            return [self._file.offset(buffer), len(buffer)]
        offset = -(-self._size // ALIGN) * ALIGN
        self._placed.append((offset, buffer))
        self._size = offset + len(buffer)
        return [offset, len(buffer)]

    def attach(self) -> dict[str, Any] | None:
        """Write the collected buffers to a new file; raises OSError when there is no room."""
        if self._folder is None:
            return None
        name = f"attachment-{secrets.token_hex(8)}"
        path = self._folder / name
        if self._file is not None:
            return {"name": name, "size": self._file.link(path)}
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, self._size)
            for offset, buffer in self._placed:
                write_at(descriptor, memoryview(buffer), offset)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return {"name": name, "size": self._size}


def write_at(descriptor: int, view: memoryview, offset: int) -> None:
    """Write all of ``view``. Raises OSError."""
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written


class BufferReader:
    """Read the buffers of one message, from the map itself or from its attachment.

    Raises BadMessage if there is an attachment and it is not what was announced. Buffers may
    overlap, but not make more than `OVERLAP` times the attachment of it: each may become a copy.
    """

    def __init__(self, attachment: Any, folder: Path | None) -> None:
        self._view = memoryview(b"")
        if attachment is not None:
            self._view = _map_attachment(attachment, folder)
        self._room = OVERLAP * len(self._view)

    def read(self, wire: Any, what: str) -> Buffer:
        """Give a buffer of the wire form that `BufferWriter.place` makes. Raises BadTable."""
        if type(wire) is bytes:
            return wire
        if type(wire) is list and [type(number) for number in wire] == [int, int]:
            offset, length = wire
            if not 0 <= offset <= offset + length <= len(self._view):
                raise BadTable(
                    f"{what}: bytes {offset} to {offset + length} are not within the attachment "
                    f"of {len(self._view)} bytes"
                )
            if length:  # INLINE_READER, which is shared, never comes here
                self._room -= length
            if self._room < 0:
                raise BadTable(
                    f"{what}: buffers overlap, and are together more than {OVERLAP} times the "
                    f"attachment of {len(self._view)} bytes"
                )
            return self._view[offset : offset + length]
        raise BadTable(f"{what}: a {type(wire).__name__}, expected bin or [offset, length]")


def _map_attachment(attachment: Any, folder: Path | None) -> memoryview:
    """Map an attachment's file, unlink it whatever its size (SPEC 4.6). Raises BadMessage.

    The mapping is private: a model may write into its data, large or small, and the file stays.
    """
    if not isinstance(attachment, Mapping):
        raise BadMessage(f"attachment: a {type(attachment).__name__}, expected a map")
    name, size = attachment.get("name"), attachment.get("size")
    if type(name) is not str or not _NAME.fullmatch(name):
        raise BadMessage(f"attachment name {repr(name)[:100]} is no plain file name")
    if folder is None:
        raise BadMessage("attachments are not possible on this connection")
    # SECURITY: NOFOLLOW, or a link could make us map a file of somebody else; NONBLOCK, or a FIFO
    # would hold us for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(folder / name, flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise BadMessage(f"attachment {name} is no regular file")
            (folder / name).unlink(missing_ok=True)
            if type(size) is not int or size < 0:
                raise BadMessage(f"attachment size {repr(size)[:100]} is no count of bytes")
            if status.st_size != size:
                raise BadMessage(
                    f"attachment {name} has {status.st_size} bytes, announced were {size}"
                )
            if size == 0:
                return memoryview(b"")
            return memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY))
        finally:
            os.close(descriptor)
    except OSError as ex:
        raise BadMessage(f"attachment {name}: {ex.strerror}") from ex


INLINE_WRITER = BufferWriter(0, None)
"""Writes every buffer inline; it keeps nothing, so messages can share it."""

INLINE_READER = BufferReader(None, None)
"""Reads inline buffers only; it keeps nothing, so messages can share it."""
