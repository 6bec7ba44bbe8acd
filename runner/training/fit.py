"""Fit a model and store it as a new version."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from contracts.messages import Fit, Hello, Persist, Reply
from runner.config import Config, decorated
from runner.config.settings import ACTIVE
from runner.errors import ConfigError, Fault
from runner.signature import Checker, IncompatibleMapping, Signature
from runner.store import Store, Version
from runner.training.data import rows
from runner.training.evaluate import evaluate as evaluate_version
from runner.training.progress import Progress, Silent
from runner.training.scoring import Scorer, check_scoring
from runner.training.worker import worker_for


@dataclass(frozen=True)
class FitResult:
    """What a fit came to. ``version`` is None if it was not saved, and ``note`` says why."""

    version: int | None
    activated: bool
    metadata: dict[str, Any]
    note: str = ""


async def fit(
    config: Config,
    store: Store | None,
    *,
    by: str,
    activate: bool = True,
    evaluate: bool = False,
    if_better_than: float | Literal["active"] | None = None,
    progress: Progress | None = None,
    more: Mapping[str, Any] | None = None,
) -> FitResult:
    """Fit the config's model on its training data; store it, unless ``store`` is None.

    ``evaluate`` scores it on both data sets; ``if_better_than`` saves it only if the test score is
    not below, or, for ``active``, above what the active version scores on the same data; ``more``
    is added to the metadata. All or nothing: whatever goes wrong, the store is as it was. Raises
    RunnerError.
    """
    tell = progress or Silent()
    wanted_test = evaluate or if_better_than is not None
    check_scoring(config)
    train = await rows(config, "train", tell)
    test = await rows(config, "test", tell) if wanted_test else None
    async with worker_for(config, tell) as worker:
        with tell.step("Loading data and fitting model" if train.source else "Fitting model"):
            reply = await worker.request(
                Fit, config.adapter.fit_timeout, **train.request(model=config.model.wire)
            )
            hello = await worker.hello()
        metadata = metadata_of(config, reply, hello, by) | dict(more or {})
        _check_mapping(config, metadata)
        scorer = Scorer(worker, metadata["task"], config.scoring)
        if evaluate:
            with tell.step("Scoring on training data"):
                metadata |= scores("train", await scorer.score(train))
        if test is not None:
            with tell.step("Scoring on test data"):
                metadata |= scores("test", await scorer.score(test))
        if if_better_than is not None:
            note = await _not_better(config, store, metadata["score_test"], if_better_than, tell)
            if note:
                return FitResult(None, False, metadata, note)
        if store is None:
            return FitResult(None, False, metadata, "not saved, as asked")
        with tell.step("Storing model"):
            kept = await worker.request(Persist)
            assert kept.artifact is not None
            version = await asyncio.to_thread(
                decorated(config, "write_model", store.add_version, Version),
                config.service_name,
                kept.artifact,
                artifact_format=kept.format or "",
                metadata=metadata,
                activate=activate,
                by=by,
            )
    return FitResult(version.number, activate, metadata)


async def _not_better(
    config: Config,
    store: Store | None,
    found: float,
    least: float | Literal["active"],
    tell: Progress,
) -> str:
    """Say why a test score is not good enough; nothing if it is."""
    if least != ACTIVE:
        return f"not saved: test score {found:g} is below {least:g}" if found < least else ""
    active = None if store is None else await asyncio.to_thread(store.active, config.service_name)
    if store is None or active is None:
        return ""
    # Scored anew: the test data may be others than when it was fitted.
    former = await evaluate_version(config, store, active.number, tell)
    score = next(iter(former.scores.values()))
    if found > score:
        return ""
    than = f"{score:g}, that of the active version {active.number}"
    return f"not saved: test score {found:g} is not above {than}"


def _check_mapping(config: Config, metadata: Mapping[str, Any]) -> None:
    """Refuse a model that the config's own mapping could never ask: better now than at serving."""
    try:
        Checker(Signature.from_json(metadata["signature"]), config.service.mapping)
    except IncompatibleMapping as ex:
        key = "predict_service.mapping"
        faults = [Fault(problem, file=str(config.path), key=key) for problem in ex.problems]
        raise ConfigError(faults) from ex


def scores(which: str, found: dict[str, float]) -> dict[str, Any]:
    """Give the metadata of scores: the first as ``score_<which>``, all if there are several."""
    metadata: dict[str, Any] = {f"score_{which}": next(iter(found.values()))}
    if len(found) > 1:
        metadata[f"scores_{which}"] = found
    return metadata


def metadata_of(config: Config, reply: Reply, hello: Hello, by: str) -> dict[str, Any]:
    assert reply.features is not None
    assert reply.task is not None
    signature = Signature(reply.features, reply.target_field, reply.task)
    return {
        "train_timestamp": datetime.now(UTC).isoformat(),
        "language": config.model.language,
        "language_version": hello.language_version,
        "packages": dict(hello.packages),
        "adapter": hello.adapter,
        "adapter_version": hello.version,
        "task": reply.task,
        "signature": signature.to_json(),
        "rows": reply.rows,
        "data_sha256": reply.data_sha256,
        "config_sha256": config.config_hash,
        "service_name": config.service_name,
        "service_version": config.service_version,
        "user": by,
        "model": dict(config.model.wire),
    }
