"""Bound what one client may send, and how slowly."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    max_body: int = 16 * 1024 * 1024
    """Of a request's body."""

    body_timeout: float = 30.0
    """Until the whole body must be there."""

    max_rows: int = 500_000
    """Objects or lines in one body: small ones would take far more memory than bytes."""

    max_head: int = 65_536
    """Of request line and header fields together."""

    head_timeout: float = 10.0
    """Until the head must be there, from the connection's or the head's first byte."""

    keep_alive: float = 75.0
    """That a connection may be idle between requests: longer than usual proxies keep theirs."""

    def to_json(self) -> str:
        """Give a text for an environment variable."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Limits:
        """Read what `to_json` gave."""
        return cls(**orjson.loads(text))
