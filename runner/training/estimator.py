"""Give a model in R, Julia or Python the face of a scikit-learn estimator.

So scikit-learn's own cross-validation, pipelines and searches take it, and what is built on them:

    from runner.training.estimator import from_config
    cross_val_score(from_config("runner.yaml", task="classification"), X, y)

Each fit runs in an adapter process of its own, which ends with the estimator. A fitted one can be
pickled: it carries the artifact, and loads it where it is asked next.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, Tags

from contracts.messages import Fit, Load, Persist, Predict, Reply
from contracts.table import Column, Field, Table, Type
from runner import config as configs
from runner.config import AdapterSettings, ModelSettings
from runner.datasets.arrays import as_table, as_target
from runner.training import parameters
from runner.training.held import HeldWorker
from runner.training.scoring import array

_OWN = ("model_settings", "adapter_settings", "task", "target")
CLASSIFICATION, REGRESSION = "classification", "regression"


class AdapterEstimator(BaseEstimator):  # type: ignore[misc]
    """A model of a config, with its parameters as scikit-learn's parameters.

    ``task``: "classification" or "regression", as scikit-learn asks before any fit; None: known
    after the first. ``target``: the name of the target, and the order of its levels. Any other
    parameter is the model's own: an argument of the R or Julia function that fits, or of the Python
    estimator, nested ones as ``step__parameter``. Errors of the model's code are ModelErrors.
    """

    def __init__(
        self,
        /,
        model_settings: ModelSettings,
        adapter_settings: AdapterSettings,
        task: str | None = None,
        target: Field | None = None,
        **params: Any,
    ) -> None:
        self.model_settings = model_settings
        self.adapter_settings = adapter_settings
        self.task = task
        self.target = target
        self._params = params
        self._worker: HeldWorker | None = None
        self._kept: Reply | None = None
        self._fitted: str | None = None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give all parameters, the model's among them."""
        return {name: getattr(self, name) for name in _OWN} | self._params

    def set_params(self, **params: Any) -> AdapterEstimator:
        """Set parameters. One that the model does not know is told by its own language at a fit."""
        for name, value in params.items():
            if name in _OWN:
                setattr(self, name, value)
            else:
                self._params[name] = value
        return self

    @property
    def settings(self) -> ModelSettings:
        """The model with the parameters that are set now. Raises RunnerError."""
        return parameters.put(self.model_settings, self._params)

    def fit(self, X: Any, y: Any) -> AdapterEstimator:
        """Fit in a new adapter process on a DataFrame, an array or a table.

        Raises ModelError for what the model's code does wrong, DatasetError for what is no table,
        Unavailable if the language does not work here.
        """
        table, target = as_table(X), as_target(y, self.target)
        settings = self.settings
        self._forget()
        worker = HeldWorker(settings.language, self.adapter_settings)
        limit = self.adapter_settings.fit_timeout
        reply = worker.request(Fit, limit, model=settings.wire, table=table, target=target)
        self._worker, self._fitted = worker, reply.task
        names = [field.name for field in reply.features or ()]
        self.n_features_in_ = len(names)
        self.feature_names_in_ = np.asarray(names, dtype=object)
        if reply.task == CLASSIFICATION:
            self.classes_ = np.unique(array(target))
        return self

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """Give labels or numbers; with several outputs, a column for each."""
        columns = [array(column) for column in self._ask("predict", X).columns]
        return columns[0] if len(columns) == 1 else np.column_stack(columns)

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """Give a column of probabilities for each of `classes_`, in their order."""
        found = {column.name: array(column) for column in self._ask("predict_proba", X).columns}
        return np.column_stack([_of_class(found, label) for label in self.classes_])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Give the accuracy of a classifier, R² of any other."""
        metric = accuracy_score if self._kind() == CLASSIFICATION else r2_score
        return float(metric(y, self.predict(X), sample_weight=sample_weight))

    def _ask(self, method: str, X: Any) -> Table:
        if self._fitted is None:
            raise NotFittedError("this model is not fitted yet: call fit first")
        if self._worker is None:
            self._load()
        assert self._worker is not None
        found = self._worker.request(Predict, method=method, table=as_table(X)).table
        assert found is not None
        return found

    def _load(self) -> None:
        assert self._kept is not None
        assert self._kept.artifact is not None
        worker = HeldWorker(self.model_settings.language, self.adapter_settings)
        worker.request(
            Load,
            artifact=self._kept.artifact,
            format=self._kept.format or "",
            sha256=sha256(self._kept.artifact).hexdigest(),
            model=self.settings.wire,
        )
        self._worker = worker

    def _forget(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker = self._kept = self._fitted = None
        self.__dict__.pop("classes_", None)

    def __getstate__(self) -> dict[str, Any]:
        """Give everything but the worker; of a fitted model, its artifact."""
        if self._worker is not None and self._kept is None:
            self._kept = self._worker.request(Persist)
        return {**vars(self), "_worker": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted is not None

    def _kind(self) -> str | None:
        return self._fitted or self.task

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        if self._kind() == CLASSIFICATION:
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        elif self._kind() == REGRESSION:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags


def _of_class(found: dict[str, np.ndarray[Any, Any]], label: Any) -> np.ndarray[Any, Any]:
    # R writes TRUE what is True in Python and true in Julia.
    names = (str(label), str(label).upper(), str(label).lower())
    return next(found[name] for name in names if name in found)


def of_config(
    config: configs.Config, task: str | None = None, target: Column | None = None
) -> AdapterEstimator:
    """Make the estimator of a loaded config."""
    field = None if target is None else target.field
    return AdapterEstimator(
        config.model, config.adapter, task, field, **parameters.of(config.model)
    )


def from_config(spec: str | None = None, task: str | None = None) -> AdapterEstimator:
    """Make the estimator of a config's model. Raises ConfigError."""
    return of_config(configs.load(spec), task)


def task_of(config: configs.Config, target: Column) -> str:
    """Tell what a model does before it is fitted, as an adapter would (SPEC 5.4).

    A Python model is asked itself, if it can be made here; any other is judged by its target.
    """
    model, adapter = config.model, config.adapter
    if model.language == configs.PYTHON and not (adapter.command or adapter.executable):
        made = configs.build(model.wire["factory"])
        for ask, task in ((is_classifier, CLASSIFICATION), (is_regressor, REGRESSION)):
            try:
                if ask(made):
                    return task
            except (AttributeError, TypeError):  # no estimator of scikit-learn's: it has no tags
                continue
    labels = (Type.CAT, Type.BOOL, Type.STR)
    return CLASSIFICATION if target.type in labels else REGRESSION
