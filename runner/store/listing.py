"""Say which versions a service has, in the shape of Palladium's /list."""

from __future__ import annotations

from typing import Any

from runner.store.store import Store


def listing(store: Store, service: str) -> dict[str, Any]:
    """Give `{"models": [metadata with version …], "properties": {"active-model": "1", …}}`.

    Oldest first; the same for `runner list --json` and `GET /list`.
    """
    models = [
        {
            **version.metadata,
            "version": version.number,
            "created": version.created.isoformat(),
            "active": version.active,
            "artifact_format": version.artifact_format,
            "artifact_size": version.artifact_size,
            "artifact_sha256": version.artifact_sha256,
        }
        for version in store.versions(service)
    ]
    return {"models": models, "properties": store.properties(service)}
