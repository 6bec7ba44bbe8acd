"""Keep the workers of one version up for as long as a stream needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runner import doctor
from runner.config import Config
from runner.errors import Unavailable
from runner.store import Store, Version
from runner.workers.errors import WorkerFailedToStart
from runner.workers.pool import Pool
from runner.workers.release import Release
from runner.workers.replica import State
from runner.workers.runtime import runtime_folder

_ANY = 1 << 60  # requests and bytes: a stream bounds what it has in flight itself


@asynccontextmanager
async def crew(config: Config, store: Store, version: Version) -> AsyncIterator[Pool]:
    """Start the config's replicas with a version, and give the pool that asks them.

    One that ends, or hangs, is started again. Raises Unavailable if one cannot start.
    """
    changed = asyncio.Event()
    with runtime_folder() as folder:
        release = Release.of(config, lambda: store, version, folder, lambda _: None, changed.set)

        def hung(socket: str) -> None:
            for replica in release.replicas:
                if str(replica.socket) == socket:
                    replica.kill()

        pool = Pool(config.service_name, hung, lambda: None)
        pool.max_queue = pool.max_queue_bytes = _ANY
        pool.patience = config.service.timeout
        try:
            await release.start()
        except WorkerFailedToStart as ex:
            language = version.metadata.get("language", config.model.language)
            raise Unavailable(doctor.why(language, ex)) from ex
        follower = None
        try:
            await _route(pool, release)
            follower = asyncio.create_task(_follow(pool, release, changed))
            yield pool
        finally:
            if follower is not None:
                follower.cancel()
            await pool.close()
            await release.stop()


async def _follow(pool: Pool, release: Release, changed: asyncio.Event) -> None:
    while True:
        await changed.wait()
        changed.clear()
        await _route(pool, release)


async def _route(pool: Pool, release: Release) -> None:
    """Send requests to the replicas that are ready; say why if there will be none soon."""
    failed = [replica for replica in release.replicas if replica.state is State.FAILED]
    all_failed = len(failed) == len(release.replicas)
    pool.state, pool.reason = ("failed", failed[0].reason) if all_failed else ("ready", "")
    await pool.connect(release.sockets, release.version.number)
    pool.switch()
