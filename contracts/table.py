"""Hold tables as declared types over plain buffers, and check them on arrival (SPEC 6).

Two shapes: `Columns`, one typed buffer a column, where missing is not NaN; and `Matrix`, row-major
f64 without missing values, the shape of the hot path: matrices join by joining their bytes.

Everything here is immutable and numpy-free; numpy, R and Julia read the same buffers in place.
"""

from __future__ import annotations

import hashlib
import math
import operator
import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from contracts.errors import BadTable
from contracts.wire import Buffer, BufferReader, BufferWriter

if sys.byteorder != "little":  # SPEC 6.2: buffers are little-endian, and they are used in place
    raise ImportError("the contract's tables need a little-endian machine")

MAX_COLUMNS = 4096
"""Columns that a table may have (SPEC 6.1)."""

MAX_LEVELS = 32_768
"""Levels that a cat column may have (SPEC 6.5)."""


class Type(StrEnum):
    """The declared types (SPEC 6.3)."""

    F64 = "f64"
    I64 = "i64"
    BOOL = "bool"
    STR = "str"
    CAT = "cat"
    DATE = "date"
    DATETIME = "datetime"


# Type -> (bytes of one value, code for array/memoryview). str has offsets instead (SPEC 6.4).
_LAYOUT = {
    Type.F64: (8, "d"),
    Type.I64: (8, "q"),
    Type.BOOL: (1, "B"),
    Type.CAT: (4, "i"),
    Type.DATE: (4, "i"),
    Type.DATETIME: (8, "q"),
}
_EPOCH = date(1970, 1, 1)
_EPOCH_TIME = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Field:
    """Describe one column without its values: name, type, levels, whether missing may occur."""

    name: str
    type: Type
    levels: tuple[str, ...] = ()
    ordered: bool = False
    missing: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Give the map of SPEC 6.7."""
        wire: dict[str, Any] = {"name": self.name, "type": self.type.value}
        if self.type is Type.CAT:
            wire |= {"levels": list(self.levels), "ordered": self.ordered}
        wire["missing"] = self.missing
        return wire

    @classmethod
    def from_wire(cls, wire: Any) -> Field:
        """Read the map of SPEC 6.7. Raises BadTable."""
        name, type_ = _name_and_type(wire)
        levels = _levels(wire, name) if type_ is Type.CAT else ()
        return cls(
            name,
            type_,
            levels,
            ordered=_flag(wire, "ordered", name),
            missing=_flag(wire, "missing", name),
        )


@dataclass(frozen=True, slots=True)
class Column:
    """Hold one typed column.

    ``values``: the buffer of SPEC 6.3 (for str: the UTF-8 bytes of all values, one after another).
    ``offsets``: str only, ``rows + 1`` u32 that cut ``values``.
    ``present``: one byte a row, 1 or 0, or None if nothing is missing. Never for cat, whose code -1
    is missing. A missing row's value is meaningless.
    """

    name: str
    type: Type
    values: Buffer
    levels: tuple[str, ...] = ()
    ordered: bool = False
    present: Buffer | None = None
    offsets: Buffer | None = None

    @classmethod
    def of(
        cls,
        name: str,
        type: Type,
        items: Sequence[Any],
        levels: Sequence[str] = (),
        ordered: bool = False,
    ) -> Column:
        """Build a column from Python values, None for missing.

        Takes float, int, bool, str, str out of ``levels``, date, datetime (UTC if it has no zone)
        according to ``type``. Raises BadTable naming the first value that does not fit.
        """
        present: bytes | None = None
        if type is not Type.CAT and None in items:
            present = bytes(item is not None for item in items)
        index = {level: code for code, level in enumerate(levels)}
        row = -1
        try:
            if type is Type.STR:
                cells = [b"" if item is None else item.encode() for item in items]
                ends = array("I", [0])
                total = 0
                for cell in cells:
                    total += len(cell)
                    ends.append(total)
                return cls(name, type, b"".join(cells), present=present, offsets=ends.tobytes())
            encode = _ENCODERS[type]
            packed: array[Any] = array(_LAYOUT[type][1])
            for row, item in enumerate(items):  # noqa: B007 - the row is for the message below
                packed.append(encode(item, index))
        except (TypeError, ValueError, OverflowError, AttributeError, KeyError) as ex:
            bad = items[row] if row >= 0 else None
            raise BadTable(f"column {name!r}: {bad!r} in row {row} is no {type.value}") from ex
        return cls(name, type, packed.tobytes(), tuple(levels), ordered, present)

    @property
    def rows(self) -> int:
        """Number of values, missing ones included."""
        if self.offsets is not None:
            return len(self.offsets) // 4 - 1
        return len(self.values) // _LAYOUT[self.type][0]

    @property
    def field(self) -> Field:
        """Describe this column; ``missing`` tells whether a value is missing here."""
        if self.type is Type.CAT:
            missing = self.rows > 0 and min(self._numbers()) < 0
        else:
            missing = self.present is not None and 0 in bytes(self.present)
        return Field(self.name, self.type, self.levels, self.ordered, missing)

    def tolist(self) -> list[Any]:
        """Give Python values, None for missing; the reverse of `of`. Times come back without zone.

        Raises BadTable for str that is no UTF-8 and for times outside the years 1 to 9999.
        """
        decoded: list[Any]
        if self.type is Type.CAT:
            levels = self.levels
            return [None if code < 0 else levels[code] for code in self._numbers()]
        try:
            if self.type is Type.STR:
                ends = memoryview(self.offsets or b"").cast("I")
                raw = bytes(self.values)
                decoded = [
                    raw[start:end].decode()
                    for start, end in zip(ends, islice(ends, 1, None), strict=False)
                ]
            else:
                decode = _DECODERS.get(self.type)
                numbers = self._numbers()
                if self.present is not None:
                    numbers = [
                        number if here else 0
                        for number, here in zip(numbers, bytes(self.present), strict=True)
                    ]
                decoded = [decode(number) for number in numbers] if decode else list(numbers)
        except (OverflowError, UnicodeDecodeError) as ex:
            raise BadTable(f"column {self.name!r}: {ex}") from ex
        if self.present is not None:
            return [
                item if here else None
                for item, here in zip(decoded, bytes(self.present), strict=True)
            ]
        return decoded

    def _numbers(self) -> Sequence[Any]:
        return array(_LAYOUT[self.type][1], bytes(self.values))

    def slice(self, start: int, stop: int) -> Column:
        """Give the rows from ``start`` up to ``stop``."""
        present = None if self.present is None else self.present[start:stop]
        if self.offsets is None:
            size = _LAYOUT[self.type][0]
            values = self.values[start * size : stop * size]
            return Column(self.name, self.type, values, self.levels, self.ordered, present)
        ends = memoryview(self.offsets).cast("B").cast("I")[start : stop + 1].tolist()
        values = self.values[ends[0] : ends[-1]]
        cut = array("I", [end - ends[0] for end in ends]).tobytes()
        return Column(self.name, self.type, values, present=present, offsets=cut)

    @classmethod
    def join(cls, parts: Sequence[Column]) -> Column:
        """Put columns of one field beneath one another (`Columns.layout` must be equal)."""
        first = parts[0]
        if len(parts) == 1:
            return first
        values = b"".join(part.values for part in parts)
        present = None
        if any(part.present is not None for part in parts):
            present = b"".join(
                b"\x01" * part.rows if part.present is None else part.present for part in parts
            )
        if first.offsets is None:
            return cls(first.name, first.type, values, first.levels, first.ordered, present)
        ends = array("I", [0])
        base = 0
        for part in parts:
            numbers = memoryview(part.offsets or b"").cast("B").cast("I").tolist()
            ends.extend([base + end for end in numbers[1:]])
            base += numbers[-1]
        return cls(first.name, first.type, values, present=present, offsets=ends.tobytes())

    @property
    def size(self) -> int:
        """Bytes of all buffers."""
        return len(self.values) + len(self.present or b"") + len(self.offsets or b"")

    def to_wire(self, writer: BufferWriter) -> dict[str, Any]:
        """Give the map of SPEC 6.4, its buffers placed by ``writer``."""
        wire: dict[str, Any] = {
            "name": self.name,
            "type": self.type.value,
            "values": writer.place(self.values),
        }
        if self.type is Type.CAT:
            wire |= {"levels": list(self.levels), "ordered": self.ordered}
        if self.present is not None:
            wire["present"] = writer.place(self.present)
        if self.offsets is not None:
            wire["offsets"] = writer.place(self.offsets)
        return wire

    @classmethod
    def from_wire(cls, wire: Any, rows: int, reader: BufferReader) -> Column:
        """Read the map of SPEC 6.4 and check it against itself and ``rows``. Raises BadTable."""
        name, type_ = _name_and_type(wire)
        what = f"column {name!r}"
        values = reader.read(wire.get("values"), f"{what} values")
        present = offsets = None
        levels: tuple[str, ...] = ()
        if type_ is Type.STR:
            offsets = reader.read(wire.get("offsets"), f"{what} offsets")
            _check_length(offsets, 4 * (rows + 1), f"{what} offsets")
            _check_offsets(offsets, len(values), what)
            try:
                str(values, "utf-8")
            except UnicodeDecodeError as ex:
                raise BadTable(f"{what}: values are no UTF-8: {ex.reason}") from ex
        else:
            _check_length(values, _LAYOUT[type_][0] * rows, f"{what} values")
        if type_ is Type.CAT:
            levels = _levels(wire, name)
            codes = memoryview(values).cast("B").cast("i")
            if rows and (min(codes) < -1 or max(codes) >= len(levels)):
                raise BadTable(f"{what}: a code is outside -1 to {len(levels) - 1}")
            if wire.get("present") is not None:
                raise BadTable(f"{what}: cat tells missing by code -1, not by present")
        elif wire.get("present") is not None:
            present = reader.read(wire["present"], f"{what} present")
            _check_length(present, rows, f"{what} present")
            _check_bytes(present, f"{what} present")
        if type_ is Type.BOOL:
            _check_bytes(values, f"{what} values")
        ordered = _flag(wire, "ordered", name)
        return cls(name, type_, values, levels, ordered, present, offsets)


@dataclass(frozen=True, slots=True)
class Columns:
    """Hold a table of typed columns of equal length, distinct in name."""

    rows: int
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def layout(self) -> tuple[Any, ...]:
        """What must be equal for two tables to join: names, types, levels, in order."""
        return tuple((c.name, c.type, c.levels, c.ordered) for c in self.columns)

    def slice(self, start: int, stop: int) -> Columns:
        """Give the rows from ``start`` up to ``stop``."""
        return Columns(stop - start, tuple(c.slice(start, stop) for c in self.columns))

    @staticmethod
    def join(parts: Sequence[Columns]) -> Columns:
        """Put tables of one layout beneath one another."""
        if len(parts) == 1:
            return parts[0]
        stacked = zip(*(part.columns for part in parts), strict=True)
        return Columns(
            sum(part.rows for part in parts), tuple(Column.join(same) for same in stacked)
        )

    @property
    def size(self) -> int:
        """Bytes of all buffers."""
        return sum(column.size for column in self.columns)

    def to_wire(self, writer: BufferWriter) -> dict[str, Any]:
        """Give the map of SPEC 6.1."""
        return {"rows": self.rows, "columns": [c.to_wire(writer) for c in self.columns]}


@dataclass(frozen=True, slots=True)
class Matrix:
    """Hold a row-major f64 matrix of ``rows * len(names)`` values, none missing; NaN is a value."""

    rows: int
    names: tuple[str, ...]
    values: Buffer

    @property
    def layout(self) -> tuple[Any, ...]:
        """What must be equal for two matrices to join: the names, in order."""
        return self.names

    def slice(self, start: int, stop: int) -> Matrix:
        """Give the rows from ``start`` up to ``stop``."""
        width = 8 * len(self.names)
        return Matrix(stop - start, self.names, self.values[start * width : stop * width])

    @staticmethod
    def join(parts: Sequence[Matrix]) -> Matrix:
        """Put matrices of the same names beneath one another."""
        if len(parts) == 1:
            return parts[0]
        values = b"".join([part.values for part in parts])
        return Matrix(sum(part.rows for part in parts), parts[0].names, values)

    @property
    def size(self) -> int:
        """Bytes of the buffer."""
        return len(self.values)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The same values as f64 columns."""
        width = len(self.names)
        numbers = array("d", bytes(self.values))
        return tuple(
            Column(name, Type.F64, numbers[at::width].tobytes())
            for at, name in enumerate(self.names)
        )

    def to_wire(self, writer: BufferWriter) -> dict[str, Any]:
        """Give the map of SPEC 6.1."""
        return {
            "rows": self.rows,
            "names": list(self.names),
            "matrix": writer.place(self.values),
        }


