"""Measure large requests over HTTP, and the peak memory of a large fit.

    python -m benchmarks.large [--rows 1000000] [--columns 20] [--rounds 11] [--json]

10,000 flowers in every form of a body, for a model of each language; so many rows and columns in
the binary forms, for trees; both beside a bare predict in this process (`benchmarks.many`).

Then peak memory of `runner fit` and `runner serve` for that many numbers: a Parquet file of random
f64 columns and a linear regression, so that the figures are those of the data's way and not of the
model. Peak memory is VmHWM of each process; the pages of an attachment, which two processes share,
count for both.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import many
from benchmarks.servers import RUNNER, runner_serve

FLOWERS = 10_000

_CONFIG = """\
service_metadata: {{service_name: large, service_version: "0.1"}}
dataset_loader_train: {{"!": runner.datasets.Parquet, path: data.parquet, target_column: y}}
model: {{"!": sklearn.linear_model.LinearRegression}}
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=11, help="of requests; figures are medians")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        flowers = many.flowers(FLOWERS, arguments.rounds, folder)
        million = many.million(arguments.rows, arguments.columns, arguments.rounds, folder)
        config = _write(folder, arguments.rows, arguments.columns)
        found = {
            "milliseconds": {
                title: {what: asdict(cost) for what, cost in costs.items()}
                for title, costs in (*flowers.items(), *million.items())
            },
            "data": f"{arguments.rows} x {arguments.columns}",
            "data_mb": arguments.rows * arguments.columns * 8 >> 20,
            "fit": _fit(config),
        }
        with runner_serve([config], folder / "runner.log"):
            found["serve"] = _peaks(psutil.Process())
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for title, costs in (*flowers.items(), *million.items()):
            bare = costs.get("bare predict")
            for what, cost in costs.items():
                ratio = "" if bare is None else f"{cost.wall / bare.wall:7.2f} of bare"
                told = f"{cost.wall:9.2f} ms {cost.processor:9.2f} ms of processors"
                print(f"{title:24} {what:16} {told} {ratio}")
        print(f"data: {found['data']} f64, {found['data_mb']} MB")
        for what in ("fit", "serve"):
            for process, figure in found[what].items():
                print(f"{what:6} {process:45} {figure}")


def _write(folder: Path, rows: int, columns: int) -> Path:
    rng = np.random.default_rng(0)
    data = {f"x{number}": rng.normal(size=rows) for number in range(columns)}
    data["y"] = sum(data.values())
    pq.write_table(pa.table(data), folder / "data.parquet")
    config = folder / "runner.yaml"
    config.write_text(_CONFIG.format())
    return config


def _fit(config: Path) -> dict[str, str]:
    """Fit, and look at the peaks of the command and its worker while they live."""
    begun = time.perf_counter()
    process = subprocess.Popen([*RUNNER, "fit", "-c", str(config)])
    peaks: dict[str, str] = {}
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            peaks.update(_peaks(psutil.Process(process.pid), itself=True))

    watcher = threading.Thread(target=look)
    watcher.start()
    code = process.wait()
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"runner fit ended with exit code {code}")
    peaks["seconds"] = f"{time.perf_counter() - begun:.1f}"
    return peaks


def _peaks(parent: psutil.Process, itself: bool = False) -> dict[str, str]:
    peaks = {}
    try:
        processes = parent.children(recursive=True) + ([parent] if itself else [])
        for process in processes:
            command = " ".join(process.cmdline()[1:])
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = int(status.split("VmHWM:")[1].split()[0]) >> 10
            peaks[f"{process.pid} {command[:38]}"] = f"{peak} MB peak"
    except (psutil.Error, OSError, IndexError):
        pass  # it ended while we looked
    return peaks


if __name__ == "__main__":
    main()
