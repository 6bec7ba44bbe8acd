"""Lay out the file that tells which requests a model is at (SPEC 2.7)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SIZE = 4096
"""Bytes of the file."""

SUFFIX = ".now"
"""What its name has beyond the socket's."""

MANY = 2**64 - 1
"""Stands for the number of requests if their ids have no room."""

_COUNT = struct.Struct("<Q")
_ONE = struct.Struct("<QQ")


def write(memory: bytearray | memoryview, ids: Sequence[int]) -> None:
    """Write the ids of the requests that the model is called for; none while it is idle."""
    count = len(ids)
    if count == 1:
        _ONE.pack_into(memory, 0, 1, ids[0])
    elif 8 * (count + 1) > SIZE:
        _COUNT.pack_into(memory, 0, MANY)
    else:
        struct.pack_into(f"<{count + 1}Q", memory, 0, count, *ids)


def read(content: bytes) -> frozenset[int] | None:
    """Give the ids, None if they had no room or the file is none of ours."""
    if len(content) != SIZE:
        return None
    (count,) = _COUNT.unpack_from(content)
    if 8 * (count + 1) > SIZE:
        return None
    return frozenset(struct.unpack_from(f"<{count}Q", content, 8))
