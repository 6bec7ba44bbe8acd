"""Run an adapter for one piece of work, a fit or a test, and end it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from contracts.messages import Hello, Reply, Request
from runner.errors import Unavailable
from runner.workers.client import Connection
from runner.workers.errors import WorkerCrashed, WorkerLost
from runner.workers.interpreter import Command
from runner.workers.process import WorkerProcess
from runner.workers.runtime import runtime_folder

_GRACE = 2.0


class PrivateWorker:
    """One adapter, asked one thing at a time and as long as it takes."""

    def __init__(self, process: WorkerProcess, connection: Connection) -> None:
        self._process = process
        self._connection = connection

    @property
    def pid(self) -> int:
        """The process's number, for those who measure it."""
        return self._process.pid

    async def hello(self) -> Hello:
        """What the adapter says of itself now: after a fit, with the packages that it used."""
        connection = await Connection.open(self._process.socket)
        connection.close()
        return connection.hello

    async def request(
        self, kind: Callable[..., Request], timeout: float | None = None, **fields: Any
    ) -> Reply:
        """Ask, and wait up to ``timeout`` seconds. Raises Failure, WorkerCrashed, DeadlineExceeded.

        WorkerCrashed tells how the process ended, and its last words. Raises Unavailable if the
        rows, or an artifact, find no room on their way.
        """
        expires = None if timeout is None else asyncio.get_running_loop().time() + timeout
        try:
            return await self._connection.request(kind, expires, **fields)
        except WorkerLost as ex:
            if self._connection.hung:
                raise
            await self._process.wait()
            raise WorkerCrashed(self._process.epitaph()) from ex
        except OSError as ex:
            raise _no_room(self._process.folder, ex) from ex


@asynccontextmanager
async def private_worker(
    command: Command,
    on_line: Callable[[str], None],
    start_timeout: float = 60.0,
    memory_limit: int | None = None,
) -> AsyncIterator[PrivateWorker]:
    """Start an adapter, give it, and end it whatever happens. Raises WorkerFailedToStart."""
    with runtime_folder() as folder:
        try:
            process = await WorkerProcess.start(command, folder / "w", on_line, memory_limit)
        except OSError as ex:
            raise _no_room(folder, ex) from ex
        try:
            connection = await process.connect(start_timeout)
            try:
                yield PrivateWorker(process, connection)
            finally:
                connection.close()
        finally:
            await process.stop(_GRACE)


def _no_room(folder: Path, ex: OSError) -> Unavailable:
    return Unavailable(
        f"cannot write in {folder.parent}, where tables on their way to a worker lie "
        f"($RUNNER_RUNTIME): {ex.strerror or ex}"
    )
