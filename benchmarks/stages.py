"""Tell where the microseconds of one prediction go, stage by stage.

    python -m benchmarks.stages [--json]

Each stage is what a server really runs for a single-row GET, called by itself in this process on a
scikit-learn tree over Fisher's irises: the fastest of several series of calls. Stages that callers
share under load are timed for one request alone and as the share of one among 32. Not in here: the
kernel (a read and a write for each request, wake-ups of the worker) and uvicorn's own work, which
cannot be called by themselves; `benchmarks.predict` has them in its sum.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import timeit
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table as Printed
from sklearn.datasets import load_iris

from adapters.python.adapter import PythonAdapter
from adapters.respond import Responder
from benchmarks import bare
from contracts.messages import (
    Fit,
    Predict,
    Reply,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from contracts.table import Column, Columns, Table, Type
from runner.audit.chain import Chain
from runner.audit.record import Recorder
from runner.config import ServiceSettings
from runner.signature import Checker, Signature, results
from runner.web.app import create_app
from runner.workers.joining import Asked, Part, Whole, groups, joined, share
from runner.workers.services import Answer

TOGETHER = 32
NAMES = ("sepal length", "sepal width", "petal length", "petal width")
LEVELS = ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
_SERIES = 9
_SECONDS = 0.05


def cost(call: Callable[[], Any]) -> float:
    """Give the microseconds of one call: those of the fastest of some series."""
    timer = timeit.Timer(call)
    number, seconds = timer.autorange()
    number = max(1, round(number * _SECONDS / seconds))
    return min(timer.repeat(_SERIES, number)) / number * 1e6


class Worker:
    """The adapter's side: a tree in a responder, as the loop calls it."""

    def __init__(self) -> None:
        values, codes = load_iris(return_X_y=True)
        columns = tuple(
            Column.of(name, Type.F64, values[:, at].tolist()) for at, name in enumerate(NAMES)
        )
        labels = [LEVELS[code] for code in codes]
        target = Column.of("species", Type.CAT, labels, levels=LEVELS)
        self._responder = Responder(PythonAdapter())
        model = {"factory": {"!": "sklearn.tree.DecisionTreeClassifier", "random_state": 0}}
        fitted = self._responder.respond(Fit(1, model, Columns(len(labels), columns), target))
        assert isinstance(fitted, Reply)
        assert fitted.features is not None
        self.signature = Signature(fitted.features, fitted.target_field, fitted.task)

    def answer(self, payload: bytes) -> bytes:
        """Answer one frame."""
        request = decode_request(payload)
        assert isinstance(request, Predict)
        return encode_reply(self._responder.respond(request))


class Services:
    """Stands in for the services of a front-end: the answer is at hand."""

    def __init__(self, signature: Signature, table: Table) -> None:
        self.default = SimpleNamespace(
            name="iris", service_version="1.0", language="python", version=1, state="ready",
            reason="", settings=ServiceSettings(), checker=Checker(signature),
        )  # fmt: skip
        self.names = ("iris",)
        self.folder = Path("/")
        self._table = table

    async def grant(self, **_: Any) -> Any:
        """Is not asked: nobody has limits."""

    async def predict(self, *_: Any, **__: Any) -> Answer:
        """Answer."""
        return Answer(Part(Whole(self._table, 1e-5, 1), 0, 1), 1, 1e-4)


class Sink:
    """Takes lines of log and records, and writes none of them."""

    def append(self, line: bytes) -> int:
        """Take a record."""
        return 1

    def info(self, event: str, **fields: Any) -> None:
        """Take a line."""

    error = info


def asgi(app: Any, query: str) -> Callable[[], None]:
    """Give a call that has an ASGI application answer one GET."""
    headers = [(b"host", b"127.0.0.1:5000")]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": "GET", "path": "/predict" if query else "/", "raw_path": b"", "root_path": "",
        "query_string": query.encode(), "headers": headers, "scheme": "http",
        "client": ("127.0.0.1", 1234), "server": ("127.0.0.1", 5000),
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        assert event.get("status", 200) == 200

    def call() -> None:
        answering = app(dict(scope), receive, send)
        try:
            answering.send(None)
        except StopIteration:
            return
        raise AssertionError("the application waits for something")

    return call


async def measure() -> dict[str, dict[str, float]]:
    """Give stage → microseconds of a request alone, and of one among `TOGETHER`."""
    worker, sink = Worker(), Sink()
    query = urlencode(dict(zip(NAMES, (5.2, 3.5, 1.5, 0.2), strict=True)))
    checker = Checker(worker.signature)
    row = checker.row(dict(zip(NAMES, ("5.2", "3.5", "1.5", "0.2"), strict=True)))
    loop = asyncio.get_running_loop()

    def asked() -> list[Asked]:
        return [Asked(row, "predict", {}, 1e9, loop.create_future()) for _ in range(TOGETHER)]

    def join_and_encode(several: list[Asked]) -> bytes:
        (group,) = groups(several)
        table, expires = joined(group)
        return encode_request(Predict(1, table, None, "predict", {}, expires))

    def decode_and_share(several: list[Asked], payload: bytes) -> None:
        reply = decode_reply(payload)
        assert isinstance(reply, Reply)
        assert reply.table is not None
        share(several, reply.table, 0.0)
        for one in several:
            one.waiter.result().rows(results.plain)

    one, many = asked()[:1], asked()
    frames = {1: join_and_encode(one), TOGETHER: join_and_encode(many)}
    replies = {n: worker.answer(payload) for n, payload in frames.items()}
    reply = decode_reply(replies[1])
    assert isinstance(reply, Reply)
    assert reply.table is not None
    services: Any = Services(worker.signature, reply.table)
    recorder = Recorder(sink, Chain())
    settled: Any = SimpleNamespace(record=recorder, trail=None)
    ours = create_app(services, sink, audit=settled, every=False)
    unrecorded = create_app(services, sink, every=False)
    application = cost(asgi(ours, query))
    sharing = {
        n: cost(lambda n=n: decode_and_share(asked()[:n], replies[n])) - cost(asked)
        for n in (1, TOGETHER)
    }
    found = {
        "bare Falcon application": {"alone": cost(asgi(bare.app(), ""))},
        "our application, with the answer at hand": {"alone": application},
        "  … of it: check the row": {"alone": cost(lambda: checker.row({**_TEXTS}))},
        "  … of it: record": {"alone": application - cost(asgi(unrecorded, query))},
        "join and encode": {"alone": cost(lambda: join_and_encode(one))},
        "worker: decode, predict, encode": {"alone": cost(lambda: worker.answer(frames[1]))},
        "decode and share": {"alone": max(sharing[1], 0.0)},
    }
    found["join and encode"]["among 32"] = cost(lambda: join_and_encode(many)) / TOGETHER
    found["worker: decode, predict, encode"]["among 32"] = (
        cost(lambda: worker.answer(frames[TOGETHER])) / TOGETHER
    )
    found["decode and share"]["among 32"] = max(sharing[TOGETHER], 0.0) / TOGETHER
    return found


_TEXTS = dict(zip(NAMES, ("5.2", "3.5", "1.5", "0.2"), strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = asyncio.run(measure())
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    table = Printed("stage", box=None, pad_edge=False)
    for title in ("µs alone", f"µs among {TOGETHER}"):
        table.add_column(title, justify="right")
    for stage, times in found.items():
        among = times.get("among 32", times["alone"])
        table.add_row(stage, f"{times['alone']:.1f}", f"{among:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
