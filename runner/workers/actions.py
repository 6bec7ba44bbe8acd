"""Do what callers over HTTP may do to models; the front-end has seen to it that they may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from runner.audit.record import OnBehalf
from runner.errors import NotFound
from runner.store import Job, listing
from runner.workers.deployment import Deployment
from runner.workers.jobs import Jobs


class Actions:
    """The queries of front-ends that change something, or tell of what does, by name."""

    def __init__(self, deployments: Callable[[], Mapping[str, Deployment]], jobs: Jobs) -> None:
        self._deployments = deployments
        self._jobs = jobs
        self._acts: dict[str, Callable[..., Awaitable[Any]]] = {
            "activate": self._activate,
            "delete": self._delete,
            "fit": self._fit,
            "update-model-cache": self._update,
            "jobs": self._newest,
            "job": self._job,
            "cancel": self._cancel,
        }

    def __contains__(self, query: str) -> bool:
        return query in self._acts

    async def answer(self, query: str, service: str, arguments: Mapping[str, Any]) -> Any:
        """Do it. Raises NotFound, Refused, Unavailable."""
        deployment = self._deployments().get(service)
        if deployment is None:
            raise NotFound(f"there is no service {service!r}")
        return await self._acts[query](deployment, **arguments)

    async def _activate(
        self, deployment: Deployment, version: int, behalf: Mapping[str, Any]
    ) -> Any:
        config, store = deployment.config, deployment.store
        await self._jobs.activate(
            config, store, version, OnBehalf(**behalf), lambda: self._look(deployment)
        )
        return await asyncio.to_thread(listing, store, config.service_name)

    async def _delete(self, deployment: Deployment, version: int, behalf: Mapping[str, Any]) -> Any:
        store, service = deployment.store, deployment.config.service_name
        by = str(OnBehalf(**behalf))
        await asyncio.to_thread(store.delete, service, version, by=by)
        return await asyncio.to_thread(listing, store, service)

    async def _fit(
        self, deployment: Deployment, wanted: Mapping[str, Any], behalf: Mapping[str, Any]
    ) -> str:
        return await self._jobs.fit(deployment.config, deployment.store, wanted, OnBehalf(**behalf))

    async def _update(self, deployment: Deployment, behalf: Mapping[str, Any]) -> str:
        await self._look(deployment)
        return await self._jobs.update(deployment.config, deployment.store, OnBehalf(**behalf))

    async def _look(self, deployment: Deployment) -> None:
        deployment.look(await asyncio.to_thread(deployment.store.revision))

    async def _newest(self, deployment: Deployment, limit: int) -> list[dict[str, Any]]:
        service = deployment.config.service_name
        found = await asyncio.to_thread(deployment.store.jobs.newest, service, limit)
        return [job.to_json() for job in found]

    async def _job(self, deployment: Deployment, job: str) -> dict[str, Any]:
        return (await self._find(deployment, job)).to_json()

    async def _cancel(self, deployment: Deployment, job: str) -> dict[str, Any]:
        await self._find(deployment, job)
        await self._jobs.cancel(deployment.store, job)
        return (await self._find(deployment, job)).to_json()

    async def _find(self, deployment: Deployment, job: str) -> Job:
        found = await asyncio.to_thread(deployment.store.jobs.get, job)
        if found.service != deployment.config.service_name:
            raise NotFound(f"there is no job {job[:100]!r}")
        return found