Table = Columns | Matrix


def join(parts: Sequence[Table]) -> Table:
    """Put tables of one shape and one layout beneath one another."""
    if isinstance(parts[0], Matrix):
        return Matrix.join(parts)  # type: ignore[arg-type]
    return Columns.join(parts)  # type: ignore[arg-type]


def table_from_wire(wire: Any, reader: BufferReader) -> Table:
    """Read either map of SPEC 6.1 and check it in full. Raises BadTable."""
    if type(wire) is not dict:
        raise BadTable(f"table: a {type(wire).__name__}, expected a map")
    rows = wire.get("rows")
    if type(rows) is not int or rows < 0:
        raise BadTable(f"table rows {rows!r} is no count")
    if "matrix" in wire:
        names = tuple(_distinct(wire.get("names")))
        values = reader.read(wire["matrix"], "matrix")
        _check_length(values, 8 * rows * len(names), "matrix")
        return Matrix(rows, names, values)
    columns = wire.get("columns")
    if type(columns) is not list:
        raise BadTable("table has neither columns nor matrix")
    if len(columns) > MAX_COLUMNS:
        raise BadTable(f"table has {len(columns)} columns, at most {MAX_COLUMNS}")
    read = tuple(Column.from_wire(column, rows, reader) for column in columns)
    _distinct([column.name for column in read])
    return Columns(rows, read)


