"""Check chapter 3, and cancel: who speaks when, and what answers what."""

from __future__ import annotations

import time

from contracts.conform.broken import expect
from contracts.conform.drive import Drive, check
from contracts.conform.mirror import ask, mixed, numbers, question
from contracts.errors import Code
from contracts.messages import Cancel, ErrorReply, Ping, Predict, Reply

BUSY = 0.3
"""Seconds that the mirror sleeps so that requests queue up behind it."""


@check("3.1", "speaks first on each connection, with hello")
def _speaks_first(drive: Drive) -> None:
    expect(drive.connect().hello, drive.connect().hello)


@check("3.2", "answers a hundred requests sent at once, each with its id", "ping")
def _pipelined(drive: Drive) -> None:
    peer = drive.connect()
    asked = [peer.send(Ping(0)) for _ in range(100)]
    for number in reversed(asked):
        expect(peer.reply(number), Reply(number))


@check("3.2", "answers a model's error, and a result that cannot be encoded", "fit")
def _answers_errors(drive: Drive) -> None:
    peer = drive.hold("mixed")
    for mode, code in (("fail", Code.PREDICT_FAILED), ("strange", Code.BAD_RESULT)):
        reply = peer.ask(question(mixed(), 1, mode))
        expect(reply.code if isinstance(reply, ErrorReply) else reply, code)


@check("3.3", "sends nothing but one reply to each request", "ping")
def _one_each(drive: Drive) -> None:
    peer = drive.connect()
    peer.ask(Ping(0))
    peer.send_map({"id": 1, "op": "no such op"})
    peer.expect_silence()


@check("3.4", "serves other connections when one ends, in a frame or in a request", "fit")
def _survives_a_dropped_connection(drive: Drive) -> None:
    drive.hold("mixed")
    other = drive.connect()
    for raw in (b"\x00", b"\x00\x00\x01\x00half of a frame"):
        cut = drive.connect()
        cut.send_bytes(raw)
        cut.close()
    busy = drive.connect()
    busy.send(question(mixed(), 1, "sleep", seconds=BUSY))
    busy.close()
    expect(ask(other, mixed(), 1), [7.0])
    expect(ask(drive.connect(), mixed(), 1), [7.0])


@check("3.5", "answers alike requests that queued up each with its own rows", "fit")
def _splits(drive: Drive) -> None:
    busy = drive.hold("mixed")
    # Connected before the model is busy: an adapter at work need not greet, and what is asked once
    # it is idle again does not queue up.
    peers = [drive.connect() for _ in range(3)]
    busy.send(question(mixed(), 1, "sleep", seconds=BUSY))
    rows = [[3, 4], [], [5], [6, 7, 8], [9], [10]]
    asked = [
        (peer, peer.send(question(mixed(n=cells), 1)), cells)
        for peer, cells in zip(peers * 2, rows, strict=True)
    ]
    for peer, number, cells in asked:
        expect(numbers(peer.reply(number)), [float(cell) for cell in cells])


@check("3.5", "fails nobody else's request when one caller's rows fail", "fit")
def _isolates(drive: Drive) -> None:
    busy = drive.hold("mixed")
    peer = drive.connect()
    busy.send(question(mixed(), 1, "sleep", seconds=BUSY))
    asked = [peer.send(question(mixed(n=[cell]), 1, "poison")) for cell in (1, 666, 3)]
    first, poisoned, last = (peer.reply(number) for number in asked)
    expect(numbers(first), [1.0])
    expect(poisoned.code if isinstance(poisoned, ErrorReply) else poisoned, Code.PREDICT_FAILED)
    expect(numbers(last), [3.0])


@check("3.6", "refuses a request that has expired, and runs one that has not", "fit")
def _expires(drive: Drive) -> None:
    peer = drive.hold("mixed")
    now = time.monotonic()
    params = {"mode": "code", "at": 1}
    late = peer.ask(Predict(0, mixed(), params=params, expires=now - 1))
    expect(late.code if isinstance(late, ErrorReply) else late, Code.EXPIRED)
    expect(numbers(peer.ask(Predict(0, mixed(), params=params, expires=now + 3600))), [7.0])


@check("5.9", "answers what is cancelled once, and leaves everybody else's alone", "fit", "cancel")
def _cancels(drive: Drive) -> None:
    busy = drive.hold("mixed")
    peer, other = drive.connect(), drive.connect()
    busy.send(question(mixed(), 1, "sleep", seconds=BUSY))
    rows = (3, 4, 5)
    asked = [peer.send(question(mixed(n=[cell]), 1)) for cell in rows]
    same = [other.send(question(mixed(n=[cell]), 1)) for cell in rows]
    expect(asked, same)  # ids are of their connection
    cancel = peer.send(Cancel(0, asked[1]))
    expect(peer.reply(cancel), Reply(cancel))
    kept, cancelled, last = (peer.reply(number) for number in asked)
    expect([numbers(kept), numbers(last)], [[3.0], [5.0]])
    if isinstance(cancelled, ErrorReply):
        expect(cancelled.code, Code.CANCELLED)
    else:
        expect(numbers(cancelled), [4.0])
    expect([numbers(other.reply(number)) for number in same], [[3.0], [4.0], [5.0]])
    for number in (asked[0], 2**64 - 1):
        answer = peer.ask(Cancel(0, number))
        expect(isinstance(answer, ErrorReply), False)
    peer.expect_silence()
