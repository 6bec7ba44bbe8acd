"""What R's models answer becomes labels, probabilities or columns (SPEC 5.5)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from contracts.errors import Code, Failure
from contracts.table import Column, Columns, Matrix, Type
from tests.adapters.driver import Client
from tests.adapters.r.conftest import columns, floats, model
from tests.requirements import need

pytestmark = need("r")

THREE = ("u", "v", "w")
ROWS = 90


def data(levels: tuple[str, ...]) -> tuple[Columns, Column]:
    """Give two features that tell classes apart, not perfectly, and the classes."""
    rng = random.Random(1)
    classes = [row % len(levels) for row in range(ROWS)]
    features = columns(
        Column.of("a", Type.F64, [3.0 * which + rng.gauss(0, 1) for which in classes]),
        Column.of("b", Type.F64, [rng.gauss(0, 1) - which for which in classes]),
    )
    labels = [levels[which] for which in classes]
    return features, Column.of("target", Type.CAT, labels, levels)


def labels_of(r: Client, table: Columns) -> list[Any]:
    """Give what `predict` answers."""
    (column,) = r.predict(table).table.columns
    return column.tolist()


def probabilities_of(r: Client, table: Columns) -> Matrix:
    """Give what `predict_proba` answers."""
    answer = r.predict(table, "predict_proba").table
    assert isinstance(answer, Matrix)
    return answer


@pytest.mark.parametrize(
    ("fit", "levels"),
    [
        ("tree", THREE),
        ("multinomial", THREE),
        ("multinomial", THREE[:2]),
        ("network", THREE),
        ("network", THREE[:2]),
        ("discriminant", THREE),
        ("logistic", THREE[:2]),
        ("additive", THREE[:2]),
    ],
)
def test_a_classifier_answers_labels_and_their_probabilities(
    r: Client, fit: str, levels: tuple[str, ...]
) -> None:
    """R's usual classifiers need no predict of the user's: the labels are the most probable."""
    features, target = data(levels)
    reply = r.fit(model("models.R", fit), features, target)
    (answer,) = r.predict(features).table.columns
    found = answer.tolist()
    probabilities = probabilities_of(r, features)
    rows = list(zip(*(column.tolist() for column in probabilities.columns), strict=True))
    assert reply.task == "classification"
    assert ("target", Type.CAT, levels) == (answer.name, answer.type, answer.levels)
    assert levels == probabilities.names
    assert [1.0] * ROWS == pytest.approx([sum(row) for row in rows])
    assert found == [levels[row.index(max(row))] for row in rows]
    assert sum(map(str.__eq__, found, target.tolist())) > 0.7 * ROWS


def test_a_tree_heeds_its_losses(r: Client) -> None:
    """rpart's own labels are taken: with a loss matrix they are not the most probable."""
    features, target = data(THREE[:2])
    r.fit(model("models.R", "tree_with_losses"), features, target)
    one = features.slice(0, 1)
    assert ["v"] == labels_of(r, one)
    assert [[0.5], [0.5]] == [column.tolist() for column in probabilities_of(r, one).columns]


@pytest.mark.parametrize(
    ("shape", "labels", "share"),
    [
        ("matrix", ["v"], 0.2),
        ("reversed", ["v"], 0.2),
        ("frame", ["v"], 0.2),
        ("ranger", ["v"], 0.2),
        ("fewer", ["v"], 0.0),
        ("tidy", ["v"], 0.2),
    ],
)
def test_probabilities_come_in_many_shapes(
    r: Client, shape: str, labels: list[str], share: float
) -> None:
    """Their columns are found by name and put into the order of the levels."""
    features, target = data(THREE)
    r.fit(model("models.R", "answering", params={"shape": shape}), features, target)
    one = features.slice(0, 1)
    probabilities = probabilities_of(r, one)
    assert labels == labels_of(r, one)
    assert probabilities.names == THREE
    assert [[share], [0.7], [0.1]] == [column.tolist() for column in probabilities.columns]


@pytest.mark.parametrize("shape", ["labels", "other_levels"])
def test_labels_get_the_levels_of_the_target(r: Client, shape: str) -> None:
    """Strings, and factors with levels of their own, become the target's; no probabilities."""
    features, target = data(THREE)
    r.fit(model("models.R", "answering", params={"shape": shape}), features, target)
    (column,) = r.predict(features.slice(0, 2)).table.columns
    assert (["v", "v"], THREE) == (column.tolist(), column.levels)
    with pytest.raises(Failure, match="class answering gives no class probabilities") as caught:
        probabilities_of(r, features)
    assert caught.value.code == Code.UNSUPPORTED


