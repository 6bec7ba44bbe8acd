"""Fit, predict, persist and load models written in Julia (SPEC 5, 9).

The user's script has the functions (other names in the settings, `Module.name` too)

- ``fit(X, y; params...)``: whatever it returns is the model; it may keep ``X`` and ``y``.
- ``predict(model, X; predict_params...)``: a vector, of labels for a classification; a
  1 × samples matrix; for a regression with several outputs a NamedTuple of vectors.
- ``predict_proba(model, X; predict_params...)``, which makes it a classification: a labels ×
  samples matrix, its rows in the order of ``sort(unique(y))``; or a NamedTuple or Dict with a
  vector for each label. One of the two suffices, and ``predict`` may give probabilities too: the
  label of a sample is then the most probable one.

``X`` is a features × samples Matrix{Float64} if at the fit all features were numbers (f64, i64,
bool) and none was missing; else a NamedTuple of vectors, which is a Tables.jl table: Float64,
Int64, Bool, String (str and cat), Dates.Date, Dates.DateTime, and Union{Missing,T} for columns
that had missing values. ``y`` is such a vector. ``X`` of a prediction may lie in the request's own
memory: a model must not keep it.

The script runs in a module ``Main.RunnerModel``. It may ``include`` its neighbours, whose texts
are kept with the model as its own is (but for what a submodule includes). Its folder is on
LOAD_PATH; a Project.toml in it is the active project unless JULIA_PROJECT names one. Nothing is
installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapters import artifact as envelope
from adapters.julia import frames
from adapters.julia.bridge import PYJULIA, Bridge
from adapters.julia.rehearsal import rehearse
from contracts.errors import Code, Failure
from contracts.messages import Hello, Source
from contracts.table import Column, Columns, Field, Table, Type
from contracts.wire import Buffer

VERSION = "1"
FORMAT = "julia-serialization"
"""The one format of artifacts: Julia's Serialization, and the texts of the script beside it."""


@dataclass(frozen=True)
class _Held:
    """Remember how the model that is held was fitted: it sees the same shape at every predict.

    ``features`` are without their levels, which every table brings along.
    """

    settings: Mapping[str, Any]
    features: tuple[Field, ...]
    target: Field

    @classmethod
    def of(cls, model: Mapping[str, Any], table: Columns, target: Column) -> _Held:
        """Describe a fit. Raises bad_model for settings of the wrong type."""
        features = (column.field for column in table.columns)
        return cls(_settings(model), tuple(replace(f, levels=()) for f in features), target.field)

    def to_header(self) -> dict[str, Any]:
        """Give what an artifact's header keeps of this."""
        features = [feature.to_wire() for feature in self.features]
        target = self.target.to_wire()
        return {"settings": self.settings, "features": features, "target": target}

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> _Held:
        """Read what `to_header` gave."""
        features = tuple(Field.from_wire(feature) for feature in header["features"])
        return cls(header["settings"], features, Field.from_wire(header["target"]))


