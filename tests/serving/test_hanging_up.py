"""What a client asked for that has hung up is not computed, not even by a worker that was busy."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.serving.project import write_project
from tests.serving.server import serving

GATED = """
import os
from pathlib import Path

class Gated:
    def fit(self, X, y):
        return self

    def predict(self, X):
        for x in X[:, 0]:
            if x == -1.0:
                os._exit(9)
            if x == 0.0:
                (Path(__file__).parent / "gate").read_text()
        return X[:, 0]
"""


def test_a_busy_worker_never_sees_it(tmp_path: Path) -> None:
    """Rows that would end the worker wait behind a busy model; their clients go, and it lives."""
    project = write_project(
        tmp_path / "gated",
        """\
        service_metadata: {service_name: gated, service_version: "1.0"}
        dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        model: {"!": gated.Gated}
        predict_service: {timeout: 300}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n",
        gated__py=GATED,
    )
    project.fit()
    gate = project.folder / "gate"
    os.mkfifo(gate)
    with serving(project) as server, ThreadPoolExecutor(1) as pool:
        workers = server.worker_pids("gated")
        busy = pool.submit(server.predict, "gated", x=0.0)
        with gate.open("w"):  # opened once the model waits there
            for _ in range(3):  # the first leaves for the worker, the others are held back
                with socket.create_connection(("127.0.0.1", server.port)) as client:
                    client.sendall(b"GET /predict?x=-1 HTTP/1.1\r\nHost: here\r\n\r\n")
                    # Whoever is answered after it, its request has been read by then.
                    assert 200 == server.get("/health/live")[0]
                for _ in range(2):
                    assert 200 == server.get("/health/live")[0]
        assert (200, 0.0) == (busy.result()[0], busy.result()[1]["result"])
        assert 5.0 == server.predict("gated", x=5.0)[1]["result"]
        assert workers == server.worker_pids("gated")
