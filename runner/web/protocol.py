"""Hold connections to deadlines and bounds, and write each answer at once.

uvicorn's protocol over httptools waits for ever for a head, or for a body that nobody reads, keeps
heads of any size, and writes an answer's head and body apart. What differs here:

1. A connection that has sent nothing, or half a head, is closed after `Limits.head_timeout`; one
   whose body does not end, a little after `Limits.body_timeout`; an idle one after
   `Limits.keep_alive`. One timer a connection looks after this; requests only move its deadline.
2. A head over `Limits.max_head` is answered with 431; so are bytes that belong to no body.
3. A body that is too long is refused while it still comes in. What then follows is thrown away, up
   to `_DISCARD` bodies, so that clients that send all before they listen can read the refusal.
4. What is written in one turn of the loop leaves in one write.
5. A request that is no HTTP is refused in JSON.
6. When a client hangs up while its request waits for a prediction, the request's task is cancelled.
7. When the server stops, an idle connection is not closed under a request that may be on its way:
   the next answer says `Connection: close`, or nothing comes for `_LINGER` seconds.
"""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, cast

import orjson
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from runner.web.limits import Limits
from runner.web.waiting import CONNECTION

_DISCARD = 4  # times max_body
_SLACK = 5.0  # seconds that the application has to answer 408 itself
_LOOK = 5.0  # seconds between looks at a connection, at most
_FIELD = 4  # bytes of a header field beside its name and value
_LINGER = 0.5  # seconds in which a request that is on its way arrives
_TURN = 0.01  # seconds to a further turn of the loop
_WORST_CHUNKS = 8  # bytes on the wire for a byte of body, in chunks of one byte


class HttpProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # SECURITY: uvicorn's own lines tell query strings, which hold the values of features.
        self.access_log = False
        self._limits = limits
        self._deadline = math.inf
        shortest = min(limits.head_timeout, limits.body_timeout, limits.keep_alive)
        self._every = min(_LOOK, shortest / 4)
        self._watch: asyncio.TimerHandle | None = None
        self._in_head = self._in_message = False
        self._messages = 0
        self._task: asyncio.Task[None] | None = None
        self.waiting = self.gone = self._stopping = False
        self._head = self._raw = self._body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch."""
        gate = getattr(self.app, "gate", None)
        cork = Cork(cast(asyncio.Transport, transport), self.loop, gate)
        super().connection_made(cast(asyncio.Transport, cork))
        self._deadline = self.loop.time() + self._limits.head_timeout
        self._watch = self.loop.call_later(self._every, self._look)
        if getattr(self.server_state, "ending", False):
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching, and let go of all that leads back here."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)
        self.gone = True
        if self.waiting and self._task is not None:
            self._task.cancel()
        # Each connection would be garbage in a cycle, 7 kB that are looked for only now and then.
        self._watch = self._task = None
        self.cycle = self.scope = None  # type: ignore[assignment]
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        """Parse what came in, within bounds."""
        if self._in_message:
            self._raw += len(data)
            if self._raw > self._limits.max_head + _WORST_CHUNKS * self._body + len(data):
                self._refuse(431, "head_too_large", f"over {self._limits.max_head} bytes")
                return
        before = self._messages, self._in_head, self._in_message
        super().data_received(data)
        if before != (self._messages, self._in_head, self._in_message):
            self._extend()

    def _look(self) -> None:
        """Close the connection if its deadline is over; a request being answered has none."""
        answering = self.cycle is not None and not self.cycle.response_complete
        # A request waits for its own body, unless it waits for the answer to one before it.
        waiting = self._in_message and not self._in_head and not self.pipeline
        if self.loop.time() >= self._deadline and (waiting or not answering):
            self.transport.close()
            return
        self._watch = self.loop.call_later(self._every, self._look)

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        scope: Any = self.scope
        scope[CONNECTION] = self
        self._in_head = self._in_message = True
        self._head = self._raw = self._body = 0
        self._messages += 1

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, or a trailer."""
        self._count(len(name) + len(value) + _FIELD)
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self._limits.max_head:
            raise ValueError("head too large")  # the parser stops, and send_400_response is called

    def on_headers_complete(self) -> None:
        """Begin the body, and the answer."""
        self._in_head = False
        if self.parser.get_http_version() == "0.9":  # its answers have no head: nobody speaks it
            raise ValueError("HTTP/0.9")  # as in `_count`
        super().on_headers_complete()
        if self._stopping:
            self._say_last(self.cycle)

    def shutdown(self) -> None:
        """Answer what has begun, and what may be on its way; then close."""
        self._stopping = True
        if self.cycle is None or self.cycle.response_complete:
            # A loop that stood still may call timers before it reads what has come: one turn more.
            self.loop.call_later(_LINGER, self.loop.call_later, _TURN, self._close_if_idle)
        else:
            self._say_last(self.cycle)

    def _close_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _say_last(self, cycle: Any) -> None:
        """Have an answer say that it is the connection's last."""
        cycle.keep_alive = False
        if CLOSE_HEADER not in cycle.scope["headers"]:
            cycle.scope["headers"].append(CLOSE_HEADER)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Answer a request, as uvicorn does, but know the task."""
        self._task = self.loop.create_task(cycle.run_asgi(app))
        self._task.add_done_callback(self.tasks.discard)
        self.tasks.add(self._task)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body += len(body)
        if self._body > _DISCARD * self._limits.max_body:
            self.transport.close()
            return
        if self.cycle is not None and not self.cycle.body:
            # PERF: the part itself. uvicorn would copy it twice, of and to a bytearray.
            self.cycle.body, body = body, b""  # type: ignore[assignment]
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._in_message = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """End the answer, begin the next: as uvicorn, but without a timer for each request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._extend()
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def _extend(self) -> None:
        """Set the deadline for what has to come next."""
        if self._in_head:
            seconds = self._limits.head_timeout
        elif self._in_message:
            seconds = self._limits.body_timeout + _SLACK
        else:
            seconds = self._limits.keep_alive
        self._deadline = self.loop.time() + seconds

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        if self._head > self._limits.max_head:
            self._refuse(431, "head_too_large", f"over {self._limits.max_head} bytes")
        else:
            self._refuse(400, "bad_request", "the request is no HTTP/1.1")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer, and close."""
        self.transport.write(_refusal(status, code, message))
        self.transport.close()


class Gate(Protocol):
    """What bytes pass before they leave: the record of what they answer must be safe by then."""

    def settle(self, then: Callable[[bool], None], number: int) -> None:
        """Call ``then``, now or later and in order: whether the record of that number is safe."""


class Cork:
    """A transport that writes once a turn of the loop, through a gate if there is one.

    A head and its body, and the answers to several requests that came in one packet, leave
    together: a third of a front-end's time is the call of write(2). Whoever makes a record of what
    is answered sets ``record`` to its number; only then is there something to wait for.
    """

    __slots__ = (
        "_closing",
        "_gate",
        "_held",
        "_loop",
        "_transport",
        "_waiting",
        "is_closing",
        "record",
    )

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, gate: Gate | None
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._gate = gate
        self._held: list[bytes] = []
        self._waiting = 0  # at the gate
        self.record = 0
        self._closing = False
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write with whatever else is written in this turn."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def _flush(self) -> None:
        if not self._held:
            return
        together = b"".join(self._held)
        self._held.clear()
        if self._gate is None or not (self.record or self._waiting):
            self._transport.write(together)
        else:
            self._waiting += 1
            self._gate.settle(functools.partial(self._leave, together), self.record)
            self.record = 0

    def _leave(self, together: bytes, safe: bool) -> None:
        self._waiting -= 1
        if not self._transport.is_closing():
            self._transport.write(together if safe else _UNRECORDED)
        if not safe or (self._closing and not self._waiting):
            self._transport.close()

    def close(self) -> None:
        """Write what is left, then close."""
        self._flush()
        self._closing = True
        if not self._waiting:
            self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _refusal(status: int, code: str, message: str) -> bytes:
    """Make an answer in the one shape of failures (see envelope) that ends the connection."""
    metadata = {"status": "ERROR", "error_code": -1, "error_message": message, "error": code}
    body = orjson.dumps({"metadata": metadata})
    return (
        b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
        b"connection: close\r\n\r\n%b"
        % (status, HTTPStatus(status).phrase.encode(), len(body), body)
    )


_UNRECORDED = _refusal(503, "unrecorded", "the record of this request could not be written")
