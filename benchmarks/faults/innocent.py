"""Give a model in each language that doubles x and has no tricks: damaged rows may ask anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PYTHON = """
class Innocent:
    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, 0] * 2.0
"""

_R = """
train <- function(x, y) list()
double <- function(model, x) x[[1]] * 2
"""

_JULIA = """
fit(X, y) = nothing
predict(model, X) = vec(X[1, :]) .* 2
"""


def innocent(folder: Path, language: str) -> Mapping[str, Any]:
    """Write the model's script into a folder; give what a fit names it by (SPEC 9)."""
    folder.mkdir(parents=True, exist_ok=True)
    name, text = {
        "python": ("innocent.py", _PYTHON),
        "r": ("model.R", _R),
        "julia": ("model.jl", _JULIA),
    }[language]
    (folder / name).write_text(text, encoding="utf-8")
    if language == "python":
        return {"factory": {"!": "innocent.Innocent"}, "path": [str(folder)]}
    model = {"language": language, "script": str(folder / name)}
    return model | {"fit": "train", "predict": "double"} if language == "r" else model
