"""Turn tables into what Python's models take: float arrays, pandas DataFrames, target arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from adapters import arrays
from contracts.errors import BadTable
from contracts.table import Column, Columns, Table, Type

if TYPE_CHECKING:
    import pandas as pd


def wants_frame(table: Columns) -> bool:
    """Tell whether a column is of a type that an array of floats cannot hold."""
    return any(column.type not in arrays.NUMERIC for column in table.columns)


def frame(table: Table) -> pd.DataFrame:
    """Give a DataFrame: cat as Categorical, times as datetime64, missing as NaN, NaT or NA."""
    # A model that takes arrays must run where pandas is not installed.
    import pandas as pd  # noqa: PLC0415

    if not isinstance(table, Columns):
        return pd.DataFrame(arrays.matrix(table), columns=pd.Index(table.names))
    made = {column.name: _SERIES[column.type](pd, column) for column in table.columns}
    return pd.DataFrame(made, index=pd.RangeIndex(table.rows), copy=False)


def target(column: Column) -> NDArray[Any]:
    """Give y: labels as strings, numbers, bools, or datetime64. Raises BadTable for a missing one.

    A NaN is a value: whether the model takes it is the model's affair.
    """
    gone = arrays.missing(column)
    if gone is not None:
        row = int(gone.argmax())
        raise BadTable(f"target {column.name!r} is missing in row {row}")
    if column.type is Type.CAT:
        labels: NDArray[Any] = np.array(column.levels)[arrays.values(column)]
        return labels
    if column.type is Type.STR:
        return np.array(column.tolist())
    numbers = arrays.values(column)
    unit = _UNITS.get(column.type)
    return numbers if unit is None else numbers.astype(f"datetime64[{unit}]")


_UNITS = {Type.DATE: "D", Type.DATETIME: "us"}


def _floats(pd: Any, column: Column) -> Any:
    numbers, gone = arrays.values(column), arrays.missing(column)
    return numbers if gone is None else np.where(gone, np.nan, numbers)


def _integers(pd: Any, column: Column) -> Any:
    numbers, gone = arrays.values(column), arrays.missing(column)
    return numbers if gone is None else pd.arrays.IntegerArray(numbers.copy(), gone)


def _bools(pd: Any, column: Column) -> Any:
    flags, gone = arrays.values(column), arrays.missing(column)
    return flags if gone is None else pd.arrays.BooleanArray(flags.copy(), gone)


def _strings(pd: Any, column: Column) -> Any:
    return pd.array(column.tolist(), dtype=pd.StringDtype(na_value=np.nan))


def _categories(pd: Any, column: Column) -> Any:
    dtype = pd.CategoricalDtype(list(column.levels), ordered=column.ordered)
    return pd.Categorical.from_codes(arrays.values(column), dtype=dtype)


def _times(pd: Any, column: Column) -> Any:
    # pandas knows no days: "s" is the coarsest of its units.
    times = arrays.values(column).astype(f"datetime64[{_UNITS[column.type]}]")
    gone = arrays.missing(column)
    if gone is not None:
        times[gone] = np.datetime64("NaT")
    return times if column.type is Type.DATETIME else times.astype("datetime64[s]")


_SERIES: dict[Type, Callable[[Any, Column], Any]] = {
    Type.F64: _floats,
    Type.I64: _integers,
    Type.BOOL: _bools,
    Type.STR: _strings,
    Type.CAT: _categories,
    Type.DATE: _times,
    Type.DATETIME: _times,
}
