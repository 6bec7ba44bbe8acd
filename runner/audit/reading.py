"""Find a log's files, rotated ones too, and read their records, whatever stands between them."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

BEGIN = b'{"@timestamp":"'
"""What a record begins with, and nothing within one: there quotes are escaped, and values lists."""

COMPRESSED: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
}


@dataclass(frozen=True)
class Line:
    """One line of a file: a record, a piece of one, or a piece and a record behind it."""

    file: Path
    number: int
    piece: bytes
    record: bytes
    """The line from the record's begin on, with its end; empty if there is none."""

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


def log_files(path: Path) -> list[Path]:
    """Give the log's files, oldest first, which their first records tell, itself last."""
    found = names(path)
    return sorted(found, key=lambda each: (each == path, _first_line(each)[:64], str(each)))


def names(path: Path) -> list[Path]:
    """Give the log's files in any order: rotated (``.1``, ``.2.gz``, ``-20260301``), itself."""
    rotated = re.compile(re.escape(path.name) + r"[.-]\d[\d.T_-]*(\.gz|\.xz|\.bz2)?")
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    found = {each for each in beside if rotated.fullmatch(each.name)}
    # While logrotate compresses there are both.
    found = {f for f in found if f.suffix not in COMPRESSED or f.with_suffix("") not in found}
    return [*found, path] if path.exists() else list(found)


def opened(path: Path) -> IO[bytes]:
    """Open a file of the log, which may be compressed."""
    file: IO[bytes] = (
        COMPRESSED[path.suffix](path) if path.suffix in COMPRESSED else path.open("rb")
    )
    return file


def identity(path: Path) -> str | None:
    """Give what a file is known by under any name: its first line's digest. None while it has none.

    NOTE: not its inode, which the next file may have.
    """
    line = _first_line(path)
    return hashlib.sha256(line).hexdigest() if line.endswith(b"\n") else None


def lines(path: Path) -> Iterator[Line]:
    """Give a file's lines, but for empty ones."""
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            if line != b"\n":
                yield Line(path, number, *split(line))


def split(line: bytes) -> tuple[bytes, bytes]:
    """Give the piece that a line begins with, and the record behind it; either may be empty."""
    at = line.rfind(BEGIN)
    if at < 0 or not line.endswith(b"}\n"):
        return line.removesuffix(b"\n"), b""
    return line[:at], line[at:]


def parsed(record: bytes) -> dict[str, Any] | None:
    """Give a record's fields; None if it is no JSON object."""
    try:
        found = orjson.loads(record)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _first_line(path: Path) -> bytes:
    try:
        with opened(path) as file:
            return file.readline()
    except (OSError, EOFError):  # rotated away meanwhile, or being compressed
        return b""
