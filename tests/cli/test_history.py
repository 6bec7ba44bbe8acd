"""`runner rollback` and `runner history`: what was active, and back to it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.serving.project import tricky
from tests.serving.server import serving


def test_rollback(tmp_path: Path) -> None:
    """pld-admin/rollback (parity): back, further back, past deleted ones; 3 at the end.

    Row "versions".
    """
    project = tricky(tmp_path / "project")
    nothing = project.run("rollback")
    assert (3, True) == (nothing.code, "nothing to go back to" in nothing.stderr)
    for _ in range(4):
        project.fit()
    assert 0 == project.run("delete", "3").code
    with serving(project) as server:
        done = project.run("rollback", "--json")
        assert (4, 2) == (done.json["from"], done.json["to"])
        assert ["ready"] == [each["state"] for each in done.json["servers"]]
        assert 2 == server.predict("tricks", x=1.0)[1]["metadata"]["model_version"]
    assert "Version 1 of tricks is active now.\n" == project.run("rollback").stdout
    assert 3 == project.run("rollback").code
    log = (project.folder / "runner-audit.jsonl").read_text().splitlines()
    found = [each for each in map(json.loads, log) if each["event.action"] == "activate"]
    assert ["failure", "success", "success", "failure"] == [e["event.outcome"] for e in found]
    assert [2, 1] == [each["runner.model.version"] for each in found[1:3]]


def test_history(tmp_path: Path) -> None:
    """history (parity): each activation with time, versions, who and why; the newest last.

    Row "versions".
    """
    project = tricky(tmp_path / "project")
    assert "No version of tricks was active yet.\n" == project.run("history").stdout
    project.fit()
    project.fit()
    project.run("rollback")
    found = project.run("history", "--json").json["activations"]
    told = [(each["from"], each["to"], each["reason"]) for each in found]
    assert [(None, 1, "added"), (1, 2, "added"), (2, 1, "rolled back")] == told
    lines = project.run("history", "--limit", "1").stdout.splitlines()
    assert ["at", "(UTC)", "from", "to", "by", "reason"] == lines[0].split()
    assert 2 == len(lines)
    assert lines[1].rstrip().endswith("rolled back")
    assert 2 == project.run("history", "--limit", "0").code
