"""One connection to a real adapter: what leaves together is joined, and fails apart."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import Code, Failure
from contracts.messages import Fit, Predict, encode_request
from contracts.table import Column, Columns, Table, Type, pack_floats
from runner.workers import client, interpreter
from runner.workers.client import Connection
from runner.workers.errors import DeadlineExceeded, WorkerLost, WorkerUntouched
from runner.workers.process import WorkerProcess
from tests.serving.project import TRICKS

X = Columns(3, (Column.of("x", Type.F64, [1.0, 2.0, 3.0]),))
Y = Column.of("y", Type.F64, [2.0, 4.0, 6.0])
DIE, HANG, FAIL, SLOW = -1.0, -3.0, -4.0, -6.0


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each predict that was really sent."""
    rows: list[int] = []

    def encode(request: Any, folder: Path | None = None) -> bytes:
        if isinstance(request, Predict) and request.table is not None:
            rows.append(request.table.rows)
        return encode_request(request, folder)

    monkeypatch.setattr(client, "encode_request", encode)
    return rows


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    """A connection to a Python adapter with a tricky model in it."""
    (tmp_path / "tricks.py").write_text(TRICKS)
    model = {"factory": {"!": "tricks.Tricky", "factor": 2.0}, "path": [str(tmp_path)]}
    process = await WorkerProcess.start(interpreter.find("python"), tmp_path / "w", lambda _: None)
    try:
        connection = await process.connect(60.0)
        await connection.request(Fit, model=model, table=X, target=Y)
        yield connection
        connection.close()
    finally:
        process.kill()
        await process.stop(1.0)


def shown(table: Table) -> list[Any]:
    return table.columns[0].tolist()


async def ask(
    connection: Connection, *values: float, timeout: float = 30.0, alone: bool = False
) -> list[Any]:
    table = pack_floats(len(values), ("x",), values)
    part = await connection.predict(table, "predict", {}, time.monotonic() + timeout, alone)
    return part.rows(shown)


async def test_what_leaves_in_one_turn_is_one_request(
    connection: Connection, sent: list[int]
) -> None:
    """A hundred callers of one turn cost one frame, and each gets the rows that it asked for."""
    answers = await asyncio.gather(*(ask(connection, x, x + 0.5) for x in range(1, 101)))
    assert answers == [[2.0 * x, 2.0 * x + 1.0] for x in range(1, 101)]
    assert 200 == sum(sent)
    assert len(sent) <= 2  # deadlines on two sides of a bucket's edge make two


async def test_a_bad_row_fails_nobody_else(connection: Connection, sent: list[int]) -> None:
    """A joined request that fails is tried again one by one: only the bad row's caller hears."""
    answers = await asyncio.gather(
        *(ask(connection, x) for x in (1.0, FAIL, 3.0)), return_exceptions=True
    )
    assert [2.0] == answers[0]
    assert [6.0] == answers[2]
    assert isinstance(answers[1], Failure)
    assert Code.PREDICT_FAILED is answers[1].code
    assert [3, 1, 1, 1] == sent


async def test_other_params_and_methods_are_not_joined(
    connection: Connection, sent: list[int]
) -> None:
    """Only predicts of one method and without params join."""
    table, expires = pack_floats(1, ("x",), [1.0]), time.monotonic() + 30
    futures = [
        connection.predict(table, "predict", {}, expires),
        connection.predict(table, "predict", {"a": 1}, expires),
        connection.predict(table, "predict_proba", {}, expires),
    ]
    await asyncio.wait(futures)
    for future in futures[1:]:
        with pytest.raises(Failure):  # this model knows neither
            future.result()
    assert [2.0] == futures[0].result().rows(shown)
    assert [1, 1, 1] == sent


