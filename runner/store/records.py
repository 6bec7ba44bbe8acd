"""What the store hands out: plain frozen records, free of SQLAlchemy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Version:
    """One stored version of a service's model; its artifact is read separately."""

    service: str
    number: int
    created: datetime
    """UTC, aware."""
    created_by: str
    metadata: Mapping[str, Any]
    """The JSON object that training gave."""
    artifact_format: str
    artifact_size: int
    """Bytes."""
    artifact_sha256: str
    """Hex."""
    active: bool


@dataclass(frozen=True)
class Activation:
    """One switch of a service from a version to another, as recorded for ever."""

    id: int
    service: str
    at: datetime
    """UTC, aware."""
    by: str
    from_version: int | None
    """None for a service's first activation."""
    to_version: int | None
    reason: str
