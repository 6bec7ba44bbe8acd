"""Say what Palladium's names mean in ours: a map that names `palladium.…` becomes one of ours.

    palladium.dataset.CSV           {"!": runner.datasets.CSV, …}
    palladium.R.DatasetLoader       {language: r, script, function, params}
    palladium.R.…Model              {language: r, script, fit, params}
    palladium.julia.…Model          {language: julia, script: palladium.jl, params}
    palladium.util.Partial          {"!": adapters.python.partial.Partial, …}

This runs on the merged document, before anything is read, so that nothing behind it knows of
Palladium. `model_persister` is left alone: runner.config.persister knows both spellings.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.config.directives import FACTORY
from runner.config.document import Document, KeyPath, Place, key_path
from runner.errors import Fault

_PREFIX = "palladium."
_DATASETS = ("CSV", "Table", "SQL", "OpenML", "EmptyDatasetLoader", "ScheduledDatasetLoader")
_RENAMED = {
    **{f"palladium.dataset.{name}": f"runner.datasets.{name}" for name in _DATASETS},
    "palladium.cache.diskcache": "runner.datasets.cache.diskcache",
    "palladium.cache.picklediskcache": "runner.datasets.cache.picklediskcache",
    "palladium.util.Partial": "adapters.python.partial.Partial",
    "palladium.util.with_parallel_backend": "runner.training.parallel.with_parallel_backend",
}
_R_MODELS = ("palladium.R.ClassificationModel", "palladium.R.RegressionModel")
_JULIA_MODEL = "palladium.julia.ClassificationModel"
_LOADER = "palladium.R.DatasetLoader"
_TRANSFORM = "palladium.R.Rpy2Transform"
_PIPELINE = "sklearn.pipeline.Pipeline"
SERVICE = "palladium.server.PredictService"

NAMES = (*_RENAMED, *_R_MODELS, _JULIA_MODEL, _LOADER, _TRANSFORM, SERVICE)
"""All names of Palladium's that a config may say, but for persisters."""

_JULIA_SCRIPT = Path(__file__).with_name("palladium.jl")
_LEFT_ALONE = ("model_persister", "model_persister_export", "flask_add_url_rules")


class _Refused(Exception):
    """A map that has no meaning in ours: at which of its keys, what is wrong, what to do."""

    def __init__(self, key: Any, problem: str, expected: str | None = None) -> None:
        super().__init__(problem)
        self.key, self.problem, self.expected = key, problem, expected


def translate(document: Document) -> list[Fault]:
    """Replace what is Palladium's in a document by what it means; give the faults."""
    return _Translation(document).run()


def name_service(document: Document, file: Path) -> None:
    """Name a service that its Python config does not name after the folder of the file.

    Palladium asks for no name; ours is what versions are stored by.
    """
    if "service_metadata" not in document.values:
        found = _NO_NAME.sub("-", file.absolute().parent.name).strip("-._")
        document.values["service_metadata"] = {"service_name": found[:100] or "service"}


_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class _Translation:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._faults: list[Fault] = []

    def run(self) -> list[Fault]:
        """Translate every section but those that are read as they are."""
        values = self._document.values
        for key in values:
            if key not in _LEFT_ALONE:
                values[key] = self._walk(values[key], (key,))
        return self._faults

    def _walk(self, value: Any, path: KeyPath) -> Any:
        """Translate what is in a value, outermost first: a pipeline decides about its steps."""
        if isinstance(value, dict):
            name = value.get(FACTORY)
            if name == _PIPELINE:
                value = self._guard(_pipeline, value, path)
                name = value.get(FACTORY)
            if isinstance(name, str) and name.startswith(_PREFIX):
                value = self._guard(_TRANSLATIONS.get(name, _unknown), value, path)
            return {key: self._walk(item, (*path, key)) for key, item in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self._walk(item, (*path, at)) for at, item in enumerate(value))
        return value

    def _guard(
        self,
        change: Callable[[dict[Any, Any]], tuple[dict[Any, Any], dict[Any, KeyPath]]],
        value: dict[Any, Any],
        path: KeyPath,
    ) -> dict[Any, Any]:
        """Change a map, note what is refused, and keep for each new key the line of the old."""
        try:
            changed, origins = change(value)
        except _Refused as ex:
            where = (*path, ex.key)
            place = self._document.place(where)
            told = str(place) if place else None
            self._faults.append(Fault(ex.problem, ex.expected, told, key_path(where)))
            return {key: item for key, item in value.items() if key != FACTORY}
        places: dict[KeyPath, Place] = self._document.places
        for key, origin in origins.items():
            place = self._document.place((*path, *origin))
            if place is not None:
                places[(*path, key)] = place
        return changed


