"""Say what a front-end must know to route a request: a row for each service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One service. ``state``: ready, starting, no_model or failed; ``reason`` explains it."""

    name: str
    service_version: str
    language: str
    version: int | None
    state: str
    reason: str
    metadata: Mapping[str, Any]
    settings: Mapping[str, Any]
    signature: Mapping[str, Any] | None
    sockets: tuple[str, ...]

    def to_wire(self) -> dict[str, Any]:
        """Give a map for JSON."""
        return asdict(self)

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Row:
        """Read what `to_wire` gave."""
        return cls(**{**wire, "sockets": tuple(wire["sockets"])})
