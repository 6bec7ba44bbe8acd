"""Name every message: hello, six requests, their replies (SPEC 5).

Each is a frozen dataclass; `encode` and `decode_*` turn it into the payload of one frame and back,
with the buffers in the frame or in an attachment. Unknown keys are ignored (SPEC 8.2); a key that
is missing or of the wrong type raises BadMessage and names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from contracts import VERSION
from contracts.errors import BadMessage, Code, ContractError, Failure
from contracts.table import Column, Field, Table, table_from_wire
from contracts.wire import Buffer, BufferReader, BufferWriter, pack, unpack


@dataclass(frozen=True, slots=True)
class Hello:
    """Introduce an adapter: the first message on each connection (SPEC 5.1)."""

    adapter: str
    version: str
    language: str
    language_version: str
    capabilities: tuple[str, ...]
    packages: Mapping[str, str] = field(default_factory=dict)
    contract: int = VERSION

    def encode(self) -> bytes:
        """Give the frame's payload."""
        return pack(
            {
                "op": "hello",
                "contract": self.contract,
                "adapter": self.adapter,
                "version": self.version,
                "runtime": {
                    "language": self.language,
                    "version": self.language_version,
                    "packages": dict(self.packages),
                },
                "capabilities": list(self.capabilities),
            }
        )

    @classmethod
    def decode(cls, payload: bytes) -> Hello:
        """Read a hello; raises BadMessage, also for a contract that is not ours (SPEC 8.1)."""
        message = unpack(payload)
        if message.get("op") != "hello":
            raise BadMessage(f"the first message is {message.get('op')!r}, expected 'hello'")
        contract = _take(message, "contract", int)
        if contract != VERSION:
            raise BadMessage(f"adapter speaks contract {contract}, expected {VERSION}")
        runtime = _take(message, "runtime", dict)
        capabilities = _take(message, "capabilities", list)
        packages = runtime.get("packages", {})
        if not all(type(item) is str for item in capabilities):
            raise BadMessage("capabilities must be strings")
        if type(packages) is not dict or not all(type(v) is str for v in packages.values()):
            raise BadMessage("runtime packages must map names to versions")
        return cls(
            adapter=_take(message, "adapter", str),
            version=_take(message, "version", str),
            language=_take(runtime, "language", str),
            language_version=_take(runtime, "version", str),
            capabilities=tuple(capabilities),
            packages=packages,
            contract=contract,
        )


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
            raise BadMessage(f"source: a {type(wire).__name__}, expected a map")
        script, function = _take(wire, "script", str), _take(wire, "function", str)
        return cls(script, function, _take(wire, "params", dict, {}))


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


@dataclass(frozen=True, slots=True)
class Predict:
    """Ask for predictions for a table, or for what a source gives (SPEC 5.5).

    ``expires``: seconds on CLOCK_MONOTONIC, after which nobody waits for the answer.
    """

    op: ClassVar[str] = "predict"
    id: int
    table: Table | None = None
    source: Source | None = None
    method: str = "predict"
    params: Mapping[str, Any] = field(default_factory=dict)
    expires: float | None = None


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


Request = Fit | Predict | Persist | Load | Read | Ping


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer one request (SPEC 5.3). Which fields are there depends on the request's op:

    fit: ``signature`` (features, target), ``task``, ``rows``, ``data_sha256``.
    predict: ``table``, and ``target`` if a source gave the rows; ``seconds`` that the model took
    and ``batch``, the number of requests that it answered in one call.
    persist: ``artifact``, ``format``.  read: ``table``, ``target``.  load, ping: none.
    """

    id: int
    table: Table | None = None
    target: Column | None = None
    features: tuple[Field, ...] | None = None
    target_field: Field | None = None
    task: str | None = None
    rows: int | None = None
    data_sha256: str | None = None
    artifact: Buffer | None = None
    format: str | None = None
    seconds: float | None = None
    batch: int | None = None


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


def encode_request(request: Request, folder: Path | None = None) -> bytes:
    """Encode a request as a frame's payload; large buffers go to a file in ``folder``."""
    table = getattr(request, "table", None)
    target = getattr(request, "target", None)
    artifact = getattr(request, "artifact", None)
    writer = _writer(folder, table, target, artifact)
    message: dict[str, Any] = {"id": request.id, "op": request.op}
    match request:
        case Fit(model=model):
            message["model"] = dict(model)
        case Predict(method=method, params=params):
            message["method"] = method
            if params:
                message["params"] = dict(params)
        case Load():
            message |= {"format": request.format, "sha256": request.sha256}
            message["model"] = dict(request.model)
            message["artifact"] = writer.place(request.artifact)
    source = getattr(request, "source", None)
    if source is not None:
        message["source"] = source.to_wire()
    if request.expires is not None:
        message["expires"] = request.expires
    return _finish(message, writer, table, target)


