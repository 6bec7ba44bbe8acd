"""Fit, predict, persist and load models written in R.

The user's script has a function ``fit(x, y, ...)`` (or another, named in the settings): ``x`` a
data.frame with factors, dates and NA as they are, ``y`` a vector or factor, the params as further
arguments. Whatever it returns is the model. ``predict(model, newdata, ...)`` is R's own generic,
unless the script has a `predict` or the settings name another function; it may return

- for a classification: a factor, character or logical of labels; a matrix or data.frame of class
  probabilities with the labels as column names (the largest is taken, the first of equals);
- for a regression: numbers, integers, logicals, dates, times, factors, strings; a matrix or
  data.frame of several outputs;
- what ranger ($predictions), lda and qda ($class, $posterior) and glmnet (array) make of these.

glm, gam, nnet, multinom, svm, naiveBayes, (cv.)glmnet and rpart are asked with the `type` that
each wants for labels and probabilities; others with ``type = "prob"`` (randomForest, caret, C5.0,
tidymodels). A single probability of two classes is that of the second, R's convention since glm.
Whatever else needs a function in the script, named with ``predict`` or ``predict_proba`` (the
latter is also found by that name).

Artifacts hold R's own serialization of the model, and the text of the script and of what it reads
with source(): `load` evaluates the text first, then restores the model, whose closures bring their
own environment. A model that is a pointer into a C library must be made restorable by its script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rpy2.rinterface as r

from adapters import artifact as envelope
from adapters.r import answers, vectors
from adapters.r.embedded import Glue
from adapters.r.frames import Frames
from contracts.errors import Code, Failure
from contracts.messages import Hello, Source
from contracts.table import Column, Columns, Field, Table, Type

FORMAT = "r-serialize"
VERSION = "1"


@dataclass(frozen=True)
class Script:
    """A script as text, where it lies (or lay), and what it read with source()."""

    path: str
    text: str
    sourced: Mapping[str, str]

    @classmethod
    def read(cls, path: str) -> Script:
        """Read a script from its file. Raises bad_model."""
        try:
            return cls(path, Path(path).read_text(encoding="utf-8-sig"), {})
        except FileNotFoundError:
            raise Failure(Code.BAD_MODEL, f"script {path} is not there") from None
        except (OSError, ValueError) as ex:  # ValueError: no UTF-8, or a NUL in the path
            raise Failure(Code.BAD_MODEL, f"script {path} cannot be read: {ex}") from ex


@dataclass(frozen=True)
class Held:
    """The model that is held: all that `persist` keeps of it."""

    model: Any  # list(model), in R
    script: Script
    environment: Any  # of the script, in R
    settings: Mapping[str, Any]
    features: tuple[Field, ...]
    target: Field
    classes: tuple[str, ...] | None


class RAdapter:
    """Run one R model (`adapters.protocol.Adapter`)."""

    name = "r"
    capabilities = frozenset({"fit", "predict", "predict_proba", "persist", "load", "read", "ping"})

    def __init__(self, glue: Glue) -> None:
        self._glue = glue
        self._nothing = glue.value({})
        self._held: Held | None = None
        self._frames: Frames
        self._asks: Mapping[str, Any] = {}  # method -> R function (columns, rows, params)

    def hello(self) -> Hello:
        """Introduce R, rpy2, and the packages that are loaded by now."""
        version, names, versions = self._glue.call(Code.INTERNAL, "runtime")
        packages = dict(zip(names, versions, strict=True))
        return Hello(
            adapter=self.name,
            version=VERSION,
            language="R",
            language_version=version[0],
            capabilities=tuple(sorted(self.capabilities)),
            packages={**packages, "rpy2": self._glue.bridge_version},
        )

    def prepare(self) -> None:
        """Nothing: R starts quickly and compiles little."""

    def fit(self, model: Mapping[str, Any], table: Columns, target: Column) -> str:
        """Fit to a table; gives the task. Raises bad_model, fit_failed, unrepresentable."""
        x = self._frame(table)
        y = self._frame(Columns(target.rows, (target,)))[0]
        with self._back_home():
            return self._fit(model, table, target, x, y)

    def fit_source(self, model: Mapping[str, Any], source: Source) -> tuple[str, Columns, Column]:
        """Fit to what a function in R gives, which stays in R. Raises what fit and read do."""
        with self._back_home():
            x, y, table, target = self._read(source)
            return self._fit(model, table, target, x, y), table, target

    def read(self, source: Source) -> tuple[Columns, Column]:
        """Give features and target of a function in R. Raises bad_model, read_failed."""
        with self._back_home():
            _, _, table, target = self._read(source)
        return table, target

    def predict(self, method: str, table: Table, params: Mapping[str, Any]) -> Table:
        """Answer the rows of a table that has the features of the fit, in their order.

        Raises predict_failed, bad_result, unsupported, unrepresentable.
        """
        held = self._holding()
        answer = self._glue.call(
            Code.PREDICT_FAILED,
            self._asks[method],
            self._frames.vectors(table),
            self._frames.rows(table),
            self._glue.value(params) if params else self._nothing,
        )
        if method == "predict_proba":
            return answers.matrix(held.classes or (), answer)
        if len(answer) > 1:
            return answers.columns(answer)
        column = answers.column(held.target.name, answer[0], held.target.levels)
        return Columns(column.rows, (column,))

    def persist(self) -> tuple[str, bytes]:
        """Give the model as R serializes it, with its script. Raises persist_failed."""
        held = self._holding()
        body = self._glue.call(Code.PERSIST_FAILED, "persist", held.model)
        names, texts = self._glue.call(Code.PERSIST_FAILED, "sourced_by", held.environment)
        _, packages, _ = self._glue.call(Code.PERSIST_FAILED, "runtime")
        header = {
            "path": held.script.path,
            "text": held.script.text,
            "sourced": dict(zip(names, texts, strict=True)),
            "packages": list(packages),
            "settings": dict(held.settings),
            "features": [field.to_wire() for field in held.features],
            "target": held.target.to_wire(),
            "classes": held.classes,
        }
        return FORMAT, envelope.pack(FORMAT, header, vectors.raw(body))

    def load(self, format: str, artifact: memoryview, model: Mapping[str, Any]) -> None:
        """Hold what `persist` gave, with the settings and the script of the fit.

        Raises bad_artifact for another format, load_failed.
        """
        if format != FORMAT:
            raise Failure(Code.BAD_ARTIFACT, f"format {format!r} is not {FORMAT!r}")
        header, body = envelope.unpack(artifact)
        script = Script(header["path"], header["text"], header["sourced"])
        environment = self._evaluate(script, Code.LOAD_FAILED)
        serialized = r.ByteSexpVector.from_memoryview(body)
        packages = self._glue.value(header["packages"])
        classes = header["classes"]
        held = Held(
            self._glue.call(Code.LOAD_FAILED, "restore", serialized, packages),
            script,
            environment,
            header["settings"],
            tuple(Field.from_wire(wire) for wire in header["features"]),
            Field.from_wire(header["target"]),
            None if classes is None else tuple(classes),
        )
        self._hold(held, Code.LOAD_FAILED)

    def _fit(
        self, settings: Mapping[str, Any], table: Columns, target: Column, x: Any, y: Any
    ) -> str:
        script = Script.read(_setting(settings, "script", str))
        environment = self._evaluate(script, Code.BAD_MODEL)
        value = self._glue.value
        name = _setting(settings, "fit", str, "fit")
        params = value(_setting(settings, "params", dict, {}))
        model = self._glue.call(Code.FIT_FAILED, "fit", environment, value(name), params, x, y)
        classes = _classes(target)
        features = tuple(column.field for column in table.columns)
        held = Held(model, script, environment, settings, features, target.field, classes)
        self._hold(held, Code.FIT_FAILED)
        return "regression" if classes is None else "classification"

    def _hold(self, held: Held, code: Code) -> None:
        """Take a model over, once all calls of it are prepared. Raises bad_model, or ``code``."""
        made = Frames(self._glue, held.features)
        settings = {
            "predict": _setting(held.settings, "predict", str, None),
            "predict_proba": _setting(held.settings, "predict_proba", str, None),
            "predict_params": _setting(held.settings, "predict_params", dict, {}),
        }
        target = {"type": held.target.type.value, "classes": held.classes}
        value = self._glue.value
        asks = self._glue.call(
            code,
            "predictor",
            held.environment,
            held.model[0],
            value(settings),
            made.maker,
            value(target),
        )
        self._asks = dict(zip(asks.names, asks, strict=True))
        self._frames = made
        self._held = held

    @contextmanager
    def _back_home(self) -> Iterator[None]:
        """Return at the end to the folder of the model that is held then, if there is one."""
        try:
            yield
        finally:
            if self._held is not None:
                self._glue.call(Code.INTERNAL, "enter", self._held.environment)

    def _holding(self) -> Held:
        if self._held is None:
            raise Failure(Code.NO_MODEL, "no model is fitted or loaded")
        return self._held

    def _evaluate(self, script: Script, code: Code) -> Any:
        value = self._glue.value
        arguments = value(script.text), value(script.path), value(script.sourced)
        return self._glue.call(code, "evaluate", *arguments)

    def _frame(self, table: Columns) -> Any:
        made = Frames(self._glue, [column.field for column in table.columns])
        return self._glue.call(Code.INTERNAL, made.maker, made.vectors(table), made.rows(table))

    def _read(self, source: Source) -> tuple[Any, Any, Columns, Column]:
        """Give features and target, in R and as a table and column."""
        environment = self._evaluate(Script.read(source.script), Code.BAD_MODEL)
        value = self._glue.value
        name, params = value(source.function), value(source.params)
        x, y, target, records, record = self._glue.call(
            Code.READ_FAILED, "read", environment, name, params
        )
        column = answers.column(target[0], record)
        return x, y, answers.columns(records, column.rows), column


def _classes(target: Column) -> tuple[str, ...] | None:
    """Give the labels of a classification in order; None makes it a regression."""
    if target.type is Type.CAT:
        return target.levels
    if target.type is Type.BOOL:
        return ("FALSE", "TRUE")
    if target.type is Type.STR:
        return tuple(sorted({item for item in target.tolist() if item is not None}))
    return None


def _setting(settings: Mapping[str, Any], key: str, kind: type, *default: Any) -> Any:
    """Take a setting of the user's `model:`; raises bad_model."""
    found = settings.get(key)
    if found is None and default:
        return default[0]
    if not isinstance(found, kind):
        message = f"model setting {key!r} is {found!r}, expected a {kind.__name__}"
        raise Failure(Code.BAD_MODEL, message)
    return found
