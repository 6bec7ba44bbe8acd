"""Cut what comes in into lines."""

from __future__ import annotations

from collections import deque


class Lines:
    """Lines without their ends, None for one of more than ``longest`` bytes, which is not kept."""

    def __init__(self, longest: int) -> None:
        self.ready: deque[bytes | None] = deque()
        self._longest = longest
        self._part: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take more bytes."""
        head, *others = data.split(b"\n")
        self._grow(head)
        if not others:
            return
        self._cut()
        *whole, tail = others
        longest = self._longest
        self.ready.extend([line if len(line) <= longest else None for line in whole])
        self._grow(tail)

    def end(self) -> None:
        """Take what stands behind the last line's end as a line, too."""
        if self._size:
            self._cut()

    def take(self, count: int) -> list[bytes | None]:
        """Give the next lines, so many at most."""
        return [self.ready.popleft() for _ in range(min(count, len(self.ready)))]

    def _grow(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._longest:
            self._part.append(data)
        else:
            self._part.clear()

    def _cut(self) -> None:
        self.ready.append(b"".join(self._part) if self._size <= self._longest else None)
        self._part.clear()
        self._size = 0
