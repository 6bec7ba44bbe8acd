"""Take a request's body: whole, in time and within bounds, or not at all."""

from __future__ import annotations

import asyncio

from runner.web.limits import Limits
from runner.web.problems import Problem
from runner.web.request import Request

_CLOSE = {"Connection": "close"}


async def read_body(req: Request, limits: Limits) -> bytes:
    """Give the body. Raises Problem: 400 empty or cut off, 408 too slow, 413 too long, 415.

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
    parts: list[bytes] = []
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
                parts.append(part)
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
    return b"".join(parts)


def _too_long(size: int, limits: Limits) -> Problem:
    return Problem(
        413, "body_too_large", f"the body has {size} bytes or more, at most {limits.max_body}"
    )