def decode_request(payload: bytes, folder: Path | None = None) -> Request | ErrorReply:
    """Read a request. What is wrong with it comes back as the reply that it deserves.

    Raises BadFrame only: everything else leaves the connection usable (SPEC 5.2).
    """
    message = unpack(payload)
    number = message.get("id")
    if type(number) is not int or not 0 <= number < 2**64:
        return ErrorReply(None, Code.BAD_MESSAGE, f"id {_short(number)} is no unsigned integer")
    op = message.get("op")
    read = _REQUESTS.get(op) if type(op) is str else None
    if read is None:
        known = ", ".join(_REQUESTS)
        return ErrorReply(number, Code.UNKNOWN_OP, f"op {_short(op)} is none of {known}")
    try:
        reader = BufferReader(message.get("attachment"), folder)
        expires = _take(message, "expires", float, None)
        return read(number, message, reader, expires)
    except ContractError as ex:
        return ErrorReply(number, ex.code, ex.message)


def encode_reply(reply: Reply | ErrorReply, folder: Path | None = None) -> bytes:
    """Encode a reply as a frame's payload; large buffers go to a file in ``folder``."""
    if isinstance(reply, ErrorReply):
        error = {"code": reply.code.value, "message": reply.message}
        if reply.traceback:
            error["traceback"] = reply.traceback
        return pack({"id": reply.id, "ok": False, "error": error})
    writer = _writer(folder, reply.table, reply.target, reply.artifact)
    message: dict[str, Any] = {"id": reply.id, "ok": True}
    if reply.features is not None:
        message["signature"] = {
            "features": [feature.to_wire() for feature in reply.features],
            "target": reply.target_field.to_wire() if reply.target_field else None,
        }
    for key in ("task", "rows", "data_sha256", "format", "seconds", "batch"):
        found = getattr(reply, key)
        if found is not None:
            message[key] = found
    if reply.artifact is not None:
        message["artifact"] = writer.place(reply.artifact)
    return _finish(message, writer, reply.table, reply.target)


def decode_reply(payload: bytes, folder: Path | None = None) -> Reply | ErrorReply:
    """Read a reply. Raises BadFrame or BadMessage or BadTable: the adapter broke the contract."""
    message = unpack(payload)
    ok = _take(message, "ok", bool)
    if not ok:
        return _decode_error(message)
    reader = BufferReader(message.get("attachment"), folder)
    features = target_field = None
    if "signature" in message:
        signature = _take(message, "signature", dict)
        features = tuple(Field.from_wire(wire) for wire in _take(signature, "features", list))
        if signature.get("target") is not None:
            target_field = Field.from_wire(signature["target"])
    table = table_from_wire(message["table"], reader) if "table" in message else None
    artifact = reader.read(message["artifact"], "artifact") if "artifact" in message else None
    return Reply(
        id=_take(message, "id", int),
        table=table,
        target=_target(message, table, reader),
        features=features,
        target_field=target_field,
        task=_take(message, "task", str, None),
        rows=_take(message, "rows", int, None),
        data_sha256=_take(message, "data_sha256", str, None),
        artifact=artifact,
        format=_take(message, "format", str, None),
        seconds=_take(message, "seconds", float, None),
        batch=_take(message, "batch", int, None),
    )


