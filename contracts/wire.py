"""Turn bytes into maps and maps into bytes: frames and bounded decoding (SPEC 4).

No sockets here: a `FrameReader` is fed what was received and gives back whole payloads, and the
rest are plain functions, so that blocking, selector-driven and asyncio code share them.

Three rules hold throughout:

1. A frame is ``u32 big-endian length | one msgpack map``, at most `MAX_FRAME` bytes long.
2. Decoding is bounded before it begins (`contracts.bounds`). Bulk data travels as msgpack ``bin``,
   so an honest message has few values however large it is; 10 MB of empty maps would become 735.
3. What is too large for a frame lies in a file beside the socket (`contracts.buffers`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import msgpack  # type: ignore[import-untyped]

from contracts.bounds import MAX_DEPTH, MAX_VALUES, check_bounds
from contracts.buffers import ALIGN, INLINE, Buffer, BufferReader, BufferWriter
from contracts.errors import BadFrame, BadMessage

MAX_FRAME = 64 * 1024 * 1024
"""Bytes of payload that a frame may have (SPEC 4.2)."""

_LENGTH = struct.Struct(">I")


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

        Raises BadFrame as soon as a length over the limit is announced. As that ends the
        connection, and all that is unanswered with it (SPEC 3.4), what came before is dropped.
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

    Raises BadFrame if the payload is not exactly one msgpack map, has extension types, keys that
    are no strings or stand twice in a map, strings that are no UTF-8, or exceeds `MAX_VALUES` or
    `MAX_DEPTH`.
    """
    check_bounds(payload)
    try:
        message = msgpack.unpackb(
            payload,
            strict_map_key=True,  # it lets bin through; _distinct_strings does not
            object_pairs_hook=_distinct_strings,
            ext_hook=_refuse_extension,
            max_ext_len=0,  # timestamps do not come to ext_hook
        )
    except (ValueError, TypeError) as ex:
        raise BadFrame(f"payload is no msgpack map: {ex}") from ex
    if type(message) is not dict:
        raise BadFrame(f"payload is a msgpack {type(message).__name__}, expected a map")
    return message


def _distinct_strings(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # PERF: raises TypeError for a key that is no string, in a tenth of a loop's time
    "".join(found)
    if len(found) != len(pairs):
        raise ValueError(f"a key is repeated among {', '.join(key for key, _ in pairs[:20])}"[:200])
    return found


def _refuse_extension(code: int, data: bytes) -> Any:
    raise ValueError(f"extension type {code} is not used by the contract")


__all__ = [
    "ALIGN", "INLINE", "MAX_DEPTH", "MAX_FRAME", "MAX_VALUES", "Buffer", "BufferReader",
    "BufferWriter", "FrameReader", "frame", "pack", "unpack",
]  # fmt: skip
