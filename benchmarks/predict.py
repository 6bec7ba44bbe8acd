"""Measure single-row GET predictions in three languages beside a bare Falcon response.

    python -m benchmarks.predict [--seconds 5] [--rounds 3] [--json]

One `runner serve` with its defaults (one front-end, one worker a service; usage records) serves all
examples and wants an access token with every request. A second one serves the scikit-learn tree
again, to anybody and without records: what both cost. The bare response runs under the same
gunicorn with the same options. wrk, one thread, loads one after the other on 127.0.0.1 with the 150
flowers in turn, in rounds, so that a machine that drifts hits all alike. The table has medians over
the rounds. wrk itself takes its share of the machine. The exit code is 1 if authentication and
records leave less than 0.85 of the throughput of neither at 64 connections, or a request failed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.iris import query, rows
from benchmarks.issuer import issuer
from benchmarks.servers import bare_falcon, fitted_example, runner_serve
from benchmarks.wrk import Load, Request, load, median, write_script

CONNECTIONS = (1, 16, 64)
TREE = "iris-sklearn"
EXAMPLES = {TREE: "scikit-learn tree", "iris-r": "R rpart", "iris-julia": "Julia"}
OPEN = "… without authentication and records"
_WIDE = 100  # a pipe has no width, and the table is to be whole
LEAST = 0.85
"""Of the throughput without authentication and records, what is left with both."""


def main() -> int:
    """Measure and print; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json, width=max(_WIDE, Console().width))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        configs = []
        for example in EXAMPLES:
            console.print(f"fitting {example}")
            configs.append(_fitted(example, folder, issuer().config()))
        open_config = _fitted(TREE, folder / "open", "audit: {to: none}\n")
        with (
            runner_serve(configs, folder / "runner.log") as url,
            runner_serve([open_config], folder / "open.log") as open_url,
            bare_falcon(folder / "bare.log") as bare,
        ):
            # No query: what reading one costs is ours to bear.
            plain = write_script([Request("GET", "/")], folder / "bare.lua")
            loads = {"bare Falcon": (bare, plain)}
            for example, title in EXAMPLES.items():
                loads[title] = (url, _script(folder, example, issuer().token()))
            loads[OPEN] = (open_url, _script(folder / "open", TREE))
            found = measure(loads, arguments.seconds, arguments.rounds, console)
    return report(found, console, arguments.json)


def _fitted(example: str, folder: Path, more: str) -> Path:
    """Fit an example with further lines in its config."""
    folder.mkdir(exist_ok=True)
    config = fitted_example(example, folder)
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    return config


def _script(folder: Path, service: str, token: str = "") -> Path:
    """Write the script that asks a service for every flower."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    path = f"/services/{service}/predict"
    requests = [Request("GET", f"{path}?{query(row)}", headers=headers) for row in rows()]
    return write_script(requests, folder / f"{service}.lua")


def measure(
    loads: dict[str, tuple[str, Path]], seconds: float, rounds: int, console: Console
) -> dict[tuple[str, int], Load]:
    """Load each URL with each number of connections in every round; give the medians."""
    runs: dict[tuple[str, int], list[Load]] = {}
    for url, script in loads.values():
        load(url, 16, 1.0, script)  # warm-up, not counted
    for number in range(1, rounds + 1):
        for connections in CONNECTIONS:
            for title, (url, script) in loads.items():
                console.print(f"round {number}: {title}, {connections} connections")
                run = load(url, connections, seconds, script)
                runs.setdefault((title, connections), []).append(run)
    return {key: median(found) for key, found in runs.items()}


def report(found: dict[tuple[str, int], Load], console: Console, as_json: bool) -> int:
    """Print the medians, and each as a ratio to the bare response at as many connections.

    Gives the exit code.
    """
    busiest = max(CONNECTIONS)
    both, neither = (found[title, busiest] for title in (EXAMPLES[TREE], OPEN))
    ratio = both.requests_per_second / neither.requests_per_second
    code = int(ratio < LEAST or any(run.failed for run in found.values()))
    rows = [
        {
            "what": title,
            "connections": connections,
            "requests_per_second": run.requests_per_second,
            "of_bare": run.requests_per_second
            / found["bare Falcon", connections].requests_per_second,
            "p50_ms": run.p50_ms,
            "p99_ms": run.p99_ms,
            "requests": run.requests,
            "failed": run.failed,
        }
        for (title, connections), run in found.items()
    ]
    if as_json:
        print(json.dumps({"loads": rows, "with_authentication_and_records": ratio}, indent=2))
        return code
    table = Table(box=None, pad_edge=False)
    for title in ("what", "connections", "requests/s", "of bare", "p50 ms", "p99 ms", "failed"):
        table.add_column(title, justify="left" if title == "what" else "right", no_wrap=True)
    for row in rows:
        table.add_row(
            row["what"],
            str(row["connections"]),
            f"{row['requests_per_second']:,.0f}",
            f"{row['of_bare']:.2f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['failed']} of {row['requests']:,}",
        )
    console.print(table)
    console.print(f"with authentication and records: {ratio:.2f} of without, {busiest} connections")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
