"""Speak the contract on one connection to one adapter, many requests at once."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from contracts.errors import ContractError
from contracts.messages import ErrorReply, Hello, Reply, Request, decode_reply, encode_request
from contracts.wire import FrameReader, frame
from runner.workers.errors import DeadlineExceeded, WorkerLost

GRACE = 0.15
"""Seconds past a deadline that a living worker has to say `expired` itself."""

_TICK = 0.05
_AHEAD = 2


class Connection(asyncio.Protocol):
    """One connection to an adapter (SPEC 3). Open it with `Connection.open`.

    Answers are matched by id and ids are never used twice, so a late answer reaches nobody. A
    request whose deadline passes without a word means that the worker hangs: the connection is
    closed, what else was on it is lost, and `hung` says so.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hung = False
        self.on_lost: Callable[[Connection], None] = lambda _: None
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[Reply], float]] = {}
        self._reader = FrameReader()
        self._outgoing: list[bytes] = []
        self._scheduled = False
        self._newest = 0
        self._unanswered: deque[int] = deque()  # the last id of each write
        self._transport: asyncio.Transport | None = None
        self._hello: asyncio.Future[Hello] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._reason = "the worker closed the connection"
        self._clock: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, socket: Path) -> Connection:
        """Connect and wait for hello. Raises OSError, WorkerLost, ContractError for a bad one."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(lambda: cls(socket.parent), str(socket))
        try:
            await asyncio.shield(connection._hello)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def hello(self) -> Hello:
        """What the adapter said of itself."""
        return self._hello.result()

    @property
    def load(self) -> int:
        """Requests that wait for their answer."""
        return len(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether requests can be sent."""
        return self._transport is not None and not self._closed.done()

    async def request(
        self, kind: Callable[..., Request], expires: float | None = None, **fields: Any
    ) -> Reply:
        """Send one request and wait for its reply.

        ``expires`` is on CLOCK_MONOTONIC, as in SPEC 3.6. Raises contracts.errors.Failure for an
        error reply, WorkerLost, DeadlineExceeded, and OSError if an attachment finds no room.
        """
        if not self.alive:
            raise WorkerLost(self._reason)
        number = next(self._ids)
        request = kind(id=number, expires=expires, **fields)
        payload = frame(encode_request(request, self.folder))
        self._outgoing.append(payload)
        self._newest = number
        self._schedule()
        waiter: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting[number] = (waiter, float("inf") if expires is None else expires + GRACE)
        if self._clock is None:
            self._clock = self._loop.call_later(_TICK, self._tick)
        try:
            return await waiter
        finally:
            self._waiting.pop(number, None)

    def close(self, reason: str = "the connection was closed") -> None:
        """Close at once; requests that wait get WorkerLost."""
        self._reason = reason
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone, for whatever reason."""
        await asyncio.shield(self._closed)

    def _schedule(self) -> None:
        """Write at the end of this turn of the loop, unless two writes are unanswered.

        PERF: each write wakes the worker. One that is at work, with the next write waiting already,
        would not read a third any sooner, but join it to its next batch: so it is held back until
        then, and joined here.
        """
        if self._outgoing and not self._scheduled and len(self._unanswered) < _AHEAD:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is not None and not self._transport.is_closing():
            self._unanswered.append(self._newest)
            self._transport.write(b"".join(outgoing))

    def _tick(self) -> None:
        """Look for deadlines that passed in silence. One clock a connection, none a request.

        PERF: it stands still while nothing waits, so that an idle service wakes nobody.
        """
        self._clock = None
        now = self._loop.time()
        late = [waiter for waiter, deadline in self._waiting.values() if deadline < now]
        for waiter in late:
            if not waiter.done():
                waiter.set_exception(DeadlineExceeded("the worker did not answer in time"))
        if late:
            self.hung = True
            self.close("the worker hangs")
        elif self._waiting:
            self._clock = self._loop.call_later(_TICK, self._tick)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._reader.feed(data):
                self._take(payload)
            self._schedule()
        except ContractError as ex:
            self.close(f"the adapter broke the contract: {ex}")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._clock is not None:
            self._clock.cancel()
        if not self._closed.done():
            self._closed.set_result(None)
        lost = WorkerLost(self._reason)
        if not self._hello.done():
            self._hello.set_exception(lost)
            self._hello.exception()  # open() may have been cancelled: nobody need ask for it
        for waiter, _ in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(lost)
        self.on_lost(self)

    def _take(self, payload: bytes) -> None:
        if not self._hello.done():
            try:
                self._hello.set_result(Hello.decode(payload))
            except ContractError as ex:
                self._hello.set_exception(ex)
                self._hello.exception()
                raise
            return
        reply = decode_reply(payload, self.folder)
        if reply.id is None:
            return
        while self._unanswered and reply.id >= self._unanswered[0]:
            self._unanswered.popleft()
        waiting = self._waiting.get(reply.id)
        if waiting is None or waiting[0].done():
            return  # its caller gave up: a late answer reaches nobody
        if isinstance(reply, ErrorReply):
            waiting[0].set_exception(reply.failure())
        else:
            waiting[0].set_result(reply)
