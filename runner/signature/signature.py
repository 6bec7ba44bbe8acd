"""Say what a fitted model expects and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.table import Field


@dataclass(frozen=True)
class Signature:
    """The features in the order of the fit, the target, and ``classification`` or ``regression``.

    Learned at fit (SPEC 5.4) and kept in a version's metadata under ``signature``.
    """

    features: tuple[Field, ...]
    target: Field | None = None
    task: str | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels of the target, in order; none for a regression."""
        return self.target.levels if self.target is not None else ()

    def to_json(self) -> dict[str, Any]:
        """Give a map for JSON: the one of the contract's fit reply, and the task."""
        return {
            "features": [feature.to_wire() for feature in self.features],
            "target": None if self.target is None else self.target.to_wire(),
            "task": self.task,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Signature:
        """Read what `to_json` gave. Raises contracts.errors.BadTable, KeyError."""
        target = stored.get("target")
        return cls(
            features=tuple(Field.from_wire(feature) for feature in stored["features"]),
            target=None if target is None else Field.from_wire(target),
            task=stored.get("task"),
        )
