"""Check chapter 2: how an adapter starts, listens, keeps its model apart, and ends."""

from __future__ import annotations

import time
from pathlib import Path

from contracts import marker
from contracts.conform.broken import Broken, expect
from contracts.conform.drive import Drive, check
from contracts.conform.mirror import MIXED, mixed, numbers, question
from contracts.messages import Ping, Reply

GRACE = 5.0
"""Seconds that an idle adapter has to end (SPEC 2.2)."""


@check("2.1", "takes connections one after another", "ping")
def _one_after_another(drive: Drive) -> None:
    for _ in range(20):
        peer = drive.connect()
        expect(type(peer.ask(Ping(0))), Reply)
        peer.close()


@check("2.1", "takes many connections at once", "ping")
def _at_once(drive: Drive) -> None:
    try:
        peers = [drive.connect() for _ in range(20)]
    except Broken as ex:  # silence here is no matter of who speaks first
        raise Broken(ex, "20 connections, each with its hello", "2.1") from ex
    asked = [peer.send(Ping(0)) for peer in peers]
    for peer, number in reversed(list(zip(peers, asked, strict=True))):
        expect(type(peer.reply(number)), Reply)


@check("2.2", "ends with exit code 0 within 5 s when its standard input ends")
def _ends_with_its_input(drive: Drive) -> None:
    with drive.fresh() as process:
        process.connect()
        code = process.hang_up(GRACE)
        if code is None:
            raise Broken(f"a process that still runs after {GRACE:g} s", "exit code 0")
        expect(code, 0)


@check("2.3", "keeps what a model prints off the protocol and passes it to standard error", "fit")
def _prints(drive: Drive) -> None:
    peer = drive.hold("mixed")
    expect(numbers(peer.ask(question(mixed(), 1, "print"))), [7.0])
    expect(type(peer.ask(Ping(0))), Reply)
    if "the mirror on standard output" not in drive.process.errors():
        raise Broken("nothing of it on standard error", "what the model printed")


@check("2.3", "gives the model an empty standard input, not the lifeline", "fit")
def _reads(drive: Drive) -> None:
    expect(numbers(drive.hold("mixed").ask(question(mixed(), 1, "stdin"))), [0.0])


@check("2.3", "writes nothing to standard output")
def _standard_output(drive: Drive) -> None:
    expect(drive.process.output(), b"")


@check("2.7", "tells in PATH.now, if it keeps that file, which requests the model is at", "fit")
def _tells_what_it_is_at(drive: Drive) -> None:
    peer = drive.hold("mixed")
    if not drive.process.marker.exists():
        return
    expect(_at(drive.process.marker, frozenset()), frozenset())
    for seconds in (0.3, 1.0, 5.0):  # a busy machine may look too late
        asked = peer.send(question(mixed(), 1, "sleep", seconds=seconds))
        found = _at(drive.process.marker, frozenset({asked}), seconds)
        peer.reply(asked)
        if found:
            break
    expect(found, frozenset({asked}))
    expect(_at(drive.process.marker, frozenset()), frozenset())


def _at(file: Path, awaited: frozenset[int], within: float = GRACE) -> frozenset[int] | None:
    """Await that a file tells of these requests; give those of which it tells at last."""
    until = time.monotonic() + within
    while (found := marker.read(file.read_bytes())) != awaited and time.monotonic() < until:
        time.sleep(0.01)
    return found


@check("2.5", "outlives a model that fails", "fit")
def _outlives(drive: Drive) -> None:
    peer = drive.hold("mixed")
    for _ in range(3):
        peer.ask(question(MIXED, 0, "fail"))
    expect(drive.process.alive, True)
    expect(numbers(peer.ask(question(mixed(), 1))), [7.0])
