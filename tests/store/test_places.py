"""Artifacts outside the database, be that SQLite or PostgreSQL: in a folder, in S3, behind HTTP.

Parity: persisters `File`, `FileLike`, `Rest`, `S3` keep their artifacts in these places.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest

from runner.config import PlaceSettings
from runner.errors import ArtifactCorrupt, Refused, RunnerError, Unavailable
from runner.store import Store
from runner.store.places import Places
from tests.store.samples import add, behind, numbers
from tests.store.servers import BASIC, PASSWORD, file_server, free_port, s3_server

MODEL = os.urandom(9 * 2**20)
"""More than two chunks."""


@dataclass
class Somewhere:
    """A place, and a look at it behind the store's back."""

    settings: PlaceSettings
    files: Callable[[], list[str]]
    write: Callable[[str, bytes], None]


@pytest.fixture(scope="module")
def s3_options() -> Iterator[dict[str, object]]:
    with s3_server() as options:
        yield options


@pytest.fixture(scope="module")
def dav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("dav")
    with file_server(folder) as url:
        yield url, folder


def _of_folder(folder: Path, url: str, **options: Any) -> Somewhere:
    def files() -> list[str]:
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())

    def write(name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)

    return Somewhere(PlaceSettings(url, options), files, write)


@pytest.fixture(params=["folder", "s3", "http"])
def somewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Somewhere:
    """A new and empty place of each kind."""
    if request.param == "folder":
        return _of_folder(tmp_path / "artifacts", str(tmp_path / "artifacts"))
    if request.param == "http":
        url, folder = request.getfixturevalue("dav")
        inner = folder / tmp_path.name / "iris"
        inner.mkdir(parents=True)
        headers = {"Authorization": f"Basic {BASIC}"}
        return _of_folder(inner.parent, f"{url}/{tmp_path.name}", headers=headers)
    options = request.getfixturevalue("s3_options")
    system = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False, **options)
    prefix = f"models/{tmp_path.name}"

    def files() -> list[str]:
        return sorted(name.removeprefix(f"{prefix}/") for name in system.find(prefix))

    def write(name: str, content: bytes) -> None:
        system.pipe_file(f"{prefix}/{name}", content)

    return Somewhere(PlaceSettings(f"s3://{prefix}", options), files, write)


@pytest.fixture
def placed(somewhere: Somewhere, url: str) -> Iterator[Store]:
    with Store.open(url, place=somewhere.settings) as store:
        yield store


def test_life_of_an_artifact(placed: Store, somewhere: Somewhere, url: str) -> None:
    """An artifact goes to its place and to it alone, is read back as it was, and is deleted.

    Row "persisters".
    """
    version = add(placed, artifact=MODEL)
    add(placed, artifact=b"other", activate=True)

    assert hashlib.sha256(MODEL).hexdigest() == version.artifact_sha256
    assert MODEL == placed.read_artifact("iris", 1)
    assert b"other" == placed.read_artifact("iris", 2)
    assert 2 == len(somewhere.files())
    with behind(url) as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM runner_chunks").scalar()

    placed.delete("iris", 1, by="anna")

    assert 1 == len(somewhere.files())
    assert b"other" == placed.read_artifact("iris", 2)


def test_without_its_place_the_store_reads_on(
    placed: Store, somewhere: Somewhere, url: str
) -> None:
    """Versions of the database and of a place live in one store."""
    add(placed, artifact=b"in its place")
    with Store.open(url) as store:
        add(store, artifact=b"in chunks")
    assert b"in chunks" == placed.read_artifact("iris", 2)
    assert 1 == len(somewhere.files())


@pytest.mark.parametrize("content", [b"", b"a mode", b"a modem", b"a model and more" * 1000])
def test_changed_artifact(placed: Store, somewhere: Somewhere, content: bytes) -> None:
    """Bytes that are cut off, changed or longer than stored are refused before anyone has them."""
    add(placed)
    somewhere.write(somewhere.files()[0], content)

    with pytest.raises(ArtifactCorrupt, match="iris version 1 is corrupt"):
        placed.read_artifact("iris", 1)


