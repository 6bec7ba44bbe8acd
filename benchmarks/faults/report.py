"""Print what the scenarios saw: a table for a terminal, Markdown for the docs, or JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.faults.outcome import Outcome, Scenario

Results = list[tuple[Scenario, Outcome]]
_TITLES = ("fault", "must show", "trials", "failed", "wrong", "worst", "held")


def print_table(results: Results, console: Console) -> None:
    """Print a line for each scenario, and under it what did not hold and what else was seen."""
    table = Table(box=None, pad_edge=False)
    for title in _TITLES:
        table.add_column(title, overflow="fold")
    for scenario, outcome in results:
        table.add_row(*_cells(scenario, outcome))
    console.print(table)
    for scenario, outcome in results:
        for line in outcome.breaches:
            console.print(f"{scenario.name}: NOT HELD: {line}", markup=False)
        for line in outcome.notes:
            console.print(f"{scenario.name}: {line}", markup=False)


def to_markdown(results: Results) -> str:
    """Give the table of docs/reliability.md, with the notes as a column."""
    lines = [_line([*_TITLES, "seen"]), "|" + "---|" * (len(_TITLES) + 1)]
    for scenario, outcome in results:
        seen = "; ".join([*(f"**{breach}**" for breach in outcome.breaches), *outcome.notes])
        lines.append(_line([*_cells(scenario, outcome), seen]))
    return "\n".join(lines)


def to_json(results: Results) -> str:
    """Give a list with an object for each scenario."""
    found: list[dict[str, Any]] = [
        {
            "name": scenario.name,
            "fault": scenario.fault,
            "must": scenario.must,
            "held": outcome.held,
            **asdict(outcome),
        }
        for scenario, outcome in results
    ]
    return json.dumps(found, indent=2, ensure_ascii=False)


def _cells(scenario: Scenario, outcome: Outcome) -> list[str]:
    of = f"of {outcome.requests:,}"
    worst = "" if outcome.worst_seconds is None else f"{outcome.worst_seconds:.2f} s"
    if worst and outcome.limit_seconds is not None:
        worst += f" (at most {outcome.limit_seconds:g} s)"
    return [
        scenario.fault,
        scenario.must,
        f"{outcome.trials:,}",
        f"{outcome.failed:,} {of}" if outcome.requests else "",
        f"{outcome.wrong:,} {of}" if outcome.requests else "",
        worst,
        "yes" if outcome.held else "NO",
    ]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
