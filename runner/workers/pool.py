"""Choose a worker for each request of one service, and try again where one is lost."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contracts.errors import ContractError
from contracts.table import Table
from runner.workers.client import Connection
from runner.workers.deadly import Deadly
from runner.workers.errors import (
    DeadlineExceeded,
    NoModel,
    Overloaded,
    WorkerCrashed,
    WorkerLost,
    WorkerUntouched,
)
from runner.workers.joining import Part

_CONNECT_TIMEOUT = 5.0
_RECONNECT_DELAYS = (0.0, 0.05, 0.2, 0.5)


class Worker:
    """A front-end's one connection to one worker, and the version that lives there."""

    def __init__(self, socket: str, version: int, connection: Connection) -> None:
        self.socket = socket
        self.version = version
        self.connection = connection


class Pool:
    """The workers of one service as one front-end sees them.

    ``hung`` is told the socket of a worker that let a deadline pass; ``changed`` is called when the
    set of sockets in use changed.
    """

    def __init__(self, name: str, hung: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.name = name
        self.max_queue = 0
        self.max_queue_bytes = 0
        self.pending = 0
        self.pending_bytes = 0
        self.state = "starting"
        self.reason = ""
        self.patience = math.inf
        """Seconds that a worker may take: the service's timeout."""
        self._hung = hung
        self._changed = changed
        self._workers: dict[str, Worker] = {}
        self._coming: dict[str, Worker] = {}
        self._leaving: set[Worker] = set()
        self._wanted: dict[str, int] = {}
        self._version: int | None = None
        self._arrivals: set[asyncio.Future[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._deadly = Deadly()
        self._reconnecting: set[asyncio.Task[None]] = set()

    @property
    def sockets(self) -> set[str]:
        """Sockets in use, those of leaving workers included."""
        return set(self._workers) | {worker.socket for worker in self._leaving}

    @property
    def ready(self) -> bool:
        """Whether a worker could be asked now."""
        return bool(self._workers)

    async def connect(self, sockets: tuple[str, ...], version: int | None) -> None:
        """Connect to workers that are new in the routes; `switch` then puts them to use."""
        if version != self._version:
            self._version = version
            self._deadly = Deadly()
        self._wanted = dict.fromkeys(sockets, version or 0)
        new = [socket for socket in sockets if socket not in self._workers]
        await asyncio.gather(*(self._connect(socket) for socket in new))

    def switch(self) -> None:
        """Use the workers of the routes, and let go of those that are in them no more."""
        self._workers |= self._coming
        self._coming = {}
        for socket in [socket for socket in self._workers if socket not in self._wanted]:
            worker = self._workers.pop(socket)
            if worker.connection.load:
                self._leaving.add(worker)
            else:
                worker.connection.close("another version has taken over")
        for worker in self._workers.values():
            worker.connection.patience = self.patience
        for arrival in self._arrivals:
            if not arrival.done():
                arrival.set_result(None)

    async def _connect(self, socket: str) -> bool:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                connection = await Connection.open(Path(socket))
        except (OSError, TimeoutError, WorkerLost, ContractError):
            return False  # the supervisor sees a worker that is gone, and sends new routes
        version = self._wanted.get(socket)
        if version is None or socket in self._workers or socket in self._coming:
            connection.close()
            return True
        worker = self._coming[socket] = Worker(socket, version, connection)
        connection.on_lost = lambda _: self._lost(worker)
        if not connection.alive:
            self._lost(worker)
        return True

    def _lost(self, worker: Worker) -> None:
        if worker.connection.hung:
            self._hung(worker.socket)
        self._leaving.discard(worker)
        for workers in (self._workers, self._coming):
            if workers.get(worker.socket) is not worker:
                continue
            del workers[worker.socket]
            if worker.socket in self._wanted and not worker.connection.hung:
                task = asyncio.create_task(self._reconnect(worker.socket))
                self._reconnecting.add(task)
                task.add_done_callback(self._reconnecting.discard)
        self._changed()

    async def _reconnect(self, socket: str) -> None:
        """The connection may be gone and the worker not: try for a moment."""
        for delay in _RECONNECT_DELAYS:
            await asyncio.sleep(delay)
            if socket not in self._wanted or await self._connect(socket):
                self.switch()
                break
        self._changed()

    async def predict(
        self, table: Table, method: str, params: Mapping[str, Any], expires: float
    ) -> tuple[Part, int]:
        """Ask the least loaded worker; give its answer and the version that computed it.

        Cancelled, it leaves no work behind that nobody else waits for. Raises NoModel, Overloaded,
        WorkerCrashed, DeadlineExceeded, Failure.
        """
        if self._deadly and self._deadly.has(table, method, params):
            raise WorkerCrashed(f"the model of {self.name} crashed of this request a moment ago")
        size = table.size
        if self.pending >= self.max_queue:
            raise Overloaded(f"service {self.name} has {self.pending} requests waiting")
        if self.pending and self.pending_bytes + size > self.max_queue_bytes:
            # One alone is bounded by what a body may have: it is never too large to be tried.
            raise Overloaded(
                f"service {self.name} has {self.pending_bytes} bytes waiting, and {size} more "
                f"exceed {self.max_queue_bytes}"
            )
        self.pending += 1
        self.pending_bytes += size
        try:
            try:
                return await self._ask(table, method, params, expires)
            except WorkerLost as ex:
                return await self._ask_again(ex, table, method, params, expires)
        finally:
            self.pending -= 1
            self.pending_bytes -= size

    async def _ask_again(
        self,
        lost: WorkerLost,
        table: Table,
        method: str,
        params: Mapping[str, Any],
        expires: float,
    ) -> tuple[Part, int]:
        """Try a request again whose worker was lost, until it can be blamed for that itself.

        One that the model was not at does not count as tried. One that it was at has one more try,
        in a call of its own: if the worker is lost again, this request is why. Where a worker does
        not tell what it was at (SPEC 2.7), second tries go one at a time.
        """
        while isinstance(lost, WorkerUntouched):
            await asyncio.sleep(0)  # the loss of this worker must be noted before another is chosen
            try:
                return await self._ask(table, method, params, expires)
            except WorkerLost as ex:
                lost = ex
        async with contextlib.nullcontext() if lost.certain else self._one_at_a_time:
            while True:
                await asyncio.sleep(0)
                try:
                    return await self._ask(table, method, params, expires, alone=True)
                except WorkerUntouched:
                    continue
                except WorkerLost as ex:
                    self._deadly.remember(table, method, params)
                    raise WorkerCrashed(f"the model of {self.name} crashed: {ex}") from ex

    async def _ask(
        self,
        table: Table,
        method: str,
        params: Mapping[str, Any],
        expires: float,
        alone: bool = False,
    ) -> tuple[Part, int]:
        worker = self._least_loaded() or await self._arrival(expires)
        waiter = worker.connection.predict(table, method, params, expires, alone)
        try:
            part = await waiter
        except asyncio.CancelledError:
            worker.connection.abandon(waiter)
            raise
        finally:
            if worker in self._leaving and not worker.connection.load:
                self._leaving.discard(worker)
                worker.connection.close("another version has taken over")
                self._changed()
        return part, worker.version

    def _least_loaded(self) -> Worker | None:
        workers = self._workers
        if len(workers) == 1:
            return next(iter(workers.values()))
        return min(workers.values(), key=lambda worker: worker.connection.load, default=None)

    async def _arrival(self, expires: float) -> Worker:
        """Wait for a worker that is being started, within the deadline."""
        loop = asyncio.get_running_loop()
        while True:
            if self.state == "no_model":
                raise NoModel(self.reason)
            if self.state == "failed":
                raise Overloaded(self.reason, retry_after=5.0)
            arrival: asyncio.Future[None] = loop.create_future()
            self._arrivals.add(arrival)
            try:
                async with asyncio.timeout_at(expires):
                    await arrival
            except TimeoutError as ex:
                raise DeadlineExceeded(f"no worker of {self.name} was ready in time") from ex
            finally:
                self._arrivals.discard(arrival)
            worker = self._least_loaded()
            if worker is not None:
                return worker

    async def close(self) -> None:
        """Close all connections."""
        self._wanted = {}
        for task in self._reconnecting:
            task.cancel()
        await asyncio.gather(*self._reconnecting, return_exceptions=True)
        for worker in [*self._workers.values(), *self._leaving]:
            worker.connection.on_lost = lambda _: None
            worker.connection.close()
