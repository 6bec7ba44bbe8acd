"""Score a worker's predictions with scikit-learn's scorers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names

from contracts.messages import Predict, Reply
from contracts.table import Column, Table, Type
from runner.config import Config
from runner.errors import ConfigError, Fault, RunnerError
from runner.training.data import Rows
from runner.workers.private import PrivateWorker

Metric = str | Callable[..., float]
Scoring = Metric | Sequence[str] | Mapping[str, Metric] | None

_DEFAULT = {"classification": "accuracy", "regression": "r2"}


def check_scoring(config: Config) -> None:
    """Raise ConfigError for a metric that scikit-learn does not have, before any work is done."""
    known = get_scorer_names()
    faults = []
    for name in _names(config.scoring, "regression").values():
        if callable(name) or name in known:
            continue
        near = get_close_matches(name, known, 3)
        expected = f"one of scikit-learn's scorers, such as {', '.join(near or ('accuracy', 'r2'))}"
        faults.append(Fault(f"unknown metric {name!r}", expected, str(config.path), "scoring"))
    if faults:
        raise ConfigError(faults)


class Scorer:
    """Score one model, in its worker, on several data sets."""

    def __init__(self, worker: PrivateWorker, task: str, scoring: Scoring) -> None:
        self._worker = worker
        self._task = task
        self._names = _names(scoring, task)

    async def score(self, rows: Rows) -> dict[str, float]:
        """Give each metric's value, greater is better, by name.

        Raises Failure from the worker, RunnerError if a metric cannot be computed from it.
        """
        reply = await self._ask("predict", rows)
        target = rows.target or reply.target
        assert target is not None
        loop = asyncio.get_running_loop()

        def again(method: str) -> Reply:
            return asyncio.run_coroutine_threadsafe(self._ask(method, rows), loop).result()

        kind = _Classifier if self._task == "classification" else _Regressor
        estimator = kind(reply, again)
        return await asyncio.to_thread(self._compute, estimator, array(target))

    def _compute(self, estimator: Any, truth: np.ndarray[Any, Any]) -> dict[str, float]:
        # The scorers hand X through to the estimator, which knows its rows already.
        nothing = np.empty((len(truth), 0))
        scores = {}
        for name, metric in self._names.items():
            try:
                scores[name] = float(get_scorer(metric)(estimator, nothing, truth))
            except (ValueError, AttributeError) as ex:
                raise RunnerError(f"scoring {metric!r} cannot be computed: {ex}") from ex
        return scores

    async def _ask(self, method: str, rows: Rows) -> Reply:
        return await self._worker.request(
            Predict, method=method, table=rows.table, source=rows.source
        )


class _Answered(BaseEstimator):  # type: ignore[misc]
    """A fitted estimator whose predictions a worker has made: X is not looked at."""

    def __init__(self, reply: Reply, again: Any) -> None:
        self.reply = reply
        self.again = again

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        table = _table(self.reply)
        columns = [array(column) for column in table.columns]
        return columns[0] if len(columns) == 1 else np.column_stack(columns)


class _Classifier(ClassifierMixin, _Answered):  # type: ignore[misc]
    @property
    def classes_(self) -> np.ndarray[Any, Any]:
        column = _table(self.reply).columns[0]
        if column.type is Type.CAT:
            return np.asarray(column.levels)
        return np.unique(array(column))

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        table = _table(self.again("predict_proba"))
        by_name = {column.name: array(column) for column in table.columns}
        return np.column_stack([by_name[str(label)] for label in self.classes_])


class _Regressor(RegressorMixin, _Answered):  # type: ignore[misc]
    pass


def array(column: Column) -> np.ndarray[Any, Any]:
    """Give a column as numpy array: labels as str, missing numbers as NaN."""
    items = column.tolist()
    if column.type in (Type.CAT, Type.STR):
        return np.asarray(items, dtype=str)
    if column.type in (Type.F64, Type.I64):
        return np.asarray([np.nan if item is None else item for item in items])
    return np.asarray(items)


def _table(reply: Reply) -> Table:
    assert reply.table is not None
    return reply.table


def _names(scoring: Scoring, task: str) -> dict[str, Metric]:
    """Give name → scikit-learn's name of each metric; the first is the score."""
    if scoring is None:
        return {"score": _DEFAULT[task]}
    if isinstance(scoring, str):
        return {scoring: scoring}
    if callable(scoring):
        return {"score": scoring}
    if isinstance(scoring, Mapping):
        return dict(scoring)
    return {name: name for name in scoring}
