"""Encode and decode requests: what a runner asks of an adapter (SPEC 5.2 and 5.4 to 5.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from contracts.buffers import INLINE_READER, Buffer, BufferReader
from contracts.column import Column
from contracts.errors import BadMessage, Code, ContractError
from contracts.keys import is_id, optional, require, short
from contracts.replies import ErrorReply
from contracts.seal import seal
from contracts.table import Table, table_from_wire
from contracts.wire import unpack


@dataclass(frozen=True, slots=True)
class Source:
    """Name a function, in the adapter's language, that gives features and target (SPEC 5.7)."""

    script: str
    function: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """Give the map of SPEC 5.7."""
        return {"script": self.script, "function": self.function, "params": dict(self.params)}

    @classmethod
    def from_wire(cls, wire: Any) -> Source:
        """Read the map of SPEC 5.7. Raises BadMessage."""
        if type(wire) is not dict:
            raise BadMessage(f"source: {short(wire)} is no dict")
        script, function = require(wire, "script", str), require(wire, "function", str)
        return cls(script, function, optional(wire, "params", dict, {}))


@dataclass(frozen=True, slots=True)
class Fit:
    """Ask to fit a model to a table and its target, or to what a source gives (SPEC 5.4)."""

    op: ClassVar[str] = "fit"
    id: int
    model: Mapping[str, Any]
    table: Table | None = None
    target: Column | None = None
    source: Source | None = None
    expires: float | None = None


@dataclass(slots=True)
class Predict:
    """Ask for predictions for a table, or for what a source gives (SPEC 5.5).

    ``expires``: seconds on CLOCK_MONOTONIC, after which nobody waits for the answer. ``alone``: not
    to be joined with others (SPEC 3.5).

    PERF: immutable to the type checker; frozen at run time, making one would cost three times more.
    """

    op: ClassVar[str] = "predict"
    id: Final[int]
    table: Final[Table | None] = None
    source: Final[Source | None] = None
    method: Final[str] = "predict"
    params: Final[Mapping[str, Any]] = field(default_factory=dict)
    expires: Final[float | None] = None
    alone: Final[bool] = False


@dataclass(frozen=True, slots=True)
class Persist:
    """Ask for the fitted model as bytes (SPEC 5.6)."""

    op: ClassVar[str] = "persist"
    id: int
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Ask to restore what persist gave; the adapter checks ``sha256`` first (SPEC 5.6)."""

    op: ClassVar[str] = "load"
    id: int
    artifact: Buffer
    format: str
    sha256: str
    model: Mapping[str, Any] = field(default_factory=dict)
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Ask for the features and target of a source (SPEC 5.7)."""

    op: ClassVar[str] = "read"
    id: int
    source: Source
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a sign of life (SPEC 5.8)."""

    op: ClassVar[str] = "ping"
    id: int
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Say that nobody waits for a request any more: ``request`` is its id (SPEC 5.9)."""

    op: ClassVar[str] = "cancel"
    id: int
    request: int
    expires: float | None = None


Request = Fit | Predict | Persist | Load | Read | Ping | Cancel


def encode_request(request: Request, folder: Path | None = None) -> bytes:
    """Encode a request as a frame's payload; large buffers go to a file in ``folder``.

    Raises BadMessage for what msgpack cannot encode, OSError if there is no room for the file.
    """
    message: dict[str, Any] = {"id": request.id, "op": request.op}
    if request.expires is not None:
        message["expires"] = request.expires
    table = target = artifact = source = None
    match request:
        case Predict():
            table, source = request.table, request.source
            message["method"] = request.method
            if request.alone:
                message["alone"] = True
            if request.params:
                message["params"] = dict(request.params)
        case Fit():
            table, target, source = request.table, request.target, request.source
            message["model"] = dict(request.model)
        case Load():
            artifact = request.artifact
            message |= {"format": request.format, "sha256": request.sha256}
            if request.model:
                message["model"] = dict(request.model)
        case Read():
            source = request.source
        case Cancel():
            message["request"] = request.request
    if source is not None:
        message["source"] = source.to_wire()
    return seal(message, folder, table, target, artifact)


