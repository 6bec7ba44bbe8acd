"""Columns get the types that a config declares, and no misspelt name is overlooked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from contracts.table import Type
from runner.datasets import CSV, SQL, Parquet
from runner.datasets.frames import table, target
from runner.errors import DatasetError

CELLS = {
    "Date": ["2024-02-29", None, "1999-12-31"],
    "Season": ["wet", "dry", None],
    "cyl": [10, None, 4],
    "y": [1.5, 2.5, 3.5],
}
DATES = [date(2024, 2, 29), None, date(1999, 12, 31)]
DECLARED: dict[str, Any] = {"dates": ["Date"], "categories": ["Season", "cyl"]}
Loader = Callable[..., Any]


@pytest.fixture(params=["csv", "parquet", "sql"])
def loader(request: pytest.FixtureRequest, tmp_path: Path) -> Loader:
    """The same cells in a file or a database; call with keywords to load them."""
    frame = pd.DataFrame(CELLS)
    if request.param == "csv":
        frame["cyl"] = frame["cyl"].astype("Int64")
        frame.to_csv(tmp_path / "a.csv", index=False)
        return lambda **more: CSV(str(tmp_path / "a.csv"), "y", **more)()
    if request.param == "parquet":
        frame.to_parquet(tmp_path / "a.parquet")
        return lambda **more: Parquet(str(tmp_path / "a.parquet"), "y", **more)()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        frame.to_sql("t", connection, index=False)
    connection.close()
    return lambda **more: SQL(f"sqlite:///{tmp_path}/a.db", "t", "y", **more)()


def test_dates_and_categories(loader: Loader) -> None:
    """Dates become dates and labels levels, sorted, from wherever they come."""
    features, _ = loader(**DECLARED)
    days, season, cylinders = table(features).columns
    assert (days.type, days.tolist()) == (Type.DATE, DATES)
    assert (season.levels, season.tolist()) == (("dry", "wet"), ["wet", "dry", None])
    assert (cylinders.levels, cylinders.tolist()) == (("4", "10"), ["10", None, "4"])


@pytest.mark.parametrize("key", ["dates", "categories"])
def test_misspelt_names(loader: Loader, key: str) -> None:
    """A column that is not there is told with the nearest that is."""
    with pytest.raises(DatasetError) as caught:
        loader(**{key: ["Seson"]})
    assert str(caught.value) == f"{key}: there is no column 'Seson', did you mean 'Season'?"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("Date,code,y\n2024-02-29,007,no\n2024-03-01,,yes\n")
    return path


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"dtype": {"cod": "category"}}, "dtype: there is no column 'cod', did you mean 'code'?"),
        ({"dtype": {"cod": "str", "y": "int"}}, "dtype: there is no column 'cod', did you mean"),
        ({"parse_dates": ["Dat"]}, "parse_dates: there is no column 'Dat', did you mean 'Date'?"),
        ({"parse_dates": ["when"]}, "parse_dates: there is no column 'when'; there are Date, code"),
    ],
)
def test_names_that_pandas_is_told(csv: Path, keywords: dict[str, Any], message: str) -> None:
    """Where pandas ignores a name, or fails at it, the name is told."""
    with pytest.raises(DatasetError) as caught:
        CSV(str(csv), **keywords)()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("keywords", [{"dtype": {"cod": "str"}}, {"parse_dates": ["cod"]}])
def test_names_that_sql_is_told(tmp_path: Path, keywords: dict[str, Any]) -> None:
    """So it is in a query's columns."""
    query = "SELECT 1 AS code, 2 AS y"
    with pytest.raises(DatasetError, match="there is no column 'cod', did you mean 'code'"):
        SQL(f"sqlite:///{tmp_path}/a.db", query, "y", **keywords)()


def test_failures_of_another_kind(csv: Path) -> None:
    """Where no name is wrong, pandas' own failure is told."""
    with pytest.raises(ValueError, match="invalid literal"):
        CSV(str(csv), dtype={"y": "int"})()


def test_names_of_the_index(csv: Path) -> None:
    """A column that is the index may have a dtype, but no place among the features."""
    features, _ = CSV(str(csv), "y", index_col="code", dtype={"code": "str"})()
    assert list(features.columns) == ["Date"]
    with pytest.raises(DatasetError, match="dates: only the index has the name 'code'"):
        CSV(str(csv), "y", index_col="code", dates=["code"])()


def test_labels_are_what_the_file_says(csv: Path) -> None:
    """A code keeps its zeros, and a target can be declared as well."""
    features, labels = CSV(str(csv), "y", categories=["code", "y"])()
    assert table(features).columns[1].levels == ("007",)
    assert target(labels).levels == ("no", "yes")


def test_levels_are_those_of_the_rows(csv: Path) -> None:
    """A label that is in none of the wanted rows is no level."""
    features, _ = CSV(str(csv), categories=["y"], rows="1:")()
    assert table(features).columns[2].levels == ("yes",)


def test_levels_of_a_dtype(tmp_path: Path) -> None:
    """Categories that have an order of their own keep it."""
    ordered = pd.CategoricalDtype(["low", "mid", "high"], ordered=True)
    pd.DataFrame({"a": pd.Series(["high", "low"], dtype=ordered)}).to_parquet(tmp_path / "a")
    features, _ = Parquet(str(tmp_path / "a"), categories=["a"])()
    (found,) = table(features).columns
    assert (found.levels, found.ordered) == (("low", "high"), True)


def test_times_remain_times(csv: Path) -> None:
    """pandas' parse_dates gives times; both together give dates."""
    times, _ = CSV(str(csv), "y", parse_dates=["Date"])()
    assert table(times).columns[0].tolist() == [datetime(2024, 2, 29), datetime(2024, 3, 1)]
    dates, _ = CSV(str(csv), "y", parse_dates=["Date"], dates=["Date"])()
    assert table(dates).columns[0].tolist() == [date(2024, 2, 29), date(2024, 3, 1)]


@pytest.mark.parametrize("cell", ["29.2.2024", "2024-02-30", "2024-02-29T12:00:00", "20240229"])
def test_what_is_no_date(tmp_path: Path, cell: str) -> None:
    """A cell that is no ISO date is told with its row."""
    path = tmp_path / "a.csv"
    path.write_text(f"d,y\n,1\n{cell},2\n")
    with pytest.raises(DatasetError) as caught:
        CSV(str(path), dates=["d"])()
    assert str(caught.value).startswith("dates: column 'd', row 1: '")
    assert str(caught.value).endswith("' is no date such as 2024-12-31")


def test_blanks_around_dates(tmp_path: Path) -> None:
    """Blanks after a comma are no part of a date."""
    path = tmp_path / "a.csv"
    path.write_text("y,d\n1, 2024-02-29\n2, 2024-03-01\n")
    features, _ = CSV(str(path), "y", dates=["d"])()
    assert table(features).columns[0].tolist() == [date(2024, 2, 29), date(2024, 3, 1)]


def test_a_time_is_no_date(tmp_path: Path) -> None:
    """A time of day is not cut off."""
    moment = pd.Timestamp("2024-02-29T12:00:00")
    pd.DataFrame({"d": [moment.normalize(), moment]}).to_parquet(tmp_path / "a")
    with pytest.raises(DatasetError, match="row 1: '2024-02-29 12:00:00' is no date"):
        Parquet(str(tmp_path / "a"), dates=["d"])()
