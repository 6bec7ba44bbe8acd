"""plumber, the R package."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmarks.iris import DATA, Row
from benchmarks.peers.peer import APPS, RECORDS, RPART, Peer, Place, post
from benchmarks.servers import ROOT
from benchmarks.wrk import Request

MODEL = ROOT / "examples" / "iris-r" / "model.R"


class Plumber(Peer):
    """One R process that speaks HTTP itself."""

    name = "plumber"
    title = "plumber"
    model = RPART
    environment = "plumber"
    debian = ("r-cran-plumber",)
    settings = "`pr_run(…, docs = FALSE)` in one R process, as its Docker page runs it"
    documentation = "https://www.rplumber.io/articles/hosting.html"
    forms = (RECORDS,)

    def argv(self, place: Place, port: int) -> Sequence[str]:
        return ["Rscript", str(APPS / "plumber.R"), str(DATA), str(MODEL), str(port)]

    def one(self, row: Row) -> Request:
        return self.many([row], RECORDS)

    def many(self, rows: Sequence[Row], form: str) -> Request:
        return post("/predict", [dict(row) for row in rows])

    def answers(self, body: bytes) -> Sequence[str]:
        return list(json.loads(body)["result"])
