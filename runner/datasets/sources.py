"""Load tables from databases and OpenML, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from dateutil.rrule import FREQNAMES, rrule

from runner.datasets.declared import Declared
from runner.datasets.files import Loaded, check_keywords, split, without_columns


class SQL:
    """A query, or a whole table, of any database that SQLAlchemy reaches: pandas.read_sql.

    ``url``: the database's; pandas opens it and closes it again. ``sql``: the query or the table's
    name. Other keywords are those of read_sql. ``dates``, ``categories``, ``ndarray``: as in `CSV`.
    """

    def __init__(
        self,
        url: str,
        sql: str,
        target_column: str | None = None,
        ndarray: bool | None = None,
        *,
        dates: list[str] | None = None,
        categories: list[str] | None = None,
        **keywords: Any,
    ) -> None:
        check_keywords(pd.read_sql, keywords, SQL)
        self._declared = Declared(dates, categories, keywords)
        self._url = url
        self._sql = sql
        self._target_column = target_column
        self._keywords = keywords

    def __call__(self) -> Loaded:
        """Run the query; give features and target."""
        frame = self._declared.read(
            lambda: self._read(self._keywords),
            lambda: self._read(without_columns(self._keywords)),
        )
        return split(self._declared.apply(frame), self._target_column)

    def _read(self, keywords: Mapping[str, Any]) -> pd.DataFrame:
        frame: pd.DataFrame = pd.read_sql(self._sql, self._url, **keywords)
        return frame


class OpenML:
    """A data set of openml.org: sklearn.datasets.fetch_openml and its keywords.

    ``name`` or ``data_id``: which. The target is the data set's own unless ``target_column`` names
    another. ``ndarray``: as in `CSV`.
    """

    def __init__(
        self,
        name: str | None = None,
        target_column: str | None = None,
        ndarray: bool | None = None,
        **keywords: Any,
    ) -> None:
        if (name is None) == (keywords.get("data_id") is None):
            raise TypeError("either name or data_id is needed")
        self._name = name
        self._keywords = {"parser": "auto", **keywords, "as_frame": True}
        if target_column is not None:
            self._keywords["target_column"] = target_column

    def __call__(self) -> Loaded:
        """Fetch the data set, or take it from scikit-learn's cache; give features and target."""
        # The one place where datasets needs scikit-learn: who does not name OpenML never loads it.
        from sklearn.datasets import fetch_openml  # noqa: PLC0415

        found = fetch_openml(self._name, **self._keywords)
        return found.data, found.target


class EmptyDatasetLoader:
    """No data: for a service whose model comes from elsewhere. Gives (None, None)."""

    def __call__(self) -> tuple[None, None]:
        """Give no features and no target."""
        return None, None


class ScheduledDatasetLoader:
    """Another loader, ``impl``, whose data Palladium's server would hold and load anew by a rule.

    Here each fit loads what it needs when it begins, so that the data are never older than that.
    ``update_cache_rrule``: keywords of dateutil's rrule, checked; a schedule of fits is `refit`.
    """

    def __init__(
        self, impl: Callable[[], Loaded | tuple[None, None]], update_cache_rrule: Mapping[str, Any]
    ) -> None:
        freq = update_cache_rrule.get("freq")
        if freq not in FREQNAMES:
            raise TypeError(f"freq {freq!r} is none of {', '.join(FREQNAMES)}")
        rrule(**{**update_cache_rrule, "freq": FREQNAMES.index(freq)})
        self._impl = impl

    def __call__(self) -> Loaded | tuple[None, None]:
        """Load what ``impl`` gives now."""
        return self._impl()
