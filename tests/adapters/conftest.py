"""Give each test a folder short enough for a Unix socket, and adapters running in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.table import Column, Columns, Type
from tests.adapters.driver import AdapterProcess, Client


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of its own under /tmp: pytest's are too long for a socket's path (108 bytes)."""
    with tempfile.TemporaryDirectory(prefix="adapter-") as name:
        yield Path(name)


@pytest.fixture
def adder(folder: Path) -> Iterator[AdapterProcess]:
    """The adapter of `tests.adapters.adder`, running."""
    with AdapterProcess.python_module("tests.adapters.adder", folder) as process:
        yield process


@pytest.fixture
def client(adder: AdapterProcess) -> Iterator[Client]:
    """A connection to the adder, fitted to features a and b."""
    with adder.connect() as client:
        client.fit({}, *samples())
        yield client


def samples() -> tuple[Columns, Column]:
    """Give two rows of features a and b, and their sums."""
    columns = (Column.of("a", Type.F64, [1.0, 2.0]), Column.of("b", Type.F64, [1.0, 2.0]))
    return Columns(2, columns), Column.of("sum", Type.F64, [2.0, 4.0])
