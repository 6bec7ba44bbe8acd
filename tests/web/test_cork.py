"""Bytes leave once a turn, and not before the gate has let them pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import orjson

from runner.web.protocol import Cork


class Transport:
    """Keeps what is written, and whether it was closed."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Later:
    """A gate that holds everything until the test opens it."""

    def __init__(self) -> None:
        self.held: list[Callable[[bool], None]] = []

    def settle(self, then: Callable[[bool], None], number: int) -> None:
        self.held.append(then)


def corked(gate: Later | None = None) -> tuple[Cork, Transport]:
    transport = Transport()
    cork = Cork(cast(asyncio.Transport, transport), asyncio.get_running_loop(), gate)
    return cork, transport


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_a_turn_is_one_write() -> None:
    """Head and body, and a second answer of the same turn, leave together."""
    cork, transport = corked()
    for part in (b"head", b"body", b"second"):
        cork.write(part)
    assert transport.written == []
    await turn()
    assert transport.written == [b"headbodysecond"]


async def test_nothing_leaves_before_the_gate_opens() -> None:
    """What is written while the gate is shut waits for a turn at the gate of its own."""
    gate = Later()
    cork, transport = corked(gate)
    cork.record = 1
    cork.write(b"first")
    await turn()
    cork.record = 2
    cork.write(b"second")
    await turn()
    assert transport.written == []
    assert len(gate.held) == 2
    gate.held[0](True)
    assert transport.written == [b"first"]
    gate.held[1](True)
    assert transport.written == [b"first", b"second"]


async def test_what_leaves_no_record_waits_for_none() -> None:
    """A probe of health is answered though no record can be written."""
    gate = Later()
    cork, transport = corked(gate)
    cork.write(b"alive")
    await turn()
    assert transport.written == [b"alive"]
    assert gate.held == []


async def test_closing_waits_for_the_gate() -> None:
    """An answer with `Connection: close` leaves whole before the connection ends."""
    gate = Later()
    cork, transport = corked(gate)
    cork.record = 1
    cork.write(b"last")
    cork.close()
    assert not transport.closed
    gate.held[0](True)
    assert transport.written == [b"last"]
    assert transport.closed


async def test_what_is_not_recorded_is_not_answered() -> None:
    """In place of an answer whose record is not safe stands 503, and the connection ends."""
    gate = Later()
    cork, transport = corked(gate)
    cork.record = 1
    cork.write(b"HTTP/1.1 200 OK\r\n\r\nthe answer")
    await turn()
    gate.held[0](False)
    (written,) = transport.written
    head, _, body = written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert orjson.loads(body)["metadata"]["error"] == "unrecorded"
    assert transport.closed


async def test_a_client_that_is_gone_gets_nothing() -> None:
    """A gate that opens after the connection ended harms nobody."""
    gate = Later()
    cork, transport = corked(gate)
    cork.record = 1
    cork.write(b"late")
    await turn()
    transport.closed = True
    gate.held[0](True)
    assert transport.written == []


def test_the_twin_is_like_a_transport() -> None:
    """What is not held back goes to the transport itself."""

    async def ask() -> Any:
        cork, transport = corked()
        transport.extra = "info"  # type: ignore[attr-defined]
        return cork.extra

    assert asyncio.run(ask()) == "info"
