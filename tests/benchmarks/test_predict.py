"""The benchmark of predictions decides by its figures, which are made up here."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.predict import CONNECTIONS, EXAMPLES, OPEN, TREE, report
from benchmarks.wrk import Load


def loads(both: float, neither: float) -> dict[tuple[str, int], Load]:
    """Make up one run: requests a second at 64 connections with both, and with neither."""
    rates = dict.fromkeys(["bare Falcon", *EXAMPLES.values()], 9000.0)
    rates |= {EXAMPLES[TREE]: both, OPEN: neither}
    found = {(title, 64): Load(rate, 1.0, 2.0, 100, 0) for title, rate in rates.items()}
    fewer = {
        (title, connections): Load(1.0, 1.0, 2.0, 100, 0)
        for title in rates
        for connections in CONNECTIONS
    }
    return fewer | found


@pytest.mark.parametrize(
    ("both", "ratio", "code"), [(9000.0, 0.9, 0), (8500.0, 0.85, 0), (8499.0, 0.8499, 1)]
)
def test_cost_of_authentication_and_records(
    both: float, ratio: float, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 64 connections 0.85 is enough, and less is an exit code of 1; the JSON has the ratio."""
    found = loads(both, 10_000.0)
    assert code == report(found, Console(stderr=True), True)
    told = json.loads(capsys.readouterr().out)
    assert ratio == told["with_authentication_and_records"]
    assert len(told["loads"]) == len(found)
    assert code == report(found, Console(width=200), False)
    assert f"with authentication and records: {ratio:.2f} of" in capsys.readouterr().out


def test_failed_requests(capsys: pytest.CaptureFixture[str]) -> None:
    """Refusing is fast: no ratio is good if a request failed."""
    found = loads(10_000.0, 10_000.0)
    found[EXAMPLES[TREE], 64] = replace(found[EXAMPLES[TREE], 64], failed=1)
    assert 1 == report(found, Console(stderr=True), True)
