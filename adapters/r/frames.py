"""Turn tables into the vectors that R makes data frames of, and what R gives into columns.

Missing is not NaN (SPEC 6.6): in R a missing double is a NaN with a payload of its own, which is
what `is.na(x) & !is.nan(x)` looks at; a missing integer, logical or code is the smallest integer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import rpy2.rinterface as r
from rpy2.rinterface_lib import openrlib
from numpy.typing import NDArray

from adapters import arrays
from adapters.r.embedded import Glue
from contracts.errors import Code, Failure
from contracts.table import Column, Columns, Field, Matrix, Table, Type

NA_REAL = np.uint64(0x7FF00000000007A2)
"""Bits of R's NA_real_; R knows it by the lower half, 1954."""

NA_INTEGER = -(2**31)
"""R's NA_integer_, also of logicals and codes."""

EXACT = 2**53
"""Integers up to here are exact as doubles."""

# Type -> the converter in frames.R that finishes a column.
_KINDS = {
    Type.F64: "plain",
    Type.I64: "plain",
    Type.BOOL: "bool",
    Type.STR: "str",
    Type.CAT: "cat",
    Type.DATE: "date",
    Type.DATETIME: "datetime",
}


class Frames:
    """Make data frames of one layout: the features of a model, or its target alone.

    ``maker`` is the R function (columns, rows) that puts
    the vectors of `vectors` together.
    """

    def __init__(self, glue: Glue, fields: Sequence[Field]) -> None:
        self._fields = tuple(fields)
        for text in (text for field in fields for text in (field.name, *field.levels)):
            if "\0" in text:
                message = f"column {text!r}: a name or level has a NUL, which R cannot hold"
                raise Failure(Code.UNREPRESENTABLE, message)
        levels = [r.StrSexpVector(list(field.levels)) for field in fields]
        self.maker = glue.call(
            Code.INTERNAL,
            "frame_maker",
            r.StrSexpVector([field.name for field in fields]),
            r.StrSexpVector([_KINDS[field.type] for field in fields]),
            r.ListSexpVector(levels),
            r.BoolSexpVector([field.ordered for field in fields]),
        )

    def vectors(self, table: Table) -> Any:
        """Give the table as a list of R vectors, or, of a matrix, as one vector, column-major.

        Raises unrepresentable for an i64 beyond ±2^53, a datetime that a double rounds, a string
        with a NUL.
        """
        if isinstance(table, Matrix):
            return self._doubles(arrays.matrix(table).T.ravel(), None)
        return r.ListSexpVector([self._vector(column) for column in table.columns])

    def rows(self, table: Table) -> Any:
        """Give the number of rows as R wants it."""
        return r.IntSexpVector([table.rows])

    def _vector(self, column: Column) -> Any:
        return _TO_R[column.type](self, column, arrays.missing(column))

    def _float(self, column: Column, gone: NDArray[np.bool_] | None) -> Any:
        return self._doubles(arrays.values(column), gone)

    def _doubles(self, numbers: NDArray, gone: NDArray[np.bool_] | None) -> Any:
        numbers = np.ascontiguousarray(numbers, np.float64)
        nan = np.isnan(numbers)
        if gone is not None or nan.any():
            numbers = numbers.copy()
            numbers[nan] = np.nan  # whatever its payload: a NaN is not to become NA
            if gone is not None:
                numbers.view(np.uint64)[gone] = NA_REAL
        return r.FloatSexpVector.from_memoryview(numbers.data)

    def _integers(self, numbers: NDArray, gone: NDArray[np.bool_] | None) -> Any:
        numbers = np.ascontiguousarray(numbers, np.int32)
        if gone is not None:
            numbers = np.where(gone, np.int32(NA_INTEGER), numbers)
        return r.IntSexpVector.from_memoryview(numbers.data)

    def _integer(self, column: Column, gone: NDArray[np.bool_] | None) -> Any:
        numbers = arrays.values(column)
        if gone is not None:
            numbers = np.where(gone, 0, numbers)
        low, high = (numbers.min(), numbers.max()) if numbers.size else (0, 0)
        if low > NA_INTEGER and high < 2**31:
            return self._integers(numbers, gone)
        if low < -EXACT or high > EXACT:
            beyond = (numbers < -EXACT) | (numbers > EXACT)
            raise _inexact(column, beyond, "beyond ±2^53, the limit of exact integers in R")
        return self._doubles(numbers.astype(np.float64), gone)

    def _bool(self, column: Column, gone: NDArray[np.bool_] | None) -> Any:
        return self._integers(arrays.values(column).view(np.uint8), gone)

    def _cat(self, column: Column, gone: NDArray[np.bool_] | None) -> Any:
        return self._integers(arrays.values(column) + 1, gone)

    def _date(self, column: Column, gone: NDArray[np.bool_] | None) -> Any:
        return self._doubles(arrays.values(column), gone)

    def _datetime(self, column: Column, gone: NDArray[np.bool_] | None) -> Any:
        micros = arrays.values(column)
        if gone is not None:
            micros = np.where(gone, 0, micros)
        seconds = micros / 1e6
        lost = _micros(seconds) != micros
        if lost.any():
            raise _inexact(column, lost, "microseconds, which R's POSIXct would round")
        return self._doubles(seconds, gone)

    def _str(self, column: Column, gone: NDArray[np.bool_] | None) -> Any:
        """Give list(bytes with a NUL after each string, where missing or NULL)."""
        text = np.frombuffer(column.values, np.uint8)
        ends = np.frombuffer(column.offsets or b"", np.uint32).astype(np.int64)
        lengths = np.diff(ends)
        row_of_byte = np.repeat(np.arange(len(lengths)), lengths)
        if not text.all():
            row = int(row_of_byte[int((text == 0).argmax())])
            raise Failure(
                Code.UNREPRESENTABLE,
                f"column {column.name!r}: the string in row {row} has a NUL, which R cannot hold",
            )
        ended = np.zeros(len(text) + len(lengths), np.uint8)
        ended[np.arange(len(text)) + row_of_byte] = text
        mask = r.NULL
        if gone is not None:
            mask = r.BoolSexpVector.from_memoryview(gone.astype(np.int32).data)
        return r.ListSexpVector([r.ByteSexpVector.from_memoryview(ended.data), mask])