async def test_at_most_two_requests_are_unanswered(connection: Connection, sent: list[int]) -> None:
    """While the worker is busy, what comes waits here and leaves in one request."""
    slow = asyncio.create_task(ask(connection, SLOW))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(ask(connection, 2.0))
    await asyncio.sleep(0.1)
    later = []
    for x in range(3, 23):
        later.append(asyncio.create_task(ask(connection, x)))
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert [1, 1] == sent
    assert 22 == connection.load
    assert [[2.0 * x] for x in range(3, 23)] == await asyncio.gather(*later)
    assert [[-12.0], [4.0]] == await asyncio.gather(slow, second)
    assert sum(sent) == 22
    assert len(sent) <= 4


async def test_what_is_given_up_before_it_was_sent_is_never_sent(
    connection: Connection, sent: list[int]
) -> None:
    """A caller that hangs up while its request waits leaves no work behind."""
    first = [asyncio.create_task(ask(connection, SLOW)), asyncio.create_task(ask(connection, 1.0))]
    await asyncio.sleep(0.1)
    another = asyncio.create_task(ask(connection, 5.0))
    await asyncio.sleep(0.1)
    given_up = asyncio.create_task(ask(connection, 7.0))
    await asyncio.sleep(0.1)
    given_up.cancel()
    await asyncio.gather(*first, another)
    with contextlib.suppress(asyncio.CancelledError):
        await given_up
    assert 3 == sum(sent)


async def test_one_callers_short_deadline_is_its_own(connection: Connection) -> None:
    """A short deadline that passes while the model is busy neither ends the worker nor others."""
    connection.patience = 30.0
    slow = asyncio.create_task(ask(connection, SLOW))
    await asyncio.sleep(0.05)
    with pytest.raises((DeadlineExceeded, Failure)):
        await ask(connection, 1.0, timeout=0.2)
    assert [-12.0] == await slow
    assert [4.0] == await ask(connection, 2.0)
    assert not connection.hung


async def test_silence_beyond_patience_is_a_hang(connection: Connection) -> None:
    """A worker that answers nothing for as long as the service allows is given up."""
    connection.patience = 0.3
    with pytest.raises((DeadlineExceeded, WorkerLost)):
        await ask(connection, HANG, timeout=0.3)
    await connection.wait_closed()
    assert connection.hung


async def test_a_loss_tells_suspects_from_the_untouched(connection: Connection) -> None:
    """Whom the model was at is why the worker ended; who only waited for it is not."""
    asking = []
    for x in (DIE, 1.0, 2.0):
        # Alone: a worker that reads late would join the second to it.
        asking.append(asyncio.create_task(ask(connection, x, alone=x == DIE)))
        for _ in range(3):
            await asyncio.sleep(0)
    dying, behind, held = await asyncio.gather(*asking, return_exceptions=True)
    assert [WorkerLost, WorkerUntouched, WorkerUntouched] == [
        type(each) for each in (dying, behind, held)
    ]


async def test_a_suspect_goes_last(connection: Connection) -> None:
    """What is held beside a request that may end the worker is answered before it is tried."""
    expires = time.monotonic() + 30.0
    deadly, good = (pack_floats(1, ("x",), (x,)) for x in (DIE, 2.0))
    suspect = connection.predict(deadly, "predict", {}, expires, alone=True)
    part = await connection.predict(good, "predict", {}, expires)
    assert [4.0] == part.rows(shown)
    with pytest.raises(WorkerLost):
        await suspect


async def test_a_large_table_for_a_worker_that_is_going(
    connection: Connection, tmp_path: Path
) -> None:
    """A worker's folder is removed before its end is heard of: the next worker gets the request."""
    rows = 200_000  # too many for a frame: they travel in a file of that folder
    large = pack_floats(rows, ("x",), [1.0] * rows)
    (tmp_path / "w").rename(tmp_path / "gone")
    with pytest.raises(WorkerUntouched, match="folder is gone"):
        await connection.predict(large, "predict", {}, time.monotonic() + 30)
    await asyncio.wait_for(connection.wait_closed(), 30)
