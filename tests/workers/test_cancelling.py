"""What has left for a worker is cancelled once nobody waits for it, where the adapter knows how."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from contracts.errors import Code
from contracts.messages import (
    Cancel,
    ErrorReply,
    Hello,
    Ping,
    Predict,
    Reply,
    Request,
    decode_request,
    encode_reply,
)
from contracts.table import Table, pack_floats
from contracts.wire import FrameReader, frame
from runner.workers.client import Connection
from runner.workers.joining import Part

CAPABILITIES = ("predict", "ping", "cancel")


class Adapter(asyncio.Protocol):
    """An adapter whose model is at work for as long as a test wants; it keeps what it is sent."""

    def __init__(self, capabilities: Sequence[str]) -> None:
        self.received: list[Request] = []
        self._capabilities = tuple(capabilities)
        self._reader = FrameReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(frame(Hello("waits", "1", "none", "1", self._capabilities).encode()))

    def data_received(self, data: bytes) -> None:
        for payload in self._reader.feed(data):
            request = decode_request(payload)
            assert not isinstance(request, ErrorReply)
            self.received.append(request)
            if isinstance(request, Ping | Cancel):
                self.answer(Reply(request.id))

    def answer(self, reply: Reply | ErrorReply) -> None:
        self._transport.write(frame(encode_reply(reply)))

    @property
    def predicts(self) -> list[Predict]:
        return [each for each in self.received if isinstance(each, Predict)]

    @property
    def cancelled(self) -> list[int]:
        return [each.request for each in self.received if isinstance(each, Cancel)]


@contextlib.asynccontextmanager
async def connected(
    folder: Path, capabilities: Sequence[str] = CAPABILITIES
) -> AsyncIterator[tuple[Adapter, Connection]]:
    adapter = Adapter(capabilities)
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: adapter, folder / "socket")
    connection = await Connection.open(folder / "socket")
    try:
        yield adapter, connection
    finally:
        connection.close()
        await connection.wait_closed()
        server.close()
        await server.wait_closed()


async def leave(connection: Connection, *rows: float) -> list[asyncio.Future[Part]]:
    """Ask for each row in one turn, so that all leave joined; wait until they have left."""
    expires = time.monotonic() + 60.0
    asked = [connection.predict(_row(x), "predict", {}, expires) for x in rows]
    await connection.request(Ping)
    return asked


def _row(x: float) -> Table:
    return pack_floats(1, ("x",), [x])


def hang_up(connection: Connection, waiter: asyncio.Future[Part]) -> None:
    """Do what the pool does when a caller has gone."""
    waiter.cancel()
    connection.abandon(waiter)


async def test_the_last_of_the_joined_callers_cancels(tmp_path: Path) -> None:
    """A joined request is wanted while one caller waits; others lose nothing by one that goes."""
    async with connected(tmp_path) as (adapter, connection):
        first, second = await leave(connection, 1.0, 2.0)
        (request,) = adapter.predicts
        hang_up(connection, first)
        await connection.request(Ping)
        assert [] == adapter.cancelled
        hang_up(connection, second)
        await connection.request(Ping)
        assert [request.id] == adapter.cancelled


async def test_the_answer_may_cross(tmp_path: Path) -> None:
    """Whichever reply comes to what was cancelled is taken, and reaches nobody."""
    async with connected(tmp_path) as (adapter, connection):
        for reply in (
            lambda number: ErrorReply(number, Code.CANCELLED, "nobody waits"),
            lambda number: Reply(number, _row(2.0)),
        ):
            (waiter,) = await leave(connection, 1.0)
            hang_up(connection, waiter)
            assert 1 == connection.load  # the worker may be at it
            adapter.answer(reply(adapter.predicts[-1].id))
            await connection.request(Ping)
            assert (0, True) == (connection.load, connection.alive)
        (waiter,) = await leave(connection, 3.0)
        adapter.answer(Reply(adapter.predicts[-1].id, _row(6.0)))
        part = await waiter
        assert [6.0] == part.rows(lambda table: table.columns[0].tolist())


async def test_cancelled_jointly_is_not_tried_apart(tmp_path: Path) -> None:
    """`cancelled` is no failure after which each of the joined would be tried alone."""
    async with connected(tmp_path) as (adapter, connection):
        for waiter in await leave(connection, 1.0, 2.0, 3.0):
            hang_up(connection, waiter)
        adapter.answer(ErrorReply(adapter.predicts[0].id, Code.CANCELLED, "nobody waits"))
        await connection.request(Ping)
        assert (1, 0) == (len(adapter.predicts), connection.load)


@pytest.mark.parametrize("capabilities", [("predict", "ping"), ("predict", "ping", "cancels")])
async def test_adapters_that_do_not_know_it(tmp_path: Path, capabilities: Sequence[str]) -> None:
    """An adapter that does not announce it is not asked: to it the op would be unknown."""
    async with connected(tmp_path, capabilities) as (adapter, connection):
        (waiter,) = await leave(connection, 1.0)
        hang_up(connection, waiter)
        await connection.request(Ping)
        assert [] == adapter.cancelled
