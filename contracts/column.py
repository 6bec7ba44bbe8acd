"""Hold a column as one declared type over plain buffers, and check it on arrival (SPEC 6).

Buffers stay as they came, in a frame or in a mapped file: numpy, R and Julia read them in place.
Where a declared type and Python values meet is `contracts.values`.
"""

from __future__ import annotations

import operator
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from typing import Any, Final

from contracts.buffers import Buffer, BufferReader, BufferWriter
from contracts.errors import BadTable
from contracts.keys import are_strings
from contracts.values import LAYOUT, Type, pack_values, unpack_values

if sys.byteorder != "little":  # SPEC 6.2: buffers are little-endian, and they are used in place
    raise ImportError("the contract's tables need a little-endian machine")

MAX_LEVELS = 32_768
"""Levels that a cat column may have (SPEC 6.5)."""

_TYPES: dict[Any, Type] = {type_.value: type_ for type_ in Type}


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
            wire["levels"] = list(self.levels)
            wire["ordered"] = self.ordered
        wire["missing"] = self.missing
        return wire

    @classmethod
    def from_wire(cls, wire: Any) -> Field:
        """Read the map of SPEC 6.7. Raises BadTable."""
        name, type_ = _name_and_type(wire)
        missing = wire.get("missing")
        if type(missing) is not bool:
            raise BadTable(f"column {name!r}: missing must be a bool")
        if type_ is not Type.CAT:
            return cls(name, type_, missing=missing)
        return cls(name, type_, _levels(wire, name), _ordered(wire, name), missing)


@dataclass(slots=True, unsafe_hash=True)
class Column:
    """Hold one typed column.

    ``values``: the buffer of SPEC 6.3 (for str: the UTF-8 bytes of all values, one after another).
    ``offsets``: str only, ``rows + 1`` u32 that cut ``values``.
    ``present``: one byte a row, 1 or 0, or None if nothing is missing. Never for cat, whose code -1
    is missing. A missing row's value is meaningless.

    PERF: immutable to the type checker; frozen at run time, making one would cost three times more.
    """

    name: Final[str]
    type: Final[Type]
    values: Final[Buffer]
    levels: Final[tuple[str, ...]] = ()
    ordered: Final[bool] = False
    present: Final[Buffer | None] = None
    offsets: Final[Buffer | None] = None

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
        values, offsets = pack_values(name, type, items, levels)
        return cls(name, type, values, tuple(levels), ordered, present, offsets)

    @property
    def rows(self) -> int:
        """Number of values, missing ones included."""
        if self.offsets is not None:
            return len(self.offsets) // 4 - 1
        return len(self.values) // LAYOUT[self.type][0]

    @property
    def field(self) -> Field:
        """Describe this column; ``missing`` tells whether a value is missing here."""
        if self.type is Type.CAT:
            missing = min(memoryview(self.values).cast("i"), default=0) < 0
        else:
            missing = self.present is not None and 0 in bytes(self.present)
        return Field(self.name, self.type, self.levels, self.ordered, missing)

    def tolist(self) -> list[Any]:
        """Give Python values, None for missing; the reverse of `of`. Times come back without zone.

        Raises BadTable for str that is no UTF-8 and for times outside the years 1 to 9999.
        """
        return unpack_values(
            self.name,
            self.type,
            self.values,
            levels=self.levels,
            present=None if self.present is None else bytes(self.present),
            offsets=self.offsets,
        )

    def slice(self, start: int, stop: int) -> Column:
        """Give the rows from ``start`` up to ``stop``."""
        present = None if self.present is None else self.present[start:stop]
        if self.offsets is None:
            size = LAYOUT[self.type][0]
            values = self.values[start * size : stop * size]
            return Column(self.name, self.type, values, self.levels, self.ordered, present)
        ends = memoryview(self.offsets).cast("I")[start : stop + 1].tolist()
        values = self.values[ends[0] : ends[-1]]
        cut = array("I", [end - ends[0] for end in ends]).tobytes()
        return Column(self.name, self.type, values, present=present, offsets=cut)

    @classmethod
    def join(cls, parts: Sequence[Column]) -> Column:
        """Put columns of one field beneath one another (`Columns.layout` must be equal)."""
        first = parts[0]
        if len(parts) == 1:
            return first
        values = b"".join([part.values for part in parts])
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
            numbers = memoryview(part.offsets or b"").cast("I").tolist()
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
            wire["levels"] = self.levels
            wire["ordered"] = self.ordered
        if self.present is not None:
            wire["present"] = writer.place(self.present)
        if self.offsets is not None:
            wire["offsets"] = writer.place(self.offsets)
        return wire

    @classmethod
    def from_wire(cls, wire: Any, rows: int, reader: BufferReader) -> Column:
        """Read the map of SPEC 6.4 and check it against itself and ``rows``. Raises BadTable."""
        name, type_ = _name_and_type(wire)
        values = wire.get("values")
        if type(values) is not bytes:
            values = reader.read(values, f"column {name!r} values")
        if type_ is Type.CAT:
            if wire.get("present") is not None:
                raise BadTable(f"column {name!r}: cat tells missing by code -1, not by present")
            _check_length(values, 4 * rows, name, "values")
            levels = _levels(wire, name)
            codes = set(memoryview(values).cast("i"))  # PERF: one pass over the rows, not two
            if codes and not -1 <= min(codes) <= max(codes) < len(levels):
                raise BadTable(f"column {name!r}: a code is not within -1 to {len(levels) - 1}")
            return cls(name, type_, values, levels, _ordered(wire, name))
        offsets = present = None
        if type_ is Type.STR:
            offsets = reader.read(wire.get("offsets"), f"column {name!r} offsets")
            _check_length(offsets, 4 * (rows + 1), name, "offsets")
            _check_text(values, offsets, name)
        else:
            _check_length(values, LAYOUT[type_][0] * rows, name, "values")
        if wire.get("present") is not None:
            present = reader.read(wire["present"], f"column {name!r} present")
            _check_length(present, rows, name, "present")
            _check_flags(present, name, "present")
        if type_ is Type.BOOL:
            _check_flags(values, name, "values", present)
        return cls(name, type_, values, (), False, present, offsets)


