"""Make functions with some arguments given, for configs: `{"!": …Partial, func: name, …}`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from adapters.python.factory import resolve


def Partial(func: str | Callable[..., Any], **arguments: Any) -> Callable[..., Any]:
    """Give the function, or the one of that dotted name, with these keyword arguments given."""
    found = resolve(func) if isinstance(func, str) else func
    return update_wrapper(partial(found, **arguments), found)
