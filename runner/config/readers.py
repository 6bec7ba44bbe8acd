"""Read single values of a config: strings, numbers in a range, sizes, files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runner.config.cursor import Cursor, Faulty, show

_SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]i?B|B)?")
_UNITS = {"B": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def text(cursor: Cursor) -> str:
    """Read a string that is not empty."""
    found = cursor.value
    if isinstance(found, str) and found:
        return found
    hint = " (in quotes)" if isinstance(found, bool | int | float) else ""
    raise Faulty(f"found {show(found)}", f"a string{hint}")


def service_name(cursor: Cursor) -> str:
    """Read a name that can stand in a URL's path as it is."""
    found = text(cursor)
    if not _SERVICE_NAME.fullmatch(found):
        raise Faulty(f"found {show(found)}", "up to 100 letters, digits, '.', '_', '-'")
    return found


def url_path(cursor: Cursor) -> str:
    """Read a path of a URL, such as /predict."""
    found = text(cursor)
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", found):
        raise Faulty(f"found {show(found)}", "a path such as /predict")
    return found


def url(cursor: Cursor) -> str:
    """Read a URL; the path of sqlite:///path is made absolute. No message repeats it."""
    found = cursor.value
    # SECURITY: it may hold a password, wherever somebody put it.
    if not isinstance(found, str) or "://" not in found:
        raise Faulty("found no URL", "such as sqlite:///runner.db or postgresql://host/database")
    scheme, _, path = found.partition(":///")
    if scheme.startswith("sqlite") and path and path[0] not in "/:":
        return f"{scheme}:///{cursor.resolve(path)}"
    return found


def flag(cursor: Cursor) -> bool:
    """Read a boolean."""
    if isinstance(cursor.value, bool):
        return cursor.value
    raise Faulty(f"found {show(cursor.value)}", "true or false")


def one_of(*choices: str) -> Callable[[Cursor], str]:
    """Make a reader of a few words."""

    def read(cursor: Cursor) -> str:
        if isinstance(cursor.value, str) and cursor.value in choices:
            return cursor.value
        raise Faulty(f"found {show(cursor.value)}", f"one of {', '.join(choices)}")

    return read


def place(cursor: Cursor) -> Path:
    """Read the path of a file that need not be there; give it absolute."""
    return cursor.resolve(text(cursor)).absolute()


def whole(low: int, high: int) -> Callable[[Cursor], int]:
    """Make a reader of integers within limits, both included."""

    def read(cursor: Cursor) -> int:
        found = cursor.value
        if isinstance(found, int) and not isinstance(found, bool) and low <= found <= high:
            return found
        raise Faulty(f"found {show(found)}", f"an integer from {low} to {high}")

    return read


def seconds(high: float) -> Callable[[Cursor], float]:
    """Make a reader of durations in seconds, above 0 and up to ``high``."""

    def read(cursor: Cursor) -> float:
        found = cursor.value
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if is_number and math.isfinite(found) and 0 < found <= high:
            return float(found)
        raise Faulty(f"found {show(found)}", f"seconds, above 0 and up to {high:g}")

    return read


def size(low: int, high: int) -> Callable[[Cursor], int]:
    """Make a reader of sizes in bytes: an integer, or a string such as 512 MiB or 2 GB."""

    def read(cursor: Cursor) -> int:
        found = cursor.value
        count: float | None = None
        if isinstance(found, int) and not isinstance(found, bool):
            count = found
        elif isinstance(found, str) and (match := _SIZE.fullmatch(found.strip())):
            unit = match[2] or "B"
            count = float(match[1]) * (1024 if "i" in unit else 1000) ** _UNITS[unit[0]]
        if count is not None and low <= count <= high:
            return int(count)
        limits = f"from {_human(low)} to {_human(high)}"
        raise Faulty(f"found {show(found)}", f"bytes, or a size such as 512 MiB, {limits}")

    return read


def _human(count: int) -> str:
    for unit, name in ((1024**4, "TiB"), (1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} B"


def texts(cursor: Cursor) -> tuple[str, ...]:
    """Read a list of strings that is not empty."""
    found = cursor.value
    if not isinstance(found, list | tuple) or not found:
        raise Faulty(f"found {show(found)}", "a list of strings")
    return tuple(item.read(text, "") for item in cursor.children())


def secret_texts(cursor: Cursor) -> Mapping[str, str]:
    """Read a map of strings whose values no message repeats."""
    found = cursor.value
    if not isinstance(found, Mapping):
        raise Faulty(f"found {show(found)}", "a map of names to strings")
    for item in cursor.children():
        if not isinstance(item.path[-1], str) or not isinstance(item.value, str):
            item.fault(f"found a value of type {type(item.value).__name__}", "a string (in quotes)")
    return {name: item for name, item in found.items() if isinstance(item, str)}


def free_map(cursor: Cursor) -> Mapping[str, Any]:
    """Read a map that is the user's own, with strings as keys."""
    if not isinstance(cursor.value, Mapping):
        raise Faulty(f"found {show(cursor.value)}", "a map")
    for key in cursor.value:
        if not isinstance(key, str):
            cursor.fault_at(key, f"the key is {show(key)}", "a string (in quotes)")
    return cursor.value


def file(what: str) -> Callable[[Cursor], str]:
    """Make a reader of files that must be there; gives the absolute path."""

    def read(cursor: Cursor) -> str:
        found = cursor.resolve(text(cursor))
        if not found.is_file():
            problem = "is a folder" if found.is_dir() else "does not exist"
            raise Faulty(f"{what} {show(cursor.value)} {problem}", f"a file, such as {found}")
        return str(found)

    return read
