"""Keep one started adapter in reserve for each command whose language is slow to start.

A spare has said hello and holds no model, so any service that runs this command may take it: an
activation, or a restart after a crash, then pays for the load alone. The next spare is started when
no worker is starting any more, so that the two do not compete for the processor.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from runner.logs import get_logger
from runner.workers.client import Connection
from runner.workers.errors import WorkerFailedToStart
from runner.workers.interpreter import Command
from runner.workers.process import WorkerProcess

_DELAYS = (2.0, 8.0, 20.0, 60.0)
"""Seconds before the next spare after one that did not start or that died, the last for further
ones."""

_START_TIMEOUT = 60.0
_GRACE = 5.0
_log = get_logger("runner.workers")


@dataclass(frozen=True)
class Spare:
    """A started adapter and the one connection to it."""

    process: WorkerProcess
    connection: Connection


class Spares:
    """The spares of one server. ``wanted`` tells for which commands, None for: not at this moment.

    `look` makes it be asked; `run` does the work until it is cancelled, and ends all spares then.
    """

    def __init__(self, folder: Path, wanted: Callable[[], Collection[Command] | None]) -> None:
        self._folder = folder
        self._wanted = wanted
        self._ready: dict[Command, tuple[Spare, asyncio.Future[bool]]] = {}
        self._keepers: dict[Command, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()

    @property
    def ready(self) -> list[Spare]:
        """The spares that could be taken now."""
        return [spare for spare, _ in self._ready.values()]

    def look(self) -> None:
        """What is wanted may have changed."""
        self._changed.set()

    def take(self, command: Command) -> Spare | None:
        """Give this command's spare, if there is one; it is the caller's from now on."""
        spare, taken = self._ready.pop(command, (None, None))
        if spare is None or taken is None or not spare.connection.alive:
            return None
        taken.set_result(True)
        return spare

    async def run(self) -> None:
        """Start spares as they are wanted, and end those that are wanted no more."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                wanted = self._wanted()
                if wanted is None:
                    continue
                for command in wanted:
                    if command not in self._keepers:
                        self._keepers[command] = asyncio.create_task(self._keep(command))
                for command in self._keepers.keys() - set(wanted):
                    self._keepers[command].cancel()
        finally:
            keepers = list(self._keepers.values())
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, command: Command) -> None:
        """Have a spare until it is taken."""
        try:
            for delay in itertools.chain(_DELAYS, itertools.repeat(_DELAYS[-1])):
                if await self._reserve(command):
                    return
                await asyncio.sleep(delay)
        finally:
            del self._keepers[command]
            self.look()

    async def _reserve(self, command: Command) -> bool:
        """Start one and hold it; say whether it was taken, else it did not start, or died."""
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        try:
            folder = self._folder / f"spare{next(self._numbers)}"
            process = await WorkerProcess.start(command, folder, _tell)
        except WorkerFailedToStart as ex:
            _log.warning("spare worker failed to start", reason=str(ex))
            return False
        try:
            connection = await process.connect(_START_TIMEOUT)
            connection.on_lost = lambda _: None if taken.done() else taken.set_result(False)
            self._ready[command] = Spare(process, connection), taken
            _log.debug("spare worker ready", pid=process.pid)
            if not await taken:
                _log.warning("spare worker ended", pid=process.pid)
        except WorkerFailedToStart as ex:
            _log.warning("spare worker failed to start", reason=str(ex))
            taken.set_result(False)
        finally:
            if not taken.done() or taken.cancelled() or not taken.result():
                self._ready.pop(command, None)
                process.kill()
                await process.stop(_GRACE)
        return taken.result()


def _tell(line: str) -> None:
    _log.info("spare worker output", line=line)
