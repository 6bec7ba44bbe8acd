"""Bring up a private worker for a config, and tell its errors as the runner's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from contracts.errors import Failure
from runner import doctor
from runner.config import AdapterSettings, Config
from runner.errors import ModelError, Unavailable
from runner.training.progress import Progress
from runner.workers import interpreter
from runner.workers.errors import WorkerError, WorkerFailedToStart
from runner.workers.private import PrivateWorker, private_worker


@contextmanager
def told_as_model_errors(language: str) -> Iterator[None]:
    """Tell what goes wrong in a worker as the runner's errors: ModelError."""
    try:
        yield
    except Failure as ex:
        raise ModelError(language, ex.message, ex.traceback) from ex
    except WorkerError as ex:
        raise ModelError(language, str(ex), "") from ex


@asynccontextmanager
async def adapter_worker(
    language: str, adapter: AdapterSettings, progress: Progress
) -> AsyncIterator[PrivateWorker]:
    """Give a worker of a language, run as these settings say. Raises as `worker_for`."""
    command = interpreter.find(
        language, command=adapter.command, executable=adapter.executable, env=adapter.env
    )
    with told_as_model_errors(language):
        try:
            async with private_worker(
                command, progress.line, adapter.start_timeout, adapter.memory_limit
            ) as worker:
                yield worker
        except WorkerFailedToStart as ex:
            raise Unavailable(doctor.why(language, ex)) from ex


@asynccontextmanager
async def worker_for(
    config: Config, progress: Progress, language: str | None = None
) -> AsyncIterator[PrivateWorker]:
    """Give a worker of the model's language, or of another that a loader is written in.

    Raises Unavailable if the language does not work here, ModelError for whatever the user's code
    does wrong: an error in its own language, or the end of the process.
    """
    wanted = language or config.model.language
    adapter = config.adapter
    if wanted != config.model.language:  # the settings are of the model's adapter
        adapter = AdapterSettings(
            start_timeout=adapter.start_timeout, memory_limit=adapter.memory_limit
        )
    async with adapter_worker(wanted, adapter, progress) as worker:
        yield worker
