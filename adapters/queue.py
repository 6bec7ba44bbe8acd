"""Keep requests in the order they came, alike predicts beside each other (SPEC 3.5).

Everything that queued up while the model was busy forms the next batch: no timer, no added latency.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from adapters.connection import REQUEST_COST, Connection
from contracts import wire
from contracts.messages import Fit, Load, Predict, Request

MAX_ROWS = 65_536
"""Rows of one call of the model; a larger request goes alone and holds up as few as can be."""


class Pending(NamedTuple):
    """A request and who waits for its reply."""

    connection: Connection
    request: Request
    cost: int


class Queue:
    """Queue requests of all clients in groups that the model can answer at once."""

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._groups: OrderedDict[Hashable, list[Pending]] = OrderedDict()
        self._max_rows = max_rows
        self._models = 0

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, connection: Connection, request: Request, size: int) -> None:
        """Queue a request whose payload had ``size`` bytes."""
        pending = Pending(connection, request, size + REQUEST_COST)
        connection.queued += pending.cost
        key = self._key(request)
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = [pending]
        else:
            group.append(pending)

    def _key(self, request: Request) -> Hashable:
        """Give what is equal for requests that are alike: nothing, but for predicts of a table."""
        if isinstance(request, Predict) and request.table is not None and not request.alone:
            table = request.table
            params = wire.pack(request.params) if request.params else b""
            return self._models, request.method, params, type(table), table.layout
        if isinstance(request, Fit | Load):
            # A predict that came after this is for the new model: it must not join one before.
            self._models += 1
        return object()

    def drop(self, connection: Connection, number: int) -> bool:
        """Let go of a connection's request with this id; say whether it was waiting."""
        for key, group in self._groups.items():
            for at, pending in enumerate(group):
                if pending.connection is connection and pending.request.id == number:
                    connection.queued -= pending.cost
                    del group[at]
                    if not group:
                        del self._groups[key]
                    return True
        return False

    def take(self) -> list[Pending]:
        """Give the oldest request and all that are alike and fit into `MAX_ROWS` with it.

        Requests whose client is gone are dropped here.
        """
        _, group = self._groups.popitem(last=False)
        taken: list[Pending] = []
        left: list[Pending] = []
        rows = 0
        for pending in group:
            if not pending.connection.open:
                continue
            table = getattr(pending.request, "table", None)
            more = table.rows if table is not None else 0
            if taken and rows + more > self._max_rows:
                left.append(pending)
                continue
            rows += more
            pending.connection.queued -= pending.cost
            taken.append(pending)
        if left:
            # Under a key that no request has: those who come later must not hold others up.
            self._groups[object()] = left
            self._groups.move_to_end(next(reversed(self._groups)), last=False)
        return taken