def test_lost_artifact(placed: Store, somewhere: Somewhere, url: str) -> None:
    """An artifact that somebody removed is told with its place; deleting its version works."""
    add(placed)
    add(placed, activate=True)
    with behind(url) as connection:
        query = "SELECT location FROM runner_artifacts ORDER BY id"
        location = str(connection.exec_driver_sql(query).scalar())
    Places(somewhere.settings).remove(location)

    with pytest.raises(Unavailable, match="it is not there"):
        placed.read_artifact("iris", 1)
    placed.delete("iris", 1, by="anna")
    assert [2] == numbers(placed)


def test_failed_version_leaves_nothing(placed: Store, somewhere: Somewhere) -> None:
    """What keeps a version from being stored keeps its artifact from staying in the place."""

    def half() -> Iterator[bytes]:
        yield b"half"
        raise Refused("no more")

    with pytest.raises(Refused):
        add(placed, artifact=half())
    with pytest.raises(RunnerError):
        add(placed, metadata=object())
    assert [] == somewhere.files()
    assert [] == numbers(placed)


KILLED = """
import os, sys
from runner.config import PlaceSettings
from runner.store import Store, changes
def die(*args, **kwargs):
    os.kill(os.getpid(), 9)
setattr(changes, sys.argv[3], die)
Store.open(sys.argv[1], place=PlaceSettings(sys.argv[2])).add_version(
    "iris", b"a model", artifact_format="pickle", metadata={}, activate=True, by="anna")
"""


@pytest.mark.parametrize("at", ["insert_artifact", "locate", "switch", "count_change"])
@pytest.mark.parametrize("name", ["artifacts", "iris-{version}.pickle"])
def test_killed_while_writing(url: str, tmp_path: Path, at: str, name: str) -> None:
    """A writer killed at any point leaves no version; the next one gets number and name."""
    place = PlaceSettings(str(tmp_path / "place" / name))
    Store.open(url).close()
    done = subprocess.run([sys.executable, "-c", KILLED, url, place.url, at], check=False)
    assert -9 == done.returncode
    with Store.open(url, place=place) as store:
        assert [] == numbers(store)
        assert store.active("iris") is None
        assert 1 == add(store, artifact=b"another").number
        assert b"another" == store.read_artifact("iris", 1)


@pytest.mark.parametrize("kind", ["folder", "s3", "http"])
def test_names_with_versions(
    kind: str, request: pytest.FixtureRequest, url: str, tmp_path: Path
) -> None:
    """File(path='iris-model-{version}.pickle'): the artifact lies at exactly that name."""
    if kind == "folder":
        place = _of_folder(tmp_path, str(tmp_path / "iris-model-{version}.pickle"))
    elif kind == "http":
        root, folder = request.getfixturevalue("dav")
        headers = {"Authorization": f"Basic {BASIC}"}
        own = folder / tmp_path.name
        own.mkdir()
        name = f"{root}/{own.name}/iris-model-{{version}}.pickle"
        place = _of_folder(own, name, headers=headers)
    else:
        options = request.getfixturevalue("s3_options")
        system = fsspec.filesystem("s3", use_listings_cache=False, **options)
        prefix = f"models/{tmp_path.name}"
        place = Somewhere(
            PlaceSettings(f"s3://{prefix}/iris-model-{{version}}.pickle", options),
            lambda: [name.rpartition("/")[2] for name in system.find(prefix)],
            lambda name, content: None,
        )
    with Store.open(url, place=place.settings) as store:
        add(store, artifact=b"one")
        add(store, artifact=b"two", activate=True)
        found = [name for name in place.files() if name.startswith("iris-model")]
        assert ["iris-model-1.pickle", "iris-model-2.pickle"] == found
        assert b"one" == store.read_artifact("iris", 1)
        store.delete("iris", 1, by="anna")
        found = [name for name in place.files() if "iris-model" in name]
        assert ["iris-model-2.pickle"] == found


