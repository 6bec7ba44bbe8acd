"""What goes wrong in a script is told in Julia's words, with the script's own lines (SPEC 7)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import Code
from tests.adapters.driver import AdapterProcess, Client
from tests.adapters.julia.conftest import (
    failure,
    matrix,
    model,
    numbers,
    restore,
    y,
)
from tests.requirements import need

pytestmark = need("julia")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("error", 'faults.jl:7: boom: $3.50 % "quoted" ü'),
        ("domain", "faults.jl:8: DomainError with -"),
        ("overflow", "faults.jl:4: StackOverflowError:"),
        ("bounds", "faults.jl:10: BoundsError: attempt to access 2"),
        ("task", "faults.jl:11: TaskFailedException"),
        ("bad show", "faults.jl:13: Main.RunnerModel.BadShow"),
    ],
)
def test_exceptions(client: Client, fault: str, told: str) -> None:
    """An exception has its message with file and line, and its trace ends at the script."""
    client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    caught = failure(Code.PREDICT_FAILED, client.predict, matrix([1, 2]), fault=fault)
    assert caught.message.startswith(told)
    assert "faults.jl" in caught.traceback
    assert "glue.jl" not in caught.traceback
    assert "invokelatest" not in caught.traceback


def test_a_thousand_exceptions(client: Client, worker: AdapterProcess) -> None:
    """Failing costs no memory that stays, and the next prediction is right."""
    client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))

    def fail(times: int) -> None:
        for _ in range(times):
            failure(Code.PREDICT_FAILED, client.predict, matrix([1, 2]), fault="bounds")

    fail(200)
    before = resident(worker)
    fail(1000)
    assert resident(worker) - before < 40_000_000
    assert client.predict(matrix([7, 2])).table.columns[0].tolist() == [7.0]


def test_exit_ends_the_process(folder: Path) -> None:
    """exit() in a model is a crash to the runner: the connection ends, even with code 0."""
    with AdapterProcess.python_module("adapters.julia", folder) as worker:
        with worker.connect() as client:
            client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
            with pytest.raises(EOFError):
                client.predict(matrix([1, 2]), fault="exit")
        assert worker.wait() == 0


def test_a_failed_fit_keeps_the_former_model(client: Client) -> None:
    """A model is dropped only when the new one is there (SPEC 5.4)."""
    table, target = numbers([1, 2], [3, 4]), y(1, 2)
    client.fit(model("mirror.jl"), table, target)
    failing = model("faults.jl", params={"fail": True})
    caught = failure(Code.FIT_FAILED, client.fit, failing, table, target)
    assert caught.message == "faults.jl:2: no fit today"
    assert client.predict(matrix([1, 2])).table.columns[0].tolist() == [3.0]
    restore(client, client.persist())
    assert client.predict(matrix([1, 2])).table.columns[0].tolist() == [3.0]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (model("syntax.jl"), "syntax.jl:3: "),
        (model("toplevel.jl"), "toplevel.jl:3: UndefVarError: "),
        (model("nowhere.jl"), "SystemError: opening file"),
        (model("incomplete.jl"), "incomplete.jl has neither a function predict nor predict_pr"),
        (model("mirror.jl", fit="train"), "mirror.jl has no function train"),
        (model("mirror.jl", predict="Inner.guess"), "mirror.jl has no function Inner.guess"),
        (model("mirror.jl", predict_proba="odds"), "mirror.jl has no function odds"),
        ({"language": "julia"}, "model setting 'script' is None, expected a str"),
        (model("mirror.jl", params=[1]), "model setting 'params' is [1], expected a dict"),
    ],
    ids=["syntax", "toplevel", "no file", "no predict", "fit", "predict", "predict_proba",
         "no script", "params"],
)  # fmt: skip
def test_bad_models(client: Client, settings: dict[str, Any], told: str) -> None:
    """What is wrong with a script or its settings is told by name, file and line."""
    caught = failure(Code.BAD_MODEL, client.fit, settings, numbers([1, 2]), y(1, 2))
    assert caught.message.startswith(told)


def test_model_code_has_standard_streams_of_its_own(client: Client, worker: AdapterProcess) -> None:
    """What models print goes to standard error, and they read nothing (SPEC 2.3)."""
    client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    client.predict(matrix([1, 2]), fault="print")
    assert {"to stdout", "to stderr", '""'} <= set(worker.stderr.splitlines())


def test_no_julia(folder: Path) -> None:
    """Without Julia the command says what to do, in one line, and ends with exit code 5."""
    env = {**os.environ, "JULIA_EXE": "/nowhere/julia"}
    with AdapterProcess.python_module("adapters.julia", folder, env=env) as worker:
        assert worker.wait() == 5
        assert worker.stderr == (
            "no Julia at /nowhere/julia, nor on PATH; set JULIA_EXE to its executable\n"
        )


def test_an_executable_that_is_no_julia(folder: Path) -> None:
    """What JULIA_EXE names and does not behave as Julia is told in one line, with exit code 5."""
    env = {**os.environ, "JULIA_EXE": "/bin/false"}
    with AdapterProcess.python_module("adapters.julia", folder, env=env) as worker:
        assert worker.wait() == 5
        assert worker.stderr == "/bin/false does not start as Julia: exit code 1\n"


def resident(worker: AdapterProcess) -> int:
    """Give the bytes of memory that a worker holds."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return 1024 * int(line.split()[1])
