"""Run fits and activations in processes of their own, and keep the store told of them.

What such a process prints of its progress is the job's log, its JSON the result. It ends with the
supervisor, even if that is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from runner.audit.record import OnBehalf
from runner.audit.reported import reported
from runner.config import Config
from runner.errors import NotFound, Refused, RunnerError, Unavailable
from runner.logs import get_logger
from runner.store import State, Store
from runner.workers import switching

BEAT = 1.0
"""Seconds between words to the store; so soon a command's cancellation is noticed."""

ACTIVATE, UPDATE = "activate", "update-model-cache"
"""What the jobs are that activate a version, and those that wait for the active one."""

_LOOK = 0.1  # seconds
_ERRORS: dict[str, type[RunnerError]] = {
    each.__name__: each for each in (NotFound, Refused, Unavailable)
}

_TOLD = 50
"""Jobs that have ended and are still told, the latest."""

_LINES = 200
_LINE = 2_000  # characters
_GRACE = 10.0
_log = get_logger("runner.workers")


class Jobs:
    """All jobs of one server.

    Of a service ``max_jobs`` run or wait, fits and others counted apart, so that fits that wait do
    not keep anybody from going back to a former version. ``jobs_at_once`` fits run.
    """

    def __init__(self) -> None:
        self.unrecorded: Callable[[str, str, OnBehalf | None], None] = lambda *_: None
        """Told of a fit whose command could not record its end: service, error, who asked."""
        self._id = uuid.uuid4().hex
        self._jobs: dict[str, _Job] = {}
        self._ended: dict[str, dict[str, Any]] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def fit(
        self,
        config: Config,
        store: Store,
        arguments: Mapping[str, Any],
        behalf: OnBehalf | None,
        *,
        kind: str = "fit",
        by: str = "",
    ) -> str:
        """Queue a fit; give the job's id. ``by`` tells who asked where no caller did.

        Raises Unavailable if too many wait already.
        """
        job = _Job(kind, config, store, _fit(config, arguments), behalf)
        await self._begin(job, arguments, by)
        return job.id

    async def activate(
        self,
        config: Config,
        store: Store,
        version: int,
        behalf: OnBehalf,
        look: Callable[[], Awaitable[None]],
    ) -> None:
        """Activate a version, and return once it is in force.

        ``look`` is called again and again meanwhile, to see it as soon as the job has made it.
        Raises NotFound, Refused, Unavailable, RunnerError as the job failed, Unavailable if there
        are too many already. Whoever asks records it.
        """
        argv = switching.command(config.service_name, version)
        job = _Job(ACTIVATE, config, store, argv, behalf)
        task = await self._begin(job, {"model_version": version})
        while not task.done():
            await look()
            await asyncio.wait({task}, timeout=_LOOK)
        if job.failure is not None:
            raise job.failure

    async def update(self, config: Config, store: Store, behalf: OnBehalf) -> str:
        """Begin to wait until the active version is in force; give the job's id.

        Raises Unavailable if too many wait already.
        """
        job = _Job(UPDATE, config, store, switching.command(config.service_name), behalf)
        await self._begin(job, {})
        return job.id

    async def _begin(
        self,
        job: _Job,
        arguments: Mapping[str, Any],
        by: str = "",
    ) -> asyncio.Task[None]:
        settings, service = job.config.server, job.service
        mine = sum((each.service, each.fits) == (service, job.fits) for each in self._jobs.values())
        if mine >= settings.max_jobs:
            raise Unavailable(
                f"service {service} has {mine} jobs that run or wait, the most it may"
            )
        turn: AbstractAsyncContextManager[None] = contextlib.nullcontext()
        if job.fits:
            turn = self._turns.setdefault(service, asyncio.Semaphore(settings.jobs_at_once))
        self._jobs[job.id] = job
        by = str(job.behalf or by)
        try:
            await asyncio.to_thread(
                job.store.jobs.add, job.id, service, job.kind, arguments, by, self._id
            )
        except BaseException:
            del self._jobs[job.id]
            raise
        job.task = asyncio.create_task(self._work(job, turn))
        return job.task

    async def cancel(self, store: Store, job: str) -> None:
        """End a job. Raises NotFound, Refused for one that has ended."""
        await asyncio.to_thread(store.jobs.cancel, job)
        self._cancel(job)

    @property
    def told(self) -> dict[str, dict[str, Any]]:
        """What runs, waits or has ended of late, by id, as Palladium's /alive tells it."""
        return self._ended | {job.id: job.told(job.status, job.last) for job in self._jobs.values()}

    async def run(self) -> None:
        """Keep the stores told until cancelled."""
        while True:
            await asyncio.sleep(BEAT)
            stores: dict[Store, dict[str, str]] = {}
            for job in self._jobs.values():
                stores.setdefault(job.store, {})[job.id] = job.log
            for store, logs in stores.items():
                # A store that is away: the watch over it says so.
                with contextlib.suppress(RunnerError):
                    for wanted in await asyncio.to_thread(store.jobs.beat, self._id, logs):
                        self._cancel(wanted)

    async def stop(self) -> None:
        """End all jobs, which have failed then."""
        jobs = list(self._jobs.values())
        for job in jobs:
            job.ended = State.FAILED, "the server stopped"
            if job.task is not None:
                job.task.cancel()
        await asyncio.gather(*(job.task for job in jobs if job.task), return_exceptions=True)

    def _cancel(self, job: str) -> None:
        found = self._jobs.get(job)
        if found is not None and found.task is not None and found.ended is None:
            found.ended = State.CANCELLED, ""
            found.task.cancel()

    async def _work(self, job: _Job, turn: AbstractAsyncContextManager[None]) -> None:
        result: Mapping[str, Any] | None = None
        try:
            async with turn:
                await asyncio.to_thread(job.store.jobs.start, job.id)
                job.begin()
                _log.info("job begins", job=job.id, service=job.service)
                state, reason, result = await job.run()
        except asyncio.CancelledError:
            state, reason = job.ended or (State.FAILED, "the server stopped")
            job.failure = Unavailable(reason) if reason else Refused("the job was cancelled")
        except (RunnerError, OSError) as ex:
            state, reason = State.FAILED, str(ex)
            job.failure = Unavailable(reason)
        _log.info("job ended", job=job.id, service=job.service, state=state, reason=reason)
        if job.unrecorded is not None:
            self.unrecorded(job.service, job.unrecorded, job.behalf)
        try:
            await asyncio.to_thread(
                job.store.jobs.end, job.id, state, reason=reason, log=job.log, result=result
            )
        except RunnerError as ex:  # whoever asks sees that nobody is at it any more
            _log.error("the end of a job could not be stored", job=job.id, reason=str(ex))
        finally:
            self._keep(job, state, reason if result is None else json.dumps(result))

    def _keep(self, job: _Job, state: State, info: str) -> None:
        """Tell for a while how a job ended: who began it looks there until it has."""
        self._jobs.pop(job.id, None)
        self._ended[job.id] = job.told("error" if state is State.FAILED else state, info)
        while len(self._ended) > _TOLD:
            del self._ended[next(iter(self._ended))]


