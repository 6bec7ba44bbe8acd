"""Count usage from the log into the store, each record once, and anchor the chains' heads there.

The log is the truth, the tables are what follows from it: a projector that was killed goes on where
its last transaction ended, and `rebuild` makes the same tables from the log alone. Any number of
projectors may count the same log.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from runner.audit import reading
from runner.audit.opening import log_name
from runner.audit.record import PREDICT
from runner.errors import Refused, RunnerError
from runner.logs import get_logger
from runner.store import Head, Part, Store
from runner.store.schema import LATENCIES

PAUSE = 1.0
"""Seconds between looks at the log."""

_CHUNK = 16 * 1024 * 1024  # bytes that are counted in one transaction, and the rest of a line
_LIMITS = [limit * 1_000_000 for limit in LATENCIES]
_MOST, _LONGEST = 2**53, 256
_LATENCY = 6  # where the histogram begins among the counts
_NOTHING = [0] * (_LATENCY + len(LATENCIES) + 1)

_log = get_logger("runner.audit")


class Projector:
    """Count one log into one store."""

    def __init__(self, path: Path, store: Store) -> None:
        self.path = path
        self.log = log_name(path)
        self.store = store
        self._seen: dict[tuple[int, int], int] = {}

    async def run(self) -> None:
        """Count for ever. A store or log that is away is looked for again."""
        away = False
        while True:
            try:
                await asyncio.to_thread(self.step)
                away = False
            except (RunnerError, OSError, EOFError) as ex:
                if not away:
                    _log.error("usage is not counted for now", reason=str(ex))
                away = True
            await asyncio.sleep(PAUSE)

    def finish(self) -> None:
        """Count what is there at the end; what cannot be counted now is counted later."""
        try:
            self.step()
        except (RunnerError, OSError, EOFError) as ex:
            _log.error("usage is counted at the next start", reason=str(ex))

    def step(self) -> None:
        """Count what the log has beyond what is counted. Raises RunnerError, OSError."""
        changed = [found for path in reading.names(self.path) if (found := self._changed(path))]
        if not changed:
            return
        positions = self.store.usage.positions(self.log)
        for path, file, inode, size in changed:
            position = positions.get(file, 0)
            # What comes meanwhile has to wait: a busy log would have the store locked all the time.
            end = math.inf if path.suffix in reading.COMPRESSED else size
            while position < end and (part := _read(path, file, position)) is not None:
                if self.store.usage.add(self.log, part):
                    position = part.end
                else:  # another projector was faster
                    position = self.store.usage.positions(self.log).get(file, 0)
            self._seen[inode] = size if path.suffix in reading.COMPRESSED else position

    def rebuild(self, *, partial: bool = False) -> int:
        """Count the whole log anew in the place of what was counted; give the requests.

        Raises Refused if files that were counted are gone, unless ``partial``.
        """
        counted: dict[tuple[Any, ...], list[int]] = {}
        parts = []
        for path in reading.names(self.path):
            file = reading.identity(path)
            if file is None:
                continue
            position = 0
            while (part := _read(path, file, position)) is not None:
                for key, counts in part.counted.items():
                    _add(counted, key, counts)
                position = part.end
            parts.append(Part(file, path.name, 0, position))
        gone = set(self.store.usage.positions(self.log)) - {part.file for part in parts}
        if gone and not partial:
            raise Refused(
                f"{len(gone)} files of {self.path} that were counted are gone: with --partial "
                "their records are not counted any more"
            )
        self.store.usage.replace(self.log, parts, counted)
        return sum(counts[0] for counts in counted.values())

    def _changed(self, path: Path) -> tuple[Path, str, tuple[int, int], int] | None:
        """Give a file that has grown since it was counted, with what it is known by."""
        try:
            found = path.stat()
        except FileNotFoundError:  # rotated away at this moment
            return None
        inode = (found.st_dev, found.st_ino)
        if self._seen.get(inode) == found.st_size:
            return None
        file = reading.identity(path)
        if file is None:
            return None
        return path, file, inode, found.st_size


def _read(path: Path, file: str, begin: int) -> Part | None:
    """Count the next part of a file; None if there is no further whole line."""
    with reading.opened(path) as stream:
        stream.seek(begin)
        data = stream.read(_CHUNK)
        if data and not data.endswith(b"\n"):
            whole = data.rfind(b"\n") + 1
            data = data[:whole] if whole else data + stream.readline()
            if not data.endswith(b"\n"):
                return None  # somebody is writing it
    if not data:
        return None
    counted, heads = count(data.splitlines(keepends=True))
    return Part(file, path.name, begin, begin + len(data), counted, heads)


def count(lines: Iterable[bytes]) -> tuple[dict[tuple[Any, ...], list[int]], list[Head]]:
    """Give the counts of lines by hour, service, version, client and outcome, and their heads."""
    counted: dict[tuple[Any, ...], list[int]] = {}
    last: dict[str, dict[str, Any]] = {}
    hours: dict[str, datetime] = {}
    for line in lines:
        _, record = reading.split(line)
        fields = reading.parsed(record) if record else None
        if fields is None:
            continue
        try:
            writer, sequence = fields["runner.chain.writer"], fields["event.sequence"]
            if not _are_names(writer, fields["runner.chain.digest"]) or not _are_counts(sequence):
                continue
            if writer not in last or last[writer]["event.sequence"] < sequence:
                last[writer] = fields
            if fields["event.action"] != PREDICT:
                continue
            stamp = fields["@timestamp"][:13]
            if stamp not in hours:
                hours[stamp] = datetime.fromisoformat(f"{stamp}:00:00+00:00")
            nanoseconds, status = fields["event.duration"], fields["http.response.status_code"]
            bucket = _LATENCY + bisect_left(_LIMITS, nanoseconds)
            bytes_in = fields["http.request.body.bytes"]
            bytes_out = fields["http.response.body.bytes"]
            rows, version = fields.get("runner.rows", 0), fields.get("runner.model.version", 0)
            names = fields.get("service.name", ""), fields.get("client.id", "")
            outcome = fields["event.outcome"]
            # Whatever somebody has written there, one line must not keep the others from the store.
            if not _are_counts(nanoseconds, status, bytes_in, bytes_out, rows, version):
                continue
            if not _are_names(outcome, *names):
                continue
        except (KeyError, TypeError, ValueError):
            continue  # no record of ours: `runner audit verify` says which
        key = (hours[stamp], names[0], version, names[1], outcome)
        counts = counted.get(key)
        if counts is None:
            counts = counted[key] = list(_NOTHING)
        counts[0] += 1
        counts[1] += rows
        counts[2] += status >= 500
        counts[3] += bytes_in
        counts[4] += bytes_out
        counts[5] += nanoseconds
        counts[bucket] += 1
    heads = [
        Head(writer, told["event.sequence"], told["runner.chain.digest"])
        for writer, told in last.items()
    ]
    return counted, heads


def _are_counts(*values: Any) -> bool:
    """Say whether values are integers that the store can keep and add up."""
    return all(type(value) is int and 0 <= value <= _MOST for value in values)


def _are_names(*values: Any) -> bool:
    """Say whether values are strings of a length that a record may have."""
    return all(type(value) is str and len(value) <= _LONGEST for value in values)


def _add(
    counted: dict[tuple[Any, ...], list[int]], key: tuple[Any, ...], counts: Iterable[int]
) -> None:
    before = counted.setdefault(key, list(_NOTHING))
    for at, number in enumerate(counts):
        before[at] += number
