"""Who is blamed for a worker's end, and what is remembered: real workers, a real pool."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts import marker
from contracts.messages import Fit
from contracts.table import Column, Columns, Matrix, Type, pack_floats
from runner.workers import deadly, interpreter
from runner.workers.client import Connection
from runner.workers.deadly import Deadly
from runner.workers.errors import WorkerCrashed, WorkerLost, WorkerUntouched
from runner.workers.interpreter import Command
from runner.workers.pool import Pool
from runner.workers.process import WorkerProcess
from tests.serving.project import TRICKS

X = Columns(3, (Column.of("x", Type.F64, [1.0, 2.0, 3.0]),))
Y = Column.of("y", Type.F64, [2.0, 4.0, 6.0])
EXIT, HANG, NAP = -1.0, -3.0, -6.0
MUTE = "import adapters.marker as m; m.Marker.at = lambda *_: None; m.marker.SIZE = 8; "


def one(x: float) -> Matrix:
    return pack_floats(1, ("x",), [x])


@dataclass
class Workers:
    """Start workers with a fitted model, one after another, and put each into the pool's routes."""

    folder: Path
    pool: Pool
    command: Command
    started: int = 0
    process: WorkerProcess | None = None

    async def start(self) -> None:
        self.started += 1
        folder = self.folder / f"w{self.started}"
        self.process = await WorkerProcess.start(self.command, folder, lambda _: None)
        connection = await self.process.connect(30)
        model = {"factory": {"!": "tricks.Tricky", "factor": 2.0}, "path": [str(self.folder)]}
        await connection.request(Fit, model=model, table=X, target=Y)
        connection.close()
        await self.pool.connect((str(self.process.socket),), 1)
        self.pool.switch()

    async def keep(self) -> None:
        while True:
            assert self.process is not None
            await self.process.wait()
            await self.start()

    async def ask(self, x: float, seconds: float = 30.0) -> object:
        part, _ = await self.pool.predict(one(x), "predict", {}, time.monotonic() + seconds)
        return part.table.columns[0].tolist()[0]


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    (tmp_path / "tricks.py").write_text(TRICKS)
    pool = Pool("tricks", lambda _: None, lambda: None)
    pool.state, pool.max_queue, pool.max_queue_bytes = "ready", 1000, 2**20
    found = Workers(tmp_path, pool, interpreter.find("python"))
    await found.start()
    keeper = asyncio.create_task(found.keep())
    yield found
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    await pool.close()
    assert found.process is not None
    found.process.kill()
    await found.process.stop(1.0)


async def test_a_deadly_request_among_many(workers: Workers) -> None:
    """Whoever is in its batch is answered; it kills twice, hears so, and then kills no more."""
    good = [float(x) for x in range(1, 60)]
    asked = [*good[:30], EXIT, *good[30:]]
    answers = await asyncio.gather(*map(workers.ask, asked), return_exceptions=True)
    assert isinstance(answers.pop(30), WorkerCrashed)
    assert answers == [2 * x for x in good]
    with pytest.raises(WorkerCrashed, match="a moment ago"):
        await workers.ask(EXIT)
    assert await workers.ask(5.0) == 10.0
    assert workers.started == 3  # asked only now: an answer comes before the next worker starts


async def test_two_deadly_requests_at_once(workers: Workers) -> None:
    """Each is tried alone: both are found, and nobody else pays."""
    asked = [1.0, EXIT, 2.0, -5.0, 3.0]
    answers = await asyncio.gather(*map(workers.ask, asked), return_exceptions=True)
    assert [type(a) for a in answers] == [float, WorkerCrashed, float, WorkerCrashed, float]
    assert await workers.ask(4.0) == 8.0
    assert workers.started == 4


async def test_who_ended_a_worker(workers: Workers) -> None:
    """Only an end that no request caused, nor anybody who killed it, is the worker's own."""
    for end, by_itself in ((signal.SIGKILL, False), (signal.SIGSEGV, True), (None, False)):
        assert await workers.ask(2.0) == 4.0
        process = workers.process
        assert process is not None
        if end is None:
            with pytest.raises(WorkerCrashed):
                await workers.ask(EXIT)
        else:
            os.kill(process.pid, end)
        await process.wait()
        assert process.ended_by_itself is by_itself


