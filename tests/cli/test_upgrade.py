"""Models that Palladium stored become versions of ours.

Parity: `pld-upgrade --from --to`. The files and tables are written here in exactly the layout of
Palladium 1.2.4 (persistence.py: FileLike, Database).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import pickle
import sqlite3
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import sklearn.base
from sklearn.tree import DecisionTreeClassifier

from tests.serving.project import Project, write_project

CONFIG = """
service_metadata: {service_name: iris, service_version: "1"}
dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
dataset_loader_test: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
model: {"!": sklearn.tree.DecisionTreeClassifier}
model_persister: {"!": palladium.persistence.File, path: "iris-model-{version}.pickle"}
"""
X = [[float(x), float(x % 3)] for x in range(12)]
Y = ["low" if x < 6 else "high" for x in range(12)]


def _model(number: int, **parameters: Any) -> Any:
    model = DecisionTreeClassifier(**parameters).fit(X, Y)
    model.__metadata__ = {
        "version": number,
        "train_timestamp": f"2019-01-0{number}T00:00:00",
        "score_test": 0.5,
    }
    return model


def _pickled(model: Any) -> bytes:
    return gzip.compress(pickle.dumps(model))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    rows = "\n".join(f"{x[0]},{x[1]},{y}" for x, y in zip(X, Y, strict=True))
    return write_project(tmp_path / "iris", CONFIG, data__csv=f"a,b,y\n{rows}\n")


def _before_1_0(project: Project, *models: Any) -> dict[str, str]:
    """Write the layout that Palladium had before 1.0; give its digests."""
    files = []
    for model in models:
        files.append(project.folder / f"iris-model-{model.__metadata__['version']}.pickle")
        files[-1].write_bytes(_pickled(model))
    files.append(project.folder / "iris-model-metadata.pickle.json")
    files[-1].write_text(json.dumps([model.__metadata__ for model in models]))
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _folder(project: Project, *models: Any, active: int = 1) -> Path:
    folder = project.folder
    for model in models:
        number = model.__metadata__["version"]
        (folder / f"iris-model-{number}.pickle.pkl.gz").write_bytes(_pickled(model))
    listed = {
        "models": [model.__metadata__ for model in models],
        "properties": {"db-version": "1.2.4", "active-model": str(active)},
    }
    (folder / "iris-model-metadata.pickle.json").write_text(json.dumps(listed, indent=4))
    return folder


def _digests(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name.endswith((".pkl.gz", ".json", "old.db"))
    }


def test_folder(project: Project) -> None:
    """A folder's versions are taken over, scored and served as ours; the files stay as they are.

    Row "versions".
    """
    before = _digests(_folder(project, _model(1), _model(2, max_depth=1)))

    done = project.run("upgrade")

    assert (done.code, done.stdout) == (
        0,
        "Version 1 is version 1, now active.\nVersion 2 is version 2.\n",
    ), done.stderr
    assert _digests(project.folder) == before
    models = project.run("list", "--json").json["models"]
    assert [model["active"] for model in models] == [True, False]
    assert models[0]["train_timestamp"] == "2019-01-01T00:00:00"
    assert (models[0]["score_test"], models[0]["palladium"]["version"]) == (0.5, 1)
    (record,) = (project.folder / "runner-audit.jsonl").read_text().splitlines()
    told = json.loads(record)
    assert (told["event.action"], told["event.outcome"]) == ("import", "success")
    assert told["runner.model.version"] == 2
    scored = project.run("test", "--json")
    assert scored.code == 0, scored.stderr
    again = project.run("upgrade")
    assert again.stdout.startswith("Version 1 is version 1, there already.\n")
    assert len(project.run("list", "--json").json["models"]) == 2


def test_folder_before_1_0(project: Project) -> None:
    """Old pickles have the names that ours would get: they are not written over."""
    before = _before_1_0(project, _model(1), _model(2))

    refused = project.run("upgrade")

    assert refused.code == 1
    assert (
        "iris-model-1.pickle is Palladium's, and a new version would be written" in refused.stderr
    )
    new = project.folder / "new.yaml"
    new.write_text('model_persister: {"!": runner.persistence.File, path: "new-{version}"}\n')

    done = project.run("upgrade", "--to", f"{project.config},{new}")

    told = "Version 1 is version 1.\nVersion 2 is version 2, now active.\n"
    assert (done.code, done.stdout) == (0, told), done.stderr
    after = {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in before}
    assert before == after


def test_attachments(project: Project) -> None:
    """Row "attachments": what Palladium's File persister laid beside a pickle comes along."""
    model = _model(1)
    model.__metadata__["__attachments__"] = ("attachments/report.html", "attachments/gone.txt")
    _folder(project, model)
    (project.folder / "iris-model-1.pickle-report.html").write_text("<p>good</p>")

    done = project.run("upgrade")

    assert done.code == 0, done.stderr
    (listed,) = project.run("list", "--json").json["models"]
    assert listed["attachments"] == {"report.html": 11}
    assert "attachments/report.html" not in listed
    done = project.run("export", "--attachment", "report.html", "--to", "there.html")
    assert (done.code, done.stdout) == (
        0,
        "Wrote report.html of version 1 of iris to there.html.\n",
    )
    assert (project.folder / "there.html").read_text() == "<p>good</p>"
    done = project.run("export", "--attachment", "report.htm")
    assert done.code == 3
    assert "has no attachment 'report.htm', did you mean 'report.html'?" in done.stderr


