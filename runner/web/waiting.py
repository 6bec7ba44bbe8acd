"""Say how long a caller waits for an answer: to a deadline of its own, or until it hangs up."""

from __future__ import annotations

import re
from typing import Protocol

from runner.web.problems import Problem
from runner.web.request import Request

HEADER = "X-Request-Timeout"
CONNECTION = "runner.connection"
"""The key of a scope under which the server's protocol puts itself."""

_SECONDS = re.compile(rb"[0-9]{1,9}(\.[0-9]{1,9})?")
_NAME = HEADER.lower().encode()


class Client(Protocol):
    """A client's connection. While it is ``waiting``, the request's task is cancelled at its end.

    ``gone`` says that this is what happened.
    """

    waiting: bool
    gone: bool


def timeout_of(req: Request, most: float) -> float:
    """Give the seconds that a request may take: what its header says, ``most`` at most.

    Raises Problem: 400 if it says no positive decimal number.
    """
    given = req.header(_NAME)
    if given is None:
        return most
    seconds = float(given) if _SECONDS.fullmatch(given) else 0.0
    if seconds <= 0.0:
        told = given[:50].decode(errors="replace")
        raise Problem(
            400,
            "invalid_timeout",
            f"{HEADER}: {told!r} is no number of seconds above 0, such as 2 or 0.25",
        )
    return min(seconds, most)


def client_of(req: Request) -> Client | None:
    """Give the connection that a request came on, if the server tells it."""
    found: Client | None = req.scope.get(CONNECTION)
    return found


def hung_up() -> Problem:
    """Give what stands in the log for a caller that did not wait; nobody gets it as an answer."""
    return Problem(499, "client_gone", "the client closed the connection before its answer")
