"""A correct adapter, as small as can be: one class whose methods the broken ones override.

It serves one request after the other and never batches. Its models are those of the conformance
kit, built in; `model` maps only say whether to fail.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import select
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts import marker
from contracts.errors import BadFrame, Code, Failure
from contracts.messages import (
    Cancel,
    ErrorReply,
    Fit,
    Hello,
    Load,
    Persist,
    Ping,
    Predict,
    Read,
    Reply,
    Request,
    Source,
    decode_request,
    encode_reply,
)
from contracts.table import Column, Columns, Field, Table, Type, digest, pack_floats
from contracts.wire import FrameReader, frame

LABELS = ("no", "maybe", "yes")


class Peer:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.reader = FrameReader()


class Stub:
    """Serve one model to any number of connections."""

    hello = Hello(
        "stub", "1", "stub", "1",
        ("fit", "predict", "predict_proba", "persist", "load", "read", "ping", "cancel"),
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.features: tuple[Field, ...] | None = None
        self.target: Field | None = None
        self.total = 0.0
        self.peers: dict[int, Peer] = {}
        self.lifeline = self.take_stdio()
        self.marker = Path(f"{path}{marker.SUFFIX}")
        self.mark(())
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()

    def take_stdio(self) -> int:
        """Keep the lifeline; leave /dev/null as input and standard error as output."""
        lifeline = os.dup(0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        return lifeline

    def run(self) -> int:
        """Serve until the lifeline ends; give the exit code."""
        while True:
            readable, _, _ = select.select([self.lifeline, self.listener, *self.peers], [], [])
            if self.lifeline in readable:
                return self.end()
            if self.listener in readable:
                self.accept()
            for number in self.peers.keys() & set(readable):
                self.receive(self.peers[number])

    def end(self) -> int:
        """End at the lifeline's end."""
        return 0

    def accept(self) -> None:
        """Take a connection and speak first."""
        connection, _ = self.listener.accept()
        peer = Peer(connection)
        self.peers[connection.fileno()] = peer
        try:
            self.greet(peer)
        except ConnectionError:
            self.drop(peer)

    def greet(self, peer: Peer) -> None:
        """Send hello."""
        self.send(peer, self.hello.encode())

    def receive(self, peer: Peer) -> None:
        """Read what is there and answer it."""
        try:
            received = peer.socket.recv(1 << 20)
            if not received:
                self.drop(peer)
                return
            for payload in self.feed(peer, received):
                self.reply(peer, self.respond(self.decode(payload)))
        except BadFrame:
            self.bad_frame(peer)
        except ConnectionError:
            self.drop(peer)

    def feed(self, peer: Peer, received: bytes) -> list[bytes]:
        """Cut what was received into payloads."""
        return peer.reader.feed(received)

    def decode(self, payload: bytes) -> Request | ErrorReply:
        """Read a request."""
        return decode_request(payload, self.folder)

    def bad_frame(self, peer: Peer) -> None:
        """End a connection that sent a bad frame."""
        self.drop(peer)

    def drop(self, peer: Peer) -> None:
        """Forget a connection."""
        if self.peers.pop(peer.socket.fileno(), None):
            peer.socket.close()

    def reply(self, peer: Peer, reply: Reply | ErrorReply) -> None:
        """Send a reply."""
        self.send(peer, encode_reply(reply, self.folder))

    def send(self, peer: Peer, payload: bytes) -> None:
        """Send a payload as a frame."""
        peer.socket.sendall(frame(payload))

    def respond(self, request: Request | ErrorReply) -> Reply | ErrorReply:
        """Answer a request, whatever happens."""
        if isinstance(request, ErrorReply):
            return request
        if self.expired(request):
            return ErrorReply(request.id, Code.EXPIRED, "the request has expired")
        self.mark((request.id,))
        try:
            return self.ANSWERS[type(request)](self, request)
        except Failure as ex:
            return ErrorReply(request.id, ex.code, ex.message, ex.traceback)
        finally:
            self.mark(())

    def mark(self, ids: tuple[int, ...]) -> None:
        """Write down which requests the model is at."""
        memory = bytearray(marker.SIZE)
        marker.write(memory, ids)
        self.marker.write_bytes(memory)

    def expired(self, request: Request) -> bool:
        """Tell whether nobody waits for the answer any more."""
        return request.expires is not None and request.expires < time.monotonic()

    def fit(self, request: Fit) -> Reply:
        """Remember the features and the target."""
        if request.model.get("fail"):
            raise Failure(Code.FIT_FAILED, "the mirror was asked to fail")
        table, target = request.table, request.target
        if request.source is not None:
            table, target = self.load_source(request.source)
        self.features = tuple(column.field for column in table.columns)
        self.target = target.field
        if self.target.type is not Type.CAT:
            self.total = sum(target.tolist())
        return Reply(
            request.id,
            features=self.features,
            target_field=self.target,
            task="classification" if self.target.type is Type.CAT else "regression",
            rows=table.rows,
            data_sha256=digest([table, target]),
        )

    def predict(self, request: Predict) -> Reply:
        """Align the table, ask the model."""
        if self.features is None:
            raise Failure(Code.NO_MODEL, "nothing is fitted")
        if request.method not in ("predict", "predict_proba"):
            raise Failure(Code.UNSUPPORTED, f"no method {request.method}")
        table, target = request.table, None
        if request.source is not None:
            table, target = self.load_source(request.source)
        columns = self.align(table)
        if self.target.type is Type.CAT:
            answer = self.classify(request.method, columns[0].tolist())
        else:
            answer = self.regress(columns, **request.params)
        if answer.rows != table.rows:
            raise Failure(Code.BAD_RESULT, f"{answer.rows} rows for {table.rows}")
        return Reply(request.id, answer, target, seconds=request.params.get("seconds"), batch=1)

    def align(self, table: Table) -> list[Column]:
        """Bring columns into the order of the fit, by name."""
        given = {column.name: column for column in table.columns}
        lacking = [field.name for field in self.features if field.name not in given]
        if lacking:
            raise Failure(Code.BAD_TABLE, f"feature {lacking[0]!r} is not in the table")
        return [given[field.name] for field in self.features]

    def classify(self, method: str, cells: list[float]) -> Table:
        """Answer 0, 1, 2 with the labels no, maybe, yes."""
        if method == "predict":
            found = [LABELS[int(cell)] for cell in cells]
            levels = self.target.levels
            return Columns(len(cells), (Column.of("y", Type.CAT, found, levels),))
        shares = [0.5 if at == cell else 0.25 for cell in cells for at in range(3)]
        return pack_floats(len(cells), self.target.levels, shares)

    def regress(
        self, columns: list[Column], mode: str = "code", at: int = 0, seconds: float = 0
    ) -> Table:
        """Be the mirror."""
        items = self.see(columns[at])
        if mode == "value":
            return Columns(len(items), (Column.of(self.target.name, Type.F64, items),))
        codes = [code(item) for item in items]
        if mode == "fail" or (mode == "poison" and 666.0 in codes):
            raise Failure(Code.PREDICT_FAILED, "the mirror was asked to fail", "line 1 of the stub")
        if mode == "strange":
            raise Failure(Code.BAD_RESULT, "no type holds this")
        if mode == "print":
            print("the mirror on standard output", flush=True)
        if mode == "stdin":
            codes = [float(len(os.read(0, 10)))] * len(items)
        if mode == "digits":
            codes = [float(abs(item) % 1000) for item in items]
        if mode == "tells":
            codes = [1.0] * len(items)
        if mode == "total":
            codes = [self.total] * len(items)
        if mode == "short":
            codes = codes[1:]
        time.sleep(seconds)
        return Columns(len(codes), (Column.of(self.target.name, Type.F64, codes),))

    def see(self, column: Column) -> list[Any]:
        """Give a column's values to the model."""
        if column.type not in (Type.DATE, Type.DATETIME):
            return column.tolist()
        # Microseconds, since Python's own dates end sooner than the contract's.
        form, unit = ("q", 1) if column.type is Type.DATETIME else ("i", 86_400_000_000)
        numbers = memoryview(bytes(column.values)).cast(form)
        here = bytes(column.present or b"\1" * column.rows)
        return [n * unit if is_here else None for n, is_here in zip(numbers, here, strict=True)]

    def persist(self, request: Persist) -> Reply:
        """Give the features, the target and its sum as JSON."""
        if self.features is None:
            raise Failure(Code.NO_MODEL, "nothing is fitted")
        kept = [field.to_wire() for field in (*self.features, self.target)]
        return Reply(request.id, artifact=json.dumps([self.total, *kept]).encode(), format="stub")

    def load(self, request: Load) -> Reply:
        """Take features, target and its sum from JSON."""
        if not self.is_whole(request) or request.format != "stub":
            raise Failure(Code.BAD_ARTIFACT, "the digest is another")
        self.total, *fields = json.loads(bytes(request.artifact))
        *features, target = map(Field.from_wire, fields)
        self.features, self.target = tuple(features), target
        return Reply(request.id)

    def is_whole(self, request: Load) -> bool:
        """Compare the digest."""
        return hashlib.sha256(request.artifact).hexdigest() == request.sha256

    def read(self, request: Read) -> Reply:
        """Give the kit's data set."""
        table, target = self.load_source(request.source)
        return Reply(request.id, table, target)

    def load_source(self, source: Source) -> tuple[Columns, Column]:
        """Give the kit's data set, if the script is there and three rows are wanted."""
        if not Path(source.script).exists():
            raise Failure(Code.BAD_MODEL, f"{source.script} is not there")
        if source.params != {"rows": 3}:
            raise Failure(Code.READ_FAILED, f"{source.params} rather than 3 rows")
        features = (
            Column.of("f", Type.F64, [1.5, math.nan, None]),
            Column.of("s", Type.STR, ["a", "bb", None]),
        )
        return Columns(3, features), Column.of("y", Type.F64, [1.0, 2.0, 3.0])

    def ping(self, request: Ping) -> Reply:
        """Live."""
        return Reply(request.id)

    def cancel(self, request: Cancel) -> Reply:
        """Do nothing: one request is answered before the next is read."""
        return Reply(request.id)

    ANSWERS: dict[type, Callable[[Any, Any], Reply]] = {  # noqa: RUF012
        Fit: lambda self, request: self.fit(request),
        Predict: lambda self, request: self.predict(request),
        Persist: lambda self, request: self.persist(request),
        Load: lambda self, request: self.load(request),
        Read: lambda self, request: self.read(request),
        Ping: lambda self, request: self.ping(request),
        Cancel: lambda self, request: self.cancel(request),
    }


def code(item: Any) -> float:
    """Tell a cell by a number, as conform_models/README.md has it."""
    if item is None:
        return -1.0
    if isinstance(item, str):
        return float(len(item.encode()))
    return -2.0 if math.isnan(item) else float(item)


def main(kind: type[Stub]) -> None:
    """Run an adapter as a command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path, required=True)
    sys.exit(kind(parser.parse_args().socket).run())


if __name__ == "__main__":
    main(Stub)
