"""Give columns the types that a config declares, and overlook no name that it misspells."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from pandas.api import types

from runner.errors import DatasetError

NAMING_COLUMNS = ("dtype", "parse_dates")
"""Keywords of pandas' readers that name columns; misspelt ones they ignore, or fail at darkly."""


class Declared:
    """What a config says of columns by name.

    ``dates``: they hold calendar dates, as ISO 8601 text or without a time of day. ``categories``:
    they hold labels; the levels are those that occur, sorted, as numbers if all are whole ones.
    ``keywords`` are the reader's. Raises TypeError for what is no list of names.
    """

    def __init__(self, dates: Any, categories: Any, keywords: Mapping[str, Any]) -> None:
        self._dates = _listed("dates", dates)
        self.categories = _listed("categories", categories)
        self._by_reader = [
            (key, name)
            for key in NAMING_COLUMNS
            if isinstance(names := keywords.get(key), Mapping | list | tuple)
            for name in names
            if isinstance(name, str)
        ]

    def read(
        self, read: Callable[[], pd.DataFrame], read_names: Callable[[], pd.DataFrame]
    ) -> pd.DataFrame:
        """Read a frame. Raises DatasetError for a name that it has not, even if reading failed.

        ``read_names`` reads at least the names, without the keywords that name columns.
        """
        try:
            frame = read()
        except (ValueError, KeyError):
            found = None
            if self._by_reader:
                # What was wrong the first time may be so the second time; the first is what counts.
                with contextlib.suppress(Exception):
                    found = read_names()
            if found is not None:
                self._check(found)
            raise
        self._check(frame)
        return frame

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Give the frame with its columns converted. Raises DatasetError naming row and value."""
        converted = {name: _as_dates(name, frame[name]) for name in self._dates}
        converted |= {name: _as_categories(frame[name]) for name in self.categories}
        return frame.assign(**converted) if converted else frame

    def _check(self, frame: pd.DataFrame) -> None:
        ours = [("dates", name) for name in self._dates]
        ours += [("categories", name) for name in self.categories]
        columns = list(frame.columns)
        known = {*columns, *frame.index.names}
        for key, name in [*ours, *self._by_reader]:
            if name not in known:
                meant = instead(name, [str(column) for column in columns])
                raise DatasetError(f"{key}: there is no column {name!r}{meant}")
        for key, name in ours:
            if columns.count(name) != 1:
                what = "two columns have" if name in columns else "only the index has"
                raise DatasetError(f"{key}: {what} the name {name!r}")


def instead(name: str, names: Sequence[str]) -> str:
    """Say which of ``names`` was probably meant, or what there is."""
    near = difflib.get_close_matches(name, names, n=1)
    return f", did you mean {near[0]!r}?" if near else f"; there are {', '.join(names[:20])}"


def _listed(key: str, names: Any) -> tuple[str, ...]:
    if names is None:
        return ()
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{key} {names!r} is no list of columns such as [Date]")
    return tuple(names)


def _as_dates(name: str, series: pd.Series[Any]) -> pd.Series[Any]:
    missing = series.isna()
    if types.is_datetime64_any_dtype(series.dtype):
        days = series.dt.tz_localize(None)
        wrong = ~missing & (days != days.dt.normalize())
    else:
        texts = series.astype("str").str.strip()
        days = pd.to_datetime(texts.where(~missing), format="%Y-%m-%d", errors="coerce")
        wrong = ~missing & days.isna()
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        raise DatasetError(
            f"dates: column {name!r}, row {at}: {str(series.iloc[at])[:60]!r} is no date such as "
            "2024-12-31"
        )
    found: pd.Series[Any] = days.astype(pd.ArrowDtype(pa.date32()))
    return found


def _as_categories(series: pd.Series[Any]) -> pd.Series[Any]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.remove_unused_categories()
    if types.is_float_dtype(series.dtype) and (series.dropna() % 1 == 0).all():
        series = series.astype("Int64")  # whole numbers that became floats beside a missing one
    levels = series.astype("category").cat
    sorted_: pd.Series[Any] = levels.reorder_categories(_sorted(levels.categories))
    return sorted_


def _sorted(levels: Iterable[Any]) -> list[Any]:
    found = list(levels)
    try:
        return sorted(found, key=lambda level: int(level) if type(level) is str else level)
    except (ValueError, TypeError):
        return sorted(found, key=str)
