"""vetiver's API under uvicorn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from benchmarks.iris import DATA, Row
from benchmarks.peers.peer import APPS, RECORDS, Peer, Place, post
from benchmarks.wrk import Request


class Vetiver(Peer):
    """A FastAPI application, the model in the web process."""

    name = "vetiver"
    title = "vetiver"
    environment = "vetiver"
    requirements = (
        "vetiver==0.2.6",
        "numpy==2.4.6",
        "pandas==3.1.1",
        "scikit-learn==1.9.1",
        "uvicorn==0.54.0",
    )
    settings = "`uvicorn app:api`, as its Dockerfile has it; `check_prototype=True`"
    documentation = "https://rstudio.github.io/vetiver-python/stable/reference/write_docker.html"
    forms = (RECORDS,)

    def argv(self, place: Place, port: int) -> Sequence[str]:
        app = ("vetiver_app:api", "--app-dir", str(APPS))
        return [str(place.bin / "uvicorn"), *app, "--host", "127.0.0.1", "--port", str(port)]

    def environ(self, place: Place, port: int) -> Mapping[str, str]:
        return {"PEER_DATA": str(DATA)}

    def one(self, row: Row) -> Request:
        return self.many([row], RECORDS)

    def many(self, rows: Sequence[Row], form: str) -> Request:
        return post("/predict", [dict(row) for row in rows])

    def answers(self, body: bytes) -> Sequence[str]:
        return list(json.loads(body)["predict"])
