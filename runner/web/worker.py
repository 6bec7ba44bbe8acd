"""Be gunicorn's worker: uvicorn, with our protocol on its connections."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn import Config
from uvicorn.server import Server, ServerState
from uvicorn_worker import UvicornWorker

from runner.web.protocol import HttpProtocol
from runner.web.server import limits
from runner.workers.lifetime import follow

_HANDSHAKE = 2.0  # seconds that TLS may take on a connection that is taken at the end


class Worker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """One front-end."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        # SECURITY: what X-Forwarded-For says is anybody's word until a proxy is known.
        "proxy_headers": False,
        "server_header": False,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config.http = partial(HttpProtocol, limits=limits())
        self.config.timeout_graceful_shutdown = self.cfg.graceful_timeout

    def init_process(self) -> None:
        """End with gunicorn, even if that is killed; then serve."""
        follow(self.ppid)
        super().init_process()

    async def _serve(self) -> None:
        """Serve, as our base does, with a server of ours."""
        self.config.app = self.wsgi
        server = _Server(self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    async def callback_notify(self) -> None:
        """Tell gunicorn that we live; end if it does not."""
        if os.getppid() != self.ppid:
            signal.raise_signal(signal.SIGTERM)
        self.notify()


class _State(ServerState):
    ending = False
    """Whether connections that are made now, as after a slow TLS handshake, are told to end."""


class _Server(Server):
    """uvicorn's server, which at its end answers whoever has been connected by the kernel."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.server_state: _State = _State()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more, take what is left in the queue, and finish what has begun.

        With the last copy of a listening socket the kernel resets what is still in its queue; the
        loop takes one connection out of it in each turn.
        """
        self.server_state.ending = True
        queues = [each.dup() for each in sockets or []]
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        left = []
        for queue in queues:
            with queue, suppress(OSError):
                while True:
                    left.append(queue.accept()[0])
        await asyncio.gather(*map(self._take, left), return_exceptions=True)
        await super().shutdown(sockets)

    async def _take(self, connection: socket.socket) -> None:
        config, loop = self.config, asyncio.get_running_loop()
        make: Any = config.http_protocol_class
        protocol = partial(make, config, self.server_state, self.lifespan.state)
        async with asyncio.timeout(_HANDSHAKE):
            await loop.connect_accepted_socket(protocol, connection, ssl=config.ssl)