def digest(parts: Iterable[Table | Column | None]) -> str:
    """Give the sha256 (hex) of names, types and buffers: the data hash of a version (SPEC 5.4)."""
    sha = hashlib.sha256()
    for part in parts:
        if part is None:
            continue
        columns = (part,) if isinstance(part, Column) else part.columns
        for column in columns:
            present, offsets = column.present or b"", column.offsets or b""
            levels = "\0".join(column.levels).encode()
            head = f"{column.name}\0{column.type}\0{column.rows}\0{len(levels)}\0{len(present)}\0"
            sha.update(head.encode() + levels)
            for buffer in (present, offsets, column.values):
                sha.update(buffer)
    return sha.hexdigest()


def _name_and_type(wire: Any) -> tuple[str, Type]:
    if type(wire) is not dict:
        raise BadTable(f"column: a {type(wire).__name__}, expected a map")
    name = wire.get("name")
    if type(name) is not str:
        raise BadTable(f"column name {name!r} is no string")
    try:
        return name, Type(str(wire.get("type")))
    except ValueError:
        known = ", ".join(Type)
        raise BadTable(f"column {name!r}: type {wire.get('type')!r} is none of {known}") from None


def _levels(wire: Mapping[str, Any], name: str) -> tuple[str, ...]:
    levels = wire.get("levels")
    if type(levels) is not list or not all(type(level) is str for level in levels):
        raise BadTable(f"column {name!r}: levels must be a list of strings")
    if len(levels) > MAX_LEVELS:
        raise BadTable(f"column {name!r}: {len(levels)} levels, at most {MAX_LEVELS}; use str")
    if len(set(levels)) != len(levels):
        raise BadTable(f"column {name!r}: a level is repeated")
    return tuple(levels)


