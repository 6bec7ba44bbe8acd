"""Read one value, of JSON or of text, as a declared type.

Declared types bend a little, as callers do: a number may come as text, an integer as ``5.0``. They
never guess: ``true`` is no number, NaN and infinities are no values, and nothing is rounded.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from contracts.table import Column, Type
from contracts.wire import Buffer

_EXACT = 2.0**53  # beyond it a float with no fraction may have been rounded
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def read_float(value: Any) -> float:
    """Read a finite number. Raises ValueError, TypeError, OverflowError."""
    kind = type(value)
    if kind is str:
        return _finite(float(_plain(value)))
    if kind is float or kind is int:
        return _finite(float(value))
    raise TypeError(kind.__name__)


def read_int(value: Any) -> int:
    """Read a signed 64 bit integer; a float without a fraction is one."""
    kind = type(value)
    if kind is str:
        try:
            value = int(_plain(value))
        except ValueError:
            value = float(value)
    elif kind is not int and kind is not float:
        raise TypeError(kind.__name__)
    if type(value) is float and not (value.is_integer() and abs(value) <= _EXACT):
        raise ValueError(value)
    if not -(2**63) <= value < 2**63:
        raise OverflowError(value)
    return int(value)


def read_bool(value: Any) -> bool:
    """Read true, false, 1 or 0."""
    if type(value) is bool:
        return value
    if type(value) is int and 0 <= value <= 1:
        return bool(value)
    if type(value) is str:
        return _TRUTH[value.strip().lower()]
    raise TypeError(type(value).__name__)


def read_str(value: Any) -> str:
    """Read a text; a number is none."""
    if type(value) is str:
        return value
    raise TypeError(type(value).__name__)


def read_level(value: Any) -> str:
    """Read a level; that of ``factor(c(4, 6, 8))`` may come as the number that it looks like."""
    return str(value) if type(value) is int else read_str(value)


def read_date(value: Any) -> date:
    """Read an ISO 8601 date."""
    if type(value) is str:
        return date.fromisoformat(value)
    raise TypeError(type(value).__name__)


def read_datetime(value: Any) -> datetime:
    """Read an ISO 8601 date and time; UTC unless it says otherwise."""
    if type(value) is not str:
        raise TypeError(type(value).__name__)
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _plain(text: str) -> str:
    """Refuse what only Python takes for a number: 1_000 and digits of other scripts."""
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return text


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(number)
    return number


# Whole columns at once, of values that have the right Python types already. Any may raise
# ValueError, OverflowError or KeyError; the values are then read one by one.
def _floats(values: Sequence[Any], _: Mapping[str, int]) -> Buffer:
    # PERF: one pass in C. A sum that overflows is looked into one by one, and found innocent.
    _finite(sum(values))
    return pack("d", values)


def _ints(values: Sequence[Any], _: Mapping[str, int]) -> Buffer:
    return pack("q", values)


def _bools(values: Sequence[Any], _: Mapping[str, int]) -> Buffer:
    return bytes(values)


def _codes(values: Sequence[Any], index: Mapping[str, int]) -> Buffer:
    return pack("i", list(map(index.__getitem__, values)))


def pack(code: str, values: Sequence[Any]) -> bytes:
    """Lay numbers out as `array` does, in half of its time. Raises ValueError, OverflowError."""
    try:
        return struct.pack(f"={len(values)}{code}", *values)
    except struct.error as ex:
        raise ValueError(str(ex)) from ex


@dataclass(frozen=True, slots=True)
class Kind:
    """How a type is read: what callers are told it is, one value, and a column of ready values."""

    expected: str
    read: Callable[[Any], Any]
    native: frozenset[type]
    pack: Callable[[Sequence[Any], Mapping[str, int]], Buffer] | None = None


KINDS = {
    Type.F64: Kind("a finite number", read_float, frozenset({float, int}), _floats),
    Type.I64: Kind("an integer of 64 bits", read_int, frozenset({int}), _ints),
    Type.BOOL: Kind("true or false", read_bool, frozenset({bool}), _bools),
    Type.STR: Kind("a text", read_str, frozenset({str})),
    Type.CAT: Kind("one of the levels", read_level, frozenset({str}), _codes),
    Type.DATE: Kind("a date such as 2024-12-31", read_date, frozenset()),
    Type.DATETIME: Kind("a time such as 2024-12-31T23:59:59Z", read_datetime, frozenset()),
}

# (type of the model's feature, type that the config's mapping declares) -> type that is sent; a
# pair that is not here does not fit. A mapping may widen: the model of a column of whole numbers
# is asked with any number if its config says float.
CONVERSIONS: dict[tuple[Type, Type], Type] = {
    (Type.F64, Type.F64): Type.F64,
    (Type.F64, Type.I64): Type.F64,
    (Type.F64, Type.BOOL): Type.F64,
    (Type.I64, Type.I64): Type.I64,
    (Type.I64, Type.F64): Type.F64,
    (Type.I64, Type.BOOL): Type.I64,
    (Type.BOOL, Type.BOOL): Type.BOOL,
    (Type.STR, Type.STR): Type.STR,
    (Type.CAT, Type.CAT): Type.CAT,
    (Type.CAT, Type.STR): Type.CAT,
    (Type.DATE, Type.DATE): Type.DATE,
    (Type.DATE, Type.STR): Type.DATE,
    (Type.DATETIME, Type.DATETIME): Type.DATETIME,
    (Type.DATETIME, Type.STR): Type.DATETIME,
}


def column(
    name: str, type_: Type, items: Sequence[Any], levels: tuple[str, ...], ordered: bool
) -> Column:
    """Build a column of values that were read, None for missing; floats of ints and bools."""
    if type_ is Type.F64:
        items = [None if item is None else float(item) for item in items]
    elif type_ is Type.I64:
        items = [None if item is None else int(item) for item in items]
    return Column.of(name, type_, items, levels, ordered)
