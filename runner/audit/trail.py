"""Write records before the answers that they tell of leave.

`append` takes a line; the lines of one turn of the event loop are written together. `settle` is
called once a connection and turn, before its bytes leave, and calls back with whether they may:

    True    the records are written (durability process) or on the disk (durability disk)
    False   they could not be, and the answers are to be refused (on_failure refuse)

A written line survives the death of every process here; one on the disk survives the machine's.
Records that could not be written are taken off the chain, so that it has no holes, and counted: the
first record after them, ``resume``, tells how many they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from runner.audit.chain import Chain, digest_of
from runner.audit.file import LogFile, Pipe, Written
from runner.logs import get_logger

_log = get_logger("runner.audit")

Settled = Callable[[bool], None]

_SHOUT = 1.0  # seconds between lines of log about one failure
_REMEMBERED = 256  # failed writes whose requests may still ask


class Resumed(Protocol):
    """Record that records are written again (runner.audit.record.Recorder.resume)."""

    def __call__(self, lost: int, torn: Sequence[str]) -> None: ...


class Trail:
    """Where one process's records go. ``files``: the first counts, the others are copies."""

    def __init__(
        self,
        chain: Chain,
        files: Sequence[LogFile | Pipe],
        *,
        to_disk: bool = False,
        refuse: bool = True,
    ) -> None:
        self.failing = False
        self.resumed: Resumed | None = None
        self.appended = 0
        """Number of records so far; the number of the last one is what `settle` takes."""
        self._chain = chain
        self._files = files
        self._to_disk = to_disk
        self._refuse = refuse
        self._lines: list[bytes] = []
        self._base = (chain.sequence, chain.previous)
        self._written = self._synced = 0
        self._bad: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._waiting: list[tuple[int, Settled]] = []
        self._syncing: asyncio.Task[None] | None = None
        self._lost = self._in_doubt = 0
        self._torn: list[str] = []
        self._shouted = -_SHOUT

    def append(self, line: bytes) -> int:
        """Take a line that is to be written in this turn; give its number."""
        if not self._lines:
            # Without a running loop the caller flushes.
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(line)
        self.appended += 1
        return self.appended

    def settle(self, callback: Settled, number: int | None = None) -> None:
        """Call back once the records up to ``number``, all unless told, are safe, or are not.

        At once unless the disk has to be waited for.
        """
        if self._lines:
            self.flush()
        upto = self.appended if number is None else number
        known = not self._to_disk or upto <= self._synced or self._is_bad(upto)
        if known and not self._waiting:
            callback(not (self._refuse and self._is_bad(upto)))
            return
        self._waiting.append((upto, callback))
        if self._syncing is None:
            self._syncing = asyncio.get_running_loop().create_task(self._sync())

    def flush(self) -> bool:
        """Write what was taken, now; say whether all of it could be."""
        lines, self._lines = self._lines, []
        if not lines:
            return True
        found = self._files[0].append(lines)
        kept = found.lines
        self._written += len(lines)
        if kept:
            self._base = (self._base[0] + kept, digest_of(lines[kept - 1]))
        for copy in self._files[1:]:
            told = copy.append(lines[:kept])
            if told.error is not None:
                self._shout("usage records cannot be copied", told.error, "the file has them")
        if found.error is not None:
            self._fail(len(lines) - kept, found)
            return False
        if self._lost or self._torn:
            self._resume()
        self.failing = False
        return True

    def write(self) -> bool:
        """Write what was taken, and wait for the disk if need be; say whether all of it is safe.

        For who has no event loop, and no bytes that `settle` could hold back.
        """
        written = self.flush()
        if self._to_disk:
            try:
                self._files[0].sync()
            except OSError as ex:
                self._shout("usage records do not reach the disk", ex)
                return False
        return written

    def close(self) -> None:
        """Write what is left."""
        self.write()
        for file in self._files:
            file.close()

    def _is_bad(self, number: int) -> bool:
        return any(low <= number <= high for low, high in self._bad)

    def _fail(self, count: int, found: Written) -> None:
        # Off the chain: what is sealed next takes their place.
        self._chain.back_to(*self._base)
        self._bad.append((self.appended - count + 1, self.appended))
        self._lost += count
        self._torn += found.torn
        self.failing = True
        assert found.error is not None
        self._shout("usage records cannot be written", found.error, lost=self._lost)

    def _resume(self) -> None:
        lost, self._lost = self._lost, 0
        torn, self._torn = self._torn, []
        _log.warning("usage records are written again", lost=lost)
        if self.resumed is not None:
            self.resumed(lost, torn)

    def _shout(self, what: str, error: OSError, effect: str = "", **count: int) -> None:
        now = time.monotonic()
        if now - self._shouted >= _SHOUT:
            self._shouted = now
            answer = "predictions are refused" if self._refuse else "predictions go on"
            _log.error(what, reason=str(error), effect=effect or answer, **count)

    async def _sync(self) -> None:
        """Bring to the disk what is written; what comes meanwhile waits for the next time."""
        while self._waiting:
            upto = self._written
            try:
                await asyncio.to_thread(self._files[0].sync)
                safe = True
                if self._in_doubt:
                    _log.warning("usage records reach the disk again", in_doubt=self._in_doubt)
                    self._in_doubt = 0
            except OSError as ex:
                safe = False
                # What the kernel could not write it may have dropped: ask for no second opinion.
                self._in_doubt += upto - self._synced
                self._shout("usage records do not reach the disk", ex, in_doubt=self._in_doubt)
            self._synced = upto
            ready = [each for each in self._waiting if each[0] <= upto]
            self._waiting = [each for each in self._waiting if each[0] > upto]
            for number, callback in ready:
                callback(not self._refuse or (safe and not self._is_bad(number)))
        self._syncing = None
