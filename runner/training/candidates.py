"""Tell the results of a search: one row for each candidate, the best first."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.errors import Unavailable

_RANK = "rank_test_"


def ranked(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the rows of scikit-learn's `cv_results_` by rank, in values that JSON has.

    NaN, the score of what could not be fitted, is None. Of several metrics, the first one's rank.
    """
    columns = {name: list(values) for name, values in results.items()}
    count = len(columns["params"])
    rows = [{name: plain(values[at]) for name, values in columns.items()} for at in range(count)]
    rank = next((name for name in columns if name.startswith(_RANK)), None)
    return sorted(rows, key=lambda row: row[rank]) if rank else rows


def plain(value: Any) -> Any:
    """Give a value as JSON has it; what JSON has no word for, as Python writes it."""
    if hasattr(value, "tolist") and not isinstance(value, str):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return "" if type(value).__name__ == "MaskedConstant" else repr(value)


def metrics(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the metrics of a search, "score" if it has one that no name was given."""
    prefix = "mean_test_"
    return [name.removeprefix(prefix) for name in rows[0] if name.startswith(prefix)]


def table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Give titles and cells for people: rank, parameters, mean and spread of each metric."""
    names = metrics(rows)
    params = list(dict.fromkeys(name for row in rows for name in row["params"]))
    titles = ["RANK", *params, *(title for name in names for title in (name.upper(), "±")), "FIT s"]
    cells = []
    for row in rows:
        found = [_number(row.get(f"{_RANK}{names[0]}"), "d")]
        found += [_value(row["params"].get(name, "")) for name in params]
        for name in names:
            found += [_number(row[f"{kind}_test_{name}"], ".4f") for kind in ("mean", "std")]
        cells.append([*found, _number(row["mean_fit_time"], ".2f")])
    return titles, cells


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: Any, form: str) -> str:
    return "failed" if value is None else format(value, form)


def write_csv(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write all columns of the results, as Palladium does. Raises Unavailable."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as ex:
        raise Unavailable(f"cannot write {path}: {ex.strerror}") from ex
