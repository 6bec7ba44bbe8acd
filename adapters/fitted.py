"""Remember what a model was fitted with, and bring tables to predict into that shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from adapters import arrays
from contracts.errors import BadTable, Code, Failure
from contracts.table import Column, Columns, Field, Matrix, Table, Type, table_from_wire
from contracts.wire import BufferReader, BufferWriter


@dataclass(frozen=True)
class Fitted:
    """Describe the model that is held. ``example`` is the first row that it was fitted with."""

    features: tuple[Field, ...]
    target: Field
    task: str
    example: Table

    @classmethod
    def of(cls, table: Columns, target: Column, task: str) -> Fitted:
        """Describe a fit to this table and target. Raises BadTable if there are no rows."""
        if table.rows == 0:
            raise BadTable("the table to fit has 0 rows, at least 1 is needed")
        features = tuple(column.field for column in table.columns)
        return cls(features, target.field, task, first_rows(table, 1))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    def align(self, table: Table) -> Table:
        """Give the table with the features of the fit, in their order; other columns are dropped.

        cat columns get the levels of the fit. Raises BadTable naming a feature that is not there,
        that has another type (numbers and bools may stand for one another), or a level that the fit
        did not have.
        """
        if table.names != self.names:
            place = {name: at for at, name in enumerate(table.names)}
            lacking = [name for name in self.names if name not in place]
            if lacking:
                given = ", ".join(table.names[:20])
                raise BadTable(f"feature {lacking[0]!r} is not in the table, which has: {given}")
            table = arrays.take(table, [place[name] for name in self.names])
        if isinstance(table, Matrix):
            if not self._all_numeric:
                at = next(f for f in self.features if f.type not in arrays.NUMERIC)
                raise _mistyped(at, Type.F64)
            return table
        columns = [_fit_column(*pair) for pair in zip(self.features, table.columns, strict=True)]
        return Columns(table.rows, tuple(columns))

    @cached_property
    def _all_numeric(self) -> bool:
        return all(feature.type in arrays.NUMERIC for feature in self.features)

    def to_header(self) -> dict[str, Any]:
        """Give what an artifact's header keeps of this; levels stand in the example only, once."""
        return {
            "task": self.task,
            "example": self.example.to_wire(BufferWriter(0, None)),
            "missing": [feature.missing for feature in self.features],
            "target": self.target.to_wire(),
        }

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> Fitted:
        """Read what `to_header` gave. Raises Failure(bad_artifact)."""
        try:
            example = table_from_wire(header["example"], BufferReader(None, None))
            features = tuple(
                replace(column.field, missing=missing)
                for column, missing in zip(example.columns, header["missing"], strict=True)
            )
            return cls(features, Field.from_wire(header["target"]), header["task"], example)
        except (KeyError, ValueError, TypeError, BadTable) as ex:
            raise Failure(Code.BAD_ARTIFACT, f"artifact's header lacks the signature: {ex}") from ex


def first_rows(table: Columns, count: int) -> Table:
    """Take up to so many rows in the shape that requests will have: a matrix if all is f64."""
    rows = table.slice(0, min(count, table.rows))
    columns = tuple(map(_copy, rows.columns))
    if columns and all(c.type is Type.F64 and not c.field.missing for c in columns):
        numbers = np.column_stack([arrays.values(column) for column in columns])
        return Matrix(rows.rows, table.names, numbers.tobytes())
    return Columns(rows.rows, columns)


def _copy(column: Column) -> Column:
    """Copy a column's buffers: a view of one row would keep the whole attachment in memory."""
    present = None if column.present is None else bytes(column.present)
    offsets = None if column.offsets is None else bytes(column.offsets)
    return replace(column, values=bytes(column.values), present=present, offsets=offsets)


def _fit_column(feature: Field, column: Column) -> Column:
    if column.type is not feature.type and not {column.type, feature.type} <= arrays.NUMERIC:
        raise _mistyped(feature, column.type)
    if feature.type is Type.CAT and (column.levels, column.ordered) != (
        feature.levels,
        feature.ordered,
    ):
        return _relevel(feature, column)
    return column


def _relevel(feature: Field, column: Column) -> Column:
    """Express a cat column in the levels of the fit."""
    code = {level: at for at, level in enumerate(feature.levels)}
    unknown = len(feature.levels)
    codes = np.array([*(code.get(level, unknown) for level in column.levels), -1], "<i4")
    found = codes[arrays.values(column)]
    bad = found == unknown
    if bad.any():
        row = int(bad.argmax())
        level = column.levels[arrays.values(column)[row]]
        raise BadTable(
            f"column {feature.name!r}: {level!r} in row {row} is none of {_some(feature.levels)}"
        )
    return replace(column, values=found.tobytes(), levels=feature.levels, ordered=feature.ordered)


def _mistyped(feature: Field, found: Type) -> BadTable:
    return BadTable(
        f"column {feature.name!r} is {found.value}, the model was fitted with {feature.type.value}"
    )


def _some(levels: Sequence[str]) -> str:
    shown = ", ".join(repr(level) for level in levels[:10])
    return shown if len(levels) <= 10 else f"{shown}, … ({len(levels)} levels)"
