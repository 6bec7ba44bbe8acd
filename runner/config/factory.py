"""Find and call what a config names: `{"!": "package.Class", argument: value}`.

Nested maps and lists are built innermost first. Nothing is imported before `resolve` or `build`
is asked to: `missing` looks a name up without running any code of its package.
"""

from __future__ import annotations

import copy
import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.machinery import ModuleSpec
from typing import Any

from runner.config.directives import FACTORY
from runner.config.document import KeyPath, key_path
from runner.errors import ConfigError, Fault

_EXPECTED = "the dotted name of something that can be called, such as sklearn.tree.Class"


def resolve(name: str) -> Callable[..., Any]:
    """Import what a dotted name means. Raises ConfigError if it is not there or not callable."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:count])
        if _find(module) is None:
            continue
        try:
            found: Any = importlib.import_module(module)
        except Exception as ex:
            raise _error(f"{module} cannot be imported: {type(ex).__name__}: {ex}") from ex
        for at, part in enumerate(parts[count:], count):
            if not hasattr(found, part):
                raise _error(_has_no(".".join(parts[:at]), part, found))
            found = getattr(found, part)
        if not callable(found):
            raise _error(f"{name} is a {type(found).__name__}, which cannot be called")
        return found  # type: ignore[no-any-return]
    raise _error(missing(name) or f"{name} cannot be found", _EXPECTED)


def missing(name: str) -> str | None:
    """Say why a dotted name cannot be imported, or None if it may be.

    Looks for modules without importing them, so the last part is taken on trust. Only where two
    parts or more are no modules (a class's method, or a misspelt module) is the name imported.
    """
    parts = name.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        return f"{name!r} is no dotted name"
    known = 0
    while known < len(parts) - 1 and _find(".".join(parts[: known + 1])):
        known += 1
    if known == 0:
        return f"there is no module {parts[0]!r}{_meant(parts[0], _modules())}"
    if len(parts) - known > 1:
        module = ".".join(parts[:known])
        try:
            importlib.import_module(module)
        except Exception as ex:
            return f"{module} cannot be imported: {type(ex).__name__}: {ex}"
        if not hasattr(sys.modules[module], parts[known]):
            return _has_no(module, parts[known], sys.modules[module])
    return None


def misfit(factory: Callable[..., Any], arguments: Mapping[str, Any]) -> str | None:
    """Say why these keyword arguments do not fit a signature, without calling; None if they do."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # some callables written in C do not tell theirs
        return None
    try:
        signature.bind(**arguments)
    except TypeError as ex:
        return str(ex)
    return None


def build(value: Any, config: Mapping[str, Any] | None = None) -> Any:
    """Call the factories within a value, innermost first. Raises ConfigError for what fails.

    What was made and has an ``initialize_component`` is then given the ``config``, if there is one:
    the whole of it, as a copy in which nothing else has been made.
    """
    made: list[tuple[str, Any]] = []
    found = _build(value, (), made)
    for name, component in made if config is not None else ():
        if callable(initialize := getattr(component, "initialize_component", None)):
            try:
                initialize(copy.deepcopy(dict(config or {})))
            except ConfigError:
                raise
            except Exception as ex:
                told = f"{name}: initialize_component: {type(ex).__name__}: {ex}"
                raise _error(told) from ex
    return found


def _build(value: Any, path: KeyPath, made: list[tuple[str, Any]]) -> Any:
    if isinstance(value, Mapping):
        built = {key: _build(item, (*path, key), made) for key, item in value.items()}
        if FACTORY not in built:
            return built
        name = built.pop(FACTORY)
        try:
            component = resolve(name)(**built)
        except ConfigError:
            raise
        except Exception as ex:
            raise _error(f"{name}: {ex or type(ex).__name__}", key=key_path(path)) from ex
        made.append((name, component))
        return component
    if isinstance(value, list):
        return [_build(item, (*path, at), made) for at, item in enumerate(value)]
    if type(value) is tuple:
        return tuple(_build(item, (*path, at), made) for at, item in enumerate(value))
    return value


def _find(module: str) -> ModuleSpec | None:
    """Find a module as import would, but import none of its parents."""
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        loaded = sys.modules.get(name)
        if loaded is not None and loaded.__spec__ is not None:
            spec = loaded.__spec__
        elif spec is None:
            spec = importlib.util.find_spec(name) if loaded is None else None
        else:
            spec = _find_in(name, spec)
        if spec is None:
            return None
    return spec


def _find_in(name: str, parent: ModuleSpec) -> ModuleSpec | None:
    folders = parent.submodule_search_locations
    if folders is None:
        return None
    found = (finder.find_spec(name, list(folders)) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)


def _has_no(name: str, part: str, holder: object) -> str:
    names = {*dir(holder), *_modules(getattr(holder, "__path__", ()))}
    return f"{name} has no {part}{_meant(part, names)}"


def _modules(folders: Iterable[str] | None = None) -> set[str]:
    """Name the modules in folders, those of a package that it has not imported, too; or all."""
    found = {module.name for module in pkgutil.iter_modules(folders)}
    return found if folders is not None else found | sys.stdlib_module_names


def _meant(part: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(part, sorted(names), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _error(problem: str, expected: str | None = None, key: str | None = None) -> ConfigError:
    return ConfigError([Fault(problem, expected, key=key or None)])
