"""Bound what one client may send, and how slowly."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson

from runner.config.settings import ServerSettings


@dataclass(frozen=True)
class Limits(ServerSettings):
    """A config's `server`, on its way to the front-ends."""

    def to_json(self) -> str:
        """Give a text for an environment variable."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Limits:
        """Read what `to_json` gave."""
        return cls(**orjson.loads(text))
