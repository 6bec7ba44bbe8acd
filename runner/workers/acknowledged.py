"""Wait until the running servers of a service have taken up an activation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from runner.errors import Refused, RunnerError

if TYPE_CHECKING:
    from runner.store import Server, Store

_POLL = 0.1


def wait(store: Store, service: str, number: int, timeout: float) -> list[Server]:
    """Return when every live server answers with version ``number`` only, on all front-ends.

    Gives these servers, none if none runs. Raises RunnerError with the reason if one cannot start
    the version or ``timeout`` seconds are over, Refused if another version was activated meanwhile.
    """
    revision = store.revision()
    deadline = time.monotonic() + timeout
    while True:
        servers = store.servers.live(service)
        # What a server says counts once it has seen the activation.
        aware = [each for each in servers if each.served.revision >= revision]
        for each in aware:
            told = each.served
            if told.target != number:
                raise Refused(f"version {told.target} was activated meanwhile, and takes over")
            if told.state == "failed":
                serving = f", version {told.version} serves on" if told.version else ""
                raise RunnerError(f"{name(each)}: {told.reason}{serving}")
        waiting = [each for each in servers if each not in aware or each.served.version != number]
        if not waiting:
            return servers
        if time.monotonic() >= deadline:
            names = ", ".join(name(each) for each in waiting)
            raise RunnerError(f"version {number} does not serve yet after {timeout:g} s on {names}")
        time.sleep(_POLL)


def name(server: Server) -> str:
    """Give a server's name for people."""
    return f"{server.host}:{server.pid}"


def to_json(server: Server) -> dict[str, Any]:
    """Give what a server says for programs."""
    told = server.served
    return {
        "host": server.host,
        "pid": server.pid,
        "seen": server.seen.isoformat(),
        "version": told.version,
        "target": told.target,
        "state": told.state,
        "reason": told.reason,
    }
