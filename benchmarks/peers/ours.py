"""Ours, with its defaults and all that it has, and the bare response beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from benchmarks.iris import FEATURES, Row, query
from benchmarks.issuer import issuer
from benchmarks.peers.peer import COLUMNAR, CONSTANT, JULIA, RECORDS, RPART, TREE, Peer, Place, post
from benchmarks.servers import ROOT, RUNNER, fitted_example
from benchmarks.wrk import Request


class Ours(Peer):
    """`runner serve`: one front-end, one worker."""

    name = "ours"
    title = "ours"
    model = TREE
    settings = (
        "`runner serve -c runner.yaml`: one front-end, one worker; signature check, log, usage "
        "records, an access token with every request"
    )
    forms = (RECORDS, COLUMNAR)
    guarded = True
    example: ClassVar[str] = "iris-sklearn"

    def prepare(self, place: Place) -> None:
        config = fitted_example(self.example, place.folder)
        config.write_text(config.read_text() + issuer().config())

    def argv(self, place: Place, port: int) -> Sequence[str]:
        config = place.folder / self.example / "runner.yaml"
        return [*RUNNER, "serve", "-c", str(config), "--port", str(port)]

    def one(self, row: Row) -> Request:
        return _with_token(Request("GET", f"/predict?{query(row)}"))

    def answer(self, body: bytes) -> str:
        return str(json.loads(body)["result"])

    def many(self, rows: Sequence[Row], form: str) -> Request:
        if form == RECORDS:
            return _with_token(post("/predict", [dict(row) for row in rows]))
        columns = {name: [row[name] for row in rows] for name in FEATURES}
        return _with_token(post("/predict", {"columns": columns}))

    def answers(self, body: bytes) -> Sequence[str]:
        return list(json.loads(body)["result"])


def _with_token(request: Request) -> Request:
    headers = {**request.headers, "Authorization": f"Bearer {issuer().token()}"}
    return replace(request, headers=headers)


class Post(Ours):
    """The same, asked as most peers must be: one row in a POST of JSON."""

    name = "ours-post"
    title = "ours, POST of JSON"
    forms = ()

    def one(self, row: Row) -> Request:
        return self.many([row], RECORDS)

    def answer(self, body: bytes) -> str:
        return self.answers(body)[0]


class OursR(Ours):
    """An rpart tree in R."""

    name = "ours-r"
    title = "ours, R"
    model = RPART
    example = "iris-r"


class OursJulia(Ours):
    """The model of the Julia example."""

    name = "ours-julia"
    title = "ours, Julia"
    model = JULIA
    example = "iris-julia"


class Bare(Peer):
    """A constant from Falcon, under the same gunicorn with the same options as ours."""

    name = "bare"
    title = "bare Falcon response"
    model = CONSTANT
    settings = "`python -m benchmarks.bare`: one front-end, worker class and options as ours"

    def argv(self, place: Place, port: int) -> Sequence[str]:
        return [sys.executable, "-m", "benchmarks.bare", str(port)]

    def environ(self, place: Place, port: int) -> Mapping[str, str]:
        return {"PYTHONPATH": str(ROOT)}

    def one(self, row: Row) -> Request:
        # No query: what reading one costs is ours to bear.
        return Request("GET", "/")

    def answer(self, body: bytes) -> str:
        return str(json.loads(body)["result"])
