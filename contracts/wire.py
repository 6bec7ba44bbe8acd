"""Turn bytes into maps and maps into bytes: frames, bounded decoding, attachments (SPEC 4).

No sockets here: a `FrameReader` is fed what was received and gives back whole payloads, and the
rest are plain functions, so that blocking, selector-driven and asyncio code share them.

Three rules hold throughout:

1. A frame is ``u32 big-endian length | one msgpack map``, at most `MAX_FRAME` bytes long.
2. Decoding is bounded before it begins. Bulk data travels as msgpack ``bin``, so an honest message
   has few values however large it is; a payload over `SMALL` bytes is walked first, and refused
   if it has more than `MAX_VALUES` values. Without this 10 MB of empty maps become 735 MB.
3. A buffer over the frame's reach lies in an attachment: a file beside the socket, which the
   receiver maps and unlinks.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import secrets
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]

from contracts.errors import BadFrame, BadMessage, BadTable

MAX_FRAME = 64 * 1024 * 1024
"""Bytes of payload that a frame may have (SPEC 4.2)."""

MAX_VALUES = 65_536
"""Values (scalars, containers, keys) that one message may have (SPEC 4.4)."""

MAX_DEPTH = 32
"""Containers within containers that one message may have (SPEC 4.4)."""

SMALL = 65_536
"""Payloads up to this size are decoded at once: even all empty maps, they stay under 5 MB."""

INLINE = 1024 * 1024
"""Bytes of buffers that senders here put into a frame; beyond, they go into an attachment."""

ALIGN = 64
"""Buffers of an attachment begin at multiples of this, so that receivers can use them in place."""

Buffer = bytes | memoryview
_LENGTH = struct.Struct(">I")
_ATTACHMENT_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


def frame(payload: bytes) -> bytes:
    """Put the length before a payload (SPEC 4.1). Raises BadFrame over `MAX_FRAME`."""
    if len(payload) > MAX_FRAME:
        raise BadFrame(f"frame of {len(payload)} bytes exceeds {MAX_FRAME}")
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Collect received bytes and hand out whole payloads.

    >>> reader = FrameReader()
    >>> reader.feed(frame(b"\\x80")[:3]), reader.feed(frame(b"\\x80")[3:])
    ([], [b'\\x80'])
    """

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._limit = limit

    def feed(self, received: Buffer) -> list[bytes]:
        """Take what was received; give the payloads that are now whole, in order.

        Raises BadFrame as soon as a length over the limit is announced, before any of it is kept.
        """
        buffer = self._buffer
        buffer += received
        payloads: list[bytes] = []
        start = 0
        while len(buffer) - start >= 4:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > self._limit:
                raise BadFrame(f"frame of {length} bytes exceeds {self._limit}")
            end = start + 4 + length
            if len(buffer) < end:
                break
            payloads.append(bytes(memoryview(buffer)[start + 4 : end]))
            start = end
        if start:
            del buffer[:start]
        return payloads

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not whole yet: not 0 at end of stream means a cut-off frame."""
        return len(self._buffer)


def pack(message: Mapping[str, Any]) -> bytes:
    """Encode one message's map as msgpack (SPEC 4.3). Raises BadMessage for what msgpack cannot."""
    try:
        packed: bytes = msgpack.packb(message)
    except (TypeError, ValueError, OverflowError) as ex:
        raise BadMessage(f"message cannot be encoded: {ex}") from ex
    return packed


def unpack(payload: bytes) -> dict[str, Any]:
    """Decode one payload to a map with string keys, within the bounds of SPEC 4.4.

    Raises BadFrame if the payload is not exactly one msgpack map, has extension types, numbers as
    keys, strings that are no UTF-8, or exceeds `MAX_VALUES` or `MAX_DEPTH`. Of a key that is
    repeated the last value counts.
    """
    if len(payload) > SMALL:
        _walk(payload)
    try:
        message = msgpack.unpackb(
            payload,
            strict_map_key=True,
            ext_hook=_refuse_extension,
        )
    except (ValueError, TypeError, RecursionError) as ex:
        raise BadFrame(f"payload is no msgpack map: {ex or type(ex).__name__}") from ex
    if type(message) is not dict:
        raise BadFrame(f"payload is a msgpack {type(message).__name__}, expected a map")
    return message


def _refuse_extension(code: int, data: bytes) -> Any:
    raise ValueError(f"extension type {code} is not used by the contract")


# First byte of a msgpack value -> (bytes of its size field, what that size counts). Fixed sizes and
# the fix* families are computed in _walk. (msgpack specification, "Formats".)
_SIZED = {
    0xC4: (1, "bytes"), 0xC5: (2, "bytes"), 0xC6: (4, "bytes"),
    0xD9: (1, "bytes"), 0xDA: (2, "bytes"), 0xDB: (4, "bytes"),
    0xDC: (2, "array"), 0xDD: (4, "array"), 0xDE: (2, "map"), 0xDF: (4, "map"),
}  # fmt: skip
_FIXED = {
    0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8,
    0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
}  # fmt: skip


