"""Load data from real files, databases and caches, and hold what is told when that fails."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from runner.datasets import CSV, SQL, EmptyDatasetLoader, OpenML, Parquet, Table
from runner.errors import DatasetError

ROWS = 150
NAMES = ["sepal length", "species"]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """150 rows under a header; the first column counts them."""
    path = tmp_path / "iris.csv"
    lines = [f"{row},{'abc'[row // 50]}" for row in range(ROWS)]
    path.write_text("\n".join([",".join(NAMES), *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("keywords", "first", "last"),
    [
        ({}, 0, 149),
        ({"nrows": 100}, 0, 99),
        ({"rows": ":100"}, 0, 99),
        ({"rows": "100:"}, 100, 149),
        ({"rows": "20:30"}, 20, 29),
        ({"rows": "-50:"}, 100, 149),
        ({"rows": ":-50"}, 0, 99),
        ({"skiprows": range(1, 101)}, 100, 149),
        ({"skiprows": {"range": [1, 101]}}, 100, 149),
        ({"skiprows": 101, "names": NAMES}, 100, 149),
        ({"rows": "100:", "nrows": 120}, 100, 119),
        ({"url": True}, 0, 149),
    ],
)
def test_rows(csv: Path, keywords: dict[str, Any], first: int, last: int) -> None:
    """`rows` counts data, pandas' `skiprows` counts lines; both mean what they say."""
    location = {"url": csv.as_uri()} if "url" in keywords else {"path": str(csv)}
    keywords = {key: value for key, value in keywords.items() if key != "url"}

    features, target = CSV(**location, target_column="species", **keywords)()

    assert target is not None
    found = features["sepal length"]
    assert (["sepal length"], "species") == (list(features.columns), target.name)
    assert (first, last, last - first + 1) == (found.iloc[0], found.iloc[-1], len(target))


def test_table(tmp_path: Path) -> None:
    """Table reads tabs, or what `sep` says, with names of one's own: Palladium's own example.

    Row "loaders".
    """
    path = tmp_path / "iris.data"
    path.write_text("5.1,a\n4.9,b\n4.7,c\n")

    features, target = Table(
        str(path), names=NAMES, target_column="species", sep=",", skiprows=1, ndarray=True
    )()

    assert target is not None
    assert ([4.9, 4.7], ["b", "c"]) == (features["sepal length"].tolist(), target.tolist())


def test_parquet(tmp_path: Path) -> None:
    """Row "loaders": Parquet keeps types; its keywords are pandas'."""
    frame = pd.DataFrame({"a": pd.Series([1, None, 3], dtype="Int64"), "y": [1.0, 2.0, 3.0]})
    frame.to_parquet(tmp_path / "a.parquet")

    features, target = Parquet(
        str(tmp_path / "a.parquet"), "y", columns=["a", "y"], dtype_backend="numpy_nullable",
        rows="1:",
    )()  # fmt: skip

    assert target is not None
    assert ("Int64", [2.0, 3.0]) == (str(features["a"].dtype), target.tolist())


@pytest.mark.parametrize("sql", ["iris", "SELECT * FROM iris WHERE a > ?"])
def test_sql(tmp_path: Path, sql: str) -> None:
    """Row "loaders": SQL takes a table's name or a query, with read_sql's keywords."""
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.executescript(
            "CREATE TABLE iris (a REAL, y TEXT); INSERT INTO iris VALUES (1, 'x')"
        )
    connection.close()
    keywords: dict[str, Any] = {"params": (0,)} if "?" in sql else {}

    features, target = SQL(f"sqlite:///{tmp_path}/a.db", sql, "y", **keywords)()

    assert target is not None
    assert ([1.0], ["x"]) == (features["a"].tolist(), target.tolist())


def test_no_target_column(csv: Path) -> None:
    """Without a target column there is no target."""
    features, target = CSV(str(csv))()

    assert (NAMES, None) == (list(features.columns), target)


def test_empty() -> None:
    """Row "loaders": The empty loader gives nothing, as Palladium's does."""
    assert (None, None) == EmptyDatasetLoader()()


