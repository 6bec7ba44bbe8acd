"""Count what a msgpack payload would become, before any of it is built (SPEC 4.4).

Decoding trusts what arrays announce, and turns one byte into an object of 80. Walking costs a
tenth of a microsecond a value, so short payloads that cannot nest too deep are not walked: with at
most `MAX_DEPTH` bytes that may open a container, they can neither nest deeper nor announce more
than `MAX_DEPTH` times their own length.
"""

from __future__ import annotations

from contracts.errors import BadFrame

MAX_VALUES = 131_072
"""Values (scalars, containers, keys) that one message may have (SPEC 4.4)."""

MAX_DEPTH = 32
"""Containers within containers that one message may have, itself counted (SPEC 4.4)."""

_SHORT = 4096
_OPENS = bytes(1 if 0x80 <= first < 0xA0 or first >> 2 == 0x37 else 0 for first in range(256))

# Length of a value by its first byte (msgpack specification, "Formats"); 0 where more decides.
WHOLE = bytearray(256)
WHOLE[0x00:0x80] = b"\x01" * 128  # positive fixint
WHOLE[0xE0:0x100] = b"\x01" * 32  # negative fixint
WHOLE[0xA0:0xC0] = bytes(range(1, 33))  # fixstr
WHOLE[0xC0] = WHOLE[0xC2] = WHOLE[0xC3] = 1  # nil, false, true
WHOLE[0xCA:0xD4] = bytes((5, 9, 2, 3, 5, 9, 2, 3, 5, 9))  # float 32, 64; uint and int 8 to 64

# First byte -> width of the length that follows it.
BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}  # bin, str
CONTAINERS = {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}  # array, map


def check_bounds(payload: bytes) -> None:
    """Raise BadFrame if decoding this payload could exceed what SPEC 4.4 allows."""
    if len(payload) > _SHORT or payload.translate(_OPENS).count(1) > MAX_DEPTH:
        _walk(payload)


def _walk(payload: bytes) -> None:
    at = children = 0
    values = todo = 1  # todo: values still to come in the innermost open container
    outer: list[int] = []  # the same of the containers around it
    try:
        while True:
            while todo:
                todo -= 1
                first = payload[at]
                if whole := WHOLE[first]:
                    at += whole
                    continue
                if width := BYTES.get(first):
                    at += 1 + width + int.from_bytes(payload[at + 1 : at + 1 + width], "big")
                    continue
                if first < 0xA0:
                    children = 2 * (first & 0x0F) if first < 0x90 else first & 0x0F
                    at += 1
                elif width := CONTAINERS.get(first):
                    children = int.from_bytes(payload[at + 1 : at + 1 + width], "big")
                    children *= 2 if first >= 0xDE else 1
                    at += 1 + width
                else:
                    raise BadFrame(f"payload has a type that the contract does not use: {first:#x}")
                values += children
                if values > MAX_VALUES:
                    raise BadFrame(f"message has more than {MAX_VALUES} values")
                outer.append(todo)
                if len(outer) > MAX_DEPTH:
                    raise BadFrame(f"message is nested deeper than {MAX_DEPTH}")
                todo = children
            if not outer:
                break
            todo = outer.pop()
    except IndexError:
        raise BadFrame(f"payload of {len(payload)} bytes ends within a value") from None
    if at != len(payload):
        raise BadFrame(f"payload has {len(payload)} bytes, its map {at}")
