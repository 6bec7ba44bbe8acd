"""Tell in which form a decoded body has its rows: records, columns, or rows beneath their names.

An object is a table, and no record, if it has exactly the keys of a table and holds no value but
lists and objects. No record looks like that: the value of a field is never a list or an object. So
a feature may well be called ``columns`` or ``data``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.table import Table
from runner.signature import Checker, Raw
from runner.signature.faults import shorten
from runner.web.limits import Limits
from runner.web.problems import Problem

_BY_COLUMN = frozenset({"columns"})
_SPLIT = frozenset({"columns", "data"})
_PANDAS = _SPLIT | {"index"}  # what DataFrame.to_json(orient="split") adds; it is not looked at
_ARRAY = frozenset({"dtype", "data"})


@dataclass(frozen=True, slots=True)
class Content:
    """What a body asks: how to check it, whether it was one object, whether it has arrays."""

    check: Callable[[Checker], Table]
    single: bool = False
    arrays: bool = False


def content(value: Any, limits: Limits, no_bools: Callable[[], bool] = lambda: False) -> Content:
    """Read what JSON or msgpack held. Raises Problem: 422, or 413 for too many rows.

    ``no_bools``: tells whether it is known that there is no true or false in it.
    """
    if type(value) is dict:
        table = _table(value, limits, no_bools) if "columns" in value else None
        return table or Content(lambda checker: checker.rows([value], numbered=False), single=True)
    if type(value) is not list:
        raise Problem(
            422,
            "invalid_input",
            f"the body is {shorten(value)!r}, expected an object, or a list of objects",
        )
    if not value:
        raise Problem(422, "invalid_input", "the list is empty, expected at least one object")
    return Content(lambda checker: checker.rows(value))


def too_many(limits: Limits) -> Problem:
    """Say that a body has too many rows."""
    return Problem(
        413, "body_too_large", f"the body has more than {limits.max_rows} objects, lists or lines"
    )


def _table(value: dict[str, Any], limits: Limits, no_bools: Callable[[], bool]) -> Content | None:
    """Read a table; None if the object is a record."""
    if not all(type(each) in (list, dict) for each in value.values()):
        return None
    columns, keys = value["columns"], value.keys()
    if keys == _BY_COLUMN and type(columns) is dict:
        columns = {name: _values(values, name) for name, values in columns.items()}
        _check_rows(columns.values(), limits)
        arrays = any(type(each) is Raw for each in columns.values())
        return Content(lambda checker: checker.columns(columns, no_bools()), arrays=arrays)
    if keys in (_SPLIT, _PANDAS) and type(columns) is list:
        data = _values(value["data"], "data")
        _check_rows([data], limits)
        return Content(lambda checker: checker.split(columns, data), arrays=type(data) is Raw)
    return None


def _values(given: Any, name: Any) -> Any:
    """Give an array for an object that describes one, and anything else as it is."""
    if type(given) is not dict:
        return given
    problem = _described(given)
    if problem is None:
        try:
            return Raw.of(given["dtype"], given.get("shape"), given["data"])
        except ValueError as ex:
            problem = str(ex)
    field = shorten(name)
    raise Problem(
        422,
        "invalid_input",
        f"{field}: {problem}",
        details=[{"field": field, "expected": "a list, or an array of dtype, shape and data"}],
    )


def _described(given: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the keys of an array."""
    if given.keys() - {"shape"} == _ARRAY:
        return None
    keys = ", ".join(sorted(map(str, given)))[:100]
    return f"an object of {keys or 'nothing'}, expected a list, or an array of dtype, shape, data"


def _check_rows(columns: Any, limits: Limits) -> None:
    if any(isinstance(each, list | Raw) and len(each) > limits.max_rows for each in columns):
        raise too_many(limits)
