"""Measure what grows, or must not: versions stored, processes started, services that idle.

    python -m benchmarks.scale [versions] [start] [memory] [idle] [--json]

versions  the same commands with 10 and with 10,000 versions of a service in a SQLite store
start     from exec of `runner serve` to the first 200 of /health/ready, and of a prediction
memory    proportional set size (PSS) of each process, one service, and two
idle      wake-ups and CPU of each process while nobody asks; then the throughput of one service
          alone and beside 1, 3 and 7 idle ones, in turn, so that drift hits all alike

All but `versions` serve copies of examples/iris-sklearn with the defaults of `runner serve`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import resource
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.servers import RUNNER, fitted_example
from benchmarks.wrk import load
from runner.store.url import open_database

EXAMPLE = "iris-sklearn"
FLOWER = urlencode(
    {"sepal length": 5.2, "sepal width": 3.5, "petal length": 1.5, "petal width": 0.2}
)
SERVICES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Served:
    """A `runner serve` that answers: its port, its process, and how long it took to get ready."""

    port: int
    process: psutil.Process
    ready_seconds: float
    predicted_seconds: float

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def served(configs: Sequence[Path]) -> Iterator[Served]:
    """Serve until the block ends; given once the first service has predicted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [part for config in configs for part in ("-c", str(config))]
    begun = time.monotonic()
    process = subprocess.Popen(
        [*RUNNER, "serve", *options, "--port", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        times = []
        for path in ("/health/ready", f"/predict?{FLOWER}"):
            while (status := _status(port, path)) != 200:
                if process.poll() is not None or time.monotonic() > begun + 120:
                    raise SystemExit(f"runner serve: {path} answers {status}")
                time.sleep(0.005)
            times.append(time.monotonic() - begun)
        yield Served(port, psutil.Process(process.pid), *times)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _status(port: int, path: str) -> int:
    """Ask once; 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def role(process: psutil.Process, root: psutil.Process) -> str:
    """Name a process of the tree for people."""
    if process == root:
        return "supervisor"
    command = " ".join(process.cmdline())
    if "gunicorn" in command:
        return "gunicorn" if process.parent() == root else "front-end"
    return "adapter" if "adapters." in command else command[:40]


def by_role(root: psutil.Process, figure: Callable[[int], float]) -> list[tuple[str, float]]:
    """Give each process of a tree its role and a figure, the supervisor first."""
    tree = [root, *root.children(recursive=True)]
    return [(role(process, root), figure(process.pid)) for process in tree]


def pss(pid: int) -> float:
    """Give a process's proportional set size in MB: what it shares counts by its part."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(rollup.split("\nPss:")[1].split()[0]) / 1024


def wakeups(pid: int) -> float:
    """Count how often the threads of a process have waited and been woken so far."""
    return sum(
        int((task / "status").read_text().split("voluntary_ctxt_switches:")[1].split()[0])
        for task in Path(f"/proc/{pid}/task").iterdir()
    )


def cpu_seconds(pid: int) -> float:
    """Give what a process has used of the processor so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def copies(count: int, folder: Path) -> list[Path]:
    """Fit the example once and give ``count`` configs of it, a service and a store each."""
    fitted = fitted_example(EXAMPLE, folder)
    text = fitted.read_text()
    configs = [fitted]
    for number in range(2, count + 1):
        other = folder / f"copy-{number}"
        other.mkdir()
        for name in ("iris.csv", "runner.yaml"):
            (other / name).write_bytes((fitted.parent / name).read_bytes())
        config = other / "runner.yaml"
        config.write_text(text.replace(f"service_name: {EXAMPLE}", f"service_name: copy-{number}"))
        subprocess.run([*RUNNER, "fit", "-c", str(config)], check=True, capture_output=True)
        configs.append(config)
    return configs


def start(config: Path, times: int = 5) -> dict[str, float]:
    """Start a server so many times; give the medians in seconds."""
    found = []
    for _ in range(times):
        with served([config]) as server:
            found.append((server.ready_seconds, server.predicted_seconds))
    ready, predicted = zip(*found, strict=True)
    return {"ready": statistics.median(ready), "predicted": statistics.median(predicted)}


def memory(configs: Sequence[Path]) -> list[tuple[str, float]]:
    """Give the PSS in MB of each process of one server, after 100 predictions of each service."""
    with served(configs) as server:
        for _ in range(100):
            for config in configs:
                _status(server.port, f"/services/{_service(config)}/predict?{FLOWER}")
        return by_role(server.process, pss)


def idle(configs: Sequence[Path], seconds: float = 10.0) -> dict[str, tuple[float, float]]:
    """Give wake-ups and CPU seconds per second of each role while nobody asks."""
    with served(configs) as server:
        time.sleep(2.0)
        figures = []
        for measure in (wakeups, cpu_seconds) * 2:
            figures.append(by_role(server.process, measure))
            if len(figures) == 2:
                time.sleep(seconds)
    found: dict[str, tuple[float, float]] = {}
    for woken, used, woken_later, used_later in zip(*figures, strict=True):
        name = woken[0]
        wakes, cpu = found.get(name, (0.0, 0.0))
        found[name] = (
            wakes + (woken_later[1] - woken[1]) / seconds,
            cpu + (used_later[1] - used[1]) / seconds,
        )
    return found


def beside_idle(
    configs: Sequence[Path], seconds: float = 2.0, rounds: int = 9, connections: int = 64
) -> dict[int, tuple[float, float]]:
    """Load the first service of servers with 1, 2, 4 and 8 services; the others there idle.

    Gives, by number of services, the medians of requests/s and of its ratio to one service alone in
    the same round. All servers run throughout; those not at their turn are stopped (SIGSTOP), for
    which reason ``seconds`` are 7 at most: gunicorn replaces a front-end that is silent for 30.
    """
    seconds = min(seconds, 7.0)
    runs: dict[int, list[float]] = {count: [] for count in SERVICES}
    with contextlib.ExitStack() as stack:
        servers = {count: stack.enter_context(served(configs[:count])) for count in SERVICES}
        stack.callback(lambda: [_signal(server, signal.SIGCONT) for server in servers.values()])
        for server in servers.values():
            load(f"{server.url}/predict?{FLOWER}", connections, 1.0)  # warm-up, not counted
            _signal(server, signal.SIGSTOP)
        for number in range(rounds):
            # Now this one first, now that one.
            for count in SERVICES if number % 2 else reversed(SERVICES):
                server = servers[count]
                _signal(server, signal.SIGCONT)
                time.sleep(0.2)
                found = load(f"{server.url}/predict?{FLOWER}", connections, seconds)
                _signal(server, signal.SIGSTOP)
                runs[count].append(found.requests_per_second)
    return {
        count: (
            statistics.median(rates),
            statistics.median(rate / one for rate, one in zip(rates, runs[1], strict=True)),
        )
        for count, rates in runs.items()
    }


def _signal(server: Served, number: int) -> None:
    for process in [server.process, *server.process.children(recursive=True)]:
        process.send_signal(number)


def _service(config: Path) -> str:
    return config.read_text().split("service_name: ")[1].split(",")[0]


def fill(url: str, service: str, first: int, last: int) -> None:
    """Copy version 1 and its activation behind the store's back: adding would take a minute."""
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    )
    database = open_database(url, 10)
    try:
        with database.writing() as connection:
            for statement in (
                "INSERT INTO runner_artifacts (format, size, sha256)"
                f" {numbers} SELECT format, size, sha256 FROM runner_artifacts, n WHERE id = 1",
                "INSERT INTO runner_chunks"
                f" {numbers} SELECT i, 0, data FROM runner_chunks, n WHERE artifact_id = 1",
                "INSERT INTO runner_versions"
                " (service, number, created, created_by, metadata, artifact_id)"
                f" {numbers} SELECT service, i, created, created_by, metadata, i"
                " FROM runner_versions, n WHERE number = 1",
                'INSERT INTO runner_activations (service, at, "by", from_number, to_number, reason)'
                f' {numbers} SELECT service, at, "by", i - 1, i, reason'
                " FROM runner_activations, n WHERE to_number = 1",
                f"UPDATE runner_models SET last_number = {last}, active_number = {last}"
                f" WHERE service = '{service}'",
            ):
                connection.exec_driver_sql(statement)
        with database.writing() as connection:
            connection.exec_driver_sql("ANALYZE")
    finally:
        database.close()


@dataclass(frozen=True)
class Cost:
    """What a command took, of the clock and of the processor, its children's share included."""

    seconds: float
    cpu_seconds: float


def versions(
    configs: Sequence[Path], counts: Sequence[int] = (10, 10_000), rounds: int = 5
) -> dict[str, dict[int, Cost]]:
    """Run commands on the first config with the first number of versions, and so on, in turn.

    Gives the medians over the rounds, by command and number of versions.
    """
    found: dict[str, dict[int, list[Cost]]] = {}
    for config, count in zip(configs, counts, strict=True):
        fill(f"sqlite:///{config.parent / 'runner.db'}", _service(config), 2, count)
    for number in range(2, 2 + rounds):
        commands = {
            "list --limit 10": ["list", "--limit", "10"],
            "activate": ["activate", str(number)],
            "test": ["test"],
            "activate another": ["activate", "1"],
            "delete": ["delete", str(number)],
            "fit": ["fit"],
        }
        for name, arguments in commands.items():
            for config, count in zip(configs, counts, strict=True):
                cost = _cost([*RUNNER, *arguments, "-c", str(config)])
                found.setdefault(name, {}).setdefault(count, []).append(cost)
        for config, count in zip(configs, counts, strict=True):
            with served([config]) as server:
                used = sum(cpu for _, cpu in by_role(server.process, cpu_seconds))
                cost = Cost(server.ready_seconds, used)
            found.setdefault("serve, until ready", {}).setdefault(count, []).append(cost)
    return {
        name: {count: _median(costs) for count, costs in by_count.items()}
        for name, by_count in found.items()
    }


def _cost(argv: Sequence[str]) -> Cost:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with exit code {done.returncode}:\n{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds, used)


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[[], *_REPORTS], help="default: all")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    found = {}
    for what in arguments.what or _REPORTS:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
            found[what] = _REPORTS[what](Path(name))
        for title, rows in found[what].items():
            table = Table(box=None, pad_edge=False, title=title, title_justify="left")
            for key in rows[0]:
                table.add_column(key, justify="right" if key != "what" else "left")
            for row in rows:
                table.add_row(
                    *(f"{v:,.3g}" if isinstance(v, float) else str(v) for v in row.values())
                )
            console.print(table)
    if arguments.json:
        print(json.dumps(found, indent=2))


