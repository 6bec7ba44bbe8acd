"""One R adapter for all tests that do not end it: R takes a second to start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import Failure
from contracts.table import Column, Columns, Type
from tests.adapters.driver import AdapterProcess, Client

SCRIPTS = Path(__file__).parents[1] / "fixtures" / "r"


def model(script: str, fit: str = "fit", **settings: Any) -> dict[str, Any]:
    """Give the `model` map of SPEC 9 for a script of the fixtures."""
    return {"language": "r", "script": str(SCRIPTS / script), "fit": fit, **settings}


def columns(*columns: Column) -> Columns:
    """Give a table of these columns."""
    return Columns(columns[0].rows, columns)


def floats(name: str, *items: float | None) -> Column:
    """Give a column of f64."""
    return Column.of(name, Type.F64, items)


def heard(ask: Any, *arguments: Any, **options: Any) -> str:
    """Give the words that R stops with: a model of numbers can say nothing else."""
    with pytest.raises(Failure) as caught:
        ask(*arguments, **options)
    return caught.value.message.rpartition(" (probe.R:")[0] or caught.value.message


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdapterProcess]:
    """Run the adapter for the session."""
    with AdapterProcess.python_module("adapters.r", tmp_path_factory.mktemp("r")) as process:
        yield process


@pytest.fixture
def r(running: AdapterProcess) -> Iterator[Client]:
    """Connect to it."""
    with running.connect() as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[AdapterProcess]:
    """Run an adapter for one test, which may end it."""
    with AdapterProcess.python_module("adapters.r", tmp_path) as process:
        yield process
