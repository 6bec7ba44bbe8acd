"""Run models written in Python: fit, predict, persist, load."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from adapters import arrays, artifact
from adapters.python import factory, formats, frames, modules, trees
from adapters.python.factory import failure
from adapters.python.lean import is_classifier, is_regressor
from adapters.python.predictions import Predictions
from contracts.errors import Code, Failure
from contracts.messages import Hello, Source
from contracts.table import Column, Columns, Field, Table, Type
from contracts.wire import Buffer

VERSION = "1"
"""The adapter's own version, told in hello."""

_PACKAGES = ("numpy", "scikit-learn", "pandas", "skops", "msgpack")
_LABELS = frozenset({Type.CAT, Type.BOOL, Type.STR})


@dataclass(frozen=True)
class _Model:
    """Hold one fitted estimator and what it was fitted with."""

    estimator: Any
    framed: bool
    unwrapped: bool
    target: Field
    path: Sequence[str]
    sources: modules.Sources

    def predictions(self) -> Predictions:
        """Make the way from its answers to tables."""
        return Predictions(self.target, getattr(self.estimator, "classes_", None))


class PythonAdapter:
    """Run one estimator: any object with ``fit(X, y)`` and ``predict(X)``.

    X is a float array if all features are numbers and no frame is wanted, else a DataFrame; with
    ``unwrap``, the array of one dimension that the only feature is.
    """

    name = "python"
    capabilities = frozenset({"fit", "predict", "predict_proba", "persist", "load", "ping"})

    def __init__(self) -> None:
        self._model: _Model | None = None
        self._predictions: Predictions | None = None
        self._is_tree = False

    def hello(self) -> Hello:
        """Tell Python's version, and those of the packages that models rest on."""
        packages = {}
        for name in _PACKAGES:
            try:
                packages[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        capabilities = tuple(sorted(self.capabilities))
        return Hello(
            self.name, VERSION, "python", platform.python_version(), capabilities, packages
        )

    def prepare(self) -> None:
        """Nothing: which packages to import, only the model tells."""

    def fit(self, model: Mapping[str, Any], table: Columns, target: Column) -> str:
        """Build the model of ``{factory, path?, frame?, unwrap?}`` (SPEC 9), fit it, hold it."""
        path = _path(model)
        modules.put_on_path(path)
        if "factory" not in model:
            raise Failure(Code.BAD_MODEL, "model has no factory, the map that names a class")
        estimator = factory.build(model["factory"])
        if not hasattr(estimator, "fit") or not hasattr(estimator, "predict"):
            what = type(estimator).__name__
            raise Failure(Code.BAD_MODEL, f"the factory gave a {what} without fit and predict")
        sources = modules.collect(path)  # now: the script may be edited while the model is fitted
        unwrapped = bool(model.get("unwrap"))
        framed = unwrapped or bool(model.get("frame")) or frames.wants_frame(table)
        x, y = _features(table, framed, unwrapped), frames.target(target)
        try:
            estimator.fit(x, y)
        except Exception as ex:
            raise failure(Code.FIT_FAILED, ex, "fit failed") from ex
        self._hold(_Model(estimator, framed, unwrapped, target.field, path, sources))
        return _task(estimator, target.type)

    def _hold(self, model: _Model) -> None:
        self._predictions = model.predictions()
        self._is_tree = not model.framed and trees.is_tree(model.estimator)
        self._model = model

    def fit_source(self, model: Mapping[str, Any], source: Source) -> tuple[str, Columns, Column]:
        """Refuse: what Python loads, the runner loads itself."""
        raise Failure(Code.UNSUPPORTED, "fit with a source is not supported by the python adapter")

    def read(self, source: Source) -> tuple[Columns, Column]:
        """Refuse, as `fit_source` does."""
        raise Failure(Code.UNSUPPORTED, "read is not supported by the python adapter")

    def predict(self, method: str, table: Table, params: Mapping[str, Any]) -> Table:
        """Call the estimator's method of that name with the params as keyword arguments."""
        model, predictions = self._model, self._predictions
        if model is None or predictions is None:
            raise Failure(Code.NO_MODEL, "no model is fitted or loaded")
        if not hasattr(model.estimator, method):
            what = type(model.estimator).__name__
            raise Failure(Code.UNSUPPORTED, f"method {method!r} is not supported by {what}")
        x = _features(table, model.framed, model.unwrapped)
        if self._is_tree and (single := trees.unchecked(method, x)) is not None:
            x, params = single, {"check_input": False, **params}
        try:
            found = getattr(model.estimator, method)(x, **params)
        except Exception as ex:
            raise failure(Code.PREDICT_FAILED, ex, f"{method} failed") from ex
        if method == "predict_proba":
            return predictions.probabilities(found)
        return predictions.columns(found)

    def persist(self) -> tuple[str, Buffer]:
        """Give the estimator with the text of the user's modules: as skops, or else as pickle."""
        model = self._model
        if model is None:
            raise Failure(Code.NO_MODEL, "no model is fitted or loaded")
        try:
            format, body = formats.dump(model.estimator)
        except Exception as ex:
            raise failure(Code.PERSIST_FAILED, ex, "the model cannot be pickled") from ex
        header = {
            "framed": model.framed,
            "unwrapped": model.unwrapped,
            "target": model.target.to_wire(),
            # Modules imported since the fit began are of now, all others of then.
            "sources": {**modules.collect(model.path), **model.sources},
        }
        return format, artifact.pack(format, header, body)

    def load(self, format: str, packed: memoryview, model: Mapping[str, Any]) -> None:
        """Restore what `persist` gave, with the user's modules as they were then."""
        header, body = artifact.unpack(packed)
        load = formats.LOADERS.get(format)
        if load is None:
            known = ", ".join(formats.LOADERS)
            raise Failure(Code.BAD_ARTIFACT, f"format {format!r} is none of {known}")
        path = _path(model)
        modules.put_on_path(path)
        modules.install(header["sources"])
        try:
            estimator = load(body)
        except Exception as ex:
            raise failure(Code.LOAD_FAILED, ex, "the model cannot be loaded") from ex
        target = Field.from_wire(header["target"])
        framed, unwrapped = header["framed"], header.get("unwrapped", False)
        self._hold(_Model(estimator, framed, unwrapped, target, path, header["sources"]))


def _features(table: Table, framed: bool, unwrapped: bool) -> Any:
    if framed:
        try:
            frame = frames.frame(table)
        except ImportError as ex:
            message = "the model takes a DataFrame, but pandas is not installed here"
            raise failure(Code.BAD_MODEL, ex, message) from ex
        if not unwrapped:
            return frame
        if frame.shape[1] != 1:
            message = f"unwrap takes one feature, and there are {frame.shape[1]}"
            raise Failure(Code.BAD_MODEL, message)
        return frame.iloc[:, 0].to_numpy()
    return arrays.floats(table)


def _task(estimator: Any, target: Type) -> str:
    """Ask scikit-learn, else judge by the target's type."""
    for ask, task in ((is_classifier, "classification"), (is_regressor, "regression")):
        try:
            if ask(estimator):
                return task
        except (AttributeError, TypeError):  # no estimator of scikit-learn's: it has no tags
            continue
    return "classification" if target in _LABELS else "regression"


def _path(model: Mapping[str, Any]) -> Sequence[str]:
    path = model.get("path", [])
    # A NUL on sys.path would break every later import.
    if not isinstance(path, list) or not all(
        isinstance(folder, str) and "\0" not in folder for folder in path
    ):
        raise Failure(Code.BAD_MODEL, f"model path {path!r} is no list of folders")
    return path
