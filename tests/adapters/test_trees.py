"""A tree asked without its own look at the input answers as it would with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from adapters.python import trees
from adapters.python.adapter import PythonAdapter
from contracts.errors import Code, Failure
from contracts.table import Column, Columns, Matrix, Type

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 3)) * 10.0 ** RANDOM.integers(-30, 30, size=(200, 3))
LABELS = np.where(X[:, 0] > X[:, 1], "a", "b")


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, ExtraTreeClassifier])
@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_classifiers_answer_the_same(kind: Any, method: str) -> None:
    """Numbers of any size that 32 bits hold give what the checked call gives."""
    tree = kind(random_state=0).fit(X, LABELS)
    single = trees.unchecked(method, X)
    assert single is not None
    ask = getattr(tree, method)
    assert np.array_equal(ask(X), ask(single, check_input=False))


def test_regressors_answer_the_same() -> None:
    """So do regressors."""
    tree = DecisionTreeRegressor(random_state=0).fit(X, X[:, 0])
    single = trees.unchecked("predict", X)
    assert single is not None
    assert np.array_equal(tree.predict(X), tree.predict(single, check_input=False))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e39, -1e300])
def test_what_is_not_finite_is_left_to_the_tree(odd: float) -> None:
    """Missing values, infinities and what 32 bits cannot hold take the checked way."""
    assert trees.unchecked("predict", np.array([[1.0, odd, 2.0]])) is None


@pytest.mark.parametrize("method", ["apply", "decision_path", "score"])
def test_other_methods_are_left_alone(method: str) -> None:
    """Only the contract's two methods are asked so."""
    assert trees.unchecked(method, X) is None


def test_what_is_a_tree() -> None:
    """Only scikit-learn's own trees offer this; a pipeline around one does not."""
    assert trees.is_tree(DecisionTreeClassifier())
    assert not trees.is_tree(make_pipeline(DecisionTreeClassifier()))
    assert not trees.is_tree(LogisticRegression())
    assert not trees.is_tree(object())


def fitted(values: np.ndarray[Any, Any]) -> PythonAdapter:
    adapter = PythonAdapter()
    columns = tuple(Column.of(n, Type.F64, values[:, at].tolist()) for at, n in enumerate("xyz"))
    target = Column.of("label", Type.CAT, LABELS.tolist(), levels=("a", "b"))
    tree = {"factory": {"!": "sklearn.tree.DecisionTreeClassifier", "random_state": 0}}
    adapter.fit(tree, Columns(len(values), columns), target)
    return adapter


def matrix(*row: float) -> Matrix:
    return Matrix(1, ("x", "y", "z"), np.array(row).tobytes())


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_the_adapter_answers_odd_numbers_as_the_tree_would() -> None:
    """A number that is too large is refused in scikit-learn's words, as before."""
    adapter = fitted(X)
    assert 1 == adapter.predict("predict", matrix(1.0, 2.0, 3.0), {}).rows
    with pytest.raises(Failure) as caught:
        adapter.predict("predict", matrix(1.0, 1e39, 3.0), {})
    assert Code.PREDICT_FAILED is caught.value.code
    assert "too large for dtype('float32')" in caught.value.message


def test_a_tree_that_knows_missing_values_gets_them() -> None:
    """What was fitted with missing values answers rows with them."""
    holed = X.copy()
    holed[::7, 1] = np.nan
    assert 1 == fitted(holed).predict("predict", matrix(1.0, np.nan, 3.0), {}).rows
