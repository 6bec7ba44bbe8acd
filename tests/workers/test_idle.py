"""A service that nobody asks wakes nobody: timers and queries counted, not seconds."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.messages import Ping
from runner.store import Store
from runner.workers import supervisor
from runner.workers.client import Connection
from runner.workers.interpreter import Command
from runner.workers.private import private_worker
from runner.workers.supervisor import POLL, Supervisor
from tests.postgres import postgres_cluster, postgres_url
from tests.store.samples import add

__all__ = ["postgres_cluster", "postgres_url"]

ADDER = Command((sys.executable, "-m", "tests.adapters.adder"))


async def test_an_idle_connection_has_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock for deadlines runs while a request waits, and stops after the last."""
    loop = asyncio.get_running_loop()
    ticks = 0
    call_later = loop.call_later

    def counting(delay: float, callback: Any, *args: Any, **options: Any) -> asyncio.TimerHandle:
        nonlocal ticks
        ticks += getattr(callback, "__func__", None) is Connection._tick
        return call_later(delay, callback, *args, **options)

    monkeypatch.setattr(loop, "call_later", counting)
    async with private_worker(ADDER, lambda _: None) as worker:
        await asyncio.sleep(0.2)
        assert ticks == 0
        await worker.request(Ping)
        await worker.request(Ping)
        assert ticks >= 1
        await asyncio.sleep(0.2)
        before = ticks
        await asyncio.sleep(0.3)
        assert ticks == before


class CountingStore(Store):
    """Count looks at the stamp and queries for the revision."""

    looks = 0
    queries = 0

    def stamp(self) -> object | None:
        self.looks += 1
        return super().stamp()

    def revision(self) -> int:
        self.queries += 1
        return super().revision()


class BlindStore(CountingStore):
    """One on a file system that keeps no times."""

    def stamp(self) -> object | None:
        super().stamp()
        return "ever the same"


@contextlib.asynccontextmanager
async def watched(store: Store) -> AsyncIterator[None]:
    watching = asyncio.create_task(Supervisor(None, None, None)._watch(store))  # type: ignore[arg-type]
    yield
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110  nobody would set an event
            await asyncio.sleep(0.01)


async def test_a_file_that_nobody_writes_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the stamp stands still there is no query; each commit of another's brings one."""
    monkeypatch.setattr(supervisor, "_LONGEST_TRUST", 1e9)
    url = f"sqlite:///{tmp_path}/store.sqlite"
    with CountingStore.open(url) as store, Store.open(url) as other:
        async with watched(store):
            for commits in range(1, 4):
                await until(lambda commits=commits: store.queries == commits)  # type: ignore[misc]
                looks = store.looks
                await until(lambda looks=looks: store.looks >= looks + 3)  # type: ignore[misc]
                assert store.queries == commits
                await asyncio.to_thread(add, other)


async def test_a_stamp_is_not_trusted_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store is asked now and then though its stamp never changes."""
    monkeypatch.setattr(supervisor, "_LONGEST_TRUST", 2 * POLL)
    with BlindStore.open(f"sqlite:///{tmp_path}/store.sqlite") as store:
        async with watched(store):
            await until(lambda: store.queries >= 3)
    assert store.looks > store.queries


@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_what_a_stamp_tells(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A file's changes with each commit; a server's store has none, so that it is always asked."""
    if name == "postgresql":
        with Store.open(request.getfixturevalue("postgres_url")) as store:
            assert store.stamp() is None
        return
    with Store.open(f"sqlite:///{tmp_path}/store.sqlite") as store:
        seen = [store.stamp()]
        for act in (add, add, lambda store: store.activate("iris", 1, by="anna")):
            time.sleep(0.02)  # a file system's clock is coarse
            act(store)
            seen.append(store.stamp())
        assert len(set(seen)) == len(seen)
        store.versions("iris")
        assert store.stamp() == seen[-1]
        (tmp_path / "store.sqlite").unlink()
        assert store.stamp() not in seen