@pytest.mark.parametrize("clob", [False, True])
def test_database(project: Project, clob: bool) -> None:
    """Tables of a `Database` or `DatabaseCLOB` are read chunk by chunk, and left as they are.

    Row "versions".
    """
    path = project.folder / "old.db"
    with sqlite3.connect(path) as old:
        old.executescript(
            "CREATE TABLE models (version INTEGER PRIMARY KEY, metadata VARCHAR NOT NULL);"
            "CREATE TABLE model_chunks (id INTEGER PRIMARY KEY, model_version INTEGER, blob BLOB);"
            "CREATE TABLE properties (id INTEGER PRIMARY KEY, name VARCHAR, value VARCHAR);"
            "INSERT INTO properties (name, value) VALUES ('active-model', '3');"
        )
        model = _model(3)
        content = _pickled(model)
        old.execute("INSERT INTO models VALUES (3, ?)", [json.dumps(model.__metadata__)])
        for start in range(0, len(content), 500):
            piece: Any = content[start : start + 500]
            stored = base64.b64encode(piece).decode() if clob else piece
            old.execute("INSERT INTO model_chunks (model_version, blob) VALUES (3, ?)", [stored])
    old.close()
    before = _digests(project.folder)

    done = project.run("upgrade", "--from", f"sqlite:///{path}", "--json")

    assert done.code == 0, done.stderr
    (told,) = done.json["upgraded"]
    assert (told["old"], told["version"], told["active"]) == (3, 1, True)
    assert _digests(project.folder) == before


def test_another_scikit_learn(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of another scikit-learn that cannot predict here is told with both versions."""
    with monkeypatch.context() as patched:
        patched.setattr(sklearn.base, "__version__", "0.24.2")
        model = _model(1)
        del model.tree_
        _folder(project, model, _model(2))
    done = project.run("upgrade")

    assert (done.code, done.stdout) == (1, "Version 2 is version 1.\n")
    assert "Version 1 cannot be taken over" in done.stderr
    assert f"pickled with scikit-learn 0.24.2, here is {sklearn.__version__}" in done.stderr
    assert "Traceback" not in done.stderr.split("Version 1 cannot")[1]


def test_module_that_is_not_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that needs a module is told with its name, and nothing is stored."""
    gone = types.ModuleType("gone_for_good")
    kind = type("Model", (), {"__module__": "gone_for_good"})
    gone.Model = kind  # type: ignore[attr-defined]
    model = kind()
    model.__metadata__ = {"version": 1}
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "gone_for_good", gone)
        _folder(project, model)
    done = project.run("upgrade")

    assert done.code == 1
    assert "No module named 'gone_for_good'" in done.stderr
    assert project.run("list", "--json").json["models"] == []


def test_nothing_there(project: Project) -> None:
    """No old layout is exit code 3, and says what was looked for."""
    done = project.run("upgrade")
    assert done.code == 3
    assert "iris-model-metadata.pickle.json, in which Palladium lists its versions" in done.stderr
    assert project.run("upgrade", "--from", "sqlite:///nowhere.db").code == 3
    assert not (project.folder / "nowhere.db").exists()
