"""Fit services anew when their configs say so (`refit`), through the same jobs as callers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime

from runner.config import Config
from runner.errors import RunnerError
from runner.logs import get_logger
from runner.store import ACTIVE, Store
from runner.workers.jobs import Jobs

REFIT, SCHEDULE = "refit", "schedule"
"""What these jobs are, and who asks for them."""

_LONGEST_SLEEP = 30.0
"""Seconds: the clock of the machine may be set, and then the moment comes sooner or later."""

_log = get_logger("runner.workers")


async def refit(config: Config, store: Store, jobs: Jobs) -> None:
    """Begin a job at each moment of the config's schedule, until cancelled.

    Of servers that share a store one takes the moment. Moments that pass while the former job is
    not yet done, whichever server's it is, are passed over.
    """
    settings, name = config.refit, config.service_name
    assert settings is not None
    arguments = {
        "evaluate": settings.evaluate,
        "activate": settings.activate,
        "persist_if_better_than": settings.save_if_better_than,
    }
    arguments = {key: value for key, value in arguments.items() if value is not None}
    former = datetime.now()
    moments = settings.when.after(former)
    # PERF: a rule may begin years ago, and counts from there: not in the loop of the server.
    while (moment := await asyncio.to_thread(_next, moments)) is not None:
        _log.info("next refit", service=name, at=moment.isoformat())
        await _until(moment)
        try:
            free = await asyncio.to_thread(_take, store, name, moment, former)
            if free:
                job = await jobs.fit(config, store, arguments, None, kind=REFIT, by=SCHEDULE)
                _log.info("refit", service=name, at=moment.isoformat(), job=job)
        except RunnerError as ex:
            _log.error("refit could not begin", service=name, reason=str(ex))
        former = moment
    _log.info("no refit comes any more", service=name)
    await asyncio.Event().wait()


def _take(store: Store, service: str, moment: datetime, former: datetime) -> bool:
    """Whether a moment is this server's to keep. Raises Unavailable."""
    if not store.refits.take(service, moment.astimezone(), former.astimezone()):
        _log.info("refit is another server's", service=service, at=moment.isoformat())
        return False
    for job in store.jobs.newest(service):
        if job.kind == REFIT and job.state in ACTIVE:
            _log.warning(
                "refit passed over: the former one is not done", service=service, job=job.id
            )
            return False
    return True


async def _until(moment: datetime) -> None:
    while True:
        seconds = (moment - datetime.now()).total_seconds()
        if seconds <= 0:
            return
        await asyncio.sleep(min(seconds, _LONGEST_SLEEP))


def _next(moments: Iterator[datetime]) -> datetime | None:
    """Give the next moment that is still to come, None if there is none."""
    return next((moment for moment in moments if moment > datetime.now()), None)
