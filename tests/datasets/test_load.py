"""Carry out the loaders of whole configs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from contracts.table import Type
from runner import datasets
from runner.config import load
from runner.errors import ConfigError, DatasetError, NotFound, RunnerError

LOADERS = """\
import numpy as np
import pandas as pd

class Arrays:
    def __call__(self):
        return np.array([[1, 2], [3, 4]]), ["a", "b"]

class Gives:
    def __init__(self, what):
        self.what = what
    def __call__(self):
        return eval(self.what)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a CSV file and loaders of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_loaders", raising=False)
    (tmp_path / "model.R").touch()
    (tmp_path / "my_loaders.py").write_text(LOADERS)
    (tmp_path / "iris.csv").write_text("a,b,species\n1.5,x,setosa\n,y,virginica\n3,,setosa\n")
    return tmp_path


def run(folder: Path, loader: str) -> datasets.Dataset:
    """Load the training data of a config with this loader."""
    (folder / "a.yaml").write_text(
        "service_metadata: {service_name: a}\n"
        "model: {language: r, script: model.R}\n"
        f"dataset_loader_train: {loader}\n"
    )
    return datasets.load(load("a.yaml"), "train")


def test_csv(folder: Path) -> None:
    """A CSV file becomes columns: empty cells are missing, labels have sorted levels."""
    found = run(folder, '{"!": runner.datasets.CSV, path: iris.csv, target_column: species}')

    assert [
        ("a", Type.F64, [1.5, None, 3.0]),
        ("b", Type.STR, ["x", "y", None]),
    ] == [(column.name, column.type, column.tolist()) for column in found.table.columns]
    assert (3, ("setosa", "virginica")) == (found.table.rows, found.target.levels)
    assert ["setosa", "virginica", "setosa"] == found.target.tolist()


def test_declared_types(folder: Path) -> None:
    """pandas' own `dtype` and `parse_dates` say what a file cannot."""
    found = run(
        folder,
        '{"!": runner.datasets.CSV, path: iris.csv, target_column: species, '
        "dtype: {b: category, species: category}}",
    )

    assert [Type.F64, Type.CAT] == [column.type for column in found.table.columns]
    assert Type.CAT is found.target.type


def test_arrays(folder: Path) -> None:
    """A loader of one's own may give arrays and lists, as Palladium's do."""
    found = run(folder, '{"!": my_loaders.Arrays}')

    assert [("x0", [1, 3]), ("x1", [2, 4])] == [
        (column.name, column.tolist()) for column in found.table.columns
    ]
    assert ["a", "b"] == found.target.tolist()


FAILING: dict[str, tuple[type[RunnerError], str]] = {
    '{"!": runner.datasets.EmptyDatasetLoader}': (
        DatasetError,
        "dataset_loader_train (runner.datasets.EmptyDatasetLoader) gives no data",
    ),
    '{"!": runner.datasets.CSV, path: iris.csv}': (
        DatasetError,
        "dataset_loader_train (runner.datasets.CSV) gives no target; name it with target_column",
    ),
    '{"!": runner.datasets.CSV, path: nowhere.csv, target_column: y}': (
        NotFound,
        "runner.datasets.CSV: there is no file /…/nowhere.csv",
    ),
    '{"!": runner.datasets.CSV, path: iris.csv, target_column: species, rows: "5:"}': (
        DatasetError,
        "dataset_loader_train (runner.datasets.CSV) gave no rows",
    ),
    '{"!": runner.datasets.CSV, path: iris.csv, target_column: species, usecols: [q]}': (
        DatasetError,
        "runner.datasets.CSV: ValueError: Usecols do not match columns, columns expected but not "
        "found: ['q']",
    ),
    '{"!": runner.datasets.CSV, path: iris.csv, target_column: b}': (
        DatasetError,
        "target 'b' is missing in 1 of 3 rows",
    ),
    '{"!": my_loaders.Gives, what: "5"}': (
        DatasetError,
        "dataset_loader_train gave a int, expected features and target",
    ),
    '{"!": my_loaders.Gives, what: "1 / 0"}': (
        DatasetError,
        "my_loaders.Gives: ZeroDivisionError: division by zero",
    ),
    '{"!": my_loaders.Gives, what: "([1, 2], [1, 2])"}': (
        DatasetError,
        "features have 1 dimensions, expected rows and columns",
    ),
    '{"!": my_loaders.Gives, what: "([[1]], [[1]])"}': (
        DatasetError,
        "the target has 2 dimensions, expected one",
    ),
    '{"!": my_loaders.Gives, what: "([[1], [2]], [1])"}': (
        DatasetError,
        "dataset_loader_train gave 2 rows of features and 1 of target",
    ),
    '{"!": my_loaders.Gives}': (
        ConfigError,
        "/…/a.yaml: dataset_loader_train: my_loaders.Gives: Gives.__init__() missing 1 required "
        "positional argument: 'what'",
    ),
}


@pytest.mark.parametrize("loader", FAILING)
def test_failing_loader(folder: Path, loader: str) -> None:
    """A loader that fails is told in one line, with what it is called."""
    expected, message = FAILING[loader]

    with pytest.raises(expected) as caught:
        run(folder, loader)

    assert message == str(caught.value).replace(str(folder), "/…")


def test_failing_query(folder: Path) -> None:
    """A query that fails is told in one line, the database's own words at its end."""
    with pytest.raises(DatasetError, match=r"^runner.datasets.SQL: .* no such table: t$"):
        run(folder, '{"!": runner.datasets.SQL, url: "sqlite:///no.db", sql: SELECT * FROM t}')


def test_no_loader(folder: Path) -> None:
    """A config without the loader that is needed says so."""
    (folder / "a.yaml").write_text(
        "service_metadata: {service_name: a}\nmodel: {language: r, script: model.R}\n"
    )

    with pytest.raises(ConfigError) as caught:
        datasets.load(load("a.yaml"), "test")

    assert "dataset_loader_test: is missing; expected where the data comes from" == str(
        caught.value
    ).removeprefix(f"{folder}/a.yaml: ")


def test_loader_of_another_language(folder: Path) -> None:
    """A loader in R is none of this room's business."""
    with pytest.raises(ValueError, match="a function of r, which a worker must call"):
        run(folder, "{language: r, script: model.R, function: dataset}")
