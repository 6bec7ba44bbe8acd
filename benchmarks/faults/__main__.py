"""Cause every fault of docs/reliability.md and print what the server showed.

    python -m benchmarks.faults [--only NAME…] [--quick] [--minutes 60] [--json | --markdown]

Each scenario starts servers of its own in a temporary folder. All of them with the table's numbers
take about half an hour and, on top, the minutes of mixed load; `--quick` takes small numbers. The
exit code is 1 if something did not hold.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
import traceback
from pathlib import Path

from rich.console import Console

from benchmarks.faults.outcome import Outcome, Scenario, scenarios
from benchmarks.faults.report import Results, print_table, to_json, to_markdown


def main() -> int:
    """Try all, or those that are named; print the table."""
    known = {each.name: each for each in scenarios()}
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=known, metavar="NAME", default=list(known))
    parser.add_argument("--quick", action="store_true", help="small numbers")
    parser.add_argument("--minutes", type=float, help="of mixed load")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true")
    shape.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json or arguments.markdown)
    results: Results = []
    for name in arguments.only:
        each = known[name]
        if name == "soak" and arguments.minutes is not None:
            each = dataclasses.replace(
                each, run=lambda folder, **_: known["soak"].run(folder, minutes=arguments.minutes)
            )
        console.print(f"{name}: {each.fault}", markup=False)
        began = time.monotonic()
        outcome = _try(each, arguments.quick)
        results.append((each, outcome))
        held = "held" if outcome.held else f"NOT HELD: {'; '.join(outcome.breaches)}"
        console.print(f"    {time.monotonic() - began:.0f} s, {held}", markup=False)
    if arguments.json:
        print(to_json(results))
    elif arguments.markdown:
        print(to_markdown(results))
    else:
        print_table(results, console)
    return 0 if all(outcome.held for _, outcome in results) else 1


def _try(each: Scenario, quick: bool) -> Outcome:
    with tempfile.TemporaryDirectory(prefix=f"{each.name}-", ignore_cleanup_errors=True) as folder:
        try:
            return each(Path(folder), quick)
        except Exception as ex:
            traceback.print_exc()
            return Outcome(0, breaches=[f"the scenario itself ended with {ex!r}"])


if __name__ == "__main__":
    raise SystemExit(main())
