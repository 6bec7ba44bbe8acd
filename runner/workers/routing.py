"""Say what a front-end must know to route a request: a row for each service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from contracts.table import Type
from runner.config import MappedField, ServiceSettings


@dataclass(frozen=True)
class Row:
    """One service. ``state``: ready, starting, no_model or failed; ``reason`` explains it."""

    name: str
    service_version: str
    service_metadata: Mapping[str, Any]
    language: str
    version: int | None
    state: str
    reason: str
    metadata: Mapping[str, Any]
    settings: ServiceSettings
    signature: Mapping[str, Any] | None
    sockets: tuple[str, ...]

    def to_wire(self) -> dict[str, Any]:
        """Give a map for JSON."""
        return asdict(self)

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Row:
        """Read what `to_wire` gave."""
        settings = dict(wire["settings"])
        if settings["mapping"] is not None:
            settings["mapping"] = _fields(settings["mapping"])
        settings["params"] = _fields(settings["params"])
        for name in ("allow_clients", "allow_scopes"):
            settings[name] = tuple(settings[name])
        sockets = tuple(wire["sockets"])
        return cls(**{**wire, "settings": ServiceSettings(**settings), "sockets": sockets})


def _fields(wire: Sequence[Mapping[str, Any]]) -> tuple[MappedField, ...]:
    return tuple(
        MappedField(field["name"], Type(field["type"]), field["nullable"], tuple(field["levels"]))
        for field in wire
    )
