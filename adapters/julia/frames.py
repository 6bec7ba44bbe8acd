"""Tell Julia where the buffers of a table lie, and copy what Julia lends back into tables.

A table goes over as a map of names, types and addresses: without a copy, but for buffers that are
not aligned. Julia's vectors come back the same way and are copied at once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters import arrays
from contracts.errors import BadTable, Code, Failure
from contracts.table import Column, Columns, Field, Matrix, Table, Type


@dataclass(frozen=True)
class Lent:
    """Hold what Julia is told of buffers, and the arrays that must outlive the call."""

    wire: dict[str, Any]
    kept: tuple[Any, ...]


def is_matrix(features: Sequence[Field]) -> bool:
    """Tell whether a model fitted with these sees a matrix: all numbers, and nothing missing."""
    return all(f.type in arrays.NUMERIC and not f.missing for f in features)


def lend_table(table: Table, features: Sequence[Field]) -> Lent:
    """Lend a table in the shape that the features of the fit demand: a matrix or columns.

    Raises BadTable where a model that sees a matrix gets missing values, unrepresentable.
    """
    as_matrix = is_matrix(features)
    if as_matrix and isinstance(table, Matrix):
        numbers = arrays.matrix(table)
        wire: dict[str, Any] = {
            "rows": table.rows,
            "width": len(table.names),
            "matrix": _address(numbers),
        }
        return Lent(wire, (numbers,))
    columns = []
    for column, fitted in zip(table.columns, features, strict=True):
        if as_matrix and (gone := arrays.missing(column)) is not None:
            raise BadTable(
                f"column {column.name!r}: row {int(gone.argmax())} is missing, "
                "and nothing was missing where the model was fitted"
            )
        columns.append(lend_column(column, column.field if as_matrix else fitted))
    wire = {"rows": table.rows, "as_matrix": as_matrix, "columns": [c.wire for c in columns]}
    return Lent(wire, tuple(column.kept for column in columns))


def lend_column(column: Column, fitted: Field) -> Lent:
    """Lend one column, numbers in the type of the fit. Raises unrepresentable."""
    buffers = {}
    if fitted.type is Type.STR:
        buffers["values"] = np.frombuffer(column.values, np.uint8)
        buffers["offsets"] = np.require(np.frombuffer(column.offsets or b"", "<u4"), None, "A")
    else:
        buffers["values"] = _values(column, fitted)
    if column.present is not None:
        buffers["present"] = np.frombuffer(column.present, np.uint8)
    wire = {
        "name": fitted.name,
        "type": fitted.type.value,
        "nullable": fitted.missing,
        "levels": list(column.levels) if fitted.type is Type.CAT else None,
        "present": None,
        **{name: _address(buffer) for name, buffer in buffers.items()},
    }
    return Lent(wire, tuple(buffers.values()))


def _values(column: Column, fitted: Field) -> NDArray[Any]:
    values = arrays.values(column)
    if column.type is fitted.type:
        return values
    with np.errstate(invalid="ignore"):  # what does not fit is found by the way back
        converted = values.astype(arrays.DTYPES[fitted.type])
        changed = converted.astype(values.dtype) != values
    if column.present is not None:
        changed &= np.frombuffer(column.present, np.bool_)
    if changed.any():
        row = int(changed.argmax())
        raise Failure(
            Code.UNREPRESENTABLE,
            f"column {column.name!r}: {values[row]} in row {row} is no {fitted.type.value}, "
            "which the model was fitted with",
        )
    return converted


def _address(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)


def take_table(answer: Mapping[str, Any], rows: int, levels: Sequence[str], ordered: bool) -> Table:
    """Copy what Julia lends as a result: a matrix, or columns; a cat one is of these levels."""
    if "matrix" in answer:
        return Matrix(rows, tuple(answer["names"]), take_bytes(answer["matrix"]))
    columns = [take_column({"levels": levels, **column}, ordered) for column in answer["columns"]]
    return Columns(columns[0].rows if columns else rows, tuple(columns))


def take_column(lent: Mapping[str, Any], ordered: bool = False) -> Column:
    """Copy one column that Julia lends."""
    type_ = Type(lent["type"])
    is_cat = type_ is Type.CAT
    return Column(
        lent["name"],
        type_,
        take_bytes(lent["values"]),
        levels=tuple(lent["levels"]) if is_cat else (),
        ordered=ordered and is_cat,
        present=take_bytes(lent["present"]) if "present" in lent else None,
        offsets=take_bytes(lent["offsets"]) if "offsets" in lent else None,
    )


def take_bytes(lent: Sequence[int]) -> bytes:
    """Copy what lies at an address: ``[address, size]``."""
    address, size = lent
    return ctypes.string_at(address, size)
