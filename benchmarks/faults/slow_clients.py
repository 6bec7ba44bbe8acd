"""Hold connections open and send too little, while good clients ask."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.faults.leftovers import Inventory
from benchmarks.faults.load import Load
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.ledger import asked, with_ledger
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.server import serving

DEADLINE = 3.0
"""Seconds for a head, and for a body, in this scenario's config."""

_HEAD = b"POST /predict HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\n"
_WANTED = 1_000_000
"""Rows of the slow clients are minus this and less: if the model sees one, it was executed."""


@scenario(
    12,
    "slow clients: 200 connections that send nothing, half a header, half a body, a byte at a time",
    "good clients: 0 failed; a stalled body is cut off after its own deadline and never executed",
    connections=50,
)
def slow_clients(
    folder: Path, connections: int = 200, good: int = 16, limit: float = DEADLINE + 2.0
) -> Outcome:
    """``worst_seconds``: from a slow client's connect to its being cut off."""
    project = multiplier(
        folder / "python", more=f"server: {{head_timeout: {DEADLINE}, body_timeout: {DEADLINE}}}"
    )
    with_ledger(project)
    factors = fit_factors(project, [2.0])
    with serving(project) as server:
        before = Inventory.settled(server)
        with Load(server.port, "python", factors, connections=good, rate=400) as load:
            load.wait_for(good)
            cuts = asyncio.run(_all(server.port, connections))
            load.wait_for(good)
        outcome = Outcome(connections, limit_seconds=limit, **load.counts())
        outcome.notes += load.complaints()
        outcome.worst_seconds = max(cut.seconds for cut in cuts)
        outcome.judge()
        outcome.breaches += before.differences(server)
    for kind, count in Counter(cut.complaint for cut in cuts if cut.complaint).items():
        outcome.check(False, f"{count} slow clients: {kind}")
    rows = asked(project)
    executed = sum(x <= -_WANTED for x in rows)
    outcome.check(len(rows) >= load.requests, "the model's ledger does not have the good rows")
    outcome.check(executed == 0, f"{executed} stalled bodies were executed")
    outcome.notes.append(
        f"{executed} of {sum(cut.body for cut in cuts)} stalled bodies executed; "
        f"longest answer to a good client {load.worst_seconds:.3f} s; deadline {DEADLINE:g} s"
    )
    outcome.breaches += before.remains()
    return outcome


class _Cut:
    """How a slow client's connection ended."""

    def __init__(self, seconds: float, received: bytes, body: bool) -> None:
        self.seconds = seconds
        self.body = body
        self.complaint = ""
        if body and not (received.startswith(b"HTTP/1.1 408 ") and b'"body_timeout"' in received):
            self.complaint = f"a stalled body was answered {received[:60]!r}, not 408"
        elif not body and received:
            self.complaint = f"no whole head, and yet answered {received[:60]!r}"


async def _all(port: int, connections: int) -> list[_Cut]:
    kinds = list(_KINDS.values())
    return await asyncio.gather(
        *(_slow(port, kinds[each % len(kinds)], each) for each in range(connections))
    )


async def _slow(port: int, send: _Send, number: int) -> _Cut:
    """Connect, send what this kind of client sends, and wait to be cut off."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(send(writer, number))
    received = b""
    try:
        async with asyncio.timeout(60):
            while part := await reader.read(65_536):
                received += part
    except ConnectionError:
        pass
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    return _Cut(time.monotonic() - began, received, send in _BODIES)


_Send = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


def _body(number: int) -> bytes:
    return json.dumps([{"x": -float(_WANTED + number)}]).encode()


async def _nothing(writer: asyncio.StreamWriter, number: int) -> None:
    """Send nothing at all."""


async def _half_a_head(writer: asyncio.StreamWriter, number: int) -> None:
    writer.write(_HEAD[:40])


async def _head_by_bytes(writer: asyncio.StreamWriter, number: int) -> None:
    """Never be silent for long: the deadline is for the whole head."""
    for at in range(len(_HEAD)):
        writer.write(_HEAD[at : at + 1])
        await asyncio.sleep(0.2)


async def _half_a_body(writer: asyncio.StreamWriter, number: int) -> None:
    body = _body(number)
    writer.write(_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body[:-5]))


async def _body_that_looks_whole(writer: asyncio.StreamWriter, number: int) -> None:
    """Announce more than a list of rows that could be answered as it is."""
    body = _body(number)
    writer.write(_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body) + 5, body))


async def _body_by_bytes(writer: asyncio.StreamWriter, number: int) -> None:
    body = _body(number) + b" " * 100
    writer.write(_HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
    for at in range(len(body)):
        writer.write(body[at : at + 1])
        await asyncio.sleep(0.2)


async def _chunks_without_end(writer: asyncio.StreamWriter, number: int) -> None:
    body = _body(number)
    writer.write(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body))


_KINDS: dict[str, _Send] = {
    "nothing": _nothing,
    "half a head": _half_a_head,
    "half a body": _half_a_body,
    "a body that looks whole": _body_that_looks_whole,
    "a head by bytes": _head_by_bytes,
    "a body by bytes": _body_by_bytes,
    "chunks without end": _chunks_without_end,
}
_BODIES = {_half_a_body, _body_that_looks_whole, _body_by_bytes, _chunks_without_end}
