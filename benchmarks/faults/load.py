"""Ask a service many things at once, over connections kept alive, and check each answer.

No row is asked for twice, and each version of `multiplier` has a factor of its own: an answer is
right if it is its row's number times the factor of the version that it names. Nothing is tried
again: what a server drops counts as failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httptools

_KEPT = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and what came back; times on time.monotonic(). ``status`` 0: none came."""

    rows: tuple[float, ...]
    sent: float
    seconds: float
    status: int
    version: int | None
    fault: str
    """Why it is no success, or no right answer; empty for a right one."""

    wrong: bool = False
    """Whether it is a success with a wrong answer."""

    fresh: bool = False
    """Whether it was the first request of its connection: perhaps no front-end had accepted it."""


class Load:
    """Connections that ask in a thread of their own, from `__enter__` to `__exit__`.

    ``factors`` is version → factor; it may be added to meanwhile. ``rate`` is requests a second of
    all connections together, None: as fast as they are answered. ``rows`` are the numbers of rows
    of a request, in turn; one row goes as a GET, more as a POST of JSON. ``on_answer`` is called
    with each answer, in the load's thread. The last ``keep`` answers that are no success or wrong
    are in ``faults``.
    """

    def __init__(
        self,
        port: int,
        service: str,
        factors: Mapping[int, float],
        *,
        connections: int = 32,
        rate: float | None = None,
        rows: Sequence[int] = (1,),
        on_answer: Callable[[Answer], None] | None = None,
        timeout: float = 60.0,
        first: int = 1,
    ) -> None:
        self.requests = self.failed = self.wrong = 0
        self.worst_seconds = 0.0
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[int | None] = Counter()
        self.faults: list[Answer] = []
        self._port, self._service, self._factors = port, service, factors
        self._pause = connections / rate if rate else 0.0
        self._connections, self._timeout, self._on_answer = connections, timeout, on_answer
        self._sizes = itertools.cycle(rows)
        self._numbers = itertools.count(first)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask no more, and wait for the answers that are due."""
        self._stop.set()
        self._thread.join()

    def counts(self) -> dict[str, int]:
        """Give requests, failed and wrong as `Outcome` takes them."""
        return {"requests": self.requests, "failed": self.failed, "wrong": self.wrong}

    def complaints(self, most: int = 3) -> list[str]:
        """Say what some of those were told that failed or were answered wrongly."""
        return list(dict.fromkeys(fault.fault[:300] for fault in self.faults))[:most]

    def wait_for(self, more: int, seconds: float = 60.0) -> None:
        """Wait until so many more requests are answered. Raises TimeoutError."""
        wanted, deadline = self.requests + more, time.monotonic() + seconds
        while self.requests < wanted:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise TimeoutError(f"{self.requests - wanted + more} answers of {more}")
            time.sleep(0.005)

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask_on() for _ in range(self._connections)))

    async def _ask_on(self) -> None:
        """Ask on one connection, and on a new one whenever it is lost."""
        loop = asyncio.get_running_loop()
        client: _Client | None = None
        while not self._stop.is_set():
            began = time.monotonic()
            size = next(self._sizes)
            rows = tuple(float(next(self._numbers)) for _ in range(size))
            status, content = 0, b""
            fresh = client is None or client.lost
            try:
                async with asyncio.timeout(self._timeout):
                    if client is None or client.lost:
                        _, client = await loop.create_connection(_Client, "127.0.0.1", self._port)
                    status, content = await client.ask(self._request(rows))
            except (OSError, TimeoutError, httptools.HttpParserError) as ex:
                content = repr(ex).encode()
                if client is not None:
                    client.close()
            self._note(rows, began, status, content, fresh)
            left = self._pause - (time.monotonic() - began)
            if left > 0 or status == 0:
                await asyncio.sleep(max(left, 0.01))
        if client is not None:
            client.close()

    def _request(self, rows: tuple[float, ...]) -> bytes:
        path = f"/services/{self._service}/predict"
        if len(rows) == 1:
            return f"GET {path}?x={rows[0]} HTTP/1.1\r\nHost: load\r\n\r\n".encode()
        body = json.dumps([{"x": x} for x in rows])
        return (
            f"POST {path} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _note(
        self, rows: tuple[float, ...], began: float, status: int, content: bytes, fresh: bool
    ) -> None:
        seconds = time.monotonic() - began
        version, fault, wrong = None, "", False
        if status == 200:
            version, fault = self._check(rows, content)
            wrong = bool(fault)
        else:
            fault = f"{status}: {content[:500].decode(errors='replace')}"
        answer = Answer(rows[:10], began, seconds, status, version, fault, wrong, fresh)
        self.failed += status != 200
        self.wrong += wrong
        self.statuses[status] += 1
        self.versions[version] += 1
        self.worst_seconds = max(self.worst_seconds, seconds)
        if fault and len(self.faults) < _KEPT:
            self.faults.append(answer)
        if self._on_answer is not None:
            self._on_answer(answer)
        self.requests += 1

    def _check(self, rows: tuple[float, ...], content: bytes) -> tuple[int | None, str]:
        """Give the version that an answer names, and what is wrong with it."""
        try:
            answer = json.loads(content)
            version, result = answer["metadata"]["model_version"], answer["result"]
            factor = self._factors[version]
        except (ValueError, KeyError, TypeError) as ex:
            return None, f"{ex!r}: {content[:500]!r}"
        expected: Any = [x * factor for x in rows]
        if len(rows) == 1:
            expected = expected[0]
        if result != expected:
            return version, f"version {version} answered {str(result)[:200]} for {rows[:10]}"
        return version, ""


class _Client(asyncio.Protocol):
    """One connection, one request at a time; nothing is tried again."""

    def __init__(self) -> None:
        self.lost = False
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; give status and body. Raises ConnectionError."""
        if self.lost or self._transport is None:
            raise ConnectionError("the connection was lost before the request")
        self._body = []
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    def close(self) -> None:
        self.lost = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as ex:
            self._end(ex)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._end(exc or ConnectionResetError("the connection was closed before the answer"))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result((self._parser.get_status_code(), b"".join(self._body)))

    def _end(self, ex: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ex)
        with contextlib.suppress(AttributeError):
            self.close()
