"""Carry out the directives of a config: maps with a key that says how to make the value.

    {"__copy__": "a.b[0]"}       a deep copy of an earlier value; keys beside it override
    {"__env__": "NAME"}          the environment variable NAME; or text with ${NAME} in it
    {"__default__": value}       beside one of these two: what to take if there is none
    {"__python__": "statements"} run with C = cfg = config (all of it), environ and here
    {"__factory__": "pkg.Name"}  the same as {"!": "pkg.Name"}, which is built later, and lazily

A copy looks in the files up to its own, its own first; one that names itself or what it stands in
means the earlier file's. Copies are made when a file is merged, the environment is filled in when
all are, then statements run: so the config's hash can be taken between, without passwords.
"""

from __future__ import annotations

import copy
import difflib
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from runner.config.document import Document, KeyPath, key_path
from runner.errors import Fault

COPY, ENV, DEFAULT, PYTHON = "__copy__", "__env__", "__default__", "__python__"
FACTORY, FACTORY_ALIAS = "!", "__factory__"

_DIRECTIVES = (COPY, ENV, DEFAULT, PYTHON, FACTORY_ALIAS)
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_MISSING = object()


def merge(earlier: Document, later: Document) -> tuple[Document, list[Fault]]:
    """Lay one file over those before it, and make the copies that it asks for."""
    copier = _Copier(earlier, earlier.overlay(later))
    return copier.run(), copier.faults


def fill_in(
    document: Document, environ: Mapping[str, str], here: str
) -> tuple[Document, list[Fault]]:
    """Fill in the environment, run statements, and write every factory's key as `!`."""
    faults: list[Fault] = []

    def fault(path: KeyPath, problem: str, expected: str | None = None) -> None:
        place = document.place(path)
        faults.append(Fault(problem, expected, str(place) if place else None, key_path(path)))

    def variables(found: dict[Any, Any], path: KeyPath) -> Any:
        return _variable(found, path, environ, fault) if ENV in found else found

    document.values = _rebuild(document.values, (), variables)
    names = dict.fromkeys(("C", "cfg", "config"), document.values)

    def statements(found: dict[Any, Any], path: KeyPath) -> Any:
        if PYTHON in found:
            text = found.pop(PYTHON)
            try:
                # SECURITY: as with a factory's name, who writes the config chooses the code.
                exec(text, {"environ": environ, "here": here, **names})
            except Exception as ex:
                fault((*path, PYTHON), f"{type(ex).__name__}: {ex}", "Python statements")
        return found

    _visit(document.values, (), statements)

    def factories(found: dict[Any, Any], path: KeyPath) -> Any:
        for name in found:
            if isinstance(name, str) and name.startswith("__") and name.endswith("__"):
                _check_directive(name, (*path, name), found, fault)
        if FACTORY_ALIAS in found:
            return {FACTORY if key == FACTORY_ALIAS else key: at for key, at in found.items()}
        return found

    document.values = _rebuild(document.values, (), factories)
    return document, faults


def _check_directive(
    name: str, path: KeyPath, found: Mapping[Any, Any], fault: Callable[..., None]
) -> None:
    if name == DEFAULT:
        fault(path, "a default without anything that could be missing", f"{COPY} or {ENV} beside")
    elif name == FACTORY_ALIAS and FACTORY in found:
        fault(path, f"the same as {FACTORY!r}, which is there too", "one of them")
    elif name not in _DIRECTIVES:
        near = difflib.get_close_matches(name, _DIRECTIVES, n=1)
        meant = f", did you mean {near[0]!r}?" if near else ""
        fault(path, f"unknown directive{meant}", None if near else f"one of {_DIRECTIVES}")


def _variable(
    found: dict[Any, Any],
    path: KeyPath,
    environ: Mapping[str, str],
    fault: Callable[..., None],
) -> Any:
    text = found[ENV]
    others = [key for key in found if key not in (ENV, DEFAULT)]
    if not isinstance(text, str) or others:
        fault(path, f"{ENV} stands alone or with {DEFAULT}", "the name of a variable")
        return None
    try:
        return string.Template(text).substitute(environ) if "$" in text else environ[text]
    except KeyError as ex:
        if DEFAULT in found:
            return found[DEFAULT]
        fault(path, f"the environment variable {ex.args[0]} is not set", f"it, or {DEFAULT}")
    except ValueError:
        fault(path, "a $ that begins no ${NAME}", "$$ for the sign itself")
    return None


