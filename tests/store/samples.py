"""Small versions for tests that do not care what is in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runner.store import Store, Version


def add(
    store: Store,
    service: str = "iris",
    artifact: bytes | Iterable[bytes] = b"a model",
    *,
    activate: bool = False,
    **metadata: Any,
) -> Version:
    return store.add_version(
        service,
        artifact,
        artifact_format="pickle",
        metadata=metadata,
        activate=activate,
        by="anna",
    )


def numbers(store: Store, service: str = "iris") -> list[int]:
    return [version.number for version in store.versions(service)]
