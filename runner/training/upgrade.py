"""Take over models that Palladium pickled, as versions of ours.

Each pickle is opened in a worker of its own, by a fit that fits nothing: the signature comes from
the config's training data.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.messages import Fit, Persist
from runner.config import Config
from runner.errors import ModelError, NotFound, Refused
from runner.store import Store
from runner.store.palladium import Old
from runner.training.data import Rows, rows
from runner.training.fit import metadata_of
from runner.training.progress import Progress
from runner.training.worker import worker_for

_RESTORE = "adapters.python.pickled.restore"


@dataclass(frozen=True)
class Upgraded:
    """What became of one old version: its new number, or why there is none."""

    old: int
    version: int | None
    active: bool = False
    note: str = ""


async def upgrade(
    config: Config, found: Sequence[Old], store: Store, *, by: str, progress: Progress
) -> list[Upgraded]:
    """Store old versions under the next numbers; the active one becomes active.

    One that was taken over before is not taken over again. What stands in the way of one is told,
    and the others go on. Raises Refused for a config whose model is not Python's.
    """
    if config.model.language != "python":
        raise Refused(
            f"Palladium's pickles are Python's, and the config's model is {config.model.language}"
        )
    known = {
        version.metadata["palladium"]["sha256"]: version.number
        for version in store.versions(config.service_name)
        if isinstance(version.metadata.get("palladium"), dict)
    }
    train = await rows(config, "train", progress)
    results = []
    for old in found:
        try:
            content = old.read()
            sha256 = hashlib.sha256(content).hexdigest()
            if sha256 in known:
                results.append(Upgraded(old.number, known[sha256], note="there already"))
                continue
            with progress.step(f"Taking over version {old.number}"):
                number = await _take(config, old, content, sha256, train, store, by, progress)
            results.append(Upgraded(old.number, number, old.active))
        except (ModelError, NotFound) as ex:
            results.append(Upgraded(old.number, None, note=str(ex)))
    return results


async def _take(
    config: Config,
    old: Old,
    content: bytes,
    sha256: str,
    train: Rows,
    store: Store,
    by: str,
    progress: Progress,
) -> int:
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        file.write(content)
        file.flush()
        restore = {"!": _RESTORE, "path": file.name, "sha256": sha256}
        model = {**config.model.wire, "factory": restore}
        async with worker_for(config, progress) as worker:
            fit = train.request(model=model)
            reply = await worker.request(Fit, config.adapter.fit_timeout, **fit)
            kept = await worker.request(Persist)
            assert kept.artifact is not None
            metadata = metadata_of(config, reply, await worker.hello(), by)
            told = {name: value for name, value in old.metadata.items() if name != "version"}
            origin = {"version": old.number, "sha256": sha256}
            added = await asyncio.to_thread(
                store.add_version,
                config.service_name,
                kept.artifact,
                artifact_format=kept.format or "",
                metadata={**told, **metadata, **_kept(told), "palladium": origin},
                activate=old.active,
                by=by,
                reason="upgraded",
            )
    return added.number


def _kept(told: dict[str, object]) -> dict[str, object]:
    """Give what of the old metadata tells of the fit, which was not now."""
    names = ("train_timestamp", "score_train", "score_test", "cv_results")
    return {name: told[name] for name in names if name in told}
