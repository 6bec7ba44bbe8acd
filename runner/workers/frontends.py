"""Keep gunicorn running, and put another one in its place without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket as sockets
import sys
import time

from runner.logs import get_logger
from runner.workers.control import ControlServer
from runner.workers.plan import Command, Plan

_RESTART_DELAYS = (0.5, 2.0, 8.0, 20.0)
_LONG = 60.0  # seconds after which gunicorn's end is no failure to start
_START_TIMEOUT = 30.0
_log = get_logger("runner.workers")


class FrontEnds:
    """gunicorn on a listening socket; its workers join the control socket."""

    def __init__(self, listener: sockets.socket, control: ControlServer) -> None:
        self._listener = listener
        self._control = control
        self._command: Command | None = None
        self._grace = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def follow(self, plan: Plan) -> None:
        """Start gunicorn, or replace it if the plan wants another one.

        The old one ends once a new one answers; if none does, the old one stays.
        """
        self._grace = plan.graceful_timeout
        command = plan.front_end(self._listener, self._control.path)
        if command == self._command:
            return
        # Both accept from one socket for a while: no connection is refused.
        keeper = asyncio.create_task(self._keep(command))
        old, joined = self._keeper, self._control.joined
        if old is None:
            self._command, self._keeper = command, keeper
            return
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                await self._control.joins(joined)
        except BaseException as ex:
            await _cancel(keeper)
            if not isinstance(ex, TimeoutError):
                raise
            _log.error("new front-ends do not start, the former ones stay", seconds=_START_TIMEOUT)
            return
        self._command, self._keeper = command, keeper
        leaving = asyncio.create_task(_cancel(old))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        _log.info("new front-ends serve")

    async def stop(self) -> None:
        """End gunicorn in order: no new connections, what has begun is finished."""
        # A connection that nobody will accept any more is to be refused, not to wait.
        self._listener.close()
        if self._keeper is not None:
            await _cancel(self._keeper)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _keep(self, command: Command) -> None:
        """Run gunicorn; start it again should it end. Cancelled, end it in order."""
        self._listener.set_inheritable(True)
        argv, env = command
        delays = itertools.chain(_RESTART_DELAYS, itertools.repeat(_RESTART_DELAYS[-1]))
        while True:
            begun = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "runner.workers.lifetime", *argv,
                stdin=asyncio.subprocess.DEVNULL, env=env, start_new_session=True,
                pass_fds=[self._listener.fileno()],
            )  # fmt: skip
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await _end(process, self._grace)
                raise
            if time.monotonic() - begun > _LONG:
                delays = itertools.chain(_RESTART_DELAYS, itertools.repeat(_RESTART_DELAYS[-1]))
            delay = next(delays)
            _log.error("gunicorn ended", exit_code=code, again_in=delay)
            await asyncio.sleep(delay)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _end(process: asyncio.subprocess.Process, grace: float) -> None:
    """Ask gunicorn to finish what it has begun, for ``grace`` seconds and a little."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(grace + 2.0):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
