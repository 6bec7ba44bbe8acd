"""Decode msgpack straight from its specification, so that golden bytes have a second witness."""

from __future__ import annotations

import struct
from typing import Any

# First byte -> (struct format of the length or value that follows, what it is).
_FORMATS = {
    0xC4: (">B", "bin"), 0xC5: (">H", "bin"), 0xC6: (">I", "bin"),
    0xD9: (">B", "str"), 0xDA: (">H", "str"), 0xDB: (">I", "str"),
    0xDC: (">H", "array"), 0xDD: (">I", "array"), 0xDE: (">H", "map"), 0xDF: (">I", "map"),
    0xCA: (">f", "value"), 0xCB: (">d", "value"),
    0xCC: (">B", "value"), 0xCD: (">H", "value"), 0xCE: (">I", "value"), 0xCF: (">Q", "value"),
    0xD0: (">b", "value"), 0xD1: (">h", "value"), 0xD2: (">i", "value"), 0xD3: (">q", "value"),
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def decode(payload: bytes) -> Any:
    """Decode exactly one value; raises ValueError for bytes behind it."""
    value, end = _value(payload, 0)
    if end != len(payload):
        raise ValueError(f"{len(payload) - end} bytes behind the value")
    return value


def _value(raw: bytes, at: int) -> tuple[Any, int]:
    first = raw[at]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xE0:
        return first - 0x100, at
    if first in _CONSTANTS:
        return _CONSTANTS[first], at
    if first < 0x90:
        return _map(raw, at, first & 0x0F)
    if first < 0xA0:
        return _array(raw, at, first & 0x0F)
    if first < 0xC0:
        return raw[at : at + (first & 0x1F)].decode(), at + (first & 0x1F)
    form, kind = _FORMATS[first]
    (found,) = struct.unpack_from(form, raw, at)
    at += struct.calcsize(form)
    if kind == "value":
        return found, at
    if kind == "array":
        return _array(raw, at, found)
    if kind == "map":
        return _map(raw, at, found)
    cut = raw[at : at + found]
    return (cut if kind == "bin" else cut.decode()), at + found


def _array(raw: bytes, at: int, length: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(length):
        item, at = _value(raw, at)
        items.append(item)
    return items, at


def _map(raw: bytes, at: int, length: int) -> tuple[dict[Any, Any], int]:
    items, at = _array(raw, at, 2 * length)
    return dict(zip(items[::2], items[1::2], strict=True)), at
