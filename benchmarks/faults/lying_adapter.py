"""Be an adapter that doubles x, and tells the runner malformed replies where x is large.

Started by a server as the command of a service: `python -m benchmarks.faults.lying_adapter --socket
PATH`. A predict with an x of `LIE` or more is answered with a malformed reply to its own id, and
then with the right one, in case the runner overlooked the first.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import socket
import sys
import threading
from pathlib import Path

from benchmarks.faults.corpus import drawn, golden, streams
from contracts.column import Field
from contracts.errors import Code, ContractError
from contracts.hello import Hello
from contracts.messages import (
    ErrorReply,
    Fit,
    Load,
    Persist,
    Predict,
    Reply,
    Request,
    decode_request,
    encode_reply,
)
from contracts.table import Column, Columns, Type
from contracts.wire import FrameReader, frame

LIE = 1_000_000.0
_HELLO = Hello("lying", "1", "python", "3", ("fit", "load", "persist", "ping", "predict"))
_DRAWN = 500
_SWALLOWING = 1_000  # one in so many lies may announce more than it has: that is a hang, 2 s long
_ARTIFACT = b"a doubling"


def main() -> None:
    """Listen, and serve each connection in a thread, until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path)
    path = parser.parse_args().socket
    liar = Liar()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(64)
        threading.Thread(target=_serve, args=(listener, liar, path.parent), daemon=True).start()
        sys.stdin.buffer.read()
    os._exit(0)


def _serve(listener: socket.socket, liar: Liar, folder: Path) -> None:
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=_converse, args=(peer, liar, folder), daemon=True).start()


def _converse(peer: socket.socket, liar: Liar, folder: Path) -> None:
    reader = FrameReader()
    try:
        peer.sendall(frame(_HELLO.encode()))
        while received := peer.recv(65_536):
            for payload in reader.feed(received):
                request = decode_request(payload, folder)
                peer.sendall(liar.answer(request))
    except OSError:  # the runner closed the connection, as it should
        pass
    finally:
        peer.close()


class Liar:
    """Answer requests."""

    def __init__(self) -> None:
        self._drawn = drawn(_DRAWN)
        self._golden = golden("reply")
        self._seeds = itertools.count()

    def answer(self, request: Request | ErrorReply) -> bytes:
        """Give the bytes to send."""
        match request:
            case Fit(table=table, target=target) if table is not None and target is not None:
                features = tuple(Field(column.name, column.type) for column in table.columns)
                digest = hashlib.sha256(_ARTIFACT).hexdigest()
                return self._frame(
                    Reply(
                        request.id, features=features, target_field=Field("y", Type.F64),
                        task="regression", rows=table.rows, data_sha256=digest,
                    )
                )  # fmt: skip
            case Predict(table=table) if table is not None:
                x = [float(item) for item in table.columns[0].tolist()]
                column = Column.of("y", Type.F64, [2.0 * item for item in x])
                right = Reply(request.id, Columns(len(x), (column,)), seconds=0.0, batch=1)
                if max(x) < LIE:
                    return self._frame(right)
                return self._lie(right) + self._frame(right)
            case Persist():
                return self._frame(Reply(request.id, artifact=_ARTIFACT, format="doubling"))
            case Load():
                return self._frame(Reply(request.id))
            case ErrorReply():
                return self._frame(request)
            case _:
                return self._frame(Reply(request.id))

    def _frame(self, reply: Reply | ErrorReply) -> bytes:
        return frame(encode_reply(reply))

    def _lie(self, right: Reply) -> bytes:
        failure = ErrorReply(right.id, Code.PREDICT_FAILED, "no", "Traceback")
        own = [encode_reply(right), encode_reply(failure)]
        groups = [self._golden, self._drawn, own, own]
        while True:
            seed = next(self._seeds)
            lie = next(streams(groups, 1, seed))
            if seed % _SWALLOWING == 0 or not _swallows(lie):
                return lie


def _swallows(stream: bytes) -> bool:
    """Tell whether a frame announces more than there is: what follows would belong to it."""
    reader = FrameReader()
    try:
        reader.feed(stream)
    except ContractError:
        return False
    return bool(reader.pending)


if __name__ == "__main__":
    main()