def decode_request(payload: bytes, folder: Path | None = None) -> Request | ErrorReply:
    """Read a request. What is wrong with it comes back as the reply that it deserves.

    Raises BadFrame only: everything else leaves the connection usable (SPEC 5.2).
    """
    message = unpack(payload)
    number: Any = message.get("id")
    if not is_id(number):
        number = None
    try:
        reader = INLINE_READER
        if "attachment" in message:  # first of all: whatever else is wrong, its file must go
            reader = BufferReader(message["attachment"], folder)
        if number is None:
            raise BadMessage(f"id {short(message.get('id'))} is no unsigned integer")
        op = message.get("op")
        read = _READERS.get(op) if type(op) is str else None
        if read is None:
            known = ", ".join(_READERS)
            return ErrorReply(number, Code.UNKNOWN_OP, f"op {short(op)} is none of {known}")
        expires = optional(message, "expires", float) if "expires" in message else None
        return read(number, message, reader, expires)
    except ContractError as ex:
        return ErrorReply(number, ex.code, ex.message)


Wire = Mapping[str, Any]


def _predict(number: int, message: Wire, reader: BufferReader, expires: float | None) -> Predict:
    table, source = _rows(message, reader)
    method = optional(message, "method", str, "predict")
    params = optional(message, "params", dict, {}) if "params" in message else {}
    alone = optional(message, "alone", bool, False) if "alone" in message else False
    return Predict(number, table, source, method, params, expires, alone)


def _fit(number: int, message: Wire, reader: BufferReader, expires: float | None) -> Fit:
    table, source = _rows(message, reader)
    target = None
    if table is not None:
        if message.get("target") is None:
            raise BadMessage("target is missing: fit with a table needs it")
        target = Column.from_wire(message["target"], table.rows, reader)
    return Fit(number, require(message, "model", dict), table, target, source, expires)


def _rows(message: Wire, reader: BufferReader) -> tuple[Table | None, Source | None]:
    """Take the table or the source: exactly one of the two (SPEC 5.4, 5.5)."""
    table, source = message.get("table"), message.get("source")
    if (table is None) == (source is None):
        raise BadMessage("exactly one of table and source is needed")
    if table is not None:
        return table_from_wire(table, reader), None
    return None, Source.from_wire(source)


def _load(number: int, message: Wire, reader: BufferReader, expires: float | None) -> Load:
    if message.get("artifact") is None:
        raise BadMessage("artifact is missing")
    return Load(
        number,
        artifact=reader.read(message["artifact"], "artifact"),
        format=require(message, "format", str),
        sha256=require(message, "sha256", str),
        model=optional(message, "model", dict, {}),
        expires=expires,
    )


def _persist(number: int, message: Wire, reader: BufferReader, expires: float | None) -> Persist:
    return Persist(number, expires)


def _read(number: int, message: Wire, reader: BufferReader, expires: float | None) -> Read:
    return Read(number, Source.from_wire(message.get("source")), expires)


def _ping(number: int, message: Wire, reader: BufferReader, expires: float | None) -> Ping:
    return Ping(number, expires)


def _cancel(number: int, message: Wire, reader: BufferReader, expires: float | None) -> Cancel:
    request: Any = message.get("request")
    if not is_id(request):
        raise BadMessage(f"request {short(request)} is no unsigned integer")
    return Cancel(number, request, expires)


_READERS: dict[str, Callable[[int, Wire, BufferReader, float | None], Request]] = {
    "fit": _fit,
    "predict": _predict,
    "persist": _persist,
    "load": _load,
    "read": _read,
    "ping": _ping,
    "cancel": _cancel,
}
