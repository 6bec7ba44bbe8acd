"""One Julia adapter for all tests that do not end it, and what they ask it with: Julia compiles."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import Code, ContractError
from contracts.table import Column, Columns, Matrix, Type, pack_floats
from tests.adapters.driver import AdapterProcess, Client

SCRIPTS = Path(__file__).parents[1] / "fixtures/julia"


@pytest.fixture(scope="session")
def worker() -> Iterator[AdapterProcess]:
    """Run one adapter for all tests that leave it alive."""
    with (
        tempfile.TemporaryDirectory(prefix="julia-") as folder,
        AdapterProcess.python_module("adapters.julia", Path(folder)) as process,
    ):
        yield process


@pytest.fixture
def client(worker: AdapterProcess) -> Iterator[Client]:
    """Connect to it."""
    with worker.connect() as client:
        yield client


def model(script: str, **settings: Any) -> dict[str, Any]:
    """Give the settings of a fixture's model."""
    return {"language": "julia", "script": str(SCRIPTS / script), **settings}


def numbers(*columns: list[float]) -> Columns:
    """Make a table of f64 columns a, b, …"""
    named = zip("abcdefgh", columns, strict=False)
    return Columns(len(columns[0]), tuple(Column.of(n, Type.F64, c) for n, c in named))


def matrix(*rows: list[float]) -> Matrix:
    """Make a matrix of columns a, b, …"""
    names = tuple("abcdefgh"[: len(rows[0])])
    return pack_floats(len(rows), names, [number for row in rows for number in row])


def y(*values: float) -> Column:
    """Make a target of a regression."""
    return Column.of("y", Type.F64, values)


def kinds(*labels: str | None, levels: str = "pqr") -> Column:
    """Make a cat target."""
    return Column.of("kind", Type.CAT, labels, tuple(levels))


def failure(code: Code, ask: Any, *arguments: Any, **options: Any) -> ContractError:
    """Give what a request is refused with, having checked its code."""
    with pytest.raises(ContractError) as caught:
        ask(*arguments, **options)
    assert caught.value.code is code, caught.value.message
    return caught.value


def told(client: Client, table: Any, tell: str) -> str:
    """Give what mirror.jl says of what it sees: a model of numbers can say it as an error only."""
    message = failure(Code.PREDICT_FAILED, client.predict, table, tell=tell).message
    return message.partition(": ")[2]


def restore(client: Client, reply: Any) -> None:
    """Load what persist gave."""
    raw = bytes(reply.artifact)
    client.load(raw, reply.format, hashlib.sha256(raw).hexdigest())
