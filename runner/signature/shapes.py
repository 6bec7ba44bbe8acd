"""Check that columns, or rows without names, are a table: as wide and as long as they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from runner.signature.faults import MOST_FAULTS, InputFault, InvalidInput
from runner.signature.raw import Raw

_VALUES = "a list of values, or an array of one dimension"


def check_columns(columns: Mapping[str, Any]) -> None:
    """Check that each is a list, or a `Raw` of one dimension, and all of one length.

    Raises InvalidInput naming those that are not.
    """
    faults = [
        InputFault(name, None, _described(values), _VALUES)
        for name, values in columns.items()
        if type(values) is not list and not (type(values) is Raw and len(values.shape) == 1)
    ]
    _raise(faults)
    first = next(iter(columns), None)
    if first is None:
        return
    rows = len(columns[first])
    _raise(
        InputFault(name, None, _counted(len(values)), f"{_counted(rows)}, as {first!r} has")
        for name, values in columns.items()
        if len(values) != rows
    )
    if rows == 0:
        raise InvalidInput([InputFault(first, None, "0 values", "at least one row")])


def check_names(names: Sequence[Any]) -> None:
    """Check that names of columns are distinct texts. Raises InvalidInput."""
    _raise(
        InputFault(None, None, name, "a name of a column")
        for name in names
        if type(name) is not str
    )
    if len(set(names)) != len(names):
        counts = Counter(names)
        repeated = next(name for name in names if counts[name] > 1)
        raise InvalidInput([InputFault(repeated, None, repeated, "names of columns that differ")])


def flatten(names: Sequence[str], rows: Sequence[Any]) -> list[Any]:
    """Give the values of all rows, one after another. Raises InvalidInput naming the row."""
    width = len(names)
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {width}:
        expected = f"a list of {_counted(width)}, one for each of `columns`"
        _raise(
            InputFault(None, row, _described(values), expected)
            for row, values in enumerate(rows)
            if type(values) is not list or len(values) != width
        )
        raise InvalidInput([InputFault(None, None, "no rows", "at least one row")])
    return list(chain.from_iterable(rows))


def cut(names: Sequence[str], array: Raw) -> dict[str, Raw]:
    """Give the columns of an array of two dimensions: copies. Raises InvalidInput."""
    width = len(names)
    values = memoryview(array.values())  # type: ignore[arg-type]
    return {
        name: Raw(array.dtype, (array.shape[0],), values[at::width].tobytes())
        for at, name in enumerate(names)
    }


def check_array(names: Sequence[str], array: Raw) -> None:
    """Check that an array has rows, and a column for each name. Raises InvalidInput."""
    shape = array.shape
    if len(shape) != 2 or shape[1] != len(names) or shape[0] == 0:
        expected = f"an array of shape [rows, {len(names)}], one column for each of `columns`"
        raise InvalidInput([InputFault(None, None, _described(array), expected)])


def _raise(faults: Any) -> None:
    found = [fault for fault, _ in zip(faults, range(MOST_FAULTS), strict=False)]
    if found:
        raise InvalidInput(found)


def _counted(number: int) -> str:
    return "1 value" if number == 1 else f"{number} values"


def _described(value: Any) -> Any:
    if type(value) is Raw:
        return f"an array of shape {list(value.shape)}"
    if type(value) is list:
        return f"a list of {_counted(len(value))}"
    return value
