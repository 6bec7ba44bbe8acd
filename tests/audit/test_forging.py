"""Who may write the log and the store makes a past of his own, unless the chain has a key."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runner.audit.chain import digest
from tests.serving.project import Done, Project, run, tricky
from tests.serving.server import serving

KEY, OTHER = b"a key that only the runner has\n", b"a key that anybody has\n"
LOG = "runner-audit.jsonl"


def served(folder: Path, key: bytes | None) -> Project:
    """Let a command and a server record a fit, a start, three predictions and a stop."""
    project = tricky(folder / "tricks")
    if key is not None:
        (project.folder / "key").write_bytes(key)
        with project.config.open("a") as file:
            file.write("audit: {key_file: key}\n")
    project.fit()
    with serving(project) as server:
        for x in (1, 2, 3):
            status, _, _ = server.request("GET", f"/predict?x={x}", **{"X-Request-Id": f"r-{x}"})
            assert 200 == status
    return project


def verified(project: Project) -> Done:
    return run("audit", "verify", "-c", str(project.config), "--json")


def faults(done: Done) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done.json["faults"]
    assert done.code == int(bool(found))
    return found


def forge(project: Project, key: bytes | None) -> list[int]:
    """Say that r-1 asked for 1,000 rows, and seal its writer's records anew from there on.

    In the log, and in the store's heads. Gives the lines that were changed.
    """
    log = project.folder / LOG
    lines = log.read_bytes().splitlines()
    writer, before, changed = None, b"", []
    for at, line in enumerate(lines):
        told = json.loads(line)
        if told.get("http.request.id") == "r-1":
            writer = told["runner.chain.writer"]
        if writer is None or told["runner.chain.writer"] != writer:
            continue
        body = line.partition(b',"runner.chain.digest"')[0]
        if not changed:
            body = body.replace(b'"runner.rows":1,', b'"runner.rows":1000,')
        else:
            body = body.replace(told["runner.chain.previous"].encode(), before)
        before = digest(body, key).encode()
        lines[at] = b'%b,"runner.chain.digest":"%b"}' % (body, before)
        changed.append(at + 1)
    log.write_bytes(b"\n".join([*lines, b""]))
    with contextlib.closing(sqlite3.connect(project.folder / "runner.db")) as store, store:
        done = store.execute(
            "UPDATE runner_audit_heads SET digest = ? WHERE writer = ?", (before.decode(), writer)
        )
        assert 1 == done.rowcount
    return changed


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server with a key left."""
    return served(tmp_path_factory.mktemp("keyed"), KEY).folder


@pytest.fixture
def project(keyed: Path, tmp_path: Path) -> Project:
    """The same, in a folder of the test's own."""
    return Project(Path(shutil.copytree(keyed, tmp_path / "tricks")))


def test_a_key(project: Project) -> None:
    """The key verifies what a server and commands wrote; another key, and none, verify nothing."""
    assert ([], 6) == (faults(done := verified(project)), done.json["records"])
    (project.folder / "key").write_bytes(OTHER)
    with_another = faults(verified(project))
    text = project.config.read_text()
    project.config.write_text(text.replace("audit: {key_file: key}\n", ""))
    for found in (with_another, faults(verified(project))):
        assert [1, 2, 3, 4, 5, 6] == [each["line"] for each in found]
        assert all("sealed with another key" in each["problem"] for each in found)


@pytest.mark.parametrize("key", [None, OTHER.strip()])
def test_a_forgery_without_the_key(project: Project, key: bytes | None) -> None:
    """Without the key no record can be made, not even by who may write to log and store."""
    changed = forge(project, key)
    assert len(changed) >= 1
    found = faults(verified(project))
    assert changed == [each["line"] for each in found]
    assert "was changed, or sealed with another key" == found[0]["problem"]


def test_a_forgery_where_there_is_no_key(tmp_path: Path) -> None:
    """Without a key that past is as good as the true one, as the page says: it takes a key."""
    project = served(tmp_path, None)
    forge(project, None)
    assert [] == faults(verified(project))
    assert 1 == (project.folder / LOG).read_bytes().count(b'"runner.rows":1000,')
