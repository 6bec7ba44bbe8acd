"""Make a user's values fit to travel to an adapter: what msgpack has, and nothing else (SPEC 4.3).

Adapters of any language take strings, numbers, booleans, nothing, lists, and maps with strings as
keys. Python has more in its literals, and its libraries ask for it (a tuple for `ngram_range`,
integers as keys for `class_weight`): towards Python such a literal travels as its own source text.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from runner.config.cursor import Cursor, show
from runner.config.directives import FACTORY

_LITERAL = {FACTORY: "ast.literal_eval"}


def wire(cursor: Cursor, *, python: bool = False) -> Any:
    """Give a value in a form that travels, and note as faults what does not."""
    found = cursor.value
    if isinstance(found, Mapping):
        if all(isinstance(key, str) for key in found):
            return {key: wire(cursor.child(key), python=python) for key in found}
        return _literal(cursor, python, "a map whose keys are not all strings")
    if isinstance(found, tuple) and python and _is_literal(found):
        return _literal(cursor, python, "a tuple")
    if isinstance(found, list | tuple):
        return [wire(item, python=python) for item in cursor.children()]
    if isinstance(found, int) and not -(2**63) <= found < 2**63:
        return _literal(cursor, python, f"{found}, which has more than 64 bits")
    if found is None or isinstance(found, str | bool | int | float):
        return found
    return _literal(cursor, python, show(found))


def _literal(cursor: Cursor, python: bool, what: str) -> Any:
    if python and _is_literal(cursor.value):
        return _LITERAL | {"node_or_string": repr(cursor.value)}
    expected = "strings, numbers, booleans, lists, and maps with strings as keys"
    if python:
        expected += f', or {{"{FACTORY}": …}} for what must be made there'
    cursor.fault(f"{what} cannot travel to the adapter", expected)
    return None


def _is_literal(value: Any) -> bool:
    """Tell whether a value is written the way it reads, with nothing to build in it."""
    if _names_factory(value):
        return False
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


def _names_factory(value: Any) -> bool:
    if isinstance(value, Mapping):
        return FACTORY in value or any(map(_names_factory, value.values()))
    return isinstance(value, list | tuple) and any(map(_names_factory, value))
