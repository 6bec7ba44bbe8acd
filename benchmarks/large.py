"""Measure peak memory of `runner fit` and `runner serve` for 1,000,000 × 20 numbers.

    python -m benchmarks.large [--rows 1000000] [--columns 20] [--json]

The data are a Parquet file of random f64 columns; the model is a linear regression, so that the
figures are those of the data's way and not of the model. Peak memory is VmHWM of each process; the
pages of an attachment, which two processes share, count for both.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.servers import RUNNER, runner_serve

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
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        config = _write(folder, arguments.rows, arguments.columns)
        found = {
            "data": f"{arguments.rows} x {arguments.columns}",
            "data_mb": arguments.rows * arguments.columns * 8 >> 20,
            "fit": _fit(config),
        }
        with runner_serve([config], folder / "runner.log"):
            found["serve"] = _peaks(psutil.Process())
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
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
