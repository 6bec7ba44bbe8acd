"""Models that a real Palladium has stored, with its own commands, are taken over.

Parity: `pld-upgrade --from --to`. Palladium is installed as the benchmarks do it, in an environment
of its own; tests/cli/test_upgrade.py tries odd contents of the same layouts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.iris import FEATURES
from benchmarks.peers.environments import DEFAULT_FOLDER, bin_of
from benchmarks.peers.palladium import Palladium
from tests.serving.project import RUNNER, run

pytestmark = pytest.mark.timeout(900)  # the first one installs Palladium

IRIS = Path(__file__).parents[2] / "examples" / "iris-sklearn" / "iris.csv"
ROWS = [[5.2, 3.5, 1.5, 0.2], [6.1, 2.8, 4.0, 1.3], [7.7, 3.0, 6.7, 2.3], [6.0, 2.7, 5.1, 1.6]]
CONFIG = """{{
    "service_metadata": {{"service_name": "iris", "service_version": "0.1"}},
    "dataset_loader_train": {{
        "!": "palladium.dataset.Table", "path": here + "/iris.csv", "sep": ",",
        "target_column": "species", "nrows": 100,
    }},
    "dataset_loader_test": {{
        "!": "palladium.dataset.Table", "path": here + "/iris.csv", "sep": ",",
        "target_column": "species", "skiprows": range(1, 101),
    }},
    "model": {{
        "!": "sklearn.pipeline.Pipeline",
        "steps": [
            ["scale", {{"!": "sklearn.preprocessing.StandardScaler"}}],
            ["tree", {{"!": "sklearn.tree.DecisionTreeClassifier", "random_state": 0,
                       "max_depth": int(environ.get("DEPTH", "3"))}}],
        ],
    }},
    "model_persister": {{"!": "palladium.persistence.CachedUpdatePersister", "impl": {persister}}},
}}
"""
PERSISTERS = {
    "File": '{"!": "palladium.persistence.File", "path": here + "/iris-model-{version}.pickle"}',
    "Database": '{"!": "palladium.persistence.Database", "url": "sqlite:///" + here + "/old.db", '
    '"chunk_size": 500}',
    "DatabaseCLOB": '{"!": "palladium.persistence.DatabaseCLOB", '
    '"url": "sqlite:///" + here + "/old.db"}',
}
OWN_ANSWERS = """
import json, sys
import pandas
from palladium.util import initialize_config
from palladium.config import get_config
initialize_config()
rows, persister = json.loads(sys.argv[1]), get_config()["model_persister"]
answers = {n: persister.impl.read(version=n).predict(rows).tolist() for n in ("1", "2")}
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def palladium() -> Path:
    """Give the folder with Palladium's commands."""
    return bin_of(Palladium(), DEFAULT_FOLDER, print)


def _old(folder: Path, persister: str, palladium: Path) -> dict[str, list[str]]:
    """Have Palladium fit two models and activate the first; give what each of them answers."""
    folder.mkdir()
    shutil.copy(IRIS, folder)
    (folder / "old.py").write_text(CONFIG.format(persister=PERSISTERS[persister]))
    environment = {**os.environ, "PALLADIUM_CONFIG": str(folder / "old.py"), "DEPTH": "1"}

    def old(*words: str) -> str:
        argv = [str(palladium / words[0]), *words[1:]]
        done = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    old("pld-fit", "--evaluate")
    environment["DEPTH"] = "3"
    old("pld-fit")
    old("pld-admin", "activate", "1")
    answers: dict[str, list[str]] = json.loads(old("python", "-c", OWN_ANSWERS, json.dumps(ROWS)))
    return answers


def _digests(folder: Path) -> dict[str, str]:
    """Give what Palladium left: its files, and what its tables hold."""
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name.endswith((".pkl.gz", ".json", "old.py"))
    }
    if (folder / "old.db").exists():
        with closing(sqlite3.connect(folder / "old.db")) as old:
            for table in ("models", "model_chunks", "properties"):
                rows = old.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
                found[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


def _ours(config: str, version: str) -> list[Any]:
    line = json.dumps([dict(zip(FEATURES, row, strict=True)) for row in ROWS])
    done = subprocess.run(
        [*RUNNER, "stream", "-c", config, "--model-version", version],
        input=line + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("persister", PERSISTERS)
def test_upgrade(persister: str, tmp_path: Path, palladium: Path) -> None:
    """Its own config is enough; both versions answer as there; nothing of the old is changed.

    Row "versions".
    """
    folder = tmp_path / "iris"
    answers = _old(folder, persister, palladium)
    assert answers["1"] != answers["2"]
    before = _digests(folder)
    assert len(before) == 4
    whole = hashlib.sha256((folder / "old.db").read_bytes()) if persister != "File" else None
    config = str(folder / "old.py")
    overlay = folder / "new.yaml"
    url = f"sqlite:///{tmp_path}/new.db"
    overlay.write_text(f'model_persister: {{"!": runner.persistence.Database, url: "{url}"}}\n')
    told = "Version 1 is version 1, now active.\nVersion 2 is version 2.\n"

    elsewhere = run("upgrade", "-c", config, "--to", f"{config},{overlay}", cwd=folder)

    assert (elsewhere.code, elsewhere.stdout) == (0, told), elsewhere.stderr
    assert before == _digests(folder)
    if whole is not None:
        now = hashlib.sha256((folder / "old.db").read_bytes())
        assert whole.hexdigest() == now.hexdigest()

    in_place = run("upgrade", "-c", config, cwd=folder)

    assert (in_place.code, in_place.stdout) == (0, told), in_place.stderr
    assert before == _digests(folder)
    for spec in (config, f"{config},{overlay}"):
        models = run("list", "-c", spec, "--json").json["models"]
        assert [model["active"] for model in models] == [True, False]
        assert [model.get("score_test") is None for model in models] == [False, True]
        for number in answers:
            assert answers[number] == _ours(spec, number)