def _decode_error(message: Mapping[str, Any]) -> ErrorReply:
    error = _take(message, "error", dict)
    code = _take(error, "code", str)
    if code not in set(Code):
        raise BadMessage(f"error code {_short(code)} is not in the list of SPEC 7.2")
    number = message.get("id")
    if number is not None and type(number) is not int:
        raise BadMessage(f"id {_short(number)} is neither an integer nor nil")
    text = _take(error, "message", str)
    return ErrorReply(number, Code(code), text, _take(error, "traceback", str, ""))


def _fit(
    number: int, message: Mapping[str, Any], reader: BufferReader, expires: float | None
) -> Fit:
    table, source = _rows(message, reader)
    target = _target(message, table, reader)
    if table is not None and target is None:
        raise BadMessage("fit with a table needs its target")
    return Fit(number, _take(message, "model", dict), table, target, source, expires)


def _predict(
    number: int, message: Mapping[str, Any], reader: BufferReader, expires: float | None
) -> Predict:
    table, source = _rows(message, reader)
    method = _take(message, "method", str, "predict")
    return Predict(number, table, source, method, _take(message, "params", dict, {}), expires)


def _load(
    number: int, message: Mapping[str, Any], reader: BufferReader, expires: float | None
) -> Load:
    return Load(
        number,
        artifact=reader.read(message.get("artifact"), "artifact"),
        format=_take(message, "format", str),
        sha256=_take(message, "sha256", str),
        model=_take(message, "model", dict, {}),
        expires=expires,
    )


def _persist(
    number: int, message: Mapping[str, Any], reader: BufferReader, expires: float | None
) -> Persist:
    return Persist(number, expires)


def _read(
    number: int, message: Mapping[str, Any], reader: BufferReader, expires: float | None
) -> Read:
    return Read(number, Source.from_wire(message.get("source")), expires)


def _ping(
    number: int, message: Mapping[str, Any], reader: BufferReader, expires: float | None
) -> Ping:
    return Ping(number, expires)


_REQUESTS: dict[str, Callable[[int, Mapping[str, Any], BufferReader, float | None], Request]] = {
    "fit": _fit,
    "predict": _predict,
    "persist": _persist,
    "load": _load,
    "read": _read,
    "ping": _ping,
}


def _rows(message: Mapping[str, Any], reader: BufferReader) -> tuple[Table | None, Source | None]:
    """Take the table or the source: exactly one of the two (SPEC 5.4, 5.5)."""
    if ("table" in message) == ("source" in message):
        raise BadMessage("exactly one of table and source is needed")
    if "table" in message:
        return table_from_wire(message["table"], reader), None
    return None, Source.from_wire(message["source"])


def _target(message: Mapping[str, Any], table: Table | None, reader: BufferReader) -> Column | None:
    if message.get("target") is None:
        return None
    if table is None:
        raise BadMessage("a target needs its table")
    return Column.from_wire(message["target"], table.rows, reader)


def _writer(
    folder: Path | None, table: Table | None, target: Column | None, artifact: Buffer | None
) -> BufferWriter:
    total = (table.size if table else 0) + (target.size if target else 0) + len(artifact or b"")
    return BufferWriter(total, folder)


def _finish(
    message: dict[str, Any], writer: BufferWriter, table: Table | None, target: Column | None
) -> bytes:
    if table is not None:
        message["table"] = table.to_wire(writer)
    if target is not None:
        message["target"] = target.to_wire(writer)
    attachment = writer.attach()
    if attachment is not None:
        message["attachment"] = attachment
    return pack(message)


_MISSING = object()


def _take(wire: Mapping[str, Any], key: str, kind: type, default: Any = _MISSING) -> Any:
    """Take a key of a declared type. An int passes where a float is expected, nothing else."""
    found = wire.get(key, _MISSING)
    if found is _MISSING or (found is None and default is None):
        if default is _MISSING:
            raise BadMessage(f"{key} is missing")
        return default
    if kind is float and type(found) is int:
        return float(found)
    if type(found) is not kind:
        raise BadMessage(f"{key}: {_short(found)} is no {kind.__name__}")
    return found


def _short(found: Any) -> str:
    return repr(found)[:100]


__all__ = [
    "ErrorReply", "Fit", "Hello", "Load", "Persist", "Ping", "Predict", "Read", "Reply",
    "Request", "Source", "decode_reply", "decode_request", "encode_reply", "encode_request",
]  # fmt: skip
