"""Tests that each adapter needs msgpack, numpy and its bridge, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.conform.command import main
from contracts.errors import Code, Failure
from contracts.table import Column, Columns, Type
from tests.adapters.driver import AdapterProcess
from tests.adapters.test_python import TREE, columns, iris, reload
from tests.foreign import foreign_environment
from tests.requirements import need

ROOT = Path(__file__).parents[2]


def _ours(folder: Path) -> str:
    """Make a folder with the adapters and the contract, and no runner."""
    ours = folder / "ours"
    ours.mkdir()
    for package in ("adapters", "contracts"):
        (ours / package).symlink_to(ROOT / package)
    return str(ours)


@pytest.mark.parametrize(
    "language", [pytest.param("r", marks=need("r")), pytest.param("julia", marks=need("julia"))]
)
def test_a_bridge_needs_nothing_else(
    language: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where there is msgpack, numpy and the bridge alone, every operation is as the contract says.

    Neither runner nor pandas can be imported there.
    """
    interpreter = foreign_environment(folder / "venv", language)
    monkeypatch.setenv("PYTHONPATH", _ours(folder))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    # Julia is where scripts/setup links it.
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    monkeypatch.chdir(folder)  # -m puts it on the path
    for absent in ("runner", "pandas", "sklearn"):
        code = f"import importlib.util as u; raise SystemExit(u.find_spec({absent!r}) is not None)"
        subprocess.run([interpreter, "-c", code], check=True)
    assert main(["--only", "5", "--", str(interpreter), "-m", f"adapters.{language}"]) == 0
    assert " 0 FAIL, 0 skip" in capsys.readouterr().out


def test_it_runs_where_nothing_else_is_installed(folder: Path) -> None:
    """In an environment without pandas and skops it fits, persists as pickle, loads and answers."""
    interpreter = foreign_environment(folder / "venv")
    env = {**os.environ, "PYTHONPATH": _ours(folder)}
    env.pop("VIRTUAL_ENV", None)
    table, target = iris()
    command = [str(interpreter), "-m", "adapters.python"]
    with AdapterProcess(command, folder, env=env) as process, process.connect() as client:
        assert {"msgpack", "numpy", "scikit-learn"} >= client.hello.packages.keys()
        client.fit(TREE, table, target)
        assert "pickle" == reload(client)
        assert target.tolist() == columns(client.predict(table))["species"]
        strings = Columns(1, (Column.of("s", Type.STR, ["x"]),))
        with pytest.raises(Failure, match="pandas is not installed here") as caught:
            client.fit(TREE, strings, Column.of("y", Type.F64, [0.0]))
        assert caught.value.code is Code.BAD_MODEL
