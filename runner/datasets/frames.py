"""Turn pandas frames into columns of declared types (SPEC 6), without a loop over the rows.

| pandas | column |
|---|---|
| float64, float32, Float64 | f64; NaN is missing, because an empty cell of a file reads as NaN |
| int*, uint*, Int64 | i64 |
| bool, boolean | bool |
| str, string, object of str | str; as a target: cat with sorted levels |
| category | cat, levels as strings in the categories' order |
| datetime64 | datetime; without zone means UTC |
| object of date | date |

Anything else, and any value that its type cannot hold exactly, is a DatasetError that names it. The
buffers are the frame's own memory where it is contiguous and of the right width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

from contracts.table import MAX_COLUMNS, MAX_LEVELS, Column, Columns, Type
from contracts.wire import Buffer
from runner.errors import DatasetError


def table(frame: pd.DataFrame) -> Columns:
    """Give the columns of a frame. Raises DatasetError."""
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DatasetError(f"two columns have the name {twice!r}")
    if not 0 < len(names) <= MAX_COLUMNS:
        raise DatasetError(f"the data has {len(names)} columns, expected 1 to {MAX_COLUMNS}")
    found = tuple(column(name, frame.iloc[:, at]) for at, name in enumerate(names))
    return Columns(len(frame), found)


def target(series: pd.Series[Any]) -> Column:
    """Give the target's column: labels become cat. Raises DatasetError if a value is missing."""
    name = "target" if series.name is None else str(series.name)
    missing = int(series.isna().sum())
    if missing:
        raise DatasetError(f"target {name!r} is missing in {missing} of {len(series)} rows")
    found = column(name, series)
    if found.type is Type.STR:
        codes, labels = pd.factorize(series, sort=True)
        return _categories(name, codes, [str(label) for label in labels], ordered=False)
    if found.type in (Type.DATE, Type.DATETIME):
        raise DatasetError(f"target {name!r} is a {found.type.value}, expected labels or numbers")
    return found


def column(name: str, series: pd.Series[Any]) -> Column:
    """Give one column of the type that its dtype means. Raises DatasetError."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        levels = [str(level) for level in dtype.categories]
        return _categories(name, series.cat.codes.to_numpy(), levels, bool(dtype.ordered))
    if types.is_object_dtype(dtype):
        return _objects(name, series)
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_date(dtype.pyarrow_dtype):
        return _dates(name, series.astype(object))
    for is_one, encode in _ENCODERS:
        if is_one(dtype):
            return encode(name, series)
    raise DatasetError(f"column {name!r} has the type {dtype}, which no model's language shares")


def _bytes(array: np.ndarray[Any, Any]) -> Buffer:
    """Give an array's memory; it is copied only if it is strided."""
    # A view of nothing cannot be cast.
    return np.ascontiguousarray(array).data.cast("B") if array.size else b""


def _present(missing: np.ndarray[Any, Any]) -> Buffer | None:
    return _bytes((~missing).view(np.uint8)) if missing.any() else None


def _floats(name: str, series: pd.Series[Any]) -> Column:
    if getattr(series.dtype, "itemsize", 8) > 8:
        raise DatasetError(f"column {name!r} has the type {series.dtype}, wider than 64 bits")
    values = series.to_numpy(np.float64, na_value=np.nan)
    return Column(name, Type.F64, _bytes(values), present=_present(np.isnan(values)))


def _integers(name: str, series: pd.Series[Any]) -> Column:
    missing = series.isna().to_numpy(bool)
    if types.is_unsigned_integer_dtype(series.dtype):
        wide = series.to_numpy(np.uint64, na_value=0)
        if wide.size and (at := int(wide.argmax())) >= 0 and wide[at] > np.iinfo(np.int64).max:
            raise DatasetError(f"column {name!r}, row {at}: {wide[at]} has more than 63 bits")
    values = series.to_numpy(np.int64, na_value=0)
    return Column(name, Type.I64, _bytes(values), present=_present(missing))


def _booleans(name: str, series: pd.Series[Any]) -> Column:
    missing = series.isna().to_numpy(bool)
    values = series.to_numpy(np.bool_, na_value=False).view(np.uint8)
    return Column(name, Type.BOOL, _bytes(values), present=_present(missing))


