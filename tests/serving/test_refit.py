"""A server fits its models anew on schedule, and serves what is better."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.postgres import postgres_cluster, postgres_url
from tests.requirements import need
from tests.serving.project import Project, write_project
from tests.serving.server import serving, until

__all__ = ["postgres_cluster", "postgres_url"]

EXAMPLES = Path(__file__).parents[2] / "examples"
FACTOR = """
from pathlib import Path

class Factor:
    def fit(self, X, y):
        self.factor = float((Path(__file__).parent / "factor.txt").read_text())

    def predict(self, X):
        return X[:, 0] * self.factor
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model that is as good as a file says, fitted every second, kept if better."""
    return write_project(
        tmp_path / "factor",
        """\
        service_metadata: {service_name: factor}
        dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        dataset_loader_test: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        model: {"!": factor.Factor}
        server: {actions: true}
        refit: {rrule: {freq: SECONDLY}, save_if_better_than: active}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n3.0,6.0\n",
        factor__py=FACTOR,
        factor__txt="1.5",
    )


def jobs(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.run("jobs", "--json").json["jobs"]
    return found


def done(project: Project, saved: bool) -> dict[str, Any] | None:
    """Give the newest job that has ended with this result."""
    results = (job for job in reversed(jobs(project)) if job["state"] == "finished")
    return next((job for job in results if job["result"]["saved"] is saved), None)


def test_what_is_better_takes_over(project: Project) -> None:
    """refit: on schedule, scored beside the active version, activated only when better.

    Row "cache rules".
    """
    assert 1 == project.fit()
    with serving(project) as server:
        job = until(lambda: done(project, saved=False), 60)
        assert ("refit", "schedule") == (job["kind"], job["by"])
        assert "is not above" in job["result"]["note"]
        assert "that of the active version 1" in job["result"]["note"]
        assert 1 == server.predict("factor", x=1.0)[1]["metadata"]["model_version"]
        (project.folder / "factor.txt").write_text("2.0")
        until(lambda: server.predict("factor", x=1.0)[1]["result"] == 2.0, 60)
        assert 2 == server.predict("factor", x=1.0)[1]["metadata"]["model_version"]
        assert job["id"] in [each["id"] for each in server.get("/jobs")[1]["jobs"]]
    listed = project.run("list", "--json").json
    assert "2" == listed["properties"]["active-model"]
    assert [1, 2] == [model["version"] for model in listed["models"]]
    assert 1.0 == listed["models"][-1]["score_test"]
    log = (project.folder / "runner-audit.jsonl").read_text().splitlines()
    fits = [each for each in map(json.loads, log) if each["event.action"] == "fit"]
    assert 2 in [each.get("runner.model.version") for each in fits]
    states = {job["state"] for job in jobs(project)}
    assert states <= {"finished", "failed"}  # one may have been under way at the end


def test_a_schedule_follows_the_config(project: Project) -> None:
    """SIGHUP: a server takes up a schedule, and another one instead; what is served serves on."""
    text = project.config.read_text()
    project.config.write_text(text.replace("refit:", "x-refit:"))
    project.fit()
    with serving(project) as server:
        project.config.write_text(text)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: done(project, saved=False), 60)
        project.config.write_text(text.replace("rrule: {freq: SECONDLY}", "cron: '30 5 1 1 *'"))
        server.process.send_signal(signal.SIGHUP)

        def last() -> str:
            return str([e["at"] for e in server.events if e["event"] == "next refit"][-1])

        until(lambda: last().endswith("-01-01T05:30:00"))
        until(lambda: all(job["state"] in ("finished", "failed") for job in jobs(project)), 60)
        before = jobs(project)
        assert 1 == server.predict("factor", x=1.0)[1]["metadata"]["model_version"]
        assert [each["id"] for each in before] == [each["id"] for each in jobs(project)]


def test_refit_in_r(tmp_path: Path) -> None:
    """A model in R is fitted on schedule, as any other."""
    need("r")
    folder = tmp_path / "iris-r"
    shutil.copytree(EXAMPLES / "iris-r", folder)
    config = folder / "runner.yaml"
    refit = {"rrule": {"freq": "SECONDLY", "count": 3}, "save_if_better_than": 0.5}
    config.write_text(config.read_text() + yaml.safe_dump({"refit": refit}))
    project = Project(folder)
    with serving(project, wait=False) as server:
        until(lambda: server.get("/health/ready")[0] == 200, 90)
        status, told = server.get(
            "/predict?sepal%20length=5.2&sepal%20width=3.5&petal%20length=1.5&petal%20width=0.2"
        )
    assert (200, "Iris-setosa") == (status, told["result"])
    version = project.run("list", "--json").json["models"][0]
    assert ("r", 1) == (version["language"], version["version"])


def test_better_than_the_active_version(project: Project) -> None:
    """`fit --save-if-better-than active`: the first is stored, an equal one is not; else a 2."""
    first = project.run("fit", "--save-if-better-than", "active", "--json").json
    assert (1, True) == (first["version"], first["activated"])
    told = project.run("fit", "--save-if-better-than", "active").stdout.splitlines()[-1]
    assert told.startswith("Model not saved: test score ")
    assert told.endswith(", that of the active version 1.")
    assert 2 == project.run("fit", "--save-if-better-than", "actve").code


@pytest.fixture
def on_sqlite(project: Project) -> Project:
    return project


@pytest.fixture
def on_postgresql(project: Project, postgres_url: str) -> Project:
    with project.config.open("a") as file:
        file.write(f"store: {{url: {postgres_url!r}}}\n")
    return project


@pytest.mark.parametrize(
    "store", ["on_sqlite", pytest.param("on_postgresql", marks=need("postgresql"))]
)
def test_two_servers(store: str, request: pytest.FixtureRequest) -> None:
    """Of two servers on one store one begins each of its refits, and the other leaves it alone."""
    project: Project = request.getfixturevalue(store)
    text = project.config.read_text()
    rule = "{freq: SECONDLY, interval: 2, dtstart: 2026-01-01}"
    project.config.write_text(text.replace("rrule: {freq: SECONDLY}", f"rrule: {rule}"))
    project.fit()
    folder = project.folder.parent / "second"
    folder.mkdir()
    beside = Project(folder)
    beside.config = project.config
    with serving(project) as first, serving(beside) as second:
        servers = (first, second)

        def told(event: str) -> list[list[str]]:
            return [[e["at"] for e in each.events if e["event"] == event] for each in servers]

        until(lambda: all(told("next refit")) and sum(map(len, told("refit"))) >= 3, 120)
        until(lambda: any(told("refit is another server's")), 120)
        mine, yours = told("refit")
    assert set() == set(mine) & set(yours)
    assert sorted({*mine, *yours}) == sorted([*mine, *yours])
