"""The examples, copied, fitted, tested and served by one server, as the demo does it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.requirements import ABSENT, need
from tests.serving.project import Project
from tests.serving.server import Server, serving, until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FLOWER = {"sepal length": 5.2, "sepal width": 3.5, "petal length": 1.5, "petal width": 0.2}
FLOWERS = {"iris-sklearn": "python", "iris-r": "r", "iris-julia": "julia"}
NAMES = {
    **FLOWERS,
    "toothgrowth-r": "r",
    "wine-xgboost": "python",
    "messages-text": "python",
    "rides-r": "r",
}
CULTIVARS = {"Barolo": 1.0, "Grignolino": 0.0, "Barbera": 0.0}
ANSWERS: dict[str, Any] = {
    **dict.fromkeys(FLOWERS, "Iris-setosa"),
    "toothgrowth-r": pytest.approx(17.2, abs=2),
    "wine-xgboost": {name: pytest.approx(share, abs=0.05) for name, share in CULTIVARS.items()},
    "messages-text": "delivery",
    "rides-r": pytest.approx(750, abs=30),
}
"""What the README of each example says that its question is answered with."""


@dataclass(frozen=True)
class Served:
    """The examples that can run here, and the server that serves them."""

    server: Server
    projects: dict[str, Project]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("examples")
    projects = {}
    for name, language in NAMES.items():
        if ABSENT[language]():
            continue
        shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("*.db*"))
        projects[name] = Project(folder / name)
        projects[name].config = folder / name / "runner.yaml"
        projects[name].fit()
    with serving(*projects.values()) as server:
        yield Served(server, projects)


def _marked(names: dict[str, str]) -> list[object]:
    return [pytest.param(name, marks=need(language)) for name, language in names.items()]


def test_every_example_is_tried() -> None:
    """A folder under examples/ is a service, has a README, and is in the list of examples."""
    folders = sorted(path.parent.name for path in EXAMPLES.glob("*/runner.yaml"))
    assert folders == sorted(NAMES)
    listed = re.findall(r"^\| \[([\w-]+)\]", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == folders


@pytest.mark.parametrize("name", _marked(NAMES))
def test_the_question_of_the_readme(served: Served, name: str) -> None:
    """The curl command of an example's README gets the answer that stands beneath it."""
    readme = (EXAMPLES / name / "README.md").read_text()
    (block,) = re.findall(r"^```bash\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    start, _, command = block.partition("\n")
    assert start == "runner fit --evaluate && runner serve &"
    there = f"http://127.0.0.1:{served.server.port}/services/{name}/"
    asked = command.replace("http://127.0.0.1:5000/", there)
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["result"] == ANSWERS[name]


@pytest.mark.parametrize("name", _marked(FLOWERS))
def test_one_flower(served: Served, name: str) -> None:
    """GET answers the label; the model's version and the service are in the metadata."""
    status, body = served.server.predict(name, **FLOWER)
    assert (status, body["result"]) == (200, "Iris-setosa")
    metadata = body["metadata"]
    assert (metadata["service_name"], metadata["model_version"]) == (name, 1)
    assert (metadata["status"], metadata["error_code"]) == ("OK", 0)


@pytest.mark.parametrize("name", _marked(FLOWERS))
def test_many_flowers(served: Served, name: str) -> None:
    """POST answers a list in the order of the question."""
    large = {"sepal length": 7.7, "sepal width": 3.0, "petal length": 6.7, "petal width": 2.3}
    path = f"/services/{name}/predict"
    status, body, _ = served.server.request("POST", path, [FLOWER, large, FLOWER])
    assert status == 200
    assert body["result"] == ["Iris-setosa", "Iris-virginica", "Iris-setosa"]


@pytest.mark.parametrize("name", _marked(FLOWERS))
def test_probabilities(served: Served, name: str) -> None:
    """predict_proba answers a probability for each class; together they are 1."""
    status, body = served.server.get(f"/services/{name}/predict_proba", **FLOWER)
    assert status == 200
    assert set(body["result"]) == {"Iris-setosa", "Iris-versicolor", "Iris-virginica"}
    assert sum(body["result"].values()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", _marked(NAMES))
def test_scores_are_good(served: Served, name: str) -> None:
    """`runner test` scores each example well above guessing."""
    done = served.projects[name].run("test", "--json")
    (score,) = done.json["scores"].values()
    assert score > (0.9 if name in FLOWERS else 0.6)


@pytest.mark.r
def test_a_factor_feature(served: Served) -> None:
    """A factor learned by R takes its levels and nothing else; the worker is not asked."""
    predict = served.server.predict
    assert predict("toothgrowth-r", supp="VC", dose=1.0)[1]["result"] == pytest.approx(17.2, abs=2)
    status, body = predict("toothgrowth-r", supp="XX", dose=1.0)
    assert status == 422
    (detail,) = body["metadata"]["details"]
    assert (detail["field"], detail["value"], detail["allowed"]) == ("supp", "XX", ["OJ", "VC"])


@pytest.mark.r
def test_a_date_and_what_is_missing(served: Served) -> None:
    """Numbers may be missing as a null or an empty value; a date is a date; a day has a season."""
    predict = served.server.predict
    asked = {"day": "2025-07-01", "weather": "dry", "temperature": 24.5, "wind": None}
    path = "/services/rides-r/predict"
    status, body, _ = served.server.request("POST", path, [asked, {**asked, "day": "2025-01-01"}])
    assert status == 200
    summer, winter = body["result"]
    assert predict("rides-r", **{**asked, "wind": ""})[1]["result"] == summer
    assert winter < summer - 300
    status, body = predict("rides-r", **{**asked, "day": "yesterday", "wind": 8})
    assert (status, body["metadata"]["details"][0]["field"]) == (422, "day")


@pytest.mark.parametrize(
    ("name", "command", "made"),
    [
        ("messages-text", [sys.executable, "generate.py"], "messages.csv"),
        pytest.param("rides-r", ["Rscript", "generate.R"], "rides.csv", marks=need("r")),
    ],
)
def test_data_that_are_made_up(name: str, command: list[str], made: str, tmp_path: Path) -> None:
    """The data of an example are those that its generator writes."""
    shutil.copy(EXAMPLES / name / command[-1], tmp_path)
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / made).read_text() == (EXAMPLES / name / made).read_text()


@pytest.mark.parametrize("name", _marked(FLOWERS))
def test_the_first_request_after_a_crash_succeeds(served: Served, name: str) -> None:
    """A worker that was killed is replaced, and whoever asks meanwhile waits and is answered."""
    (pid,) = until(lambda: served.server.worker_pids(name))
    psutil.Process(pid).kill()
    status, body = served.server.predict(name, **FLOWER)
    assert (status, body["result"]) == (200, "Iris-setosa")
    assert served.server.worker_pids(name) != [pid]


@pytest.mark.r
@pytest.mark.julia
def test_versions_are_self_contained(served: Served) -> None:
    """With script and data gone, stored versions still load: artifacts hold all they need."""
    for name, script in (("iris-r", "model.R"), ("iris-julia", "model.jl")):
        project = served.projects[name]
        path = project.folder / script
        text = path.read_text()
        path.unlink()
        try:
            (pid,) = until(lambda n=name: served.server.worker_pids(n))
            psutil.Process(pid).kill()
            assert served.server.predict(name, **FLOWER)[1]["result"] == "Iris-setosa"
        finally:
            path.write_text(text)
