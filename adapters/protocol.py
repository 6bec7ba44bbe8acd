"""Say what an adapter is to the loop that serves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from contracts.messages import Hello, Source
from contracts.table import Column, Columns, Table
from contracts.wire import Buffer

OF_THE_LOOP = frozenset({"cancel"})
"""Capabilities that every adapter has of the loop that serves it."""


class CannotStart(Exception):
    """The language is not here, or does not work; says in one line what is missing."""


class Adapter(Protocol):
    """Run one model at a time in one language; always called from the main thread (SPEC 2.4).

    Every method raises `contracts.errors.Failure` (or `BadTable`) with the code of SPEC 7.2 and the
    language's own traceback. Anything else that escapes is answered as `internal`.

    What the loop has done before it calls: the op is among the capabilities, predict has a model,
    its table has the features of the fit, all and only these, in the order of the fit, and its cat
    columns have the levels of the fit.
    """

    name: str
    capabilities: frozenset[str]

    def hello(self) -> Hello:
        """Introduce the language, its version and its packages (SPEC 5.1)."""
        ...

    def prepare(self) -> None:
        """Do what can be done before a model is known, such as compiling; called while idle."""
        ...

    def fit(self, model: Mapping[str, Any], table: Columns, target: Column) -> str:
        """Fit and hold a model; the former one is dropped only then. Gives the task.

        Raises bad_model, fit_failed, unrepresentable.
        """
        ...

    def fit_source(self, model: Mapping[str, Any], source: Source) -> tuple[str, Columns, Column]:
        """Fit to what a function of the language gives; the data stay there.

        Gives the task, and table and target for signature and hash. Raises what `fit` and `read`
        do.
        """
        ...

    def read(self, source: Source) -> tuple[Columns, Column]:
        """Give features and target of a function of the language. Raises bad_model, read_failed."""
        ...

    def predict(self, method: str, table: Table, params: Mapping[str, Any]) -> Table:
        """Answer ``table.rows`` rows: ``predict`` columns, ``predict_proba`` a matrix (SPEC 5.5).

        A `Matrix` comes when all features are f64 and nothing is missing. Raises unsupported,
        predict_failed, bad_result, unrepresentable.
        """
        ...

    def persist(self) -> tuple[str, Buffer]:
        """Give format and bytes of the model that is held. Raises persist_failed.

        The loop adds names, types and the example row; all else that `load` needs, such as the
        script's text, is in these bytes (`adapters.artifact.pack` may serve to put it there).
        """
        ...

    def load(self, format: str, artifact: memoryview, model: Mapping[str, Any]) -> None:
        """Hold the model that `persist` gave; its sha256 is checked by now.

        Raises bad_artifact for a format that is not one's own, load_failed.
        """
        ...
