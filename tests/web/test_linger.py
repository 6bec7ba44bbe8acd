"""At the server's end an idle connection stays open for a request that is on its way."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import uvloop
from uvicorn import Config
from uvicorn.server import ServerState

from runner.web.limits import Limits
from runner.web.protocol import _LINGER, HttpProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer anything."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Still(asyncio.Protocol):
    """A connection that keeps the loop busy for longer than the server lingers."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile

    def data_received(self, data: bytes) -> None:
        self._meanwhile()
        time.sleep(_LINGER + 0.1)


def test_a_request_that_comes_while_the_loop_stands_still() -> None:
    """It is answered, though the time to close is over when the loop gets to read it."""
    # With uvloop, as front-ends have it, which calls timers after what it has found to read.
    uvloop.run(_ask_while_it_stands_still())


async def test_a_connection_that_is_made_at_the_end() -> None:
    """Its first answer says that it is the last."""
    loop = asyncio.get_running_loop()
    config = Config(app, log_config=None, lifespan="off")
    config.load()
    state: Any = ServerState()
    state.ending = True
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.settimeout(10.0)
        theirs.sendall(REQUEST)
        await loop.connect_accepted_socket(
            partial(HttpProtocol, config, state, {}, limits=Limits()), ours
        )
        answer = await asyncio.to_thread(theirs.recv, 65_536)
        assert answer.startswith(b"HTTP/1.1 204 ")
        assert b"connection: close" in answer


async def _ask_while_it_stands_still() -> None:
    loop = asyncio.get_running_loop()
    config = Config(app, log_config=None, lifespan="off")
    config.load()
    state = ServerState()
    (ours, theirs), (busy, wake) = socket.socketpair(), socket.socketpair()
    with theirs, wake:
        theirs.settimeout(10.0)
        protocol = partial(HttpProtocol, config, state, {}, limits=Limits())
        await loop.connect_accepted_socket(protocol, ours)
        await loop.connect_accepted_socket(lambda: Still(lambda: theirs.sendall(REQUEST)), busy)
        (connection,) = state.connections
        connection.shutdown()
        wake.sendall(b"x")
        answer = await asyncio.to_thread(theirs.recv, 65_536)
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"connection: close" in answer
