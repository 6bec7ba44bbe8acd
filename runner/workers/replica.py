"""Keep one adapter process of one served version alive."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from contracts.errors import ContractError
from contracts.messages import Load
from runner.errors import RunnerError, Unavailable
from runner.logs import get_logger
from runner.workers.errors import DeadlineExceeded, WorkerFailedToStart, WorkerLost
from runner.workers.interpreter import Command
from runner.workers.process import WorkerProcess
from runner.workers.spares import Spare

RESTART_DELAYS = (2.0, 8.0, 20.0)
"""Seconds before the next try after a failed start, the last for all further ones: 5 a minute at
most. A worker that had been ready is started again at once; but one that ends by itself sooner
than `_SOON` after that, and again, waits as if its start had failed."""

_SOON = 1.0
"""Seconds."""

_AWAY = 1.0
"""Seconds after which a store that is away is asked again for a version's model."""

_GRACE = 5.0
_numbers = itertools.count(1)
_log = get_logger("runner.workers")


def _delay(failures: int) -> float:
    """Give the seconds to wait after so many failures in a row."""
    return RESTART_DELAYS[min(failures, len(RESTART_DELAYS)) - 1]


class State(StrEnum):
    """Where a replica stands.

    starting → warming → ready → (crashed) starting …; failed while a start is not tried again yet,
    or waits for a store that is away; draining once another version has taken over; ended at last.
    """

    STARTING = "starting"
    WARMING = "warming"
    READY = "ready"
    FAILED = "failed"
    DRAINING = "draining"
    ENDED = "ended"


@dataclass(frozen=True)
class Artifact:
    """A version's model, as the store gave it."""

    content: bytes
    format: str
    sha256: str


@dataclass(frozen=True)
class Launch:
    """All that it takes to bring up an adapter with a version in it."""

    service: str
    version: int
    command: Command
    model: Mapping[str, Any]
    artifact: Callable[[], Awaitable[Artifact]]
    folder: Path
    start_timeout: float
    memory_limit: int | None
    spare: Callable[[Command], Spare | None]
    """Give a started adapter of this command, if one is in reserve."""


class Replica:
    """One adapter process after another, all with the same version.

    ``changed`` is called whenever `state` or `socket` changed.
    """

    def __init__(self, launch: Launch, index: int, changed: Callable[[], None]) -> None:
        self.launch = launch
        self.index = index
        self.state = State.STARTING
        self.reason = ""
        self.restarts = 0
        self._changed = changed
        self._process: WorkerProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._log = _log.bind(service=launch.service, version=launch.version, replica=index)

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""
        return self._process.pid if self._process else None

    @property
    def socket(self) -> Path | None:
        """Where to send requests, None unless ready."""
        return self._process.socket if self._process and self.state is State.READY else None

    async def start(self) -> None:
        """Start the process, load the version, have it warmed. Raises WorkerFailedToStart."""
        launch = self.launch
        self._enter(State.STARTING)
        spare = launch.spare(launch.command)
        if spare is None:
            process = await self._new_process()
        else:
            process = spare.process
            process.assign(self._tell, launch.memory_limit)
        try:
            connection = spare.connection if spare else await process.connect(launch.start_timeout)
            artifact = await self._artifact()
            self._enter(State.WARMING)
            expires = asyncio.get_running_loop().time() + launch.start_timeout
            await connection.request(
                Load,
                expires,
                artifact=artifact.content,
                format=artifact.format,
                sha256=artifact.sha256,
                model=launch.model,
            )
            connection.close()
        except BaseException as ex:
            process.kill()
            await process.stop(_GRACE)
            failure = self._failure(ex, process)
            if failure is None:
                raise
            raise failure from ex
        self._process = process
        self._enter(State.READY)
        self._log.info("worker ready", pid=process.pid, language=connection.hello.adapter)

    async def _artifact(self) -> Artifact:
        """Read the version's model; a store that is away is asked on, as long as a load may take.

        The process waits meanwhile: it is none of its faults, and its start has taken a while.
        """
        loop = asyncio.get_running_loop()
        expires = loop.time() + self.launch.start_timeout
        while True:
            try:
                return await self.launch.artifact()
            except Unavailable as ex:
                if loop.time() + _AWAY > expires:
                    raise
                if self.state is not State.FAILED:
                    self._log.warning("worker waits for its store", reason=str(ex))
                self._enter(State.FAILED, str(ex))
            await asyncio.sleep(_AWAY)

    async def _new_process(self) -> WorkerProcess:
        launch = self.launch
        folder = launch.folder / f"w{next(_numbers)}"
        return await WorkerProcess.start(launch.command, folder, self._tell, launch.memory_limit)

    def _failure(self, ex: BaseException, process: WorkerProcess) -> WorkerFailedToStart | None:
        """Turn what a start can meet into one error; None for the rest, as a cancellation."""
        match ex:
            case ContractError():
                if ex.traceback:
                    self._log.error("model failed to load", traceback=ex.traceback)
                return WorkerFailedToStart(f"{ex.code}: {ex.message}")
            case DeadlineExceeded():
                limit = self.launch.start_timeout
                return WorkerFailedToStart(f"the model was not loaded within {limit:g} s")
            case WorkerLost():
                return WorkerFailedToStart(process.epitaph())
            case OSError():
                return WorkerFailedToStart(f"the artifact cannot be handed over: {ex}")
            case _:
                return None

    def keep(self) -> None:
        """From now on, start the process anew whenever it ends."""
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        ends = 0  # by itself, in a row
        while True:
            process = self._process
            assert process is not None
            ready = loop.time()
            await process.wait()
            self._process = None
            by_itself = process.ended_by_itself and loop.time() - ready < _SOON
            process.clear()
            self._log.error("worker ended", reason=process.epitaph(), pid=process.pid)
            self.restarts += 1
            ends = ends + 1 if by_itself else 0
            if ends > 1:
                self._enter(State.FAILED, f"it ends by itself: {process.epitaph()}")
                await asyncio.sleep(_delay(ends - 1))
            await self._start_until_ready()

    async def _start_until_ready(self) -> None:
        for failures in itertools.count(1):
            try:
                await self.start()
            except (WorkerFailedToStart, RunnerError) as ex:
                delay = _delay(failures)
                self._log.error("worker failed to start", reason=str(ex), again_in=delay)
                self._enter(State.FAILED, str(ex))
                await asyncio.sleep(delay)
            else:
                return

    def kill(self) -> None:
        """End the process at once; `keep` brings up the next."""
        if self._process is not None:
            self._process.kill()

    def drain(self) -> None:
        """Take no new requests; the process goes on with those that it has."""
        self._enter(State.DRAINING)

    async def stop(self) -> None:
        """End the process for good."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        process, self._process = self._process, None
        if process is not None:
            await process.stop(_GRACE)
        self._enter(State.ENDED)

    def _enter(self, state: State, reason: str = "") -> None:
        self.state = state
        self.reason = reason
        self._changed()

    def _tell(self, line: str) -> None:
        self._log.info("model output", line=line)
