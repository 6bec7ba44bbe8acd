"""Say which versions a service has, in the shape of Palladium's /list."""

from __future__ import annotations

from typing import Any

from runner.store.attachments import told
from runner.store.store import Store

PAGE = 100
"""Versions that are told unless another limit is given."""


def listing(
    store: Store, service: str, *, limit: int | None = PAGE, before: int | None = None
) -> dict[str, Any]:
    """Give `{"models": [metadata with version …], "properties": {"active-model": "1", …}}`.

    The newest ``limit`` versions (None: all) with a number below ``before``, oldest first. If there
    are older ones, `"next": {"before": number}` says where the next page begins. The same for
    `runner list --json` and `GET /list`.
    """
    versions = store.versions(service, limit=None if limit is None else limit + 1, before=before)
    further = {}
    if limit is not None and len(versions) > limit:
        versions = versions[-limit:]
        further = {"next": {"before": versions[0].number}}
    models = [
        {
            **told(version.metadata),
            "version": version.number,
            "created": version.created.isoformat(),
            "active": version.active,
            "artifact_format": version.artifact_format,
            "artifact_size": version.artifact_size,
            "artifact_sha256": version.artifact_sha256,
        }
        for version in versions
    ]
    return {"models": models, "properties": store.properties(service), **further}
