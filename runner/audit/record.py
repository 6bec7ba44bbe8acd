"""Make usage records: the fields of contracts/usage_record.schema.json, at little cost.

`request` is for what came over HTTP, `action` for what a command or the server itself did. Names
are those of the Elastic Common Schema where it has one, else they begin with ``runner.``.

PERF: what does not change in a process's life is bound to the logger once.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

from runner.audit.chain import Chain
from runner.logs import BoundLoggerBase

SCHEMA = 1
"""The version of contracts/usage_record.schema.json."""

ECS = "8.17.0"

PREDICT, FIT, ACTIVATE, DELETE, IMPORT = "predict", "fit", "activate", "delete", "import"
GRID_SEARCH, CANCEL = "grid_search", "cancel"
START, STOP, ACCESS, RESUME = "start", "stop", "access", "resume"
ACTIONS = (
    PREDICT, FIT, GRID_SEARCH, CANCEL, ACTIVATE, DELETE, IMPORT, START, STOP, ACCESS, RESUME
)  # fmt: skip
"""What a record may tell of; ``access``: refused to somebody, of what is no prediction;
``resume``: records are written again after some could not be."""

_LONGEST = 256
_TOKEN = 16  # digits of a digest, which tell tokens apart and help nobody to guess
_MOST_TORN = 1000
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


@dataclass(frozen=True)
class OnBehalf:
    """Who had something done over HTTP, as a job's command is told in `VARIABLE`."""

    VARIABLE: ClassVar = "RUNNER_ON_BEHALF"

    client: str | None = None
    user: str | None = None
    address: str = ""

    def __str__(self) -> str:
        return self.client or f"http {self.address}"

    def to_json(self) -> str:
        """Give a text for an environment variable."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> OnBehalf | None:
        """Read what `to_json` gave, None if there is nothing."""
        told = environ.get(cls.VARIABLE)
        return cls(**json.loads(told)) if told else None


class Sink(Protocol):
    """Where sealed lines go (runner.audit.trail.Trail)."""

    def append(self, line: bytes) -> Any: ...


class _Logger(BoundLoggerBase):
    """structlog's logger with the one method that a record needs."""

    def record(self, fields: Mapping[str, Any]) -> Any:
        """Seal and append.

        PERF: what `_proxy_to_logger` does with any number of processors, for the one that is there:
        it would copy the fields four times, which takes longer than to encode and to hash them.
        """
        (seal,) = self._processors
        return self._logger.append(seal(self._logger, "append", {**self._context, **fields}))


class Recorder:
    """Make one process's records."""

    def __init__(self, sink: Sink, chain: Chain) -> None:
        constant = {
            "@timestamp": "",  # the chain's to fill in; here so that it comes first
            "ecs.version": ECS,
            "runner.schema": SCHEMA,
            "event.dataset": "runner.usage",
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
            "runner.chain.writer": chain.writer,
        }
        self._log = _Logger(sink, [chain.seal], constant)

    def request(
        self,
        action: str,
        *,
        status: int,
        seconds: float,
        request_id: str,
        trace_id: str,
        method: str,
        path: str,
        address: str,
        bytes_in: int,
        bytes_out: int,
        service: str | None = None,
        version: int | None = None,
        language: str | None = None,
        rows: int | None = None,
        batch: int | None = None,
        queue_seconds: float | None = None,
        model_seconds: float | None = None,
        error: str | None = None,
        client: str | None = None,
        user: str | None = None,
        token: str | None = None,
        login: str | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Record an answered request. ``token`` is a digest, never the token.

        ``login``: who ran the command that it came through, where no token says who asks.
        """
        fields: dict[str, Any] = {
            "event.action": action,
            "event.outcome": "success" if status < 400 else "failure",
            "event.duration": int(seconds * 1e9),
            "trace.id": trace_id,
            "http.request.id": request_id,
            "http.request.method": method,
            "http.request.body.bytes": bytes_in,
            "http.response.status_code": status,
            "http.response.body.bytes": bytes_out,
            "url.path": path[:_LONGEST],
            "source.address": address,
        }
        if service is not None:
            fields["service.name"] = service
        if version is not None:
            fields["runner.model.version"] = version
        if language is not None:
            fields["runner.model.language"] = language
        if rows is not None:
            fields["runner.rows"] = rows
        if batch is not None:
            fields["runner.batch"] = batch
        if queue_seconds is not None:
            fields["runner.queue_time"] = int(queue_seconds * 1e9)
        if model_seconds is not None:
            fields["runner.model_time"] = int(model_seconds * 1e9)
        if error is not None:
            fields["error.code"] = error
        if client is not None:
            fields["client.id"] = client[:_LONGEST]
        if user is not None:
            fields["user.id"] = user[:_LONGEST]
        if login is not None:
            fields["user.name"] = login[:_LONGEST]
        if token is not None:
            fields["runner.token.digest"] = token[:_TOKEN]
        if inputs is not None:
            fields["runner.inputs"] = inputs
        return self._log.record(fields)

    def action(
        self,
        action: str,
        *,
        error: str | None = None,
        seconds: float | None = None,
        service: str | None = None,
        version: int | None = None,
        former: int | None = None,
        language: str | None = None,
        rows: int | None = None,
        user: str | None = None,
        behalf: OnBehalf | None = None,
    ) -> Any:
        """Record what was done here; it succeeded unless there is an ``error``, its code.

        ``user`` is a login name, ``behalf`` whoever had it done over HTTP; ``former`` the version
        that was active before.
        """
        fields = {
            "event.action": action,
            "event.outcome": "success" if error is None else "failure",
            "event.duration": None if seconds is None else int(seconds * 1e9),
            "service.name": service,
            "runner.model.version": version,
            "runner.model.former_version": former,
            "runner.model.language": language,
            "runner.rows": rows,
            "user.name": user,
            "client.id": behalf and behalf.client,
            "user.id": behalf and behalf.user,
            "error.code": error,
        }
        return self._log.record({name: v for name, v in fields.items() if v is not None})

    def resume(self, lost: int, torn: Sequence[str]) -> None:
        """Record that records are written again, and what was lost meanwhile (see trail)."""
        fields: dict[str, Any] = {
            "event.action": RESUME,
            "event.outcome": "success",
            "runner.lost": lost,
        }
        if torn:
            fields["runner.torn"] = list(torn[-_MOST_TORN:])
        self._log.record(fields)


def trace_id(traceparent: bytes | None) -> str | None:
    """Give the trace id of a traceparent header (W3C Trace Context 3.2), None for a bad one."""
    if traceparent is None or (found := _TRACEPARENT.fullmatch(traceparent)) is None:
        return None
    if len(traceparent) > 55 and traceparent.startswith(b"00"):
        return None  # version 00 has nothing more
    return found[1].decode()
