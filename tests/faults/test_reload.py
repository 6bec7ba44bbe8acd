"""Configs change, and servers stop, without a client's noticing."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.reload import sighup, sigterm


def test_sighup(tmp_path: Path) -> None:
    """Services come, go and change, limits change, faults are refused: no request fails."""
    outcome = sighup(tmp_path, trials=5, connections=4)
    assert ([], True) == (outcome.breaches, outcome.requests > 20), outcome.notes


def test_sigterm(tmp_path: Path) -> None:
    """A server that ends answers all that it has taken."""
    outcome = sigterm(tmp_path, trials=1, connections=8, grace=60.0)
    assert ([], True) == (outcome.breaches, outcome.requests > 80), outcome.notes