def _walk(payload: bytes) -> None:
    """Count values and depth without building anything; skip over strings and bin."""
    end = len(payload)
    at = values = 0
    left = [1]  # values still to come, a number for each container that is open
    while left:
        if left[-1] == 0:
            left.pop()
            continue
        left[-1] -= 1
        values += 1
        if values > MAX_VALUES:
            raise BadFrame(f"message has more than {MAX_VALUES} values")
        if at >= end:
            raise BadFrame("payload ends within a value")
        first = payload[at]
        at += 1
        children = 0
        if first < 0x80 or first >= 0xE0:
            continue
        if first < 0x90:
            children = 2 * (first & 0x0F)
        elif first < 0xA0:
            children = first & 0x0F
        elif first < 0xC0:
            at += first & 0x1F
        elif first in _FIXED:
            at += _FIXED[first]
        elif first in _SIZED:
            width, counts = _SIZED[first]
            size = int.from_bytes(payload[at : at + width], "big")
            at += width
            if counts == "bytes":
                at += size
            else:
                children = size * (2 if counts == "map" else 1)
        else:
            raise BadFrame(f"payload has a msgpack type that the contract does not use: {first:#x}")
        if children:
            left.append(children)
            if len(left) > MAX_DEPTH + 1:
                raise BadFrame(f"message is nested deeper than {MAX_DEPTH}")
    if at != end:
        raise BadFrame(f"payload has {end - at} bytes after its map" if at < end else "cut off")


class BufferWriter:
    """Place the buffers of one message: inline while they are small together, else in a file.

    Collect with `place`, in the order of the message; then `attach` writes the file, if one is
    needed, and gives the message's ``attachment`` entry. `folder` is the socket's (SPEC 4.6).
    """

    def __init__(self, total: int, folder: Path | None) -> None:
        self._folder = folder if total > INLINE else None
        self._placed: list[tuple[int, Buffer]] = []
        self._size = 0

    def place(self, buffer: Buffer) -> Buffer | list[int]:
        """Give the wire form of a buffer: itself as ``bin``, or ``[offset, length]``."""
        if self._folder is None:
            return buffer
        offset = -(-self._size // ALIGN) * ALIGN
        self._placed.append((offset, buffer))
        self._size = offset + len(buffer)
        return [offset, len(buffer)]

    def attach(self) -> dict[str, Any] | None:
        """Write the collected buffers to a new file; raises OSError when there is no room.

        The room is taken first: on a full tmpfs a write through a mapping would end the process
        with SIGBUS, where fallocate(2) says ENOSPC.
        """
        if self._folder is None:
            return None
        name = f"attachment-{secrets.token_hex(8)}"
        path = self._folder / name
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if self._size:
                os.posix_fallocate(descriptor, 0, self._size)
            for offset, buffer in self._placed:
                _write_at(descriptor, buffer, offset)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return {"name": name, "size": self._size}


def _write_at(descriptor: int, buffer: Buffer, offset: int) -> None:
    view = memoryview(buffer)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written


class BufferReader:
    """Read the buffers of one message, from the map itself or from its attachment."""

    def __init__(self, attachment: Any, folder: Path | None) -> None:
        self._view = memoryview(b"")
        if attachment is not None:
            self._view = _map_attachment(attachment, folder)

    def read(self, wire: Any, what: str) -> Buffer:
        """Give a buffer of the wire form that `BufferWriter.place` makes. Raises BadTable."""
        if type(wire) is bytes:
            return wire
        if (
            isinstance(wire, Sequence)
            and len(wire) == 2
            and all(type(number) is int and number >= 0 for number in wire)
        ):
            offset, length = wire
            if offset + length > len(self._view):
                raise BadTable(
                    f"{what}: bytes {offset} to {offset + length} lie beyond the attachment of "
                    f"{len(self._view)} bytes"
                )
            return self._view[offset : offset + length]
        raise BadTable(f"{what}: a {type(wire).__name__}, expected bin or [offset, length]")


def _map_attachment(attachment: Any, folder: Path | None) -> memoryview:
    """Map an attachment's file read-only and unlink it (SPEC 4.6)."""
    if not isinstance(attachment, Mapping):
        raise BadMessage(f"attachment: a {type(attachment).__name__}, expected a map")
    name, size = attachment.get("name"), attachment.get("size")
    if type(name) is not str or not _ATTACHMENT_NAME.fullmatch(name):
        raise BadMessage(f"attachment name {str(name)[:100]!r} is no plain file name")
    if type(size) is not int or size < 0:
        raise BadMessage(f"attachment size {size!r} is no count of bytes")
    if folder is None:
        raise BadMessage("attachments are not possible on this connection")
    path = folder / name
    try:
        # SECURITY: O_NOFOLLOW, or a link could make us map and unlink a file of somebody else.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as ex:
        raise BadMessage(f"attachment {name}: {ex.strerror}") from ex
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        found = os.fstat(descriptor).st_size
        if found != size:
            raise BadMessage(f"attachment {name} has {found} bytes, announced were {size}")
        if size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(descriptor, size, prot=mmap.PROT_READ))
    finally:
        os.close(descriptor)
