"""Fit services anew when their configs say so (`refit`), through the same jobs as callers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime

from runner.config import Config
from runner.errors import RunnerError
from runner.logs import get_logger
from runner.store import Store
from runner.workers.jobs import Jobs

SCHEDULE = "schedule"
"""Who asks for these jobs."""

_LONGEST_SLEEP = 30.0
"""Seconds: the clock of the machine may be set, and then the moment comes sooner or later."""

_log = get_logger("runner.workers")


async def refit(config: Config, store: Store, jobs: Jobs) -> None:
    """Begin a job at each moment of the config's schedule, until cancelled.

    Moments that pass while the former job is not yet done are passed over.
    """
    settings, name = config.refit, config.service_name
    assert settings is not None
    arguments = {
        "evaluate": settings.evaluate,
        "activate": settings.activate,
        "persist_if_better_than": settings.save_if_better_than,
    }
    arguments = {key: value for key, value in arguments.items() if value is not None}
    moments = settings.when.after(datetime.now())
    last = ""
    # PERF: a rule may begin years ago, and counts from there: not in the loop of the server.
    while (moment := await asyncio.to_thread(_next, moments)) is not None:
        _log.info("next refit", service=name, at=moment.isoformat())
        await _until(moment)
        if last in jobs.told:
            _log.warning("refit passed over: the former one is not done", service=name, job=last)
            continue
        try:
            last = await jobs.fit(config, store, arguments, None, kind="refit", by=SCHEDULE)
        except RunnerError as ex:
            _log.error("refit could not begin", service=name, reason=str(ex))
    _log.info("no refit comes any more", service=name)
    await asyncio.Event().wait()


async def _until(moment: datetime) -> None:
    while True:
        seconds = (moment - datetime.now()).total_seconds()
        if seconds <= 0:
            return
        await asyncio.sleep(min(seconds, _LONGEST_SLEEP))


def _next(moments: Iterator[datetime]) -> datetime | None:
    """Give the next moment that is still to come, None if there is none."""
    return next((moment for moment in moments if moment > datetime.now()), None)
