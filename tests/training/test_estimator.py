"""A model in R, Julia or Python is an estimator to scikit-learn: its own tools take it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  its import lets the next have one
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from runner.training.estimator import AdapterEstimator, from_config
from tests.requirements import need
from tests.training.services import SEARCHED, service

LANGUAGES = [pytest.param(name, marks=need(name)) for name in SEARCHED]


def _made(folder: Path, language: str) -> tuple[AdapterEstimator, pd.DataFrame, pd.Series]:
    project = service(folder, language, "")
    data = pd.read_csv(project.folder / "iris.csv")
    target = data.pop("species")
    return from_config(str(project.config), task="classification"), data, target


@pytest.mark.parametrize("language", LANGUAGES)
def test_scikit_learn_takes_it(tmp_path: Path, language: str) -> None:
    """cross_val_score and a Pipeline fit and score it; a fitted one survives pickling."""
    estimator, data, target = _made(tmp_path / language, language)
    scores = cross_val_score(estimator, data, target, cv=2)
    assert all(0.8 < score <= 1.0 for score in scores)
    piped = make_pipeline(StandardScaler().set_output(transform="pandas"), estimator)
    piped.fit(data, target)
    expected = list(piped.predict(data))
    assert sum(expected == target) > 120
    again = pickle.loads(pickle.dumps(piped))
    assert expected == list(again.predict(data))
    assert sorted(set(target)) == list(again.classes_)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV])
def test_a_search_of_ones_own(tmp_path: Path, language: str, search: Any) -> None:
    """A search itself sets the model's own parameters and finds the better one."""
    estimator, data, target = _made(tmp_path / language, language)
    case = SEARCHED[language]
    options: dict[str, Any] = {"cv": 2}
    if search is RandomizedSearchCV:
        options["n_iter"] = 2
    if search is HalvingGridSearchCV:  # half of the flowers would have none of a kind
        options["min_resources"] = len(data)
    found = search(estimator, {case.parameter: [case.bad, case.good]}, **options)
    found.fit(data, target)
    assert {case.parameter: case.good} == found.best_params_
    assert list(found.predict(data[:3])) == list(target[:3])


def test_not_fitted(tmp_path: Path) -> None:
    """Who asks before a fit is told so in scikit-learn's way."""
    estimator, data, _ = _made(tmp_path / "python", "python")
    with pytest.raises(NotFittedError, match="call fit first"):
        estimator.predict(data)
