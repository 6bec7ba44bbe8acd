"""Search the parameters of a model by cross-validation, in any language."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

from sklearn.model_selection import GridSearchCV

from contracts.table import Column, Table
from runner import config as configs
from runner.config import Config, SearchSettings
from runner.datasets.arrays import to_frame
from runner.errors import ConfigError, Fault, ModelError, Refused, RunnerError
from runner.store import Store
from runner.training import candidates, failures
from runner.training.data import Rows, rows
from runner.training.estimator import AdapterEstimator, of_config, task_of
from runner.training.fit import FitResult, fit
from runner.training.parallel import chosen, counting
from runner.training.progress import Progress, Silent, Tally
from runner.training.scoring import array
from runner.training.worker import worker_for

_FACTORY = "!"
_KEY = "grid_search"


@dataclass(frozen=True)
class SearchResult:
    """What a search found."""

    candidates: list[dict[str, Any]]
    """Each as scikit-learn tells it, the best first."""
    best: dict[str, Any]
    """The parameters of the best."""
    score: float | None
    rows: int
    failed: list[str]
    """What went wrong in some of the fits, each once."""
    stored: FitResult | None = None


def grid_search(
    config: Config,
    store: Store | None,
    *,
    by: str,
    activate: bool = True,
    progress: Progress | None = None,
) -> SearchResult:
    """Try what `grid_search` says; with a store, fit the best on all training data and store it.

    Blocks, and is no coroutine, so that an interrupt ends it at once. Raises RunnerError;
    ModelError if no candidate could be fitted.
    """
    tell = progress or Silent()
    settings = config.grid_search
    if settings is None:
        expected = "what to try, such as param_grid: {cp: [0.01, 0.1]}"
        raise ConfigError([Fault("is missing", expected, str(config.path), _KEY)])
    train = asyncio.run(_prepare(config, tell))
    table, target = train.table, train.target
    assert table is not None
    assert target is not None
    estimator = of_config(config, task_of(config, target), target)
    search, pick = _search(config, settings, estimator, table, target)
    if store is not None and not isinstance(getattr(search, "estimator", None), AdapterEstimator):
        raise Refused(
            "the best of this search cannot be stored: its estimator is not the config's model; "
            "leave its estimator away, or say {__copy__: model}"
        )
    with failures.listening() as failed, tell.tally("Searching") as tally:
        _run(search, settings, config, table, target, tally)
    found = candidates.ranked(search.cv_results_)
    at = pick(search)
    score = candidates.plain(search.cv_results_[_mean(search, settings)][at])
    best = dict(search.cv_results_["params"][at])
    result = SearchResult(found, candidates.plain(best), score, table.rows, failed)
    if store is None:
        return result
    model = estimator.set_params(**best).settings
    kept = fit(
        replace(config, model=model),
        store,
        by=by,
        activate=activate,
        progress=tell,
        more={"cv_results": found},
    )
    return replace(result, stored=asyncio.run(kept))


async def _prepare(config: Config, tell: Progress) -> Rows:
    """Get the data, and see that the language works: told once, and not by each of the fits."""
    train = await rows(config, "train", tell, here=True)
    async with worker_for(config, tell):
        return train


def _search(
    config: Config,
    settings: SearchSettings,
    estimator: AdapterEstimator,
    table: Table,
    target: Column,
) -> tuple[Any, Callable[[Any], int]]:
    """Make the search, and what picks the best of its results."""
    if settings.made is not None:
        return settings.made, _own_choice
    if settings.factory is not None:
        spec = _with_model(settings.factory, config.raw.get("model"), estimator)
        search = _built(config, "", spec)
        if not hasattr(search, "fit"):
            _refuse(config, f"a {type(search).__name__} is no search: it has no fit")
        return search, _own_choice
    arguments = {key: _built(config, key, value) for key, value in settings.arguments.items()}
    refit = arguments.pop("refit", True)
    if callable(cv := arguments.get("cv")) and not hasattr(cv, "split"):
        arguments["cv"] = _called(cv, n=target.rows, X=to_frame(table), y=array(target))
    arguments.setdefault("scoring", config.scoring)
    several = isinstance(arguments["scoring"], list | tuple | Mapping)
    if several and not isinstance(refit, str) and not callable(refit):
        refit = next(iter(arguments["scoring"]))
    # The best is fitted once, by the way that every model is: not by the search as well.
    return GridSearchCV(estimator, refit=False, **arguments), _choice(config, refit)


def _choice(config: Config, refit: Any) -> Callable[[Any], int]:
    def pick(search: Any) -> int:
        if callable(refit):
            return int(refit(search.cv_results_))
        name = f"rank_test_{refit if isinstance(refit, str) else 'score'}"
        if name not in search.cv_results_:
            _refuse(config, f"refit {refit!r} is none of the metrics", ".refit")
        return int(search.cv_results_[name].argmin())

    return pick


def _own_choice(search: Any) -> int:
    """Take the word of a search of somebody's own."""
    if hasattr(search, "best_index_"):
        return int(search.best_index_)
    rank = next((name for name in search.cv_results_ if name.startswith("rank_test_")), None)
    if rank is None:
        raise Refused("the search does not say which candidate is the best: give it a refit")
    return int(search.cv_results_[rank].argmin())


