"""Bring up the replicas of one version together, and end them together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from runner.config import Config, decorated
from runner.store import Store, Version
from runner.workers import interpreter
from runner.workers.interpreter import Command
from runner.workers.replica import Artifact, Launch, Replica
from runner.workers.spares import Spare


class Release:
    """The replicas of one version, and the config that they were started by."""

    def __init__(self, version: Version, replicas: list[Replica], config: Config) -> None:
        self.version = version
        self.replicas = replicas
        self.config = config

    @classmethod
    def of(
        cls,
        config: Config,
        store: Callable[[], Store],
        version: Version,
        folder: Path,
        spare: Callable[[Command], Spare | None],
        changed: Callable[[], None],
    ) -> Release:
        """Make the replicas that the config asks for, none of them started.

        ``store`` gives the one to read from whenever a replica starts; ``spare`` a started adapter
        if one is in reserve; ``changed`` is called when a replica has another state.
        """
        adapter = config.adapter

        async def artifact() -> Artifact:
            read = decorated(config, "read_model", store().read_artifact, bytes)
            update = decorated(config, "update_model", read, bytes)
            content = await asyncio.to_thread(update, version.service, version.number)
            return Artifact(content, version.artifact_format, version.artifact_sha256)

        launch = Launch(
            service=config.service_name,
            version=version.number,
            command=interpreter.find(
                version.metadata.get("language", config.model.language),
                command=adapter.command,
                executable=adapter.executable,
                env=adapter.env,
            ),
            model=version.metadata.get("model", config.model.wire),
            artifact=artifact,
            folder=folder,
            start_timeout=adapter.start_timeout,
            memory_limit=adapter.memory_limit,
            spare=spare,
        )
        replicas = [Replica(launch, index, changed) for index in range(config.service.replicas)]
        return cls(version, replicas, config)

    async def start(self) -> None:
        """Start all; if one fails, end all and raise its WorkerFailedToStart."""
        try:
            async with asyncio.TaskGroup() as group:
                for replica in self.replicas:
                    group.create_task(replica.start())
        except BaseException as ex:
            await self.stop()
            if isinstance(ex, BaseExceptionGroup):
                raise ex.exceptions[0] from ex
            raise
        for replica in self.replicas:
            replica.keep()

    @property
    def sockets(self) -> tuple[str, ...]:
        """Where requests can go now."""
        return tuple(str(r.socket) for r in self.replicas if r.socket is not None)

    async def stop(self) -> None:
        """End all."""
        await asyncio.gather(*(replica.stop() for replica in self.replicas))
