"""Versions that are switched under load, and versions that cannot start."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults import activations


def test_activations_back_and_forth(tmp_path: Path) -> None:
    """None fails; after the acknowledgement no answer is of the former version."""
    assert [] == activations.activations(tmp_path, trials=6).breaches


def test_a_version_that_cannot_start(tmp_path: Path) -> None:
    """It is tried seldom, said to be failed and why, and disturbs neither version nor service."""
    assert [] == activations.crash_loop(tmp_path, seconds=15.0).breaches
