"""Read JSON lists of records straight into tables, if they are as a model wants them.

Most are. What is not, is left to the long way: it bends where a type may, and tells what is wrong.
So this one never has to, and msgspec may read numbers as they are declared: no map is made of a
record, and no type is looked at twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, starmap
from operator import attrgetter
from struct import Struct
from typing import Any

import msgspec

from contracts.table import Matrix, Table, Type
from runner.signature.faults import InvalidInput
from runner.signature.field import CheckedField
from runner.signature.text import has_over

_AT_ONCE = 64 * 1024
"""Bytes of lines whose records are there at a time: they stay in the processor's cache."""

_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidInput)


class RecordReader:
    """Read texts for the fields of one checker, whose ``check`` makes a table of columns.

    Raises ValueError for names that JSON has to escape.
    """

    def __init__(
        self, fields: Sequence[CheckedField], check: Callable[[list[list[Any]]], Table]
    ) -> None:
        self._check = check
        # Attributes have names of their own: a field may be called anything.
        names = [f"f{at}" for at in range(len(fields))]
        members = [
            (name, _declared(field), msgspec.field(name=field.name))
            for name, field in zip(names, fields, strict=True)
        ]
        # PERF: records hold no cycles, and live for a moment only: not for the garbage collector.
        record = msgspec.defstruct("Record", members, gc=False)
        self._decode = msgspec.json.Decoder(list[record]).decode  # type: ignore[valid-type]
        self._columns_of: list[Callable[[Any], Any]] = [attrgetter(name) for name in names]
        self._plain = all(_declared(field) is float for field in fields)
        self._features = tuple(field.feature.name for field in fields)
        self._pack_row = Struct(f"<{len(fields)}d").pack

    def read_lines(self, lines: Sequence[bytes], most: int) -> tuple[Table, list[int]] | None:
        """Read lists of records, one a line, to one table; give the number of rows of each, too.

        None if one is no such list, or not just as declared, or has no rows or over ``most``.
        """
        try:
            if not all(map(bytes.isascii, lines)):
                # msgspec would not see what is no UTF-8 in fields that are not the model's.
                b"\n".join(lines).decode()
            if self._plain:  # such records take a few times their text, whatever it is
                read = self._matrix(lines)
            elif any(has_over(most, line) for line in lines):
                return None  # a value of any type may be a list of lists
            else:
                read = self._columns(lines)
        except _REFUSED:
            return None
        return None if read is None or max(read[1]) > most else read

    def _matrix(self, lines: Sequence[bytes]) -> tuple[Table, list[int]] | None:
        """PERF: no Python for a row, nor for a value. JSON has no NaN, and msgspec no infinity."""
        counts: list[int] = []
        parts = []
        step = max(1, _AT_ONCE * len(lines) // (1 + sum(map(len, lines))))
        for start in range(0, len(lines), step):
            lists = list(map(self._decode, lines[start : start + step]))
            counts += map(len, lists)
            rows = map(msgspec.structs.astuple, chain.from_iterable(lists))
            parts.append(b"".join(starmap(self._pack_row, rows)))
        matrix = Matrix(sum(counts), self._features, b"".join(parts))
        return (matrix, counts) if all(counts) else None

    def _columns(self, lines: Sequence[bytes]) -> tuple[Table, list[int]] | None:
        lists = list(map(self._decode, lines))
        counts = list(map(len, lists))
        if not all(counts):
            return None
        records = list(chain.from_iterable(lists))
        return self._check([list(map(get, records)) for get in self._columns_of]), counts


def _declared(field: CheckedField) -> Any:
    """Give the type of a field's values: float where one is wanted, else whatever JSON has."""
    return float if field.accepts is Type.F64 and not field.nullable else Any
