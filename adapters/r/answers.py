"""Turn what R answers into columns.

A record is what `encode` in frames.R makes of a vector: list(type, values, …). ``levels`` are those
of the target, which a record of type ``code`` does without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters import arrays
from adapters.r.vectors import NA_INTEGER, is_na, microseconds, raw, view
from contracts.errors import Code, Failure
from contracts.table import Column, Columns, Table, Type


def column(name: str, record: Any, levels: Sequence[str] = ()) -> Column:
    """Make a column of a record."""
    return _FROM_R[record[0][0]](name, record, levels)


def columns(records: Any, rows: int | None = None) -> Columns:
    """Make a table of a named list of records. Raises bad_result if two have one name.

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
    table = view(values, np.float64).reshape(width, -1)
    if is_na(table).any():
        made = (_from_doubles(name, row) for name, row in zip(names, table, strict=True))
        return Columns(table.shape[1], tuple(made))
    return arrays.to_matrix(names, table.T)


def _from_doubles(name: str, numbers: NDArray[Any]) -> Column:
    gone = is_na(numbers)
    return arrays.column(name, np.where(gone, 0.0, numbers), gone=gone)


def _from_f64(name: str, record: Any, levels: Sequence[str]) -> Column:
    return _from_doubles(name, view(record[1], np.float64))


def _from_integers(name: str, record: Any, levels: Sequence[str]) -> Column:
    numbers = view(record[1], np.int32)
    gone = numbers == NA_INTEGER
    chosen = Type(record[0][0])
    return arrays.column(name, np.where(gone, 0, numbers), type=chosen, gone=gone)


def _from_integer64(name: str, record: Any, levels: Sequence[str]) -> Column:
    numbers = view(record[1], np.int64)
    gone = numbers == np.iinfo(np.int64).min
    return arrays.column(name, np.where(gone, 0, numbers), type=Type.I64, gone=gone)


def _from_codes(name: str, record: Any, levels: Sequence[str]) -> Column:
    codes = view(record[1], np.int32)
    packed = np.where(codes == NA_INTEGER, -1, codes - 1).astype(np.int32).tobytes()
    return Column(name, Type.CAT, packed, tuple(levels))


def _from_factor(name: str, record: Any, levels: Sequence[str]) -> Column:
    codes = _from_codes(name, record, list(record[2]))
    return Column(name, Type.CAT, codes.values, codes.levels, bool(record[3][0]))


def _from_days(name: str, record: Any, levels: Sequence[str]) -> Column:
    return _from_scaled(name, record, Type.DATE, np.floor)


def _from_seconds(name: str, record: Any, levels: Sequence[str]) -> Column:
    return _from_scaled(name, record, Type.DATETIME, microseconds)


def _from_scaled(
    name: str, record: Any, chosen: Type, scale: Callable[[NDArray[Any]], NDArray[Any]]
) -> Column:
    numbers = view(record[1], np.float64)
    gone = ~np.isfinite(numbers)
    scaled = scale(np.where(gone, 0.0, numbers))
    return arrays.column(name, scaled, type=chosen, gone=gone)


def _from_strings(name: str, record: Any, levels: Sequence[str]) -> Column:
    text, lengths, gone = record[1], view(record[2], np.int32), record[3]
    ends = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    present = (view(gone, np.int32) == 0).astype(np.uint8).tobytes() if len(gone) else None
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