def _mean(search: Any, settings: SearchSettings) -> str:
    refit = settings.arguments.get("refit", getattr(search, "refit", True))
    named = f"mean_test_{refit}"
    if isinstance(refit, str) and named in search.cv_results_:
        return named
    found: str = next(name for name in search.cv_results_ if name.startswith("mean_test_"))
    return found


def _with_model(spec: Any, model: Any, estimator: Any) -> Any:
    """Put the estimator where the model was copied to; and where a search has none."""
    if not isinstance(spec, Mapping):
        return spec
    if spec == model:
        return estimator
    filled = dict(spec)
    if "estimator" in filled:
        filled["estimator"] = _with_model(filled["estimator"], model, estimator)
    elif _FACTORY in filled and _takes_estimator(filled[_FACTORY]):
        filled["estimator"] = estimator
    return filled


def _takes_estimator(name: str) -> bool:
    try:
        return "estimator" in inspect.signature(configs.resolve(name)).parameters
    except (TypeError, ValueError):  # some callables written in C do not tell theirs
        return False


def _called(function: Callable[..., Any], **known: Any) -> Any:
    """Call with those of the arguments that a function takes, as Palladium does."""
    parameters = inspect.signature(function).parameters
    return function(**{name: value for name, value in known.items() if name in parameters})


def _built(config: Config, key: str, value: Any) -> Any:
    try:
        return configs.build(value)
    except ConfigError as ex:
        place = ".".join(filter(None, (_KEY, key)))
        raise ConfigError(
            [replace(each, file=str(config.path), key=place) for each in ex.faults]
        ) from ex


def _refuse(config: Config, problem: str, key: str = "") -> None:
    raise ConfigError([Fault(problem, file=str(config.path), key=_KEY + key)])


def _run(
    search: Any,
    settings: SearchSettings,
    config: Config,
    table: Table,
    target: Column,
    tally: Tally,
) -> None:
    _announce(search, tally)
    try:
        with (
            # With `verbose` scikit-learn prints, where a program may be reading results.
            redirect_stdout(sys.stderr),
            counting(tally.done),
            chosen(settings.parallel, getattr(search, "n_jobs", None)),
        ):
            search.fit(to_frame(table), array(target))
    except RunnerError:
        raise
    except ValueError as ex:
        if told := failures.read(str(ex)):
            raise ModelError(config.model.language, "; ".join(told)) from ex
        raise RunnerError(f"grid search: {ex}") from ex
    except TypeError as ex:  # an argument that scikit-learn does not know
        raise RunnerError(f"grid search: {ex}") from ex
    if not hasattr(search, "cv_results_"):
        _refuse(config, f"a {type(search).__name__} leaves no cv_results_")


def _announce(search: Any, tally: Tally) -> None:
    """Have a search of scikit-learn's tell how many fits are to come, before they do."""
    if hasattr(search, "_run_search"):
        search._run_search = _Announced(search, search._run_search, tally)


class _Announced:
    """Stand before `_run_search`. A copy of the search in another process has nobody to tell."""

    def __init__(self, search: Any, run: Callable[..., None], tally: Tally) -> None:
        self.__signature__ = inspect.signature(run)
        self._search, self._run, self._tally = search, run, tally

    def __call__(self, evaluate: Callable[..., Any], **options: Any) -> None:
        def evaluated(params: Iterable[Any], *more: Any, **further: Any) -> Any:
            tried = list(params)
            self._tally.expect(len(tried) * self._search.n_splits_)
            return evaluate(tried, *more, **further)

        self._run(evaluated, **options)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_nothing, ())


def _nothing() -> None:
    return None
