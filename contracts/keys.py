"""Take keys of declared types out of a message's map; nil counts as absent (SPEC 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.errors import BadMessage


def require(wire: Mapping[str, Any], key: str, kind: type) -> Any:
    """Take a key that must be there. Raises BadMessage."""
    found = wire.get(key)
    if type(found) is kind:
        return found
    if found is None:
        raise BadMessage(f"{key} is missing")
    raise BadMessage(f"{key}: {short(found)} is no {kind.__name__}")


def optional(wire: Mapping[str, Any], key: str, kind: type, default: Any = None) -> Any:
    """Take a key that may be absent. An int passes where a float is expected. Raises BadMessage."""
    found = wire.get(key)
    if found is None:
        return default
    if type(found) is kind:
        return found
    if kind is float and type(found) is int:
        return float(found)
    raise BadMessage(f"{key}: {short(found)} is no {kind.__name__}")


def are_strings(found: list[Any]) -> bool:
    """Tell whether a list has strings only."""
    try:
        "".join(found)  # PERF: the quickest way to look at every type
    except TypeError:
        return False
    return True


def is_id(found: Any) -> bool:
    """Tell whether this is an id: an unsigned 64-bit integer (SPEC 5.2)."""
    return type(found) is int and 0 <= found < 2**64


def short(found: Any) -> str:
    """Show any value in an error message without showing all of it."""
    return repr(found)[:100]
