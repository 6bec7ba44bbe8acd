"""Take features and target as Python's libraries hand them on, and give them in their forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from contracts.table import Column, Columns, Field, Matrix, Table, Type
from runner.datasets import frames
from runner.errors import DatasetError


def as_frame(features: Any) -> pd.DataFrame:
    """Give a frame; an array's columns are named x0, x1, …. Raises DatasetError."""
    if isinstance(features, pd.DataFrame):
        return features
    if hasattr(features, "toarray"):  # sparse, as a Pipeline's vectorizer gives it
        features = features.toarray()
    array = np.asarray(features)
    if array.ndim != 2:
        raise DatasetError(f"features have {array.ndim} dimensions, expected rows and columns")
    return pd.DataFrame(array, columns=[f"x{at}" for at in range(array.shape[1])])


def as_vector(target: Any) -> np.ndarray[Any, Any]:
    """Give an array of one dimension. Raises DatasetError."""
    array = np.asarray(target)
    if array.ndim != 1:
        raise DatasetError(f"the target has {array.ndim} dimensions, expected one")
    return array


def as_table(features: Any) -> Table:
    """Give a table of a DataFrame, of an array, or of a table itself. Raises DatasetError."""
    if isinstance(features, Columns | Matrix):
        return features
    return frames.table(as_frame(features))


def as_target(target: Any, known: Field | None = None) -> Column:
    """Give a target's column: with the name, and the order of the levels, of the ``known`` one.

    Only levels that occur are among those of the column: a model of some of the rows knows no more.
    """
    series = target if isinstance(target, pd.Series) else pd.Series(as_vector(target))
    if known is not None:
        series = series.rename(known.name)
    if known is None or known.type is not Type.CAT:
        return frames.target(series)
    labels = series.astype(str)
    there = set(labels)
    levels = [level for level in known.levels if level in there]
    # A label that is none of the levels, in data that came some other way, goes to the end.
    levels += sorted(there.difference(levels))
    kind = pd.CategoricalDtype(levels, ordered=known.ordered)
    return frames.target(labels.astype(kind))


def to_frame(table: Table) -> pd.DataFrame:
    """Give the DataFrame of which `frames.table` makes these columns again."""
    made = {column.name: _SERIES[column.type](column) for column in table.columns}
    return pd.DataFrame(made, index=pd.RangeIndex(table.rows))


def _missing(column: Column) -> np.ndarray[Any, Any] | None:
    if column.present is None:
        return None
    missing = np.frombuffer(column.present, np.uint8) == 0
    return missing if missing.any() else None


def _floats(column: Column) -> pd.Series[Any]:
    values, missing = np.frombuffer(column.values, np.float64), _missing(column)
    return pd.Series(values if missing is None else np.where(missing, np.nan, values))


def _integers(column: Column) -> pd.Series[Any]:
    values, missing = np.frombuffer(column.values, np.int64), _missing(column)
    if missing is None:
        return pd.Series(values)
    return pd.Series(pd.arrays.IntegerArray(values.copy(), missing))


def _booleans(column: Column) -> pd.Series[Any]:
    values, missing = np.frombuffer(column.values, np.bool_), _missing(column)
    if missing is None:
        return pd.Series(values)
    return pd.Series(pd.arrays.BooleanArray(values.copy(), missing))


def _categories(column: Column) -> pd.Series[Any]:
    kind = pd.CategoricalDtype(list(column.levels), ordered=column.ordered)
    codes = np.frombuffer(column.values, np.int32)
    return pd.Series(pd.Categorical.from_codes(codes, dtype=kind))


_SERIES: dict[Type, Callable[[Column], pd.Series[Any]]] = {
    Type.F64: _floats,
    Type.I64: _integers,
    Type.BOOL: _booleans,
    Type.STR: lambda column: pd.Series(column.tolist(), dtype="str"),
    Type.CAT: _categories,
    Type.DATE: lambda column: pd.Series(column.tolist(), dtype="object"),
    Type.DATETIME: lambda column: pd.Series(pd.to_datetime(column.tolist())),
}
