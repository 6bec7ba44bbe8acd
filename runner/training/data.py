"""Get train and test data: from a loader in Python, or from a function in R or Julia."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from contracts.messages import Read, Source
from contracts.table import Column, Table
from runner import datasets
from runner.config import Config, LoaderSettings
from runner.errors import ConfigError, Fault
from runner.training.progress import Progress
from runner.training.worker import worker_for


@dataclass(frozen=True)
class Rows:
    """Features and target; or, with ``source``, where the model's own worker gets them itself."""

    table: Table | None = None
    target: Column | None = None
    source: Source | None = None

    def request(self, **fields: object) -> dict[str, object]:
        """Give the fields of a fit request for these rows, together with ``fields``."""
        if self.source is not None:
            return {**fields, "source": self.source}
        return {**fields, "table": self.table, "target": self.target}


async def rows(config: Config, which: str, progress: Progress, *, here: bool = False) -> Rows:
    """Get the ``which`` ("train" or "test") data of a config.

    Raises ConfigError if it names no loader, ModelError or DatasetError if the loader fails. Data
    of a loader in the model's own language are not touched: its worker loads them where they are
    used, unless they are wanted ``here``.
    """
    loader: LoaderSettings | None = getattr(config, which)
    if loader is None:
        key = f"dataset_loader_{which}"
        raise ConfigError([Fault("is missing", "a loader", str(config.path), key)])
    own = loader.source is not None and loader.language == config.model.language
    if own and not here:
        return Rows(source=loader.source)
    with progress.step(f"Loading {which} data"):
        if loader.source is None:
            dataset = await asyncio.to_thread(datasets.load, config, which)
            return Rows(dataset.table, dataset.target)
        async with worker_for(config, progress, language=loader.language) as worker:
            reply = await worker.request(Read, source=loader.source)
            return Rows(reply.table, reply.target)
