"""Small services to search: our examples, one in each language, with a `grid_search` beside."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT
from tests.serving.project import Project


@dataclass(frozen=True)
class Searched:
    """A parameter of an example: a good value, a bad one, and one that its code refuses."""

    example: str
    parameter: str
    good: Any
    bad: Any
    refused: Any
    words: str
    """What the language says of the refused one."""


SEARCHED = {
    "python": Searched("iris-sklearn", "max_leaf_nodes", 3, 2, -1, "'max_leaf_nodes' parameter"),
    "r": Searched("iris-r", "cp", 0.01, 0.99, -1, "cp is negative"),
    "julia": Searched("iris-julia", "penalty", 0.1, 1e6, -1, "penalty is -1, must be greater"),
}

_STRICT_R = """\
library(rpart)

train <- function(x, y, cp = 0.01) {
  if (cp < 0) stop("cp is negative: ", cp)
  rpart(species ~ ., data = cbind(x, species = y), cp = cp)
}

data <- function() {
  rows <- read.csv("iris.csv", check.names = FALSE)
  list(rows[1:4], factor(rows$species))
}
"""


def service(folder: Path, language: str, *sections: str) -> Project:
    """Copy an example into a folder, with further lines in its config."""
    source = ROOT / "examples" / SEARCHED[language].example
    folder.mkdir()
    for file in source.iterdir():
        if file.suffix in (".csv", ".R", ".jl", ".yaml"):
            shutil.copy(file, folder)
    if language == "r":
        (folder / "model.R").write_text(_STRICT_R)
    with (folder / "runner.yaml").open("a") as config:
        config.write("\n".join(("", *sections, "")))
    return Project(folder)
