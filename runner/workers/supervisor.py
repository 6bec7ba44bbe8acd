"""Run everything that `runner serve` consists of: gunicorn's front-ends and all adapter workers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket as sockets
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from runner.audit.opening import served
from runner.audit.projector import Projector
from runner.audit.question import Question
from runner.audit.statistics import statistics
from runner.config import Config, Storage, limits_of
from runner.errors import ConfigError, Fault, NotFound, RunnerError, Unavailable
from runner.logs import get_logger
from runner.store import BRIEFLY, Store, listing
from runner.workers.actions import Actions
from runner.workers.control import ControlServer
from runner.workers.cycles import refit
from runner.workers.deployment import Deployment
from runner.workers.frontends import FrontEnds
from runner.workers.interpreter import Command
from runner.workers.jobs import Jobs
from runner.workers.plan import Plan
from runner.workers.presence import Presence
from runner.workers.runtime import runtime_folder
from runner.workers.spares import Spares
from runner.workers.watching import files_of, watch

if TYPE_CHECKING:
    from runner.workers.quotas import Quotas

POLL = 0.2
"""Seconds between looks at the stores: a new activation serves within two seconds."""

_LONGEST_TRUST = 1.0
"""Seconds for which an unchanged stamp of a store is taken for an unchanged store."""

_AGREE = 1.0
"""Seconds that front-ends get to take up routes before /health/ready says that one has not."""

_log = get_logger("runner.workers")


class Supervisor:
    """Own every child process. `run` serves until a signal ends it.

    ``listener`` is already bound, so that a port in use is told before anything is started.
    ``read_again`` gives the plan as the configs say it now, for SIGHUP.
    """

    def __init__(
        self, plan: Plan, listener: sockets.socket, read_again: Callable[[], Plan]
    ) -> None:
        self._plan = plan
        self._audit_store: Storage = ("", None)
        self._listener = listener
        self._read_again = read_again
        self._stack = contextlib.ExitStack()
        self._folder: Path
        self._stores: dict[Storage, Store] = {}
        self._deployments: dict[str, Deployment] = {}
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._ending = asyncio.Event()
        self._asked_again = asyncio.Event()
        self._dirty = asyncio.Event()
        self._said = asyncio.Event()
        self._control: ControlServer
        self._front_ends: FrontEnds
        self._projector: Projector | None = None
        self._spares: Spares
        self._quotas: Quotas | None = None
        self._jobs = Jobs()
        self._refits: dict[str, Config] = {}
        self._actions = Actions(lambda: self._deployments, self._jobs)

    async def run(self) -> None:
        """Start all, keep all alive, end all in order on SIGTERM or SIGINT.

        Raises Unavailable if a store cannot be opened at the start.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        loop.add_signal_handler(signal.SIGHUP, self._asked_again.set)
        with self._stack:
            self._folder = self._stack.enter_context(runtime_folder())
            await self._open_stores(self._plan)
            self._open_audit(self._plan.configs[0])
            self._control = ControlServer(self._folder / "control", self._answer, self._hung)
            self._front_ends = FrontEnds(self._listener, self._control)
            await self._control.start()
            self._spares = Spares(self._folder, self._wanted_spares)
            try:
                self._run("presence", Presence(lambda: self._deployments, self._said).run())
                self._run("spares", self._spares.run())
                self._run("publish", self._publish())
                self._run("jobs", self._jobs.run())
                if self._projector is not None:
                    self._run("usage", self._projector.run())
                await self._follow(self._plan)
                self._run("reload", self._reload())
                if self._plan.reload:
                    changed = self._asked_again.set
                    self._run("watch", watch(lambda: files_of(self._plan.configs), changed))
                await self._ending.wait()
            finally:
                await self._stop()

    def _open_audit(self, config: Config) -> None:
        audit, self._audit_store = config.audit_in_full, config.storage
        if audit.to in ("file", "both"):
            assert audit.path is not None
            self._projector = Projector(audit.path, self._stores[config.storage])
            self._stack.callback(self._projector.finish)  # once the stop is recorded, too
        if (open_ := self._stack.enter_context(served(audit))) is not None:
            self._jobs.unrecorded = open_.fit_failed

    def _set_limits(self, plan: Plan) -> None:
        limits = limits_of(plan.configs)
        if limits and (self._quotas is None or limits != limits_of(self._plan.configs)):
            # The library takes 3 MB: not of servers without limits.
            from runner.workers.quotas import Quotas  # noqa: PLC0415

            self._quotas = Quotas(limits)

    def _run(self, name: object, work: Coroutine[Any, Any, None]) -> None:
        """Run a task to the server's end; should it end before, by a fault of ours, end all."""
        task = self._tasks[name] = asyncio.create_task(work)
        task.add_done_callback(lambda done: None if done.cancelled() else self._ending.set())

    async def _stop(self) -> None:
        _log.info("shutting down")
        # Front-ends first, in order: they still need the workers for what they have begun.
        await self._cancel("watch")
        await self._cancel("reload")
        for service in self._refits:
            await self._cancel(("refit", service))
        await self._jobs.stop()
        await self._front_ends.stop()
        faulty = [task for task in self._tasks.values() if task.done() and not task.cancelled()]
        for name in reversed(list(self._tasks)):
            await self._cancel(name)
        await asyncio.gather(*(each.stop() for each in self._deployments.values()))
        await self._control.stop()
        for task in faulty:
            task.result()

    async def _cancel(self, name: object) -> None:
        task = self._tasks.get(name)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._tasks.pop(name, None)

    async def _reload(self) -> None:
        """Read the configs again at each SIGHUP. What cannot be served changes nothing."""
        while True:
            await self._asked_again.wait()
            self._asked_again.clear()
            try:
                plan = await asyncio.to_thread(self._read_again)
                if plan.configs[0].audit != self._plan.configs[0].audit:
                    path = str(plan.configs[0].path)
                    raise ConfigError([Fault("changing it needs a new start", None, path, "audit")])
                await self._open_stores(plan)
            except ConfigError as ex:
                faults = [str(fault) for fault in ex.faults]
                _log.error("new config refused, serving on with the former one", faults=faults)
            except RunnerError as ex:
                _log.error("new config refused, serving on with the former one", faults=[str(ex)])
            else:
                await self._follow(plan)

    async def _open_stores(self, plan: Plan) -> None:
        for storage in dict.fromkeys(config.storage for config in plan.configs):
            if storage not in self._stores:
                store = await asyncio.to_thread(_open_store, storage)
                self._stores[storage] = self._stack.enter_context(store)

    async def _follow(self, plan: Plan) -> None:
        """Start what the plan has and we have not, change what it has otherwise, end the rest."""
        former, self._deployments = self._deployments, {}
        names: dict[str, list[str]] = {"added": [], "changed": [], "removed": []}
        for config in plan.configs:
            name, store = config.service_name, self._stores[config.storage]
            deployment = former.pop(name, None)
            if deployment is None:
                deployment = Deployment(
                    config,
                    store,
                    self._folder,
                    self._dirty.set,
                    self._drained,
                    self._spares.take,
                    self._said.set,
                )
                self._run(deployment, deployment.run())
                names["added"].append(name)
            elif deployment.config != config:
                deployment.configure(config, store)
                names["changed"].append(name)
            self._deployments[name] = deployment
        self._dirty.set()
        for storage, store in self._stores.items():
            wanted = any(each.store is store for each in self._deployments.values())
            if not wanted:
                await self._cancel(storage)
            elif storage not in self._tasks:
                self._run(storage, self._watch(store))
        names["removed"] = list(former)
        if plan is not self._plan:
            _log.info("new config", **names)
        self._set_limits(plan)
        self._plan = plan
        await self._schedule(plan)
        await self._front_ends.follow(plan)
        for deployment in former.values():
            await self._cancel(deployment)
        await asyncio.gather(*(deployment.retire() for deployment in former.values()))

    async def _schedule(self, plan: Plan) -> None:
        """Follow the schedules of the plan; one that is as before goes on."""
        wanted = {config.service_name: config for config in plan.configs if config.refit}
        for service, config in list(self._refits.items()):
            if wanted.get(service) != config:
                await self._cancel(("refit", service))
                del self._refits[service]
        for service in wanted.keys() - self._refits.keys():
            config = self._refits[service] = wanted[service]
            work = refit(config, self._stores[config.storage], self._jobs)
            self._run(("refit", service), work)

    async def _publish(self) -> None:
        """Tell front-ends what changed; changes in one turn of the loop are told at once."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            self._control.publish(self._rows())
            self._spares.look()
            self._said.set()

    def _wanted_spares(self) -> set[Command] | None:
        deployments = self._deployments.values()
        if any(deployment.starting for deployment in deployments):
            return None
        return {command for each in deployments if (command := each.reserve) is not None}

    def _rows(self) -> Iterable[Any]:
        return (deployment.row for deployment in self._deployments.values())

    async def _drained(self, gone: tuple[str, ...], timeout: float | None) -> bool:
        self._control.publish(self._rows())
        return await self._control.drained(gone, timeout)

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
                            deployment.look(revision)

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
            case "agreed":
                return await self._control.drained((), _AGREE)
            case _ if query in self._actions:
                return await self._actions.answer(query, **arguments)
            case "grant" if self._quotas is not None:
                return self._quotas.grant(front_ends=self._control.joined, **arguments)
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
        store = self._stores[self._audit_store]
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
            "failures": [
                {"service": deployment.config.service_name, "version": version, "reason": reason}
                for deployment in self._deployments.values()
                if deployment.failure is not None
                for version, reason in [deployment.failure]
            ],
            "jobs": self._jobs.told,
            "spares": [
                {"adapter": spare.connection.hello.adapter, "pid": spare.process.pid}
                | _memory(spare.process.pid)
                for spare in self._spares.ready
            ],
        }


def _open_store(storage: Storage) -> Store:
    """Open a store that waits for others' locks only briefly from then on."""
    url, place = storage
    try:
        return Store.open(url, place=place, timeout=BRIEFLY)
    except Unavailable:
        # Another may be writing or migrating just now: that is worth a longer wait, this once.
        Store.open(url).close()
        return Store.open(url, place=place, timeout=BRIEFLY)


def _memory(pid: int | None) -> dict[str, Any]:
    """Give a process's memory in MB, as Palladium's /alive does; None: our own."""
    try:
        found = psutil.Process(pid).memory_info()
    except psutil.Error:
        return {"memory_usage": None, "memory_usage_vms": None}
    return {"memory_usage": found.rss / 2**20, "memory_usage_vms": found.vms / 2**20}


def serve(plan: Plan, listener: sockets.socket, read_again: Callable[[], Plan]) -> None:
    """Serve the plan's services until SIGTERM or SIGINT; returns after an orderly end."""
    try:
        asyncio.run(Supervisor(plan, listener, read_again).run())
    except OSError as ex:
        raise Unavailable(f"cannot serve: {ex}") from ex
