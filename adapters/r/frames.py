"""Turn tables into the vectors that R makes data frames of.

frames.R, which puts them together, is told once what each column is to become; R then gets plain
vectors, with missing values as R has them (`adapters.r.vectors`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import rpy2.rinterface as r
from numpy.typing import NDArray

from adapters import arrays
from adapters.r.embedded import Glue
from adapters.r.vectors import NA_INTEGER, NA_REAL, microseconds
from contracts.errors import Code, Failure
from contracts.table import Column, Field, Matrix, Table, Type

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

    def _doubles(self, numbers: NDArray[Any], gone: NDArray[np.bool_] | None) -> Any:
        numbers = np.ascontiguousarray(numbers, np.float64)
        nan = np.isnan(numbers)
        if gone is not None or nan.any():
            numbers = numbers.copy()
            numbers[nan] = np.nan  # whatever its payload: a NaN is not to become NA
            if gone is not None:
                numbers.view(np.uint64)[gone] = NA_REAL
        return r.FloatSexpVector.from_memoryview(numbers.data)

    def _integers(self, numbers: NDArray[Any], gone: NDArray[np.bool_] | None) -> Any:
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
        lost = microseconds(seconds) != micros
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


def _inexact(column: Column, bad: NDArray[np.bool_], why: str) -> Failure:
    row = int(bad.argmax())
    value = arrays.values(column)[row]
    return Failure(Code.UNREPRESENTABLE, f"column {column.name!r}: {value} in row {row} is {why}")
