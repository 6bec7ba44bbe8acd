"""Wrap what a language persists: magic, length of the header, header, body (SPEC 5.6).

The header is a small msgpack map for what the runner's side of the adapter must know; the body is
the language's own bytes, which `unpack` does not copy and nobody looks into.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from contracts import wire
from contracts.errors import BadFrame, Code, Failure
from contracts.wire import Buffer

MAGIC = b"polyglot artifact 1\n"
"""First bytes of an artifact; the number changes when older adapters could not read it."""

_LENGTH = struct.Struct("<I")


def pack(format: str, header: Mapping[str, Any], body: Buffer) -> bytes:
    """Put the header, with ``format`` added, before the body."""
    packed = wire.pack({**header, "format": format})
    return b"".join((MAGIC, _LENGTH.pack(len(packed)), packed, body))


def unpack(artifact: Buffer) -> tuple[dict[str, Any], memoryview]:
    """Give header (with its ``format``) and body. Raises Failure(bad_artifact)."""
    view = memoryview(artifact).toreadonly()
    start = len(MAGIC) + _LENGTH.size
    if view[: len(MAGIC)] != MAGIC or len(view) < start:
        raise Failure(Code.BAD_ARTIFACT, f"artifact of {len(view)} bytes does not begin as ours do")
    end = start + _LENGTH.unpack_from(view, len(MAGIC))[0]
    try:
        header = wire.unpack(bytes(view[start:end]))
    except BadFrame as ex:
        raise Failure(Code.BAD_ARTIFACT, f"artifact has no header: {ex.message}") from ex
    if type(header.get("format")) is not str:
        raise Failure(Code.BAD_ARTIFACT, f"artifact has format {header.get('format')!r}")
    return header, view[end:]
