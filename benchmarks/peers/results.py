"""Hold what a run has seen; read it back from its JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peers.peer import Peer
from benchmarks.wrk import Load, median

CONNECTIONS = (1, 16, 64)
MANY = 10_000
OURS = "ours"


@dataclass
class Found:
    """What was seen of one peer, over all rounds."""

    name: str
    title: str
    model: str
    settings: str
    documentation: str
    requirements: list[str] = field(default_factory=list)
    packages: Mapping[str, str] = field(default_factory=dict)
    """Everything in its environment, with versions."""
    reason: str = ""
    """Why figures are missing."""
    loads: dict[str, list[Load]] = field(default_factory=dict)
    """By number of connections."""
    large: dict[str, list[Load]] = field(default_factory=dict)
    """10,000 rows in one POST at one connection, by form."""
    ready: list[float] = field(default_factory=list)
    """Seconds from before the exec to the first answer."""
    memory: list[Mapping[str, int]] = field(default_factory=list)
    """PSS of each process after the load, in bytes."""

    @classmethod
    def of(cls, peer: Peer) -> Found:
        """Begin with nothing seen."""
        requirements = [*peer.requirements, *peer.debian]
        return cls(
            peer.name, peer.title, peer.model, peer.settings, peer.documentation, requirements
        )

    @property
    def is_ours(self) -> bool:
        return self.name.split("-")[0] == OURS

    def at(self, connections: int) -> Load | None:
        """Give the medians at so many connections."""
        runs = self.loads.get(str(connections))
        return median(runs) if runs else None

    def many(self, form: str) -> Load | None:
        """Give the medians of the large request."""
        runs = self.large.get(form)
        return median(runs) if runs else None

    @property
    def ready_seconds(self) -> float | None:
        """Give the median."""
        return statistics.median(self.ready) if self.ready else None

    @property
    def memory_mb(self) -> float | None:
        """Give the median of the whole tree."""
        trees = [sum(seen.values()) for seen in self.memory]
        return statistics.median(trees) / 1e6 if trees else None

    @property
    def failed(self) -> int:
        """Count the answers other than 2xx, and the connections that failed, of all loads."""
        runs = [
            run for found in (self.loads, self.large) for each in found.values() for run in each
        ]
        return sum(run.failed for run in runs)


@dataclass
class Run:
    """All that was seen, and on what."""

    machine: Mapping[str, str]
    plan: Mapping[str, float]
    peers: list[Found]
    services: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """One service, by how many there are: requests a second, and its ratio to one alone."""
    further: Mapping[str, float] = field(default_factory=dict)
    """PSS in MB: `adapter`, of one service's adapter; `added`, by a second service."""
    versions: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Processor seconds of a command with 10 and with 10,000 versions."""
    million: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Milliseconds of 1,000,000 × 20 numbers, by model and form, the bare predict among them."""

    def peer(self, name: str) -> Found | None:
        """Give what was seen of a peer, if it was asked for."""
        return next((found for found in self.peers if found.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Run:
        """Read what `to_json` gave."""

        def loads(found: Mapping[str, Any]) -> dict[str, list[Load]]:
            return {key: [Load(**run) for run in runs] for key, runs in found.items()}

        peers = [
            Found(**{**each, "loads": loads(each["loads"]), "large": loads(each["large"])})
            for each in told["peers"]
        ]
        return cls(**{**told, "peers": peers})
