"""Run the fits of a search side by side through joblib, and count those that are done.

Counting is the caller's affair, wherever the work is carried: joblib hands each batch to a backend
by ``submit``, and the backend calls back in this process. So this holds for threads and processes
here as for Dask, Ray or any other backend that registers itself with joblib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from joblib import parallel_config
from joblib.parallel import ThreadingBackend

from runner import config as configs
from runner.config import ParallelSettings
from runner.errors import ConfigError, Fault

_on_done: ContextVar[Callable[[int], None] | None] = ContextVar("_on_done", default=None)


class _OneAtATime(ThreadingBackend):  # type: ignore[misc]
    """One thread beside joblib's own, which would do a single job itself and count nothing."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        return 2  # what joblib asks to know whether to hand out work at all

    def configure(self, n_jobs: int = 1, parallel: Any = None, **options: Any) -> int:
        super().configure(n_jobs, parallel, **options)
        self._n_jobs = 1  # threads of the pool
        return 2


@contextmanager
def counting(on_done: Callable[[int], None]) -> Iterator[None]:
    """Call ``on_done`` with the number of tasks that were done, for each batch within `backend`."""
    token = _on_done.set(on_done)
    try:
        yield
    finally:
        _on_done.reset(token)


@contextmanager
def backend(name: str, n_jobs: int | None = None, **arguments: Any) -> Iterator[None]:
    """Make joblib work with a backend: one of its own, or one that has registered itself.

    Raises ConfigError if there is no such backend, or it cannot be made with these arguments.
    """
    try:
        if n_jobs == 1:
            context = parallel_config(_OneAtATime(nesting_level=0))
        else:
            context = parallel_config(name, n_jobs=n_jobs or -1, **arguments)
    except (ValueError, TypeError, ImportError) as ex:
        fault = Fault(f"joblib's backend {name!r} cannot be used: {ex}", key=_KEY)
        raise ConfigError([fault]) from ex
    with context as config:
        _count(config["backend"])
        yield


_KEY = "grid_search.parallel"


def _count(used: Any) -> None:
    tell = _on_done.get()
    if tell is None:
        return
    submit = used.submit

    def counted(batch: Any, callback: Callable[..., None]) -> Any:
        def done(*result: Any) -> None:
            # A terminal that is gone ends no search; raised here, joblib would wait for ever.
            with suppress(OSError, SystemExit):
                tell(len(batch))
            callback(*result)

        return submit(batch, callback=done)

    used.submit = counted


@contextmanager
def chosen(settings: ParallelSettings | None, n_jobs: int | None) -> Iterator[None]:
    """Work with the backend of a config; without one, with threads.

    PERF: fits are done in adapter processes, so a thread for each that waits is enough: nothing is
    pickled, and no further Python has to import what scores.
    """
    if settings is None:
        with backend("threading", n_jobs):
            yield
        return
    if settings.register is not None:
        configs.build({"!": settings.register})
    with backend(settings.backend, n_jobs, **configs.build(settings.arguments)):
        yield


def with_parallel_backend(
    estimator: Any,
    backend: str,
    methods: Sequence[str] = ("fit", "predict", "predict_proba"),
    **backend_params: Any,
) -> Any:
    """Give an estimator or a search whose methods run with one of joblib's backends.

    Palladium's `palladium.util.with_parallel_backend`.
    """
    for name in methods:
        if hasattr(estimator, name):
            setattr(estimator, name, _Within(estimator, name, backend, backend_params))
    return estimator


class _Within:
    """Call a method with a backend. It is looked up when it is called, not when this is unpickled:

    copies of a search travel with its candidates, and scikit-learn's has some methods only then.
    """

    def __init__(self, owner: Any, method: str, name: str, params: dict[str, Any]) -> None:
        self._owner, self._method, self._name, self._params = owner, method, name, params

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        method = getattr(type(self._owner), self._method).__get__(self._owner)
        with backend(self._name, **self._params):
            return method(*args, **kwargs)