class JuliaAdapter:
    """Run one model in the Julia of this process."""

    name = "julia"
    capabilities = frozenset({"fit", "predict", "predict_proba", "persist", "load", "read", "ping"})

    def __init__(self, julia: Bridge) -> None:
        self._julia = julia
        self._held: _Held | None = None

    def hello(self) -> Hello:
        """Introduce Julia, the packages that are loaded by now, and what connects us to it."""
        return Hello(
            adapter=self.name,
            version=VERSION,
            language="Julia",
            language_version=self._julia.version,
            capabilities=tuple(sorted(self.capabilities)),
            packages={
                **self._julia.call("packages"),
                "pyjulia": PYJULIA,
                "numpy": np.__version__,
            },
        )

    def prepare(self) -> None:
        """Have the glue compiled by a rehearsal with models of no use, then forgotten."""
        try:
            rehearse(self, FORMAT, self._julia.version, self._blank)
        finally:
            self._held = None
            self._julia.call("forget", folder="/")

    def _blank(self, labels: Sequence[str]) -> bytes:
        return frames.take_bytes(self._julia.call("blank", labels=list(labels))["body"])

    def fit(self, model: Mapping[str, Any], table: Columns, target: Column) -> str:
        """Call the script's ``fit(X, y; params...)``. Gives the task.

        Raises bad_model, fit_failed, unrepresentable.
        """
        held = _Held.of(model, table, target)
        x, y = frames.lend_table(table, held.features), frames.lend_column(target, held.target)
        answer = self._julia.call("fit", model=held.settings, table=x.wire, target=y.wire)
        self._held = held
        return str(answer["task"])

    def fit_source(self, model: Mapping[str, Any], source: Source) -> tuple[str, Columns, Column]:
        """Fit to what a Julia function gives. Raises what `fit` and `read` do.

        The table goes the way that those of requests go, within this process, so that the model is
        fitted with the very types that it will see at predict.
        """
        table, target = self.read(source)
        return self.fit(model, table, target), table, target

    def read(self, source: Source) -> tuple[Columns, Column]:
        """Call a function that gives ``(X, y)``. Raises bad_model, read_failed, bad_result."""
        _check_path(source.script)
        answer = self._julia.call("read", source=source.to_wire())
        columns = tuple(frames.take_column(column) for column in answer["columns"])
        target = frames.take_column(answer["target"])
        for column in columns:
            if column.rows != target.rows:
                message = f"column {column.name!r} has {column.rows} rows, the target {target.rows}"
                raise Failure(Code.BAD_RESULT, f"{source.function}: {message}")
        return Columns(target.rows, columns), target

    def predict(self, method: str, table: Table, params: Mapping[str, Any]) -> Table:
        """Call the script's ``predict(model, X)`` or ``predict_proba(model, X)``.

        Raises unsupported, predict_failed, bad_result, unrepresentable.
        """
        held = self._holding()
        lent = frames.lend_table(table, held.features)
        answer = self._julia.call("predict", method=method, table=lent.wire, params=dict(params))
        return frames.take_table(answer, table.rows, held.target.levels, held.target.ordered)

    def persist(self) -> tuple[str, Buffer]:
        """Give the serialized model with the script's texts. Raises persist_failed."""
        held = self._holding()
        answer = self._julia.call("persist")
        header = {
            "julia": self._julia.version,
            "files": answer["files"],
            **held.to_header(),
        }
        return FORMAT, envelope.pack(FORMAT, header, frames.take_bytes(answer["body"]))

    def load(self, format: str, artifact: memoryview, model: Mapping[str, Any]) -> None:
        """Evaluate the script's text as it was at the fit, and deserialize the model.

        ``model`` is not heeded: settings are those of the fit. Raises bad_artifact, load_failed,
        which names both versions of Julia if they differ: Serialization promises nothing then.
        """
        if format != FORMAT:
            raise Failure(Code.BAD_ARTIFACT, f"artifact has format {format!r}, expected {FORMAT!r}")
        header, body = envelope.unpack(artifact)
        held = _Held.from_header(header)
        levels = held.target.levels if held.target.type is Type.CAT else None
        serialized = np.frombuffer(body, np.uint8)
        try:
            self._julia.call(
                "load",
                model=held.settings,
                files=header["files"],
                target={"name": held.target.name, "levels": levels},
                body=[serialized.ctypes.data, serialized.size],
            )
        except Failure as ex:
            written, here = header["julia"], self._julia.version
            if written == here:
                raise
            message = f"written by Julia {written}, and this is {here}: {ex.message}"
            raise Failure(ex.code, message, ex.traceback) from ex
        self._held = held

    def _holding(self) -> _Held:
        if self._held is None:
            raise Failure(Code.NO_MODEL, "no model is fitted or loaded")
        return self._held


_SETTINGS = {
    "script": str, "fit": str, "predict": str, "predict_proba": str,
    "params": dict, "predict_params": dict,
}  # fmt: skip


def _settings(model: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings of SPEC 9 that are there. Raises bad_model for one of the wrong type."""
    settings = {key: model[key] for key in _SETTINGS if model.get(key) is not None}
    for key, found in {"script": None, **settings}.items():
        if not isinstance(found, _SETTINGS[key]):
            message = f"model setting {key!r} is {found!r}, expected a {_SETTINGS[key].__name__}"
            raise Failure(Code.BAD_MODEL, message)
    _check_path(settings["script"])
    return settings


def _check_path(script: str) -> None:
    """Refuse a NUL here: Julia would keep the path, and fail at everything that looks at it."""
    if "\0" in script:
        raise Failure(Code.BAD_MODEL, f"script {script!r} is not there: a path has no NUL")
