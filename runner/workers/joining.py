"""Join the predicts that leave for a worker together into one request, and share out its answer.

What a worker finds queued it would join to one call of the model anyway (SPEC 3.5). Joined here
already, the rows of a hundred callers cost one frame to encode and decode on either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from contracts.table import Table, join

MAX_BYTES = 256 * 1024
"""Of the tables that are joined to one request: more would gain nothing, and hold others up."""

MAX_ROWS = 65_536
"""Of the same."""

_NEAR = 20  # parts of a second: deadlines within one count as the same, the earliest


class Whole:
    """A worker's answer to everybody who was joined."""

    def __init__(self, table: Table, seconds: float, requests: int) -> None:
        self.table = table
        self.seconds = seconds
        self.requests = requests
        self._shown: dict[Callable[[Table], list[Any]], list[Any]] = {}

    def shown(self, show: Callable[[Table], list[Any]]) -> list[Any]:
        """Give all rows as ``show`` makes them, made once."""
        rows = self._shown.get(show)
        if rows is None:
            rows = self._shown[show] = show(self.table)
        return rows


class Part:
    """One caller's rows of a worker's answer."""

    __slots__ = ("start", "stop", "whole")

    def __init__(self, whole: Whole, start: int, stop: int) -> None:
        self.whole = whole
        self.start = start
        self.stop = stop

    @property
    def table(self) -> Table:
        """The caller's rows."""
        return self.whole.table.slice(self.start, self.stop)

    def rows(self, show: Callable[[Table], list[Any]]) -> list[Any]:
        """Give the caller's rows; ``show`` turns a table into a list, one item a row."""
        return self.whole.shown(show)[self.start : self.stop]


class Asked:
    """One caller's predict that waits for its answer. ``expires`` on CLOCK_MONOTONIC, seconds.

    ``alone``: it is not joined, as a joined request that it was in has failed, or its worker died.
    """

    __slots__ = ("alone", "expires", "method", "params", "table", "waiter")

    def __init__(
        self,
        table: Table,
        method: str,
        params: Mapping[str, Any],
        expires: float,
        waiter: asyncio.Future[Part],
        alone: bool = False,
    ) -> None:
        self.table = table
        self.method = method
        self.params = params
        self.expires = expires
        self.waiter = waiter
        self.alone = alone

    @property
    def key(self) -> Hashable:
        """Give what is equal for predicts that may be joined."""
        table = self.table
        if self.params or table.size > MAX_BYTES:
            return id(self)
        return self.method, int(self.expires * _NEAR), type(table), table.layout


def groups(asked: Iterable[Asked]) -> Iterator[list[Asked]]:
    """Yield those that are alike together, within the bounds, in the order they came.

    Those that are to go alone come last: one of them may end the worker, and nobody else is to wait
    for the next one because of that. Those that were given up are left out.
    """
    growing: dict[Hashable, list[Asked]] = {}
    suspects: list[Asked] = []
    room: dict[Hashable, tuple[int, int]] = {}  # bytes and rows that a group may still take
    for one in asked:
        if one.waiter.done():  # cancelled: its caller hung up
            continue
        if one.alone:
            suspects.append(one)
            continue
        key, table = one.key, one.table
        size, rows = room.get(key, (MAX_BYTES, MAX_ROWS))
        size, rows = size - table.size, rows - table.rows
        if key in growing and (size < 0 or rows < 0):
            yield growing.pop(key)
            size, rows = MAX_BYTES - table.size, MAX_ROWS - table.rows
        growing.setdefault(key, []).append(one)
        room[key] = size, rows
    yield from growing.values()
    for one in suspects:
        yield [one]


def joined(group: list[Asked]) -> tuple[Table, float]:
    """Give the rows of all, and the deadline: the earliest of theirs, which are nearly the same."""
    if len(group) == 1:
        return group[0].table, group[0].expires
    return join([asked.table for asked in group]), min([asked.expires for asked in group])


def share(group: list[Asked], table: Table, seconds: float) -> None:
    """Hand each caller its rows of the answer."""
    whole = Whole(table, seconds, len(group))
    start = 0
    for asked in group:
        stop = start + asked.table.rows
        if not asked.waiter.done():
            asked.waiter.set_result(Part(whole, start, stop))
        start = stop