_TO_R: dict[Type, Callable[[Frames, Column, NDArray[np.bool_] | None], Any]] = {
    Type.F64: Frames._float,
    Type.I64: Frames._integer,
    Type.BOOL: Frames._bool,
    Type.STR: Frames._str,
    Type.CAT: Frames._cat,
    Type.DATE: Frames._date,
    Type.DATETIME: Frames._datetime,
}


def column(name: str, record: Any, levels: Sequence[str] = ()) -> Column:
    """Make a column of what `encode` in frames.R gave: list(type, values, …).

    ``levels`` are those that a record of type ``code`` does without.
    """
    return _FROM_R[record[0][0]](name, record, levels)


def columns(records: Any, rows: int | None = None) -> Columns:
    """Make a table of a named list of such records. Raises bad_result if two have one name.

    ``rows`` is needed where there may be no column.
    """
    names = list(records.names) if len(records) else []
    if len(set(names)) != len(names):
        raise Failure(Code.BAD_RESULT, f"two columns have the same name: {', '.join(names)}")
    named = zip(names, records, strict=True)
    made = tuple(column(name, record) for name, record in named)
    return Columns(made[0].rows if rows is None else rows, made)


def matrix(names: Sequence[str], values: Any) -> Table:
    """Make a matrix of one column-major R vector; columns, if some of it is NA."""
    width = len(names)
    table = _view(values, np.float64).reshape(width, -1)
    if _is_na(table).any():
        made = (_from_doubles(name, row) for name, row in zip(names, table, strict=True))
        return Columns(table.shape[1], tuple(made))
    return arrays.to_matrix(names, table.T)


def raw(vector: Any) -> memoryview:
    """View the bytes of an R raw vector, which lives no shorter than the view may be used."""
    return _view(vector, np.uint8).data


