"""BentoML's HTTP server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from benchmarks.iris import Row
from benchmarks.peers.peer import APPS, COLUMNAR, Peer, Place, post, values
from benchmarks.peers.train import leave_model
from benchmarks.wrk import Request


class BentoML(Peer):
    """One service, one worker, a batchable method."""

    name = "bentoml"
    title = "BentoML"
    environment = "bentoml"
    requirements = (
        "bentoml==1.4.40",
        "numpy==2.4.6",
        "pydantic==2.14.4",
        "scikit-learn==1.9.1",
        "starlette==1.10.0",
        "uvicorn==0.54.0",
    )
    settings = "`bentoml serve`, `@bentoml.service(workers=1)`, `@bentoml.api(batchable=True)`"
    documentation = "https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html"
    forms = (COLUMNAR,)

    def prepare(self, place: Place) -> None:
        leave_model(place)

    def argv(self, place: Place, port: int) -> Sequence[str]:
        service = ("serve", "bentoml_service:Iris", "--working-dir", str(APPS))
        return [str(place.bin / "bentoml"), *service, "--host", "127.0.0.1", "--port", str(port)]

    def environ(self, place: Place, port: int) -> Mapping[str, str]:
        return {
            "PEER_MODEL": str(place.folder / "model.joblib"),
            "BENTOML_HOME": str(place.folder / "home"),
            "BENTOML_DO_NOT_TRACK": "true",
        }

    def one(self, row: Row) -> Request:
        return self.many([row], COLUMNAR)

    def many(self, rows: Sequence[Row], form: str) -> Request:
        return post("/predict", {"rows": values(rows)})

    def answers(self, body: bytes) -> Sequence[str]:
        return list(json.loads(body))
