"""Pack Python values into the buffers of a declared type, and unpack them (SPEC 6.3, 6.4)."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate, islice
from typing import Any

from contracts.buffers import Buffer
from contracts.errors import BadTable


class Type(StrEnum):
    """The declared types (SPEC 6.3)."""

    F64 = "f64"
    I64 = "i64"
    BOOL = "bool"
    STR = "str"
    CAT = "cat"
    DATE = "date"
    DATETIME = "datetime"


LAYOUT: Mapping[Type, tuple[int, str]] = {
    Type.F64: (8, "d"),
    Type.I64: (8, "q"),
    Type.BOOL: (1, "B"),
    Type.CAT: (4, "i"),
    Type.DATE: (4, "i"),
    Type.DATETIME: (8, "q"),
}
"""Type -> (bytes of one value, its code in array and memoryview). str has offsets instead."""

_EPOCH = date(1970, 1, 1)
_EPOCH_DAY = _EPOCH.toordinal()
_EPOCH_TIME = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

# Type -> the Python types that it takes; bool is an int to isinstance, not here.
_TAKES: Mapping[Type, frozenset[type]] = {
    Type.F64: frozenset({float, int}),
    Type.I64: frozenset({int}),
    Type.BOOL: frozenset({bool}),
    Type.STR: frozenset({str}),
    Type.CAT: frozenset({str}),
    Type.DATE: frozenset({date}),
    Type.DATETIME: frozenset({datetime}),
}


def pack_values(
    name: str, type_: Type, items: Sequence[Any], levels: Sequence[str]
) -> tuple[bytes, bytes | None]:
    """Give ``values`` and ``offsets`` (str only) of SPEC 6.4; None is missing.

    Raises BadTable naming the first value that does not fit.
    """
    index: dict[Any, int] = {}
    if type_ is Type.CAT:
        index = {level: code for code, level in enumerate(levels)} | {None: -1}
    try:
        if not set(map(type, items)) <= _TAKES[type_] | {type(None)}:
            raise TypeError
        if type_ is Type.STR:
            return _pack_text(items)
        return _pack_numbers(type_, items, index).tobytes(), None
    except (TypeError, ValueError, OverflowError, KeyError) as ex:
        row = next(row for row, item in enumerate(items) if not _fits(type_, item, index))
        raise BadTable(f"column {name!r}: {items[row]!r} in row {row} is no {type_.value}") from ex


def _pack_numbers(type_: Type, items: Sequence[Any], index: Mapping[Any, int]) -> array[Any]:
    code = LAYOUT[type_][1]
    if type_ is Type.CAT:
        return array(code, map(index.__getitem__, items))
    encode = _ENCODE.get(type_)
    filler = math.nan if type_ is Type.F64 else 0
    if encode is not None:
        return array(code, [filler if item is None else encode(item) for item in items])
    if None in items:
        return array(code, [filler if item is None else item for item in items])
    return array(code, items)


def _pack_text(items: Sequence[Any]) -> tuple[bytes, bytes]:
    cells = [b"" if item is None else item.encode() for item in items]
    ends = array("I", accumulate(map(len, cells), initial=0))
    return b"".join(cells), ends.tobytes()


def _fits(type_: Type, item: Any, index: Mapping[Any, int]) -> bool:
    if item is None:
        return True
    if type(item) not in _TAKES[type_]:
        return False
    try:
        _pack_text([item]) if type_ is Type.STR else _pack_numbers(type_, [item], index)
    except (ValueError, OverflowError, KeyError):
        return False
    return True


def _microseconds(item: datetime) -> int:
    if item.tzinfo is not None:
        item = item.astimezone(UTC).replace(tzinfo=None)
    return (item - _EPOCH_TIME) // _MICROSECOND


_ENCODE: Mapping[Type, Callable[[Any], int]] = {
    Type.DATE: lambda item: item.toordinal() - _EPOCH_DAY,
    Type.DATETIME: _microseconds,
}
_DECODE: Mapping[Type, Callable[[int], Any]] = {
    Type.BOOL: bool,
    Type.DATE: lambda days: _EPOCH + timedelta(days=days),
    Type.DATETIME: lambda micros: _EPOCH_TIME + timedelta(microseconds=micros),
}


def unpack_values(
    name: str,
    type_: Type,
    values: Buffer,
    *,
    levels: Sequence[str],
    present: bytes | None,
    offsets: Buffer | None,
) -> list[Any]:
    """Give Python values, None for missing. Raises BadTable for what Python cannot hold."""
    if type_ is Type.CAT:
        items = (*levels, None)  # the code of a missing value, -1, finds the last
        return [items[code] for code in array("i", bytes(values))]
    decoded: list[Any]
    try:
        if type_ is Type.STR:
            ends = memoryview(offsets or b"").cast("I")
            text = bytes(values)
            decoded = [
                text[start:end].decode()
                for start, end in zip(ends, islice(ends, 1, None), strict=False)
            ]
        else:
            numbers = array(LAYOUT[type_][1], bytes(values)).tolist()
            if present is not None:
                numbers = [n if here else 0 for n, here in zip(numbers, present, strict=True)]
            decode = _DECODE.get(type_)
            decoded = numbers if decode is None else list(map(decode, numbers))
    except (OverflowError, UnicodeDecodeError) as ex:
        raise BadTable(f"column {name!r}: {ex}") from ex
    if present is None:
        return decoded
    return [item if here else None for item, here in zip(decoded, present, strict=True)]
