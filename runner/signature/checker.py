"""Turn what callers send into tables that a model can take, or say all that is wrong with it."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Protocol

from contracts.table import Column, Columns, Field, Matrix, Table, Type
from runner.signature.faults import (
    MOST_FAULTS,
    MOST_LEVELS,
    IncompatibleMapping,
    InputFault,
    InvalidInput,
)
from runner.signature.reading import CONVERSIONS, KINDS, column
from runner.signature.signature import Signature


class MappedField(Protocol):
    """What a config's ``mapping`` says of one field: its name and type on the outside.

    ``levels``: those of the data that are accepted; empty for all of them.
    """

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> Type: ...
    @property
    def nullable(self) -> bool: ...
    @property
    def levels(self) -> tuple[str, ...]: ...


_ABSENT: Any = object()


class Checker:
    """Check requests against one version's signature, as seen through a config's mapping.

    The mapping gives names, types and order to the outside. Where it names the model's features
    they are matched by name; otherwise they must be as many, and are matched by position. A field
    may be missing (null, or an empty text) if the data of the fit had missing values there, or the
    mapping says nullable; it must be given all the same, since a misspelt name would be silence.
    Fields that are not the model's are ignored.

    Tables are a `Matrix` if all features are f64 and none is missing, else `Columns`.

    Raises IncompatibleMapping, with everything that is wrong with it.
    """

    def __init__(self, signature: Signature, mapping: Sequence[MappedField] | None = None) -> None:
        self._fields = (
            [_Field(feature, None) for feature in signature.features]
            if mapping is None
            else [_Field(feature, mapped) for feature, mapped in _match(signature, mapping)]
        )
        self.names = tuple(field.name for field in self._fields)
        """Names of the fields on the outside, in order."""
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
            [[field.blank(params.get(field.name, _ABSENT))] for field in self._fields], None
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
        return self._table(lists, 0 if numbered else None)

    def lines(self, header: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
        """Check rows of texts beneath a header, as in CSV. Raises InvalidInput."""
        position = {name: at for at, name in enumerate(header)}
        lacking = [field for field in self._fields if field.name not in position]
        if lacking:
            raise InvalidInput([field.fault(None, _ABSENT) for field in lacking[:MOST_FAULTS]])
        cuts = [(field, position[field.name]) for field in self._fields]
        return self._table([[field.blank(line[at]) for line in lines] for field, at in cuts], 0)

    def _table(self, lists: Sequence[list[Any]], first_row: int | None) -> Table:
        faults: list[InputFault] = []
        columns = []
        for field, values in zip(self._fields, lists, strict=True):
            columns.append(field.column(values, first_row, faults))
            if len(faults) >= MOST_FAULTS:
                break
        if faults:
            raise InvalidInput(faults)
        rows = len(lists[0]) if lists else 0
        if self._all_floats and not any(column.present for column in columns):
            return _matrix(rows, self._features, columns)
        return Columns(rows, tuple(columns))


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
        self._empty_is_missing = self.nullable and "" not in self._levels

    def blank(self, text: Any) -> Any:
        """Give None for an empty text, if that means missing."""
        return None if text == "" and self._empty_is_missing else text

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
        expected = self._kind.expected + (" or null" if self.nullable else "")
        allowed = self._allowed[:MOST_LEVELS]
        if value is _ABSENT:
            return InputFault(self.name, row, None, expected, absent=True, allowed=allowed)
        return InputFault(self.name, row, value, expected, allowed=allowed)


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


def _match(signature: Signature, mapping: Sequence[MappedField]) -> list[tuple[Field, MappedField]]:
    """Pair each field of the mapping with a feature. Raises IncompatibleMapping."""
    features = {feature.name: feature for feature in signature.features}
    names = [mapped.name for mapped in mapping]
    problems = [f"field {name!r} is there twice" for name in sorted(
        {name for name in names if names.count(name) > 1})]  # fmt: skip
    if len(mapping) != len(features):
        problems.append(
            f"it has {len(mapping)} fields ({_listed(names)}), and the model "
            f"{len(features)} features ({_listed(features)})"
        )
        raise IncompatibleMapping(problems)
    if all(name in features for name in names):
        pairs = [(features[mapped.name], mapped) for mapped in mapping]
    else:
        pairs = list(zip(signature.features, mapping, strict=True))
        # Renaming by position, but two names of the model have changed places: surely no intent.
        problems += [
            f"field {mapped.name!r} is in the place of the model's feature {feature.name!r}"
            for feature, mapped in pairs
            if mapped.name in features and mapped.name != feature.name
        ]
    for feature, mapped in pairs:
        unknown = [level for level in mapped.levels if level not in feature.levels]
        if unknown:
            problems.append(
                f"field {mapped.name!r} has levels that the model never saw: {_listed(unknown)}"
            )
        if (feature.type, mapped.type) not in CONVERSIONS:
            problems.append(
                f"field {mapped.name!r} is {mapped.type}, and the model's feature "
                f"{feature.name!r} is {feature.type}"
            )
    if problems:
        raise IncompatibleMapping(problems)
    return pairs


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:MOST_LEVELS]) + (", …" if len(listed) > MOST_LEVELS else "")


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
