"""Load tables from files and URLs with pandas' own readers and keywords."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pandas as pd

from runner.datasets.declared import NAMING_COLUMNS, Declared, instead
from runner.errors import DatasetError

_ROWS = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")
_REFUSED = ("chunksize", "iterator")
Loaded = tuple[pd.DataFrame, "pd.Series[Any] | None"]


class _File:
    """A file that one of pandas' readers reads.

    ``path`` or ``url``: where it is. ``target_column``: its name; the other columns are features.
    ``rows``: which rows of data, the header not counted, as a Python slice in a string: `":100"`
    are the first hundred, `"100:"` all but them, `"-50:"` the last fifty. ``dates`` and
    ``categories``: columns that hold calendar dates, or labels (see `Declared`); pandas'
    ``parse_dates`` is for times. ``ndarray``: Palladium's; accepted without effect, because the
    adapter decides what a model sees. All other keywords are those of the reader; raises TypeError
    for one that it does not have.
    """

    reader: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        path: str | None = None,
        target_column: str | None = None,
        *,
        url: str | None = None,
        rows: str | None = None,
        dates: list[str] | None = None,
        categories: list[str] | None = None,
        ndarray: bool | None = None,
        **keywords: Any,
    ) -> None:
        check_keywords(type(self).reader, keywords, _File)
        if (path is None) == (url is None):
            raise TypeError("either path or url is needed")
        self._declared = Declared(dates, categories, keywords)
        self._location = path or url
        self._target_column = target_column
        self._rows = _slice(rows)
        self._keywords = keywords

    def __call__(self) -> Loaded:
        """Read the file; give features and target. Raises whatever the reader raises."""
        frame = self._declared.read(lambda: self._read(self._keywords), self._read_names)
        return split(self._declared.apply(frame.iloc[self._rows]), self._target_column)

    def _read(self, keywords: Mapping[str, Any]) -> pd.DataFrame:
        frame: pd.DataFrame = type(self).reader(self._location, **keywords)
        return frame

    def _read_names(self) -> pd.DataFrame:
        return self._read(without_columns(self._keywords))


class Table(_File):
    """A file of values separated by tabs, or by `sep`: pandas.read_table and its keywords.

    ``skiprows`` is pandas' own and counts lines, the header among them; besides a number and a list
    it may be `{range: [1, 101]}`, which leaves the header (line 0) where it is. ``rows`` is easier.
    """

    reader: ClassVar[Callable[..., Any]] = staticmethod(pd.read_table)

    def __init__(self, path: str | None = None, target_column: str | None = None, **more: Any):
        if isinstance(skipped := more.get("skiprows"), Mapping):
            if set(skipped) != {"range"}:
                raise TypeError("skiprows as a map is {range: [first, end]}")
            more["skiprows"] = range(*skipped["range"])
        super().__init__(path, target_column, **more)
        # Labels are what the file says: 007 is not 7, and 4 beside an empty cell is not 4.0.
        labels = dict.fromkeys(self._declared.categories, "str")
        dtype = self._keywords.get("dtype")
        if labels and (dtype is None or isinstance(dtype, Mapping)):
            self._keywords["dtype"] = labels | dict(dtype or {})
        # PERF: of the first rows of a large file, the rest need not be read.
        rows = self._rows
        if rows.start is None and rows.stop is not None and rows.stop >= 0:
            self._keywords.setdefault("nrows", rows.stop)

    def _read_names(self) -> pd.DataFrame:
        return self._read(without_columns(self._keywords) | {"nrows": 0})


class CSV(Table):
    """A file of comma-separated values: pandas.read_csv and its keywords, as in `Table`."""

    reader: ClassVar[Callable[..., Any]] = staticmethod(pd.read_csv)


class Parquet(_File):
    """A Parquet file or folder: pandas.read_parquet and its keywords."""

    reader: ClassVar[Callable[..., Any]] = staticmethod(pd.read_parquet)


def split(frame: pd.DataFrame, target_column: str | None) -> Loaded:
    """Part the target from the features. Raises DatasetError if there is no such column."""
    if target_column is None:
        return frame, None
    names = [str(name) for name in frame.columns]
    if target_column not in frame.columns:
        meant = instead(str(target_column), names)
        raise DatasetError(f"there is no target_column {target_column!r}{meant}")
    if names.count(target_column) > 1:
        raise DatasetError(f"two columns have the name {target_column!r}")
    return frame.drop(columns=target_column), frame[target_column]


def without_columns(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Give the keywords but for those that name columns."""
    return {key: value for key, value in keywords.items() if key not in NAMING_COLUMNS}


def check_keywords(
    reader: Callable[..., Any], keywords: Mapping[str, Any], loader: type[Any]
) -> None:
    """Raise TypeError for a keyword of neither reader nor loader, naming the nearest one."""
    known = inspect.signature(reader).parameters
    for name in keywords:
        if name in _REFUSED:
            raise TypeError(f"{name!r} reads piece by piece; a model needs the whole")
        if name not in known:
            possible = [*known, *inspect.signature(loader).parameters]
            near = difflib.get_close_matches(name, possible, n=1)
            meant = f", did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{reader.__name__} has no keyword {name!r}{meant}")


def _slice(rows: str | None) -> slice:
    if rows is None:
        return slice(None)
    match = _ROWS.fullmatch(rows) if isinstance(rows, str) else None
    if match is None:
        raise TypeError(f'rows {rows!r} is no slice such as ":100" or "100:"')
    start, stop = (None if number is None else int(number) for number in match.groups())
    return slice(start, stop)
