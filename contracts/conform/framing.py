"""Check 4.1 to 4.5: frames that are none, lengths, bombs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts.conform.broken import Broken, expect
from contracts.conform.drive import Drive, check
from contracts.errors import Code
from contracts.golden import Vector, vectors
from contracts.messages import ErrorReply, Ping, Reply
from contracts.wire import MAX_DEPTH, MAX_FRAME, MAX_VALUES, FrameReader, frame

BAD_FRAMES = vectors("invalid/bad_frame")
SLACK = 16 * 1024 * 1024
"""What an interpreter's own memory may move besides what SPEC 4.4 allows."""


def _refuses(drive: Drive, clause: str) -> None:
    """Send each bad frame of a clause; its connection must end, and only that one."""
    bystander = drive.connect()
    for vector in BAD_FRAMES:
        if vector.text["clause"] == clause:
            try:
                _refuses_one(drive, vector)
                expect(type(bystander.ask(Ping(0))), Reply)
            except Broken as ex:
                raise Broken(f"{ex} for {vector.text['description']}", "its end, only") from ex


def _refuses_one(drive: Drive, vector: Vector) -> None:
    peer = drive.connect()
    stream = vector.text.get("stream")
    peer.send_bytes(bytes.fromhex(stream) if stream else frame(vector.payload))
    for reply in peer.expect_end():
        expect((reply.id, getattr(reply, "code", None)), (None, Code.BAD_FRAME))


def _measured(drive: Drive, received: int, act: Callable[[], None]) -> None:
    """Act, and hold the peak of memory of its processes against SPEC 4.4."""
    before = drive.process.forget_peak()
    act()
    grown = drive.process.peak() - before
    allowed = 8 * received + 16 * 1024 * 1024 + SLACK
    if grown > allowed:
        raise Broken(f"{grown >> 20} MiB more memory", f"at most {allowed >> 20} MiB")


@check("4.2", "ends the connection as soon as a length over 64 MiB is read", "ping")
def _lengths(drive: Drive) -> None:
    _refuses(drive, "4.2")


@check("4.3", "ends the connection on bytes that are no map with strings as keys", "ping")
def _no_maps(drive: Drive) -> None:
    _refuses(drive, "4.3")


@check("4.4", "ends the connection on messages too deep or of too many values", "ping")
def _too_much(drive: Drive) -> None:
    _refuses(drive, "4.4")


@check("4.4", "takes messages of all the values, and of all the depth, that are allowed", "predict")
def _just_enough(drive: Drive) -> None:
    peer = drive.connect()
    deep: list[Any] = []
    for _ in range(MAX_DEPTH - 3):  # the maps of the message and of params, and the innermost
        deep = [deep]
    # Two maps, an array, and the keys and values of id, op, params and padding but for these.
    most = [None] * (MAX_VALUES - 9)
    for number, padding in enumerate((most, deep)):
        peer.send_map({"id": number, "op": "predict", "params": {"padding": padding}})
        reply = peer.reply(number)  # there is no table: but the frame was read
        expect(reply.code if isinstance(reply, ErrorReply) else reply, Code.BAD_MESSAGE)


@check("4.4", "allocates no memory for a length that is only announced", "ping")
def _announced(drive: Drive) -> None:
    def announce() -> None:
        for _ in range(8):
            drive.connect().send_bytes(MAX_FRAME.to_bytes(4, "big") + bytes(1000))
        expect(type(drive.connect().ask(Ping(0))), Reply)

    _measured(drive, 8 * 1004, announce)
    drive.process.release()


@check("4.4", "allocates no more than a small multiple of a message, whatever it says", "ping")
def _bombs(drive: Drive) -> None:
    for vector in BAD_FRAMES:
        if vector.text["clause"] == "4.4":
            payload = vector.payload
            _measured(drive, len(payload), lambda vector=vector: _refuses_one(drive, vector))  # type: ignore[misc]


@check("4.5", "goes on with other connections after a bad frame", "ping")
def _others_go_on(drive: Drive) -> None:
    other = drive.connect()
    asked = other.send(Ping(0))
    bad = drive.connect()
    bad.send_bytes(frame(b"\xc1"))
    bad.expect_end()
    expect(type(other.reply(asked)), Reply)
    expect(type(other.ask(Ping(0))), Reply)


@check("4.1", "puts frames together however they are cut", "ping")
def _pieces(drive: Drive) -> None:
    peer = drive.connect()
    stream = b"".join(frame(b"\x82\xa2id" + bytes([at]) + b"\xa2op\xa4ping") for at in range(3))
    assert len(FrameReader().feed(stream)) == 3
    peer.expect_replies(0, 1, 2)
    for at in range(len(stream)):
        peer.send_bytes(stream[at : at + 1])
    for number in range(3):
        expect(peer.reply(number), Reply(number))
