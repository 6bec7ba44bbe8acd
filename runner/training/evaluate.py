"""Evaluate a stored version on the test data."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from contracts.messages import Load
from runner.config import Config, decorated
from runner.store import Store
from runner.training.data import rows
from runner.training.progress import Progress, Silent
from runner.training.scoring import Scorer, check_scoring
from runner.training.worker import worker_for


@dataclass(frozen=True)
class Evaluation:
    """The scores of one version, greater is better, by name; the first is the score."""

    version: int
    scores: dict[str, float]


async def evaluate(
    config: Config,
    store: Store,
    version: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a version, by default the active one, on the config's test data. Raises RunnerError."""
    tell = progress or Silent()
    name = config.service_name
    found = await asyncio.to_thread(store.chosen, name, version)
    check_scoring(config)
    data = await rows(config, "test", tell)
    with tell.step(f"Reading model version {found.number}"):
        read = decorated(config, "read_model", store.read_artifact, bytes)
        artifact = await asyncio.to_thread(read, name, found.number)
    async with worker_for(config, tell) as worker:
        with tell.step("Loading model"):
            await worker.request(
                Load,
                artifact=artifact,
                format=found.artifact_format,
                sha256=found.artifact_sha256,
                model=found.metadata.get("model", config.model.wire),
            )
        with tell.step("Scoring on test data"):
            task = str(found.metadata.get("task", "regression"))
            scored = await Scorer(worker, task, config.scoring).score(data)
    return Evaluation(found.number, scored)
