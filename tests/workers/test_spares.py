"""Started adapters in reserve: kept, taken, replaced and ended; with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from contracts.messages import Ping
from runner.workers import spares as module
from runner.workers.interpreter import Command
from runner.workers.spares import Spare, Spares
from tests.serving.project import tricky
from tests.serving.server import serving, until

ADDER = Command((sys.executable, "-m", "tests.adapters.adder"))
OTHER = Command(ADDER.argv, {"COLOR": "red"})


class Reserve:
    """Spares of what is wanted at the moment."""

    def __init__(self, folder: Path) -> None:
        self.wanted: set[Command] | None = set()
        self.spares = Spares(folder, lambda: self.wanted)

    def want(self, wanted: set[Command] | None) -> None:
        self.wanted = wanted
        self.spares.look()

    @property
    def pids(self) -> list[int]:
        return [spare.process.pid for spare in self.spares.ready]

    async def have(self, count: int, other_than: int = 0) -> list[int]:
        await eventually(lambda: len(self.pids) == count and other_than not in self.pids)
        return self.pids


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
async def reserve(tmp_path: Path) -> AsyncIterator[Reserve]:
    found = Reserve(tmp_path)
    running = asyncio.create_task(found.spares.run())
    yield found
    pids = found.pids
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_one_spare_for_each_command(reserve: Reserve) -> None:
    """Commands that differ in their environment only have a spare each."""
    reserve.want({ADDER, OTHER, Command(ADDER.argv)})
    await reserve.have(2)


async def test_a_taken_spare_answers_and_is_the_takers(reserve: Reserve, tmp_path: Path) -> None:
    """A spare comes connected; whoever took it has it for himself and ends it."""
    reserve.want({ADDER})
    await reserve.have(1)
    spare = reserve.spares.take(ADDER)
    assert spare is not None
    assert reserve.spares.take(ADDER) is None
    await spare.connection.request(Ping)
    reserve.want(set())
    await asyncio.sleep(0.2)
    await spare.connection.request(Ping)
    await end(spare)
    await eventually(lambda: list(tmp_path.iterdir()) == [])


async def test_the_next_spare_waits_until_it_is_wanted(reserve: Reserve, tmp_path: Path) -> None:
    """While a worker is starting no spare is started beside it, and afterwards one is."""
    reserve.want({ADDER})
    (first,) = await reserve.have(1)
    reserve.wanted = None
    spare = reserve.spares.take(ADDER)
    assert spare is not None
    await asyncio.sleep(0.5)
    assert list(tmp_path.iterdir()) == [spare.process.folder]
    reserve.want({ADDER})
    await reserve.have(1, other_than=first)
    await end(spare)


async def test_a_spare_that_dies_is_replaced(
    reserve: Reserve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never given to anybody, and another one is started, after a delay."""
    monkeypatch.setattr(module, "_DELAYS", (0.1,))
    reserve.want({ADDER})
    (first,) = await reserve.have(1)
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: first not in reserve.pids)
    await reserve.have(1, other_than=first)


async def test_a_spare_that_cannot_start_is_tried_again_later(
    reserve: Reserve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Tries are as far apart as the delays say: the second succeeds where the first did not."""
    monkeypatch.setattr(module, "_DELAYS", (0.1,))
    program = tmp_path / "adapter"
    reserve.want({Command((str(program),))})
    await asyncio.sleep(0.3)
    assert reserve.pids == []
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.adapters.adder "$@"\n')
    program.chmod(0o700)
    await reserve.have(1)


async def test_a_spare_that_is_wanted_no_more_ends(reserve: Reserve, tmp_path: Path) -> None:
    """Nothing of it is left, neither process nor folder."""
    reserve.want({ADDER})
    (first,) = await reserve.have(1)
    reserve.want(set())
    await eventually(lambda: not psutil.pid_exists(first) and not list(tmp_path.iterdir()))
    assert reserve.pids == []


async def end(spare: Spare) -> None:
    spare.connection.close()
    await spare.process.stop(5.0)


def test_crash_and_activation_take_the_spare(tmp_path: Path) -> None:
    """The spare that /alive tells becomes the next worker; another one follows, and all end."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write("adapter: {spare: true}\n")
    project.fit()
    with serving(project) as server:

        def spare() -> int:
            (found,) = until(lambda: server.get("/alive")[1]["spares"], what="a spare is there")
            return int(found["pid"])

        (worker,), first = server.worker_pids("tricks"), spare()
        psutil.Process(worker).kill()
        assert server.predict("tricks", x=2.0)[1]["result"] == 4.0
        assert server.worker_pids("tricks") == [first]
        second = spare()
        assert second not in (worker, first)
        project.fit()
        until(lambda: server.predict("tricks", x=1.0)[1]["metadata"]["model_version"] == 2, 20)
        assert second in server.worker_pids("tricks")
        everybody = server.descendants()
        assert server.end() == 0
        assert not [p for p in everybody if p.is_running()]
