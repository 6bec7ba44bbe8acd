"""Carry out the data loader of a config, and give features and target as typed columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from contracts.table import Column, Columns
from runner.config import Config, build, decorated
from runner.datasets import frames
from runner.datasets.arrays import as_frame, as_vector
from runner.datasets.sources import ScheduledDatasetLoader
from runner.errors import ConfigError, DatasetError, Fault, NotFound, RunnerError


@dataclass(frozen=True)
class Dataset:
    """Features and target of the same rows."""

    table: Columns
    target: Column


def load(config: Config, which: str) -> Dataset:
    """Load the training ("train") or the test ("test") data of a config.

    Raises ConfigError without a loader or if it cannot be made, NotFound for a file that is not
    there, DatasetError for anything that the loader raises or that is no table. ValueError for a
    loader of another language.
    """
    settings = config.train if which == "train" else config.test
    key = f"dataset_loader_{which}"
    if settings is None:
        fault = Fault("is missing", "where the data comes from", str(config.path), key)
        raise ConfigError([fault])
    factory = settings.factory
    if factory is None:
        raise ValueError(f"{key} is a function of {settings.language}, which a worker must call")
    found = _call(lambda: _load(config, _made(config, key, factory)), factory["!"])
    if not isinstance(found, tuple) or len(found) != 2:
        raise DatasetError(f"{key} gave a {type(found).__name__}, expected features and target")
    features, target = found
    if features is None or target is None:
        what = "no data" if features is None else "no target; name it with target_column"
        raise DatasetError(f"{key} ({factory['!']}) gives {what}")
    frame = as_frame(features)
    series = (
        target if isinstance(target, pd.Series) else pd.Series(as_vector(target), name="target")
    )
    if len(frame) != len(series):
        raise DatasetError(f"{key} gave {len(frame)} rows of features and {len(series)} of target")
    if not len(frame):
        raise DatasetError(f"{key} ({factory['!']}) gave no rows")
    return Dataset(frames.table(frame), frames.target(series))


def _made(config: Config, key: str, factory: Mapping[str, Any]) -> Any:
    """Make a loader. Raises ConfigError that says where it stands."""
    try:
        return build(factory, config.raw)
    except ConfigError as ex:
        path = str(config.path)
        faults = [
            replace(each, file=path, key=".".join(filter(None, (key, each.key))))
            for each in ex.faults
        ]
        raise ConfigError(faults) from ex


def _load(config: Config, loader: Any) -> Any:
    """Call a loader, with the config's decorators around the call; each is given the loader."""

    def load_data(loader: Callable[[], Any]) -> Any:
        return loader()

    load = decorated(config, "load_data", load_data)
    if isinstance(loader, ScheduledDatasetLoader):
        load = decorated(config, "update_data", load)
    return load(loader)


def _call(loader: Callable[[], Any], name: str) -> Any:
    try:
        return loader()
    except RunnerError:
        raise
    except FileNotFoundError as ex:
        raise NotFound(f"{name}: there is no file {ex.filename or ex}") from ex
    except Exception as ex:  # a loader is anybody's code
        told = str(ex).splitlines()
        raise DatasetError(f"{name}: {type(ex).__name__}: {told[0] if told else ''}") from ex
