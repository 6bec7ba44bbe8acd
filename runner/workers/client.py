"""Speak the contract on one connection to one adapter, many requests at once."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import itertools
import math
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from contracts import marker
from contracts.errors import BadMessage, Code, ContractError
from contracts.messages import (
    Cancel,
    ErrorReply,
    Hello,
    Predict,
    Reply,
    Request,
    decode_reply,
    encode_request,
)
from contracts.table import Table
from contracts.wire import FrameReader, frame
from runner.workers.awake import Awake
from runner.workers.errors import DeadlineExceeded, WorkerLost, WorkerUntouched
from runner.workers.joining import Asked, Part, groups, joined, share

GRACE = 0.15
"""Seconds past a deadline that a living worker has to say `expired` itself."""

_TICK = 0.05
_AHEAD = 2
_ISOLATE = frozenset(Code) - {Code.EXPIRED, Code.CANCELLED, Code.NO_MODEL}
"""Failures of a joined request for which each of its predicts is tried alone."""


class Connection(asyncio.Protocol):
    """One connection to an adapter (SPEC 3). Open it with `Connection.open`.

    Replies are matched by id and ids are never used twice, so a late one reaches nobody. A worker
    that leaves what it was sent without a word for `patience` seconds hangs: the connection is
    closed, what else was on it is lost, and `hung` says so.

    What a worker's end may be blamed on, it has written down itself (SPEC 2.7).

    Predicts are held until the end of a turn of the loop, and longer while two requests are
    unanswered: one that the worker is at, one that waits in its socket. It would read a third no
    sooner. What is held then leaves in one write, and what is alike in one request.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.patience = math.inf
        self.hung = False
        self.on_lost: Callable[[Connection], None] = lambda _: None
        self._loop = asyncio.get_running_loop()
        # Distinct from those of other connections, as the worker names the ids that it is at.
        self._ids = itertools.count(secrets.randbits(30) << 32)
        self._marker: int | None = None
        self._requests: dict[int, tuple[asyncio.Future[Reply], float]] = {}
        self._predicts: dict[int, tuple[list[Asked], float]] = {}
        self._held: list[Asked] = []
        self._reader = FrameReader()
        self._scheduled = False
        self._awake = Awake(self._loop)
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
        connection._open_marker(f"{socket}{marker.SUFFIX}")
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
        sent = sum([len(group) for group, _ in self._predicts.values()])
        return len(self._held) + sent + len(self._requests)

    @property
    def alive(self) -> bool:
        """Whether requests can be sent."""
        return self._transport is not None and not self._closed.done()

    async def request(
        self, kind: Callable[..., Request], expires: float | None = None, **fields: Any
    ) -> Reply:
        """Send one request at once and wait for its reply.

        ``expires`` is on CLOCK_MONOTONIC, as in SPEC 3.6. Raises contracts.errors.Failure for an
        error reply, WorkerLost, DeadlineExceeded, and OSError if an attachment finds no room.
        """
        if not self.alive:
            raise WorkerLost(self._reason)
        number = next(self._ids)
        payload = encode_request(kind(id=number, expires=expires, **fields), self.folder)
        self._write([frame(payload)])
        waiter: asyncio.Future[Reply] = self._loop.create_future()
        self._requests[number] = waiter, math.inf if expires is None else expires + GRACE
        self._watch()
        try:
            return await waiter
        finally:
            self._requests.pop(number, None)

    def predict(
        self,
        table: Table,
        method: str,
        params: Mapping[str, Any],
        expires: float,
        alone: bool = False,
    ) -> asyncio.Future[Part]:
        """Ask for predictions; give what becomes the answer. Cancelled in time, it is not sent.

        The future raises what `request` does; WorkerUntouched if the worker never saw it.
        """
        waiter: asyncio.Future[Part] = self._loop.create_future()
        if self.alive:
            self._held.append(Asked(table, method, params, expires, waiter, alone))
            self._schedule()
            self._watch()
        else:
            waiter.set_exception(WorkerUntouched(self._reason))
        return waiter

    def abandon(self, waiter: asyncio.Future[Part]) -> None:
        """Let go of a predict whose caller has gone: what nobody else waits for is not run."""
        for at, asked in enumerate(self._held):
            if asked.waiter is waiter:
                del self._held[at]
                return
        if not self.alive or "cancel" not in self.hello.capabilities:
            return
        for number, (group, _) in self._predicts.items():
            if any(asked.waiter is waiter for asked in group):
                # Its reply is still awaited: until it comes the worker may be at the request.
                if all(asked.waiter.done() for asked in group):
                    self._write([frame(encode_request(Cancel(next(self._ids), number)))])
                return

    def close(self, reason: str = "the connection was closed") -> None:
        """Close at once; requests that wait get WorkerLost."""
        self._reason = reason
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone, for whatever reason."""
        await asyncio.shield(self._closed)

    def _schedule(self) -> None:
        """Send what is held at the end of this turn of the loop, or when the worker is ready.

        PERF: each write wakes the worker, which costs more than all else of a request.
        """
        if self._held and not self._scheduled and len(self._predicts) < _AHEAD:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        held, self._held = self._held, []
        if self._transport is None or self._transport.is_closing():
            self._lose(held, lambda: WorkerUntouched(self._reason))
        else:
            self._send(groups(held))

    def _send(self, groups: Iterable[list[Asked]]) -> None:
        frames = []
        impatient = time.monotonic() + self.patience + GRACE
        for group in groups:
            number = next(self._ids)
            table, expires = joined(group)
            first = group[0]
            request = Predict(number, table, None, first.method, first.params, expires, first.alone)
            try:
                frames.append(frame(encode_request(request, self.folder)))
            except FileNotFoundError:
                # A worker's folder goes after its end, of which we are only about to hear.
                self._lose(group, lambda: WorkerUntouched("the worker's folder is gone"))
                self.close("the worker's folder is gone")
            except (OSError, ContractError) as ex:
                self._lose(group, functools.partial(copy.copy, ex))
            else:
                self._predicts[number] = group, impatient
        self._write(frames)
        self._awake.asked(alone=[len(group) for group, _ in self._predicts.values()] == [1])

    def _write(self, frames: list[bytes]) -> None:
        if frames and self._transport is not None:
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    @staticmethod
    def _lose(group: Iterable[Asked], failure: Callable[[], Exception]) -> None:
        """Let each hear of it by an exception of its own: they collect tracebacks."""
        for asked in group:
            if not asked.waiter.done():
                asked.waiter.set_exception(failure())

    def _watch(self) -> None:
        if self._clock is None:
            self._clock = self._loop.call_later(_TICK, self._tick)

    def _tick(self) -> None:
        """Look for deadlines that passed in silence. One clock a connection, none a request.

        PERF: it stands still while nothing waits, so that an idle service wakes nobody.
        """
        self._clock = None
        now = time.monotonic()
        for asked in itertools.chain(self._held, *[group for group, _ in self._predicts.values()]):
            if asked.expires + GRACE < now:
                self._lose([asked], _silent)
        late = [waiter for waiter, deadline in self._requests.values() if deadline < now]
        for waiter in late:
            if not waiter.done():
                waiter.set_exception(_silent())
        if late or any(impatient < now for _, impatient in self._predicts.values()):
            self.hung = True
            self.close("the worker hangs")
        elif self._requests or self._predicts or self._held:
            self._watch()

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
        if not self._hello.done():
            self._hello.set_exception(WorkerLost(self._reason))
            self._hello.exception()  # open() may have been cancelled: nobody need ask for it
        for waiter, _ in self._requests.values():
            if not waiter.done():
                waiter.set_exception(WorkerLost(self._reason))
        blamed = self._read_marker()
        for number, (group, _) in self._predicts.items():
            if blamed is not None and number not in blamed:
                self._lose(group, lambda: WorkerUntouched(self._reason))
            else:
                self._lose(group, lambda: WorkerLost(self._reason, certain=blamed is not None))
        self._predicts.clear()
        self._lose(self._held, lambda: WorkerUntouched(self._reason))
        self._held = []
        self.on_lost(self)

    def _open_marker(self, path: str) -> None:
        with contextlib.suppress(OSError):  # an adapter need not have one
            self._marker = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def _read_marker(self) -> frozenset[int] | None:
        """Give the ids of the requests that the model was at (SPEC 2.7), None if it is unknown."""
        if self._marker is None:
            return None
        try:
            return marker.read(os.pread(self._marker, marker.SIZE, 0))
        except OSError:
            return None
        finally:
            os.close(self._marker)
            self._marker = None

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
        if reply.id in self._predicts:
            self._awake.answered()
            self._share(self._predicts.pop(reply.id)[0], reply)
            return
        waiting = self._requests.get(reply.id)
        if waiting is None or waiting[0].done():
            return  # its caller gave up: a late answer reaches nobody
        if isinstance(reply, ErrorReply):
            waiting[0].set_exception(reply.failure())
        else:
            waiting[0].set_result(reply)

    def _share(self, group: list[Asked], reply: Reply | ErrorReply) -> None:
        """Give a joined request's callers their answer; if it failed, try each of them alone."""
        if isinstance(reply, ErrorReply):
            if len(group) == 1 or reply.code not in _ISOLATE:
                self._lose(group, reply.failure)
                return
            for asked in group:
                asked.alone = True
            self._send(groups(group))
        elif reply.table is None or reply.table.rows != sum([a.table.rows for a in group]):
            self._lose(group, lambda: BadMessage("the reply has not the rows that were asked for"))
        else:
            share(group, reply.table, reply.seconds or 0.0)


def _silent() -> DeadlineExceeded:
    return DeadlineExceeded("the worker did not answer in time")
