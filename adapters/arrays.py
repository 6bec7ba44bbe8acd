"""Read columns and matrices as numpy arrays, in place, and make them of arrays.

No pandas here, and no copies but where said: buffers come aligned from our own senders, and an
array that is not aligned (SPEC 4.6 only recommends it) is copied, as Julia and R could not use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BadTable, Code, Failure
from contracts.table import Column, Columns, Matrix, Table, Type

DTYPES = {
    Type.F64: np.dtype("<f8"),
    Type.I64: np.dtype("<i8"),
    Type.BOOL: np.dtype("?"),
    Type.CAT: np.dtype("<i4"),
    Type.DATE: np.dtype("<i4"),
    Type.DATETIME: np.dtype("<i8"),
}
"""Type -> how its values lie in the buffer; str has none."""

NUMERIC = frozenset({Type.F64, Type.I64, Type.BOOL})
"""Types that fit into an array of floats."""

_ROWS = 4096
"""Rows that are laid out at once: they stay in the processor's cache."""


def values(column: Column) -> NDArray[Any]:
    """View a column's buffer: numbers, bools, cat codes, days, microseconds. Not for str."""
    return _aligned(np.frombuffer(column.values, DTYPES[column.type]))


def missing(column: Column) -> NDArray[np.bool_] | None:
    """Tell which rows are missing (True), or None if none can be."""
    if column.type is Type.CAT:
        codes = values(column)
        return codes < 0 if codes.size and codes.min() < 0 else None
    if column.present is None:
        return None
    gone = np.frombuffer(column.present, np.uint8) == 0
    return gone if gone.any() else None


def matrix(table: Matrix) -> NDArray[np.float64]:
    """View a matrix as rows × columns."""
    flat = _aligned(np.frombuffer(table.values, "<f8"))
    return flat.reshape(table.rows, len(table.names))


def floats(table: Table) -> NDArray[np.float64]:
    """Give rows × columns of floats, NaN where missing; a copy for `Columns`.

    All columns must be f64, i64 or bool. Raises unrepresentable for an i64 that no float holds.
    """
    if isinstance(table, Matrix):
        return matrix(table)
    array = np.empty((table.rows, len(table.columns)))
    found = [np.frombuffer(column.values, DTYPES[column.type]) for column in table.columns]
    # PERF: some rows of all columns at a time, or each column would fetch all of the array anew.
    for start in range(0, table.rows, _ROWS):
        some = array[start : start + _ROWS]
        for at, numbers in enumerate(found):
            some[:, at] = numbers[start : start + _ROWS]
    for at, column in enumerate(table.columns):
        gone = missing(column)
        if column.type is Type.I64:
            _check_exact(column, found[at], gone)
        if gone is not None:
            array[gone, at] = np.nan
    return array


def strings(column: Column) -> NDArray[np.object_]:
    """Give a str or cat column as an array of Python strings, None where missing."""
    if column.type is Type.CAT:
        levels: NDArray[np.object_] = np.array([*column.levels, None], dtype=object)
        return np.asarray(levels[values(column)])
    array = np.empty(column.rows, dtype=object)
    array[:] = column.tolist()
    return array


def column(
    name: str,
    array: NDArray[Any],
    *,
    type: Type | None = None,
    levels: Sequence[str] = (),
    ordered: bool = False,
    gone: NDArray[np.bool_] | None = None,
) -> Column:
    """Make a column of a one-dimensional array; ``gone`` tells what is missing.

    Without ``type`` it follows from the dtype: floats, integers, bools, strings, datetime64. cat
    takes codes. Raises bad_result for any other dtype, unrepresentable for an i64 out of range.
    """
    chosen = type or _type_of(name, array)
    if chosen is Type.STR:
        cells = array.astype(object)
        if gone is not None:
            cells[gone] = None
        try:
            return Column.of(name, chosen, cells.tolist())
        except BadTable as ex:
            raise Failure(Code.BAD_RESULT, ex.message) from ex
    present = None if gone is None or not gone.any() else (~gone).astype(np.uint8).tobytes()
    if array.dtype.kind == "M":
        nat = np.isnat(array)
        if nat.any():
            present = (~nat).astype(np.uint8).tobytes()
        array = array.astype("datetime64[D]" if chosen is Type.DATE else "datetime64[us]")
        array = np.where(nat, 0, array.astype("<i8"))
    elif array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        row = int(array.argmax())
        raise Failure(
            Code.UNREPRESENTABLE,
            f"column {name!r}: {array[row]} in row {row} is beyond a signed 64-bit integer",
        )
    packed = np.ascontiguousarray(array, DTYPES[chosen]).tobytes()
    return Column(name, chosen, packed, tuple(levels), ordered, present)


def to_matrix(names: Sequence[str], array: NDArray[Any]) -> Matrix:
    """Make a matrix of a rows × columns array."""
    packed = np.ascontiguousarray(array, "<f8").tobytes()
    return Matrix(array.shape[0], tuple(names), packed)


def take(table: Table, order: Sequence[int]) -> Table:
    """Give the columns at these places, in this order."""
    if isinstance(table, Matrix):
        return to_matrix([table.names[at] for at in order], matrix(table)[:, order])
    return Columns(table.rows, tuple(table.columns[at] for at in order))


# NumPy's kind of a dtype -> the contract's type.
_KINDS = {
    "f": Type.F64,
    "i": Type.I64,
    "u": Type.I64,
    "b": Type.BOOL,
    "U": Type.STR,
    "O": Type.STR,
    "T": Type.STR,
    "M": Type.DATETIME,
}


def _type_of(name: str, array: NDArray[Any]) -> Type:
    try:
        return _KINDS[array.dtype.kind]
    except KeyError:
        message = f"column {name!r}: dtype {array.dtype} has no type in the contract"
        raise Failure(Code.BAD_RESULT, message) from None


def _check_exact(column: Column, numbers: NDArray[Any], gone: NDArray[np.bool_] | None) -> None:
    limit = 2**53
    beyond = (numbers > limit) | (numbers < -limit)
    if gone is not None:
        beyond &= ~gone
    if beyond.any():
        row = int(beyond.argmax())
        raise Failure(
            Code.UNREPRESENTABLE,
            f"column {column.name!r}: {numbers[row]} in row {row} is beyond ±2^53, "
            "the limit of exact integers in a float",
        )


def _aligned(array: NDArray[Any]) -> NDArray[Any]:
    return array if array.flags.aligned else array.copy()
