"""Print a run: tables for people, or Markdown for the docs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.peers.goals import Goal, goals, summary
from benchmarks.peers.peer import COLUMNAR, RECORDS
from benchmarks.peers.results import CONNECTIONS, Found, Run

_MET = {True: "yes", False: "no", None: "not measured"}


_WIDE = 500
"""Markdown's tables are not wrapped."""


def print_run(run: Run, markdown: bool = False) -> None:
    """Print the table of servers, the table of goals and what was installed."""
    console = Console(width=_WIDE) if markdown else Console(soft_wrap=True)
    found = goals(run)
    for table in (_servers(run, markdown), _goals(found, markdown), _packages(run, markdown)):
        if markdown:
            with console.capture() as capture:
                console.print(table)
            lines = [line.strip() for line in capture.get().splitlines()]
            print("\n".join(line for line in lines if line), end="\n\n")
        else:
            console.print(table)
            console.print()
    for each in run.peers:
        if each.reason:
            print(f"{each.title}: {_line(each.reason)}", end="\n\n")
    console.print(", ".join(f"{key}: {value}" for key, value in run.machine.items()))
    console.print(", ".join(f"{key}: {value:g}" for key, value in run.plan.items()))
    console.print(summary(found))


def _table(titles: Sequence[str], markdown: bool, left: int = 1) -> Table:
    table = Table(box=box.MARKDOWN if markdown else box.SIMPLE_HEAD, pad_edge=markdown)
    for number, title in enumerate(titles):
        right = "left" if number < left else "right"
        table.add_column(title, justify=right, no_wrap=markdown)  # type: ignore[arg-type]
    return table


def _servers(run: Run, markdown: bool) -> Table:
    """One line a server: medians over the rounds."""
    titles = ["server", "model", *(f"requests/s at {count}" for count in CONNECTIONS)]
    titles += ["ours / it at 64", "p50 ms at 1", "p99 ms at 16"]
    titles += ["10,000 records ms", "10,000 columnar ms", "ready s", "PSS MB", "failed"]
    table = _table(titles, markdown, left=2)
    for found in run.peers:
        figures = [*_figures(run, found)]
        if found.reason:  # told in full below
            figures[0] = found.reason.split(":")[0]
        table.add_row(found.title, found.model, *figures)
    return table


def _figures(run: Run, found: Found) -> Iterator[str]:
    for count in CONNECTIONS:
        at = found.at(count)
        yield f"{at.requests_per_second:,.0f}" if at else ""
    ours = next((each for each in run.peers if each.is_ours and each.model == found.model), None)
    mine, theirs = (ours.at(64) if ours else None), found.at(64)
    yield (
        f"{mine.requests_per_second / theirs.requests_per_second:.1f}"
        if mine and theirs and theirs.requests_per_second and not found.is_ours
        else ""
    )
    one, sixteen = found.at(1), found.at(16)
    yield f"{one.p50_ms:.2f}" if one and one.requests else ""
    yield f"{sixteen.p99_ms:.2f}" if sixteen and sixteen.requests else ""
    for form in (RECORDS, COLUMNAR):
        large = found.many(form)
        yield f"{large.p50_ms:.1f}" if large and large.requests else ""
    yield _number(found.ready_seconds)
    yield f"{found.memory_mb:.0f}" if found.memory_mb else ""
    yield str(found.failed) if found.loads else ""


def _goals(found: Sequence[Goal], markdown: bool) -> Table:
    titles = ("work", "ours", "the other", "it", "ratio", "goal", "met")
    table = _table(titles, markdown)
    for goal in found:
        sign = "at least" if goal.at_least else "at most"
        table.add_row(
            f"{goal.work} ({goal.unit})",
            _number(goal.ours),
            goal.other,
            _number(goal.theirs),
            _number(goal.ratio),
            f"{sign} {goal.bound:g}",
            _MET[goal.met],
        )
    return table


def _packages(run: Run, markdown: bool) -> Table:
    """Tell the versions that were pinned, and how each ran."""
    table = _table(("server", "versions", "settings", "from"), markdown, left=4)
    for found in run.peers:
        pinned = [name.split("==")[0] for name in found.requirements]
        versions = {name.lower(): version for name, version in found.packages.items()}
        told = [f"{name} {versions[name.lower()]}" for name in pinned if name.lower() in versions]
        table.add_row(found.title, ", ".join(told), found.settings, found.documentation)
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(text: str) -> str:
    return " ".join(text.split())[:500]
