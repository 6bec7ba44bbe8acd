"""Find what was done to a log: records changed, removed, moved, doubled or cut off.

Per writer, the records' numbers go up by one and each names the digest of the one before. The last
ones have nobody behind them: the store has their digests (heads), brought there by the projector
and by commands. What is newer than that is vouched for by its own digest alone, and counted.

A record that is cut off is none, so what it was must be missed by the record behind it or by the
head. If neither is there, its writer was killed while it wrote: nobody was answered yet.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runner.audit.chain import GENESIS, is_sealed
from runner.audit.reading import BEGIN, Line, lines, parsed

_WRITER = re.compile(rb'[^{}]*,"runner\.chain\.writer":"([0-9a-f]{16})"')
_BEFORE_WRITER = 512  # bytes, at most


class Head(Protocol):
    """The last record of a writer that the store knows."""

    @property
    def sequence(self) -> int: ...
    @property
    def digest(self) -> str: ...


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong: where it shows, whose record it is, and what."""

    problem: str
    file: str | None = None
    line: int | None = None
    writer: str | None = None
    sequence: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        whose = f"writer {self.writer}, record {self.sequence}: " if self.writer else ""
        return f"{place}{whose}{self.problem}"


@dataclass
class Report:
    """What was found: the first fault is the earliest in the log."""

    records: int = 0
    files: int = 0
    writers: int = 0
    unanchored: int = 0
    """Records newer than their writer's head in the store."""
    pieces: int = 0
    """Pieces of lines that were left behind by failed writes and by who was killed in a write."""
    faults: list[Wrong] = field(default_factory=list)


def verify(
    files: Sequence[Path],
    heads: Mapping[str, Head],
    *,
    key: bytes | None = None,
    expected: Iterable[str] = (),
    partial: bool = False,
) -> Report:
    """Check a log's files, oldest first.

    ``expected``: the writers that must have records in it; ``partial``: older files have been
    removed, so that a writer may begin later than with its first record. Raises OSError.
    """
    check = _Check(heads, key, partial)
    for file in files:
        for line in lines(file):
            check.look(line)
    check.finish(expected)
    report = check.report
    report.files = len(files)
    return report


class _Check:
    def __init__(self, heads: Mapping[str, Head], key: bytes | None, partial: bool) -> None:
        self.report = Report()
        self._heads = heads
        self._key = key
        self._partial = partial
        self._last: dict[str, tuple[int, str]] = {}
        self._last_at: dict[str, int] = {}
        self._pieces: list[tuple[int, Line]] = []
        self._excused: set[int] = set()
        self._torn: set[str] = set()
        self._faults: list[tuple[int, Wrong]] = []
        self._at = 0

    def look(self, line: Line) -> None:
        """Check one line."""
        self._at += 1
        if line.piece:
            self._pieces.append((self._at, line))
        if not line.record:
            return
        fields = parsed(line.record)
        if fields is None:
            self._fault(line, "is no record")
            return
        if not is_sealed(line.record, self._key):
            self._fault(line, "was changed, or sealed with another key", fields)
        elif (problem := self._link(fields)) is not None:
            self._fault(line, problem, fields)
        else:
            self._excuse(line.record, fields)
        self.report.records += 1
        if _names_itself(fields):
            number, digest = fields["event.sequence"], fields["runner.chain.digest"]
            self._last[fields["runner.chain.writer"]] = (number, digest)
            self._last_at[fields["runner.chain.writer"]] = self._at

    def _link(self, fields: Mapping[str, Any]) -> str | None:
        """Say what is wrong with a record's place in its chain."""
        if not _names_itself(fields):
            return "names no place in a chain"
        writer, number = fields["runner.chain.writer"], fields["event.sequence"]
        last, digest = self._last.get(writer, (0, GENESIS))
        if number <= last:
            return f"comes after record {last}: moved or doubled"
        if number > last + 1:
            if writer not in self._last and self._partial:
                return self._anchored(writer, number, fields["runner.chain.digest"])
            return f"records {last + 1} to {number - 1} before it are missing"
        if fields["runner.chain.previous"] != digest:
            return "does not follow the record before it"
        return self._anchored(writer, number, fields["runner.chain.digest"])

    def _anchored(self, writer: str, number: int, digest: str) -> str | None:
        head = self._heads.get(writer)
        if head is not None and head.sequence == number and head.digest != digest:
            return "is not the record that the store knows by its digest"
        return None

    def _excuse(self, record: bytes, fields: Mapping[str, Any]) -> None:
        """A piece is accounted for if its line was written again, or its writer has told of it."""
        self._torn.update(fields.get("runner.torn", ()))
        for at, line in self._pieces:
            if len(line.piece) < len(record) and record.startswith(line.piece):
                self._excused.add(at)

    def _was_last(self, at: int, piece: bytes) -> bool:
        """A piece is what a writer was at when it was killed, if it wrote nothing afterwards."""
        if not piece.startswith(BEGIN):
            return BEGIN.startswith(piece)
        found = _WRITER.match(piece, 1)
        if found is None:
            return len(piece) <= _BEFORE_WRITER
        return self._last_at.get(found[1].decode(), 0) < at

    def finish(self, expected: Iterable[str]) -> None:
        """Look at what only the end shows, and put the faults in order."""
        for at, line in self._pieces:
            told = hashlib.sha256(line.piece).hexdigest() in self._torn
            if at in self._excused or told or self._was_last(at, line.piece):
                self.report.pieces += 1
            else:
                problem = f"{len(line.piece)} bytes are no record"
                self._faults.append((at, Wrong(problem, str(line.file), line.number)))
        for writer, head in self._heads.items():
            last, _ = self._last.get(writer, (0, ""))
            if last < head.sequence and (writer in self._last or writer in set(expected)):
                missing = Wrong(
                    f"the log ends with record {last} of this writer: "
                    f"{head.sequence - last} more were there",
                    writer=writer,
                    sequence=last + 1,
                )
                self._faults.append((self._at + 1, missing))
        for writer, (last, _) in self._last.items():
            known = self._heads.get(writer)
            self.report.unanchored += max(0, last - (known.sequence if known else 0))
        self._faults.sort(key=lambda pair: pair[0])
        self.report.faults = [fault for _, fault in self._faults]
        self.report.writers = len(self._last)

    def _fault(self, line: Line, problem: str, fields: Mapping[str, Any] | None = None) -> None:
        fields = fields or {}
        writer, number = fields.get("runner.chain.writer"), fields.get("event.sequence")
        wrong = Wrong(problem, str(line.file), line.number, writer, number)
        self._faults.append((self._at, wrong))


def _names_itself(fields: Mapping[str, Any]) -> bool:
    return (
        isinstance(fields.get("event.sequence"), int)
        and isinstance(fields.get("runner.chain.writer"), str)
        and isinstance(fields.get("runner.chain.digest"), str)
    )
