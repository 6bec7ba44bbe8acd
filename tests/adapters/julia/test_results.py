"""What models may give, and what they are told otherwise (SPEC 5.5)."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import Code
from contracts.table import Column, Type
from tests.adapters.driver import Client
from tests.adapters.julia.conftest import (
    failure,
    kinds,
    matrix,
    model,
    numbers,
    y,
)
from tests.requirements import need

pytestmark = need("julia")


@pytest.mark.parametrize("form", ["String", "Symbol", "probabilities"])
def test_labels(client: Client, form: str) -> None:
    """Strings, Symbols and probabilities name levels of the target."""
    client.fit(model("labels.jl"), numbers([0, 1]), kinds("q", "p", levels="qrp"))
    found = client.predict(matrix([0], [1], [0]), form=form).table.columns[0]
    assert (found.levels, found.tolist()) == (tuple("qrp"), ["p", "q", "p"])


def test_a_missing_label(client: Client) -> None:
    """A model may say that it does not know."""
    client.fit(model("labels.jl"), numbers([0, 1]), kinds("q", "p"))
    found = client.predict(matrix([0], [1]), form="missing").table.columns[0]
    assert found.tolist() == [None, "q"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (Column.of("y", Type.STR, ["no", "yes"]), ["no", "yes"]),
        (Column.of("y", Type.BOOL, [False, True]), [False, True]),
    ],
)
def test_labels_of_other_types(client: Client, target: Column, told: list[Any]) -> None:
    """str and bool are labels, too, and answered as such."""
    assert client.fit(model("labels.jl"), numbers([0, 1]), target).task == "classification"
    found = client.predict(matrix([0], [1])).table.columns[0]
    assert (found.type, found.tolist()) == (target.type, told)


def test_integer_labels_with_probabilities(client: Client) -> None:
    """predict_proba makes a classification of integers."""
    target = Column.of("y", Type.I64, [30, 4])
    assert client.fit(model("shares.jl"), numbers([0, 1]), target).task == "classification"
    found = client.predict(matrix([0], [1])).table.columns[0]
    assert (found.type, found.tolist()) == (Type.I64, [4, 30])
    assert client.predict(matrix([0]), "predict_proba").table.names == ("4", "30")


def test_an_unknown_label_is_refused(client: Client) -> None:
    """The label is named, and those that there are."""
    client.fit(model("labels.jl"), numbers([0, 1]), kinds("q", "p"))
    caught = failure(Code.BAD_RESULT, client.predict, matrix([0]), form="unknown")
    assert caught.message == ('predict gave "weed" for row 0, which is none of the labels p, q, r')


@pytest.mark.parametrize("form", ["matrix", "adjoint", "Dict", "NamedTuple"])
def test_probabilities(client: Client, form: str) -> None:
    """Rows follow the sorted labels; the answer follows the levels, absent ones at 0."""
    client.fit(model("shares.jl"), numbers([0, 1]), kinds("q", "p", levels="qrp"))
    shares = client.predict(matrix([0], [1]), "predict_proba", form=form).table
    assert shares.names == tuple("qrp")
    assert shares.values == matrix([0.2, 0, 0.8], [0.8, 0, 0.2]).values
    assert client.predict(matrix([0], [1]), form=form).table.columns[0].tolist() == ["p", "q"]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("samples × labels", "a 3 × 2 array of Float64"),
        ("other labels", "a Dict of x"),
        ("number", "a Float64"),
    ],
)
def test_no_probabilities(client: Client, form: str, told: str) -> None:
    """Nothing is transposed or guessed: the message says what was expected."""
    client.fit(model("shares.jl"), numbers([0, 1]), kinds("q", "p"))
    asked = matrix([0], [1], [1])
    caught = failure(Code.BAD_RESULT, client.predict, asked, "predict_proba", form=form)
    assert caught.message == (
        f"predict_proba gave {told}, expected a 2 × 3 matrix: a row for each of the labels "
        "p, q, a column for each sample"
    )


def test_no_predict_proba(client: Client) -> None:
    """A regression has none, and neither has a classifier that gives labels."""
    client.fit(model("mirror.jl"), numbers([1, 2]), y(1, 2))
    failure(Code.UNSUPPORTED, client.predict, matrix([1]), "predict_proba")
    client.fit(model("nearest.jl"), numbers([1, 2]), kinds("q", "p"))
    caught = failure(Code.UNSUPPORTED, client.predict, matrix([1]), "predict_proba")
    assert caught.message == "nearest.jl has no function predict_proba"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            "nothing",
            "predict gave a Nothing, expected a vector with a value for each of 3 ",
        ),
        ("short", "predict gave a 1 vector of Float64, expected"),
        ("matrix", "predict gave a 2 × 3 array of Float64, expected"),
        ("complex", 'column "y" has values of type Complex{Float64}, which has no type'),
        (
            "huge",
            'column "y" has a number that neither f64 nor i64 holds: 12089258196146291',
        ),
        ("lazy", "predict gave a Base.Generator"),
    ],
)
def test_no_predictions(client: Client, fault: str, told: str) -> None:
    """What is no prediction is described, with what was expected."""
    client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    asked = matrix([1, 2], [3, 4], [5, 6])
    caught = failure(Code.BAD_RESULT, client.predict, asked, fault=fault)
    assert caught.message.replace("ComplexF64", "Complex{Float64}").startswith(told)


def test_a_vector_of_any_has_the_types_of_its_values(client: Client) -> None:
    """Loosely typed code is no reason to refuse numbers."""
    client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    found = client.predict(matrix([1, 2], [3, 4], [5, 6]), fault="any").table.columns[0]
    assert (found.type, found.tolist()) == (Type.F64, [1.0, 2.5, None])
