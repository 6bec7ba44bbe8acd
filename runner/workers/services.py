"""Give a front-end its services: where to send a request, what to check it against, how they are.

Kept up to date by the supervisor; while it answers requests, a front-end asks nobody. Nothing here
imports numpy, pandas or SQLAlchemy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from contracts.table import Table
from runner.errors import Unavailable
from runner.logs import get_logger
from runner.signature import Checker, IncompatibleMapping, Signature
from runner.workers.control import PATIENCE, ControlClient
from runner.workers.joining import Part
from runner.workers.pool import Pool
from runner.workers.routing import Row

_log = get_logger("runner.workers")
_NO_PARAMS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Service(Row):
    """One service as it is now: its row, and what requests are checked by, None without a model."""

    checker: Checker | None


class Answer:
    """A prediction, the version that computed it, and where the time went.

    ``waited``: seconds of which the model was not at it; ``model``: those that it was, for all the
    ``requests`` whose rows it took at once.
    """

    __slots__ = ("_part", "model", "requests", "version", "waited")

    def __init__(self, part: Part, version: int, seconds: float) -> None:
        self._part = part
        self.version = version
        self.model = min(part.whole.seconds, seconds)  # which is what the adapter says
        self.requests = part.whole.requests
        self.waited = seconds - self.model

    @property
    def table(self) -> Table:
        """The rows as they came."""
        return self._part.table

    def rows(self, show: Callable[[Table], list[Any]]) -> list[Any]:
        """Give one item a row, as ``show`` makes them of a table."""
        return self._part.rows(show)


class Services:
    """All services, as the supervisor behind the control socket tells them."""

    def __init__(self, control: Path, on_lost: Callable[[], None]) -> None:
        self.folder = control.parent
        """Where files can be made that workers map."""
        self._on_lost = on_lost
        self._control = ControlClient(control, self._route, self._lost)
        self._services: dict[str, Service] = {}
        self._rows: dict[str, Row] = {}
        self._pools: dict[str, Pool] = {}
        self._revision = 0
        self._told = asyncio.Event()

    async def start(self) -> None:
        """Connect to the supervisor and wait for the first routes. Raises OSError."""
        await self._control.start()
        await self._told.wait()

    async def close(self) -> None:
        """Close all connections."""
        await self._control.close()
        for pool in self._pools.values():
            await pool.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The services' names, in the order of their configs."""
        return tuple(self._services)

    @property
    def default(self) -> Service | None:
        """The only service, or the first."""
        return next(iter(self._services.values()), None)

    def get(self, name: str) -> Service | None:
        """Give a service by name."""
        return self._services.get(name)

    async def not_ready(self) -> dict[str, str]:
        """Say which services cannot answer at this moment, on one front-end or all, and why."""
        if not self._control.connected:
            return {"supervisor": "the supervisor is gone"}
        reasons = {
            name: service.reason or "no connection to its worker"
            for name, service in self._services.items()
            if service.state != "ready" or not self._pools[name].ready
        }
        try:
            if not reasons and not await self.ask("agreed"):
                reasons["front-ends"] = "one of them has not taken up the present routes yet"
        except Unavailable as ex:
            reasons["supervisor"] = str(ex)
        return reasons

    async def grant(self, **arguments: Any) -> Mapping[str, Any]:
        """Ask for an allowance (see quotas). Raises runner.errors.Unavailable."""
        granted: Mapping[str, Any] = await self._control.ask("grant", arguments)
        return granted

    async def ask(self, query: str, *, patience: float = PATIENCE, **arguments: Any) -> Any:
        """Ask the supervisor: `list`, `alive`, `agreed` and others. Raises errors.Unavailable."""
        return await self._control.ask(query, arguments, patience)

    async def predict(
        self,
        service: Service,
        table: Table,
        *,
        method: str = "predict",
        params: Mapping[str, Any] = _NO_PARAMS,
        timeout: float,
    ) -> Answer:
        """Have a worker predict within ``timeout`` seconds; raises what `Pool.predict` does."""
        begun = time.monotonic()
        part, version = await self._pools[service.name].predict(
            table, method, params, begun + timeout
        )
        return Answer(part, version, time.monotonic() - begun)

    async def _route(self, rows: list[Row], revision: int) -> None:
        """Put new routes in force, then tell the supervisor so."""
        self._revision = revision
        for row in rows:
            pool = self._pools.get(row.name)
            if pool is None:
                pool = Pool(row.name, self._control.hung, self._tell)
                self._pools[row.name] = pool
            pool.max_queue = row.settings.max_queue
            pool.max_queue_bytes = row.settings.max_queue_bytes
            pool.state, pool.reason = row.state, row.reason
            pool.patience = row.settings.timeout
            # What requests are checked against changes in the same turn of the loop as the worker
            # that they go to, or an answer could be of another version than its check.
            await pool.connect(row.sockets, row.version)
            if self._rows.get(row.name) != row:
                self._services[row.name] = self._service(row)
                self._rows[row.name] = row
            pool.switch()
        await self._remove(self._services.keys() - {row.name for row in rows})
        self._services = {row.name: self._services[row.name] for row in rows}
        self._told.set()
        self._tell()

    def _lost(self) -> None:
        """The supervisor is gone, and its workers with it: nobody is to wait for others."""
        for pool in self._pools.values():
            pool.state, pool.reason = "failed", "the supervisor is gone"
            pool.switch()
        self._on_lost()

    async def _remove(self, names: Iterable[str]) -> None:
        """Take no more requests for services that the config has no more; finish what has begun."""
        for name in names:
            pool = self._pools[name]
            pool.state, pool.reason = "no_model", f"there is no service {name!r} any more"
            await pool.connect((), None)
            pool.switch()
            del self._rows[name]
        for name in [name for name in self._pools if name not in self._rows]:
            if not self._pools[name].sockets:
                del self._pools[name]

    def _service(self, row: Row) -> Service:
        checker, state, reason = None, row.state, row.reason
        if row.signature is not None:
            try:
                checker = Checker(Signature.from_json(row.signature), row.settings.mapping)
            except IncompatibleMapping as ex:
                state, reason = "failed", f"predict_service.mapping: {ex}"
                _log.error("mapping does not fit the model", service=row.name, reason=str(ex))
        told = {**vars(row), "state": state, "reason": reason}
        return Service(**told, checker=checker)

    def _tell(self) -> None:
        sockets = {socket for pool in self._pools.values() for socket in pool.sockets}
        self._control.applied(self._revision, sockets)
