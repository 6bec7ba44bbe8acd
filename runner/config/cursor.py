"""Walk a config by tables of keys, and collect every fault instead of stopping at the first.

A *reader* is a function from a cursor to a value; it raises `Faulty` for what it cannot read.
`Cursor.section` reads a map by a table of `Key`s. Places and key paths come from the document.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.config.document import Document, KeyPath, Place, key_path
from runner.errors import Fault

_LONGEST = 60


class Faulty(Exception):
    """What a reader found cannot be read; says what was found, and what was expected."""

    def __init__(self, problem: str, expected: str | None = None) -> None:
        super().__init__(problem, expected)
        self.problem = problem
        self.expected = expected


@dataclass(frozen=True)
class Key:
    """One key of a section: how to read it, and what holds without it."""

    read: Callable[[Cursor], Any]
    default: Any = None
    required: bool = False


class Faults:
    """Collect faults with the place that each belongs to."""

    def __init__(self) -> None:
        self._found: list[tuple[Place | None, Fault]] = []

    def add(self, fault: Fault, place: Place | None) -> None:
        """Take one fault."""
        self._found.append((place, fault))

    def __iter__(self) -> Iterator[Fault]:
        """Give the faults in the order of files and lines, each once."""
        files: dict[Path, int] = {}
        for place, _ in self._found:
            if place is not None:
                files.setdefault(place.file, len(files))
        found = sorted(
            self._found, key=lambda pair: (files[pair[0].file], pair[0].line) if pair[0] else (0, 0)
        )
        return iter(dict.fromkeys(fault for _, fault in found))


class Cursor:
    """A value of a document, with the path that leads to it."""

    def __init__(self, document: Document, faults: Faults, path: KeyPath = ()) -> None:
        self._document = document
        self._faults = faults
        self.path = path
        value: Any = document.values
        for part in path:
            value = value[part]
        self.value = value

    def child(self, key: Any) -> Cursor:
        """Give the cursor of a key or list position, which must be there."""
        return Cursor(self._document, self._faults, (*self.path, key))

    def children(self) -> Iterator[Cursor]:
        """Give the cursors of a map's keys, or a list's positions."""
        keys = self.value if isinstance(self.value, Mapping) else range(len(self.value))
        return (self.child(key) for key in keys)

    @property
    def folder(self) -> Path:
        """The folder of the file that says this."""
        place = self._document.place(self.path)
        return (place.file if place else Path()).absolute().parent

    def resolve(self, text: str) -> Path:
        """Give an absolute path: relative ones are looked for beside the file, then from here.

        One that is in neither place belongs beside the file.
        """
        beside, here = self.folder / text, Path.cwd() / text
        return here if here.exists() and not beside.exists() else beside

    def fault(self, problem: str, expected: str | None = None) -> None:
        """Note that something is wrong with this value."""
        place = self._document.place(self.path)
        where = str(place) if place else None
        self._faults.add(Fault(problem, expected, where, key_path(self.path) or None), place)

    def fault_at(self, key: Any, problem: str, expected: str | None = None) -> None:
        """Note that something is wrong with a key of this map, there or not."""
        path = (*self.path, key)
        place = self._document.place(path)
        where = str(place) if place else None
        self._faults.add(Fault(problem, expected, where, key_path(path)), place)

    def read(self, reader: Callable[[Cursor], Any], default: Any = None) -> Any:
        """Read this value, or note the fault and give the default."""
        try:
            return reader(self)
        except Faulty as ex:
            self.fault(ex.problem, ex.expected)
            return default

    def section(self, keys: Mapping[str, Key], *, open: bool = False) -> dict[str, Any]:
        """Read a map by its table of keys; give a value for each of them.

        Raises Faulty if this is no map. Unknown keys are faults, unless the section is ``open``.
        """
        if not isinstance(self.value, Mapping):
            raise Faulty(f"found {show(self.value)}", f"a map of {', '.join(keys)}")
        for key in self.value:
            if key not in keys and not open:
                self.fault_at(key, *unknown(key, keys))
        read = {}
        for name, key in keys.items():
            if name in self.value:
                read[name] = self.child(name).read(key.read, key.default)
            else:
                read[name] = key.default
                if key.required:
                    self.fault_at(name, "is missing")
        return read


def unknown(found: Any, known: Iterable[str], what: str = "key") -> tuple[str, str | None]:
    """Say that a name is not known: with the nearest one that is, or all of them."""
    known = list(known)
    near = difflib.get_close_matches(str(found), known, n=1)
    if near:
        return f"unknown {what} {show(found)}, did you mean {near[0]!r}?", None
    return f"unknown {what} {show(found)}", f"one of {', '.join(known)}"


def show(value: Any) -> str:
    """Name a value for people. Containers only by kind: they may hold passwords."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST else value[:_LONGEST] + "…")
    if isinstance(value, bool | int | float):
        kinds = {bool: "a boolean", int: "an integer", float: "a float"}
        return f"{value!r}, {kinds.get(type(value), 'a number')}"
    return f"a {type(value).__name__}"
