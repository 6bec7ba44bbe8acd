"""Estimators of a user's own, as they would lie beside a config."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import numpy as np
from threadpoolctl import threadpool_info


class Majority:
    """Predict the most frequent label; nothing of scikit-learn's is in it."""

    def fit(self, x: Any, y: Any) -> Majority:
        """Count."""
        self.classes_, counts = np.unique(y, return_counts=True)
        self.label = self.classes_[counts.argmax()]
        return self

    def predict(self, x: Any) -> Any:
        """Answer the label."""
        return [self.label] * len(x)


class Fixed:
    """Predict what the config says, whatever the data."""

    answers: ClassVar[dict[str, Any]] = {
        "foreign label": lambda n: ["martian"] * n,
        "two columns": lambda n: np.arange(2.0 * n).reshape(n, 2),
        "integers": np.arange,
        "objects": lambda n: [{} for _ in range(n)],
        "complex": lambda n: np.zeros(n, complex),
        "a number": lambda n: 1.0,
        "one": lambda n: np.zeros(1),
        "labels": lambda n: np.full((n, 2), "a"),
        "too many": lambda n: np.zeros(n + 1),
        "missing": lambda n: np.array(["a", None] * n, dtype=object)[:n],
    }

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self._broken = False

    def fit(self, x: Any, y: Any) -> None:
        """Learn nothing."""

    def predict(self, x: Any) -> Any:
        """Answer as told."""
        return self.answers[self.answer](len(x))


class Seen:
    """Remember what fit and predict were given, and predict its description."""

    def fit(self, x: Any, y: Any) -> None:
        """Describe."""
        self.fitted = self._describe(x) + f" y={y.dtype.kind}"

    def predict(self, x: Any) -> Any:
        """Tell what it was fitted with and what it is given now."""
        return np.array([f"{self.fitted} | {self._describe(x)}"] * len(x))

    def _describe(self, x: Any) -> str:
        if isinstance(x, np.ndarray):
            return f"array {x.dtype} {x.tolist()}"
        return " ".join(f"{name}:{x[name].dtype}={x[name].tolist()}" for name in x.columns)


class Threads:
    """Predict how many threads linear algebra may use here."""

    def fit(self, x: Any, y: Any) -> None:
        """Learn nothing."""

    def predict(self, x: Any) -> Any:
        """Ask the libraries that are loaded."""
        return [max(library["num_threads"] for library in threadpool_info())] * len(x)


class Failing:
    """Raise in fit, or in predict of a negative number."""

    def __init__(self, at: str) -> None:
        if at == "init":
            raise ValueError("no such model")
        self.at = at

    def fit(self, x: Any, y: Any) -> None:
        """Fail if told so."""
        if self.at == "fit":
            raise ValueError("cannot learn\nfrom this")

    def predict(self, x: Any) -> Any:
        """Fail for a negative number, or always."""
        if self.at == "predict" or (np.asarray(x) < 0).any():
            raise ArithmeticError("below zero")
        return np.zeros(len(x))


NOT_CALLABLE = 3


class SpoilsPath:
    """Leave on sys.path what breaks the search for packages, and predict nonetheless."""

    def fit(self, x: Any, y: Any) -> SpoilsPath:
        """Spoil it."""
        sys.path.insert(0, "\0")
        return self

    def predict(self, x: Any) -> Any:
        """Answer zeros."""
        return np.zeros(len(x))