def _view(vector: Any, dtype: Any) -> NDArray:
    """View the memory of an R vector, likewise.

    NOTE: not by ``vector.memoryview()``. In rpy2 3.6 each call of it gives back a reference to None
    that it never took, which before Python 3.12 ends the process after some thousand calls.
    """
    if len(vector) == 0:  # has no memory
        return np.empty(0, dtype)
    address = vector._R_GET_PTR(vector.__sexp__._cdata)
    size = len(vector) * vector._R_SIZEOF_ELT
    return np.frombuffer(openrlib.ffi.buffer(address, size), dtype)


def _is_na(numbers: NDArray) -> NDArray[np.bool_]:
    bits = numbers.view(np.uint64)
    return np.isnan(numbers) & ((bits & np.uint64(0xFFFFFFFF)) == np.uint64(1954))


def _from_doubles(name: str, numbers: NDArray) -> Column:
    gone = _is_na(numbers)
    return arrays.column(name, np.where(gone, 0.0, numbers), gone=gone)


def _from_f64(name: str, record: Any, levels: Sequence[str]) -> Column:
    return _from_doubles(name, _view(record[1], np.float64))


def _from_integers(name: str, record: Any, levels: Sequence[str]) -> Column:
    numbers = _view(record[1], np.int32)
    gone = numbers == NA_INTEGER
    chosen = Type(record[0][0])
    return arrays.column(name, np.where(gone, 0, numbers), type=chosen, gone=gone)


def _from_integer64(name: str, record: Any, levels: Sequence[str]) -> Column:
    numbers = _view(record[1], np.int64)
    gone = numbers == np.iinfo(np.int64).min
    return arrays.column(name, np.where(gone, 0, numbers), type=Type.I64, gone=gone)


def _from_codes(name: str, record: Any, levels: Sequence[str]) -> Column:
    codes = _view(record[1], np.int32)
    packed = np.where(codes == NA_INTEGER, -1, codes - 1).astype(np.int32).tobytes()
    return Column(name, Type.CAT, packed, tuple(levels))


def _from_factor(name: str, record: Any, levels: Sequence[str]) -> Column:
    codes = _from_codes(name, record, list(record[2]))
    return Column(name, Type.CAT, codes.values, codes.levels, bool(record[3][0]))


def _from_days(name: str, record: Any, levels: Sequence[str]) -> Column:
    return _from_scaled(name, record, Type.DATE, np.floor)


def _from_seconds(name: str, record: Any, levels: Sequence[str]) -> Column:
    return _from_scaled(name, record, Type.DATETIME, _micros)


def _from_scaled(
    name: str, record: Any, chosen: Type, scale: Callable[[NDArray], NDArray]
) -> Column:
    numbers = _view(record[1], np.float64)
    gone = ~np.isfinite(numbers)
    scaled = scale(np.where(gone, 0.0, numbers))
    return arrays.column(name, scaled, type=chosen, gone=gone)


def _from_strings(name: str, record: Any, levels: Sequence[str]) -> Column:
    text, lengths, gone = record[1], _view(record[2], np.int32), record[3]
    ends = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    present = (_view(gone, np.int32) == 0).astype(np.uint8).tobytes() if len(gone) else None
    return Column(
        name,
        Type.STR,
        raw(text).tobytes(),
        present=present,
        offsets=ends.astype(np.uint32).tobytes(),
    )


_FROM_R: dict[str, Callable[[str, Any, Sequence[str]], Column]] = {
    "f64": _from_f64,
    "i64": _from_integers,
    "bool": _from_integers,
    "integer64": _from_integer64,
    "code": _from_codes,
    "cat": _from_factor,
    "date": _from_days,
    "datetime": _from_seconds,
    "str": _from_strings,
}


def _micros(seconds: NDArray) -> NDArray:
    return np.rint(seconds * 1e6).astype(np.int64)


def _inexact(column: Column, bad: NDArray[np.bool_], why: str) -> Failure:
    row = int(bad.argmax())
    value = arrays.values(column)[row]
    return Failure(Code.UNREPRESENTABLE, f"column {column.name!r}: {value} in row {row} is {why}")
