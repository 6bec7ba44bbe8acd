"""Remember for a while which requests kill a model, so that they cannot kill it again and again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from contracts import wire
from contracts.table import Table, digest

SECONDS = 60.0
"""For which a request is remembered after it has killed."""

MOST = 1024
"""Requests that are remembered; beyond that the oldest is forgotten."""

_Key = tuple[str, bytes, str]


class Deadly:
    """The requests, by digest, that have killed one version's model.

    Each front-end has its own: a request may kill once in each.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[_Key, float] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether there is anything to compare with."""
        return bool(self._until)

    def remember(self, table: Table, method: str, params: Mapping[str, Any]) -> None:
        """This request killed the model."""
        key = _key(table, method, params)
        self._until[key] = self._clock() + SECONDS
        self._until.move_to_end(key)
        if len(self._until) > MOST:
            self._until.popitem(last=False)

    def has(self, table: Table, method: str, params: Mapping[str, Any]) -> bool:
        """Whether this request killed the model in the last `SECONDS`."""
        now = self._clock()
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        return bool(self._until) and _key(table, method, params) in self._until


def _key(table: Table, method: str, params: Mapping[str, Any]) -> _Key:
    return method, wire.pack(dict(params)), digest([table])
