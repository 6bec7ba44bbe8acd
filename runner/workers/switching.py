"""Activate a version, for a caller over HTTP: `python -m runner.workers.switching SERVICE VERSION`.

What `runner activate` does for people, in a process of the server's that reads no config, since
that may be another by now, and makes no record, since the front-end that was asked does. Without a
version it waits for the active one. The variable `STORE` has the store's URL, which may hold a
password: other users see arguments.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from runner.audit.record import OnBehalf
from runner.errors import RunnerError
from runner.store import BRIEFLY, Store
from runner.workers.acknowledged import to_json, wait

STORE = "RUNNER_JOB_STORE"

_PATIENCE = 15.0
"""Seconds that an activation waits to be in force: less than a front-end waits for its answer."""

_LONG = 120.0
"""Seconds that a job waits whose end nobody waits for."""


def command(service: str, version: int | None = None) -> list[str]:
    """Give the command for a service."""
    argv = [sys.executable, "-m", __name__, service]
    return argv if version is None else [*argv, str(version)]


def switch(store: Store, service: str, version: int | None, by: str) -> dict[str, object]:
    """Activate ``version``, or take the active one, and wait until it is in force.

    Raises NotFound, Refused, Unavailable, and RunnerError if a server cannot start it.
    """
    patience = _LONG
    if version is not None:
        store.activate(service, version, by=by)
        patience = _PATIENCE
    elif (active := store.active(service)) is not None:
        version = active.number
    else:
        return {"version": None, "servers": []}
    print(f"Version {version} is active; waiting for the servers…", file=sys.stderr, flush=True)
    servers = wait(store, service, version, patience)
    return {"version": version, "servers": [to_json(server) for server in servers]}


def main(service: str, version: str | None = None) -> int:
    """Do it, and print what became of it as JSON."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job's cancellation is no error
    by = str(OnBehalf.of(os.environ))
    try:
        with Store.open(os.environ.pop(STORE), timeout=BRIEFLY) as store:
            told = switch(store, service, None if version is None else int(version), by)
    except RunnerError as ex:
        print(json.dumps({"error": {"kind": type(ex).__name__, "message": str(ex)}}))
        return ex.exit_code
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