def _flag(wire: Mapping[str, Any], key: str, name: str) -> bool:
    flag = wire.get(key, False)
    if type(flag) is not bool:
        raise BadTable(f"column {name!r}: {key} must be a bool")
    return flag


def _distinct(names: Any) -> list[str]:
    if type(names) is not list or not all(type(name) is str for name in names):
        raise BadTable("table names must be a list of strings")
    if len(names) > MAX_COLUMNS:
        raise BadTable(f"table has {len(names)} columns, at most {MAX_COLUMNS}")
    if len(set(names)) != len(names):
        raise BadTable("two columns of a table have the same name")
    return names


def _check_length(buffer: Buffer, expected: int, what: str) -> None:
    if len(buffer) != expected:
        raise BadTable(f"{what}: {len(buffer)} bytes, expected {expected}")


def _check_bytes(buffer: Buffer, what: str) -> None:
    if len(bytes(buffer).translate(None, b"\x00\x01")):
        raise BadTable(f"{what}: a byte is neither 0 nor 1")


def _check_offsets(offsets: Buffer, end: int, what: str) -> None:
    numbers = memoryview(offsets).cast("B").cast("I").tolist()
    if numbers[0] != 0 or numbers[-1] != end:
        raise BadTable(f"{what}: offsets must go from 0 to {end}")
    if not all(map(operator.le, numbers, islice(numbers, 1, None))):
        raise BadTable(f"{what}: offsets must not decrease")


