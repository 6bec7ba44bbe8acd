"""Turn what callers send into tables that a model can take, or say all that is wrong with it."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import itemgetter
from typing import Any

from contracts.table import Column, Columns, Matrix, Table, Type
from runner.signature.columns import ColumnReader
from runner.signature.faults import MOST_FAULTS, InputFault, InvalidInput
from runner.signature.field import ABSENT, CheckedField
from runner.signature.matching import MappedField, match
from runner.signature.nearest import nearest
from runner.signature.raw import Raw
from runner.signature.reading import KINDS, pack
from runner.signature.records import RecordReader
from runner.signature.shapes import check_array, check_columns, check_names, cut, flatten
from runner.signature.signature import Signature

_NUMBERS = frozenset({float, int})


class Checker:
    """Check requests against one version's signature, as seen through a config's mapping.

    The mapping gives names, types and order to the outside. Where it names the model's features
    they are matched by name; otherwise they must be as many, and are matched by position. A field
    may be missing (null; as a text: empty, or the ``NA`` that R writes) if the data of the fit had
    missing values there, or the mapping says nullable; it must be given all the same, since a
    misspelt name would be silence. Fields that are not the model's are ignored.

    Tables are a `Matrix` if all features are f64 and none is missing, else `Columns`.

    Raises IncompatibleMapping, with everything that is wrong with it.
    """

    def __init__(self, signature: Signature, mapping: Sequence[MappedField] | None = None) -> None:
        self._fields = (
            [CheckedField(feature, None) for feature in signature.features]
            if mapping is None
            else [CheckedField(feature, mapped) for feature, mapped in match(signature, mapping)]
        )
        self.names = tuple(field.name for field in self._fields)
        """Names of the fields on the outside, in order."""
        self._known = frozenset(self.names)
        self._features = tuple(field.feature.name for field in self._fields)
        self._columns_of = [itemgetter(name) for name in self.names]
        self._all_floats = all(field.type is Type.F64 for field in self._fields)
        # PERF: one row of plain numbers, the hot path, is read by two calls into C.
        self._plain = self._all_floats and all(field.accepts is Type.F64 for field in self._fields)
        self._row_of: Callable[[Any], Any] | None = (
            itemgetter(*self.names) if self._plain and len(self.names) > 1 else None
        )
        self._pack_row = struct.Struct(f"<{len(self.names)}d").pack
        # What reads JSON at once, by the first byte.
        self._readers: dict[bytes, RecordReader | ColumnReader] = {}
        with suppress(ValueError):  # of names that JSON has to escape
            self._readers[b"["] = RecordReader(
                self._fields, lambda lists: self._table(lists, 0, ())
            )
        if self._plain and self.names:
            self._readers[b"{"] = ColumnReader(self.names, self._features)

    def at_once(self, texts: Sequence[bytes], most: int) -> tuple[Table, list[int]] | None:
        """Read JSON texts, all of them records or all columns, that are just as declared.

        Give the table of all, and how many rows each has. None for what the long way has to look
        at: it is wrong, or bends, or a text has over ``most`` rows.
        """
        heads = {text[:1] for text in texts}
        reader = self._readers.get(heads.pop()) if len(heads) == 1 else None
        return None if reader is None else reader.read_lines(texts, most)

    def row(self, params: Mapping[str, Any]) -> Table:
        """Check one row of texts, as in a query string. Raises InvalidInput."""
        if self._row_of is not None:
            try:
                texts = self._row_of(params)
                numbers = list(map(float, texts))
                together = "".join(texts)
                if math.isfinite(sum(numbers)) and "_" not in together and together.isascii():
                    return Matrix(1, self._features, self._pack_row(*numbers))
            except (KeyError, ValueError, TypeError):
                pass  # the long way finds all faults
        return self._table(
            [[field.blank(params.get(field.name, ABSENT))] for field in self._fields],
            None,
            (params,),
        )

    def rows(self, objects: Sequence[Any], *, numbered: bool = True) -> Table:
        """Check rows of JSON values, each a map by field name. Raises InvalidInput.

        ``numbered``: whether faults tell the row, which one object alone does not need.
        """
        try:
            lists = [list(map(get, objects)) for get in self._columns_of]
        except (KeyError, TypeError, IndexError):
            _refuse_other_than_maps(objects, numbered)
            lists = [[row.get(name, ABSENT) for row in objects] for name in self.names]
        return self._table(lists, 0 if numbered else None, objects)

    def lines(self, header: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
        """Check rows of texts beneath a header, as in CSV. Raises InvalidInput."""
        self._refuse_lack(header)
        position = {name: at for at, name in enumerate(header)}
        cuts = [(field, position[field.name]) for field in self._fields]
        columns = [[field.blank(line[at]) for line in lines] for field, at in cuts]
        return self._table(columns, 0, (header,))

    def columns(self, columns: Mapping[str, Any], no_bools: bool = False) -> Table:
        """Check columns by field name: lists of JSON values, or arrays (`Raw`).

        ``no_bools``: that no list has true or false is known. Raises InvalidInput, for columns that
        differ in length too.
        """
        self._refuse_lack(columns)
        given = {name: columns[name] for name in self.names}
        check_columns(given)
        return self._table(list(given.values()), 0, (columns,), no_bools)

    def split(self, names: Sequence[Any], data: Sequence[Any] | Raw) -> Table:
        """Check rows of values in the order of ``names``: lists, or one array (`Raw`).

        Raises InvalidInput, for rows of another length too.
        """
        check_names(names)
        in_place = self._plain and tuple(names) == self.names
        if isinstance(data, Raw):
            check_array(names, data)
            if in_place and data.type is Type.F64 and data.sound:
                return Matrix(len(data), self._features, data.data)
            self._refuse_lack(names)
            return self.columns(cut(names, data))
        flat = flatten(names, data)
        if in_place and _NUMBERS.issuperset(map(type, flat)):
            with suppress(OverflowError):  # an int that is no float: which, the long way tells
                if math.isfinite(sum(flat)):
                    return Matrix(len(data), self._features, pack("d", flat))
        return self.columns({name: flat[at :: len(names)] for at, name in enumerate(names)})

    def _refuse_lack(self, names: Collection[str]) -> None:
        """Refuse what has not all fields among its names. Raises InvalidInput."""
        known = frozenset(names)
        lacking = [field for field in self._fields if field.name not in known]
        if lacking:
            faults = [field.fault(None, ABSENT) for field in lacking[:MOST_FAULTS]]
            raise InvalidInput(self._with_meant(faults, (names,)))

    def _table(
        self,
        lists: Sequence[list[Any] | Raw],
        first_row: int | None,
        given: Sequence[Iterable[Any]],
        no_bools: bool = False,
    ) -> Table:
        """Build the table; ``given`` has the names that each row was given under."""
        faults: list[InputFault] = []
        columns = []
        for field, values in zip(self._fields, lists, strict=True):
            columns.append(field.column(values, first_row, faults, no_bools))
            if len(faults) >= MOST_FAULTS:
                break
        if faults:
            raise InvalidInput(self._with_meant(faults, given))
        rows = len(lists[0]) if lists else 0
        if (
            self._all_floats
            and not any(column.present for column in columns)
            # PERF: large columns go as they are; whoever wants rows lays them out, with numpy.
            and not any(type(values) is Raw for values in lists)
        ):
            return _matrix(rows, self._features, columns)
        return Columns(rows, tuple(columns))

    def _with_meant(
        self, faults: Sequence[InputFault], given: Sequence[Iterable[Any]]
    ) -> list[InputFault]:
        """Add to absent fields the unknown name that they may have been given under."""
        return [
            replace(fault, meant=nearest(fault.field, self._strangers(given[fault.row or 0])))
            if fault.absent and fault.field is not None
            else fault
            for fault in faults
        ]

    def _strangers(self, names: Iterable[Any]) -> Iterable[Any]:
        return (name for name in names if name not in self._known)


def read_params(declared: Sequence[MappedField], given: Mapping[str, Any]) -> dict[str, Any]:
    """Read the params of a model's predict out of a query string; absent ones are left out.

    Raises InvalidInput.
    """
    read: dict[str, Any] = {}
    faults = []
    for param in declared:
        if param.name not in given:
            continue
        kind = KINDS[param.type]
        try:
            read[param.name] = kind.read(given[param.name])
        except (ValueError, TypeError, KeyError, OverflowError):
            faults.append(InputFault(param.name, None, given[param.name], kind.expected))
    if faults:
        raise InvalidInput(faults[:MOST_FAULTS])
    return read


def _refuse_other_than_maps(objects: Sequence[Any], numbered: bool) -> None:
    faults = [
        InputFault(None, row if numbered else None, value, "an object of fields and values")
        for row, value in enumerate(objects)
        if type(value) is not dict
    ]
    if faults:
        raise InvalidInput(faults[:MOST_FAULTS])


def _matrix(rows: int, names: tuple[str, ...], columns: Sequence[Column]) -> Matrix:
    """Lay f64 columns side by side, row by row."""
    width = len(columns)
    numbers = array("d", bytes(8 * rows * width))
    for at, filled in enumerate(columns):
        numbers[at::width] = array("d", filled.values)
    return Matrix(rows, names, numbers.tobytes())
