"""Versions travel between stores.

Parity: `pld-export --version`, `model_persister_export`; there, a cached persister exports the
active version whatever was asked for.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.store import Store
from tests.serving.project import Project, tricky


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A service with versions 1 and 2; 2 is active."""
    project = tricky(tmp_path_factory.mktemp("source") / "tricks")
    project.fit("--evaluate")
    project.fit()
    return project


@pytest.fixture(scope="module")
def archive(source: Project) -> Path:
    """Version 1 in a file."""
    file = source.folder / "one.zip"
    done = source.run("export", "--version", "1", "--to", str(file))
    assert (done.code, done.stdout) == (0, f"Wrote version 1 of tricks to {file}.\n"), done.stderr
    return file


def _versions(project: Project) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = project.run("list", "--json").json["models"]
    return models


def _same(project: Project, number: int, source: Project, original: int) -> None:
    """Format, digest and metadata of a version are those of the original."""
    found = next(each for each in _versions(project) if each["version"] == number)
    wanted = next(each for each in _versions(source) if each["version"] == original)
    assert found.pop("origin")["version"] == original
    own = {"version", "created", "active"}
    assert {k: v for k, v in found.items() if k not in own} == {
        k: v for k, v in wanted.items() if k not in own
    }


def _imports(project: Project) -> list[tuple[str, str, int]]:
    """Give outcome, service and version of each record of an import."""
    log = (project.folder / "runner-audit.jsonl").read_text().splitlines()
    names = ("event.outcome", "service.name", "runner.model.version")
    return [
        tuple(told[name] for name in names)
        for told in map(json.loads, log)
        if told["event.action"] == "import"
    ]


def test_through_a_file(source: Project, archive: Path, tmp_path: Path) -> None:
    """An exported version is imported with all that it had, recorded, and works there.

    Row "versions".
    """
    target = tricky(tmp_path / "target")
    done = target.run("import", str(archive))

    assert (done.code, done.stdout) == (
        0,
        "Imported version 1 of tricks as version 1, now active.\n",
    )
    _same(target, 1, source, 1)
    assert target.run("test").code == 0
    assert _imports(target) == [("success", "tricks", 1)]
    assert target.run("import", str(archive), "--no-activate", "--json").json["version"] == 2
    assert [each["active"] for each in _versions(target)] == [True, False]


def test_to_another_config(source: Project, tmp_path: Path) -> None:
    """The version that was asked for is exported, not the active one, and activated there."""
    target = tricky(tmp_path / "target")
    done = source.run("export", "--version", "1", "--to", str(target.config))

    assert done.code == 0, done.stderr
    assert done.stdout == "Exported version 1 of tricks as version 1, now active there.\n"
    _same(target, 1, source, 1)
    assert _imports(target) == [("success", "tricks", 1)]


def test_to_a_persister(source: Project, tmp_path: Path) -> None:
    """model_persister_export says where to; a cached persister exports what was asked for.

    Row "versions".
    """
    config = source.folder / "cached.yaml"
    config.write_text(
        source.config.read_text()
        + f"""
model_persister:
  "!": palladium.persistence.CachedUpdatePersister
  impl: {{"!": palladium.persistence.Database, url: sqlite:///runner.db}}
model_persister_export:
  {{"!": palladium.persistence.Database, url: "sqlite:///{tmp_path}/other.db"}}
"""
    )
    done = Project(source.folder).run("export", "--version", "1", "-c", str(config))

    assert done.code == 0, done.stderr
    with Store.open(f"sqlite:///{tmp_path}/other.db") as store:
        found = store.active("tricks")
    assert found is not None
    assert found.artifact_sha256 == _versions(source)[0]["artifact_sha256"]


def test_what_cannot_be_exported(source: Project, tmp_path: Path) -> None:
    """An unknown version is 3, nowhere to export to is 2, and nothing is written."""
    file = tmp_path / "9.zip"
    done = source.run("export", "--version", "9", "--to", str(file))
    assert (done.code, done.stderr) == (
        3,
        "runner: there is no version 9 of tricks; there is 1, 2\n",
    )
    assert source.run("export").code == 2
    assert source.run("export", "--to", str(tmp_path / "no" / "1.zip")).code == 5
    assert list(tmp_path.iterdir()) == []


def _rewritten(
    change: Callable[[dict[str, Any], bytes], tuple[dict[str, Any] | None, bytes]],
) -> Any:
    def write(archive: Path, file: Path) -> None:
        with zipfile.ZipFile(archive) as read:
            manifest, content = json.loads(read.read("manifest.json")), read.read("artifact")
        changed, content = change(manifest, content)
        with zipfile.ZipFile(file, "w") as out:
            if changed is not None:
                out.writestr("manifest.json", json.dumps(changed))
            out.writestr("artifact", content)

    return write


def _bomb(archive: Path, file: Path) -> None:
    with zipfile.ZipFile(archive) as read:
        manifest = read.read("manifest.json")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("manifest.json", manifest, zipfile.ZIP_STORED)
        out.writestr("artifact", bytes(2**24))


def _cut(archive: Path, file: Path) -> None:
    file.write_bytes(archive.read_bytes()[:-100])


BROKEN: dict[str, tuple[Any, int, str]] = {
    "not there": (lambda archive, file: None, 3, "there is no file"),
    "no archive": (lambda archive, file: file.write_bytes(b"x" * 99), 1, "is no archive"),
    "cut off": (_cut, 1, "is no archive of a version, or a damaged one"),
    "a bomb": (_bomb, 1, "artifact is compressed or encrypted"),
    "another artifact": (
        _rewritten(lambda m, content: (m, content[:-1] + b"!")),
        1,
        "the artifact of tricks version 1 is corrupt",
    ),
    "a longer artifact": (_rewritten(lambda m, c: (m, c + b"!")), 1, "has another size"),
    "no manifest": (_rewritten(lambda m, c: (None, c)), 1, "has no manifest.json"),
    "another format": (
        _rewritten(lambda m, c: ({**m, "format": "x"}, c)),
        1,
        "does not say format",
    ),
    "no metadata": (
        _rewritten(lambda m, c: ({**m, "metadata": []}, c)),
        1,
        "metadata of its manifest",
    ),
    "another language": (
        _rewritten(lambda m, c: ({**m, "metadata": {**m["metadata"], "language": "r"}}, c)),
        1,
        "is a model in r, the config's is python",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_imported(archive: Path, tmp_path: Path, name: str) -> None:
    """A file that is not what was exported is refused in words, and nothing is stored."""
    change, code, message = BROKEN[name]
    file = tmp_path / "broken.zip"
    change(archive, file)
    target = tricky(tmp_path / "target")

    done = target.run("import", str(file))

    assert (done.code, message in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert _versions(target) == []
