"""MLServer with its scikit-learn runtime, four ways."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from benchmarks.iris import Row
from benchmarks.peers.peer import COLUMNAR, Peer, Place, post, values
from benchmarks.peers.train import leave_model
from benchmarks.servers import free_port
from benchmarks.wrk import Request


class MLServer(Peer):
    """Its defaults: the model in a process of its own, beside the one that speaks HTTP."""

    name = "mlserver"
    title = "MLServer"
    environment = "mlserver"
    requirements = (
        "mlserver==1.7.1",
        "mlserver-sklearn==1.7.1",
        "fastapi==0.115.14",
        "numpy==2.4.6",
        "pandas==3.1.1",
        "pydantic==2.14.4",
        "scikit-learn==1.9.1",
        "uvicorn==0.54.0",
        "uvloop==0.21.0",  # its worker pool does not start with a later one
    )
    settings = "`mlserver start .` with `debug: false`, `parallel_workers: 1` (the default)"
    documentation = "https://docs.seldon.ai/mlserver/user-guide/parallel-inference"
    forms = (COLUMNAR,)
    workers: ClassVar[int] = 1
    batching: ClassVar[Mapping[str, Any]] = {}

    def prepare(self, place: Place) -> None:
        leave_model(place)
        model = {
            "name": "iris",
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": "./model.joblib"},
            **self.batching,
        }
        (place.folder / "model-settings.json").write_text(json.dumps(model))

    def argv(self, place: Place, port: int) -> Sequence[str]:
        return [str(place.bin / "mlserver"), "start", "."]

    def environ(self, place: Place, port: int) -> Mapping[str, str]:
        return {
            "MLSERVER_DEBUG": "false",
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": str(port),
            "MLSERVER_GRPC_PORT": str(free_port()),
            "MLSERVER_METRICS_PORT": str(free_port()),
            "MLSERVER_PARALLEL_WORKERS": str(self.workers),
        }

    def one(self, row: Row) -> Request:
        return self.many([row], COLUMNAR)

    def many(self, rows: Sequence[Row], form: str) -> Request:
        data = [value for row in values(rows) for value in row]
        tensor = {"name": "predict", "shape": [len(rows), 4], "datatype": "FP64", "data": data}
        return post("/v2/models/iris/infer", {"inputs": [tensor]})

    def answers(self, body: bytes) -> Sequence[str]:
        return list(json.loads(body)["outputs"][0]["data"])


_BATCHING: Mapping[str, Any] = {"max_batch_size": 64, "max_batch_time": 0.001}
_BATCHED = (
    "`max_batch_size: 64`, `max_batch_time: 0.001` (to be found by experiment, says the page)"
)


class Batching(MLServer):
    """The same with adaptive batching."""

    name = "mlserver-batching"
    title = "MLServer, adaptive batching"
    settings = f"as MLServer, and {_BATCHED}"
    documentation = "https://docs.seldon.ai/mlserver/user-guide/adaptive-batching"
    forms = ()
    batching = _BATCHING


class Inline(MLServer):
    """The model in the process that speaks HTTP."""

    name = "mlserver-inline"
    title = "MLServer, parallel_workers: 0"
    settings = "as MLServer, but `parallel_workers: 0`: the model in the web process"
    workers = 0


class InlineBatching(Inline):
    """The same with adaptive batching."""

    name = "mlserver-inline-batching"
    title = "MLServer, parallel_workers: 0, adaptive batching"
    settings = f"as MLServer, but `parallel_workers: 0`, and {_BATCHED}"
    documentation = "https://docs.seldon.ai/mlserver/user-guide/adaptive-batching"
    forms = ()
    batching = _BATCHING
