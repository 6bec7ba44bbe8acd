"""Say what was aimed at, and whether it was met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.peers.peer import COLUMNAR, RECORDS, TREE
from benchmarks.peers.results import Found, Run

MLSERVERS = ("mlserver", "mlserver-inline")
SAME = 1.1
"""The ratio up to which two times count as the same."""


@dataclass(frozen=True)
class Goal:
    """One line: ours beside the other, and the ratio that was aimed at."""

    work: str
    unit: str
    ours: float | None
    other: str
    theirs: float | None
    bound: float
    at_least: bool
    """Whether the ratio ours / theirs must be at least ``bound``, or at most."""
    paired: float | None = None
    """The median of the ratios of each round, where rounds are paired."""

    @property
    def ratio(self) -> float | None:
        """Give ours / theirs, if both were measured."""
        if self.paired is not None:
            return self.paired
        return self.ours / self.theirs if self.ours is not None and self.theirs else None

    @property
    def met(self) -> bool | None:
        """Tell whether the ratio is within its bound; None where it was not measured."""
        if self.ratio is None:
            return None
        return self.ratio >= self.bound if self.at_least else self.ratio <= self.bound


def goals(run: Run) -> list[Goal]:
    """Give every goal, measured or not."""
    return [*_one_row(run), *_many_rows(run), *_whole_server(run), *_growth(run)]


def _one_row(run: Run) -> Iterator[Goal]:
    ours, bare, plumber = run.peer("ours"), run.peer("bare"), run.peer("plumber")
    others = [found for found in run.peers if found.model == TREE and not found.is_ours]
    fastest = max(others, key=lambda found: _rate(found) or 0.0, default=None)
    quickest = min(others, key=lambda found: _p50(found) or float("inf"), default=None)
    work, unit = "one row, scikit-learn tree, 64 connections", "requests/s"
    tree = _rate(ours)
    yield Goal(work, unit, tree, f"the fastest peer: {_title(fastest)}", _rate(fastest), 12, True)
    yield Goal(work, unit, tree, "bare Falcon response", _rate(bare), 0.5, True)
    work = "one row, R rpart, 64 connections"
    yield Goal(work, unit, _rate(run.peer("ours-r")), "plumber", _rate(plumber), 30, True)
    work = "one row, Julia model, 64 connections"
    yield Goal(work, unit, _rate(run.peer("ours-julia")), "ours, scikit-learn", tree, 0.8, True)
    work = "one row, 1 connection, p50"
    other = f"the quickest peer: {_title(quickest)}"
    yield Goal(work, "ms", _p50(ours), other, _p50(quickest), 0.6, False)
    sixteen = ours.at(16) if ours else None
    p99, p50 = (sixteen.p99_ms, sixteen.p50_ms) if sixteen and sixteen.requests else (None, None)
    yield Goal("p99 at 16 connections", "ms", p99, "our own p50 there", p50, 3, False)


def _many_rows(run: Run) -> Iterator[Goal]:
    work = "10,000 rows in one JSON POST"
    ours, palladium = run.peer("ours"), run.peer("palladium")
    for name in MLSERVERS:
        theirs = run.peer(name)
        other = f"{_title(theirs)}, tensor"
        columnar = f"{work}, columnar"
        yield Goal(
            columnar, "ms", _large(ours, COLUMNAR), other, _large(theirs, COLUMNAR), 0.5, False
        )
    other = "Palladium, records"
    records = f"{work}, records"
    yield Goal(records, "ms", _large(ours, RECORDS), other, _large(palladium, RECORDS), 0.3, False)
    bare = "bare predict"
    for model, costs in (run.million or {"any tree": {"binary": None, bare: None}}).items():
        for form in costs:
            if form != bare:
                work = f"1,000,000 rows × 20, {form}, {model}"
                yield Goal(work, "ms", costs[form], bare, costs[bare], 2, False)


def _whole_server(run: Run) -> Iterator[Goal]:
    ours = run.peer("ours")
    for name in MLSERVERS:
        theirs = run.peer(name)
        ready = theirs.ready_seconds if theirs else None
        mine = ours.ready_seconds if ours else None
        yield Goal("ready after start", "s", mine, _title(theirs), ready, 0.7, False)
    for name in MLSERVERS:
        theirs = run.peer(name)
        memory = theirs.memory_mb if theirs else None
        mine = ours.memory_mb if ours else None
        yield Goal("memory (PSS) of all processes", "MB", mine, _title(theirs), memory, 1.0, False)
    work, added = "memory that a further service adds", run.further.get("added")
    yield Goal(work, "MB", added, "its adapter", run.further.get("adapter"), 1.0, False)


def _growth(run: Run) -> Iterator[Goal]:
    alone, _ = run.services.get("1", (None, None))
    for count in ("2", "4", "8"):
        work = f"one service of {count}, the others idle, 64 connections"
        rate, ratio = run.services.get(count, (None, None))
        yield Goal(work, "requests/s", rate, "alone", alone, 0.9, True, ratio)
    for command in ("list --limit 10", "activate", "serve, until ready"):
        few, many = run.versions.get(command, (None, None))
        work = f"10,000 stored versions: {command}"
        yield Goal(work, "processor s", many, "10 versions", few, SAME, False)


def _rate(found: Found | None) -> float | None:
    run = found.at(64) if found else None
    return run.requests_per_second if run else None


def _p50(found: Found | None) -> float | None:
    run = found.at(1) if found else None
    return run.p50_ms or None if run else None  # 0: nothing was answered


def _large(found: Found | None, form: str) -> float | None:
    run = found.many(form) if found else None
    return run.p50_ms or None if run else None


def _title(found: Found | None) -> str:
    return found.title if found else "not measured"


def summary(found: Sequence[Goal]) -> str:
    """Count them in a sentence."""
    met = sum(goal.met is True for goal in found)
    open_ = sum(goal.met is None for goal in found)
    return f"{met} of {len(found)} goals met, {open_} not measured"
