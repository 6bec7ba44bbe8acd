"""Check chapter 4: frames that are none, lengths, bombs, attachments."""

from __future__ import annotations

from collections.abc import Callable

from contracts.conform.broken import Broken, expect
from contracts.conform.drive import Drive, check
from contracts.conform.mirror import NUMBERS, ask, numbers, question
from contracts.errors import Code
from contracts.golden import Vector, vectors
from contracts.messages import ErrorReply, Ping, Reply
from contracts.table import Column, Columns, Type, pack_floats
from contracts.wire import MAX_FRAME, FrameReader, frame

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
    """Act, and hold the process's peak of memory against SPEC 4.4."""
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


@check("4.6", "reads a large table from an attachment and unlinks it", "fit")
def _reads_attachments(drive: Drive) -> None:
    peer = drive.hold("matrix")
    rows = 100_000
    values = [float(at) for at in range(2 * rows)]
    asked = peer.send(question(pack_floats(rows, NUMBERS.names, values), 1))
    expect(numbers(peer.reply(asked)) == values[1::2], True)
    expect(drive.process.left_over(), [])


@check("4.6", "reads columns from an attachment, strings included", "fit")
def _reads_columns(drive: Drive) -> None:
    peer = drive.hold("matrix")
    rows = 100_000
    items = [float(at) for at in range(rows)]
    columns = [Column.of(name, Type.F64, items) for name in NUMBERS.names]
    text = Column.of("ignored", Type.STR, ["é"] * rows)
    expect(ask(peer, Columns(rows, (*columns, text)), 1) == items, True)
    expect(drive.process.left_over(), [])


@check("4.6", "refuses attachments that are not what was announced, and unlinks them", "predict")
def _attachments(drive: Drive) -> None:
    peer = drive.connect()
    for vector in vectors("invalid/bad_message"):
        if vector.text["clause"] == "4.6" and vector.text["at"] == "request":
            vector.lay_out(drive.process.folder)
            peer.send_payload(vector.payload, vector.text["id"])
            reply = peer.reply(vector.text["id"])
            if not isinstance(reply, ErrorReply) or reply.code is not Code.BAD_MESSAGE:
                raise Broken(f"{reply} for {vector.text['description']}", "bad_message")
            expect(drive.process.left_over(), [])


@check("4.6", "does not follow a link to the file of somebody else", "predict")
def _links(drive: Drive) -> None:
    folder = drive.process.folder
    secret = folder.parent / "secret"
    secret.write_bytes(bytes(32))
    (folder / "link").symlink_to(secret)
    peer = drive.connect()
    table = {"rows": 2, "names": ["a", "b"], "matrix": [0, 32]}
    attachment = {"name": "link", "size": 32}
    peer.send_map({"id": 1, "op": "predict", "table": table, "attachment": attachment})
    reply = peer.reply(1)
    (folder / "link").unlink(missing_ok=True)
    expect(reply.code if isinstance(reply, ErrorReply) else reply, Code.BAD_MESSAGE)
    expect(secret.exists(), True)
