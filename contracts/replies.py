"""Encode and decode replies: one for each request, whatever happens (SPEC 5.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts.buffers import INLINE_READER, Buffer, BufferReader
from contracts.column import Column, Field
from contracts.errors import BadMessage, Code, Failure
from contracts.keys import is_id, optional, require, short
from contracts.seal import seal
from contracts.table import Table, table_from_wire
from contracts.wire import pack, unpack


@dataclass(slots=True, unsafe_hash=True)
class Reply:
    """Answer one request (SPEC 5.3). Which fields are there depends on the request's op:

    fit: ``features`` and ``target_field`` (the signature), ``task``, ``rows``, ``data_sha256``.
    predict: ``table``, and ``target`` if a source gave the rows; ``seconds`` that the model took
    and ``batch``, the number of requests that it answered in one call.
    persist: ``artifact``, ``format``.  read: ``table``, ``target``.  load, ping: none.

    PERF: immutable to the type checker; frozen at run time, making one would cost three times more.
    """

    id: Final[int]
    table: Final[Table | None] = None
    target: Final[Column | None] = None
    features: Final[tuple[Field, ...] | None] = None
    target_field: Final[Field | None] = None
    task: Final[str | None] = None
    rows: Final[int | None] = None
    data_sha256: Final[str | None] = None
    artifact: Final[Buffer | None] = None
    format: Final[str | None] = None
    seconds: Final[float | None] = None
    batch: Final[int | None] = None


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """Refuse one request, or fail at it (SPEC 7). ``id`` is None if the request had none."""

    id: int | None
    code: Code
    message: str
    traceback: str = ""

    def failure(self) -> Failure:
        """Give the exception that tells the same."""
        return Failure(self.code, self.message, self.traceback)


_CODES: dict[str, Code] = {code.value: code for code in Code}


def encode_reply(reply: Reply | ErrorReply, folder: Path | None = None) -> bytes:
    """Encode a reply as a frame's payload; large buffers go to a file in ``folder``.

    Raises BadMessage for what msgpack cannot encode, OSError if there is no room for the file.
    """
    if isinstance(reply, ErrorReply):
        error = {"code": reply.code.value, "message": reply.message}
        if reply.traceback:
            error["traceback"] = reply.traceback
        return pack({"id": reply.id, "ok": False, "error": error})
    message: dict[str, Any] = {"id": reply.id, "ok": True}
    if reply.seconds is not None:
        message["seconds"] = reply.seconds
    if reply.batch is not None:
        message["batch"] = reply.batch
    if reply.table is not None:  # of predict or read: nothing of the others
        return seal(message, folder, reply.table, reply.target, None)
    for key in ("task", "rows", "data_sha256", "format"):
        if (told := getattr(reply, key)) is not None:
            message[key] = told
    if reply.features is not None:
        message["signature"] = {
            "features": [feature.to_wire() for feature in reply.features],
            "target": reply.target_field and reply.target_field.to_wire(),
        }
    return seal(message, folder, None, None, reply.artifact)


def decode_reply(payload: bytes, folder: Path | None = None) -> Reply | ErrorReply:
    """Read a reply. Raises BadFrame or BadMessage or BadTable: the adapter broke the contract."""
    message = unpack(payload)
    get = message.get
    reader = INLINE_READER
    if "attachment" in message:
        reader = BufferReader(message["attachment"], folder)
    number: Any = get("id")
    ok = get("ok")
    if ok is False:
        return _decode_error(number, require(message, "error", dict))
    if ok is not True:
        raise BadMessage(f"ok: {short(ok)} is neither true nor false")
    if not is_id(number):
        raise BadMessage(f"id {short(number)} is no unsigned integer")
    seconds, batch = optional(message, "seconds", float), optional(message, "batch", int)
    if seconds is not None and not 0 <= seconds < math.inf:
        raise BadMessage(f"seconds: {seconds} is no duration")
    if get("table") is not None:
        table = table_from_wire(message["table"], reader)
        target = None
        if get("target") is not None:
            target = Column.from_wire(message["target"], table.rows, reader)
        return Reply(number, table, target, seconds=seconds, batch=batch)
    if message.get("target") is not None:
        raise BadMessage("a target needs its table")
    features = target_field = artifact = None
    if message.get("signature") is not None:
        signature = require(message, "signature", dict)
        features = tuple(Field.from_wire(wire) for wire in require(signature, "features", list))
        target_field = Field.from_wire(signature.get("target"))
    if message.get("artifact") is not None:
        artifact = reader.read(message["artifact"], "artifact")
    return Reply(
        number,
        features=features,
        target_field=target_field,
        task=optional(message, "task", str),
        rows=optional(message, "rows", int),
        data_sha256=optional(message, "data_sha256", str),
        artifact=artifact,
        format=optional(message, "format", str),
        seconds=seconds,
        batch=batch,
    )


def _decode_error(number: Any, error: Mapping[str, Any]) -> ErrorReply:
    if number is not None and not is_id(number):
        raise BadMessage(f"id {short(number)} is neither an unsigned integer nor nil")
    given = require(error, "code", str)
    code = _CODES.get(given)
    if code is None:
        raise BadMessage(f"error code {short(given)} is not in the list of SPEC 7.2")
    text, traceback = require(error, "message", str), optional(error, "traceback", str, "")
    return ErrorReply(number, code, text, traceback)
