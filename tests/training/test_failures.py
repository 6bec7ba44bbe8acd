"""What a modeller sees when their R, Julia or Python code is wrong: its own message and line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.requirements import need
from tests.serving.project import Project, write_project

_DATA = "x,y\n" + "".join(f"{x}.0,{2 * x}.0\n" for x in range(1, 11))


@dataclass(frozen=True)
class Wrong:
    """A model script, and the words that must be told of it."""

    language: str
    script: str
    words: tuple[str, ...]


WRONG = {
    "r does not parse": Wrong("r", "fit <- function(x, y) {\n  lm(y ~ \n}\n", ("r: model.R:3:",)),
    "r has no such function": Wrong("r", "fitt <- function(x, y) 1\n", ("fit is not in", "fitt")),
    "r stops": Wrong(
        "r", "fit <- function(x, y) {\n  stop('no luck')\n}\n", ("no luck", "model.R:2")
    ),
    "r quits": Wrong("r", "fit <- function(x, y) quit(status = 0)\n", ("exit code 0",)),
    "r predicts nonsense": Wrong(
        "r",
        "fit <- function(x, y) 1\npredict.numeric <- function(object, newdata, ...) list()\n",
        ("predict",),
    ),
    "julia does not parse": Wrong(
        "julia",
        "fit(X, y) = begin\n  1 +\n",
        ("julia: model.jl:1: syntax: incomplete", "in expression starting at "),
    ),
    "julia has no such function": Wrong(
        "julia", "fitt(X, y) = 1\npredict(model, X) = X[1, :]\n", ("no function fit",)
    ),
    "julia lacks a package": Wrong(
        "julia",
        "fit(X, y) = 1\npredict(model, X) = X[1, :]\nusing NoSuchPackage\n",
        ("model.jl:3: ArgumentError: Package NoSuchPackage not found",),
    ),
    "julia throws": Wrong(
        "julia",
        'function fit(X, y)\n    error("no luck")\nend\npredict(model, X) = X[1, :]\n',
        ("no luck", "model.jl:2"),
    ),
    "julia exits": Wrong(
        "julia", "fit(X, y) = exit(0)\npredict(model, X) = X[1, :]\n", ("exit code 0",)
    ),
    "julia predicts too few": Wrong(
        "julia", "fit(X, y) = 1\npredict(model, X) = Float64[]\n", ("0", "1")
    ),
}


def _params() -> list[object]:
    return [
        pytest.param(wrong, id=name, marks=need(wrong.language)) for name, wrong in WRONG.items()
    ]


@pytest.mark.parametrize("wrong", _params())
def test_a_wrong_script_is_told_and_stores_nothing(tmp_path: Path, wrong: Wrong) -> None:
    """The language's message and line on stderr, exit code 1, no version."""
    script = {"r": "model.R", "julia": "model.jl"}[wrong.language]
    project = _project(tmp_path, wrong.language, script, wrong.script)
    done = project.run("fit")
    assert done.code == 1, done.stderr
    for word in wrong.words:
        assert word in done.stderr
    assert "runner/training" not in done.stderr, "our own frames are no help to a modeller"
    assert "error: decoding" not in done.stderr, "nor is what Julia's LLVM says of our Python"
    assert project.run("list", "--json").json["models"] == []


@pytest.mark.parametrize("language", [pytest.param("r", marks=need("r"))])
def test_an_i64_that_r_cannot_hold_is_refused(tmp_path: Path, language: str) -> None:
    """An integer beyond 2^53 is refused with column, row and value, and never rounded."""
    project = _project(
        tmp_path, language, "model.R", "fit <- function(x, y) lm(y ~ ., cbind(x, y = y))\n"
    )
    (tmp_path / "data.csv").write_text(f"x,y\n1,1.0\n{2**53 + 1},2.0\n")
    done = project.run("fit")
    assert done.code == 1
    for word in ("'x'", "row 1", str(2**53 + 1)):
        assert word in done.stderr


def _project(folder: Path, language: str, script: str, text: str) -> Project:
    project = write_project(
        folder,
        f"""\
        service_metadata: {{service_name: wrong, service_version: "1"}}
        dataset_loader_train: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        model: {{language: {language}, script: {script}}}
        """,
        data__csv=_DATA,
    )
    (folder / script).write_text(text)
    return project
