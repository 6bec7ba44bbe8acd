"""Know of a request what Falcon does not: its id, its body's events, what to say of it later."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from random import getrandbits
from typing import TYPE_CHECKING, Any

import falcon
import falcon.asgi

from contracts.table import Table

if TYPE_CHECKING:
    from runner.auth.caller import Caller
    from runner.web.policy import Policy

Receive = Callable[[], Awaitable[Any]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_BEGIN = {"type": "http.request", "body": b"", "more_body": True}


class Request(falcon.asgi.Request):
    """A request, with what its one line of log will tell."""

    __slots__ = (
        "action",
        "batch",
        "begun",
        "bytes_in",
        "caller",
        "error",
        "inputs",
        "language",
        "metadata",
        "model_seconds",
        "policy",
        "queue_seconds",
        "receive",
        "request_id",
        "rows",
        "service",
        "version",
    )

    def __init__(
        self,
        scope: dict[str, Any],
        receive: Receive,
        first_event: Any = None,
        options: Any = None,
    ) -> None:
        super().__init__(scope, receive, first_event=first_event, options=options)
        self.begun = time.perf_counter()
        self.receive = receive
        self.request_id = _request_id(self._asgi_headers.get(b"x-request-id"))
        self.service: str | None = None
        self.version: int | None = None
        self.language: str | None = None
        self.action: str | None = None
        """What the record says was asked for; None: no record, unless access was refused."""
        self.rows: int | None = None
        self.error: str | None = None
        self.bytes_in = 0
        """Bytes of the body, once it has been read."""
        self.inputs: Table | None = None
        self.batch: int | None = None
        self.queue_seconds: float | None = None
        self.model_seconds: float | None = None
        """How long a prediction waited for the model, and how long that was at it."""
        self.caller: Caller | None = None
        """Who called; None where callers are not known."""
        self.metadata: Callable[..., dict[str, Any]] | None = None
        """What the answer's `metadata` goes through; None: nothing."""
        self.policy: Policy | None = None
        """What callers may do; None where anybody may do anything."""

    @property
    def wants_msgpack(self) -> bool:
        """Whether the caller says that it would rather have msgpack than JSON."""
        accept = self._asgi_headers.get(b"accept")
        # PERF: most say nothing, or */*.
        return (
            accept is not None
            and b"msgpack" in accept
            and self.client_prefers((falcon.MEDIA_JSON, falcon.MEDIA_MSGPACK))
            == falcon.MEDIA_MSGPACK
        )

    def header(self, name: bytes) -> bytes | None:
        """Give a field of the head, by its name in lower case."""
        found: bytes | None = self._asgi_headers.get(name)
        return found


def _request_id(given: bytes | None) -> str:
    """Give the caller's own id, if it is one that can stand in a log; else a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    return new_id()


def new_id() -> str:
    """Give an id for a request or a trace: 32 hex digits."""
    # PERF: no system call. An id has to differ from others, not to be hard to guess.
    return f"{getrandbits(128):032x}"


class LateBody:
    """Give Falcon an empty first event, then the real ones.

    Falcon waits for a request's first event before it looks at the request. A body that never
    comes would then wait for ever, where no deadline of ours and no check of its size reaches.
    """

    __slots__ = ("_begun", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._begun = False

    async def __call__(self) -> Any:
        """Give the next event."""
        if self._begun:
            return await self._receive()
        self._begun = True
        return _BEGIN
