"""Read the pages of documentation: their sections, tables and blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`([\w.-]+)`:\s*\Z")
_HEADING = re.compile(r"^#{1,4} (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, and the file that it is, if the text before says so."""

    language: str
    text: str
    file: str | None


@dataclass(frozen=True)
class Section:
    """What stands under one heading, up to the next."""

    page: Path
    title: str
    text: str
    blocks: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.page.name}: {self.title}"

    @property
    def files(self) -> dict[str, str]:
        """Contents of the files that it shows, by name."""
        return {block.file: block.text for block in self.blocks if block.file}

    def rows(self) -> Iterator[list[str]]:
        """Give the cells of each row of its tables."""
        for line in self.text.splitlines():
            if line.startswith("|") and not line.startswith("|-"):
                yield [cell.strip() for cell in line.strip("| ").split(" | ")]

    def keys(self) -> dict[str, str]:
        """Give the keys that its tables have in the first column, with the row's text."""
        found = {}
        for cells in self.rows():
            for name in _CODE.findall(cells[0]):
                found[name] = " | ".join(cells[1:])
        return found


def read(page: Path) -> str:
    """Give the text of a page."""
    return page.read_text(encoding="utf-8")


def everything() -> str:
    """Give the text of all pages."""
    return "\n".join(map(read, PAGES))


def sections(page: Path) -> list[Section]:
    """Give the sections of a page; what stands in blocks of code is no heading."""
    text = read(page)
    within = [match.span() for match in _BLOCK.finditer(text)]
    starts = [
        match
        for match in _HEADING.finditer(text)
        if not any(start <= match.start() < end for start, end in within)
    ]
    ends = [match.start() for match in starts[1:]] + [len(text)]
    found = []
    for match, end in zip(starts, ends, strict=True):
        body = text[match.end() : end]
        found.append(Section(page, match[1].replace("`", ""), body, _blocks(body)))
    return found


def section(page: str, title: str) -> Section:
    """Give one section of a page of docs/."""
    return next(found for found in sections(ROOT / "docs" / page) if found.title == title)


def _blocks(text: str) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(text):
        named = _NAMED.search(text[: match.start()])
        found.append(Block(match[1], match[2], named[1] if named else None))
    return found
