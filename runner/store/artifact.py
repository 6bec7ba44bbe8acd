"""Artifacts on their way in and out: measured, digested, cut into chunks and joined again.

An artifact that arrives piece by piece is taken in whole before any transaction starts: however
slow its producer, and whether or not it ever ends, nobody waits for a lock meanwhile.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from mmap import mmap

from runner.errors import Fingerprint, Unavailable

CHUNK_BYTES = 4 * 1024 * 1024
"""Small enough that a row burdens neither database, large enough that rows are few."""

_SPOOL_BYTES = 32 * 1024 * 1024

BytesLike = bytes | bytearray | memoryview | mmap


@dataclass(frozen=True)
class Measured:
    """An artifact whose fingerprint is known; `chunks()` may be called once."""

    fingerprint: Fingerprint
    chunks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Joined:
    """Bytes as they were found in the store, with the fingerprint that they really have."""

    data: bytes
    fingerprint: Fingerprint


@contextmanager
def measured(artifact: BytesLike | Iterable[bytes]) -> Iterator[Measured]:
    """Take in an artifact; what it needed on disk is gone afterwards.

    Raises Unavailable if the temporary folder has no room; errors of the iterable pass through.
    """
    if isinstance(artifact, BytesLike):
        with memoryview(artifact) as whole, whole.cast("B") as view:
            fingerprint = Fingerprint(hashlib.sha256(view).hexdigest(), view.nbytes)
            yield Measured(fingerprint, lambda: _cut(view))
        return
    digest = hashlib.sha256()
    size = 0
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        for piece in artifact:
            digest.update(piece)
            size += len(piece)
            try:
                spool.write(piece)
            except OSError as ex:
                raise Unavailable(
                    f"cannot keep an artifact of more than {size} bytes in "
                    f"{tempfile.gettempdir()}: {ex.strerror}"
                ) from ex
        spool.seek(0)
        pieces = iter(lambda: spool.read(CHUNK_BYTES), b"")
        yield Measured(Fingerprint(digest.hexdigest(), size), lambda: pieces)


def _cut(view: memoryview) -> Iterator[bytes]:
    for start in range(0, view.nbytes, CHUNK_BYTES):
        yield bytes(view[start : start + CHUNK_BYTES])


def joined(chunks: Iterable[object]) -> Joined:
    """Join chunks with one copy of the whole in memory; what is not bytes ends them.

    PERF: BytesIO hands out its own buffer, where b"".join() would hold all chunks and the result.
    """
    digest = hashlib.sha256()
    buffer = BytesIO()
    for chunk in chunks:
        if not isinstance(chunk, bytes):  # SQLite keeps the type with the value: that can rot too
            break
        digest.update(chunk)
        buffer.write(chunk)
    data = buffer.getvalue()
    return Joined(data, Fingerprint(digest.hexdigest(), len(data)))
