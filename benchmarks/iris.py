"""The rows that all servers are asked: the 150 flowers of the examples."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from itertools import cycle, islice
from urllib.parse import urlencode

from benchmarks.servers import ROOT

DATA = ROOT / "examples" / "iris-sklearn" / "iris.csv"
FEATURES = ("sepal length", "sepal width", "petal length", "petal width")

Row = Mapping[str, float]


@cache
def rows() -> tuple[Row, ...]:
    """Give the features of every flower."""
    with DATA.open(newline="") as file:
        return tuple(
            {name: float(line[name]) for name in FEATURES} for line in csv.DictReader(file)
        )


def many(count: int) -> list[Row]:
    """Give as many rows as asked for: the flowers again and again."""
    return list(islice(cycle(rows()), count))


def query(row: Row) -> str:
    """Give a row as a query string."""
    return urlencode(row)
