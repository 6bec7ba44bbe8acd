"""Data that a Julia function gives (SPEC 5.7)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from contracts.errors import Code
from contracts.messages import Source
from contracts.table import Matrix, Type
from tests.adapters.driver import Client
from tests.adapters.julia.conftest import (
    SCRIPTS,
    failure,
    matrix,
    model,
)
from tests.requirements import need

pytestmark = need("julia")


def source(function: str, **params: Any) -> Source:
    """Name a function of the fixture."""
    return Source(str(SCRIPTS / "sources.jl"), function, params)


def test_a_table(client: Client) -> None:
    """Vectors become columns of their types; Symbols, and a target's texts, become cat."""
    reply = client.read(source("table"))
    assert [(c.name, c.type, c.tolist()) for c in reply.table.columns] == [
        ("number", Type.F64, [1.5, None, 2.5]),
        ("count", Type.I64, [1, 2, 3]),
        ("flag", Type.BOOL, [True, False, True]),
        ("text", Type.STR, ["süß 1", "süß 2", "süß 3"]),
        ("kind", Type.CAT, ["b", "a", "b"]),
        ("day", Type.DATE, [date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)]),
        ("moment", Type.DATETIME, [datetime(2024, 1, 1, 0, 0, 0, n * 1000) for n in (1, 2, 3)]),
    ]
    assert reply.table.columns[4].levels == ("a", "b")
    assert (reply.target.levels, reply.target.tolist()) == (
        ("neg", "pos"),
        ["pos", "neg", "pos"],
    )


def test_a_matrix_with_names(client: Client) -> None:
    """A features × samples matrix comes with names for its rows."""
    reply = client.read(source("matrix", names=["a", "größe"]))
    assert reply.table.names == ("a", "größe")
    assert [c.tolist() for c in reply.table.columns] == [[1, 2, 3], [4, 5, 6]]


def test_a_fit_to_a_source(client: Client) -> None:
    """The model sees the source's data, and the reply describes them."""
    reply = client.fit_source(model("nearest.jl"), source("matrix"))
    assert (reply.rows, reply.task, reply.target_field.name) == (3, "regression", "target")
    assert [feature.name for feature in reply.features] == ["a", "b c"]
    found = client.predict(Matrix(1, ("b c", "a"), matrix([5.1, 2.1]).values)).table
    assert found.columns[0].tolist() == [0.2]


def test_a_prediction_for_a_source(client: Client) -> None:
    """A request may name a source in the table's place; the target comes along."""
    client.fit_source(model("mirror.jl"), source("matrix"))
    reply = client.predict_source(source("matrix"))
    assert reply.table.columns[0].tolist() == [5.0, 7.0, 9.0]
    assert reply.target.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("function", "code", "told"),
    [
        ("nowhere", Code.BAD_MODEL, "sources.jl has no function nowhere"),
        ("failing", Code.READ_FAILED, "sources.jl:22: no data"),
        ("only_X", Code.BAD_RESULT, "only_X gave a 2 vector of Float64, expected (X, y)"),
        ("uneven", Code.BAD_RESULT, "uneven: column 'a' has 2 rows, the target 3"),
        ("odd", Code.BAD_RESULT, 'column "a" has values of type Complex{Int64}'),
    ],
)
def test_bad_sources(client: Client, function: str, code: Code, told: str) -> None:
    """A function that is not there, fails or gives no data is told by name."""
    caught = failure(code, client.read, source(function))
    assert caught.message.startswith(told)