async def test_a_worker_killed_while_it_naps_answers_after_all(workers: Workers) -> None:
    """A request whose worker somebody else kills has its second try, and is not blamed."""
    nap = asyncio.create_task(workers.ask(NAP))
    await asyncio.sleep(0.3)
    assert workers.process is not None
    os.kill(workers.process.pid, signal.SIGKILL)
    assert await nap == -12.0
    assert not workers.pool._deadly


async def test_what_waits_behind_a_batch_is_not_suspected(workers: Workers) -> None:
    """Of requests at a worker that dies, those that its model was not at are told apart."""
    assert workers.process is not None
    connection = await Connection.open(workers.process.socket)
    later = time.monotonic() + 30
    first = connection.predict(one(NAP), "predict", {}, later)
    await asyncio.sleep(0.3)
    second = connection.predict(one(1.0), "predict", {}, later)
    await asyncio.sleep(0.1)
    third, fourth = (connection.predict(one(x), "predict", {}, later) for x in (2.0, 3.0))
    await asyncio.sleep(0.1)
    workers.process.kill()
    found = await asyncio.gather(first, second, third, fourth, return_exceptions=True)
    assert [type(ex) for ex in found] == [WorkerLost, *[WorkerUntouched] * 3]
    assert found[0].certain  # type: ignore[union-attr]


async def test_an_adapter_without_a_marker(workers: Workers) -> None:
    """Where nobody tells what the model was at, second tries go one at a time."""
    code = f"{MUTE}import runpy; runpy.run_module('adapters.python', run_name='__main__')"
    workers.command = Command((sys.executable, "-c", code))
    assert workers.process is not None
    workers.process.kill()
    await asyncio.sleep(0.1)
    answers = await asyncio.gather(*map(workers.ask, [1.0, EXIT, 2.0]), return_exceptions=True)
    assert [type(a) for a in answers] == [float, WorkerCrashed, float]


def test_the_marker_survives_what_it_tells() -> None:
    """Ids come back as they were written; none, many, and what is no marker are told apart."""
    memory = bytearray(marker.SIZE)
    assert marker.read(bytes(memory)) == frozenset()
    for ids in ([7], [1, 2**64 - 2, 3], range(511)):
        marker.write(memory, list(ids))
        assert marker.read(bytes(memory)) == frozenset(ids)
    marker.write(memory, range(512))
    assert marker.read(bytes(memory)) is None
    assert marker.read(bytes(8)) is None
    marker.write(memory, [])
    assert marker.read(bytes(memory)) == frozenset()


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((one(1.0), "predict", {}), True),
        ((one(2.0), "predict", {}), False),
        ((one(1.0), "predict_proba", {}), False),
        ((one(1.0), "predict", {"a": 1}), False),
    ],
)
def test_a_deadly_request_is_known_by_all_of_it(
    other: tuple[Matrix, str, dict[str, int]], same: bool
) -> None:
    """Row, method and params: another of these is another request."""
    found = Deadly()
    found.remember(one(1.0), "predict", {})
    assert found.has(*other) is same


def test_a_deadly_request_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, or when there are too many."""
    now = 0.0
    clock: Callable[[], float] = lambda: now  # noqa: E731
    found = Deadly(clock)
    found.remember(one(1.0), "predict", {})
    now = deadly.SECONDS - 1
    assert found.has(one(1.0), "predict", {})
    now = deadly.SECONDS
    assert not found.has(one(1.0), "predict", {})
    assert not found
    monkeypatch.setattr(deadly, "MOST", 2)
    for x in (1.0, 2.0, 3.0):
        found.remember(one(x), "predict", {})
    assert [found.has(one(x), "predict", {}) for x in (1.0, 2.0, 3.0)] == [False, True, True]
