"""Check what is refused, and with which code (SPEC 4.4, 4.6, 5.1, 5.2, 6.2, 7, 8.2)."""

from __future__ import annotations

from contracts.conform.broken import Broken, expect
from contracts.conform.drive import Drive, check
from contracts.conform.mirror import (
    mixed,
    numbers,
    question,
    refused,
)
from contracts.errors import Code
from contracts.golden import vectors
from contracts.messages import ErrorReply, Fit, Load, Persist, Predict, Read, Request, Source
from contracts.table import Column, Type, pack_floats
from contracts.wire import pack, unpack

_TABLE = pack_floats(1, ("x",), [1.0])
_SOURCE = Source("/nowhere", "dataset")
REQUESTS: dict[str, Request] = {
    "fit": Fit(0, {}, _TABLE, Column.of("y", Type.F64, [1.0])),
    "persist": Persist(0),
    "load": Load(0, b"", "format", "00"),
    "read": Read(0, _SOURCE),
}
"""A request of each op that an adapter may lack."""


@check("5.1", "tells its capabilities, predict and ping among them")
def _capabilities(drive: Drive) -> None:
    expect({"predict", "ping"} - set(drive.connect().hello.capabilities), set())


@check("5.2", "refuses requests that are no message, and goes on")
def _bad_messages(drive: Drive) -> None:
    _refuse_vectors(drive, Code.BAD_MESSAGE)


@check("5.2", "refuses tables that contradict themselves, and goes on")
def _bad_tables(drive: Drive) -> None:
    _refuse_vectors(drive, Code.BAD_TABLE)


@check("6.2", "refuses buffers whose length is not what rows and type demand")
def _bad_buffers(drive: Drive) -> None:
    _refuse_vectors(drive, Code.BAD_TABLE, "6.2")


@check("5.2", "refuses ops that the contract does not have, and goes on")
def _unknown_ops(drive: Drive) -> None:
    _refuse_vectors(drive, Code.UNKNOWN_OP)


def _refuse_vectors(drive: Drive, code: Code, clause: str = "") -> None:
    """Send every invalid request of a code, or of one clause of it.

    Those with an attachment are for `_refuse_attached`.
    """
    peer = drive.connect()
    for vector in vectors(f"invalid/{code.value}"):
        if vector.text["at"] != "request" or "attachment" in vector.text["message"]:
            continue
        if vector.message.get("op") in _without(drive):
            continue
        if clause and vector.text["clause"] != clause:
            continue
        number = vector.text["id"]
        peer.send_payload(vector.payload, number)
        try:
            reply = peer.reply(number)
        except Broken as ex:
            raise Broken(f"{ex} for {vector.text['description']}", code.value) from ex
        if not isinstance(reply, ErrorReply) or reply.code is not code:
            found = reply.code if isinstance(reply, ErrorReply) else "ok"
            raise Broken(f"{found} for {vector.text['description']}", code.value)


def _without(drive: Drive) -> list[str]:
    """Name the ops that this adapter has no capability for."""
    return [op for op in REQUESTS if op not in drive.hello.capabilities]


@check("4.4", "refuses buffers that overlap to more than eight times their attachment", "predict")
def _overlap(drive: Drive) -> None:
    _refuse_attached(drive, "4.4")


@check("4.6", "refuses attachments that are not what was announced, and unlinks all", "predict")
def _attachments(drive: Drive) -> None:
    _refuse_attached(drive, "4.6")


def _refuse_attached(drive: Drive, clause: str) -> None:
    """Send every invalid request of a clause that has an attachment; its file must go."""
    peer = drive.connect()
    for vector in vectors("invalid"):
        if vector.text["clause"] != clause or "attachment" not in vector.text.get("message", {}):
            continue
        if vector.text["at"] != "request":
            continue
        vector.lay_out(drive.process.folder)
        peer.send_payload(vector.payload, vector.text["id"])
        reply = peer.reply(vector.text["id"])
        told = reply.code if isinstance(reply, ErrorReply) else "ok"
        if told != vector.meaning:
            raise Broken(f"{told} for {vector.text['description']}", vector.meaning)
        if left := drive.process.left_over():
            raise Broken(f"{left} after {vector.text['description']}", "no file")


@check("5.2", "says unsupported to ops that it has no capability for")
def _unsupported(drive: Drive) -> None:
    peer = drive.connect()
    for op in _without(drive):
        refused(peer, REQUESTS[op], Code.UNSUPPORTED)


@check("5.5", "refuses a method that there is not", "fit")
def _no_method(drive: Drive) -> None:
    request = Predict(0, mixed(), method="no such method")
    refused(drive.hold("mixed"), request, Code.UNSUPPORTED)


@check("7.3", "sends the language's own traceback of a model's error, as a string", "fit")
def _traceback(drive: Drive) -> None:
    reply = drive.hold("mixed").ask(question(mixed(), 1, "fail"))
    if not isinstance(reply, ErrorReply) or "asked to fail" not in reply.message + reply.traceback:
        raise Broken(reply, "what the model said: 'the mirror was asked to fail'")


@check("8.2", "ignores keys that it does not know, wherever they stand", "fit")
def _unknown_keys(drive: Drive) -> None:
    peer = drive.hold("mixed")
    message = unpack(pack({"id": 1, "op": "predict", "params": {"mode": "code", "at": 1}}))
    columns = [
        {
            "name": c.name,
            "type": c.type.value,
            "values": c.values,
            "present": c.present,
            "offsets": c.offsets,
            "levels": list(c.levels) or None,
            "ordered": c.ordered,
            "unit": {"of": "measure"},
        }
        for c in mixed().columns
    ]
    table = {"rows": 1, "columns": columns, "origin": ["elsewhere"]}
    peer.send_map({**message, "table": table, "trace": "00-4bf9", "baggage": {"a": [1]}})
    expect(numbers(peer.reply(1)), [7.0])