def _name_and_type(wire: Any) -> tuple[str, Type]:
    if type(wire) is not dict:
        raise BadTable(f"column: a {type(wire).__name__}, expected a map")
    name, given = wire.get("name"), wire.get("type")
    if type(name) is not str:
        raise BadTable(f"column name {repr(name)[:100]} is no string")
    type_ = _TYPES.get(given) if type(given) is str else None
    if type_ is None:
        known = ", ".join(_TYPES)
        raise BadTable(f"column {name!r}: type {repr(given)[:100]} is none of {known}")
    return name, type_


def _levels(wire: Mapping[str, Any], name: str) -> tuple[str, ...]:
    levels = wire.get("levels")
    if type(levels) is not list or not are_strings(levels):
        raise BadTable(f"column {name!r}: levels must be a list of strings")
    if len(levels) > MAX_LEVELS:
        raise BadTable(f"column {name!r}: {len(levels)} levels, at most {MAX_LEVELS}; use str")
    if len(set(levels)) != len(levels):
        raise BadTable(f"column {name!r}: a level is repeated")
    return tuple(levels)


def _ordered(wire: Mapping[str, Any], name: str) -> bool:
    ordered = wire.get("ordered")
    if ordered is None:
        return False
    if type(ordered) is not bool:
        raise BadTable(f"column {name!r}: ordered must be a bool")
    return ordered


def _check_length(buffer: Buffer, expected: int, name: str, what: str) -> None:
    if len(buffer) != expected:
        raise BadTable(f"column {name!r} {what}: {len(buffer)} bytes, expected {expected}")


def _check_flags(buffer: Buffer, name: str, what: str, present: Buffer | None = None) -> None:
    """Check that all bytes are 0 or 1, but for those that are not present (SPEC 6.4)."""
    if not bytes(buffer).translate(None, b"\x00\x01"):
        return
    if present is None or any(byte > 1 for byte in compress(buffer, present)):
        raise BadTable(f"column {name!r} {what}: a byte is neither 0 nor 1")


def _check_text(values: Buffer, offsets: Buffer, name: str) -> None:
    """Check that offsets cut UTF-8 at the edges of its characters, in order, from end to end."""
    ends = memoryview(offsets).cast("I")
    if ends[0] != 0 or ends[-1] != len(values):
        raise BadTable(f"column {name!r}: offsets must go from 0 to {len(values)}")
    if not all(map(operator.le, ends, islice(ends, 1, None))):
        raise BadTable(f"column {name!r}: offsets must not decrease")
    text = bytes(values)
    if text.isascii():
        return
    try:
        text.decode()
    except UnicodeDecodeError as ex:
        raise BadTable(f"column {name!r}: values are no UTF-8: {ex.reason}") from ex
    text += b"\0"  # the last offset lies behind the last character
    if any(text[end] & 0xC0 == 0x80 for end in ends):
        raise BadTable(f"column {name!r}: an offset lies within a UTF-8 character")
