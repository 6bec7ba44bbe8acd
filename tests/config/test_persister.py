"""Palladium's persisters are names for the one store and its places.

Parity: persisters `File(path with {version})`, `FileLike`, `Rest(url, auth)`, `S3`,
`Database(url)`, `DatabaseCLOB`, `CachedUpdatePersister(impl, update_cache_rrule)`.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner import config as configs
from runner.config import Config, PlaceSettings
from runner.errors import ConfigError

BASIC = {"headers": {"Authorization": f"Basic {base64.b64encode(b'me:mine').decode()}"}}
RRULE = {"freq": "HOURLY"}


def _load(folder: Path, **sections: Any) -> Config:
    values = {
        "service_metadata": {"service_name": "iris"},
        "model": {"!": "sklearn.tree.DecisionTreeClassifier"},
        **sections,
    }
    (folder / "runner.yaml").write_text(yaml.safe_dump(values))
    return configs.load(str(folder / "runner.yaml"))


PLACES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "File": ({"path": "m-{version}"}, "{folder}/m-{version}", {}),
    "FileLike": (
        {"path": "m-{version}", "io": {"!": "palladium.persistence.FileIO"}},
        "{folder}/m-{version}",
        {},
    ),
    "FileLike over Rest": (
        {
            "path": "https://host/m-{version}",
            "io": {"!": "palladium.persistence.RestIO", "auth": ["me", "mine"]},
        },
        "https://host/m-{version}",
        BASIC,
    ),
    "FileLike over S3": (
        {"path": "bucket/m-{version}", "io": {"!": "palladium.persistence.S3IO"}},
        "s3://bucket/m-{version}",
        {},
    ),
    "Rest": (
        {"url": "https://host/m-{version}", "auth": ["me", "mine"]},
        "https://host/m-{version}",
        BASIC,
    ),
    "S3": ({"path": "bucket/m-{version}"}, "s3://bucket/m-{version}", {}),
}


@pytest.mark.parametrize("room", ["palladium.persistence", "runner.persistence"])
@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("cached", [False, True])
def test_place(tmp_path: Path, room: str, name: str, cached: bool) -> None:
    """A persister of files is a place of artifacts, cached or not; versions stay in runner.db.

    Row "persisters".
    """
    arguments, url, options = PLACES[name]
    persister: dict[str, Any] = {"!": f"{room}.{name.partition(' ')[0]}", **arguments}
    if cached:
        persister = {
            "!": f"{room}.CachedUpdatePersister",
            "impl": persister,
            "update_cache_rrule": RRULE,
        }
    config = _load(tmp_path, model_persister=persister)

    assert PlaceSettings(url.replace("{folder}", str(tmp_path)), options) == config.place
    assert f"sqlite:///{tmp_path}/runner.db" == config.store_url


@pytest.mark.parametrize("name", ["Database", "DatabaseCLOB"])
def test_database(tmp_path: Path, name: str) -> None:
    """A persister in a database is the store's database, which holds the artifacts, too.

    Row "persisters".
    """
    persister = {"!": f"palladium.persistence.{name}", "url": "sqlite:///m.db", "chunk_size": 10}
    config = _load(tmp_path, model_persister=persister)

    assert (f"sqlite:///{tmp_path}/m.db", None) == config.storage


def test_database_and_place(tmp_path: Path) -> None:
    """`store` may name the database of a persister of files."""
    persister = {"!": "runner.persistence.File", "path": "m-{version}"}
    config = _load(tmp_path, model_persister=persister, store={"url": "postgresql://db/models"})

    assert ("postgresql://db/models", PlaceSettings(f"{tmp_path}/m-{{version}}")) == config.storage


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "twice": (
        {
            "model_persister": {"!": "runner.persistence.File", "path": "m-{version}"},
            "store": {"artifacts": "folder"},
        },
        "model_persister: store.artifacts names a place, too; expected one of the two",
    ),
    "inner": (
        {
            "model_persister": {
                "!": "runner.persistence.CachedUpdatePersister",
                "impl": {"!": "a.B"},
            }
        },
        "model_persister.impl.!: unknown persister 'a.B'",
    ),
    "io": (
        {
            "model_persister": {
                "!": "runner.persistence.FileLike",
                "path": "{version}",
                "io": "my.IO",
            }
        },
        "model_persister.io: found 'my.IO'; expected one of runner.persistence.FileIO",
    ),
    "auth": (
        {
            "model_persister": {
                "!": "palladium.persistence.Rest",
                "url": "http://h/{version}",
                "auth": "x:pw",
            }
        },
        "model_persister.auth: found a str; expected [user, password]",
    ),
    "secret in the URL": (
        {"model_persister": {"!": "palladium.persistence.Rest", "url": "http://a:pw@h/{version}"}},
        "model_persister.url: the URL has a user, a query or a fragment",
    ),
    "options of a folder": (
        {"store": {"artifacts": "folder", "options": {"key": "pw"}}},
        "store.options: only places in S3 or behind HTTP have options",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(tmp_path: Path, name: str) -> None:
    """A wrong persister is told with its key and what is expected, never with a password."""
    sections, expected = FAULTS[name]
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, **sections)
    assert expected in str(caught.value)
    assert "pw" not in str(caught.value)
