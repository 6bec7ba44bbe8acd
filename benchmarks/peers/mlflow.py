"""MLflow's scoring server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence

from benchmarks.iris import DATA, FEATURES, Row
from benchmarks.peers.peer import APPS, COLUMNAR, RECORDS, Peer, Place, post, values
from benchmarks.wrk import Request


class MLflow(Peer):
    """`mlflow models serve`: uvicorn, the model in the web process."""

    name = "mlflow"
    title = "MLflow"
    environment = "mlflow"
    requirements = (
        "mlflow==3.17.2",
        "fastapi==0.165.0",
        "numpy==2.4.6",
        "pandas==3.1.1",
        "scikit-learn==1.9.1",
        "uvicorn==0.54.0",
    )
    settings = "`mlflow models serve --env-manager local --workers 1`"
    documentation = "https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/"
    forms = (RECORDS, COLUMNAR)

    def prepare(self, place: Place) -> None:
        argv = [str(place.bin / "python"), str(APPS / "mlflow_model.py"), str(DATA), "model"]
        subprocess.run(argv, cwd=place.folder, check=True, capture_output=True)

    def argv(self, place: Place, port: int) -> Sequence[str]:
        model = ("--model-uri", "model", "--env-manager", "local", "--workers", "1")
        where = ("--host", "127.0.0.1", "--port", str(port))
        return [str(place.bin / "mlflow"), "models", "serve", *model, *where]

    def environ(self, place: Place, port: int) -> Mapping[str, str]:
        return {"MLFLOW_DISABLE_TELEMETRY": "true"}

    def one(self, row: Row) -> Request:
        return self.many([row], COLUMNAR)

    def many(self, rows: Sequence[Row], form: str) -> Request:
        if form == RECORDS:
            return post("/invocations", {"dataframe_records": [dict(row) for row in rows]})
        split = {"columns": list(FEATURES), "data": values(rows)}
        return post("/invocations", {"dataframe_split": split})

    def answers(self, body: bytes) -> Sequence[str]:
        return list(json.loads(body)["predictions"])
