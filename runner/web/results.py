"""Turn a model's answer into what stands under `result`, one item a row."""

from __future__ import annotations

from array import array
from typing import Any

from contracts.table import Matrix, Table


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
