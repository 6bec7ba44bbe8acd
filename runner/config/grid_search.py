"""Read `grid_search`: what a search over a model's parameters tries, and where it runs.

Keys are the keyword arguments of scikit-learn's GridSearchCV; or `!` names another search, which
gets the config's model as its `estimator`. What stands within is carried out by the search.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.config import factory
from runner.config.cursor import Cursor, Faulty, Key, show
from runner.config.directives import FACTORY
from runner.config.readers import flag, free_map, text, whole
from runner.config.settings import ParallelSettings, SearchSettings

_MOST = 1_000_000


def _values(cursor: Cursor) -> Any:
    """Read what to try for one parameter: anything with items in it, or what makes such a thing."""
    found = cursor.value
    if isinstance(found, Mapping) and FACTORY in found:
        return found
    if isinstance(found, str | Mapping) or not hasattr(found, "__len__"):
        raise Faulty(f"found {show(found)}", "a list of the values to try")
    if not len(found):
        raise Faulty("found nothing to try", "at least one value")
    return found


def _one_grid(cursor: Cursor) -> Mapping[str, Any]:
    grid = free_map(cursor)
    if not grid:
        raise Faulty("found no parameter", "parameters, each with a list of values")
    for item in cursor.children():
        item.read(_values)
    return grid


def _grid(cursor: Cursor) -> Any:
    found = cursor.value
    if isinstance(found, list | tuple) and found:
        return [item.read(_one_grid, {}) for item in cursor.children()]
    if not isinstance(found, Mapping):
        raise Faulty(f"found {show(found)}", "a map of parameters to lists of values")
    return _one_grid(cursor)


def _cv(cursor: Cursor) -> Any:
    found = cursor.value
    if isinstance(found, int) and not isinstance(found, bool):
        return whole(2, _MOST)(cursor)
    if isinstance(found, Mapping):
        return _made(cursor)
    splits = hasattr(found, "split") and not isinstance(found, str)
    if callable(found) or splits or isinstance(found, list | tuple):
        return found
    raise Faulty(f"found {show(found)}", f'a number of folds, or {{"{FACTORY}": a splitter}}')


def _made(cursor: Cursor) -> Mapping[str, Any]:
    """Read a map that names a factory which is there."""
    found = free_map(cursor)
    if FACTORY not in found:
        raise Faulty("no factory is named", f'the key "{FACTORY}"')
    cursor.child(FACTORY).read(_name)
    return found


def _name(cursor: Cursor) -> str:
    name = text(cursor)
    problem = factory.missing(name)
    if problem:
        raise Faulty(problem)
    return name


def _scoring(cursor: Cursor) -> Any:
    found = cursor.value
    if isinstance(found, Mapping):
        return free_map(cursor)
    if isinstance(found, list | tuple) and found:
        return [item.read(text, "") for item in cursor.children()]
    return found if callable(found) else text(cursor)


def _jobs(cursor: Cursor) -> int:
    found = cursor.value
    if isinstance(found, int) and not isinstance(found, bool) and found:
        return found
    raise Faulty(f"found {show(found)}", "how many at once; -1 for one a core")


def _refit(cursor: Cursor) -> Any:
    found = cursor.value
    return found if isinstance(found, bool) or callable(found) else text(cursor)


def _error_score(cursor: Cursor) -> Any:
    found = cursor.value
    if found == "raise" or (isinstance(found, int | float) and not isinstance(found, bool)):
        return found
    raise Faulty(f"found {show(found)}", "a number, or 'raise'")


def _pre_dispatch(cursor: Cursor) -> Any:
    return cursor.value if isinstance(cursor.value, int) else text(cursor)


def _parallel(cursor: Cursor) -> ParallelSettings:
    """Read where candidates run: joblib's backend, and the arguments that it takes."""
    arguments = dict(free_map(cursor))
    if "backend" not in arguments:
        raise Faulty("no backend is named", "backend: threading, loky, dask, ray, …")
    backend = cursor.child("backend").read(text, "")
    register = cursor.child("register").read(_name) if "register" in arguments else None
    rest = {key: item for key, item in arguments.items() if key not in ("backend", "register")}
    return ParallelSettings(backend, register, rest)


GRID_SEARCH = {
    "param_grid": Key(_grid, required=True),
    "cv": Key(_cv),
    "scoring": Key(_scoring),
    "n_jobs": Key(_jobs),
    "verbose": Key(whole(0, 100)),
    "refit": Key(_refit),
    "error_score": Key(_error_score),
    "return_train_score": Key(flag),
    "pre_dispatch": Key(_pre_dispatch),
    "parallel": Key(_parallel),
}


def grid_search(cursor: Cursor) -> SearchSettings:
    """Read `grid_search`."""
    found = cursor.value
    if not isinstance(found, Mapping):
        if hasattr(found, "fit"):  # made in a config in Python
            return SearchSettings(made=found)
        raise Faulty(f"found {show(found)}", f"a map of {', '.join(GRID_SEARCH)}")
    if FACTORY in found:
        parallel = cursor.child("parallel").read(_parallel) if "parallel" in found else None
        spec = {key: item for key, item in _made(cursor).items() if key != "parallel"}
        return SearchSettings(factory=spec, parallel=parallel)
    read = cursor.section(GRID_SEARCH)
    parallel = read.pop("parallel")
    return SearchSettings(
        arguments={key: item for key, item in read.items() if item is not None}, parallel=parallel
    )


def check_scoring(cursor: Cursor, found: SearchSettings | None, scoring: Any) -> None:
    """Note as a fault that both `scoring` and `grid_search.scoring` are there."""
    if found is not None and scoring is not None and "scoring" in found.arguments:
        cursor.fault_at("scoring", "stands at the top, too", "one of the two")
