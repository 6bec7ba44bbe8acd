"""Join the supervisor and its front-ends by a Unix socket: routes one way, reports the other.

Messages are frames of the contract's shape with JSON in them, since they carry the metadata of
versions, whose size the contract's bound on values should not limit.

    supervisor → front-end   {routes: [row…], revision}      {answer: id, result | error}
    front-end → supervisor   {applied: revision, sockets: [those in use]}   {hung: socket}
                             {ask: id, query, arguments}
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from contracts.wire import MAX_FRAME, frame
from runner.errors import NotFound, Refused, RunnerError, Unavailable
from runner.logs import get_logger
from runner.workers.routing import Row

_log = get_logger("runner.workers")
PATIENCE = 10.0
"""Seconds that a front-end waits for an answer, unless it is known to take longer."""

_KINDS: dict[Any, type[RunnerError]] = {"NotFound": NotFound, "Refused": Refused}

Answerer = Callable[[str, Mapping[str, Any]], Awaitable[Any]]


async def _messages(reader: asyncio.StreamReader) -> Any:
    """Yield messages until the other side is gone."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            length = int.from_bytes(await reader.readexactly(4), "big")
            if length > MAX_FRAME:
                return
            yield orjson.loads(await reader.readexactly(length))


class ControlServer:
    """The supervisor's end: tells front-ends the routes, knows which sockets each still uses."""

    def __init__(self, path: Path, answer: Answerer, hung: Callable[[str], None]) -> None:
        self.path = path
        self._answer = answer
        self._hung = hung
        self._revision = 0
        self._routes = b""
        self._front_ends: dict[asyncio.StreamWriter, _FrontEnd] = {}
        self._progress = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))
        self.path.chmod(0o600)

    async def stop(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._front_ends):
            writer.close()

    def publish(self, rows: Iterable[Row]) -> int:
        """Tell all front-ends, now and later ones, the routes; give their revision."""
        self._revision += 1
        routes = {"routes": [row.to_wire() for row in rows], "revision": self._revision}
        self._routes = frame(orjson.dumps(routes))
        for writer in self._front_ends:
            writer.write(self._routes)
        return self._revision

    @property
    def joined(self) -> int:
        """Front-ends that answer: they are connected and have routes in force."""
        return sum(each.applied > 0 for each in self._front_ends.values())

    async def joins(self, former: int) -> None:
        """Wait until more front-ends than ``former`` answer."""
        async with self._progress:
            await self._progress.wait_for(lambda: self.joined > former)

    async def drained(self, sockets: Iterable[str], timeout: float | None) -> bool:
        """Wait until all front-ends know the present routes and none uses any of ``sockets``.

        False after ``timeout`` seconds: a front-end that holds on so long has hung requests, or
        stands still.
        """
        gone, revision = set(sockets), self._revision

        def free() -> bool:
            return all(
                front_end.applied >= revision and not gone & front_end.sockets
                for front_end in self._front_ends.values()
            )

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._progress:
                await self._progress.wait_for(free)
        return free()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        front_end = self._front_ends[writer] = _FrontEnd()
        if self._routes:
            writer.write(self._routes)
        asking: set[asyncio.Task[None]] = set()
        try:
            async for message in _messages(reader):
                if "applied" in message:
                    front_end.applied = int(message["applied"])
                    front_end.sockets = set(map(str, message["sockets"]))
                    await self._progressed()
                elif "hung" in message:
                    self._hung(str(message["hung"]))
                elif "ask" in message:
                    asked = message["ask"], str(message["query"]), dict(message["arguments"])
                    task = asyncio.create_task(self._reply(writer, *asked))
                    asking.add(task)
                    task.add_done_callback(asking.discard)
        except (KeyError, OverflowError, TypeError, ValueError) as ex:
            _log.error("no message of a front-end: its connection is closed", reason=repr(ex))
        finally:
            del self._front_ends[writer]
            for task in asking:
                task.cancel()
            writer.close()
            await self._progressed()

    async def _progressed(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    async def _reply(
        self, writer: asyncio.StreamWriter, number: Any, query: str, arguments: Mapping[str, Any]
    ) -> None:
        try:
            result = await self._answer(query, arguments)
            answer = orjson.dumps({"answer": number, "result": result})
        except RunnerError as ex:
            told = {"answer": number, "error": str(ex), "kind": type(ex).__name__}
            answer = orjson.dumps(told)
        except Exception:
            _log.exception("a query failed", query=query)
            error = "the supervisor failed at this; its log says why"
            answer = orjson.dumps({"answer": number, "error": error})
        writer.write(frame(answer))


class _FrontEnd:
    def __init__(self) -> None:
        self.applied = 0
        self.sockets: set[str] = set()


class ControlClient:
    """A front-end's end. ``on_routes`` gets each new table; ``on_lost`` is called at its end."""

    def __init__(
        self,
        path: Path,
        on_routes: Callable[[list[Row], int], Awaitable[None]],
        on_lost: Callable[[], None],
    ) -> None:
        self._path = path
        self._on_routes = on_routes
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and begin to listen. Raises OSError."""
        reader, self._writer = await asyncio.open_unix_connection(str(self._path))
        self._listener = asyncio.create_task(self._listen(reader))

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()

    @property
    def connected(self) -> bool:
        """Whether the supervisor is there."""
        return self._listener is not None and not self._listener.done()

    def applied(self, revision: int, sockets: Iterable[str]) -> None:
        """Say which routes are in force here and which sockets are still in use."""
        self._send({"applied": revision, "sockets": list(sockets)})

    def hung(self, socket: str) -> None:
        """Say that the worker behind ``socket`` let a deadline pass in silence."""
        self._send({"hung": socket})

    async def ask(
        self, query: str, arguments: Mapping[str, Any], patience: float = PATIENCE
    ) -> Any:
        """Ask the supervisor. Raises NotFound or Refused as it does, Unavailable for all else."""
        if not self.connected:
            raise Unavailable("the supervisor is gone")
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._send({"ask": number, "query": query, "arguments": dict(arguments)})
        try:
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError as ex:
            raise Unavailable(f"the supervisor did not answer within {patience:g} s") from ex
        finally:
            del self._asked[number]

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frame(orjson.dumps(message)))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        async for message in _messages(reader):
            if "routes" in message:
                rows = [Row.from_wire(wire) for wire in message["routes"]]
                await self._on_routes(rows, message["revision"])
                continue
            answer = self._asked.get(message["answer"])
            if answer is None or answer.done():
                continue
            if "error" in message:
                kind = _KINDS.get(message.get("kind"), Unavailable)
                answer.set_exception(kind(message["error"]))
            else:
                answer.set_result(message["result"])
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Unavailable("the supervisor is gone"))
        self._on_lost()
