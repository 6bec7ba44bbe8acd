"""Run inside gunicorn: build the application that a front-end serves, from the environment."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

from contracts.memory import keep_freed_memory
from runner.logs import configure, for_people, get_logger, get_plain_logger
from runner.web.app import App, create_app
from runner.web.aside import TURN
from runner.web.server import CONTROL, audit, auth, decorators, limits, logging, quotas
from runner.workers.services import Services


def app() -> App:
    """Give the application of one front-end (`server.command` names this function)."""
    configure(by_turn=True, also=logging())
    # PERF: a request leaves hardly any garbage in cycles, and what was imported leaves none at all:
    # looking for it more rarely saves a seventh of a request's time. What outlives a look is looked
    # at again at five million objects, for a few ms; or it would stay for hours.
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    sys.setswitchinterval(TURN)
    keep_freed_memory()
    log = get_logger("runner.web")

    master = os.getppid()

    def lost() -> None:
        log.error("the supervisor is gone, so the front-ends end")
        # An orphan's parent is no gunicorn, but whoever takes orphans in.
        os.kill(master if os.getppid() == master else os.getpid(), signal.SIGTERM)

    trail = audit()
    return create_app(
        Services(Path(os.environ[CONTROL]), lost),
        log,
        limits(),
        auth=auth(),
        folder=Path(os.environ[CONTROL]).parent,
        quotas=quotas(),
        decorators=decorators(),
        requests=get_plain_logger("runner.web"),
        every=for_people(),  # programs have the records
        audit=trail,
        inputs=trail is not None and trail.inputs,
    )
