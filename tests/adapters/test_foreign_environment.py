"""Tests that the Python adapter needs msgpack, numpy and scikit-learn, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

from contracts.errors import Code, Failure
from contracts.table import Column, Columns, Type
from tests.adapters.driver import AdapterProcess
from tests.adapters.test_python import TREE, columns, iris, reload

ROOT = Path(__file__).parents[2]
PACKAGES = ("msgpack", "numpy", "scikit-learn")
"""What the adapter needs; `_with_requirements` adds what these need."""


def test_it_runs_where_nothing_else_is_installed(folder: Path) -> None:
    """In an environment without pandas and skops it fits, persists as pickle, loads and answers."""
    interpreter = _foreign_environment(folder / "venv")
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


def _foreign_environment(folder: Path) -> Path:
    """Make a virtual environment that holds `PACKAGES` only; gives its interpreter."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(folder)], check=True
    )
    (site,) = folder.glob("lib/python*/site-packages")
    for distribution in _with_requirements(PACKAGES):
        tops = {file.parts[0] for file in distribution.files or ()}
        for top in tops - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder / "bin" / "python"


def _with_requirements(names: Iterable[str]) -> Iterator[metadata.Distribution]:
    """Give what an installer would have brought along for these names."""
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # for another platform
            continue
        yield distribution
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                waiting.append(re.match(r"[\w.-]+", requirement).group())  # type: ignore[union-attr]
