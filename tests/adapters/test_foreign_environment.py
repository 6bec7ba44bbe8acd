"""Tests that the Python adapter needs msgpack, numpy and scikit-learn, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contracts.errors import Code, Failure
from contracts.table import Column, Columns, Type
from tests.adapters.driver import AdapterProcess
from tests.adapters.test_python import TREE, columns, iris, reload
from tests.foreign import foreign_environment

ROOT = Path(__file__).parents[2]


def test_it_runs_where_nothing_else_is_installed(folder: Path) -> None:
    """In an environment without pandas and skops it fits, persists as pickle, loads and answers."""
    interpreter = foreign_environment(folder / "venv")
    env = {**os.environ, "PYTHONPATH": str(folder / "ours")}
    env.pop("VIRTUAL_ENV", None)
    (folder / "ours").mkdir()
    for package in ("adapters", "contracts"):
        (folder / "ours" / package).symlink_to(ROOT / package)
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