class _Copier:
    """Make the copies of one merged document; what a copy copies is resolved before it."""

    def __init__(self, earlier: Document, merged: Document) -> None:
        self._earlier = earlier
        self._merged = merged
        self._making: list[KeyPath] = []
        self._copied: set[Any] = set()
        self.faults: list[Fault] = []

    def run(self) -> Document:
        values = self._walk(self._merged.values, ())
        copied = self._merged.copied | self._copied
        # The same copy may have been made for its own sake and for another one's.
        self.faults = list(dict.fromkeys(self.faults))
        return Document(values, self._merged.places, copied)

    def _walk(self, value: Any, path: KeyPath) -> Any:
        """Resolve all copies within a value; maps and lists change in place."""
        if isinstance(value, dict):
            for key in list(value):
                value[key] = self._walk(value[key], (*path, key))
            return self._copy(value, path) if COPY in value else value
        if isinstance(value, list):
            value[:] = [self._walk(item, (*path, at)) for at, item in enumerate(value)]
        elif type(value) is tuple:
            return tuple(self._walk(item, (*path, at)) for at, item in enumerate(value))
        return value

    def _copy(self, found: dict[Any, Any], path: KeyPath) -> Any:
        target = found[COPY]
        parts = _parse(target) if isinstance(target, str) else None
        if parts is None:
            return self._fault(path, f"{target!r} is no path", "keys joined by dots")
        if path in self._making:
            return self._fault(path, f"{target!r} copies itself, by way of others")
        self._making.append(path)
        siblings = {key: item for key, item in found.items() if key not in (COPY, DEFAULT)}
        document, origin, value = self._find(parts, path)
        self._making.pop()
        if value is _MISSING:
            if DEFAULT not in found:
                near = _near(parts, self._merged.values)
                self._copied |= {near} - {None}  # it was meant, so it is no stray key
                return self._fault(path, *_not_there(target, parts, near))
            origin, value = (*path, DEFAULT), found[DEFAULT]
        self._copied.add(origin[0])
        value = copy.deepcopy(value)
        if siblings and not isinstance(value, dict):
            names = ", ".join(map(str, siblings))
            return self._fault(path, f"{target!r} is no map, so {names} cannot override it")
        self._merged.copy_places(document, origin, path)
        return {**value, **siblings} if siblings else value

    def _find(self, parts: list[str | int], path: KeyPath) -> tuple[Document, KeyPath, Any]:
        """Look in the merged document, unless for what the copy stands in; then in the earlier."""
        if path[: len(parts)] != tuple(parts):
            origin, value = self._lookup(self._merged, parts, self._walk)
            if value is not _MISSING:
                return self._merged, origin, value
        return self._earlier, *self._lookup(self._earlier, parts, lambda value, _: value)

    @staticmethod
    def _lookup(
        document: Document, parts: list[str | int], resolve: Callable[[Any, KeyPath], Any]
    ) -> tuple[KeyPath, Any]:
        value: Any = document.values
        origin: KeyPath = ()
        for at, part in enumerate(parts, 1):
            is_position = isinstance(value, list | tuple) and str(part).isdigit()
            key = int(part) if is_position else part
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return origin, _MISSING
            origin = (*origin, key)
            if at == len(parts) or (isinstance(value, dict) and COPY in value):
                value = resolve(value, origin)
        return origin, value

    def _fault(self, path: KeyPath, problem: str, expected: str | None = None) -> None:
        place = self._merged.place((*path, COPY))
        where = key_path((*path, COPY))
        self.faults.append(Fault(problem, expected, str(place) if place else None, where))


def _parse(target: str) -> list[str | int] | None:
    """Read `a.b[0]`, which may be written `a.b.0`; None if it is no path."""
    parts: list[str | int] = []
    for part in target.split("."):
        matches = list(_PART.finditer(part))
        if not part or "".join(match.group() for match in matches) != part:
            return None
        parts += [int(match[1]) if match[1] else match[2] for match in matches]
    return parts


def _near(parts: list[str | int], values: Mapping[Any, Any]) -> str | None:
    """Give the key at the top that a path was to begin with, as far as one can tell."""
    return next(
        iter(difflib.get_close_matches(str(parts[0]), map(str, values), n=1, cutoff=0.7)), None
    )


def _not_there(target: str, parts: list[str | int], near: str | None) -> tuple[str, str]:
    meant = f", did you mean {near!r}?" if near and near != parts[0] else ""
    return f"nothing is at {target!r} to copy{meant}", f"an earlier value, or {DEFAULT}"


def _rebuild(value: Any, path: KeyPath, change: Callable[[dict[Any, Any], KeyPath], Any]) -> Any:
    """Give the value with every map replaced by what ``change`` makes of it, innermost first."""
    if isinstance(value, dict):
        rebuilt = {key: _rebuild(item, (*path, key), change) for key, item in value.items()}
        return change(rebuilt, path)
    if type(value) in (list, tuple):
        return type(value)(_rebuild(item, (*path, at), change) for at, item in enumerate(value))
    return value


def _visit(value: Any, path: KeyPath, act: Callable[[dict[Any, Any], KeyPath], Any]) -> None:
    """Act on every map in place, innermost first; a map may change while it is visited."""
    if isinstance(value, dict):
        for key, item in list(value.items()):
            _visit(item, (*path, key), act)
        act(value, path)
    elif type(value) in (list, tuple):
        for at, item in enumerate(value):
            _visit(item, (*path, at), act)