def _encode_f64(item: Any, _: Mapping[str, int]) -> float:
    return math.nan if item is None else _exactly(item, float, int)


def _encode_i64(item: Any, _: Mapping[str, int]) -> int:
    return 0 if item is None else int(_exactly(item, int))


def _encode_bool(item: Any, _: Mapping[str, int]) -> int:
    return 0 if item is None else int(_exactly(item, bool))


def _encode_cat(item: Any, index: Mapping[str, int]) -> int:
    return -1 if item is None else index[item]


def _encode_date(item: Any, _: Mapping[str, int]) -> int:
    return 0 if item is None else (_exactly(item, date) - _EPOCH).days


def _encode_datetime(item: Any, _: Mapping[str, int]) -> int:
    if item is None:
        return 0
    if _exactly(item, datetime).tzinfo is not None:
        item = item.astimezone(UTC).replace(tzinfo=None)
    return int((item - _EPOCH_TIME) // _MICROSECOND)


def _exactly(item: Any, *types: type) -> Any:
    if type(item) not in types:
        raise TypeError(type(item).__name__)
    return item


_ENCODERS: dict[Type, Callable[[Any, Mapping[str, int]], Any]] = {
    Type.F64: _encode_f64,
    Type.I64: _encode_i64,
    Type.BOOL: _encode_bool,
    Type.CAT: _encode_cat,
    Type.DATE: _encode_date,
    Type.DATETIME: _encode_datetime,
}
_DECODERS: dict[Type, Callable[[int], Any]] = {
    Type.BOOL: bool,
    Type.DATE: lambda days: _EPOCH + timedelta(days=days),
    Type.DATETIME: lambda micros: _EPOCH_TIME + timedelta(microseconds=micros),
}


def pack_floats(rows: int, names: tuple[str, ...], numbers: Sequence[float]) -> Matrix:
    """Build a matrix from row-major numbers; the front-end's way to one row of a request."""
    return Matrix(rows, names, struct.pack(f"<{len(numbers)}d", *numbers))
