"""Build objects of nested maps: ``{"!": "package.Class", argument: value}``, innermost first."""

from __future__ import annotations

import difflib
import importlib
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from contracts.errors import Code, Failure

_KEYS = ("!", "__factory__")


def build(value: Any) -> Any:
    """Call what the maps within ``value`` name, with their other keys as keyword arguments.

    Raises Failure(bad_model) for a name that cannot be imported and for a call that fails.
    """
    if isinstance(value, Mapping):
        return _build_map(value)
    if isinstance(value, list | tuple):
        return [build(item) for item in value]
    return value


def _build_map(value: Mapping[str, Any]) -> Any:
    arguments = {key: build(item) for key, item in value.items()}
    key = next((key for key in _KEYS if key in arguments), None)
    if key is None:
        return arguments
    name = arguments.pop(key)
    factory = resolve(name)
    try:
        return factory(**arguments)
    except Exception as ex:
        raise failure(Code.BAD_MODEL, ex, f"{name} cannot be made") from ex


def resolve(name: Any) -> Callable[..., Any]:
    """Import what a dotted name means. Raises Failure(bad_model), with the nearest name if any."""
    parts = name.split(".") if isinstance(name, str) else []
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise Failure(Code.BAD_MODEL, f"factory {name!r} is no dotted name, such as package.Class")
    found, rest = _import_longest(parts)
    for part in rest:
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            where = getattr(found, "__name__", type(found).__name__)
            raise Failure(Code.BAD_MODEL, f"factory {name!r}: {where} has no {part!r}{hint}")
        found = getattr(found, part)
    if not callable(found):
        what = type(found).__name__
        raise Failure(Code.BAD_MODEL, f"factory {name!r} is a {what}, which cannot be called")
    made: Callable[..., Any] = found
    return made


def _import_longest(parts: list[str]) -> tuple[Any, list[str]]:
    """Import as many parts as are modules; gives the innermost and the parts after it."""
    name = parts[0]
    found = _import(name, parts)
    for at, part in enumerate(parts[1:], 1):
        name = f"{name}.{part}"
        if isinstance(known := getattr(found, part, None), ModuleType):
            found = known  # imported already; what is in it may not be
            continue
        if hasattr(found, part) or not hasattr(found, "__path__"):
            return found, parts[at:]
        try:
            found = _import(name, parts)
        except Failure as ex:
            if isinstance(ex.__cause__, ModuleNotFoundError) and ex.__cause__.name == name:
                return found, parts[at:]
            raise
    return found, []


def _import(module: str, parts: list[str]) -> Any:
    try:
        return importlib.import_module(module)
    except Exception as ex:  # also what the module's own code raises
        name = ".".join(parts)
        raise failure(Code.BAD_MODEL, ex, f"factory {name!r}: {module} cannot be imported") from ex


def configured(estimator: Any, params: Mapping[str, Any]) -> Any:
    """Give an estimator with some of its parameters set, as a search over them does.

    Nested ones are named as in scikit-learn (``step__parameter``). A class without ``set_params``
    gets its attributes set. Raises TypeError for one that it does not have.
    """
    if hasattr(estimator, "set_params"):
        return estimator.set_params(**params)
    for name, value in params.items():
        if not hasattr(estimator, name):
            raise TypeError(f"{type(estimator).__name__} has no parameter {name!r}")
        setattr(estimator, name, value)
    return estimator


def failure(code: Code, ex: BaseException, what: str) -> Failure:
    """Make a Failure of what the user's code raised, its traceback without our own frame."""
    told = " ".join(str(ex).split())
    trace = ex.__traceback__.tb_next if ex.__traceback__ is not None else None
    text = "".join(traceback.format_exception(type(ex), ex, trace))
    return Failure(code, f"{what}: {type(ex).__name__}{': ' + told if told else ''}", text)
