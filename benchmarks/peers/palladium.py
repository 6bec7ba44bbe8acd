"""Palladium under gunicorn."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pprint import pformat

from benchmarks.iris import DATA, FEATURES, Row, query
from benchmarks.peers.peer import RECORDS, Peer, Place, post
from benchmarks.wrk import Request


class Palladium(Peer):
    """A WSGI application, one synchronous worker: its model in the web process."""

    name = "palladium"
    title = "Palladium under gunicorn"
    environment = "palladium"
    requirements = (
        "palladium==1.2.4.1",
        "flask==3.1.3",
        "gunicorn==27.0.1",
        "numpy==2.4.6",
        "pandas==3.1.1",
        "scikit-learn==1.9.1",
        "setuptools==80.9.0",  # pkg_resources
        "sqlalchemy==1.4.54",
        "ujson==6.1.0",
    )
    settings = "`gunicorn palladium.wsgi:app`: one synchronous worker; CachedUpdatePersister"
    documentation = "https://palladium.readthedocs.io/en/latest/user/deployment.html"
    forms = (RECORDS,)

    def prepare(self, place: Place) -> None:
        config = {
            "service_metadata": {"service_name": "iris", "service_version": "0.1"},
            "dataset_loader_train": {
                "!": "palladium.dataset.Table",
                "path": str(DATA),
                "sep": ",",
                "target_column": "species",
                "nrows": 100,
            },
            "model": {
                "!": "sklearn.tree.DecisionTreeClassifier",
                "min_samples_leaf": 1,
                "random_state": 0,
            },
            "model_persister": {
                "!": "palladium.persistence.CachedUpdatePersister",
                "impl": {
                    "!": "palladium.persistence.File",
                    "path": str(place.folder / "model-{version}"),
                },
            },
            "predict_service": {
                "!": "palladium.server.PredictService",
                "mapping": [(name, "float") for name in FEATURES],
            },
        }
        (place.folder / "config.py").write_text(pformat(config))
        subprocess.run(
            [str(place.bin / "pld-fit")],
            env=dict(self.environ(place, 0)),  # nothing of ours
            cwd=place.folder,
            check=True,
            capture_output=True,
        )

    def argv(self, place: Place, port: int) -> Sequence[str]:
        # The control socket would leave a file in the home of whoever runs this.
        options = ("--no-control-socket", "--bind", f"127.0.0.1:{port}")
        return [str(place.bin / "gunicorn"), *options, "palladium.wsgi:app"]

    def environ(self, place: Place, port: int) -> Mapping[str, str]:
        return {"PALLADIUM_CONFIG": str(place.folder / "config.py")}

    def one(self, row: Row) -> Request:
        return Request("GET", f"/predict?{query(row)}")

    def answer(self, body: bytes) -> str:
        return str(json.loads(body)["result"])

    def many(self, rows: Sequence[Row], form: str) -> Request:
        return post("/predict", [dict(row) for row in rows])

    def answers(self, body: bytes) -> Sequence[str]:
        return list(json.loads(body)["result"])
