"""The walk of Palladium's slides, with its own config and nothing changed in it."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.serving import palladium
from tests.serving.project import Project
from tests.serving.server import Server, serving

SLIDES = f"""
    'service_metadata': {{'service_name': 'iris', 'service_version': '0.1'}},
    {palladium.LOADERS}
    'model': {{
        '__factory__': 'sklearn.tree.DecisionTreeClassifier',
        'min_samples_leaf': 1,
    }},
    'grid_search': {{
        'param_grid': {{'min_samples_leaf': [1, 2, 3]}},
    }},
    'model_persister': {{
        '__factory__': 'palladium.persistence.File',
        'path': 'iris-model-{{version}}.pickle',
    }},
    {palladium.MAPPING}
    'alive': {{'process_store_required': ('model',)}},
"""


@dataclass(frozen=True)
class Walk:
    """The service of the slides after its fit, and the server that serves it."""

    project: Project
    fitted: str
    server: Server


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    project = palladium.write(tmp_path_factory.mktemp("iris"), SLIDES)
    done = project.run("fit", "--evaluate")
    assert done.code == 0, done.stderr
    with serving(project) as server:
        yield Walk(project, done.stdout + done.stderr, server)


def test_fit(walk: Walk) -> None:
    """`fit` tells its steps with their times, the scores and the version, which is active.

    Row "fit".
    """
    assert "Loading train data" in walk.fitted
    assert "Score on test data: 0.9" in walk.fitted
    assert "Wrote model with version 1, now active." in walk.fitted


def test_pickle(walk: Walk) -> None:
    """The slides' File persister keeps version 1 as iris-model-1.pickle, beside the config.

    Row "persisters".
    """
    files = sorted(path.name for path in walk.project.folder.glob("iris-model-*"))
    assert files == ["iris-model-1.pickle"]
    done = walk.project.run("list", "--json")
    content = (walk.project.folder / files[0]).read_bytes()
    assert done.json["models"][0]["artifact_sha256"] == hashlib.sha256(content).hexdigest()


def test_grid_search(walk: Walk) -> None:
    """`grid-search` tries min_samples_leaf 1, 2, 3 and tells them by rank; nothing is stored.

    Row "grid-search".
    """
    table = walk.project.folder / "scores.csv"
    done = walk.project.run("grid-search", "--json", "--save-results", str(table))
    assert done.code == 0, done.stderr
    found = done.json["candidates"]
    assert sorted(each["params"]["min_samples_leaf"] for each in found) == [1, 2, 3]
    ranks = [each["rank_test_score"] for each in found]
    assert ranks == sorted(ranks)
    assert all(0.9 < each["mean_test_score"] <= 1.0 for each in found)
    assert done.json["best"]["params"] == found[0]["params"]
    assert done.json["version"] is None
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["rank_test_score"]) for row in rows] == ranks


def test_test(walk: Walk) -> None:
    """Row "test": `test` scores the active version on the rows after the first hundred."""
    done = walk.project.run("test", "--json")
    assert done.code == 0, done.stderr
    assert done.json["version"] == 1
    assert 0.9 < done.json["scores"]["score"] <= 1.0


def test_list(walk: Walk) -> None:
    """`list` has the version with its score."""
    done = walk.project.run("list", "--json")
    assert done.code == 0
    assert [model["version"] for model in done.json["models"]] == [1]
    assert done.json["properties"]["active-model"] == "1"


def test_predict(walk: Walk) -> None:
    """`GET /predict?sepal%20length=5.2&…` answers `{"result": "Iris-setosa", …}`.

    Row "serve", Row "GET predict".
    """
    query = "&".join(f"{name.replace(' ', '%20')}={x}" for name, x in palladium.FLOWER.items())
    status, body, _ = walk.server.request("GET", f"/predict?{query}")
    assert (status, body["result"]) == (200, "Iris-setosa")
    metadata = body["metadata"]
    assert {
        "status": "OK",
        "error_code": 0,
        "service_name": "iris",
        "service_version": "0.1",
    }.items() <= metadata.items()


def test_alive(walk: Walk) -> None:
    """/alive has memory_usage, service_metadata, and the model's train_timestamp and scores.

    Row "alive".
    """
    status, body = walk.server.get("/alive")
    assert status == 200
    assert body["memory_usage"] > 0
    assert body["service_metadata"] == {"service_name": "iris", "service_version": "0.1"}
    model = body["model"]["metadata"]
    assert model["train_timestamp"] == body["model"]["updated"]
    assert model["score_train"] == 1.0
    assert model["score_test"] > 0.9
