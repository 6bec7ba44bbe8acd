"""Serve one adapter to any number of clients: one thread, one model (SPEC 2.4, 3).

A turn of the loop: read all that is there, take the oldest request and all that are alike, call the
model once, answer each. While the model works nothing else happens; what arrives meanwhile queues
in the sockets and forms the next batch.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
from dataclasses import replace
from pathlib import Path

from adapters.awake import Awake
from adapters.connection import Connection
from adapters.marker import Marker
from adapters.protocol import OF_THE_LOOP, Adapter
from adapters.queue import Pending, Queue
from adapters.respond import Responder, refuse
from contracts import wire
from contracts.errors import Code
from contracts.messages import Cancel, ErrorReply, Predict, Reply, decode_request, encode_reply

PATIENCE = 0.25
"""Seconds without a first request after which an adapter prepares itself: nobody waits for it."""

RECEIVE = 256 * 1024
"""Bytes read at once."""


class Loop:
    """Serve the clients of one listening socket until the lifeline ends."""

    def __init__(
        self,
        adapter: Adapter,
        listener: socket.socket,
        folder: Path,
        lifeline: int,
        marker: Marker,
    ) -> None:
        self._responder = Responder(adapter)
        self._adapter = adapter
        self._listener = listener
        self._folder = folder
        self._lifeline = lifeline
        self._marker = marker
        self._queue = Queue()
        self._selector = selectors.DefaultSelector()
        self._awake = Awake(self._selector)
        self._connections: set[Connection] = set()
        self._touched: set[Connection] = set()
        self._received = memoryview(bytearray(RECEIVE))
        self._hello = b""
        self._ended = False
        self._patience: float | None = PATIENCE  # until a first request comes, or it is over

    def run(self) -> None:
        """Serve until the other end of the lifeline is closed (SPEC 2.2)."""
        try:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
            self._watch_lifeline()
            while not self._ended:
                self._turn()
        finally:
            for connection in list(self._connections):
                self._close(connection)
            self._selector.close()

    def _turn(self) -> None:
        ready = self._awake.select(0 if self._queue else self._patience)
        if not ready and self._patience is not None:
            self._prepare()
        for key, events in ready:
            if isinstance(key.data, Connection):
                self._serve(key.data, events)
            else:
                key.data()
        if self._queue:
            self._answer(self._queue.take())
        for connection in self._touched:
            connection.flush()
            self._settle(connection)
        self._touched.clear()

    def _prepare(self) -> None:
        """Use the time until the first request, as a spare worker has it, for what a load needs."""
        self._patience = None
        try:
            self._adapter.prepare()
        except Exception as ex:  # a load will meet it as well, and tell
            print(f"cannot prepare: {ex!r}", file=sys.stderr)

    def _watch_lifeline(self) -> None:
        try:
            self._selector.register(self._lifeline, selectors.EVENT_READ, self._read_lifeline)
        except PermissionError:
            # epoll takes no files and no /dev/null: it is no pipe, so nobody holds the other end.
            self._ended = True

    def _read_lifeline(self) -> None:
        self._ended = not os.read(self._lifeline, 4096)

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError:  # the client is gone again, or we are out of descriptors
            if self._connections:
                self._selector.unregister(self._listener)  # until one closes, or we would spin
            return
        connection = Connection(peer)
        self._connections.add(connection)
        connection.write(self._greeting())
        self._touched.add(connection)

    def _greeting(self) -> bytes:
        """Give hello as it is now, for a fit may have loaded packages; else as it was last.

        Model code that breaks how packages are found must not end a worker that still predicts.
        """
        try:
            hello = self._adapter.hello()
            capabilities = tuple(sorted({*hello.capabilities, *OF_THE_LOOP}))
            self._hello = replace(hello, capabilities=capabilities).encode()
        except Exception as ex:
            if not self._hello:
                raise
            print(f"cannot tell the packages: {ex!r}", file=sys.stderr)
        return self._hello

    def _serve(self, connection: Connection, events: int) -> None:
        self._touched.add(connection)
        if not events & selectors.EVENT_READ:
            return  # there is room to write: the flush at the end of the turn uses it
        try:
            for payload in connection.receive(self._received):
                request = decode_request(payload, self._folder)
                if isinstance(request, ErrorReply):
                    self._reply(connection, request)
                elif isinstance(request, Cancel):
                    self._cancel(connection, request)
                else:
                    self._patience = None
                    self._queue.add(connection, request, len(payload))
        except Exception as ex:  # BadFrame; or no memory for a frame, which must not end us
            self._reply(connection, refuse(None, ex))
            connection.flush()
            connection.open = False

    def _cancel(self, connection: Connection, cancel: Cancel) -> None:
        """Answer at once, for both, that nobody waits any more (SPEC 5.9)."""
        reply = self._responder.respond(cancel)
        if isinstance(reply, Reply) and self._queue.drop(connection, cancel.request):
            told = "the request was cancelled before its turn"
            self._reply(connection, ErrorReply(cancel.request, Code.CANCELLED, told))
        self._reply(connection, reply)

    def _answer(self, batch: list[Pending]) -> None:
        if not batch:
            return
        if len(batch) == 1:
            connection, request, _ = batch[0]
            self._marker.at((request.id,))
            reply = self._responder.respond(request)
            self._marker.at(())
            self._reply(connection, reply)
            return
        requests = [pending.request for pending in batch if isinstance(pending.request, Predict)]
        self._marker.at([request.id for request in requests])
        replies = self._responder.respond_alike(requests)
        self._marker.at(())
        for pending, reply in zip(batch, replies, strict=True):
            self._reply(pending.connection, reply)

    def _reply(self, connection: Connection, reply: Reply | ErrorReply) -> None:
        """Put a reply, or why there is none, into the connection's buffer."""
        if not connection.open:
            return
        self._touched.add(connection)
        try:
            payload = encode_reply(reply, self._folder)
            connection.write(payload)
        except Exception as ex:
            connection.write(encode_reply(_unencodable(reply, ex)))
            return
        if isinstance(reply, Reply) and _is_large(reply):
            attachment = wire.unpack(payload).get("attachment")
            if attachment is not None:
                connection.promise(self._folder / attachment["name"])

    def _settle(self, connection: Connection) -> None:
        """Let the selector wait for what the connection waits for, or close it."""
        if not connection.open:
            self._close(connection)
            return
        events = connection.events
        if events == connection.watched:
            return
        if not connection.watched:
            self._selector.register(connection.socket, events, connection)
        elif events:
            self._selector.modify(connection.socket, events, connection)
        else:
            self._selector.unregister(connection.socket)
        connection.watched = events

    def _close(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        if connection.watched:
            self._selector.unregister(connection.socket)
        connection.close()
        if self._listener not in self._selector.get_map():
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)


def _is_large(reply: Reply) -> bool:
    table = reply.table.size if reply.table is not None else 0
    return table + len(reply.artifact or b"") > wire.INLINE // 2


def _unencodable(reply: Reply | ErrorReply, ex: Exception) -> ErrorReply:
    """Say why a reply cannot be sent: the machine has no room, or its content is at fault."""
    told = refuse(reply.id, ex)
    if isinstance(ex, OSError | MemoryError):
        return told
    message = f"the result cannot be encoded: {told.message}"
    return ErrorReply(reply.id, Code.BAD_RESULT, message, told.traceback)
