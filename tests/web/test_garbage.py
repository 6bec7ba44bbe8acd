"""A connection leaves nothing that only a search for garbage would find."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from runner.web.limits import Limits
from runner.web.protocol import HttpProtocol

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Nothing but the counts of references frees anything."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"yes"})


@pytest.mark.parametrize("sent", [b"", GET[:9], GET, GET + GET], ids=["none", "part", "one", "two"])
async def test_a_connection_is_freed_when_it_is_lost(no_collection: None, sent: bytes) -> None:
    """Protocol, transport and request are gone with the connection, whatever came over it."""
    config = uvicorn.Config(_answer, lifespan="off", ws="none")
    config.load()
    freed = asyncio.Event()
    limits = Limits()

    def protocol() -> HttpProtocol:
        state = ServerState()
        found = HttpProtocol(config=config, server_state=state, app_state={}, limits=limits)
        weakref.finalize(found, freed.set)
        return found

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        for _ in range(sent.count(b"\r\n\r\n")):
            await reader.readuntil(b"yes")
        writer.close()
        await writer.wait_closed()
        await asyncio.wait_for(freed.wait(), 20)
