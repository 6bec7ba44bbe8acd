"""Small files are kept with a version, and do not burden what tells of it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from runner.errors import MetadataInvalid, NotFound
from runner.store import Store, listing
from runner.store.archive import portable
from runner.store.attachments import MOST_BYTES, attachment
from tests.store.samples import add


def _metadata(content: bytes = b"good", name: str = "report.txt") -> dict[str, Any]:
    return {f"attachments/{name}": base64.b64encode(content).decode(), "score_test": 0.9}


def test_attachments(store: Store) -> None:
    """Row "attachments": a version keeps files of its metadata; lists tell names and sizes."""
    version = add(store, **_metadata())
    assert attachment(version, "report.txt") == b"good"
    (told,) = listing(store, "iris")["models"]
    assert told["attachments"] == {"report.txt": 4}
    assert told["score_test"] == 0.9
    assert "attachments/report.txt" not in told


def test_they_travel(store: Store, tmp_path: Path) -> None:
    """Row "attachments": an export to another store takes them along."""
    version = add(store, **_metadata())
    with Store.open(f"sqlite:///{tmp_path}/other.db") as other:
        added = portable(store, version).add_to(other, "iris", activate=True, by="anna")
        assert attachment(added, "report.txt") == b"good"


def test_none_of_that_name(store: Store) -> None:
    """A name that is not there is told with the nearest."""
    version = add(store, **_metadata())
    with pytest.raises(NotFound, match=r"no attachment 'report\.tx', did you mean 'report\.txt'"):
        attachment(version, "report.tx")
    with pytest.raises(NotFound, match="no attachment 'x', it has none"):
        attachment(add(store), "x")


@pytest.mark.parametrize(
    ("content", "told"),
    [("no base64!", "attachments/a is no base64"), (5, "attachments/a is no base64")],
)
def test_no_base64(store: Store, content: object, told: str) -> None:
    """What is no base64 is refused, and nothing is stored."""
    with pytest.raises(MetadataInvalid, match=told):
        add(store, **{"attachments/a": content})
    assert store.versions("iris") == []


def test_too_large(store: Store) -> None:
    """Attachments have a bound: they are read with every list."""
    with pytest.raises(MetadataInvalid, match=f"at most {MOST_BYTES}"):
        add(store, **_metadata(bytes(MOST_BYTES + 1)))
    assert add(store, **_metadata(bytes(MOST_BYTES))).number == 1
