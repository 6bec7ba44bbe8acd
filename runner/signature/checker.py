"""Turn what callers send into tables that a model can take, or say all that is wrong with it."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from contracts.table import Column, Columns, Field, Matrix, Table, Type
from runner.signature.faults import MOST_FAULTS, MOST_LEVELS, InputFault, InvalidInput
from runner.signature.matching import MappedField, match
from runner.signature.nearest import nearest
from runner.signature.reading import CONVERSIONS, KINDS, column
from runner.signature.signature import Signature

_ABSENT: Any = object()


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
            [_Field(feature, None) for feature in signature.features]
            if mapping is None
            else [_Field(feature, mapped) for feature, mapped in match(signature, mapping)]
        )
        self.names = tuple(field.name for field in self._fields)
        """Names of the fields on the outside, in order."""
        self._known = frozenset(self.names)
        self._features = tuple(field.feature.name for field in self._fields)
        self._columns_of = [itemgetter(name) for name in self.names]
        self._all_floats = all(field.type is Type.F64 for field in self._fields)
        # PERF: one row of plain numbers, the hot path, is read by two calls into C.
        plain = self._all_floats and all(field.accepts is Type.F64 for field in self._fields)
        self._row_of: Callable[[Any], Any] | None = (
            itemgetter(*self.names) if plain and len(self.names) > 1 else None
        )
        self._pack_row = struct.Struct(f"<{len(self.names)}d").pack

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
            [[field.blank(params.get(field.name, _ABSENT))] for field in self._fields],
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
            lists = [[row.get(name, _ABSENT) for row in objects] for name in self.names]
        return self._table(lists, 0 if numbered else None, objects)

    def lines(self, header: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
        """Check rows of texts beneath a header, as in CSV. Raises InvalidInput."""
        position = {name: at for at, name in enumerate(header)}
        lacking = [field for field in self._fields if field.name not in position]
        if lacking:
            faults = [field.fault(None, _ABSENT) for field in lacking[:MOST_FAULTS]]
            raise InvalidInput(self._with_meant(faults, (header,)))
        cuts = [(field, position[field.name]) for field in self._fields]
        columns = [[field.blank(line[at]) for line in lines] for field, at in cuts]
        return self._table(columns, 0, (header,))

    def _table(
        self,
        lists: Sequence[list[Any]],
        first_row: int | None,
        given: Sequence[Iterable[Any]],
    ) -> Table:
        """Build the table; ``given`` has the names that each row was given under."""
        faults: list[InputFault] = []
        columns = []
        for field, values in zip(self._fields, lists, strict=True):
            columns.append(field.column(values, first_row, faults))
            if len(faults) >= MOST_FAULTS:
                break
        if faults:
            raise InvalidInput(self._with_meant(faults, given))
        rows = len(lists[0]) if lists else 0
        if self._all_floats and not any(column.present for column in columns):
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


class _Field:
    """One field: its name outside, the model's feature, and how one becomes the other."""

    def __init__(self, feature: Field, mapped: MappedField | None) -> None:
        self.feature = feature
        self.name = feature.name if mapped is None else mapped.name
        self.accepts = feature.type if mapped is None else mapped.type
        self.type = CONVERSIONS[feature.type, self.accepts]
        self.nullable = feature.missing or (mapped is not None and mapped.nullable)
        self._allowed = (mapped.levels if mapped is not None else ()) or feature.levels
        codes = {level: code for code, level in enumerate(feature.levels)}
        self._levels = {level: codes[level] for level in self._allowed}
        is_cat = self._is_cat = self.type is Type.CAT
        self._kind = KINDS[Type.CAT if is_cat else self.accepts]
        if self.type in (Type.DATE, Type.DATETIME):
            self._kind = KINDS[self.type]
        self._pack = KINDS[self.type].pack
        self._blanks = _blanks(self.type, self._levels) if self.nullable else ()

    def blank(self, text: Any) -> Any:
        """Give None for a text that means missing."""
        return None if text in self._blanks else text

    def column(self, values: list[Any], first_row: int | None, faults: list[InputFault]) -> Column:
        """Build the model's column; what is not acceptable is added to ``faults``."""
        feature = self.feature
        if self._pack is not None and self._kind.native.issuperset(map(type, values)):
            try:
                packed = self._pack(values, self._levels)
                return Column(feature.name, self.type, packed, feature.levels, feature.ordered)
            except (ValueError, OverflowError, KeyError):
                pass  # which of them it is, the long way tells
        items = self._read(values, first_row, faults)
        return column(feature.name, self.type, items, feature.levels, feature.ordered)

    def _read(
        self, values: Iterable[Any], first_row: int | None, faults: list[InputFault]
    ) -> list[Any]:
        items: list[Any] = []
        read = self._kind.read
        for row, value in enumerate(values):
            item = None
            if value is not None or not self.nullable:
                try:
                    item = read(value)
                    if self._is_cat and item not in self._levels:
                        raise ValueError(item)
                except (ValueError, TypeError, KeyError, OverflowError):
                    item = None
                    faults.append(self.fault(None if first_row is None else row, value))
                    if len(faults) >= MOST_FAULTS:
                        return []
            items.append(item)
        return items

    def fault(self, row: int | None, value: Any) -> InputFault:
        """Say what was expected in the place of ``value``."""
        expected = self._kind.expected
        if self.nullable:
            words = " or ".join(_BLANKS[blank] for blank in self._blanks)
            expected += f", or null (in a query or CSV: {words})" if words else ", or null"
        allowed = self._allowed[:MOST_LEVELS]
        if value is _ABSENT:
            return InputFault(self.name, row, None, expected, absent=True, allowed=allowed)
        return InputFault(self.name, row, value, expected, allowed=allowed)


_BLANKS = {"": "an empty value", "NA": "NA"}


def _blanks(type_: Type, levels: Mapping[str, int]) -> tuple[str, ...]:
    """Give the texts that mean missing: none that is a value itself."""
    if type_ is Type.STR:
        return ("",)
    return tuple(blank for blank in _BLANKS if blank not in levels)


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
