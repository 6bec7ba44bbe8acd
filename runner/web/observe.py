"""Give every answer its request's id, and leave one line of log for each."""

from __future__ import annotations

import time
from typing import Any, Protocol

import falcon.asgi

from runner.web.request import Request


class Logger(Protocol):
    """Where lines go: a structlog logger, or whatever else takes an event and its fields."""

    def info(self, event: str, **fields: Any) -> Any: ...
    def error(self, event: str, **fields: Any) -> Any: ...


class Observer:
    """Falcon middleware; it sees every request, those that match no route included.

    The line is written before the answer is sent. It has the path without its query string, which
    holds the values of features. ``client`` is who called, once that is known.
    """

    def __init__(self, log: Logger) -> None:
        self._log = log

    async def process_response(
        self, req: Request, resp: falcon.asgi.Response, resource: object, succeeded: bool
    ) -> None:
        """Finish an answer."""
        resp.set_header("X-Request-Id", req.request_id)
        self._log.info(
            "request",
            request_id=req.request_id,
            client=req.caller and req.caller.client_id,
            address=_address(req),
            method=req.method,
            path=req.path[:200],
            service=req.service,
            version=req.version,
            rows=req.rows,
            status=resp.status_code,
            error=req.error,
            milliseconds=round((time.perf_counter() - req.begun) * 1000, 3),
        )


def _address(req: Request) -> str | None:
    """Give the address that the connection came from. PERF: Falcon's own looks at proxies first."""
    peer = req.scope.get("client")
    return next(iter(peer)) if peer else None
