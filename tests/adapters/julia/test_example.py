"""The example of iris, which users read first."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from contracts.errors import Code
from contracts.table import Column, Columns, Type
from tests.adapters.driver import Client
from tests.adapters.julia.conftest import (
    failure,
)
from tests.requirements import need

pytestmark = need("julia")

IRIS = Path(__file__).parents[3] / "examples/iris-julia"


def test_it_classifies_what_it_has_not_seen(client: Client) -> None:
    """Fitted to 100 flowers the example names at least 48 of the other 50."""
    table, species = read_iris()
    settings = {
        "language": "julia",
        "script": str(IRIS / "model.jl"),
        "params": {"penalty": 0.1},
    }
    reply = client.fit(settings, table.slice(0, 100), species.slice(0, 100))
    assert reply.task == "classification"
    found = client.predict(table.slice(100, 150)).table.columns[0]
    assert (found.name, found.levels) == ("species", species.levels)
    rest = species.slice(100, 150).tolist()
    assert sum(a == b for a, b in zip(found.tolist(), rest, strict=True)) >= 48


def test_its_probabilities_are_named_and_sum_to_one(client: Client) -> None:
    """predict_proba gives a column for each level, each row summing to 1."""
    table, species = read_iris()
    client.fit({"script": str(IRIS / "model.jl")}, table, species)
    shares = client.predict(table, "predict_proba").table
    assert shares.names == species.levels
    sums = np.frombuffer(shares.values).reshape(150, 3).sum(axis=1)
    assert np.abs(sums - 1).max() < 1e-12


def test_a_bad_param_is_refused_by_the_model(client: Client) -> None:
    """What fit throws comes back with its message and the script's line."""
    table, species = read_iris()
    settings = {"script": str(IRIS / "model.jl"), "params": {"penalty": 0}}
    caught = failure(Code.FIT_FAILED, client.fit, settings, table, species)
    assert caught.message.startswith("model.jl:")
    assert "penalty is 0, must be greater than 0" in caught.message


def read_iris() -> tuple[Columns, Column]:
    """Read the example's data."""
    with (IRIS / "iris.csv").open() as lines:
        head, *rows = csv.reader(lines)
    cells = np.array([row[:4] for row in rows], dtype=float)
    columns = [Column(n, Type.F64, cells[:, at].tobytes()) for at, n in enumerate(head[:4])]
    names = [row[4] for row in rows]
    target = Column.of("species", Type.CAT, names, sorted(set(names)))
    return Columns(len(rows), tuple(columns)), target