def test_a_missing_probability_is_missing(r: Client) -> None:
    """NA among probabilities comes back as missing, and the label with it."""
    features, target = data(THREE)
    r.fit(model("models.R", "answering", params={"shape": "missing"}), features, target)
    two = features.slice(0, 2)
    answer = r.predict(two, "predict_proba").table
    assert [[None, 0.2], [0.7, 0.7], [0.1, 0.1]] == [c.tolist() for c in answer.columns]
    assert [None, "v"] == labels_of(r, two)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("unknown", "predict gave the label zebra in row 0, none of 'u', 'v w', 'x'"),
        ("numbers", "whose columns are 'u', 'v w', 'x'"),
        ("mangled", "check.names = FALSE"),
        ("list", "predict gave a list of what, ever: name a function"),
        ("short", "2"),
    ],
)
def test_what_is_no_prediction_is_refused(r: Client, shape: str, message: str) -> None:
    """The error tells what was expected of the answer."""
    features, target = data(("u", "v w", "x"))
    with pytest.raises(Failure) as caught:
        r.fit(model("models.R", "answering", params={"shape": shape}), features, target)
    assert caught.value.code == Code.BAD_RESULT
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Column.of("y", Type.BOOL, [False, True] * 45), {False, True}),
        (Column.of("y", Type.STR, ["no", "yes"] * 45), {"no", "yes"}),
    ],
)
def test_labels_come_back_in_the_type_of_the_target(
    r: Client, target: Column, expected: set[Any]
) -> None:
    """A classification of bools or strings answers bools or strings."""
    features, _ = data(("u", "v"))
    r.fit(model("models.R", "tree_of_labels"), features, target)
    (column,) = r.predict(features).table.columns
    assert (target.type, expected) == (column.type, set(column.tolist()))
    names = sorted(str(label).upper() if label in (True, False) else label for label in expected)
    assert names == list(probabilities_of(r, features).names)


def test_a_regression_answers_numbers_and_no_probabilities(r: Client) -> None:
    """lm's numbers come as one column named like the target."""
    features, _ = data(THREE)
    a = features.columns[0].tolist()
    reply = r.fit(model("models.R", "linear"), features, Column.of("y", Type.F64, a))
    (column,) = r.predict(features).table.columns
    assert (reply.task, column.name) == ("regression", "y")
    assert a == pytest.approx(column.tolist())
    with pytest.raises(Failure, match="no class probabilities") as caught:
        probabilities_of(r, features)
    assert caught.value.code == Code.UNSUPPORTED


def test_several_outputs_are_several_columns(r: Client) -> None:
    """A matrix of a regression is a column for each of its own."""
    features, _ = data(THREE)
    a = features.columns[0].tolist()
    r.fit(model("models.R", "several"), features, Column.of("y", Type.F64, a))
    once, twice = r.predict(features).table.columns
    assert ("once", "twice") == (once.name, twice.name)
    assert [2 * number for number in once.tolist()] == pytest.approx(twice.tolist())


def test_a_type_that_the_contract_lacks_is_refused(r: Client) -> None:
    """Seconds are no number: a difftime says so."""
    features, _ = data(THREE)
    script = model("models.R", "answering", params={"shape": "difference"})
    with pytest.raises(Failure, match="values of class difftime cannot travel: convert") as caught:
        r.fit(script, features, Column.of("y", Type.F64, [0.0] * ROWS))
    assert caught.value.code == Code.BAD_RESULT


def test_s4_models_predict_by_their_methods(r: Client) -> None:
    """setMethod("predict", …) of the script is found."""
    r.fit(model("models.R", "constant"), columns(floats("a", 0.0, 0.0)), floats("y", 1.0, 2.0))
    assert [1.5] == labels_of(r, columns(floats("a", 7.0)))


def test_functions_may_have_names_of_their_own(r: Client) -> None:
    """The settings name predict and its params, which a request's own override."""
    settings = {"predict": "forecast", "predict_params": {"add": 10}}
    one = columns(floats("a", 7.0))
    r.fit(model("models.R", "named", **settings), one, floats("y", 1.0))
    assert [11.0] == r.predict(one).table.columns[0].tolist()
    assert [3.0] == r.predict(one, add=2).table.columns[0].tolist()


def test_probabilities_are_found_whatever_the_labels_are_asked_by(r: Client) -> None:
    """A `type` among the params of predict is for predict alone."""
    features, target = data(THREE)
    settings = {"predict_params": {"type": "class"}}
    r.fit(model("models.R", "tree", **settings), features, target)
    assert set(THREE) == set(labels_of(r, features))
    assert probabilities_of(r, features).names == THREE


def test_probabilities_may_have_a_function_of_their_own(r: Client) -> None:
    """The settings name predict_proba."""
    features, target = data(THREE)
    r.fit(model("models.R", "tree", predict_proba="chances"), features, target)
    assert [[1.0], [0.0], [0.0]] == [
        column.tolist() for column in probabilities_of(r, features.slice(0, 1)).columns
    ]


def test_factors_dates_and_missing_values_reach_a_model(r: Client) -> None:
    """A tree splits by a factor and sends rows with missing values on by surrogates."""
    supp = Column.of("supp", Type.CAT, ["OJ", "VC", None] * 30, ["VC", "OJ"])
    target = Column.of("target", Type.CAT, ["u", "v", "u"] * 30, ["u", "v"])
    r.fit(model("models.R", "tree"), columns(supp), target)
    asked = columns(Column.of("supp", Type.CAT, ["VC", "OJ", None], ["OJ", "VC"]))
    assert ["v", "u", "u"] == labels_of(r, asked)
