"""Bring up a private worker for a config, and tell its errors as the runner's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.errors import Failure
from runner import doctor
from runner.config import Config
from runner.errors import ModelError, Unavailable
from runner.training.progress import Progress
from runner.workers import interpreter
from runner.workers.errors import WorkerError, WorkerFailedToStart
from runner.workers.private import PrivateWorker, private_worker


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
    if wanted == config.model.language:
        command = interpreter.find(
            wanted, command=adapter.command, executable=adapter.executable, env=adapter.env
        )
    else:
        command = interpreter.find(wanted)
    try:
        async with private_worker(
            command, progress.line, adapter.start_timeout, adapter.memory_limit
        ) as worker:
            yield worker
    except WorkerFailedToStart as ex:
        raise Unavailable(doctor.why(wanted, ex)) from ex
    except Failure as ex:
        raise ModelError(wanted, ex.message, ex.traceback) from ex
    except WorkerError as ex:
        raise ModelError(wanted, str(ex), "") from ex
