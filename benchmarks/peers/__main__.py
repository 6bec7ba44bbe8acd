"""Measure ours beside what people would pick instead, in one run on one machine.

    python -m benchmarks.peers [--quick] [--only NAME,…] [--seconds 2] [--rounds 3]
                               [--folder FOLDER] [--json | --markdown] [--plot FILE] [--from FILE]

Sets up each peer in an environment of its own (kept in --folder), then starts each in turn, in
rounds, with the same model, and loads it with wrk with the 150 flowers of the examples in turn.
Prints medians, ratios and what was aimed at. Beside the peers' names, --only takes `services`
(one service beside idle ones; what a further one adds), `versions` (10 beside 10,000 stored)
and `million` (rows, 20 columns, beside a predict in this process).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from benchmarks import many, scale
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.environments import DEFAULT_FOLDER
from benchmarks.peers.report import print_run
from benchmarks.peers.results import Run
from benchmarks.peers.rounds import Plan, measure, prepare

SERVICES = "services"
VERSIONS = "versions"
MILLION = "million"
NAMES = (*(peer.name for peer in PEERS), SERVICES, VERSIONS, MILLION)


def main() -> None:
    """Measure, or read what was measured, and print."""
    arguments = _arguments()
    console = Console(stderr=arguments.json or arguments.markdown)
    if arguments.read is not None:
        run = Run.from_json(json.loads(arguments.read.read_text()))
    else:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
            plan = Plan(
                1.0 if arguments.quick else arguments.seconds,
                1 if arguments.quick else arguments.rounds,
                arguments.folder.resolve(),
                Path(name),
                console.print,
            )
            run = _run(arguments.only, plan)
    if arguments.plot is not None:
        from benchmarks.peers.plot import draw  # noqa: PLC0415 (pygal is for developers)

        draw(run, arguments.plot)
    if arguments.json:
        print(json.dumps(run.to_json(), indent=2))
    else:
        print_run(run, arguments.markdown)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one load (2)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is started (3)")
    parser.add_argument("--quick", action="store_true", help="one round of one second each")
    parser.add_argument("--only", type=_names, default=NAMES, help=", ".join(NAMES))
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help=str(DEFAULT_FOLDER))
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write an SVG")
    parser.add_argument("--from", type=Path, dest="read", metavar="FILE", help="a former --json")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything seen, to standard output")
    form.add_argument("--markdown", action="store_true", help="the tables of docs/performance.md")
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in NAMES]:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {NAMES}")
    return names


def _run(names: tuple[str, ...], plan: Plan) -> Run:
    entrants = prepare([peer for peer in PEERS if peer.name in names], plan)
    measure(entrants, plan)
    run = Run(
        machine=_machine(),
        plan={"seconds": plan.seconds, "rounds": plan.rounds},
        peers=[entrant.found for entrant in entrants],
    )
    if SERVICES in names:
        plan.say("one service beside 0, 1, 3 and 7 idle ones")
        (plan.scratch / SERVICES).mkdir()
        configs = scale.copies(max(scale.SERVICES), plan.scratch / SERVICES)
        rates = scale.beside_idle(configs, plan.seconds, plan.rounds)
        run.services = {str(count): list(told) for count, told in rates.items()}
        run.further = _further(configs)
    if VERSIONS in names:
        plan.say("10 and 10,000 stored versions")
        (plan.scratch / VERSIONS).mkdir()
        found = scale.versions(scale.copies(2, plan.scratch / VERSIONS), rounds=plan.rounds)
        run.versions = {
            command: [cost.cpu_seconds for cost in costs.values()]
            for command, costs in found.items()
        }
    if MILLION in names:
        plan.say("1,000,000 x 20 beside a predict in this process")
        (plan.scratch / MILLION).mkdir()
        million = many.million(1_000_000, 20, plan.rounds, plan.scratch / MILLION)
        run.million = {
            model: {form: cost.wall for form, cost in costs.items()}
            for model, costs in million.items()
        }
    return run


def _further(configs: list[Path]) -> Mapping[str, float]:
    """Give the PSS of one service's adapter, and what a second service adds to all processes."""
    one, two = scale.memory(configs[:1]), scale.memory(configs[:2])
    return {
        "adapter": sum(mb for role, mb in one if role == "adapter"),
        "added": sum(mb for _, mb in two) - sum(mb for _, mb in one),
    }


def _machine() -> Mapping[str, str]:
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cores": str(os.cpu_count()),
        "processor": cpu[1] if cpu else platform.machine(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


if __name__ == "__main__":
    main()