Report = dict[str, list[dict[str, Any]]]


def _report_versions(folder: Path) -> Report:
    rows = []
    for name, costs in versions(copies(2, folder)).items():
        row: dict[str, Any] = {"what": name}
        for count, cost in costs.items():
            row |= {f"{count:,}: s": cost.seconds, f"{count:,}: CPU s": cost.cpu_seconds}
        few, many = costs.values()
        rows.append({**row, "CPU ratio": many.cpu_seconds / few.cpu_seconds})
    return {"by number of versions, medians of 5": rows}


def _report_start(folder: Path) -> Report:
    found = start(copies(1, folder)[0])
    return {"seconds from exec, medians of 5": [found]}


def _report_memory(folder: Path) -> Report:
    configs = copies(2, folder)
    report = {}
    for count in (1, 2):
        found = memory(configs[:count])
        rows = [{"what": name, "PSS MB": mb} for name, mb in found]
        report[f"{count} service(s)"] = [
            *rows,
            {"what": "all", "PSS MB": sum(mb for _, mb in found)},
        ]
    return report


def _report_idle(folder: Path) -> Report:
    configs = copies(max(SERVICES), folder)
    report = {}
    for count in (1, max(SERVICES)):
        rows = [
            {"what": name, "wake-ups/s": wakes, "CPU s/s": cpu}
            for name, (wakes, cpu) in idle(configs[:count]).items()
        ]
        report[f"nobody asks, {count} service(s)"] = rows
    rates = beside_idle(configs)
    report["one service of several is asked"] = [
        {"services": count, "requests/s": rate, "ratio": ratio}
        for count, (rate, ratio) in rates.items()
    ]
    return report


_REPORTS: dict[str, Callable[[Path], Report]] = {
    "versions": _report_versions,
    "start": _report_start,
    "memory": _report_memory,
    "idle": _report_idle,
}


if __name__ == "__main__":
    main()
