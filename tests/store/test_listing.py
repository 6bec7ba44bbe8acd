"""The listing has the shape that Palladium's users know."""

from __future__ import annotations

import json

from runner.store import Store
from runner.store.listing import listing
from runner.store.migrate import HEAD
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
    assert found["properties"] == {"active-model": "1", "db-version": HEAD}


def test_pages(store: Store) -> None:
    """The newest first, each page oldest first, until nothing is left; deleted ones are no gap."""
    for _ in range(8):
        add(store, activate=True)
    store.delete("iris", 4, by="ben")

    def page(before: int | None) -> tuple[list[int], int | None]:
        found = listing(store, "iris", limit=3, before=before)
        assert found["properties"]["active-model"] == "8"
        return [m["version"] for m in found["models"]], found.get("next", {}).get("before")

    assert page(None) == ([6, 7, 8], 6)
    assert page(6) == ([2, 3, 5], 2)
    assert page(2) == ([1], None)
    assert page(1) == ([], None)
    assert "next" not in listing(store, "iris", limit=7)
    assert [m["version"] for m in listing(store, "iris", limit=None)["models"]] == [
        *range(1, 4),
        *range(5, 9),
    ]


def test_a_page_has_a_hundred_unless_told_otherwise(store: Store) -> None:
    """Ten thousand versions are not read by accident."""
    for _ in range(101):
        add(store)
    found = listing(store, "iris")
    assert [m["version"] for m in found["models"]] == list(range(2, 102))
    assert found["next"] == {"before": 2}