def test_many_writers_of_named_artifacts(url: str, tmp_path: Path) -> None:
    """Writers side by side get a name each, and each name holds its own version's bytes."""
    place = PlaceSettings(str(tmp_path / "m-{version}"))
    with Store.open(url, place=place) as store:
        made: dict[int, bytes] = {}

        def write(at: int) -> None:
            content = b"%d" % at * 1000
            made[add(store, artifact=content).number] = content

        threads = [threading.Thread(target=write, args=[at]) for at in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == {number: store.read_artifact("iris", number) for number in range(1, 9)}


def _gone(kind: str, tmp_path: Path) -> PlaceSettings:
    """A place that cannot be reached."""
    if kind == "folder":
        (tmp_path / "file").write_text("no folder")
        return PlaceSettings(str(tmp_path / "file" / "artifacts"))
    url = f"http://127.0.0.1:{free_port()}"
    if kind == "http":
        return PlaceSettings(url, {"headers": {"Authorization": f"Basic {BASIC}"}})
    return PlaceSettings("s3://models", {"key": "k" * 9, "secret": PASSWORD, "endpoint_url": url})


@pytest.mark.parametrize("kind", ["folder", "s3", "http"])
def test_unreachable_place(kind: str, url: str, tmp_path: Path) -> None:
    """A place that is not there is Unavailable, with exit code 5 and without secrets."""
    with (
        Store.open(url, place=_gone(kind, tmp_path)) as store,
        pytest.raises(Unavailable, match="cannot write the artifact at") as caught,
    ):
        add(store)
    assert 5 == caught.value.exit_code
    assert PASSWORD not in str(caught.value)
    assert BASIC not in str(caught.value)
    with Store.open(url) as store:
        assert [] == numbers(store)


def test_wrong_password(dav: tuple[str, Path], url: str) -> None:
    """A server that does not let us in is told by its status, not by what we said to it."""
    place = PlaceSettings(dav[0], {"headers": {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}})
    with Store.open(url, place=place) as store, pytest.raises(Unavailable) as caught:
        add(store)
    assert "401" in str(caught.value)
    assert "d3Jvbmc6d3Jvbmc=" not in str(caught.value)


def test_artifact_that_cannot_be_removed(url: str, tmp_path: Path) -> None:
    """A version is deleted though its place is away; the next deletion removes what was left."""
    folder = tmp_path / "place"
    with Store.open(url, place=PlaceSettings(str(folder))) as store:
        for active in (False, False, True):
            add(store, activate=active)
        (folder / "iris").rename(folder / "away")
        (folder / "iris").write_text("in the way")
        with pytest.raises(Unavailable, match="version 1 of iris is deleted, but"):
            store.delete("iris", 1, by="anna")
        (folder / "iris").unlink()
        (folder / "away").rename(folder / "iris")
        assert [2, 3] == numbers(store)
        store.delete("iris", 2, by="anna")
        assert 1 == len(list((folder / "iris").iterdir()))


def test_options_stay_at_home(dav: tuple[str, Path], url: str, tmp_path: Path) -> None:
    """Another server that an artifact lies at is not told what this place's server is told."""
    headers = {"Authorization": f"Basic {BASIC}"}
    with Store.open(
        url, place=PlaceSettings(f"{dav[0]}/m-{{version}}", {"headers": headers})
    ) as store:
        add(store, activate=True)
    elsewhere = PlaceSettings(f"http://127.0.0.1:{free_port()}", {"headers": headers})
    with (
        Store.open(url, place=elsewhere) as store,
        pytest.raises(Unavailable, match="401"),
    ):
        store.read_artifact("iris", 1)
