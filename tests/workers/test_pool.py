"""What waits for a service is bounded, over all its workers, in number and in bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.messages import Fit
from contracts.table import pack_floats
from runner.workers import interpreter
from runner.workers.errors import Overloaded
from runner.workers.pool import Pool
from runner.workers.process import WorkerProcess
from tests.serving.project import TRICKS
from tests.workers.test_client import SLOW, X, Y, shown

REPLICAS = 2


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[Pool]:
    """Two Python adapters with a tricky model in each."""
    (tmp_path / "tricks.py").write_text(TRICKS)
    model = {"factory": {"!": "tricks.Tricky", "factor": 2.0}, "path": [str(tmp_path)]}
    processes = []
    pool = Pool("tricks", lambda _: None, lambda: None)
    pool.max_queue, pool.max_queue_bytes, pool.state = 1000, 1_000_000, "ready"
    try:
        for number in range(REPLICAS):
            process = await WorkerProcess.start(
                interpreter.find("python"), tmp_path / f"w{number}", lambda _: None
            )
            processes.append(process)
            connection = await process.connect(60.0)
            await connection.request(Fit, model=model, table=X, target=Y)
            connection.close()
        await pool.connect(tuple(str(process.socket) for process in processes), 1)
        pool.switch()
        yield pool
        await pool.close()
    finally:
        for process in processes:
            process.kill()
            await process.stop(1.0)


async def ask(pool: Pool, *values: float) -> list[float]:
    table = pack_floats(len(values), ("x",), values)
    part, _ = await pool.predict(table, "predict", {}, time.monotonic() + 30)
    return part.rows(shown)


async def outcomes(pool: Pool, *rows: list[float]) -> list[object]:
    return await asyncio.gather(*(ask(pool, *each) for each in rows), return_exceptions=True)


async def test_so_many_may_wait_for_all_replicas_together(pool: Pool) -> None:
    """Of requests at one moment exactly `max_queue` are taken, whichever worker they wait for."""
    pool.max_queue = 5
    found = await outcomes(pool, *([SLOW] for _ in range(20)))
    assert [[-12.0]] * 5 == found[:5]
    assert [Overloaded] * 15 == [type(each) for each in found[5:]]
    assert (0, 0) == (pool.pending, pool.pending_bytes)
    assert [[2.0]] == await outcomes(pool, [1.0])


async def test_so_many_bytes_may_wait(pool: Pool) -> None:
    """Rows count by their bytes; one request alone is taken however large it is."""
    pool.max_queue_bytes = 800
    large = [float(x) for x in range(1, 1001)]
    assert [[2 * x for x in large]] == await outcomes(pool, large)
    found = await outcomes(pool, [SLOW], large, [1.0] * 99, [2.0], [3.0] * 2)
    assert [[-12.0], Overloaded, [2.0] * 99, Overloaded, Overloaded] == [
        each if isinstance(each, list) else type(each) for each in found
    ]
    assert (0, 0) == (pool.pending, pool.pending_bytes)


async def test_who_gives_up_makes_room(pool: Pool) -> None:
    """A request that is cancelled counts no more, and is not held for the worker."""
    pool.max_queue = 8
    asking = [asyncio.create_task(ask(pool, SLOW)) for _ in range(8)]
    await asyncio.sleep(0.2)
    for task in asking[4:]:
        task.cancel()
    await asyncio.gather(*asking[4:], return_exceptions=True)
    assert 4 == pool.pending
    assert [[4.0]] * 4 == await outcomes(pool, *([2.0] for _ in range(4)))
    await asyncio.gather(*asking[:4])
