"""Talk to an adapter over one connection, distrusting everything that it says."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contracts.conform.broken import Broken
from contracts.errors import ContractError
from contracts.messages import ErrorReply, Hello, Ping, Reply, Request, decode_reply, encode_request
from contracts.wire import FrameReader, frame, pack


class Peer:
    """Speak as a runner does: requests with ids of our own, replies matched to them."""

    def __init__(self, connection: socket.socket, folder: Path, timeout: float) -> None:
        self._connection = connection
        self._folder = folder
        self._timeout = timeout
        self._reader = FrameReader()
        self._payloads: list[bytes] = []
        self._asked: dict[int | None, int] = {}
        self._answered: dict[int | None, list[Reply | ErrorReply]] = {}
        self._ended = False
        self._last = 1000
        self.hello: Hello

    def read_hello(self) -> None:
        """Read the first message, which must be a hello (SPEC 3.1, 5.1)."""
        try:
            payload = self._receive("hello")
        except Broken as ex:
            ex.clause = "3.1"
            raise
        try:
            self.hello = Hello.decode(payload)
        except ContractError as ex:
            told = f"{ex.message}: {payload[:60]!r}"
            raise Broken(told, "hello as the first message", "3.1") from ex

    def send(self, request: Request) -> int:
        """Send a request under an id of ours; give the id."""
        self._last += 1
        self.send_payload(encode_request(replace(request, id=self._last), self._folder), self._last)
        return self._last

    def send_map(self, message: Mapping[str, Any]) -> None:
        """Send any map; its reply is expected under its id, or nil if it has no valid one."""
        number = message.get("id")
        valid = type(number) is int and 0 <= number < 2**64
        self.send_payload(pack(message), number if valid else None)

    def send_payload(self, payload: bytes, number: int | None) -> None:
        """Send any payload as a frame; one reply is expected with this id."""
        self._asked[number] = self._asked.get(number, 0) + 1
        self.send_bytes(frame(payload))

    def expect_replies(self, *numbers: int) -> None:
        """Await a reply to each of these ids, of requests that `send_bytes` sends."""
        for number in numbers:
            self._asked[number] = self._asked.get(number, 0) + 1

    def send_bytes(self, raw: bytes) -> None:
        """Send bytes as they are. An end of the connection shows when something is awaited."""
        with contextlib.suppress(OSError):
            self._connection.sendall(raw)

    def ask(self, request: Request) -> Reply | ErrorReply:
        """Send a request and await its reply."""
        return self.reply(self.send(request))

    def reply(self, number: int | None) -> Reply | ErrorReply:
        """Await the reply with this id; others that were asked for are kept for later."""
        while not self._answered.get(number):
            payload = self._receive(f"the reply with id {number}")
            try:
                reply = decode_reply(payload, self._folder)
            except ContractError as ex:
                raise Broken(f"{ex.message}: {payload[:60]!r}", f"a reply with id {number}") from ex
            self._match(reply.id, number)
            self._answered.setdefault(reply.id, []).append(reply)
        return self._answered[number].pop()

    def _match(self, found: int | None, awaited: int | None) -> None:
        if found not in self._asked:
            raise Broken(f"a reply with id {found}", f"one with id {awaited}", "3.2")
        if self._asked[found] == 0:
            raise Broken(f"one more reply with id {found}", "one reply to a request", "3.3")
        self._asked[found] -= 1

    def expect_end(self) -> list[Reply | ErrorReply]:
        """Await the end of the connection; give the replies that came before (SPEC 4.5)."""
        replies = []
        try:
            while True:
                replies.append(decode_reply(self._receive("the end of the connection")))
        except _Ended:
            return replies

    def expect_silence(self) -> None:
        """See that all is answered and nothing else comes: the next message is a ping's reply."""
        if self._ended:
            return
        awaited = [number for number, count in self._asked.items() for _ in range(count)]
        for number in awaited:
            self.reply(number)
        self.ask(Ping(0))
        if self._payloads or self._reader.pending:
            raise Broken("bytes that nobody asked for", "nothing more", "3.3")

    def _receive(self, what: str) -> bytes:
        until = time.monotonic() + self._timeout
        while not self._payloads:
            self._connection.settimeout(max(0.001, until - time.monotonic()))
            try:
                received = self._connection.recv(1 << 20)
            except TimeoutError:
                raise Broken(f"nothing within {self._timeout:g} s", what) from None
            except ConnectionError:
                received = b""
            if not received:
                self._ended = True
                raise _Ended("the end of the connection", what)
            try:
                self._payloads = self._reader.feed(received)
            except ContractError as ex:
                raise Broken(f"{ex.message}: {received[:60]!r}", what) from ex
        return self._payloads.pop(0)

    def close(self) -> None:
        """End the connection without a word."""
        self._ended = True
        self._connection.close()


class _Ended(Broken):
    """The adapter ended the connection."""