def _times(name: str, series: pd.Series[Any]) -> Column:
    missing = series.isna().to_numpy(bool)
    if isinstance(series.dtype, pd.ArrowDtype):
        series = pd.to_datetime(series.astype(object))
    if getattr(series.dt, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    try:
        micros = series.dt.as_unit("us")
    except ValueError as ex:
        raise DatasetError(f"column {name!r}: {ex}") from ex
    lost = (micros != series) & ~missing
    if lost.any():
        at = int(lost.to_numpy().argmax())
        raise DatasetError(f"column {name!r}, row {at}: {series.iloc[at]} has nanoseconds")
    values = micros.to_numpy().view(np.int64)
    return Column(name, Type.DATETIME, _bytes(values), present=_present(missing))


def _strings(name: str, series: pd.Series[Any]) -> Column:
    try:
        found = pa.array(series, type=pa.large_string(), from_pandas=True)
    except (UnicodeEncodeError, pa.ArrowException) as ex:
        raise DatasetError(f"column {name!r}: {ex}") from ex
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    _, cuts, text = found.buffers()
    ends = np.frombuffer(cuts, np.int64)[found.offset : found.offset + len(found) + 1]
    first, last = (int(ends[0]), int(ends[-1])) if len(ends) else (0, 0)
    if last - first >= 2**32:
        raise DatasetError(f"column {name!r} has {last - first} bytes of text, at most {2**32 - 1}")
    values = memoryview(text)[first:last] if text is not None else b""
    offsets = _bytes((ends - first).astype(np.uint32)) if len(ends) else bytes(4)
    missing = found.is_null().to_numpy(zero_copy_only=False)
    return Column(name, Type.STR, values, present=_present(missing), offsets=offsets)


def _categories(name: str, codes: np.ndarray[Any, Any], levels: list[str], ordered: bool) -> Column:
    if len(levels) > MAX_LEVELS:
        raise DatasetError(
            f"column {name!r} has {len(levels)} categories, at most {MAX_LEVELS} are possible"
        )
    if len(set(levels)) != len(levels):
        twice = next(level for level in levels if levels.count(level) > 1)
        raise DatasetError(f"column {name!r}: two categories are written {twice!r}")
    return Column(name, Type.CAT, _bytes(codes.astype(np.int32)), tuple(levels), ordered)


def _objects(name: str, series: pd.Series[Any]) -> Column:
    """Python objects: all of one kind, or None."""
    kind = types.infer_dtype(series, skipna=True)
    encode = _OBJECTS.get(kind)
    if encode is None:
        raise DatasetError(_stranger(name, series))
    return encode(name, series)


def _dates(name: str, series: pd.Series[Any]) -> Column:
    missing = series.isna().to_numpy(bool)
    days = series.where(~missing, None).to_numpy().astype("datetime64[D]")
    days[missing] = np.datetime64(0, "D")
    values = days.view(np.int64).astype(np.int32)
    return Column(name, Type.DATE, _bytes(values), present=_present(missing))


def _stranger(name: str, series: pd.Series[Any]) -> str:
    """Name the first value that is of another kind than those before it, or of no kind at all."""
    kinds = series.map(type)[~series.isna()]
    first = kinds.iloc[0]
    others = np.flatnonzero((series.map(type) != first) & ~series.isna())
    at = int(others[0]) if len(others) else int(np.flatnonzero(~series.isna())[0])
    value = repr(series.iloc[at])[:60]
    found = f"column {name!r}, row {at}: {value} is a {type(series.iloc[at]).__name__}"
    if len(others):
        return f"{found}, above it stands a {first.__name__}: a column has one type"
    return f"{found}, which no model's language shares"


_ENCODERS: tuple[tuple[Callable[[Any], bool], Callable[[str, pd.Series[Any]], Column]], ...] = (
    (types.is_bool_dtype, _booleans),
    (types.is_integer_dtype, _integers),
    (types.is_float_dtype, _floats),
    (types.is_datetime64_any_dtype, _times),
    (types.is_string_dtype, _strings),
)
_OBJECTS: dict[str, Callable[[str, pd.Series[Any]], Column]] = {
    "string": _strings,
    "empty": _strings,
    "boolean": lambda name, series: _booleans(name, series.astype("boolean")),
    "integer": lambda name, series: _integers(name, series.astype("Int64")),
    "floating": lambda name, series: _floats(name, series.astype("float64")),
    "date": _dates,
    "datetime": lambda name, series: _times(name, pd.to_datetime(series)),
    "datetime64": lambda name, series: _times(name, pd.to_datetime(series)),
}
