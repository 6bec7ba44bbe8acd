"""Read and write msgpack within bounds (its specification: github.com/msgpack/msgpack)."""

from __future__ import annotations

from typing import Any

import msgpack  # type: ignore[import-untyped]
import orjson

from runner.web.envelope import dump
from runner.web.forms import too_many
from runner.web.limits import Limits
from runner.web.problems import Problem

_LONGEST_ROW = 4096  # fields, as many as the contract's tables have columns


def unpack(body: bytes, limits: Limits) -> Any:
    """Decode a body. Raises Problem: 400 for what is no msgpack, 413 for too many containers."""
    containers = 0

    def count(container: Any) -> Any:
        nonlocal containers
        containers += 1
        if containers > limits.max_rows:
            raise too_many(limits)
        return container

    try:
        return msgpack.unpackb(
            body,
            object_hook=count,
            list_hook=count,
            max_array_len=limits.max_rows,
            max_map_len=_LONGEST_ROW,
            max_ext_len=0,
        )
    except (ValueError, TypeError, RecursionError) as ex:
        if "exceeds max_array_len" in str(ex):  # msgpack has no type for it
            raise too_many(limits) from ex
        raise Problem(400, "invalid_msgpack", f"the body is no msgpack: {ex!r:.200}") from ex


def pack(content: Any) -> bytes:
    """Encode; what msgpack has no type for, times, are the texts that they are in JSON."""
    packed: bytes = msgpack.packb(content, default=lambda value: orjson.loads(dump(value)))
    return packed