class _Job:
    def __init__(
        self,
        kind: str,
        config: Config,
        store: Store,
        argv: Sequence[str],
        behalf: OnBehalf | None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.kind = kind
        self.config = config
        self.service = config.service_name
        self.store = store
        self.fits = kind not in (ACTIVATE, UPDATE)
        self.task: asyncio.Task[None] | None = None
        self.ended: tuple[State, str] | None = None
        """How it ends, of one that is being cancelled."""
        self.failure: RunnerError | None = None
        """Why it failed, for whoever waits for its end."""
        self.status = State.QUEUED
        self.started: datetime | None = None
        self.behalf = behalf
        self.unrecorded = "Cancelled" if self.fits else None
        """How it ended, if its command was to leave a record of that and has left none."""
        self._argv = argv
        self._lines: deque[str] = deque(maxlen=_LINES)

    def begin(self) -> None:
        """Note that it runs from now on."""
        self.status, self.started = State.RUNNING, datetime.now(UTC)

    def told(self, status: str, info: str) -> dict[str, Any]:
        """Give what /alive says of it."""
        started = self.started and self.started.isoformat()
        return {"service": self.service, "started": started, "status": status, "info": info}

    @property
    def log(self) -> str:
        """Its last lines."""
        return "\n".join(self._lines)

    @property
    def last(self) -> str:
        """What it said last."""
        return self._lines[-1] if self._lines else ""

    async def run(self) -> tuple[State, str, Mapping[str, Any] | None]:
        """Run its command to the end; cancelled, end it."""
        with reported() as report:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "runner.workers.lifetime", *self._argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={
                    **os.environ,
                    OnBehalf.VARIABLE: self.behalf.to_json() if self.behalf else "",
                    # A fit reads its config; the model's own code need not find a password.
                    **({} if self.fits else {switching.STORE: self.config.store_url}),
                    **report.env,
                },
                start_new_session=True,
                pass_fds=report.descriptors,
            )
            assert process.stdout is not None
            answer: dict[str, Any] = {}
            try:
                told, _ = await asyncio.gather(process.stdout.read(), self._follow(process.stderr))
                code = await process.wait()
                with contextlib.suppress(ValueError):
                    answer = json.loads(told)
            except asyncio.CancelledError:
                await _end(process)
                raise
            finally:
                if report.made:
                    self.unrecorded = None
                elif self.ended is None and self.unrecorded is not None:
                    killed = (process.returncode or 0) < 0
                    kind = answer.get("error", {}).get("kind", "Unknown")
                    self.unrecorded = "Killed" if killed else kind
        if code == 0:
            return State.FINISHED, "", {k: v for k, v in answer.items() if k != "metadata"}
        error = answer.get("error", {})
        reason = error.get("message") or f"it ended with exit code {code}"
        self.failure = _ERRORS.get(error.get("kind"), RunnerError)(reason)
        return State.FAILED, reason, None

    async def _follow(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        while True:
            try:
                line = await stream.readuntil(b"\n")
            except asyncio.IncompleteReadError as ex:
                line = ex.partial
            except asyncio.LimitOverrunError as ex:
                line = await stream.readexactly(ex.consumed)
            if not line:
                return
            self._lines.append(line.decode(errors="replace").rstrip("\n")[:_LINE])


async def _end(process: asyncio.subprocess.Process) -> None:
    """Interrupt a command, which then still records how it ended; kill it if it does not end."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(_GRACE):
            await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _fit(config: Config, arguments: Mapping[str, Any]) -> list[str]:
    """Give the command of a fit with these arguments, by Palladium's names."""
    argv = [sys.executable, "-m", "runner", "fit", "-c", config.spec, "--json"]
    if not arguments.get("persist", True):
        argv.append("--no-save")
    if not arguments.get("activate", True):
        argv.append("--no-activate")
    if arguments.get("evaluate"):
        argv.append("--evaluate")
    if (least := arguments.get("persist_if_better_than")) is not None:
        argv += ["--save-if-better-than", str(least)]
    return argv
