"""A worker that ended is started again: at once, and ever more rarely while that fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runner.workers import replica
from runner.workers.errors import WorkerFailedToStart
from runner.workers.replica import Replica, State


class Process:
    """A process that ends as soon as somebody waits for it, for the first time."""

    pid = 4711

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


async def test_delays_of_starts_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most five tries a minute, and the state and the reason are told meanwhile."""
    launch: Any = type("Launch", (), {"service": "iris", "version": 1})
    changes: list[tuple[State, str]] = []
    kept = Replica(launch, 0, lambda: changes.append((kept.state, kept.reason)))
    kept._process = Process(ends=True)  # type: ignore[assignment]
    tries = 0
    ready = asyncio.Event()

    async def start() -> None:
        nonlocal tries
        tries += 1
        if tries < 6:
            raise WorkerFailedToStart(f"no {tries}")
        kept._process = Process(ends=False)  # type: ignore[assignment]
        kept._enter(State.READY)
        ready.set()

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(kept, "start", start)
    monkeypatch.setattr(replica.asyncio, "sleep", sleep)
    kept.keep()
    await asyncio.wait_for(ready.wait(), 10)
    await kept.stop()
    assert slept == [2.0, 8.0, 20.0, 20.0, 20.0]
    assert changes[:5] == [(State.FAILED, f"no {number}") for number in range(1, 6)]
    assert kept.restarts == 1
