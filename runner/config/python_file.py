"""Read a Python config, Palladium's own form: a file that is one dict expression.

The expression sees `environ` (the environment) and `here` (the folder of the file) besides
Python's builtins. It is code and trusted as such; it is read once, when the config is loaded.
"""

from __future__ import annotations

import ast
import itertools
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.config.document import Document, KeyPath, Place
from runner.errors import ConfigError, Fault


def read_python(file: Path, text: str, environ: Mapping[str, str]) -> Document:
    """Evaluate the text of a Python config. Raises ConfigError with the line that failed."""
    try:
        tree = ast.parse(text.strip("\ufeff"), str(file), mode="eval")
    except (SyntaxError, ValueError) as ex:
        line = getattr(ex, "lineno", None) or 1
        message = getattr(ex, "msg", None) or str(ex)
        fault = Fault(f"no Python: {message}", "one dict expression", str(Place(file, line)))
        raise ConfigError([fault]) from ex
    names = {"environ": _Environ(environ), "here": str(file.absolute().parent)}
    try:
        # SECURITY: this runs what the file says. A config in Python is code like the model's.
        values = eval(compile(tree, str(file), "eval"), names)
    except Exception as ex:
        raise ConfigError([_failure(file, ex)]) from ex
    if not isinstance(values, dict):
        found = type(values).__name__
        fault = Fault(f"the file holds a {found}", "one dict expression", str(Place(file, 1)))
        raise ConfigError([fault])
    places: dict[KeyPath, Place] = {}
    _note(tree.body, values, (), file, places)
    return Document(values, places)


class _Unset(KeyError):
    def __str__(self) -> str:
        return f"the environment variable {self.args[0]} is not set"


class _Environ(dict[str, str]):
    """The environment as a config sees it: a variable that is not set is named."""

    def __missing__(self, name: str) -> str:
        raise _Unset(name)


def _failure(file: Path, ex: Exception) -> Fault:
    frames = traceback.extract_tb(ex.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file) and frame.lineno]
    problem = str(ex) if isinstance(ex, _Unset) else f"{type(ex).__name__}: {ex}"
    return Fault(problem, file=str(Place(file, lines[-1] if lines else 1)))


def _note(
    node: ast.expr, value: Any, path: KeyPath, file: Path, places: dict[KeyPath, Place]
) -> None:
    """Note the line of every value that is written out: computed ones have that of their key."""
    places.setdefault(path, Place(file, node.lineno))
    if isinstance(node, ast.Dict) and isinstance(value, dict):
        for key, item in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in value:
                places[(*path, key.value)] = Place(file, key.lineno)
                _note(item, value[key.value], (*path, key.value), file, places)
    elif isinstance(node, ast.List | ast.Tuple) and isinstance(value, list | tuple):
        # A starred element ends the correspondence: from there on the list's line must do.
        written = itertools.takewhile(lambda item: not isinstance(item, ast.Starred), node.elts)
        for at, item in enumerate(written):
            _note(item, value[at], (*path, at), file, places)
