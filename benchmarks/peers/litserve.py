"""LitServe with its batching."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmarks.iris import Row
from benchmarks.peers.peer import APPS, Peer, Place, post
from benchmarks.peers.train import leave_model
from benchmarks.wrk import Request


class LitServe(Peer):
    """One API server, one worker with the model."""

    name = "litserve"
    title = "LitServe"
    environment = "litserve"
    requirements = (
        "litserve==0.2.19",
        "fastapi==0.165.0",
        "numpy==2.4.6",
        "scikit-learn==1.9.1",
        "uvicorn==0.54.0",
        "uvloop==0.23.0",
    )
    settings = "`max_batch_size=64`, `batch_timeout=0`, `workers_per_device=1`, `num_api_servers=1`"
    documentation = "https://lightning.ai/docs/litserve/features/batching"

    def prepare(self, place: Place) -> None:
        leave_model(place)

    def argv(self, place: Place, port: int) -> Sequence[str]:
        app = str(APPS / "litserve_app.py")
        return [str(place.bin / "python"), app, "model.joblib", str(port)]

    def one(self, row: Row) -> Request:
        return post("/predict", {"input": list(row.values())})

    def answer(self, body: bytes) -> str:
        return str(json.loads(body)["output"])
