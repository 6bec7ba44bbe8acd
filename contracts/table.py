"""Hold tables, check them on arrival, join and cut them (SPEC 6).

Two shapes: `Columns`, one typed buffer a column, where missing is not NaN; and `Matrix`, row-major
f64 without missing values, the shape of the hot path: matrices join by joining their bytes.

Everything here is immutable and numpy-free; numpy, R and Julia read the same buffers in place.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts.buffers import Buffer, BufferReader, BufferWriter
from contracts.column import MAX_LEVELS, Column, Field
from contracts.errors import BadTable
from contracts.keys import are_strings
from contracts.values import Type

MAX_COLUMNS = 4096
"""Columns that a table may have (SPEC 6.1)."""


@dataclass(slots=True, unsafe_hash=True)
class Columns:
    """Hold a table of typed columns of equal length, distinct in name. Immutable, as `Column`."""

    rows: Final[int]
    columns: Final[tuple[Column, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple([column.name for column in self.columns])

    @property
    def layout(self) -> tuple[Any, ...]:
        """What must be equal for two tables to join: names, types, levels, in order."""
        return tuple([(c.name, c.type, c.levels, c.ordered) for c in self.columns])

    def slice(self, start: int, stop: int) -> Columns:
        """Give the rows from ``start`` up to ``stop``."""
        return Columns(stop - start, tuple([c.slice(start, stop) for c in self.columns]))

    @staticmethod
    def join(parts: Sequence[Columns]) -> Columns:
        """Put tables of one layout beneath one another."""
        if len(parts) == 1:
            return parts[0]
        stacked = zip(*(part.columns for part in parts), strict=True)
        return Columns(
            sum(part.rows for part in parts), tuple([Column.join(same) for same in stacked])
        )

    @property
    def size(self) -> int:
        """Bytes of all buffers."""
        return sum([column.size for column in self.columns])

    def to_wire(self, writer: BufferWriter) -> dict[str, Any]:
        """Give the map of SPEC 6.1."""
        return {"rows": self.rows, "columns": [c.to_wire(writer) for c in self.columns]}


@dataclass(slots=True, unsafe_hash=True)
class Matrix:
    """Hold a row-major f64 matrix of ``rows * len(names)`` values, none missing; NaN is a value.

    Immutable, as `Column`.
    """

    rows: Final[int]
    names: Final[tuple[str, ...]]
    values: Final[Buffer]

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
        return Matrix(sum([part.rows for part in parts]), parts[0].names, values)

    @property
    def size(self) -> int:
        """Bytes of the buffer."""
        return len(self.values)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The same values as f64 columns: copies, made anew at each call."""
        return tuple(map(self._column, range(len(self.names))))

    def _column(self, at: int) -> Column:
        numbers = memoryview(self.values).cast("d")[at :: len(self.names)]
        return Column(self.names[at], Type.F64, numbers.tobytes())

    def to_wire(self, writer: BufferWriter) -> dict[str, Any]:
        """Give the map of SPEC 6.1."""
        return {"rows": self.rows, "names": self.names, "matrix": writer.place(self.values)}


Table = Columns | Matrix


def join(parts: Sequence[Table]) -> Table:
    """Put tables of one shape and one layout beneath one another."""
    if isinstance(parts[0], Matrix):
        return Matrix.join(parts)  # type: ignore[arg-type]
    return Columns.join(parts)  # type: ignore[arg-type]


def pack_floats(rows: int, names: tuple[str, ...], numbers: Sequence[float]) -> Matrix:
    """Build a matrix from row-major numbers; the front-end's way to one row of a request."""
    return Matrix(rows, names, struct.pack(f"<{len(numbers)}d", *numbers))


def table_from_wire(wire: Any, reader: BufferReader) -> Table:
    """Read either map of SPEC 6.1 and check it in full. Raises BadTable."""
    if type(wire) is not dict:
        raise BadTable(f"table: a {type(wire).__name__}, expected a map")
    rows = wire.get("rows")
    if type(rows) is not int or rows < 0:
        raise BadTable(f"table rows {repr(rows)[:100]} is no count")
    if "matrix" in wire:
        names = wire.get("names")
        if type(names) is not list or not are_strings(names):
            raise BadTable("table names must be a list of strings")
        _check_names(rows, names)
        values = wire["matrix"]
        if type(values) is not bytes:
            values = reader.read(values, "matrix")
        if len(values) != 8 * rows * len(names):
            raise BadTable(f"matrix: {len(values)} bytes, expected {8 * rows * len(names)}")
        return Matrix(rows, tuple(names), values)
    columns = wire.get("columns")
    if type(columns) is not list:
        raise BadTable("table has neither columns nor matrix")
    if len(columns) > MAX_COLUMNS:
        raise BadTable(f"table has {len(columns)} columns, at most {MAX_COLUMNS}")
    read = [Column.from_wire(column, rows, reader) for column in columns]
    _check_names(rows, [column.name for column in read])
    return Columns(rows, tuple(read))


def _check_names(rows: int, names: list[str]) -> None:
    if len(names) > MAX_COLUMNS:
        raise BadTable(f"table has {len(names)} columns, at most {MAX_COLUMNS}")
    if len(set(names)) != len(names):
        raise BadTable("two columns of a table have the same name")
    if rows and not names:  # or a few bytes could claim any number of rows
        raise BadTable(f"table has {rows} rows and no columns, expected 0 rows")


def digest(parts: Iterable[Table | Column | None]) -> str:
    """Give the sha256 (hex) of names, types and buffers: the data hash of a version (SPEC 6.8)."""
    sha = hashlib.sha256()
    for part in parts:
        for column in _columns(part):
            present, offsets = column.present or b"", column.offsets or b""
            levels = "\0".join(column.levels).encode()
            head = f"{column.name}\0{column.type}\0{column.rows}\0{len(levels)}\0{len(present)}\0"
            sha.update(head.encode() + levels)
            for buffer in (present, offsets, column.values):
                sha.update(buffer)
    return sha.hexdigest()


def _columns(part: Table | Column | None) -> Iterable[Column]:
    if part is None:
        return ()
    if isinstance(part, Column):
        return (part,)
    if isinstance(part, Matrix):
        return map(part._column, range(len(part.names)))  # one at a time: each is a copy
    return part.columns


__all__ = [
    "MAX_COLUMNS", "MAX_LEVELS", "Column", "Columns", "Field", "Matrix", "Table", "Type",
    "digest", "join", "pack_floats", "table_from_wire",
]  # fmt: skip
