"""Turn a model's answer into what stands under `result`, one item a row."""

from __future__ import annotations

from array import array
from typing import Any

from contracts.table import Column, Matrix, Table, Type


def plain(table: Table) -> list[Any]:
    """Give a value a row; a list a row where there are several columns, as for probabilities."""
    if isinstance(table, Matrix):
        numbers = array("d", bytes(table.values)).tolist()
        width = len(table.names)
        if width == 1:
            return numbers
        return [numbers[at : at + width] for at in range(0, len(numbers), width)]
    lists = [column.tolist() for column in table.columns]
    return lists[0] if len(lists) == 1 else [list(row) for row in zip(*lists, strict=True)]


def labelled(table: Table) -> list[dict[str, Any]]:
    """Give a map a row: column names, which are the classes for probabilities, to values."""
    names = [column.name for column in table.columns]
    lists = [column.tolist() for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def arrays(table: Table, named: bool) -> Any:
    """Give the answer as the bytes it came in, for msgpack: an array, or one for each column.

    ``named``: with the columns' names, which are the classes for probabilities. Labels are codes
    into ``levels``, -1 for a missing one. A column that is no numbers, or has missing values, is a
    list.
    """
    if not isinstance(table, Matrix):
        columns = {column.name: _array(column) for column in table.columns}
        return {"columns": columns} if named or len(columns) > 1 else columns.popitem()[1]
    flat = len(table.names) == 1 and not named
    shape = [table.rows] if flat else [table.rows, len(table.names)]
    array = {"dtype": "<f8", "shape": shape, "data": table.values}
    return {"columns": table.names, "data": array} if named else array


def _array(column: Column) -> Any:
    dtype = _DTYPES.get(column.type)
    if dtype is None or column.present is not None:
        return column.tolist()
    array = {"dtype": dtype, "shape": [column.rows], "data": column.values}
    return {"levels": column.levels, "codes": array} if column.type is Type.CAT else array


_DTYPES = {Type.F64: "<f8", Type.I64: "<i8", Type.BOOL: "|b1", Type.CAT: "<i4"}
