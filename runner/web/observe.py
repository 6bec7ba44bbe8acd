"""Give every answer its request's id, and leave one record or one line of log for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import falcon.asgi

from contracts.table import Table
from runner.audit.record import ACCESS, PREDICT, Recorder, trace_id
from runner.web.request import Request, new_id
from runner.web.waiting import CONNECTION

_REFUSED = (401, 403)
_UNKNOWABLE = ("invalid_request", "issuer_unavailable")
"""Codes of answers to callers of whom it cannot be said who they are (see authenticate)."""

_MOST_INPUTS = 100_000  # values


class Logger(Protocol):
    """Where lines go: a structlog logger, or whatever else takes an event and its fields."""

    def info(self, event: str, **fields: Any) -> Any: ...
    def error(self, event: str, **fields: Any) -> Any: ...


class Observer:
    """Falcon middleware; it sees every request, those that match no route included.

    A prediction leaves a record if there is a trail, and so does refused access; all else a line.
    ``predicts`` says of a path whether predictions are asked for there.
    With ``every``, a request that leaves a record leaves a line as well.
    Either is made before the answer is sent. It has the path without its query string, which holds
    the values of features. ``client`` is who called, once that is known.
    """

    def __init__(
        self,
        log: Logger,
        recorder: Recorder | None = None,
        *,
        inputs: bool = False,
        every: bool = True,
        predicts: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._log = log
        self._predicts = predicts
        self._recorder = recorder
        self._inputs = inputs
        self._every = every

    async def process_response(
        self, req: Request, resp: falcon.asgi.Response, resource: object, succeeded: bool
    ) -> None:
        """Finish an answer."""
        resp.set_header("X-Request-Id", req.request_id)
        if self._recorder is not None and (action := self._action(req, resp.status_code)):
            self._record(self._recorder, action, req, resp)
            if not self._every:
                return
        self._log.info(
            "request",
            request_id=req.request_id,
            client=req.caller.client_id if req.caller else None,
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

    def _action(self, req: Request, status: int) -> str | None:
        """Say what a record would tell of; None if there is to be none.

        What fails before its handler is a prediction all the same, if it was to be one.
        """
        if req.action is not None or status < 400:
            return req.action
        if self._predicts(req.path):
            return PREDICT
        return ACCESS if status in _REFUSED or req.error in _UNKNOWABLE else None

    def _record(
        self, recorder: Recorder, action: str, req: Request, resp: falcon.asgi.Response
    ) -> None:
        headers = req._asgi_headers
        caller = req.caller
        number = recorder.request(
            action,
            status=resp.status_code,
            seconds=time.perf_counter() - req.begun,
            request_id=req.request_id,
            trace_id=trace_id(headers.get(b"traceparent"))
            or (new_id() if b"x-request-id" in headers else req.request_id),
            method=req.method,
            path=req.path,
            address=_address(req) or "",
            bytes_in=req.bytes_in,
            bytes_out=0 if req.method == "HEAD" else len(resp.data or b""),
            service=req.service,
            version=req.version,
            language=req.language,
            rows=req.rows,
            batch=req.batch,
            queue_seconds=req.queue_seconds,
            model_seconds=req.model_seconds,
            error=req.error,
            client=caller.client_id if caller else None,
            user=caller.user_id if caller else None,
            token=caller.token_digest if caller else None,
            inputs=_inputs(req.inputs) if self._inputs and req.inputs is not None else None,
        )
        if (connection := req.scope.get(CONNECTION)) is not None:
            connection.transport.record = number


def _inputs(table: Table) -> dict[str, Any] | None:
    """Give the values of features by name, unless they are too many for one line."""
    columns = table.columns
    if table.rows * len(columns) > _MOST_INPUTS:
        return None
    return {column.name: column.tolist() for column in columns}


def _address(req: Request) -> str | None:
    """Give the address that the connection came from. PERF: Falcon's own looks at proxies first."""
    peer = req.scope.get("client")
    return next(iter(peer)) if peer else None
