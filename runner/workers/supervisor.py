"""Run everything that `runner serve` consists of: gunicorn's front-ends and all adapter workers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import socket as sockets
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from runner.audit.opening import served
from runner.audit.projector import Projector
from runner.audit.question import Question
from runner.audit.statistics import statistics
from runner.config import Config, limits_of
from runner.errors import NotFound, RunnerError, Unavailable
from runner.logs import get_logger
from runner.store import Store, listing
from runner.workers.control import ControlServer
from runner.workers.deployment import Deployment
from runner.workers.interpreter import Command
from runner.workers.runtime import runtime_folder
from runner.workers.spares import Spares

if TYPE_CHECKING:
    from runner.workers.quotas import Quotas

POLL = 0.2
"""Seconds between looks at the stores: a new activation serves within two seconds."""

_LONGEST_TRUST = 1.0
"""Seconds for which an unchanged stamp of a store is taken for an unchanged store."""

_RESTART_DELAYS = (0.5, 2.0, 8.0, 20.0)
_log = get_logger("runner.workers")

FrontEndCommand = Callable[[sockets.socket, Path], tuple[Sequence[str], Mapping[str, str]]]
"""Give argv and environment of gunicorn for a listening socket and the control socket's path."""


class Supervisor:
    """Own every child process. `run` serves until a signal ends it.

    ``listener`` is already bound, so that a port in use is told before anything is started.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        listener: sockets.socket,
        front_end: FrontEndCommand,
        graceful_timeout: float,
    ) -> None:
        self._configs = configs
        self._listener = listener
        self._front_end = front_end
        self._graceful_timeout = graceful_timeout
        self._stores: dict[str, Store] = {}
        self._deployments: dict[str, Deployment] = {}
        self._ending = asyncio.Event()
        self._dirty = asyncio.Event()
        self._control: ControlServer | None = None
        self._projector: Projector | None = None
        self._spares: Spares
        self._quotas: Quotas | None = None

    async def run(self) -> None:
        """Start all, keep all alive, end all in order on SIGTERM or SIGINT.

        Raises Unavailable if a store cannot be opened at the start.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(runtime_folder())
            for url in dict.fromkeys(config.store_url for config in self._configs):
                self._stores[url] = stack.enter_context(await asyncio.to_thread(Store.open, url))
            audit = self._configs[0].audit_in_full
            if audit.to in ("file", "both"):
                assert audit.path is not None
                self._projector = Projector(audit.path, self._stores[self._configs[0].store_url])
                stack.callback(self._projector.finish)  # once the stop is recorded, too
            stack.enter_context(served(audit))
            if limits := limits_of(self._configs):
                # The library takes 3 MB: not of servers without limits.
                from runner.workers.quotas import Quotas  # noqa: PLC0415

                self._quotas = Quotas(limits)
            self._control = ControlServer(folder / "control", self._answer, self._hung)
            await self._control.start()
            self._spares = Spares(folder, self._wanted_spares)
            for config in self._configs:
                self._deployments[config.service_name] = Deployment(
                    config,
                    self._stores[config.store_url],
                    folder,
                    self._dirty.set,
                    self._drained,
                    self._spares.take,
                )
            await self._run_tasks(self._control)

    async def _run_tasks(self, control: ControlServer) -> None:
        deployments = self._deployments.values()
        tasks = [asyncio.create_task(deployment.run()) for deployment in deployments]
        tasks += [asyncio.create_task(self._watch(store)) for store in self._stores.values()]
        tasks.append(asyncio.create_task(self._spares.run()))
        if self._projector is not None:
            tasks.append(asyncio.create_task(self._projector.run()))
        tasks.append(asyncio.create_task(self._publish(control)))
        tasks.append(asyncio.create_task(self._keep_front_ends(control.path)))
        ending = asyncio.create_task(self._ending.wait())
        try:
            done, _ = await asyncio.wait([ending, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ending}:
                task.result()  # none of them ends by itself but by a fault of ours: raise it
        finally:
            _log.info("shutting down")
            # Front-ends first, in order: they still need the workers for what they have begun.
            for task in reversed([ending, *tasks]):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await asyncio.gather(*(deployment.stop() for deployment in deployments))
            await control.stop()

    async def _publish(self, control: ControlServer) -> None:
        """Tell front-ends what changed; changes in one turn of the loop are told at once."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            control.publish(self._rows())
            self._spares.look()

    def _wanted_spares(self) -> set[Command] | None:
        deployments = self._deployments.values()
        if any(deployment.starting for deployment in deployments):
            return None
        return {command for each in deployments if (command := each.reserve) is not None}

    def _rows(self) -> Iterable[Any]:
        return (deployment.row for deployment in self._deployments.values())

    async def _drained(self, gone: tuple[str, ...], timeout: float) -> None:
        assert self._control is not None
        self._control.publish(self._rows())
        await self._control.drained(gone, timeout)

    async def _watch(self, store: Store) -> None:
        """Look for changes in a store; tell its deployments. A store that is away is asked on.

        PERF: where a file's stamp tells that nobody has written, no query is made for a second, and
        all stores are looked at in one turn of the loop: idle services cost next to nothing.
        """
        loop = asyncio.get_running_loop()
        revision, away = -1, False
        seen, due = None, 0.0
        while True:
            await asyncio.sleep(POLL - loop.time() % POLL)
            stamp = store.stamp()
            if stamp is not None and stamp == seen and loop.time() < due and not away:
                continue
            seen, due = stamp, loop.time() + _LONGEST_TRUST
            try:
                found = await asyncio.to_thread(store.revision)
            except RunnerError as ex:
                if not away:
                    _log.error("store is away, serving on", reason=str(ex))
                away = True
            else:
                if away:
                    _log.info("store is back")
                if found != revision or away:
                    revision, away = found, False
                    for deployment in self._deployments.values():
                        if deployment.store is store:
                            deployment.look()

    async def _keep_front_ends(self, control: Path) -> None:
        """Run gunicorn; start it again should it end. Cancelled, end it in order."""
        self._listener.set_inheritable(True)
        argv, env = self._front_end(self._listener, control)
        for delay in itertools.chain(_RESTART_DELAYS, itertools.repeat(_RESTART_DELAYS[-1])):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "runner.workers.lifetime", *argv,
                stdin=asyncio.subprocess.DEVNULL, env=env, start_new_session=True,
                pass_fds=[self._listener.fileno()],
            )  # fmt: skip
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await _end(process, self._graceful_timeout)
                raise
            _log.error("gunicorn ended", exit_code=code, again_in=delay)
            await asyncio.sleep(delay)

    def _hung(self, socket: str) -> None:
        for deployment in self._deployments.values():
            if deployment.hung(socket):
                return

    async def _answer(self, query: str, arguments: Mapping[str, Any]) -> Any:
        match query:
            case "list":
                return await self._list(**arguments)
            case "usage":
                return await asyncio.to_thread(self._usage, **arguments)
            case "alive":
                return self._alive()
            case "grant" if self._quotas is not None and self._control is not None:
                return self._quotas.grant(front_ends=self._control.front_ends, **arguments)
            case _:
                raise NotFound(f"there is no query {query!r}")

    async def _list(self, service: str, limit: int, before: int | None) -> dict[str, Any]:
        deployment = self._deployments.get(service)
        if deployment is None:
            raise NotFound(f"there is no service {service!r}")
        return await asyncio.to_thread(
            listing, deployment.store, service, limit=limit, before=before
        )

    def _usage(self, by: str, since: str | None, client: str | None) -> dict[str, Any]:
        question = Question.of(by, since)
        store = self._stores[self._configs[0].store_url]
        told = statistics(store, question, client)
        return {"by": question.by, "since": question.since, "client": client, "usage": told}

    def _alive(self) -> dict[str, Any]:
        return {
            "supervisor": _memory(None),
            "workers": [
                {
                    "service": deployment.config.service_name,
                    "version": replica.launch.version,
                    "replica": replica.index,
                    "pid": replica.pid,
                    "state": replica.state.value,
                    "reason": replica.reason,
                    "restarts": replica.restarts,
                    **_memory(replica.pid),
                }
                for deployment in self._deployments.values()
                for replica in deployment.replicas
            ],
            "spares": [
                {"adapter": spare.connection.hello.adapter, "pid": spare.process.pid}
                | _memory(spare.process.pid)
                for spare in self._spares.ready
            ],
        }


def _memory(pid: int | None) -> dict[str, Any]:
    """Give a process's memory in MB, as Palladium's /alive does; None: our own."""
    try:
        found = psutil.Process(pid).memory_info()
    except psutil.Error:
        return {"memory_usage": None, "memory_usage_vms": None}
    return {"memory_usage": found.rss / 2**20, "memory_usage_vms": found.vms / 2**20}


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


def serve(
    configs: Sequence[Config],
    listener: sockets.socket,
    front_end: FrontEndCommand,
    graceful_timeout: float,
) -> None:
    """Serve the configs' services until SIGTERM or SIGINT; returns after an orderly end."""
    try:
        asyncio.run(Supervisor(configs, listener, front_end, graceful_timeout).run())
    except OSError as ex:
        raise Unavailable(f"cannot serve: {ex}") from ex
