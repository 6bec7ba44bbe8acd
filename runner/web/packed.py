"""Read and write msgpack within bounds (its specification: github.com/msgpack/msgpack)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgpack  # type: ignore[import-untyped]
import orjson

from contracts import bounds
from contracts.wire import Buffer
from runner.signature.text import dump
from runner.web.forms import too_many
from runner.web.limits import Limits
from runner.web.problems import Problem

LARGE = 64 * 1024
"""Bytes of a binary value that is not copied."""

_MOST = 65_536
_BIN32, _MAPS = 0xC6, 0xDE  # first bytes; maps are those from here on
_NUMBERED = b"\xd6\x00"  # fixext 4
_LONGEST_ROW = 4096  # fields, as many as the contract's tables have columns


def unpack(body: Buffer, limits: Limits) -> Any:
    """Decode a body; large binary values are memoryviews of it, not copies.

    Raises Problem: 400 for what is no msgpack, 413 for too many containers.
    """
    payload, taken = _take_out(body)
    containers = 0

    def count(container: Any) -> Any:
        nonlocal containers
        containers += 1
        if containers > limits.max_rows:
            raise too_many(limits)
        return container

    def put_back(code: int, data: bytes) -> Buffer:
        number = int.from_bytes(data, "big")
        if len(data) != 4 or number >= len(taken):  # the body's own; an empty one has no length
            raise ValueError(f"extension type {code} is not used here")
        return taken[number]

    try:
        return msgpack.unpackb(
            payload,
            object_hook=count,
            list_hook=count,
            max_array_len=limits.max_rows,
            max_map_len=_LONGEST_ROW,
            max_ext_len=4 if taken else 0,
            ext_hook=put_back,
        )
    except (ValueError, TypeError, RecursionError) as ex:
        if "exceeds max_array_len" in str(ex):  # msgpack has no type for it
            raise too_many(limits) from ex
        # Not its repr: of bytes too many that is all of what came before, however deep.
        told = f"{type(ex).__name__}: {ex!s:.200}"
        raise Problem(400, "invalid_msgpack", f"the body is no msgpack: {told}") from ex


def first_large(beginning: bytes) -> int | None:
    """Tell where the bytes of the first large binary value begin, if in a body's beginning."""
    with suppress(ValueError):
        return next((start for _, start, _ in _large(memoryview(beginning))), None)
    return None


def _take_out(body: Buffer) -> tuple[bytes, list[memoryview]]:
    """Put the number of each large binary value, as an extension type, in its place.

    No extension type of the body's own is left: what has one is not taken apart, and is refused.
    """
    view = memoryview(body)
    parts: list[Buffer] = []
    taken: list[memoryview] = []
    kept = 0
    with suppress(ValueError):
        for at, start, stop in _large(view) if len(view) >= LARGE else ():
            if stop > len(view):
                raise ValueError("the body ends within a value")
            parts += view[kept:at], _NUMBERED + len(taken).to_bytes(4, "big")
            taken.append(view[start:stop])
            kept = stop
        if taken:
            return b"".join([*parts, view[kept:]]), taken
    return bytes(view), []


def _large(view: memoryview) -> Iterator[tuple[int, int, int]]:
    """Find large binary values: where each begins, and where its bytes begin and end.

    Raises ValueError for more than `_MOST` values (a body of so many is none of arrays), for what
    it does not know, and where the view ends too early: whoever decodes will say why.
    """
    at, left = 0, 1  # values still to come
    for _ in range(_MOST):
        if not left:
            return
        if at >= len(view):
            break
        left -= 1
        first = view[at]
        if whole := bounds.WHOLE[first]:
            at += whole
            continue
        if first < 0xA0:
            left += 2 * (first & 0x0F) if first < 0x90 else first & 0x0F
            at += 1
            continue
        width = bounds.BYTES.get(first) or bounds.CONTAINERS.get(first)
        if width is None:
            break
        begun, at = at, at + 1 + width
        length = int.from_bytes(view[begun + 1 : at], "big")
        if first in bounds.CONTAINERS:
            left += 2 * length if first >= _MAPS else length
            continue
        if first == _BIN32 and length >= LARGE:
            yield begun, at, at + length
        at += length
    raise ValueError("this cannot be taken apart")


def pack(content: Any) -> bytes:
    """Encode; what msgpack has no type for, times, are the texts that they are in JSON."""
    packed: bytes = msgpack.packb(content, default=lambda value: orjson.loads(dump(value)))
    return packed
