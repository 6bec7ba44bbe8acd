"""One adapter for one piece of work: a real adapter process, asked over its real socket."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from contracts.errors import Code, Failure
from contracts.messages import Fit, Load, Persist, Ping, Predict
from contracts.table import Column, Columns, Matrix, Type, pack_floats
from runner.workers import interpreter
from runner.workers.client import Connection
from runner.workers.errors import (
    DeadlineExceeded,
    WorkerCrashed,
    WorkerFailedToStart,
    WorkerLost,
)
from runner.workers.interpreter import Command
from runner.workers.private import PrivateWorker, private_worker
from tests.foreign import foreign_environment
from tests.serving.project import TRICKS

X = Columns(3, (Column.of("x", Type.F64, [1.0, 2.0, 3.0]),))
Y = Column.of("y", Type.F64, [2.0, 4.0, 6.0])


def one(x: float) -> Matrix:
    return pack_floats(1, ("x",), [x])


@pytest.fixture
def model(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "tricks.py").write_text(TRICKS)
    return {"factory": {"!": "tricks.Tricky", "factor": 2.0}, "path": [str(tmp_path)]}


@pytest.fixture
async def worker(model: dict[str, object]) -> AsyncIterator[PrivateWorker]:
    async with private_worker(interpreter.find("python"), lambda _: None) as found:
        await found.request(Fit, model=model, table=X, target=Y)
        yield found


async def test_fit_predict_persist_and_load(
    worker: PrivateWorker, model: dict[str, object]
) -> None:
    """What one worker fitted and persisted, another loads and predicts with the same."""
    kept = await worker.request(Persist)
    async with private_worker(interpreter.find("python"), lambda _: None) as other:
        await other.request(
            Load,
            artifact=kept.artifact,
            format=kept.format,
            sha256=_sha256(kept.artifact),
            model=model,
        )
        reply = await other.request(Predict, table=one(21.0))
    assert reply.table is not None
    assert reply.table.columns[0].tolist() == [42.0]


def _sha256(artifact: object) -> str:
    return hashlib.sha256(artifact).hexdigest()


async def test_a_models_error_is_a_failure_with_its_traceback(worker: PrivateWorker) -> None:
    """An exception of the model's comes back with code, message and Python's traceback."""
    with pytest.raises(Failure) as caught:
        await worker.request(Predict, table=one(-4.0))
    assert caught.value.code is Code.PREDICT_FAILED
    assert "does not like -4" in caught.value.message
    assert "tricks.py" in caught.value.traceback


@pytest.mark.parametrize(
    ("x", "how"), [(-1.0, "exit code 0"), (-2.0, "SIGSEGV"), (-5.0, "exit code 3")]
)
async def test_a_crash_tells_how_the_process_ended(
    worker: PrivateWorker, x: float, how: str
) -> None:
    """A worker that ends at work is WorkerCrashed, whatever its exit code, and says how."""
    with pytest.raises(WorkerCrashed, match=how):
        await worker.request(Predict, table=one(x))


async def test_a_deadline_that_passes_in_silence_closes_the_connection(
    worker: PrivateWorker,
) -> None:
    """A hanging worker is DeadlineExceeded, and the connection is not used again (SPEC 3.4)."""
    with pytest.raises(DeadlineExceeded):
        await worker.request(Predict, 0.2, table=one(-3.0))
    with pytest.raises(WorkerLost):
        await worker.request(Ping)


async def test_what_waited_behind_a_hanging_request_is_lost_not_late(
    model: dict[str, object],
) -> None:
    """Requests beside one that hangs get WorkerLost, so that they can be tried elsewhere."""
    async with private_worker(interpreter.find("python"), lambda _: None) as worker:
        await worker.request(Fit, model=model, table=X, target=Y)
        connection = worker._connection
        now = asyncio.get_running_loop().time()
        hanging = asyncio.create_task(connection.request(Predict, now + 0.2, table=one(-3.0)))
        await asyncio.sleep(0)
        behind = asyncio.create_task(connection.request(Ping, now + 60))
        results = await asyncio.gather(hanging, behind, return_exceptions=True)
    assert [type(result) for result in results] == [DeadlineExceeded, WorkerLost]
    assert connection.hung


async def test_output_is_passed_on_line_by_line(model: dict[str, object]) -> None:
    """What the model prints reaches the caller as lines."""
    lines: list[str] = []
    async with private_worker(interpreter.find("python"), lines.append) as worker:
        await worker.request(Fit, model=model, table=X, target=Y)
    assert "fitting tricks" in lines


async def test_nothing_is_left_behind(
    model: dict[str, object], monkeypatch, tmp_path: Path
) -> None:
    """After the context there is no process, no folder, no socket."""
    monkeypatch.setenv("RUNNER_RUNTIME", str(tmp_path / "r"))
    (tmp_path / "r").mkdir()
    async with private_worker(interpreter.find("python"), lambda _: None) as worker:
        pid = worker.pid
        assert list((tmp_path / "r").iterdir())
    assert not psutil.pid_exists(pid)
    assert list((tmp_path / "r").iterdir()) == []


async def test_a_command_that_is_not_there() -> None:
    """A missing executable is WorkerFailedToStart and names it."""
    with pytest.raises(WorkerFailedToStart, match="no-such-adapter"):
        async with private_worker(Command(("no-such-adapter",)), lambda _: None):
            pass


async def test_a_command_that_is_no_adapter_tells_its_last_words() -> None:
    """A process that ends before hello is told with exit code and last lines."""
    command = Command(("bash", "-c", "echo cannot go on; exit 7"))
    with pytest.raises(WorkerFailedToStart, match=r"exit code 7\n  cannot go on"):
        async with private_worker(command, lambda _: None):
            pass


async def test_a_silent_command_is_given_up() -> None:
    """A process that never listens is given up after the start timeout, and killed."""
    begun = time.monotonic()
    with pytest.raises(WorkerFailedToStart, match=r"within 0\.3 s"):
        async with private_worker(
            Command(("bash", "-c", "sleep 60")), lambda _: None, start_timeout=0.3
        ):
            pass
    assert time.monotonic() - begun < 30


async def test_orphaned_folders_are_removed(monkeypatch, tmp_path: Path) -> None:
    """The folder of a process that was killed is removed by the next one; others stay."""
    monkeypatch.setenv("RUNNER_RUNTIME", str(tmp_path))
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
    (tmp_path / f"runner-{child.pid}-dead").mkdir()
    (tmp_path / f"runner-{os.getppid()}-alive").mkdir()
    async with private_worker(interpreter.find("python"), lambda _: None):
        names = {path.name for path in tmp_path.iterdir()}
    assert f"runner-{child.pid}-dead" not in names
    assert f"runner-{os.getppid()}-alive" in names


async def test_a_worker_over_its_memory_limit_is_killed_and_says_so(tmp_path: Path) -> None:
    """Memory beyond `memory_limit` ends the worker, and the error names both figures."""
    (tmp_path / "greedy.py").write_text(
        "class Greedy:\n"
        "    def fit(self, X, y):\n"
        "        self.held = []\n"
        "        while True:\n"
        "            self.held.append(bytearray(b'x' * 10**7))\n"
        "    def predict(self, X):\n"
        "        return X[:, 0]\n"
    )
    model = {"factory": {"!": "greedy.Greedy"}, "path": [str(tmp_path)]}
    limit = 1 << 30
    with pytest.raises(WorkerCrashed, match=f"exceed memory_limit {limit}"):
        async with private_worker(
            interpreter.find("python"), lambda _: None, memory_limit=limit
        ) as worker:
            await worker.request(Fit, model=model, table=X, target=Y)


async def test_a_foreign_python_is_lent_our_side_of_the_contract_only(
    model: dict[str, object], tmp_path: Path
) -> None:
    """`executable` runs the adapter in another environment, with the packages that are there."""
    python = foreign_environment(tmp_path / "venv")
    command = interpreter.find("python", executable=str(python))
    async with private_worker(command, lambda _: None) as worker:
        await worker.request(Fit, model=model, table=X, target=Y)
        packages = (await worker.hello()).packages
    assert "numpy" in packages
    assert "pandas" not in packages, "ours has it, the foreign environment has not"


async def test_two_connections_to_one_worker_do_not_mix(worker: PrivateWorker) -> None:
    """Ids are each connection's own: answers go to whoever asked."""
    connections = [await Connection.open(worker._process.socket) for _ in range(2)]

    async def ask(connection: Connection, x: float) -> float:
        reply = await connection.request(Predict, table=one(x))
        assert reply.table is not None
        return float(reply.table.columns[0].tolist()[0])

    asked = [float(x) for x in range(1, 201)]
    answers = await asyncio.gather(*(ask(connections[int(x) % 2], x) for x in asked))
    for connection in connections:
        connection.close()
    assert answers == [2 * x for x in asked]


async def test_ctrl_c_does_not_reach_the_worker(worker: PrivateWorker) -> None:
    """The worker has a session of its own: a terminal's SIGINT is the parent's alone."""
    assert os.getsid(worker.pid) == worker.pid
