"""A worker that ended is started again: at once, and ever more rarely while that fails."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.errors import Unavailable
from runner.workers import replica
from runner.workers.errors import WorkerFailedToStart
from runner.workers.interpreter import Command
from runner.workers.replica import Artifact, Launch, Replica, State


class Process:
    """A process that ends as soon as somebody waits for it, for the first time."""

    pid = 4711
    ended_by_itself = False

    def __init__(self, ends: bool) -> None:
        self._ends = ends

    async def wait(self) -> None:
        if not self._ends:
            await asyncio.Event().wait()

    async def stop(self, grace: float) -> None:
        """End."""

    def clear(self) -> None:
        """Leave nothing behind."""

    def epitaph(self) -> str:
        return "it ended"


@dataclass
class Kept:
    """A replica that is kept, without waiting: what it slept, and how it stood."""

    replica: Replica
    slept: list[float]
    changes: list[tuple[State, str]]
    done: asyncio.Event

    def ready(self, process: Process) -> None:
        """Be ready with a process."""
        self.replica._process = process  # type: ignore[assignment]
        self.replica._enter(State.READY)

    async def until_done(self) -> None:
        """Keep it until it is done, then stop it."""
        self.replica.keep()
        await asyncio.wait_for(self.done.wait(), 10)
        await self.replica.stop()


@pytest.fixture
async def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    launch: Any = type("Launch", (), {"service": "iris", "version": 1})
    made = Replica(launch, 0, lambda: found.changes.append((made.state, made.reason)))
    found = Kept(made, [], [], asyncio.Event())

    async def sleep(seconds: float) -> None:
        found.slept.append(seconds)

    monkeypatch.setattr(replica.asyncio, "sleep", sleep)
    return found


async def test_delays_of_starts_that_fail(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most five tries a minute, and the state and the reason are told meanwhile."""
    kept.replica._process = Process(ends=True)  # type: ignore[assignment]
    tries = 0

    async def start() -> None:
        nonlocal tries
        tries += 1
        if tries < 6:
            raise WorkerFailedToStart(f"no {tries}")
        kept.ready(Process(ends=False))
        kept.done.set()

    monkeypatch.setattr(kept.replica, "start", start)
    await kept.until_done()
    assert kept.slept == [2.0, 8.0, 20.0, 20.0, 20.0]
    assert kept.changes[:5] == [(State.FAILED, f"no {number}") for number in range(1, 6)]
    assert kept.replica.restarts == 1


class Failing(Process):
    """A process whose model ends it though nobody asks."""

    ended_by_itself = True


async def test_delays_after_ends_that_nobody_asked_for(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first end is repaired at once; who ends again and again by itself waits in between."""
    failing: Process = Failing(ends=True)
    kept.replica._process = failing  # type: ignore[assignment]
    # What a request ended, between, is no fault of the model's own, and begins anew.
    lives = [*[failing] * 5, Process(ends=True), *[failing] * 2]
    ends = 1 + len(lives)

    async def start() -> None:
        kept.ready(lives.pop(0) if lives else Process(ends=False))
        if kept.replica.restarts == ends:
            kept.done.set()

    monkeypatch.setattr(kept.replica, "start", start)
    await kept.until_done()
    assert kept.slept == [2.0, 8.0, 20.0, 20.0, 20.0, 2.0]
    assert kept.changes.count((State.FAILED, "it ends by itself: it ended")) == 6


class Connection:
    """A connection to an adapter that loads anything."""

    hello = SimpleNamespace(adapter="python")

    def __init__(self) -> None:
        self.loaded: list[bytes] = []

    async def request(self, kind: Any, expires: float, **fields: Any) -> None:
        self.loaded.append(fields["artifact"])

    def close(self) -> None:
        """Close."""


class Started(Process):
    """A process that has been started."""

    socket = Path("socket")
    killed = False

    def assign(self, tell: Any, memory_limit: int | None) -> None:
        """Belong to somebody."""

    def kill(self) -> None:
        self.killed = True


def launched(away: int, start_timeout: float) -> tuple[Replica, Started, Connection, list[Any]]:
    """Give a replica with a started process, and a store that is away for its first looks."""
    looks = iter(range(away))

    async def artifact() -> Artifact:
        if next(looks, None) is not None:
            raise Unavailable("the store is locked")
        return Artifact(b"model", "pickle", "")

    process, connection = Started(ends=False), Connection()
    spare: Any = SimpleNamespace(process=process, connection=connection)
    launch = Launch(
        service="iris",
        version=1,
        command=Command(()),
        model={},
        artifact=artifact,
        folder=Path(),
        start_timeout=start_timeout,
        memory_limit=None,
        spare=lambda _: spare,
    )
    changes: list[Any] = []
    made = Replica(launch, 0, lambda: changes.append((made.state, made.reason)))
    return made, process, connection, changes


async def test_a_start_waits_for_its_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away for a moment is no failure: the process is kept, the reason told."""
    monkeypatch.setattr(replica, "_AWAY", 0.01)
    made, process, connection, changes = launched(away=3, start_timeout=60.0)
    await made.start()
    assert (made.state, made.socket, connection.loaded) == (State.READY, process.socket, [b"model"])
    assert (State.FAILED, "the store is locked") in changes
    assert not process.killed


async def test_a_start_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that stays away is told after the time that a load may take."""
    monkeypatch.setattr(replica, "_AWAY", 0.01)
    made, process, _, _ = launched(away=1_000_000, start_timeout=0.1)
    with pytest.raises(Unavailable, match="the store is locked"):
        await made.start()
    assert process.killed
