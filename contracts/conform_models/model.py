"""The conformance kit's models in Python (README.md beside this file)."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

CODES: dict[str, Callable[[Any], float]] = {
    "f": float,
    "i": float,
    "u": float,
    "b": float,
    "O": lambda cell: float(len(cell.encode()) if isinstance(cell, str) else cell),
}


class Mirror:
    """Show what reached a model: for each row a number that tells one cell."""

    def __init__(self, fail: bool = False) -> None:
        self.fail = fail
        self.total = 0.0

    def fit(self, X: Any, y: Any) -> Mirror:
        if self.fail:
            raise ValueError("the mirror was asked to fail")
        self.total = float(sum(y))
        return self

    def predict(self, X: Any, mode: str = "code", at: int = 0, seconds: float = 0.0) -> Any:
        column = X.iloc[:, at] if hasattr(X, "iloc") else X[:, at]
        if mode == "total":
            return [self.total] * len(column)
        return MODES[mode](column, seconds)


class Labels:
    """Classify by the first feature: 0, 1 and 2 are the labels no, maybe and yes."""

    def fit(self, X: Any, y: Any) -> Labels:
        self.classes_ = sorted(set(y))
        return self

    def predict(self, X: Any) -> list[str]:
        return [("no", "maybe", "yes")[int(x)] for x in X[:, 0]]

    def predict_proba(self, X: Any) -> list[list[float]]:
        return [[0.5 if c == found else 0.25 for c in self.classes_] for found in self.predict(X)]


def code(column: Any, seconds: float = 0.0) -> list[float]:
    """Tell the cells of a column by numbers: -1 missing, -2 NaN."""
    if column.dtype.kind == "M":
        micros = column.to_numpy().astype("datetime64[us]").astype("int64")
        return [-1.0 if gone else float(m) for gone, m in zip(column.isna(), micros, strict=True)]
    if column.dtype.kind == "f":
        return [-2.0 if math.isnan(cell) else float(cell) for cell in column]
    missing = column.isna() if hasattr(column, "isna") else [False] * len(column)
    tell = CODES.get(column.dtype.kind, float)
    return [-1.0 if gone else tell(cell) for gone, cell in zip(missing, column, strict=True)]


def digits(column: Any, seconds: float) -> list[float]:
    return [float(abs(int(cell)) % 1000) for cell in column]


def fail(column: Any, seconds: float) -> list[float]:
    raise ValueError("the mirror was asked to fail")


def poison(column: Any, seconds: float) -> list[float]:
    found = code(column)
    return fail(column, seconds) if 666.0 in found else found


def speak(column: Any, seconds: float) -> list[float]:
    print("the mirror on standard output", flush=True)
    print("the mirror on standard error", file=sys.stderr, flush=True)
    return code(column)


def sleep(column: Any, seconds: float) -> list[float]:
    time.sleep(seconds)
    return code(column)


MODES: dict[str, Callable[[Any, float], Any]] = {
    "code": code,
    "value": lambda column, seconds: column.astype(float),
    "tells": lambda column, seconds: [0.0] * len(column),  # NaN is all that pandas has
    "digits": digits,
    "fail": fail,
    "poison": poison,
    "short": lambda column, seconds: code(column)[1:],
    "strange": lambda column, seconds: [complex(0, 1)] * len(column),
    "print": speak,
    "stdin": lambda column, seconds: [float(len(sys.stdin.read()))] * len(column),
    "sleep": sleep,
}
