"""Seal records into a chain, so that none can be changed, removed or moved unseen.

Each writer (a process, for its life) numbers its records from 1, and each record holds the digest
of the writer's record before it. A record's own digest is over the bytes of its line before it:

    {"@timestamp":…,"event.sequence":7,"runner.chain.previous":"…","runner.chain.digest":"…"}
    └─────────── SHA-256, or HMAC-SHA-256 with a key, of these bytes ┘

NOTE: without a key, whoever may write to the file can make a new chain of his own; what he cannot
do then is make it agree with the heads in the store.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from typing import Any

import orjson

GENESIS = "0" * 64
"""What a writer's first record has for the digest of the one before it."""

_SPLIT = b',"runner.chain.digest":"'
_END = len('"}\n')


class Chain:
    """One writer's chain; `seal` is a structlog processor, the last one."""

    def __init__(self, key: bytes | None = None, writer: str | None = None) -> None:
        self.writer = writer or os.urandom(8).hex()
        self.sequence = 0
        self.previous = GENESIS
        self._key = key
        self._second = -1
        self._stamp = ""

    def seal(self, _: Any, __: str, event: Mapping[str, Any]) -> bytes:
        """Give a record's line, and move the chain on."""
        fields = dict(event) if not isinstance(event, dict) else event
        fields["@timestamp"] = self._now()
        fields["event.sequence"] = self.sequence + 1
        fields["runner.chain.previous"] = self.previous
        try:
            body = orjson.dumps(fields)[:-1]
        except TypeError:  # half a character in what a caller sent
            body = orjson.dumps(_printable(fields))[:-1]
        found = digest(body, self._key)
        self.sequence += 1
        self.previous = found
        return b'%b,"runner.chain.digest":"%b"}\n' % (body, found.encode())

    def back_to(self, sequence: int, previous: str) -> None:
        """Forget the records after ``sequence``: they were not written."""
        self.sequence, self.previous = sequence, previous

    def _now(self) -> str:
        # PERF: a quarter of what datetime.now(UTC).isoformat() costs.
        second, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{nanoseconds // 1000:06d}Z"


def digest(body: bytes, key: bytes | None) -> str:
    """Give the digest of a record's bytes, in hex."""
    if key is None:
        return hashlib.sha256(body).hexdigest()
    return hmac.digest(key, body, "sha256").hex()


def digest_of(line: bytes) -> str:
    """Give the digest that a sealed line says it has."""
    return line[-_END - 64 : -_END].decode()


def is_sealed(line: bytes, key: bytes | None) -> bool:
    """Say whether a line, its end included, is as it was sealed."""
    body, found, rest = line.rpartition(_SPLIT)
    if not found or len(rest) != 64 + _END or not rest.endswith(b'"}\n'):
        return False
    return hmac.compare_digest(digest(body, key).encode(), rest[:64])


def _printable(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _escaped(value) for name, value in fields.items()}


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {str(_escaped(name)): _escaped(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value