_Changed = tuple[dict[Any, Any], dict[Any, KeyPath]]


def _same(value: dict[Any, Any]) -> _Changed:
    return value, {}


def _rename(value: dict[Any, Any]) -> _Changed:
    return {**value, FACTORY: _RENAMED[value[FACTORY]]}, {}


def _scripted(function: str, value: dict[Any, Any]) -> _Changed:
    """Read `scriptname`, `funcname` and what goes to the function; labels need no encoding here."""
    for key in ("scriptname", "funcname"):
        if key not in value:
            raise _Refused(key, "is missing", "the R script" if key[0] == "s" else "its function")
    taken = (FACTORY, "scriptname", "funcname", "encode_labels")
    params = {key: item for key, item in value.items() if key not in taken}
    changed = {
        "language": "r",
        "script": value["scriptname"],
        function: value["funcname"],
        **({"params": params} if params else {}),
    }
    return changed, {"script": ("scriptname",), function: ("funcname",)}


def _julia(value: dict[Any, Any]) -> _Changed:
    """Name a script of ours, which calls functions of installed modules."""
    known = ("fit_func", "predict_func", "fit_kwargs", "predict_kwargs", "encode_labels")
    for key in value:
        if key not in (FACTORY, *known):
            near = difflib.get_close_matches(str(key), known, n=1)
            raise _Refused(key, f"unknown key {key!r}", f"{near[0]}" if near else ", ".join(known))
    for key in known[:2]:
        if not isinstance(value.get(key), str) or "." not in value[key]:
            raise _Refused(key, "names no function of a module", "such as SVM.svm")
    params = {key: value[key] for key in known if value.get(key) is not None}
    return {"language": "julia", "script": str(_JULIA_SCRIPT), "params": params}, {}


def _pipeline(value: dict[Any, Any]) -> _Changed:
    """Take the model of R or Julia out of a pipeline whose other steps only dress data for it."""
    found = list(_steps(value))
    guests = [
        at for at, step in enumerate(found) if step.get(FACTORY) in (*_R_MODELS, _JULIA_MODEL)
    ]
    if not guests:
        return value, {}
    for step in found:
        if step is not found[guests[0]] and step.get(FACTORY) != _TRANSFORM:
            raise _Refused(
                "steps",
                f"{step.get(FACTORY)} is Python's and the model is not: no process has both",
                f"{_TRANSFORM} alone before it, or that step in the model's own language",
            )
    at = guests[0]
    origins = {key: ("steps", at, 1, key) for key in found[at]}
    return found[at], origins


def _steps(value: Mapping[Any, Any]) -> Iterator[dict[Any, Any]]:
    steps = value.get("steps")
    for step in steps if isinstance(steps, list | tuple) else ():
        if isinstance(step, list | tuple) and len(step) == 2 and isinstance(step[1], dict):
            yield step[1]


def _transform(value: dict[Any, Any]) -> _Changed:
    raise _Refused(FACTORY, f"{_TRANSFORM} stands in a Pipeline before a model of palladium.R")


def _unknown(value: dict[Any, Any]) -> _Changed:
    name = value[FACTORY]
    near = difflib.get_close_matches(name, NAMES, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    raise _Refused(
        FACTORY, f"unknown name {name!r}{meant}", None if near else "see docs/palladium.md"
    )


_TRANSLATIONS: dict[str, Callable[[dict[Any, Any]], _Changed]] = {
    **dict.fromkeys(_RENAMED, _rename),
    **dict.fromkeys(_R_MODELS, lambda value: _scripted("fit", value)),
    _LOADER: lambda value: _scripted("function", value),
    _JULIA_MODEL: _julia,
    _TRANSFORM: _transform,
    SERVICE: _same,
}
