"""Say in the stores what this server serves, for commands that show it or wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import Callable, Mapping

from runner.errors import RunnerError
from runner.store import Served, Store
from runner.workers.deployment import Deployment

BEAT = 3.0
"""Seconds after which it is said again, though nothing has changed."""

_AGAIN = 0.5
"""Seconds after which it is said again to a store that was away."""

_FAREWELL = 2.0
"""Seconds that the end of the server waits for a store."""


class Presence:
    """Tell of all deployments: at once when ``changed`` is set, and every `BEAT` seconds."""

    def __init__(
        self, deployments: Callable[[], Mapping[str, Deployment]], changed: asyncio.Event
    ) -> None:
        self._deployments = deployments
        self._id = uuid.uuid4().hex
        self._host, self._pid = socket.gethostname(), os.getpid()
        self._changed = changed

    async def run(self) -> None:
        """Tell until cancelled, and take it all back then."""
        loop = asyncio.get_running_loop()
        said: object = None
        beat = 0.0
        try:
            while True:
                self._changed.clear()
                present: dict[Store, list[Served]] = {}
                for deployment in self._deployments().values():
                    present.setdefault(deployment.store, []).append(deployment.served)
                if present != said or loop.time() >= beat:
                    said, beat = present, loop.time() + BEAT
                    for store, served in present.items():
                        try:
                            await asyncio.to_thread(
                                store.servers.report, self._id, self._host, self._pid, served
                            )
                        except RunnerError:  # it is away: the watch over it says so
                            beat = loop.time() + _AGAIN
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(beat):
                        await self._changed.wait()
        finally:
            stores = {deployment.store for deployment in self._deployments().values()}
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await asyncio.gather(*map(self._forget, stores))

    async def _forget(self, store: Store) -> None:
        with contextlib.suppress(RunnerError):
            await asyncio.to_thread(store.servers.forget, self._id)
