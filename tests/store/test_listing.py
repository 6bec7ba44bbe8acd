"""The listing has the shape that Palladium's users know."""

from __future__ import annotations

import json

from runner.store import Store
from runner.store.listing import listing
from tests.store.samples import add


def test_a_listing_is_palladiums_with_more_in_it(store: Store) -> None:
    """Oldest first, metadata beside the version, properties as strings; fit for JSON."""
    first = add(store, score_test=0.9, activate=True)
    add(store)
    found = json.loads(json.dumps(listing(store, "iris")))
    assert [(m["version"], m["active"], m.get("score_test")) for m in found["models"]] == [
        (1, True, 0.9),
        (2, False, None),
    ]
    assert found["models"][0]["artifact_sha256"] == first.artifact_sha256
    assert found["properties"] == {"active-model": "1", "db-version": "0001"}
