"""Time requests of many rows over HTTP beside the same model's predict in this process.

Seconds are from before the first byte is sent until the answer has been read; the bare predict has
its rows as a numpy array already. Processor seconds are those of the server's processes, or of this
one for the bare predict: on a busy machine they say more. Every answer is compared with that of the
bare predict. Forms take turns with each other and with the bare predict, so that a machine that
drifts hits all alike.
"""

from __future__ import annotations

import functools
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks import bodies
from benchmarks.bodies import Body, Client, Floats
from benchmarks.servers import ROOT, RUNNER, fitted_example, runner_serve

EXAMPLES = ("iris-sklearn", "iris-r", "iris-julia")
TRAINING = 100_000
"""Rows that the trees for a million rows are fitted to, until their leaves are pure."""

_CONFIG = """\
service_metadata: {{service_name: {name}, service_version: "0.1"}}
dataset_loader_train: {{"!": runner.datasets.Parquet, path: {name}.parquet, target_column: y}}
model: {{"!": sklearn.tree.{tree}, random_state: 0}}
server: {{max_body: 4GiB, max_rows: 100000000}}
store: {{url: "sqlite:///{folder}/{name}.db"}}
"""


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one request: the median that passed, the mean that processors worked."""

    wall: float
    processor: float


Costs = dict[str, Cost]


def flowers(rows: int, rounds: int, folder: Path) -> dict[str, Costs]:
    """Give milliseconds of each form for each example, and of a bare predict of the same tree."""
    data = pd.read_csv(ROOT / "examples" / "iris-sklearn" / "iris.csv")[:100]
    tree = DecisionTreeClassifier(min_samples_leaf=1, random_state=0)
    tree.fit(data[list(bodies.FLOWER)].to_numpy(), data["species"].to_numpy(dtype=str))
    asked = bodies.flowers(rows)
    forms = {name: form(bodies.FLOWER, asked) for name, form in bodies.FORMS.items()}
    found = {}
    configs = [fitted_example(name, folder) for name in EXAMPLES]
    with runner_serve(configs, folder / "flowers.log") as url:
        for example in EXAMPLES:
            bare = (lambda: tree.predict(asked)) if example == EXAMPLES[0] else None
            found[example] = _costs(url, f"/services/{example}/predict", forms, bare, rounds)
    return found


def million(rows: int, columns: int, rounds: int, folder: Path) -> dict[str, Costs]:
    """Give milliseconds of the binary forms for a classifier and a regressor, and of the bare."""
    rng = np.random.default_rng(0)
    names = [f"x{number}" for number in range(columns)]
    known, asked = rng.normal(size=(TRAINING, columns)), rng.normal(size=(rows, columns))
    signal = known[:, 0] + known[:, 1] * known[:, 2]
    labels = np.array(["low", "middle", "high"])[np.digitize(signal, [-0.5, 0.5])]
    targets = {DecisionTreeClassifier: labels, DecisionTreeRegressor: signal}
    forms = {
        "msgpack matrix": bodies.matrix(names, asked),
        "msgpack columns": bodies.packed_columns(names, asked),
    }
    found = {}
    for kind, target in targets.items():
        bare = kind(random_state=0).fit(known, target)
        config = _write(folder, kind.__name__, names, known, target)
        subprocess.run([*RUNNER, "fit", "-c", str(config)], check=True, capture_output=True)
        with runner_serve([config], folder / "million.log") as url:
            found[kind.__name__] = _costs(
                url, "/predict", forms, lambda tree=bare: tree.predict(asked), rounds
            )
    return found


def _write(folder: Path, tree: str, names: Sequence[str], known: Floats, target: Any) -> Path:
    table = {name: known[:, at] for at, name in enumerate(names)} | {"y": target}
    pq.write_table(pa.table(table), folder / f"{tree}.parquet")
    config = folder / f"{tree}.yaml"
    config.write_text(_CONFIG.format(name=tree, tree=tree, folder=folder))
    return config


def _costs(
    url: str,
    path: str,
    forms: Mapping[str, Body],
    bare: Callable[[], Any] | None,
    rounds: int,
) -> Costs:
    """Ask in every form in every round; check the answers of the first, which is warm-up."""
    client = Client(url)
    walls: dict[str, list[float]] = {}
    worked: dict[str, list[float]] = {}
    expected = None if bare is None else bare().tolist()

    def measure(name: str, processor: Callable[[], float], call: Callable[[], Any]) -> Any:
        before, begun = processor(), time.perf_counter()
        found = call()
        walls.setdefault(name, []).append(time.perf_counter() - begun)
        worked.setdefault(name, []).append(processor() - before)
        return found

    for number in range(rounds + 1):
        if bare is not None:
            measure("bare predict", time.process_time, bare)
        for name, body in forms.items():
            answer = measure(name, _of_children, functools.partial(client.post, path, body))
            if number == 0:
                labels = bodies.labels(*answer)
                if expected is not None and labels != expected:
                    raise SystemExit(f"{path} by {name} answers otherwise than a bare predict")
                expected = labels
    client.close()
    return {
        name: Cost(1e3 * statistics.median(wall[1:]), 1e3 * statistics.fmean(worked[name][1:]))
        for name, wall in walls.items()
    }


def _of_children() -> float:
    """Give the processor seconds of all processes that were started here and live."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(each.user + each.system for each in times)