ARFF = b"@RELATION t\n@ATTRIBUTE a REAL\n@ATTRIBUTE y {no,yes}\n@DATA\n1.5,yes\n?,no\n"
OPENML = {
    "api/v1/json/data/7": {
        "data_set_description": {
            "id": "7", "name": "t", "status": "active", "format": "ARFF", "description": "",
            "url": "https://www.openml.org/data/v1/download/7/t.arff",
            "md5_checksum": hashlib.md5(ARFF).hexdigest(),
        }
    },
    "api/v1/json/data/features/7": {
        "data_features": {
            "feature": [
                {
                    "index": str(index), "name": name, "data_type": data_type,
                    "is_target": is_target, "is_ignore": "false", "is_row_identifier": "false",
                    "number_of_missing_values": "0",
                }
                for index, (name, data_type, is_target) in enumerate(
                    [("a", "numeric", "false"), ("y", "nominal", "true")]
                )
            ]
        }
    },
    "api/v1/json/data/qualities/7": {
        "data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "2"}]}
    },
}  # fmt: skip
"""What openml.org answers of data set 7, as scikit-learn keeps it in its cache."""


def test_openml(tmp_path: Path) -> None:
    """An OpenML data set comes with its own target; scikit-learn's cache is used as it is.

    Row "loaders".
    """
    answers = {path: orjson.dumps(answer) for path, answer in OPENML.items()}
    for path, answer in {**answers, "data/v1/download/7/t.arff": ARFF}.items():
        file = tmp_path / "openml" / "openml.org" / f"{path}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(answer))

    features, target = OpenML(data_id=7, data_home=str(tmp_path))()

    assert target is not None
    assert ([1.5], ["yes", "no"]) == (features["a"].dropna().tolist(), target.tolist())
    assert ["no", "yes"] == list(target.cat.categories)


MISTAKES: dict[str, tuple[Any, dict[str, Any]]] = {
    "either path or url is needed": (CSV, {}),
    "read_csv has no keyword 'seq', did you mean 'sep'?": (CSV, {"path": "a", "seq": ","}),
    "read_table has no keyword 'qqq'": (Table, {"path": "a", "qqq": 1}),
    "read_parquet has no keyword 'nrows', did you mean 'rows'?": (
        Parquet,
        {"path": "a", "nrows": 1},
    ),
    "read_sql has no keyword 'index_cl', did you mean 'index_col'?": (
        SQL,
        {"url": "sqlite://", "sql": "t", "index_cl": 1},
    ),
    "'chunksize' reads piece by piece; a model needs the whole": (
        CSV,
        {"path": "a", "chunksize": 5},
    ),
    "rows 100 is no slice such as \":100\" or \"100:\"": (CSV, {"path": "a", "rows": 100}),
    "rows '1:2:3' is no slice such as \":100\" or \"100:\"": (CSV, {"path": "a", "rows": "1:2:3"}),
    "skiprows as a map is {range: [first, end]}": (CSV, {"path": "a", "skiprows": {"rang": [1]}}),
    "either name or data_id is needed": (OpenML, {}),
    "read_csv has no keyword 'target_columm', did you mean 'target_column'?": (
        CSV,
        {"path": "a", "target_columm": "y"},
    ),
    "read_sql has no keyword 'datse', did you mean 'dates'?": (
        SQL,
        {"url": "sqlite://", "sql": "t", "datse": ["d"]},
    ),
    "dates 'Date' is no list of columns such as [Date]": (CSV, {"path": "a", "dates": "Date"}),
    "categories [0] is no list of columns such as [Date]": (CSV, {"path": "a", "categories": [0]}),
}  # fmt: skip


@pytest.mark.parametrize("message", MISTAKES)
def test_mistaken_arguments(message: str) -> None:
    """A mistaken argument is told when the loader is made, before anything is read."""
    loader, keywords = MISTAKES[message]

    with pytest.raises(TypeError) as caught:
        loader(**keywords)

    assert message == str(caught.value)


def test_misspelt_target(csv: Path) -> None:
    """A target column that is not there is told with the nearest that is."""
    with pytest.raises(DatasetError) as caught:
        CSV(str(csv), "specis")()

    assert "there is no target_column 'specis', did you mean 'species'?" == str(caught.value)


def test_doubled_target(tmp_path: Path) -> None:
    """A target column that is there twice is refused."""
    with sqlite3.connect(tmp_path / "a.db") as connection:
        pass
    connection.close()

    with pytest.raises(DatasetError, match="two columns have the name 'y'"):
        SQL(f"sqlite:///{tmp_path}/a.db", "SELECT 1 AS a, 2 AS y, 3 AS y", "y")()
