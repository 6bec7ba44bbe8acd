"""Hold what config files say, and remember for each value the file and line that said it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KeyPath = tuple[Any, ...]
"""Where a value stands: the keys and list positions that lead to it from the top."""


@dataclass(frozen=True)
class Place:
    """A line of a file; `file` as the user named it, lines counted from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Document:
    """The values of one file, or of several merged ones, with their places beside them.

    The values are plain dicts and lists. A path without a place of its own (made by a directive)
    has that of the nearest value around it.
    """

    values: dict[Any, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    copied: frozenset[Any] = frozenset()
    """Top-level keys that a copy was made from: they have a use, whatever their name."""

    def place(self, path: KeyPath) -> Place | None:
        """Give the place of a value, or of the nearest one around it."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places.get(path)

    def overlay(self, later: Document) -> Document:
        """Merge: a top-level key of the later document replaces ours whole."""
        kept = {p: at for p, at in self.places.items() if not p or p[0] not in later.values}
        return Document(
            {**self.values, **later.values},
            {**kept, **later.places},
            self.copied | later.copied,
        )

    def copy_places(self, source: Document, origin: KeyPath, target: KeyPath) -> None:
        """Give what was copied from ``origin`` the places it had there, unless it has its own."""
        length = len(origin)
        for path, at in list(source.places.items()):
            if len(path) > length and path[:length] == origin:
                self.places.setdefault(target + path[length:], at)


def key_path(path: KeyPath) -> str:
    """Write a path for people.

    >>> key_path(("predict_service", "mapping", 2))
    'predict_service.mapping[2]'
    """
    text = ""
    for part in path:
        if isinstance(part, int) and not isinstance(part, bool):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else str(part)
    return text


def plain(value: Any) -> Any:
    """Copy maps and lists, and leave everything within them as it is."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if type(value) is tuple:
        return tuple(plain(item) for item in value)
    return value
