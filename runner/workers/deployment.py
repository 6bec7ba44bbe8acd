"""Serve one service: whichever version is active, blue/green.

A new version's replicas are started and warmed beside the old ones; when all are ready they take
over in the routing table, and the old ones end once every front-end has let go of them. If the new
version cannot start, the old one serves on, and the new one is tried again with growing delays.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

from runner.config import Config
from runner.errors import ArtifactCorrupt, NotFound, RunnerError
from runner.logs import get_logger
from runner.store import Served, Store, Version
from runner.store.attachments import told
from runner.workers import interpreter
from runner.workers.errors import WorkerFailedToStart
from runner.workers.interpreter import Command
from runner.workers.release import Release
from runner.workers.replica import RESTART_DELAYS, Replica, State
from runner.workers.routing import Row
from runner.workers.spares import Spare

_LONGEST_REASON = 2000
_AGAIN = 0.5
"""Seconds after which a store that did not answer is asked again."""

_log = get_logger("runner.workers")


class Deployment:
    """Keep one service's workers at the version that its store says is active.

    ``changed`` is called when `row` would tell something new; ``drained`` waits until no front-end
    uses the given sockets any more, for so many seconds at most, and says whether; ``spare`` gives
    a started adapter if one is in reserve; ``said`` is called when only `served` would tell
    something new.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        folder: Path,
        changed: Callable[[], None],
        drained: Callable[[tuple[str, ...], float | None], Awaitable[bool]],
        spare: Callable[[Command], Spare | None],
        said: Callable[[], None],
    ) -> None:
        self.config = config
        self.store = store
        self._folder = folder
        self._changed = changed
        self._drained = drained
        self._spare = spare
        self._said = said
        self._current: Release | None = None
        self._coming: Release | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._target: int | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._look_again = asyncio.Event()
        self._forced = False
        self._reason = "starting"
        self._serving: int | None = None
        self._noticed = self._revision = 0
        self.failure: tuple[int, str] | None = None
        """A version that could not be started, and why; None once it, or another, serves."""
        self._log = _log.bind(service=config.service_name)

    def look(self, revision: int) -> None:
        """The store has changed, and is at this revision: compare."""
        self._noticed = revision
        self._look_again.set()

    def configure(self, config: Config, store: Store) -> None:
        """Take another config of this service.

        What concerns requests alone counts at once. Where other workers are needed they are
        started, warmed and take over as those of a new version do.
        """
        fresh = _workers(config) != _workers(self.config)
        self.config, self.store = config, store
        for release in (self._current, self._coming):
            if release is not None and _workers(release.config) == _workers(config):
                release.config = config
        if fresh:
            self._forced = True
            self._look_again.set()
        self._changed()

    async def retire(self) -> None:
        """End all workers, once those who ask them have their answers."""
        await self._abandon()
        release, self._current = self._current, None
        if release is not None:
            sockets = release.sockets
            for replica in release.replicas:
                replica.drain()
            await self._retire(release, sockets)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def run(self) -> None:
        """Follow the store until cancelled."""
        first, away = True, False
        while True:
            self._look_again.clear()
            noticed = self._noticed
            store = self.store
            try:
                active = await asyncio.to_thread(store.active, self.config.service_name)
            except RunnerError as ex:
                if not away:
                    self._log.warning("cannot ask for the active version", reason=str(ex))
                away = True
                if first:
                    self._reason = str(ex)
            else:
                away = False
                number = active.number if active else None
                if store is self.store and (first or self._forced or number != self._target):
                    first = self._forced = False
                    self._target = number
                    await self._abandon()
                    self.failure = None
                    self._attempt = asyncio.create_task(self._take_over(active))
                self._revision = noticed
                self._said()
            with contextlib.suppress(TimeoutError):
                # The store need not have been away for whoever watches it: nobody else tells.
                async with asyncio.timeout(_AGAIN if away else None):
                    await self._look_again.wait()

    async def stop(self) -> None:
        """End all workers of this service."""
        await self._abandon()
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        if self._current is not None:
            await self._current.stop()

    def hung(self, socket: str) -> bool:
        """Kill the worker behind ``socket``, which a front-end found silent; False if not ours."""
        for replica in self.replicas:
            if replica.socket is not None and str(replica.socket) == socket:
                self._log.error("worker hangs and is killed", pid=replica.pid)
                replica.kill()
                return True
        return False

    @property
    def replicas(self) -> list[Replica]:
        """All replicas that serve or are coming."""
        return [r for release in (self._current, self._coming) if release for r in release.replicas]

    @property
    def starting(self) -> bool:
        """Whether a worker of this service is on its way up."""
        return any(r.state in (State.STARTING, State.WARMING) for r in self.replicas)

    @property
    def reserve(self) -> Command | None:
        """The command of which a spare worker would help this service, None if it wants none."""
        if self._current is None:
            return None
        wanted = self.config.adapter.spare
        if wanted is None:
            wanted = self.config.model.language in interpreter.SLOW
        return self._current.replicas[0].launch.command if wanted else None

    @property
    def row(self) -> Row:
        """What front-ends must know of this service now."""
        current = self._current
        config = current.config if current else self.config
        metadata = told(current.version.metadata) if current else {}
        sockets = current.sockets if current else ()
        state, reason = self._condition(sockets)
        return Row(
            name=config.service_name,
            service_version=config.service_version,
            service_metadata=config.service_metadata,
            language=config.model.language,
            version=current.version.number if current else None,
            state=state,
            reason=reason,
            metadata=metadata,
            settings=config.service,
            signature=metadata.get("signature"),
            sockets=sockets,
        )

    @property
    def served(self) -> Served:
        """What others may know of this service, by way of the store."""
        state, reason = self._condition(self._current.sockets if self._current else ())
        if self.failure is not None and self.failure[0] == self._target:
            state, reason = "failed", f"version {self.failure[0]} cannot start: {self.failure[1]}"
        return Served(
            service=self.config.service_name,
            version=self._serving,
            target=self._target,
            state=state,
            reason=reason[:_LONGEST_REASON],
            revision=self._revision,
        )

    def _condition(self, sockets: tuple[str, ...]) -> tuple[str, str]:
        if sockets:
            return "ready", self._reason
        if self._current is None:
            if self._target is None and not self._reason:
                return "no_model", "no version is active: fit one, or activate one"
            failed = self._coming is None and self._reason != "starting"
            waiting = [r.reason for r in self.replicas if r.reason]
            return ("failed" if failed else "starting"), (waiting or [self._reason])[0]
        reasons = [r.reason for r in self._current.replicas if r.state is State.FAILED]
        if len(reasons) == len(self._current.replicas):
            return "failed", reasons[0]
        return "starting", "its worker ended and is being started again"

    async def _take_over(self, version: Version | None) -> None:
        """Bring up a version and let it take over from the current one."""
        if version is None:
            self._reason = ""
            self._replace(None)
            return
        current = self._current
        if (
            current is not None
            and current.version.number == version.number
            and _workers(current.config) == _workers(self.config)
        ):
            self._reason = ""
            self._changed()
            return
        for delay in itertools.chain(RESTART_DELAYS, itertools.repeat(RESTART_DELAYS[-1])):
            release = Release.of(
                self.config, lambda: self.store, version, self._folder, self._spare, self._changed
            )
            self._coming = release
            try:
                await release.start()
            except (WorkerFailedToStart, RunnerError) as ex:
                self._reason = f"version {version.number} cannot start: {ex}"
                self._log.error(
                    "version cannot start",
                    version=version.number,
                    reason=str(ex),
                    again_in=delay,
                    serving=self._current.version.number if self._current else None,
                )
                self._coming = None
                self.failure = version.number, str(ex)
                self._changed()
                if isinstance(ex, ArtifactCorrupt | NotFound):
                    return  # trying again cannot help; another activation will
                await asyncio.sleep(delay)
            else:
                break
            finally:
                self._coming = None
        self._reason, self.failure = "", None
        self._replace(release)

    def _replace(self, release: Release | None) -> None:
        old, self._current = self._current, release
        sockets = old.sockets if old else ()
        for replica in old.replicas if old else ():
            replica.drain()
        task = asyncio.create_task(self._retire(old, sockets))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        self._changed()
        former = old.version.number if old else None
        if release is None:
            self._log.warning("no version is active: fit one, or activate one", former=former)
        else:
            self._log.info("version serves", version=release.version.number, former=former)

    async def _retire(self, former: Release | None, sockets: tuple[str, ...]) -> None:
        """End the former workers once every front-end has let go of them; then it is settled."""
        current = self._current
        timeout = (former.config if former else self.config).service.timeout
        try:
            # What was sent before the switch has its own deadline, after which nobody waits.
            settled = await self._drained(sockets, timeout + 1.0)
            if settled:
                self._settle(current)
        finally:
            if former is not None:
                await former.stop()
        if not settled:
            # A front-end that stands still goes on with what it knows as soon as it can.
            await self._drained(sockets, None)
            self._settle(current)

    def _settle(self, current: Release | None) -> None:
        """All front-ends answer with ``current`` only."""
        if self._current is current:
            self._serving = current.version.number if current else None
            self._said()

    async def _abandon(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)


def _workers(config: Config) -> tuple[object, ...]:
    """Give what of a config its workers depend on; the model itself is its version's."""
    return config.adapter, config.service.replicas, config.store_url, config.place
