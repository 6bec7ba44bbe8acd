"""Take a request's body: whole, in time and within bounds, or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import falcon

from contracts.buffers import ALIGN, INLINE, Buffer
from contracts.spool import Spool
from runner.web.limits import Limits
from runner.web.packed import first_large
from runner.web.problems import Problem
from runner.web.request import Request

_BEGINNING = 4096  # bytes in which the first array's place is looked for
_CLOSE = {"Connection": "close"}


async def read_body(req: Request, limits: Limits, folder: Path | None = None) -> Buffer:
    """Give the body; large msgpack in a file in ``folder``, mapped, where workers can find it.

    Raises Problem: 400 empty or cut off, 408 too slow, 413 too long, 415; OSError for no room.

    What has arrived is compared with Content-Length, since the end of a connection looks like the
    end of a body to whoever only reads: half a list of rows must not be answered as a whole.
    """
    encoding = req.get_header("Content-Encoding")
    if encoding is not None and encoding.strip().lower() != "identity":
        raise Problem(
            415, "unsupported_encoding", f"Content-Encoding {encoding[:100]!r}, expected identity"
        )
    announced = req.content_length
    if announced is not None and announced > limits.max_body:
        raise _too_long(announced, limits)
    sink: _Joined | _Spooled = _Joined()
    if folder is not None and (announced or 0) > INLINE and _is_msgpack(req):
        sink = _Spooled(folder)
    size = 0
    try:
        async with asyncio.timeout(limits.body_timeout):
            more = True
            while more:
                event = await req.receive()
                if event["type"] == "http.disconnect":
                    raise Problem(400, "incomplete_body", f"the body ended after {size} bytes")
                part = event.get("body", b"")
                size += len(part)
                if size > limits.max_body:
                    raise _too_long(size, limits)
                sink.append(part)
                more = event.get("more_body", False)
    except TimeoutError as ex:
        raise Problem(
            408,
            "body_timeout",
            f"{size} bytes of the body came within {limits.body_timeout:g} s, and then no end",
            headers=_CLOSE,
        ) from ex
    if announced is not None and size != announced:
        raise Problem(
            400, "incomplete_body", f"the body has {size} bytes, Content-Length said {announced}"
        )
    if size == 0:
        raise Problem(400, "empty_body", "the body is empty, expected rows to predict for")
    return sink.whole()


class _Joined:
    """Collect a body in memory."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.append = self._parts.append

    def whole(self) -> bytes:
        """Give what was collected."""
        return b"".join(self._parts)


class _Spooled:
    """Collect a body in a file, so that its first large array is aligned there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._beginning = b""
        self._spool: Spool | None = None

    def append(self, part: bytes) -> None:
        """Take a part."""
        if self._spool is None:
            self._beginning += part
            if len(self._beginning) < _BEGINNING:
                return
            start = first_large(self._beginning) or 0
            self._spool = Spool(self._folder, -start % ALIGN)
            part = self._beginning
        self._spool.append(part)

    def whole(self) -> Buffer:
        """Give what was collected."""
        return self._beginning if self._spool is None else self._spool.whole()


def _is_msgpack(req: Request) -> bool:
    return (req.content_type or "").partition(";")[0].strip().lower() == falcon.MEDIA_MSGPACK


def _too_long(size: int, limits: Limits) -> Problem:
    return Problem(
        413, "body_too_large", f"the body has {size} bytes or more, at most {limits.max_body}"
    )
